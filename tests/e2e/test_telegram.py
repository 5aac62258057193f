"""A chat that speaks for a risk manager: linked by a code, told of an alert, and stopping a trader."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from breakwater.client import Client
from breakwater.db.alerts import Alert, AlertRows
from breakwater.db.telegram import find_chat
from breakwater.services.telegram_alerts import send_alerts
from breakwater.services.telegram_api import BotApi
from local_cloud.outbox.telegram import BOT_TOKEN
from local_cloud.provisioning import DEMO_FIRM
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
        [answer] = eventually(lambda: self.heard(newest) or None, within_s=30)
        return str(answer["message"])


@pytest.fixture
def person(endpoints: dict[str, Any], sign_in: Callable[[str], Client]) -> Iterator[Person]:
    yield Person(endpoints["outbox_url"], uuid.uuid4().int % 10**9 + 10**6)
    sign_in("risk").end_telegram_link()


def newest_alert(database: psycopg.Connection[Any], title: str) -> Alert | None:
    tenant_id = uuid.UUID(json.loads(DEMO_FIRM.read_text())["tenant_id"])
    alerts = AlertRows(database, tenant_id).page(None, before=None, limit=50)
    return next((alert for alert in alerts if alert.title == title and alert.acknowledged_at is None), None)


def test_a_risk_manager_works_from_his_chat(
    person: Person,
    sign_in: Callable[[str], Client],
    database: psycopg.Connection[Any],
    endpoints: dict[str, Any],
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

    alert = eventually(lambda: newest_alert(database, f"{NODE} is KILLED"), within_s=60)
    send_alerts(
        [alert],
        person.chat_id,
        bot=BotApi(f"{endpoints['outbox_url']}/telegram", BOT_TOKEN),
        find_chat=lambda chat_id: find_chat(database, chat_id),
        transactions_of=lambda _: pytest.fail("the chat takes it"),
        at=datetime.now(UTC),
    )
    assert "acknowledged by risk" in person.press("Acknowledge")
    shown = risk.alert(str(alert.alert_id))["alert"]
    assert (shown["acknowledged_by"], shown["acknowledged_via"]) == ("risk", "TELEGRAM")
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
