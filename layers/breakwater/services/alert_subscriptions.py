"""Who is sent alerts by mail: the subscriptions of the alert topic follow the people, one address at a time.

An address hears of an organisation while somebody there has it and is not disabled: whoever a route may name. Which of
them a message is for stands in the message, and the subscription's filter lets through what is for its address, from
one of its organisations. Safe to repeat: what is so already is left alone. The topic is asked outside of transactions.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Role

PAGES_MAX = 200  # Of a hundred subscriptions each.
_PENDING = "PendingConfirmation"


def addresses_of(tx: TenantTransaction) -> dict[str, bool]:
    """Every address in the organisation, and whether it hears."""
    return tx.people.addresses(frozenset(Role))


class AlertSubscriptions:
    """`sns` is an sns client; what SNS refuses leaves as its own error. The list is read once, when it is needed."""

    def __init__(self, sns: Any, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._by_address: dict[str, str] | None = None

    def follow(self, tenant_id: uuid.UUID, addresses: Mapping[str, bool]) -> None:
        """Subscribe those who hear, and end it for those who do not; other organisations of an address stay.

        Whoever has not confirmed yet is left as he is: SNS ends that by itself after some days, and nothing is sent.
        Who has no address, as somebody whom another issuer names may have none, is passed over.
        """
        for address, hears in sorted(addresses.items()):
            if not address:
                continue
            arn = self._subscriptions().get(address)
            if arn is None and hears:
                self._subscribe(tenant_id, address)
            elif arn is not None and arn != _PENDING:
                self._change(arn, address, str(tenant_id), hears=hears)

    def _subscribe(self, tenant_id: uuid.UUID, address: str) -> None:
        self._sns.subscribe(
            TopicArn=self._topic_arn,
            Protocol="email",
            Endpoint=address,
            Attributes={"FilterPolicy": _policy(address, {str(tenant_id)})},
        )

    def _change(self, arn: str, address: str, tenant: str, *, hears: bool) -> None:
        attributes = self._sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        policy = json.loads(attributes.get("FilterPolicy") or "{}")
        heard_of = set(policy.get("tenant_id", []))
        wanted = heard_of | {tenant} if hears else heard_of - {tenant}
        if not wanted:  # A policy without a tenant would let everything through.
            self._sns.unsubscribe(SubscriptionArn=arn)
            return
        if policy == json.loads(_policy(address, wanted)):
            return
        self._sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=_policy(address, wanted)
        )

    def _subscriptions(self) -> dict[str, str]:
        if self._by_address is None:
            pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(
                TopicArn=self._topic_arn, PaginationConfig={"MaxItems": PAGES_MAX * 100}
            )
            self._by_address = {
                each["Endpoint"]: each["SubscriptionArn"]
                for page in pages
                for each in page["Subscriptions"]
                if each["Protocol"] == "email"
            }
        return self._by_address


def _policy(address: str, tenants: set[str]) -> str:
    return json.dumps({"tenant_id": sorted(tenants), "address": [address]})
