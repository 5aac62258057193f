"""The receiver's own check: what it believes, what it does not, and why. What signs here is the platform's code."""

import hmac
import json
import uuid
from typing import Any

import pytest

from breakwater.client.webhooks import (
    BodyUnreadable,
    CallReplayed,
    SeenCalls,
    SignatureMissing,
    SignatureWrong,
    TimestampStale,
    WebhookRefused,
    verify,
)
from breakwater.domain.webhooks import signature_header

NOW = 1_700_000_000
SECRET, OLD, OTHER = "bwh_new", "bwh_old", "bwh_other"
EVENT: dict[str, Any] = {
    "event_id": "0b7b0d43-6f4c-4a4f-9d2d-111111111111",
    "topic": "orders.OrderPlaced.v1",
    "tenant_id": "0b7b0d43-6f4c-4a4f-9d2d-222222222222",
    "account_id": None,
    "aggregate_id": "0b7b0d43-6f4c-4a4f-9d2d-333333333333",
    "correlation_id": "c-1",
    "occurred_at_ns": 1_700_000_000_123_456_789,
    "payload": {"text": "ü"},
}
BODY = json.dumps(EVENT).encode()


def signed(*secrets: str, at: int = NOW, body: bytes = BODY) -> str:
    return signature_header(secrets or (SECRET,), at, body)


def test_a_call_that_was_signed_is_an_event() -> None:
    event = verify(BODY, signed(), [SECRET], now=NOW)
    assert event.event_id == uuid.UUID(EVENT["event_id"])
    assert (event.account_id, event.occurred_at_ns, event.payload) == (None, EVENT["occurred_at_ns"], {"text": "ü"})


def test_while_secrets_are_rotated_either_end_may_know_one_or_both() -> None:
    both = signed(SECRET, OLD)
    for known in ([SECRET], [OLD], [SECRET, OLD], [OTHER, OLD]):
        verify(BODY, both, known, now=NOW)
    verify(BODY, signed(SECRET), [OLD, SECRET], now=NOW)
    with pytest.raises(SignatureWrong):
        verify(BODY, both, [OTHER], now=NOW)


def test_a_body_a_time_or_a_signature_that_was_changed_is_not_believed() -> None:
    header = signed()
    for body in (BODY + b" ", BODY.replace(b"OrderPlaced", b"OrderFilled"), b"", json.dumps(EVENT, indent=1).encode()):
        with pytest.raises(SignatureWrong):
            verify(body, header, [SECRET], now=NOW)
    with pytest.raises(SignatureWrong):
        verify(BODY, header.replace(f"t={NOW}", f"t={NOW + 1}"), [SECRET], now=NOW)
    with pytest.raises(SignatureWrong):
        verify(BODY, header[:-1] + ("0" if header[-1] != "0" else "1"), [SECRET], now=NOW)
    with pytest.raises(SignatureWrong):  # The length of a part of it is no part of it.
        verify(BODY, header[:-2], [SECRET], now=NOW)
    with pytest.raises(SignatureWrong):  # Another scheme is not ours.
        verify(BODY, header.replace("v1=", "v0="), [SECRET], now=NOW)


def test_an_old_call_sent_again_is_stale_and_so_is_one_of_the_future() -> None:
    for at in (NOW - 300, NOW + 300):
        verify(BODY, signed(at=at), [SECRET], now=NOW)
    for at in (NOW - 301, NOW + 301):
        with pytest.raises(TimestampStale):
            verify(BODY, signed(at=at), [SECRET], now=NOW)
    verify(BODY, signed(at=NOW - 301), [SECRET], now=NOW, tolerance_s=400)
    # A new time on an old signature is none.
    with pytest.raises(SignatureWrong):
        verify(BODY, signed(at=NOW - 1_000).replace(f"t={NOW - 1_000}", f"t={NOW}"), [SECRET], now=NOW)


def test_the_very_same_call_is_believed_once_and_the_same_event_signed_anew_again() -> None:
    seen = SeenCalls()
    verify(BODY, signed(), [SECRET], now=NOW, seen=seen)
    with pytest.raises(CallReplayed):
        verify(BODY, signed(), [SECRET], now=NOW + 10, seen=seen)
    with pytest.raises(CallReplayed):  # In whichever order its signatures are.
        verify(BODY, signed(OLD, SECRET), [SECRET], now=NOW + 10, seen=seen)
    verify(BODY, signed(at=NOW + 10), [SECRET], now=NOW + 10, seen=seen)


def test_what_is_remembered_has_a_bound_and_the_oldest_goes() -> None:
    seen = SeenCalls(remembered_max=3)
    for number in range(10):
        verify(BODY, signed(at=NOW + number), [SECRET], now=NOW + number, seen=seen)
    with pytest.raises(CallReplayed):
        verify(BODY, signed(at=NOW + 9), [SECRET], now=NOW + 9, seen=seen)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "v1=00",
        f"t={NOW}",
        f"t={NOW},",
        "t=abc,v1=00",
        f"t={NOW},v1=XYZ",
        f"t=-{NOW},v1=00",
        "t=1" * 99,
        "t=1;v1=0",
    ],
)
def test_a_header_that_is_none_is_said_to_be_missing(header: str | None) -> None:
    with pytest.raises(SignatureMissing):
        verify(BODY, header, [SECRET], now=NOW)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"\xff", b'{"event_id": 1}'])
def test_what_is_signed_and_no_event_is_unreadable(body: bytes) -> None:
    with pytest.raises(BodyUnreadable):
        verify(body, signed(body=body), [SECRET], now=NOW)


def test_whoever_has_no_secret_made_a_mistake_and_is_told_so() -> None:
    for none in ([], [""]):
        with pytest.raises(ValueError, match="no secret") as mistaken:
            verify(BODY, signed(""), none, now=NOW)
        assert not isinstance(mistaken.value, WebhookRefused)


def test_signatures_are_compared_in_constant_time_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(1)
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    verify(BODY, signed(SECRET, OLD), [SECRET, OLD], now=NOW)
    assert len(compared) == 4
