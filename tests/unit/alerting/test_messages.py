"""What an alert looks like where it arrives."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from breakwater.db.alert_deliveries import Delivery
from breakwater.domain.text_messages import PLACES_MAX, text_message
from breakwater.services.alert_messages import Parcel, mail_text, slack_message, sms_text, subject
from tests.integration.alerts.one_alert import an_alert


def parcel(count: int = 1, reason: str | None = None, **otherwise: Any) -> Parcel:
    alert = an_alert(uuid.uuid4(), **otherwise)
    now = datetime.now(UTC)
    of = {"delivery_id": uuid.uuid4(), "alert_id": alert.alert_id, "stage": 0, "channel": "SMS", "user_id": None}
    told = Delivery(**of, destination="d", state="DUE", reason=reason, attempts=1, due_at=now, sent_at=None)  # type: ignore[arg-type]
    return Parcel("SMS", [told], [alert], count)


def test_a_text_message_has_the_id_the_count_and_at_most_two_segments() -> None:
    text = sms_text(parcel(count=7, title="[" * 500))
    assert "x7" in text
    assert len(text) < PLACES_MAX - 100, "a bracket takes two places"
    assert text.endswith("...")
    one = parcel()
    assert str(one.alert.alert_id) in sms_text(one)


@pytest.mark.parametrize(("text", "shown"), [("Büro `1`\n2", "B?ro ?1? 2"), ("a" * 306, "a" * 306)])
def test_a_text_message_is_one_line_of_letters_that_cost_one_place(text: str, shown: str) -> None:
    assert text_message(text) == shown
    assert len(text_message("a" * 307)) == PLACES_MAX


def test_a_name_makes_no_link_and_calls_nobody_in_slack() -> None:
    message = slack_message(parcel(title="<!channel> & <https://evil.example|click>", reason="it goes on"))
    told = json.dumps(message)
    assert "<" not in told
    assert "&lt;!channel&gt; &amp;" in told
    assert [block["type"] for block in message["blocks"]] == ["section", "section", "context", "context", "context"]


def test_what_slack_would_find_too_long_is_cut() -> None:
    message = slack_message(parcel(body="t\n\n" + "&" * 5_000))
    assert all(len(block["text"]["text"]) <= 3_000 for block in message["blocks"] if block["type"] == "section")


def test_a_mail_says_how_many_what_and_how_to_acknowledge() -> None:
    one = parcel(count=1_000, reason="it goes on: this is what came since the last message")
    assert subject(one) == "ERROR: Desk A is SUSPENDED (1000 times)"
    text = mail_text(one)
    assert text.startswith("It goes on")
    for told in ("1000 alerts of this kind", "Reason: a test", f"alerts ack {one.alert.alert_id}"):
        assert told in text
