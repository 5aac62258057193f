"""What functions of webhooks share: keys of KMS, wake-ups by SQS, and a sender's batch."""

import ipaddress
import json
import random
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from itertools import batched
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import BotoCoreError, ClientError

from breakwater.db.webhook_queue import Lane
from breakwater.domain.webhook_addresses import AddressPolicy
from breakwater.domain.webhooks import SealedSecret, encryption_context, open_secret
from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.observability import NAMESPACE, logger, observed
from breakwater.runtime.settings import settings
from breakwater.services.webhook_calls import WebhookCaller, resolve_name
from breakwater.services.webhook_dispatch import Wake
from breakwater.services.webhook_sending import CALLS_AT_ONCE_MAX, Sender, Sent
from breakwater.services.webhooks import DataKey

DATA_KEY_BYTES = 32
SECRETS_KEPT_MAX = 1_000
SEND_ENTRIES_MAX = 10  # Of SendMessageBatch.
SETTLED_BEFORE_END_S = 3.0


def webhook_caller() -> WebhookCaller:
    return WebhookCaller(AddressPolicy(allows_local=_allows_local()), resolve_name)


def _allows_local() -> bool:
    """Only where the configuration says so and AWS is an emulator on this machine: on AWS it can say what it will."""
    endpoint = urlsplit(settings().aws_endpoint_url or "").hostname
    if settings().webhook_local_receivers != "true" or endpoint is None:
        return False
    try:
        return ipaddress.ip_address(endpoint).is_loopback
    except ValueError:
        return endpoint == "localhost"


# keys of KMS ----------------------------------------------------------------------------------------------------------


def make_data_key(tenant_id: uuid.UUID, endpoint_id: uuid.UUID) -> DataKey:
    """Unavailable without KMS."""
    try:
        answer = client("kms").generate_data_key(
            KeyId=settings().webhook_secrets_key_id,
            NumberOfBytes=DATA_KEY_BYTES,
            EncryptionContext=encryption_context(tenant_id, endpoint_id),
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the secret could not be encrypted") from error
    return DataKey(answer["Plaintext"], answer["CiphertextBlob"], answer["KeyId"])


_OPENED: dict[uuid.UUID, str] = {}


def opened(sealed: SealedSecret, tenant_id: uuid.UUID) -> str:
    """Asked of KMS once in the life of this function: a secret never changes under its id. Unavailable without KMS."""
    if (known := _OPENED.get(sealed.secret_id)) is not None:
        return known
    try:
        answer = client("kms").decrypt(
            CiphertextBlob=sealed.wrapped_key, EncryptionContext=encryption_context(tenant_id, sealed.endpoint_id)
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the secret could not be opened") from error
    while len(_OPENED) >= SECRETS_KEPT_MAX:
        del _OPENED[next(iter(_OPENED))]
    return _OPENED.setdefault(sealed.secret_id, open_secret(sealed, answer["Plaintext"], tenant_id))


# wake-ups -------------------------------------------------------------------------------------------------------------


def send_wakes(wakes: Sequence[Wake]) -> None:
    """One that cannot be sent is the sweep's, a minute later: what it is about is committed."""
    for is_careful in (False, True):
        entries = [_entry(wake) for wake in wakes if wake.is_careful == is_careful]
        for call in batched(entries, SEND_ENTRIES_MAX, strict=False):
            numbered = [{"Id": str(number), **entry} for number, entry in enumerate(call)]
            try:
                answer = client("sqs").send_message_batch(QueueUrl=_queue_url(is_careful=is_careful), Entries=numbered)
            except (BotoCoreError, ClientError):
                logger().exception("wake-ups not sent", count=len(numbered))
                return
            if failed := answer.get("Failed"):
                logger().error("wake-ups refused", count=len(failed))


def _queue_url(*, is_careful: bool) -> str:
    return settings().webhook_retries_queue_url if is_careful else settings().webhook_calls_queue_url


def _entry(wake: Wake) -> dict[str, Any]:
    body = {"tenant_id": str(wake.tenant_id), "endpoint_id": str(wake.endpoint_id), "lane": str(wake.lane)}
    return {"MessageBody": json.dumps(body), "DelaySeconds": wake.delay_s}


# senders --------------------------------------------------------------------------------------------------------------


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CALLS_AT_ONCE_MAX, thread_name_prefix="webhook")


def sender_handler(*, is_careful: bool) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of a queue of wake-ups: all lanes of a batch at once. When it raises, the batch comes again."""

    @observed
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        sent = _send(
            [record["body"] for record in event["Records"]],
            is_careful=is_careful,
            seconds_left=context.get_remaining_time_in_millis() / 1000,
        )
        _measure(sent)
        return {"batchItemFailures": []}

    return handler


def _send(bodies: Sequence[str], *, is_careful: bool, seconds_left: float) -> Sent:
    wanted: dict[uuid.UUID, list[Lane]] = {}
    for body in bodies:
        told = json.loads(body)
        lane = (uuid.UUID(told["endpoint_id"]), uuid.UUID(told["lane"]))
        of_tenant = wanted.setdefault(uuid.UUID(told["tenant_id"]), [])
        if lane not in of_tenant:
            of_tenant.append(lane)
    sender = Sender(
        tenant_transaction,
        open_secret=opened,
        call=webhook_caller().call,
        send_wakes=send_wakes,
        pool=_pool(),
        is_careful=is_careful,
        now=lambda: datetime.now(UTC),
        jitter=random.random,
    )
    return sender.work(wanted, until=time.monotonic() + seconds_left - SETTLED_BEFORE_END_S)


def _measure(sent: Sent) -> None:
    for name, count in {"Delivered": sent.delivered, "Failed": sent.failed, "GivenUp": sent.given_up}.items():
        if count:
            with single_metric(name=f"Webhooks{name}", unit=MetricUnit.Count, value=count, namespace=NAMESPACE):
                pass
