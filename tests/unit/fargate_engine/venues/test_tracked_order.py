"""Whatever tells what first, twice or late: each fill is reported once, and the last word after the last fill."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.orders import OrdStatus, Side, TimeInForce
from fargate_engine.messages import (
    VenueAccepted,
    VenueCanceled,
    VenueExpired,
    VenueFilled,
    VenueRejected,
    VenueReport,
)
from fargate_engine.terms import Reason
from fargate_engine.venues.client_ids import client_id_of, order_id_of
from fargate_engine.venues.protocol import FillAtVenue, OrderAtVenue
from fargate_engine.venues.tracked_order import NEVER_ARRIVED, TrackedOrder
from tests.unit.fargate_engine.orders import ETH, terms

LOT = ETH.lot_size
QUANTITY_LOTS = 10
ORDER_ID = terms(1).order_id


def tracked(**changes: Any) -> TrackedOrder:
    return TrackedOrder.new(terms(1, quantity_lots=QUANTITY_LOTS, **changes), ETH)


def fill(number: int, lots: int, **changes: Any) -> FillAtVenue:
    fields: dict[str, Any] = {
        "trade_id": str(number),
        "venue_order_id": "7",
        "client_id": client_id_of(ORDER_ID),
        "symbol": "ETH/USDT",
        "side": Side.BUY,
        "quantity": lots * LOT,
        "price": Decimal("1.00"),
        "liquidity": "MAKER",
        "fee": Decimal(0),
        "fee_currency": "USDT",
        "at_ms": number,
    }
    return FillAtVenue(**fields | changes)


def word(status: OrdStatus, filled_lots: int = 0, **changes: Any) -> OrderAtVenue:
    fields: dict[str, Any] = {
        "client_id": client_id_of(ORDER_ID),
        "venue_order_id": "7",
        "symbol": "ETH/USDT",
        "side": Side.BUY,
        "status": status,
        "quantity": QUANTITY_LOTS * LOT,
        "filled": filled_lots * LOT,
    }
    return OrderAtVenue(**fields | changes)


def kinds(reports: Sequence[VenueReport]) -> list[str]:
    return [type(report).__name__ for report in reports]


@given(st.data())
def test_in_any_order_and_however_often_it_is_told_the_same_is_reported_once(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 3), max_size=5).filter(lambda each: sum(each) <= QUANTITY_LOTS))
    fills = [fill(number, lots) for number, lots in enumerate(sizes)]
    total = sum(sizes)
    last = OrdStatus.FILLED if total == QUANTITY_LOTS else OrdStatus.CANCELED
    told: list[Callable[[TrackedOrder], list[VenueReport]]] = []
    for each in fills:
        told += [partial(TrackedOrder.learn_fills, fills=[each])] * data.draw(st.integers(1, 3))
    sums = [sum(sizes[: count + 1]) for count in range(len(sizes))]
    words = [word(OrdStatus.NEW), *(word(OrdStatus.PARTIALLY_FILLED, lots) for lots in sums), word(last, total)]
    told += [partial(TrackedOrder.learn, word=each) for each in words for _ in range(2)]
    order = tracked()
    reports = [report for tell in data.draw(st.permutations(told)) for report in tell(order)]
    assert order.is_over
    assert not order.anomalies
    assert isinstance(reports[0], VenueAccepted)
    booked = [report for report in reports if isinstance(report, VenueFilled)]
    assert {report.trade_id for report in booked} == {each.trade_id for each in fills}
    assert len(booked) == len(fills)
    assert kinds(reports).count("VenueAccepted") == 1
    assert kinds(reports[1:]) == ["VenueFilled"] * len(fills) + ["VenueCanceled"] * (total < QUANTITY_LOTS)


def test_the_last_word_waits_for_the_fills_that_it_counts() -> None:
    order = tracked()
    assert kinds(order.learn(word(OrdStatus.CANCELED, 4))) == ["VenueAccepted"]
    assert order.misses_fills
    assert kinds(order.learn_fills([fill(1, 4)])) == ["VenueFilled", "VenueCanceled"]
    assert order.is_over


@pytest.mark.parametrize(
    ("told", "booked"),
    [
        ("-0.0100", "-0.0100"),
        ("0.0000000000000000011", "0.000000000000000002"),
        ("-1E-20", "-0.000000000000000000"),
        ("0.50000000000000000000", "0.500000000000000000"),
        ("999999999999999999", "999999999999999999"),
    ],
)
def test_a_fee_is_booked_as_the_journal_can_hold_it_and_never_less_than_was_charged(told: str, booked: str) -> None:
    order = tracked()
    _, filled = order.learn_fills([fill(1, 4, fee=Decimal(told))])
    assert isinstance(filled, VenueFilled)
    assert format(filled.fee, "f") == booked
    assert VenueFilled.model_validate_json(filled.model_dump_json()) == filled
    assert not order.anomalies


@pytest.mark.parametrize("told", ["1000000000000000000", "-1E+30", "999999999999999999.9999999999999999999"])
def test_a_fill_is_booked_without_a_fee_that_cannot_be_and_people_are_told(told: str) -> None:
    order = tracked()
    _, filled = order.learn_fills([fill(1, 4, fee=Decimal(told))])
    assert isinstance(filled, VenueFilled)
    assert filled.fee == 0
    assert order.anomalies == [f"fill 1 of {order.client_id} is booked without its fee: {Decimal(told)} is none"]


def test_a_fill_beyond_the_quantity_is_told_to_people_and_not_booked() -> None:
    order = tracked()
    order.learn_fills([fill(1, 8)])
    assert order.learn_fills([fill(2, 3)]) == []
    assert order.anomalies == [f"fill 2 of {order.client_id} is not booked: 3 lots are more than the 2 that are left"]
    assert kinds(order.learn_fills([fill(3, 2)])) == ["VenueFilled"]
    assert order.is_over


@pytest.mark.parametrize(
    "changes",
    [
        {"side": Side.SELL},
        {"symbol": "BTC/USDT"},
        {"quantity": LOT / 2},
        {"price": Decimal("1.001")},
        {"price": Decimal("1E+20")},
        {"quantity": Decimal("1E+30")},
        {"price": Decimal("1E+999999")},
    ],
)
def test_a_fill_that_is_not_of_the_order_is_not_booked(changes: dict[str, Any]) -> None:
    order = tracked()
    assert kinds(order.learn_fills([fill(1, 1, **changes)])) == ["VenueAccepted"]
    assert len(order.anomalies) == 1


@pytest.mark.parametrize(
    ("time_in_force", "is_cancel_wanted", "said", "report"),
    [
        (TimeInForce.GTC, True, word(OrdStatus.CANCELED), VenueCanceled(order_id=ORDER_ID)),
        (TimeInForce.GTC, False, word(OrdStatus.EXPIRED), VenueExpired(order_id=ORDER_ID)),
        (
            TimeInForce.IOC,
            False,
            word(OrdStatus.EXPIRED),
            VenueCanceled(order_id=ORDER_ID, code="NO_LIQUIDITY", reason="nothing more to trade with at its price"),
        ),
        (
            TimeInForce.IOC,
            True,
            word(OrdStatus.EXPIRED),
            VenueCanceled(order_id=ORDER_ID, code="NO_LIQUIDITY", reason="nothing more to trade with at its price"),
        ),
        (
            TimeInForce.FOK,
            False,
            word(OrdStatus.EXPIRED),
            VenueCanceled(
                order_id=ORDER_ID, code="FOK_NOT_FILLABLE", reason="the whole quantity could not be filled at once"
            ),
        ),
        (
            TimeInForce.GTC,
            False,
            word(OrdStatus.EXPIRED, reason=Reason("SELF_TRADE", "itself")),
            VenueCanceled(order_id=ORDER_ID, code="SELF_TRADE", reason="itself"),
        ),
        (
            TimeInForce.GTC,
            False,
            word(OrdStatus.CANCELED),
            VenueCanceled(order_id=ORDER_ID, code="VENUE_CANCELED", reason="the venue cancelled it, or somebody there"),
        ),
        (
            TimeInForce.GTC,
            False,
            word(OrdStatus.REJECTED, reason=Reason("VENUE_REFUSED", "no")),
            VenueRejected(order_id=ORDER_ID, code="VENUE_REFUSED", reason="no"),
        ),
    ],
)
def test_how_it_ended_is_told_in_fixs_words(
    time_in_force: TimeInForce, is_cancel_wanted: bool, said: OrderAtVenue, report: VenueReport
) -> None:
    order = tracked(time_in_force=time_in_force)
    order.is_cancel_wanted = is_cancel_wanted
    assert order.learn(said)[-1] == report
    assert order.is_over
    assert order.learn(said) == []


def test_filled_with_less_than_it_is_for_is_not_believed() -> None:
    order = tracked()
    order.learn_fills([fill(1, 4)])
    assert order.learn(word(OrdStatus.FILLED, 4)) == []
    assert not order.is_over
    assert "is FILLED with 4 of 10 lots" in order.anomalies[0]


def test_one_that_never_arrived_is_rejected_once() -> None:
    order = tracked()
    assert kinds(order.refused(NEVER_ARRIVED)) == ["VenueRejected"]
    assert order.refused(NEVER_ARRIVED) == []
    assert order.never_sent() == []
    assert order.learn_fills([fill(1, 1)]) == []


def test_an_older_word_takes_nothing_back() -> None:
    order = tracked()
    order.learn(word(OrdStatus.PARTIALLY_FILLED, 4))
    order.learn(replace(word(OrdStatus.NEW), venue_order_id=None))
    assert order.misses_fills
    assert order.venue_order_id == "7"


def test_a_client_id_leads_back_to_the_order_and_no_other_id_does() -> None:
    assert len(client_id_of(ORDER_ID)) <= 36
    assert order_id_of(client_id_of(ORDER_ID)) == ORDER_ID
    for other in (None, "", "bw", "web_123", client_id_of(ORDER_ID).upper(), str(uuid.uuid4()), "bw" + "g" * 32):
        assert order_id_of(other) is None


def test_a_fill_at_a_worse_price_than_the_limit_is_booked_and_told_to_people() -> None:
    order = tracked()
    reports = order.learn_fills([fill(1, 4), fill(2, 6, price=Decimal("1.01"))])
    assert kinds(reports) == ["VenueAccepted", "VenueFilled", "VenueFilled"]
    assert order.anomalies == [f"fill 2 of {order.client_id} is booked although 1.01 is worse than its limit"]


def test_a_venues_words_are_told_without_what_no_journal_can_hold() -> None:
    words = "no\0 \ud800 money" + "!" * 500
    [report] = tracked().refused(Reason("VENUE_REFUSED", words))
    assert isinstance(report, VenueRejected)
    assert report.reason is not None
    assert report.reason.startswith("no? ? money!")
    assert len(report.reason) == 300
    assert VenueRejected.model_validate_json(report.model_dump_json()) == report
    [_, booked] = tracked().learn_fills([fill(1, 1, fee_currency="US\ud800", trade_id="\0")])
    assert isinstance(booked, VenueFilled)
    assert (booked.fee_currency, booked.trade_id) == ("US?", "?")
