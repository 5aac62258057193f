"""A webhook on the running platform: added by the command, told of an order, and believed by our own verifier."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from breakwater.client import Client
from tests.e2e.desk import SYMBOL, Terminal
from tests.support.webhook_receiver import Receiver, answering


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_an_order_reaches_a_receiver_in_order_and_signed_and_a_failure_is_made_good(
    terminal: Terminal, sign_in: Callable[[str], Client], receiver: Receiver
) -> None:
    admin, trader, command = sign_in("admin"), sign_in("trader1"), terminal.run
    command("sign-in", "--user", "admin")
    made = json.loads(command("webhooks", "add", "books", receiver.url(), "--topic", "orders.*", "--json"))
    endpoint_id = made["endpoint"]["endpoint_id"]
    try:
        assert "DELIVERED" in command("webhooks", "ping", "books")
        ping = receiver.calls[0].verified(made["secret"])
        assert ping.topic == "webhooks.Ping.v1"

        order = _place_and_cancel(trader)
        _wait(lambda: len(_of_order(receiver, made["secret"], order)) >= 3)
        told = _of_order(receiver, made["secret"], order)
        assert [event.topic for event in told] == [
            "orders.OrderPlaced.v1",
            "orders.OrderAccepted.v1",
            "orders.OrderCanceled.v1",
        ]

        receiver.default, before = answering(503), len(receiver.calls)
        failed = _place_and_cancel(trader)
        _wait(lambda: len(receiver.calls) > before)
        receiver.default = answering()
        # Five seconds later, give or take: the first is tried again, and the others follow.
        _wait(lambda: len(_of_order(receiver, made["secret"], failed)) >= 4)
        assert [event.topic for event in _of_order(receiver, made["secret"], failed)][-3:] == [
            event.topic for event in told
        ]

        log = admin.webhook_deliveries(endpoint_id, state="DELIVERED")["items"]
        assert len(log) >= 7
        again = json.loads(command("webhooks", "redeliver", "books", log[0]["delivery_id"], "--json"))
        _wait(lambda: admin.webhook_delivery(endpoint_id, again["delivery_id"])["delivery"]["state"] == "DELIVERED")
        assert "DELIVERED" in command("webhooks", "log", "books")
    finally:
        command("webhooks", "remove", "books")


def test_no_private_address_is_taken_but_this_machines_own(
    ask: Callable[..., Any], sign_in: Callable[[str], Client]
) -> None:
    for url in ("http://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "http://192.168.0.1/"):
        answer = ask(sign_in("admin"), "POST", "/webhooks", {"name": "bad", "url": url, "topics": ["*"]})
        assert (answer.status_code, answer.json()["field"]) == (422, "url")


def _place_and_cancel(trader: Client) -> str:
    account_id = trader.me()["account_ids"][0]
    order = trader.place_order(account_id, SYMBOL, "BUY", "0.01", price="1000")
    trader.cancel(order["order_id"])
    return str(order["order_id"])


def _of_order(receiver: Receiver, secret: str, order_id: str) -> list[Any]:
    events = [call.verified(secret) for call in list(receiver.calls)]
    return [event for event in events if str(event.aggregate_id) == order_id]


def _wait(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    give_up_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
