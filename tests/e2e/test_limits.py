"""Limits as traders and the risk manager meet them."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from breakwater.client import Client, Problem
from tests.e2e.desk import SYMBOL, Desk, eventually, told_by_mail

LOT = Decimal("0.0001")


def nodes_of(client: Client) -> Iterator[dict[str, Any]]:
    """Every node of the tree."""
    waiting = list(client.limits_tree()["items"])
    while waiting:
        node = waiting.pop()
        waiting.extend(node["children"])
        yield node


def refused(desk: Desk, quantity: str, **more: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        desk.place("BUY", quantity, **more)
    assert (raised.value.status, raised.value.code) == (422, "LIMIT_EXCEEDED")
    return raised.value


def test_a_refusal_names_every_node_and_the_largest_quantity_that_indeed_passes(desk: Desk) -> None:
    price = desk.price_below()
    refusals = refused(desk, "500", price=price).refusals
    assert {(refusal["node_name"], refusal["limit_type"]) for refusal in refusals} == {
        ("Trader 2", "MAX_ORDER_QTY"),
        ("Trader 2", "MAX_ORDER_NOTIONAL"),
        ("Desk A", "MAX_ORDER_NOTIONAL"),
    }
    largest = min(Decimal(refusal["largest_passing_quantity"] or 0) for refusal in refusals)
    assert desk.place("BUY", str(largest), price=price)["status"] == "NEW"
    refused(desk, str(largest + LOT), price=price)


def test_a_refused_order_is_kept_as_rejected_and_reserves_nothing(desk: Desk) -> None:
    def open_orders() -> Decimal:
        node = next(node for node in nodes_of(desk.client) if node["account_id"] == desk.account_id)
        count = next(limit for limit in node["limits"] if limit["limit_type"] == "OPEN_ORDER_COUNT")
        return Decimal(count["reserved"])

    before = open_orders()
    order_id = refused(desk, "500", price=desk.price_below()).document["order_id"]
    assert desk.client.order(order_id)["status"] == "REJECTED"
    assert open_orders() == before


def test_a_price_beyond_the_collar_is_refused(desk: Desk) -> None:
    too_high = str((desk.market()[1] * Decimal("1.5")).quantize(Decimal("0.01")))
    assert "PRICE_COLLAR" in {refusal["limit_type"] for refusal in refused(desk, "0.01", price=too_high).refusals}


def test_a_breach_reaches_those_whom_it_concerns_and_the_list_of_alerts(
    desk: Desk, sign_in: Callable[[str], Client], endpoints: dict[str, Any]
) -> None:
    admin = sign_in("admin")
    correlation_id = str(refused(desk, "500", price=desk.price_below()).correlation_id)

    def recipients() -> set[str] | None:
        """Of those alerts that were not told with others: it may not be the first breach of this minute."""
        found = told_by_mail(admin, correlation_id)
        return found if "admin@harbour.example" in found else None

    addresses = eventually(recipients)
    assert {"risk@harbour.example", "trader2@harbour.example"} <= addresses
    assert "trader1@harbour.example" not in addresses
    alerts = desk.client.alerts()["items"]
    assert correlation_id in {alert["correlation_id"] for alert in alerts}

    def mailed() -> list[dict[str, Any]] | None:
        messages = httpx.get(f"{endpoints['outbox_url']}/messages", timeout=5).json()["items"]
        return [each for each in messages if each["to"] == "trader2@harbour.example" and "Alert:" in each["message"]]

    assert eventually(lambda: mailed() or None)


def test_a_killed_node_cancels_its_orders_and_refuses_new_ones_until_it_is_armed_again(
    sign_in: Callable[[str], Client], market: Callable[[], tuple[Decimal, Decimal]]
) -> None:
    risk, client = sign_in("risk"), sign_in("trader3")
    desk = Desk(client, client.me()["account_ids"][0], market)
    node_id = next(node["node_id"] for node in nodes_of(risk) if node["account_id"] == desk.account_id)
    resting = desk.rest()
    risk.kill(node_id, "an exercise")
    try:
        canceled = eventually(lambda: client.order(resting["order_id"])["status"] == "CANCELED" or None)
        assert canceled
        refusals = refused(desk, "0.01", price=desk.price_below()).refusals
        assert "KILL_SWITCH" in {refusal["limit_type"] for refusal in refusals}
    finally:
        risk.rearm(node_id, "the exercise is over")
    client.cancel(desk.rest()["order_id"])


@pytest.mark.parametrize(
    "call",
    [
        lambda client, node_id: client.kill(node_id, "because"),
        lambda client, node_id: client.rearm(node_id, "because"),
        lambda client, node_id: client.set_limit(node_id, "MAX_ORDER_QTY", value="1000"),
    ],
    ids=["kill", "rearm", "set"],
)
def test_a_trader_may_not_change_limits(desk: Desk, call: Callable[[Client, str], object]) -> None:
    node_id = next(node["node_id"] for node in nodes_of(desk.client) if node["account_id"] == desk.account_id)
    with pytest.raises(Problem) as raised:
        call(desk.client, node_id)
    assert (raised.value.status, raised.value.code) == (403, "NOT_PERMITTED")


def test_a_limit_set_by_the_risk_manager_counts_from_the_next_order_on(
    desk: Desk, sign_in: Callable[[str], Client]
) -> None:
    risk = sign_in("risk")
    node_id = next(node["node_id"] for node in nodes_of(risk) if node["account_id"] == desk.account_id)
    limit = risk.set_limit(node_id, "MAX_ORDER_QTY", value="0.05", instrument=SYMBOL)
    try:
        refusal = refused(desk, "0.06", price=desk.price_below()).refusals[0]
        assert (refusal["node_id"], Decimal(refusal["largest_passing_quantity"] or 0)) == (node_id, Decimal("0.05"))
    finally:
        risk.delete_limit(limit["limit_id"])
    assert desk.rest("0.06")["status"] == "NEW"


def test_preview_and_validate_give_the_verdict_and_change_nothing(desk: Desk) -> None:
    count = len(desk.client.orders(account_id=desk.account_id)["items"])
    price = desk.price_below()
    for ask in (desk.client.preview, desk.client.validate):
        assert ask(desk.account_id, SYMBOL, "BUY", "0.01", price=price)["passes"]
        too_large = ask(desk.account_id, SYMBOL, "BUY", "500", price=price)
        assert not too_large["passes"]
        refusing = [verdict for verdict in too_large["verdicts"] if not verdict["passes"]]
        assert min(Decimal(verdict["largest_passing_quantity"]) for verdict in refusing) == 50
    assert len(desk.client.orders(account_id=desk.account_id)["items"]) == count
