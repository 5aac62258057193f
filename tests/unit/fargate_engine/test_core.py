"""The deterministic core: idempotence, FIX statuses, events."""

import uuid
from decimal import Decimal

import pytest

from breakwater.domain.orders import OrderSnapshot, OrdStatus, Side
from breakwater.errors import NotFound
from events.orders import TradeExecuted
from fargate_engine.core import CancelAtVenue, Core, Outcome, SubmitToVenue
from fargate_engine.messages import (
    CancelOrder,
    CoreInput,
    ListInstrument,
    VenueAccepted,
    VenueCanceled,
    VenueExpired,
    VenueFilled,
    VenueRejected,
    VoidOrder,
)
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, submit

OTHER_TENANT = uuid.UUID(int=99)


class Driven:
    """A core with a clock that ticks by one."""

    def __init__(self) -> None:
        self.core = Core()
        self.at_ns = 0
        self.apply(ListInstrument.of(ETH))

    def apply(self, message: CoreInput) -> Outcome:
        self.at_ns += 1
        return self.core.apply(message, self.at_ns)

    def snapshot(self, order_id: uuid.UUID) -> OrderSnapshot:
        return self.core.order(order_id).snapshot()


@pytest.fixture
def engine() -> Driven:
    return Driven()


def topics(outcome: Outcome) -> list[str]:
    return [event.topic for event in outcome.events]


def test_a_match_on_the_book_tells_both_orders_and_charges_nobody(engine: Driven) -> None:
    sell = submit(1, side=Side.SELL, account_id=uuid.UUID(int=3), quantity=Decimal("0.4"))
    engine.apply(sell)
    outcome = engine.apply(submit(2, price=Decimal("2000.50")))
    assert topics(outcome) == ["orders.OrderAccepted.v1", "trades.TradeExecuted.v1", "trades.TradeExecuted.v1"]
    maker, taker = (TradeExecuted.model_validate(event.payload) for event in outcome.events[1:])
    assert (maker.liquidity, taker.liquidity) == ("MAKER", "TAKER")
    assert (taker.last_qty, taker.last_px, taker.fee, taker.order.status) == (
        "0.4000",
        "2000.00",
        "0",
        "PARTIALLY_FILLED",
    )
    assert engine.snapshot(sell.order_id).status is OrdStatus.FILLED
    assert engine.snapshot(submit(2).order_id).cum_notional == Decimal(800)


def test_several_fills_in_one_input_have_rising_numbers_and_ids_of_their_own(engine: Driven) -> None:
    for number in (1, 2, 3):
        engine.apply(submit(number, side=Side.SELL, account_id=uuid.UUID(int=3), quantity=Decimal("0.1")))
    outcome = engine.apply(submit(9))
    numbers = [
        event.payload["order"]["engine_seq"] for event in outcome.events if event.aggregate_id == submit(9).order_id
    ]
    assert numbers == sorted(set(numbers))
    assert len({event.event_id for event in outcome.events}) == len(outcome.events)


def test_a_known_order_is_answered_and_not_changed(engine: Driven) -> None:
    engine.apply(submit(1))
    before = engine.core.state_hash()
    outcome = engine.apply(submit(1, quantity=Decimal(7)))
    assert (outcome.changed, outcome.events, outcome.refused) == (False, [], None)
    assert engine.core.state_hash() == before


def test_a_voided_order_is_refused_for_ever(engine: Driven) -> None:
    order = submit(1)
    engine.apply(VoidOrder(order_id=order.order_id, tenant_id=TENANT, account_id=ACCOUNT))
    outcome = engine.apply(order)
    assert not outcome.changed
    assert engine.snapshot(order.order_id).status is OrdStatus.REJECTED
    assert engine.snapshot(order.order_id).reject_code == "VOIDED"


def test_voiding_a_known_order_leaves_it_as_it_is(engine: Driven) -> None:
    engine.apply(submit(1))
    outcome = engine.apply(VoidOrder(order_id=submit(1).order_id, tenant_id=TENANT, account_id=ACCOUNT))
    assert not outcome.changed
    assert engine.snapshot(submit(1).order_id).status is OrdStatus.NEW


def test_another_tenants_order_cannot_be_found_cancelled_or_voided(engine: Driven) -> None:
    order_id = submit(1).order_id
    engine.apply(submit(1))
    assert engine.core.find(order_id, OTHER_TENANT) is None
    for message in (
        CancelOrder(order_id=order_id, tenant_id=OTHER_TENANT),
        VoidOrder(order_id=order_id, tenant_id=OTHER_TENANT, account_id=ACCOUNT),
    ):
        outcome = engine.apply(message)
        assert isinstance(outcome.refused, NotFound)
        assert not outcome.changed


def test_a_cancel_on_the_book_is_final_at_once_and_a_second_changes_nothing(engine: Driven) -> None:
    engine.apply(submit(1))
    cancel = CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT)
    assert topics(engine.apply(cancel)) == ["orders.OrderCanceled.v1"]
    assert not engine.apply(cancel).changed
    assert engine.snapshot(submit(1).order_id).leaves_qty == 0


def test_an_order_for_a_venue_waits_for_the_venues_word(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    outcome = engine.apply(order)
    assert isinstance(outcome.venue_requests[0], SubmitToVenue)
    assert outcome.events == []
    assert engine.snapshot(order.order_id).status is OrdStatus.PENDING_NEW
    assert topics(engine.apply(VenueAccepted(order_id=order.order_id))) == ["orders.OrderAccepted.v1"]


def test_a_fill_between_cancel_and_its_answer_counts(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    engine.apply(order)
    engine.apply(VenueAccepted(order_id=order.order_id))
    outcome = engine.apply(CancelOrder(order_id=order.order_id, tenant_id=TENANT))
    assert outcome.venue_requests == [CancelAtVenue(order.order_id, "ETH/USDT")]
    engine.apply(filled(order.order_id, 4_000))
    assert engine.snapshot(order.order_id).status is OrdStatus.PENDING_CANCEL
    engine.apply(VenueCanceled(order_id=order.order_id))
    last = engine.snapshot(order.order_id)
    assert (last.status, last.cum_qty, last.leaves_qty) == (OrdStatus.CANCELED, Decimal("0.4"), Decimal(0))


def test_a_report_about_a_final_order_changes_nothing(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    engine.apply(order)
    engine.apply(VenueRejected(order_id=order.order_id, code="NO", reason="no"))
    before = engine.core.state_hash()
    for report in (
        VenueAccepted(order_id=order.order_id),
        VenueExpired(order_id=order.order_id),
        filled(order.order_id, 1),
    ):
        assert not engine.apply(report).changed
    assert engine.core.state_hash() == before


def test_a_fill_beyond_the_order_is_a_broken_invariant(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    engine.apply(order)
    with pytest.raises(AssertionError, match="10001 of 10000"):
        engine.apply(filled(order.order_id, 10_001))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "DOGE/USDT"}, "UNKNOWN_SYMBOL"),
        ({"venue": "MOON"}, "UNKNOWN_VENUE"),
        ({"price": None}, "INVALID_TERMS"),
        ({"quantity": Decimal(0)}, "INVALID_QUANTITY"),
        ({"quantity": Decimal(-1)}, "INVALID_QUANTITY"),
        ({"quantity": Decimal("0.00001")}, "INVALID_QUANTITY"),
        ({"price": Decimal("2000.001")}, "INVALID_PRICE"),
        ({"price": Decimal("4000.01")}, "PRICE_OUTSIDE_BAND"),
        ({"price": Decimal("999.99")}, "PRICE_OUTSIDE_BAND"),
        ({"price_low": Decimal("2000.001"), "price_high": Decimal("2000.009")}, "INVALID_BAND"),
        ({"price_low": Decimal(-5)}, "INVALID_BAND"),
        ({"quantity": Decimal(10) ** 17}, "ORDER_TOO_LARGE"),
    ],
)
def test_the_risk_stage_refuses_with_a_stable_code_and_remembers_it(
    engine: Driven, changes: dict[str, object], code: str
) -> None:
    order = submit(1, **changes)
    assert topics(engine.apply(order)) == ["orders.OrderRejected.v1"]
    answer = engine.snapshot(order.order_id)
    assert (answer.status, answer.reject_code, answer.leaves_qty) == (OrdStatus.REJECTED, code, Decimal(0))
    assert not engine.apply(submit(1)).changed


def filled(order_id: uuid.UUID, lots: int) -> VenueFilled:
    return VenueFilled(
        order_id=order_id,
        quantity_lots=lots,
        price_ticks=200_000,
        liquidity="MAKER",
        fee=Decimal("0.5"),
        fee_currency="USDT",
    )
