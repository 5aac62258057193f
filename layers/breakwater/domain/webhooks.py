"""What an endpoint is sent, how that is signed, and when it is tried again. docs/webhooks.md tells integrators."""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# The lanes that are no account's. Within a lane events go one after the other.
ORGANISATION_LANE = uuid.UUID(int=0)
PING_LANE = uuid.UUID(int=1)

TOPIC_PATTERN = r"^(\*|[A-Za-z0-9]+(\.[A-Za-z0-9]+)*(\.\*)?)$"
PING_TOPIC = "webhooks.Ping.v1"

SECRET_BYTES = 32
SECRET_PREFIX = "bwh_"  # noqa: S105  # By which scanners find one that leaked.
NONCE_BYTES = 12

BACK_OFF_FIRST_S = 5.0
BACK_OFF_FACTOR = 3.0
BACK_OFF_MAX_S = 4 * 3600.0
JITTER = 0.25  # Of the nominal delay, to both sides: endpoints that failed together do not come back together.
GIVEN_UP_AFTER = timedelta(days=1)

SLOW_MS = 1_000  # What answers later than this is called apart from those that answer soon.

type Outcome = Literal[
    "DELIVERED",
    "REFUSED",  # An answer that is neither 2xx nor a redirect.
    "REDIRECTED",  # Not followed: where it leads was not looked at when the endpoint was set.
    "TIMED_OUT",
    "UNREACHABLE",
    "ADDRESS_REFUSED",
    "BAD_ANSWER",  # No HTTP, or more of it than is read.
    "NO_EVENT",
]


class NotOpened(Exception):
    """It was sealed for another endpoint or with another key, or was changed since."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call. `body_start`: at most the first 1 KiB."""

    outcome: Outcome
    status: int | None
    latency_ms: int
    body_start: bytes = b""
    detail: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.outcome == "DELIVERED"

    @property
    def is_gone(self) -> bool:
        return self.status == 410

    @property
    def blames_event(self) -> bool:
        """The endpoint is there, and has something against this one: others need not wait for it.

        408 and 429 are what an endpoint says that has too much to do, whatever is sent.
        """
        return self.outcome == "REFUSED" and self.status is not None and 400 <= self.status < 500 and not self._is_busy

    @property
    def _is_busy(self) -> bool:
        return self.status in (408, 429)


def matches(topic: str, patterns: Iterable[str]) -> bool:
    """Whether one of them is the topic, `*`, or the beginning of its names with `.*` behind it."""
    return any(
        pattern in ("*", topic) or (pattern.endswith(".*") and topic.startswith(pattern[:-1])) for pattern in patterns
    )


def is_pattern(text: str) -> bool:
    return re.fullmatch(TOPIC_PATTERN, text) is not None


def wants(
    topics: Sequence[str], account_ids: Sequence[uuid.UUID] | None, topic: str, account: uuid.UUID | None
) -> bool:
    """Whether an endpoint with these filters is told. One for some accounts hears nothing of the organisation's own."""
    return matches(topic, topics) and (account_ids is None or account in account_ids)


def lane_of(account_id: uuid.UUID | None) -> uuid.UUID:
    return ORGANISATION_LANE if account_id is None else account_id


def back_off_s(failures: int, jitter: float) -> float:
    """How long to wait after so many failures in a row. `jitter`: random, from 0 up to, and without, 1."""
    # The exponent is bounded, for a float has no end that is this late.
    nominal = min(BACK_OFF_FIRST_S * BACK_OFF_FACTOR ** min(failures - 1, 20), BACK_OFF_MAX_S)
    return nominal * (1 - JITTER + 2 * JITTER * jitter)


def next_try(first_attempt_at: datetime, failures: int, jitter: float, at: datetime) -> datetime | None:
    """When the next attempt is due; None when a day has passed. The last one is at the end of that day."""
    end = first_attempt_at + GIVEN_UP_AFTER
    return None if at >= end else min(at + timedelta(seconds=back_off_s(failures, jitter)), end)


def signature_header(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """`t=<seconds>,v1=<hex>`, a v1 for each secret that is live: HMAC-SHA256 over `<t>.<body>`."""
    signed = b"%d." % timestamp + body
    signatures = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={signature}" for signature in signatures)])


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """As it is kept: AES-256-GCM under a data key of its own, which KMS has wrapped (decision 100)."""

    secret_id: uuid.UUID
    endpoint_id: uuid.UUID
    ciphertext: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)


def encryption_context(tenant_id: uuid.UUID, endpoint_id: uuid.UUID) -> dict[str, str]:
    """What KMS binds the data key to; it stands in CloudTrail, so it holds no secret."""
    return {"tenant_id": str(tenant_id), "endpoint_id": str(endpoint_id)}


def seal_secret(
    secret: str, data_key: bytes, nonce: bytes, *, tenant_id: uuid.UUID, endpoint_id: uuid.UUID, secret_id: uuid.UUID
) -> bytes:
    """A data key seals once, so a nonce never comes twice under one."""
    return AESGCM(data_key).encrypt(nonce, secret.encode(), _additional_data(tenant_id, endpoint_id, secret_id))


def open_secret(sealed: SealedSecret, data_key: bytes, tenant_id: uuid.UUID) -> str:
    """NotOpened, which tells nothing of what is in it."""
    bound = _additional_data(tenant_id, sealed.endpoint_id, sealed.secret_id)
    try:
        return AESGCM(data_key).decrypt(sealed.nonce, sealed.ciphertext, bound).decode()
    except InvalidTag:
        raise NotOpened("the sealed secret does not belong here, or was changed") from None


def _additional_data(tenant_id: uuid.UUID, endpoint_id: uuid.UUID, secret_id: uuid.UUID) -> bytes:
    bound = {**encryption_context(tenant_id, endpoint_id), "secret_id": str(secret_id)}
    return json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()
