"""An order gets other terms when its venue shows it with them, and a fill never counts to terms that it is not of."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.orders import OrdStatus
from fargate_engine.messages import VenueCanceled, VenueFilled, VenueReplaced, VenueReplaceRejected, VenueReport
from fargate_engine.terms import TOO_LATE, Reason
from fargate_engine.venues.client_ids import client_id_of, order_id_of
from fargate_engine.venues.pending_replace import NOT_REPLACED, PendingReplace
from fargate_engine.venues.protocol import FillAtVenue, OrderAtVenue
from fargate_engine.venues.tracked_order import TrackedOrder
from tests.unit.fargate_engine.orders import ETH, terms
from tests.unit.fargate_engine.venues.test_tracked_order import LOT, ORDER_ID, QUANTITY_LOTS, fill, kinds, tracked, word

RENAMED = client_id_of(ORDER_ID, 1)
PRICE = Decimal("1.00")


def pending(lots: int, *, ticks: int = 100, renames: bool) -> PendingReplace:
    client_id = client_id_of(ORDER_ID, 1 if renames else 0)
    return PendingReplace(terms(1, quantity_lots=lots, limit_ticks=ticks), client_id, is_sent=True)


def replacing(lots: int, *, ticks: int = 100, renames: bool) -> TrackedOrder:
    order = tracked()
    order.learn(word(OrdStatus.NEW))
    order.replace(pending(lots, ticks=ticks, renames=renames))
    return order


def there(status: OrdStatus, lots: int, filled: int = 0, *, renamed: bool = False, **changes: Any) -> OrderAtVenue:
    told = word(status, filled, quantity=lots * LOT, price=PRICE, **changes)
    return replace(told, client_id=RENAMED) if renamed else told


def test_a_venue_that_renames_shows_by_the_name_that_it_is_done() -> None:
    tells: list[Callable[[TrackedOrder], list[VenueReport]]] = [
        lambda order: order.learn(there(OrdStatus.NEW, 15, renamed=True)),
        lambda order: order.learn_fills([replace(fill(1, 2), client_id=RENAMED, venue_order_id="8")]),
    ]
    for tell in tells:
        order = replacing(15, renames=True)
        reports = tell(order)
        assert reports[0] == VenueReplaced(order_id=ORDER_ID, quantity_lots=15, price_ticks=100)
        assert order.client_id == RENAMED
        assert order.learn(there(OrdStatus.CANCELED, QUANTITY_LOTS)) == []  # The one that it replaced.
        assert not order.is_over


@pytest.mark.parametrize("status", [OrdStatus.CANCELED, OrdStatus.EXPIRED])
def test_its_end_under_the_old_name_may_be_the_replace_itself(status: OrdStatus) -> None:
    order = replacing(15, renames=True)
    assert order.learn(there(status, QUANTITY_LOTS)) == []
    assert kinds(order.not_replaced(NOT_REPLACED)) == ["VenueReplaceRejected"]
    assert order.learn(there(status, QUANTITY_LOTS)) != []
    assert order.is_over


@pytest.mark.parametrize("renamed", [True, False])
def test_new_terms_that_the_venue_did_not_take_are_not_the_orders(renamed: bool) -> None:
    """Binance tells so in its stream when it has cancelled an order and refuses the one that was to replace it."""
    order = replacing(15, renames=True)
    reason = Reason("VENUE_REFUSED", "the venue refused it: INSUFFICIENT_BALANCES")
    assert order.learn(there(OrdStatus.REJECTED, 15, renamed=renamed, reason=reason)) == []
    assert order.replacing is not None
    assert order.replacing.refusal == reason
    assert (order.is_over, order.client_id) == (False, client_id_of(ORDER_ID))


def test_filled_to_its_end_under_the_old_name_it_was_not_replaced() -> None:
    order = replacing(15, renames=True)
    [refused] = order.learn(there(OrdStatus.FILLED, QUANTITY_LOTS, QUANTITY_LOTS))
    assert isinstance(refused, VenueReplaceRejected)
    assert refused.code == TOO_LATE.code
    assert kinds(order.learn_fills([fill(1, QUANTITY_LOTS)])) == ["VenueFilled"]
    assert order.is_over


def test_where_it_keeps_its_name_only_an_answer_or_a_last_word_shows_that_it_is_done() -> None:
    order = replacing(15, renames=False)
    assert order.learn(there(OrdStatus.NEW, 15)) == []
    assert kinds(order.learn(there(OrdStatus.NEW, 15), is_answer=True)) == ["VenueReplaced"]
    order = replacing(15, renames=False)
    assert kinds(order.learn(there(OrdStatus.CANCELED, 15))) == ["VenueReplaced", "VenueCanceled"]
    order = replacing(15, renames=False)
    assert kinds(order.learn(there(OrdStatus.CANCELED, QUANTITY_LOTS))) == ["VenueReplaceRejected", "VenueCanceled"]


@pytest.mark.parametrize("lots", [6, 15])
def test_a_fill_that_may_be_the_last_waits_and_is_booked_by_the_terms_that_hold(lots: int) -> None:
    least = min(lots, QUANTITY_LOTS)
    order = replacing(lots, renames=False)
    assert kinds(order.learn_fills([fill(1, 2)])) == ["VenueFilled"]
    assert order.learn_fills([fill(2, least - 2)]) == []
    assert order.learn_fills([fill(2, least - 2)]) == []  # Told again.
    reports = order.learn(there(OrdStatus.PARTIALLY_FILLED, lots, least), is_answer=True)
    assert kinds(reports) == ["VenueReplaced", "VenueFilled"]
    assert order.is_over == (lots == least)
    order = replacing(lots, renames=False)
    order.learn_fills([fill(1, least)])
    assert kinds(order.not_replaced(NOT_REPLACED)) == ["VenueReplaceRejected", "VenueFilled"]
    assert order.is_over == (least == QUANTITY_LOTS)


def test_a_late_fill_at_the_price_that_it_had_is_no_anomaly() -> None:
    order = replacing(QUANTITY_LOTS, ticks=90, renames=False)
    order.learn(word(OrdStatus.NEW, price=Decimal("0.90")), is_answer=True)
    assert kinds(order.learn_fills([fill(1, 2, price=PRICE)])) == ["VenueFilled"]
    assert order.anomalies == []
    order.learn_fills([fill(2, 2, price=Decimal("1.01"))])
    assert len(order.anomalies) == 1


@pytest.mark.parametrize("lots", [6, 15])
def test_one_that_was_made_after_it_was_refused_here_is_cancelled(lots: int) -> None:
    order = replacing(lots, renames=True)
    order.not_replaced(NOT_REPLACED)
    assert order.learn(there(OrdStatus.REJECTED, lots, renamed=True)) == []  # Only that it was not made.
    assert not order.is_cancel_wanted
    reports = order.learn_fills([replace(fill(1, 2), client_id=RENAMED, venue_order_id="8")])
    assert kinds(reports) == ["VenueFilled"]
    assert (order.client_id, order.is_cancel_wanted, len(order.anomalies)) == (RENAMED, True, 1)
    assert order.learn(there(OrdStatus.CANCELED, QUANTITY_LOTS)) == []
    [canceled] = order.learn(there(OrdStatus.CANCELED, lots, 2, renamed=True))
    assert isinstance(canceled, VenueCanceled)
    assert canceled.code == "REPLACE_NOT_REFUSED"


def test_one_that_was_made_smaller_after_all_ends_when_that_is_filled() -> None:
    order = replacing(6, renames=True)
    order.not_replaced(NOT_REPLACED)
    order.learn_fills([replace(fill(1, 6), client_id=RENAMED)])
    assert kinds(order.learn(there(OrdStatus.FILLED, 6, 6, renamed=True))) == ["VenueCanceled"]


def test_where_it_keeps_its_name_other_terms_raise_a_question_and_the_answer_ends_it() -> None:
    order = replacing(15, renames=False)
    order.not_replaced(NOT_REPLACED)
    late = there(OrdStatus.NEW, 15)
    assert order.learn(late) == []
    assert (order.is_in_doubt, order.is_cancel_wanted) == (True, False)
    order.made_after_all(there(OrdStatus.NEW, QUANTITY_LOTS))  # A late word it was.
    assert (order.is_in_doubt, order.is_cancel_wanted, order.anomalies) == (False, False, [])
    order.learn(late)
    order.made_after_all(late)
    assert (order.is_in_doubt, order.is_cancel_wanted, len(order.anomalies)) == (False, True, 1)
    [canceled] = order.learn(there(OrdStatus.CANCELED, 15))
    assert isinstance(canceled, VenueCanceled)
    assert canceled.code == "REPLACE_NOT_REFUSED"


@pytest.mark.parametrize("lots", [6, 15])
def test_a_last_word_with_other_terms_ends_it_at_once(lots: int) -> None:
    order = replacing(lots, renames=False)
    order.not_replaced(NOT_REPLACED)
    order.learn_fills([fill(1, 5)])
    reports = order.learn_fills([fill(2, lots - 5)])
    assert kinds(reports) == (["VenueFilled"] if lots == 6 else [])
    [canceled] = order.learn(there(OrdStatus.FILLED, lots, lots))
    assert isinstance(canceled, VenueCanceled)
    assert canceled.code == "REPLACE_NOT_REFUSED"
    assert order.anomalies[-1].startswith(f"{order.client_id} is there as 0.00")


def test_a_market_order_has_the_price_that_its_venue_has() -> None:
    order = TrackedOrder.new(terms(1, quantity_lots=QUANTITY_LOTS, is_market=True), ETH)
    order.learn(word(OrdStatus.NEW, price=Decimal("0.95")))
    assert not order.is_in_doubt


@given(st.data())
def test_whatever_is_told_in_which_order_the_fills_add_up_to_the_terms_that_hold(data: st.DataObject) -> None:
    """Some fills before the replace and some after; stream, questions and answers tell of them as they like."""
    renames, lots = data.draw(st.booleans()), data.draw(st.integers(4, 15))
    before = 0 if renames else data.draw(st.integers(0, min(lots, QUANTITY_LOTS) - 1))
    after = data.draw(st.integers(1, lots - before))
    fills: list[FillAtVenue] = [fill(1, before)] if before else []
    name = RENAMED if renames else client_id_of(ORDER_ID)
    fills.append(replace(fill(2, after), client_id=name))
    last = OrdStatus.FILLED if before + after == lots else OrdStatus.CANCELED
    words = [there(OrdStatus.NEW, QUANTITY_LOTS), there(last, lots, before + after, renamed=renames)]
    if renames:
        words.append(there(OrdStatus.CANCELED, QUANTITY_LOTS))
    told: list[Callable[[TrackedOrder], list[VenueReport]]] = []
    told += [partial(TrackedOrder.learn, word=each) for each in words for _ in range(2)]
    told += [partial(TrackedOrder.learn_fills, fills=[each]) for each in fills for _ in range(2)]
    order = replacing(lots, renames=renames)
    reports = [report for tell in data.draw(st.permutations(told)) for report in tell(order)]
    assert order.is_over
    assert not order.anomalies
    booked = [report for report in reports if isinstance(report, VenueFilled)]
    assert sum(report.quantity_lots for report in booked) == before + after
    assert len({report.trade_id for report in booked}) == len(booked)
    changes = [report for report in reports if not isinstance(report, VenueFilled)]
    assert kinds(changes) == ["VenueReplaced"] + ["VenueCanceled"] * (last is OrdStatus.CANCELED)
    # By the quantity that the engine knows at that moment, no fill is too much, and none ends the order too early.
    has, traded = QUANTITY_LOTS, 0
    for report in reports:
        if isinstance(report, VenueReplaced):
            assert report.quantity_lots > traded
            has = report.quantity_lots
        elif isinstance(report, VenueFilled):
            traded += report.quantity_lots
            assert traded < has or report is reports[-1]
            assert traded <= has


@pytest.mark.parametrize("number", [1, 35, 36, 10_000, 46_655])
def test_an_id_of_a_replace_leads_back_to_its_order(number: int) -> None:
    renamed = client_id_of(ORDER_ID, number)
    assert len(renamed) == 36
    assert order_id_of(renamed) == ORDER_ID
    for other in (renamed[:-1] + "?", renamed[:-1] + "Z", "x" + renamed[1:], renamed[:-3] + "000"):
        assert order_id_of(other) is None


def test_there_is_no_id_beyond_what_fits() -> None:
    with pytest.raises(ValueError, match="no room"):
        client_id_of(ORDER_ID, 46_656)
    assert len({client_id_of(ORDER_ID, number) for number in range(10_001)}) == 10_001
