"""A chat that speaks for a risk manager: linked by a code, told of an alert, and stopping a trader."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from breakwater.client import Client
from breakwater.services.telegram_alerts import ACKNOWLEDGE
from tests.e2e.desk import SYMBOL, Terminal, eventually

NODE = "Trader 3"


@dataclass
class Person:
    """Somebody with a telephone; what he writes goes the whole way by the webhook."""

    url: str
    chat_id: int

    def say(self, text: str) -> str:
        return self._answered(lambda: self._do("say", text=text))

    def press(self, caption: str) -> str:
        return self._answered(lambda: self._do("press", caption=caption))

    def press_under(self, sent: dict[str, Any], told: str) -> str:
        message_id = sent["details"]["message_id"]
        return self._answered(lambda: self._do("press", message_id=message_id, told=told))

    def told_of(self, title: str) -> dict[str, Any] | None:
        """The message of an alert that nobody has taken up, as `alert_sender` has sent it."""
        return next((sent for sent in self.heard() if title in sent["message"] and _is_alert(sent)), None)

    def heard(self, after: int = 0) -> list[dict[str, Any]]:
        query = {"kind": "telegram", "to": str(self.chat_id), "after": str(after)}
        items: list[dict[str, Any]] = httpx.get(f"{self.url}/messages", params=query, timeout=5).json()["items"]
        return items

    def _do(self, what: str, **told: Any) -> None:
        answer = httpx.post(f"{self.url}/telegram/{what}", json={"chat_id": self.chat_id, **told}, timeout=5)
        assert answer.is_success, answer.text

    def _answered(self, do: Callable[[], None]) -> str:
        newest = max((sent["id"] for sent in self.heard()), default=0)
        do()
        # Alerts may come at any time.
        [*_, answer] = eventually(
            lambda: [sent for sent in self.heard(newest) if not _is_alert(sent)] or None, within_s=30
        )
        return str(answer["message"])


def _is_alert(sent: dict[str, Any]) -> bool:
    return sent["details"]["was"] == "sent" and any(
        button["told"].startswith(ACKNOWLEDGE) for button in sent["details"]["buttons"]
    )


@pytest.fixture
def person(endpoints: dict[str, Any], sign_in: Callable[[str], Client]) -> Iterator[Person]:
    yield Person(endpoints["outbox_url"], uuid.uuid4().int % 10**9 + 10**6)
    sign_in("risk").end_telegram_link()


def test_a_risk_manager_works_from_his_chat(
    person: Person,
    sign_in: Callable[[str], Client],
    market: Callable[[], tuple[Decimal, Decimal]],
) -> None:
    risk, trader = sign_in("risk"), sign_in("trader3")
    assert "speaks for nobody" in person.say("/positions")
    assert "speaks for risk" in person.say(f"/link {risk.ask_telegram_code()['code']}")
    assert risk.telegram_link()["is_linked"]
    assert "You are risk, risk_manager" in person.say("/status")
    told = person.say("/positions")
    assert "Positions" in told or "no position" in told
    assert "Desk A" in person.say("/limits")

    account_id = trader.me()["account_ids"][0]
    price = str((market()[0] * Decimal("0.98")).quantize(Decimal("0.01")))
    order = trader.place_order(account_id, SYMBOL, "BUY", "0.01", price=price, post_only=True)
    assert order["order_id"][:8] in person.say("/orders")
    assert "Why" in person.say(f"/kill {NODE}")
    reason = f"tried from a chat {uuid.uuid4().hex[:8]}"
    assert reason in person.say(reason)
    assert trader.order(order["order_id"])["status"] == "NEW"
    try:
        told = person.press("Stop")
        assert f"{NODE} is KILLED, by risk: {reason}" in told
        assert trader.order(order["order_id"])["status"] == "CANCELED"
    finally:
        [node] = risk.nodes(NODE)
        risk.rearm(node["node_id"], "the test is over")

    told_of = eventually(lambda: person.told_of(f"{NODE} is KILLED"), within_s=90)
    [button] = told_of["details"]["buttons"]
    alert_id = button["told"].removeprefix(ACKNOWLEDGE)
    assert "acknowledged by risk" in person.press_under(told_of, button["told"])
    shown = risk.alert(alert_id)
    assert (shown["alert"]["acknowledged_by"], shown["alert"]["acknowledged_via"]) == ("risk", "TELEGRAM")
    by_chat = [each for each in shown["deliveries"] if each["destination"] == str(person.chat_id)]
    assert ("TELEGRAM", "SENT") in {(each["channel"], each["state"]) for each in by_chat}
    assert "no more" in person.say("/unlink")
    assert not risk.telegram_link()["is_linked"]


def test_only_telegram_is_listened_to(endpoints: dict[str, Any]) -> None:
    update = {"update_id": 1, "message": {"chat": {"id": 1, "type": "private"}, "text": "/kill Desk A"}}
    url = f"{endpoints['api_url']}/telegram/webhook"
    for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guessed"}):
        assert httpx.post(url, json=update, headers=headers, timeout=35).status_code == 401


def test_the_outbox_command_lists_what_the_bot_said(person: Person, terminal: Terminal) -> None:
    person.say("/help")
    assert "speaks for nobody" in terminal.run("outbox", "--kind", "telegram", "--to", str(person.chat_id))
