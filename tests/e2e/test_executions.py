"""Orders that the router works, as a trader drives them from the command line."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from breakwater.client import ExecutionReport, Order
from tests.e2e.desk import SYMBOL, Desk, Terminal, eventually, final, new_id

WITHIN_S = 60.0


@pytest.fixture
def position(desk: Desk) -> Callable[[], Decimal]:
    def held() -> Decimal:
        items = desk.client.positions(account_id=desk.account_id)["items"]
        return sum((Decimal(each["quantity"]) for each in items if each["symbol"] == SYMBOL), Decimal(0))

    return held


def report_of(desk: Desk, order: Order) -> ExecutionReport:
    """Once its children are told with all that they filled, and its end."""

    def look() -> ExecutionReport | None:
        report = desk.client.execution(order["order_id"])
        filled = sum(Decimal(child["cum_qty"]) for child in report["children"])
        return report if filled == Decimal(order["cum_qty"]) and report["ended_at"] else None

    return eventually(look)


def test_a_twap_is_worked_in_slices_and_its_report_compares_them_with_the_market(
    terminal: Terminal, desk: Desk, position: Callable[[], Decimal]
) -> None:
    before = position()
    placed = terminal.asked("work", "buy", "0.2", SYMBOL, "--market", "--by", "twap", "--over", "10s", "--slices", "2")
    assert (placed["venue"], placed["execution"]["duration_s"], placed["execution"]["slices"]) == ("SOR", 10, 2)
    order = final(desk.client, placed["order_id"], WITHIN_S)
    assert (order["status"], Decimal(order["cum_qty"])) == ("FILLED", Decimal("0.2"))
    report = report_of(desk, order)
    # A slice that rested and was not met is cancelled, and taken by another child.
    filled = [child for child in report["children"] if Decimal(child["cum_qty"])]
    assert len(filled) >= 2
    assert {child["venue"] for child in filled} == {"SIM"}
    assert max(Decimal(child["quantity"]) for child in report["children"]) == Decimal("0.1")
    paid = sum(Decimal(child["cum_qty"]) * Decimal(child["avg_px"] or 0) for child in filled)
    assert Decimal(report["avg_px"] or 0) == (paid / Decimal("0.2")).quantize(Decimal("1e-8"))
    assert all(compared["price"] for compared in report["benchmarks"][:2])
    told = terminal.told("execution", placed["order_id"])
    assert "execution TWAP over 10s, slices 2" in told
    assert "filled 0.2 of 0.2 (100 %)" in told
    assert all(child["order_id"] in told for child in report["children"])
    assert "TWAP 10s" in terminal.told("orders")
    assert eventually(lambda: position() == before + Decimal("0.2") or None)
    desk.place("SELL", "0.2")


def test_a_stop_waits_without_a_child_and_is_cancelled(terminal: Terminal, desk: Desk) -> None:
    order = terminal.asked("work", "sell", "0.1", SYMBOL, "--market", "--by", "stop", "--stop", desk.price_below())
    assert "No children yet." in terminal.told("order", order["order_id"])
    canceled = terminal.asked("cancel", order["order_id"])
    assert (canceled["status"], Decimal(canceled["cum_qty"])) == ("CANCELED", Decimal(0))
    assert "It had no children." in terminal.told("execution", order["order_id"])


def test_the_exit_of_a_bracket_waits_for_its_entry_and_ends_with_it(terminal: Terminal, desk: Desk) -> None:
    entry_px = desk.price_below()
    prices = ("--at", entry_px, "--target", desk.price_above(), "--stop", str(Decimal(entry_px) - 50))
    bracket = ("bracket", "buy", "0.1", SYMBOL, *prices, "--id", new_id()[:30])
    made = terminal.asked(*bracket)
    assert [made[part]["status"] for part in ("entry", "exit")] == ["NEW", "NEW"]
    assert made["exit"]["execution"]["after"] == made["entry"]["order_id"]
    again = terminal.asked(*bracket)
    assert [again[part]["order_id"] for part in ("entry", "exit")] == [
        made[part]["order_id"] for part in ("entry", "exit")
    ]
    assert "No children yet." in terminal.told("order", made["exit"]["order_id"])
    terminal.run("cancel", made["entry"]["order_id"])
    exit_ = final(desk.client, made["exit"]["order_id"], WITHIN_S)
    assert (exit_["status"], exit_["reject_reason"]) == ("CANCELED", "its entry ended without a fill")


def test_the_exit_of_a_bracket_sells_what_its_entry_bought(
    terminal: Terminal, desk: Desk, position: Callable[[], Decimal]
) -> None:
    before = position()
    # Above the market, so that the next trade sets it off.
    stop = str((desk.market()[1] * Decimal("1.01")).quantize(Decimal("0.01")))
    made = terminal.asked("bracket", "buy", "0.1", SYMBOL, "--market", "--target", desk.price_above(), "--stop", stop)
    assert (made["entry"]["status"], Decimal(made["entry"]["cum_qty"])) == ("FILLED", Decimal("0.1"))
    exit_ = final(desk.client, made["exit"]["order_id"], WITHIN_S)
    assert (exit_["status"], Decimal(exit_["cum_qty"])) == ("FILLED", Decimal("0.1"))
    assert eventually(lambda: position() == before or None)
    told = terminal.told("execution", exit_["order_id"])
    assert f"OCO stop {Decimal(stop):,}, trigger LAST, after {made['entry']['order_id']}, venues SIM" in told


def test_a_bracket_whose_exit_is_not_valid_places_nothing(terminal: Terminal, desk: Desk) -> None:
    own_id = new_id()[:30]
    prices = ("--at", desk.price_below(), "--target", desk.price_above(), "--stop", "1000.001")
    told = terminal.run("bracket", "buy", "0.1", SYMBOL, *prices, "--id", own_id, exit_code=1)
    assert "the exit: stop_px is not a multiple of the tick size" in told
    assert told.endswith("Nothing was placed.\n")
    listed = desk.client.orders(account_id=desk.account_id, client_order_id=f"{own_id}-entry")["items"]
    assert listed == []
