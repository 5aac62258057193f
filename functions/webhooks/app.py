"""Endpoints of webhooks and their delivery log, for who administers an organisation."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from breakwater.db.webhook_log import DeliveryState, WebhookDelivery
from breakwater.db.webhooks import WebhookEndpoint
from breakwater.domain.webhook_addresses import URL_LENGTH_MAX
from breakwater.domain.webhooks import TOPIC_PATTERN
from breakwater.runtime.api import Caller, create_api, lambda_handler, needs
from breakwater.runtime.database import caller_transaction, transactions_of
from breakwater.runtime.webhooks import make_data_key, send_wakes, webhook_caller
from breakwater.services import webhook_log, webhooks
from breakwater.services.cursors import LIMIT_DEFAULT, LIMIT_MAX
from breakwater.services.webhook_log import Redelivered, WebhookDeliveries, WebhookDeliveryDetail
from breakwater.services.webhooks import Filters, NewWebhookEndpoint, NewWebhookSecret

DELIVERY_NO_MAX = 2**53

api = create_api(service="webhooks")

MANAGES = needs("webhooks:manage")
Name = Annotated[str, Field(min_length=1, max_length=80)]
Url = Annotated[str, Field(min_length=8, max_length=URL_LENGTH_MAX)]
Topics = Annotated[
    list[Annotated[str, Field(max_length=100, pattern=TOPIC_PATTERN)]], Field(min_length=1, max_length=50)
]
AccountIds = Annotated[list[uuid.UUID], Field(min_length=1, max_length=200)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WebhookEndpointRequest(_Request):
    """`topics`: such as orders.OrderPlaced.v1, orders.* or *. `account_ids` null: all, and what is of no account."""

    name: Name
    url: Url
    topics: Topics
    account_ids: AccountIds | None = None


class WebhookEndpointChange(_Request):
    """What is not said stays. `account_ids` null: all of them again."""

    name: Name | None = None
    url: Url | None = None
    topics: Topics | None = None
    account_ids: AccountIds | None = None


class WebhookSecretRotation(_Request):
    """`overlap_s`: for so long the old secret signs beside the new one."""

    overlap_s: Annotated[int, Field(ge=0, le=int(webhooks.OVERLAP_MAX.total_seconds()))] = 86_400


class RedeliveryPeriod(_Request):
    """Events that occurred from `since` up to, and without, `until`."""

    since: AwareDatetime
    until: AwareDatetime


class WebhookEndpoints(BaseModel):
    items: list[WebhookEndpoint]


@api.get("/webhooks", dependencies=[MANAGES])
def list_webhooks(caller: Caller) -> WebhookEndpoints:
    with caller_transaction(caller) as tx:
        return WebhookEndpoints(items=webhooks.list_endpoints(caller, tx))


@api.post("/webhooks", status_code=201, dependencies=[MANAGES])
def create_webhook(request: WebhookEndpointRequest, caller: Caller) -> NewWebhookEndpoint:
    return webhooks.create_endpoint(
        caller,
        transactions_of(caller.actor),
        name=request.name,
        url=request.url,
        filters=Filters(request.topics, request.account_ids),
        check_url=webhook_caller().check,
        make_data_key=make_data_key,
        at=_now(),
    )


@api.get("/webhooks/{endpoint_id}", dependencies=[MANAGES])
def get_webhook(endpoint_id: uuid.UUID, caller: Caller) -> WebhookEndpoint:
    with caller_transaction(caller) as tx:
        return webhooks.get_endpoint(caller, tx, endpoint_id)


@api.patch("/webhooks/{endpoint_id}", dependencies=[MANAGES])
def change_webhook(endpoint_id: uuid.UUID, request: WebhookEndpointChange, caller: Caller) -> WebhookEndpoint:
    with caller_transaction(caller) as tx:
        before = webhooks.get_endpoint(caller, tx, endpoint_id)
    account_ids = request.account_ids if "account_ids" in request.model_fields_set else before.account_ids
    return webhooks.change_endpoint(
        caller,
        transactions_of(caller.actor),
        endpoint_id,
        name=request.name or before.name,
        url=request.url or before.url,
        filters=Filters(request.topics or before.topics, account_ids),
        check_url=webhook_caller().check,
        at=_now(),
    )


@api.delete("/webhooks/{endpoint_id}", status_code=204, dependencies=[MANAGES])
def remove_webhook(endpoint_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        webhooks.remove_endpoint(caller, tx, endpoint_id, at=_now())


@api.post("/webhooks/{endpoint_id}/rotate", status_code=201, dependencies=[MANAGES])
def rotate_webhook_secret(endpoint_id: uuid.UUID, request: WebhookSecretRotation, caller: Caller) -> NewWebhookSecret:
    return webhooks.rotate_secret(
        caller,
        transactions_of(caller.actor),
        endpoint_id,
        overlap=timedelta(seconds=request.overlap_s),
        make_data_key=make_data_key,
        at=_now(),
    )


@api.post("/webhooks/{endpoint_id}/pause", dependencies=[MANAGES])
def pause_webhook(endpoint_id: uuid.UUID, caller: Caller) -> WebhookEndpoint:
    with caller_transaction(caller) as tx:
        return webhooks.pause_endpoint(caller, tx, endpoint_id, at=_now())


@api.post("/webhooks/{endpoint_id}/resume", dependencies=[MANAGES])
def resume_webhook(endpoint_id: uuid.UUID, caller: Caller) -> WebhookEndpoint:
    return webhooks.resume_endpoint(caller, transactions_of(caller.actor), endpoint_id, send_wakes, at=_now())


@api.post("/webhooks/{endpoint_id}/ping", status_code=202, dependencies=[MANAGES])
def ping_webhook(endpoint_id: uuid.UUID, caller: Caller) -> WebhookDelivery:
    return webhook_log.ping(caller, transactions_of(caller.actor), endpoint_id, send_wakes, at=_now())


@api.get("/webhooks/{endpoint_id}/deliveries", dependencies=[MANAGES])
def list_webhook_deliveries(
    endpoint_id: uuid.UUID,
    caller: Caller,
    *,
    state: DeliveryState | None = None,
    cursor: Annotated[int | None, Query(ge=1, le=DELIVERY_NO_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> WebhookDeliveries:
    states = None if state is None else [state]
    with caller_transaction(caller) as tx:
        return webhook_log.list_deliveries(caller, tx, endpoint_id, states=states, before=cursor, limit=limit)


@api.get("/webhooks/{endpoint_id}/deliveries/{delivery_id}", dependencies=[MANAGES])
def get_webhook_delivery(endpoint_id: uuid.UUID, delivery_id: uuid.UUID, caller: Caller) -> WebhookDeliveryDetail:
    with caller_transaction(caller) as tx:
        return webhook_log.get_delivery(caller, tx, endpoint_id, delivery_id)


@api.post("/webhooks/{endpoint_id}/deliveries/{delivery_id}/redeliver", status_code=202, dependencies=[MANAGES])
def redeliver_webhook(endpoint_id: uuid.UUID, delivery_id: uuid.UUID, caller: Caller) -> WebhookDelivery:
    transactions = transactions_of(caller.actor)
    return webhook_log.redeliver(caller, transactions, endpoint_id, delivery_id, send_wakes, at=_now())


@api.post("/webhooks/{endpoint_id}/redeliver", status_code=202, dependencies=[MANAGES])
def redeliver_webhook_period(endpoint_id: uuid.UUID, request: RedeliveryPeriod, caller: Caller) -> Redelivered:
    return webhook_log.redeliver_period(
        caller,
        transactions_of(caller.actor),
        endpoint_id,
        send_wakes,
        since=request.since,
        until=request.until,
        at=_now(),
    )


def _now() -> datetime:
    return datetime.now(UTC)


handler = lambda_handler(api)
