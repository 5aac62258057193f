"""What an alert looks like where it arrives."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from breakwater.db.alert_deliveries import Delivery
from breakwater.domain.alerting import Channel
from breakwater.domain.text_messages import PLACES_MAX, text_message
from breakwater.services.alert_messages import ALERTS_LISTED_MAX, Parcel, mail_text, slack_message, sms_text, subject
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


LINK = "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/acknowledgements/" + "a-_" * 14 + "a"


def linked(count: int = 1, **otherwise: Any) -> Parcel:
    one = parcel(count, **otherwise)
    return replace(one, links={one.alert.alert_id: LINK})


def test_a_text_message_keeps_its_link_whole_and_within_two_segments() -> None:
    one = linked(count=12, title="Desk A was stopped " * 50, severity="CRITICAL")
    text = sms_text(one)
    assert text.endswith(f"... Ack: {LINK}")
    assert str(one.alert.alert_id) in text
    assert "Desk A was stopped" in text
    assert len(text) <= PLACES_MAX
    assert sms_text(linked()).endswith(f"SUSPENDED Ack: {LINK}")
    longest = f"https://{'a' * 92}/acknowledgements/{'a' * 43}"
    assert len(text_message("b" * 500, f" Ack: {longest}")) == PLACES_MAX


@pytest.mark.parametrize("end", ["a" * (PLACES_MAX - 2), " é", "`"])
def test_an_end_that_would_be_cut_or_changed_is_none(end: str) -> None:
    with pytest.raises(ValueError, match="no end"):
        text_message("a", end)


def test_a_mail_has_the_link_of_its_reader_and_the_command_beside_it() -> None:
    one = linked()
    text = mail_text(one)
    assert f"Acknowledge it in your name: {LINK}\n" in text
    assert f"alerts ack {one.alert.alert_id}" in text


def test_slack_has_the_link_of_its_channel_and_what_others_named_is_still_no_link() -> None:
    told = json.dumps(slack_message(linked(title="<https://evil.example|click>")))
    assert told.count("<") == 1
    assert f"<{LINK}|Acknowledge it for this channel>" in told


def test_of_what_was_held_back_a_mail_links_what_it_lists_and_a_text_message_nothing() -> None:
    alerts = [an_alert(uuid.uuid4()) for _ in range(ALERTS_LISTED_MAX + 1)]
    channels: list[tuple[Channel, int]] = [("EMAIL", ALERTS_LISTED_MAX), ("SMS", 0)]
    for channel, room in channels:
        many = replace(parcel(), channel=channel, alerts=alerts)
        assert many.linked == alerts[:room]
    mail = mail_text(replace(parcel(), channel="EMAIL", alerts=alerts, links={alerts[1].alert_id: LINK}))
    lines = mail.splitlines()
    place = next(place for place, line in enumerate(lines) if LINK in line)
    assert str(alerts[1].alert_id) in lines[place - 1]
