"""A resting order gets another price and quantity, as a trader and his program ask for it."""

from decimal import Decimal

import pytest

from breakwater.client import Problem
from tests.e2e.desk import SYMBOL, Desk, Terminal, eventually, final, new_id


@pytest.mark.parametrize("venue", ["SIM", "BOOK"])
def test_a_resting_order_is_replaced_and_its_events_and_history_say_so(
    terminal: Terminal, desk: Desk, venue: str
) -> None:
    order = desk.rest("0.05", venue=venue)
    price = str(Decimal(order["price"] or 0) - 1)
    said = terminal.told("replace", order["order_id"], "--price", price, "--quantity", "0.08", "--id", "larger")
    assert "0.08" in said
    assert f"{Decimal(price):,}" in said
    smaller = desk.client.replace(order["order_id"], quantity="0.03", replace_id="smaller")
    assert (smaller["quantity"], smaller["price"], smaller["status"]) == ("0.03", price, "NEW")
    assert desk.client.replace(order["order_id"], quantity="0.03", replace_id="smaller") == smaller
    history = desk.client.replaces(order["order_id"])["items"]
    assert [(each["replace_id"], each["state"]) for each in history] == [
        ("smaller", "REPLACED"),
        ("larger", "REPLACED"),
    ]

    def told() -> list[str] | None:
        events = desk.client.events(account_id=desk.account_id, since=_last_but(desk, 30))["items"]
        replaced = [each["payload"] for each in events if each["topic"] == "orders.OrderReplaced.v1"]
        ids = [each["replace_id"] for each in replaced if each["order"]["order_id"] == order["order_id"]]
        return ids if len(ids) > 1 else None

    assert eventually(told) == ["larger", "smaller"]
    assert desk.client.cancel(order["order_id"])["quantity"] == "0.03"


def _last_but(desk: Desk, count: int) -> int:
    """A sequence number so far before the newest that the last events are all on one page."""
    since = 0
    while items := desk.client.events(account_id=desk.account_id, since=since)["items"]:
        since = int(items[-1]["sequence"])
    return max(0, since - count)


def test_an_order_that_is_moved_to_the_market_is_filled(desk: Desk) -> None:
    order = desk.rest("0.02")
    replaced = desk.client.replace(order["order_id"], price=desk.price_above())
    filled = final(desk.client, replaced["order_id"])
    assert (filled["status"], Decimal(filled["cum_qty"])) == ("FILLED", Decimal("0.02"))
    desk.place("SELL", "0.02")


def test_limits_and_owners_refuse_a_replace_by_name(terminal: Terminal, desk: Desk) -> None:
    order = desk.rest()
    with pytest.raises(Problem) as refused:
        desk.client.replace(order["order_id"], quantity="100000")
    assert (refused.value.status, refused.value.code) == (422, "LIMIT_EXCEEDED")
    assert refused.value.refusals
    assert Decimal(desk.client.order(order["order_id"])["quantity"]) == Decimal("0.01")
    with pytest.raises(Problem) as nothing:
        desk.client.replace(order["order_id"], quantity="0.01")
    assert (nothing.value.status, nothing.value.code) == (422, "INVALID_REQUEST")
    worked = terminal.asked("work", "sell", "0.1", SYMBOL, "--market", "--by", "stop", "--stop", desk.price_below())
    said = terminal.run("replace", worked["order_id"], "--quantity", "0.2", "--id", new_id(), exit_code=1)
    assert "REPLACE_UNSUPPORTED" in said
    for order_id in (order["order_id"], worked["order_id"]):
        desk.client.cancel(order_id)
    with pytest.raises(Problem) as ended:
        desk.client.replace(order["order_id"], quantity="0.02")
    assert (ended.value.status, ended.value.code) == (409, "ORDER_FINAL")
