"""Web push: who tells browsers the key that they subscribe with, and who signs with it."""

import re

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.constructs.webhooks import allows_local_receivers

_CONTACT = re.compile(r"(mailto:[!-~]+@[!-~]+|https://[!-~]+)")


def push_contact(scope: Construct) -> str | None:
    """The context `push_contact`, whom a push service may write to; None where it is not set.

    ValueError for one that is neither a mailto: nor an https: address.
    """
    told = scope.node.try_get_context("push_contact")
    if not told:
        return None
    if _CONTACT.fullmatch(str(told)) is None:
        raise ValueError("push_contact: it is an address such as mailto:operations@example.com, see docs/alerts.md")
    return str(told)


class WebPush(Construct):
    """`registrar` keeps browsers and looks their push services up; `sender` signs, and calls them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.Key,
        registrar: PlatformFunction,
        sender: PlatformFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        for each in (registrar, sender):
            each.function.add_environment("PUSH_KEY_ID", key.key_id)
            key.grant(each.function, "kms:GetPublicKey")
            if allows_local_receivers(self):
                each.function.add_environment("WEBHOOK_LOCAL_RECEIVERS", "true")
        key.grant_sign(sender.function)
        if (contact := push_contact(self)) is not None:
            sender.function.add_environment("PUSH_CONTACT", contact)
