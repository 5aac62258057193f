"""What a receiver of webhooks does first: believe the call, or not. It needs nothing but Python.

    from breakwater.client.webhooks import WebhookRefused, verify

    try:
        event = verify(request.body, request.headers["Breakwater-Signature"], [SECRET])
    except WebhookRefused:
        return 400

docs/webhooks.md is the specification. It shares no code with what signs.
"""

import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SIGNATURE_HEADER = "Breakwater-Signature"
TOLERANCE_S = 300
SIGNATURES_MAX = 8
REMEMBERED_MAX = 100_000
_HEADER = re.compile(r"t=(?P<t>[0-9]{1,12})(?P<signatures>(?:,[a-z0-9]+=[0-9a-f]+)+)")


class WebhookRefused(ValueError):
    """The call is not to be believed. Answer 400 and do nothing else."""


class SignatureMissing(WebhookRefused):
    """There is no header, or it is not of its form."""


class SignatureWrong(WebhookRefused):
    """Nobody who knows one of the secrets has signed this body at that time."""


class TimestampStale(WebhookRefused):
    """It was signed too long ago, or in the future: an old call that is sent again, or a clock that is wrong."""


class CallReplayed(WebhookRefused):
    """The very same call was believed before."""


class BodyUnreadable(WebhookRefused):
    """Signed, and no event that this version understands."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """The event's envelope. It may come more than once: `event_id` is the same each time."""

    event_id: uuid.UUID
    topic: str
    tenant_id: uuid.UUID
    account_id: uuid.UUID | None
    aggregate_id: uuid.UUID
    correlation_id: str
    occurred_at_ns: int
    payload: dict[str, Any]


class SeenCalls:
    """Calls that were believed, for as long as their time lets them be believed again.

    In this process's memory, for one thread at a time. A delivery that is tried again is signed anew and is no replay.
    """

    def __init__(self, *, remembered_max: int = REMEMBERED_MAX) -> None:
        self._until: dict[str, float] = {}
        self._remembered_max = remembered_max

    def check(self, call: str, until: float, now: float) -> None:
        """CallReplayed for one that is known; from now on this one is."""
        self._forget(now)
        if call in self._until:
            raise CallReplayed("this call was received before")
        self._until[call] = until

    def _forget(self, now: float) -> None:
        if len(self._until) < self._remembered_max:
            return
        self._until = {call: until for call, until in self._until.items() if until >= now}
        while len(self._until) >= self._remembered_max:  # All of them are recent: the oldest go.
            del self._until[next(iter(self._until))]


def verify(
    body: bytes,
    signature: str | None,
    secrets: Sequence[str],
    *,
    tolerance_s: int = TOLERANCE_S,
    now: float | None = None,
    seen: SeenCalls | None = None,
) -> WebhookEvent:
    """The event of a call, whose body is as it came, byte for byte, and whose signature is the header.

    `secrets`: those that are live, two while they are rotated. Raises a WebhookRefused. Signatures are compared in
    constant time, and the clock is looked at only when one was right: whoever guesses learns nothing of it.
    """
    if not secrets or not all(secrets):
        raise ValueError("there is no secret to verify with")
    told = _HEADER.fullmatch(signature.strip()) if signature is not None else None
    if told is None:
        raise SignatureMissing(f"the header {SIGNATURE_HEADER} is missing, or not of the form t=…,v1=…")
    timestamp = int(told["t"])
    scheme_and_value = [each.partition("=") for each in told["signatures"][1:].split(",")]
    candidates = [value for scheme, _, value in scheme_and_value if scheme == "v1"][:SIGNATURES_MAX]
    if not _is_signed(body, told["t"], candidates, secrets):
        raise SignatureWrong("no signature fits the body, the time and a secret")
    at = time.time() if now is None else now
    if abs(at - timestamp) > tolerance_s:
        raise TimestampStale(f"it was signed {at - timestamp:.0f} s ago, and {tolerance_s} s are tolerated")
    event = _event_of(body)
    if seen is not None:
        seen.check(f"{timestamp}/{hashlib.sha256(body).hexdigest()}", timestamp + tolerance_s, at)
    return event


def _is_signed(body: bytes, timestamp: str, candidates: Sequence[str], secrets: Sequence[str]) -> bool:
    signed = timestamp.encode() + b"." + body
    is_right = False
    for secret in secrets:
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        for candidate in candidates:
            # Not the first that fits: how long it takes says nothing of which it was.
            is_right |= hmac.compare_digest(expected, candidate)
    return is_right


def _event_of(body: bytes) -> WebhookEvent:
    try:
        told = json.loads(body)
        account_id = told["account_id"]
        return WebhookEvent(
            event_id=uuid.UUID(told["event_id"]),
            topic=str(told["topic"]),
            tenant_id=uuid.UUID(told["tenant_id"]),
            account_id=None if account_id is None else uuid.UUID(account_id),
            aggregate_id=uuid.UUID(told["aggregate_id"]),
            correlation_id=str(told["correlation_id"]),
            occurred_at_ns=int(told["occurred_at_ns"]),
            payload=dict(told["payload"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BodyUnreadable("the body is no event") from error
