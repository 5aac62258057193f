"""Alerts that are sent to a chat, with the button under them."""

import uuid
from datetime import UTC, datetime

import pytest

from breakwater.db.alerts import Alert
from breakwater.db.telegram import LinkedUser, find_chat
from breakwater.runtime.database import untenanted_transaction
from breakwater.runtime.telegram import send_to_chat
from breakwater.services.telegram_api import ChatRefused, TelegramUnavailable
from tests.integration.telegram.chat import CHAT, Chats
from tests.integration.telegram.test_commands import HOSTILE, acknowledged, add_alert


def find(chat_id: int) -> LinkedUser | None:
    with untenanted_transaction() as connection:
        return find_chat(connection, chat_id)


def send(*alerts: Alert, chat_id: int = CHAT, count: int = 1, note: str | None = None) -> None:
    send_to_chat(alerts, chat_id, at=datetime.now(UTC), count=count, note=note)


def test_an_alert_is_acknowledged_by_the_button_under_it(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    send(
        add_alert(chats, HOSTILE, body=f"{HOSTILE}.\n\nNode: {HOSTILE}\nReason: a<b&c"),
        count=13,
        note="kept for the morning",
    )
    [sent] = chats.outbox.messages.newest(limit=1)
    assert f"ERROR: {HOSTILE}" in sent["message"]
    assert "kept for the morning\nthe first of 13 alike" in sent["message"]
    assert f"Node: {HOSTILE}\nReason: a<b&c" in sent["message"]
    told = chats.press("Acknowledge")
    assert "acknowledged by ada" in told
    assert acknowledged(chats) == [(HOSTILE, "ada", "TELEGRAM")]
    [edited] = chats.outbox.messages.newest(limit=1)
    assert (edited["details"]["message_id"], edited["details"]["buttons"]) == (sent["details"]["message_id"], [])


def test_several_alerts_are_a_list(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    send(*(add_alert(chats, f"{HOSTILE} {number}") for number in range(3)), note="held back")
    [sent] = chats.outbox.messages.newest(limit=1)
    assert sent["message"].startswith("3 alerts, /alerts numbers the newest\nheld back\n")
    assert all(f"ERROR {HOSTILE} {number}" in sent["message"] for number in range(3))
    assert sent["details"]["buttons"] == []


def test_who_presses_second_sees_who_was_first(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.link("bob", "organisation_admin", 1002)
    alert = add_alert(chats, "Desk A is SUSPENDED")
    send(alert)
    send(alert, chat_id=1002)
    chats.press("Acknowledge")
    assert "acknowledged by ada" in chats.press("Acknowledge", 1002)


def test_an_alert_that_may_not_be_seen_any_more_is_not_acknowledged(chats: Chats) -> None:
    chats.link("tara", "trader")
    send(add_alert(chats, "of another's account", account=1))
    assert "no such alert" in chats.press("Acknowledge")
    assert acknowledged(chats) == []


def test_a_long_alert_fits_a_message(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    send(add_alert(chats, "T" * 5_000, body="x\n" + "\n".join("&" * 290 for _ in range(60))))
    [sent] = chats.outbox.messages.newest(limit=1)
    assert len(sent["details"]["html"]) <= 4_096
    assert sent["message"].splitlines()[-1].startswith("… and ")


def test_a_chat_that_blocked_the_bot_is_unlinked_and_refused_for_good(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.outbox.telegram.block(CHAT, is_blocked=True)
    alert = add_alert(chats, "Desk A is SUSPENDED")
    for _ in range(2):
        with pytest.raises(ChatRefused):
            send(alert)
    assert find(CHAT) is None
    [*_, (actor, event)] = chats.events("identity.ChatLinkChanged.v1")
    assert (actor, event["change"], event["reason"]) == ("ada/telegram", "UNLINKED", "BLOCKED")


def test_a_telegram_that_asks_to_wait_is_waited_for(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.outbox.telegram.be_busy(7)
    alert = add_alert(chats, str(uuid.uuid4()))
    with pytest.raises(TelegramUnavailable) as refused:
        send(alert)
    assert 6 <= refused.value.retry_after_s <= 8
    # It would take it now, and is not asked before the time that it said.
    chats.outbox.telegram.be_busy(0)
    with pytest.raises(TelegramUnavailable):
        send(alert)
    assert find(CHAT) is not None
