"""The state of a shard: idempotence, FIX statuses, events."""

import uuid
from decimal import Decimal
from typing import Any

import orjson
import pytest
from matching_core import QUANTITY_MAX

from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from breakwater.errors import NotFound
from events.catalogue import CATALOGUE
from events.envelope import Envelope
from events.orders import TradeExecuted
from fargate_engine.messages import (
    CancelOrder,
    VenueAccepted,
    VenueCanceled,
    VenueExpired,
    VenueFilled,
    VenueRejected,
    VoidOrder,
)
from fargate_engine.outcomes import CancelAtVenue, SubmitToVenue
from fargate_engine.shard_state import Applied, ShardState
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, submit

OTHER_TENANT = uuid.UUID(int=99)


@pytest.fixture
def engine() -> Driven:
    return Driven()


def topics(applied: Applied) -> list[str]:
    return [event["topic"] for event in applied.outcomes.envelopes]


def test_a_match_on_the_book_tells_both_orders_and_charges_nobody(engine: Driven) -> None:
    sell = submit(1, side=Side.SELL, account_id=uuid.UUID(int=3), quantity=Decimal("0.4"))
    engine.apply(sell)
    applied = engine.apply(submit(2, price=Decimal("2000.50")))
    assert topics(applied) == ["orders.OrderAccepted.v1", "trades.TradeExecuted.v1", "trades.TradeExecuted.v1"]
    maker, taker = (TradeExecuted.model_validate(event["payload"]) for event in applied.outcomes.envelopes[1:])
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
    applied = engine.apply(submit(9))
    numbers = [
        event["payload"]["order"]["engine_seq"]
        for event in applied.outcomes.envelopes
        if event["aggregate_id"] == submit(9).order_id
    ]
    assert numbers == sorted(set(numbers))
    assert len({event["event_id"] for event in applied.outcomes.envelopes}) == len(applied.outcomes.envelopes)


def test_a_known_order_is_answered_and_not_changed(engine: Driven) -> None:
    engine.apply(submit(1))
    before = engine.state.state_hash()
    applied = engine.apply(submit(1, quantity=Decimal(7)))
    assert (applied.count, applied.outcomes.envelopes, applied.refusals) == (0, [], [None])
    assert engine.state.state_hash() == before


def test_a_voided_order_is_refused_for_ever(engine: Driven) -> None:
    order = submit(1)
    engine.apply(VoidOrder(order_id=order.order_id, tenant_id=TENANT, account_id=ACCOUNT))
    applied = engine.apply(order)
    assert applied.count == 0
    assert engine.snapshot(order.order_id).status is OrdStatus.REJECTED
    assert engine.snapshot(order.order_id).reject_code == "VOIDED"


def test_voiding_a_known_order_leaves_it_as_it_is(engine: Driven) -> None:
    engine.apply(submit(1))
    applied = engine.apply(VoidOrder(order_id=submit(1).order_id, tenant_id=TENANT, account_id=ACCOUNT))
    assert applied.count == 0
    assert engine.snapshot(submit(1).order_id).status is OrdStatus.NEW


def test_another_tenants_order_cannot_be_found_cancelled_or_voided(engine: Driven) -> None:
    order_id = submit(1).order_id
    engine.apply(submit(1))
    assert engine.state.find(order_id, OTHER_TENANT) is None
    for message in (
        CancelOrder(order_id=order_id, tenant_id=OTHER_TENANT),
        VoidOrder(order_id=order_id, tenant_id=OTHER_TENANT, account_id=ACCOUNT),
    ):
        applied = engine.apply(message)
        assert isinstance(applied.refusals[0], NotFound)
        assert applied.count == 0


def test_a_cancel_on_the_book_is_final_at_once_and_a_second_changes_nothing(engine: Driven) -> None:
    engine.apply(submit(1))
    cancel = CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT)
    assert topics(engine.apply(cancel)) == ["orders.OrderCanceled.v1"]
    assert engine.apply(cancel).count == 0
    assert engine.snapshot(submit(1).order_id).leaves_qty == 0


def test_an_order_for_a_venue_waits_for_the_venues_word(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    applied = engine.apply(order)
    assert isinstance(applied.outcomes.venue_requests[0], SubmitToVenue)
    assert applied.outcomes.envelopes == []
    assert engine.snapshot(order.order_id).status is OrdStatus.PENDING_NEW
    assert topics(engine.apply(VenueAccepted(order_id=order.order_id))) == ["orders.OrderAccepted.v1"]


def test_a_fill_between_cancel_and_its_answer_counts(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    engine.apply(order)
    engine.apply(VenueAccepted(order_id=order.order_id))
    applied = engine.apply(CancelOrder(order_id=order.order_id, tenant_id=TENANT))
    assert applied.outcomes.venue_requests == [CancelAtVenue("SIM", order.order_id, "ETH/USDT")]
    engine.apply(filled(order.order_id, 4_000))
    assert engine.snapshot(order.order_id).status is OrdStatus.PENDING_CANCEL
    engine.apply(VenueCanceled(order_id=order.order_id))
    last = engine.snapshot(order.order_id)
    assert (last.status, last.cum_qty, last.leaves_qty) == (OrdStatus.CANCELED, Decimal("0.4"), Decimal(0))


def test_a_report_about_a_final_order_changes_nothing(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    engine.apply(order)
    engine.apply(VenueRejected(order_id=order.order_id, code="NO", reason="no"))
    before = engine.state.state_hash()
    for report in (
        VenueAccepted(order_id=order.order_id),
        VenueExpired(order_id=order.order_id),
        filled(order.order_id, 1),
    ):
        assert engine.apply(report).count == 0
    assert engine.state.state_hash() == before


def test_a_fill_beyond_the_order_is_told_to_people_and_changes_nothing_of_it(engine: Driven) -> None:
    """The venue is wrong then, and the engine goes on."""
    order = submit(1, venue="SIM")
    engine.apply(order)
    beyond = filled(order.order_id, 10_001)
    applied = engine.apply(beyond)
    assert applied.outcomes.refused_fills == [beyond]
    assert applied.outcomes.envelopes == []
    engine.apply(filled(order.order_id, 10_000))
    assert engine.snapshot(order.order_id).status is OrdStatus.FILLED
    assert replayed(engine.rows).state_hash() == engine.state.state_hash()


def test_a_fill_that_is_told_twice_counts_once_also_after_a_restart(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    engine.apply(order)
    first = filled(order.order_id, 4_000, trade_id="t1")
    engine.apply(first, first)
    assert engine.apply(first).count == 0
    for state in (replayed(engine.rows), ShardState.restore(engine.state.snapshot(), shard=0)):
        engine.state = state
        assert engine.apply(first).count == 0
        assert engine.snapshot(order.order_id).cum_qty == Decimal("0.4")
    engine.apply(filled(order.order_id, 6_000, trade_id="t2"))
    assert engine.snapshot(order.order_id).status is OrdStatus.FILLED


def test_a_fee_in_another_currency_is_told_in_it(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    engine.apply(order)
    applied = engine.apply(filled(order.order_id, 4_000, fee=Decimal("0.001"), fee_currency="BNB"))
    (trade,) = [each["payload"] for each in applied.outcomes.envelopes if each["topic"] == "trades.TradeExecuted.v1"]
    assert (trade["fee"], trade["fee_currency"]) == ("0.001", "BNB")


def test_an_order_for_a_venue_that_is_configured_is_sent_there(engine: Driven) -> None:
    engine.state.venues = {"BOOK", "MOON"}
    order = submit(1, venue="MOON")
    (request,) = engine.apply(order).outcomes.venue_requests
    assert isinstance(request, SubmitToVenue)
    assert (request.venue, request.terms.order_id) == ("MOON", order.order_id)
    assert replayed(engine.rows).state_hash() == engine.state.state_hash()


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
    assert engine.apply(submit(1)).count == 0


def test_an_input_may_speak_of_an_order_that_came_earlier_in_its_batch(engine: Driven) -> None:
    order = submit(1)
    cancel = CancelOrder(order_id=order.order_id, tenant_id=TENANT)
    applied = engine.apply(order, order, cancel, cancel)
    assert topics(applied) == ["orders.OrderAccepted.v1", "orders.OrderCanceled.v1"]
    assert applied.refusals == [None, None, None, None]
    assert engine.snapshot(order.order_id).status is OrdStatus.CANCELED


def test_an_order_refused_earlier_in_its_batch_is_known_to_the_rest_of_it(engine: Driven) -> None:
    order = submit(1, venue="MOON")
    applied = engine.apply(order, submit(1), CancelOrder(order_id=order.order_id, tenant_id=TENANT))
    assert topics(applied) == ["orders.OrderRejected.v1"]
    assert engine.snapshot(order.order_id).reject_code == "UNKNOWN_VENUE"


def test_two_cancels_of_one_batch_reach_the_venue_once(engine: Driven) -> None:
    order = submit(1, venue="SIM")
    cancel = CancelOrder(order_id=order.order_id, tenant_id=TENANT)
    applied = engine.apply(order, VenueAccepted(order_id=order.order_id), cancel, cancel)
    assert [type(request) for request in applied.outcomes.venue_requests] == [SubmitToVenue, CancelAtVenue]
    assert engine.snapshot(order.order_id).status is OrdStatus.PENDING_CANCEL


def test_what_an_order_is_told_fits_the_published_contracts(engine: Driven) -> None:
    engine.apply(submit(1, side=Side.SELL, account_id=uuid.UUID(int=3)))
    engine.apply(submit(2, quantity=Decimal("0.4")), submit(3, venue="MOON"))
    cancel = CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT)
    told = {each.topic: each for each in CATALOGUE}
    applied = engine.apply(submit(4, price=Decimal("1999.50"), post_only=True), cancel)
    for envelope in applied.outcomes.envelopes:
        sent = Envelope.model_validate_json(orjson.dumps(envelope))
        assert sent.model_dump() == envelope | {"event_id": uuid.UUID(str(envelope["event_id"]))}
        event = told[sent.topic].model_validate(sent.payload)
        assert event.model_dump(mode="json") == sent.payload


def test_a_post_only_order_that_would_take_is_rejected(engine: Driven) -> None:
    engine.apply(submit(1, side=Side.SELL, account_id=uuid.UUID(int=3)))
    engine.apply(submit(2, post_only=True))
    assert engine.snapshot(submit(2).order_id).reject_code == "POST_ONLY_WOULD_TAKE"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"time_in_force": TimeInForce.IOC}, "NO_LIQUIDITY"),
        ({"time_in_force": TimeInForce.FOK}, "FOK_NOT_FILLABLE"),
        ({"price_low": Decimal("2000.01"), "price": Decimal(2001)}, "PRICE_BAND"),
        ({"account_id": uuid.UUID(int=3)}, "SELF_TRADE"),
        ({"type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.IOC}, "PRICE_BAND"),
    ],
)
def test_what_cannot_stay_is_cancelled_with_a_stable_code(
    engine: Driven, changes: dict[str, object], code: str
) -> None:
    """The book has 0.4 for sale at 2,000 and 1 at 5,000, beyond the band."""
    seller = uuid.UUID(int=3)
    engine.apply(submit(1, side=Side.SELL, account_id=seller, quantity=Decimal("0.4")))
    engine.apply(submit(2, side=Side.SELL, account_id=seller, price=Decimal(5000), price_high=Decimal(5000)))
    engine.apply(submit(3, **changes))
    last = engine.snapshot(submit(3).order_id)
    assert (last.status, last.reject_code, last.leaves_qty) == (OrdStatus.CANCELED, code, Decimal(0))


def test_an_order_wider_than_the_core_counts_is_refused_before_it(engine: Driven) -> None:
    engine.apply(submit(1, quantity=ETH.quantity(QUANTITY_MAX + 1), price=Decimal(1), price_low=Decimal(1)))
    assert engine.snapshot(submit(1).order_id).reject_code == "ORDER_TOO_LARGE"


def test_a_band_wider_than_the_core_counts_binds_no_less(engine: Driven) -> None:
    engine.apply(submit(1, price_high=Decimal(10) ** 17, quantity=Decimal("0.1")))
    assert engine.snapshot(submit(1).order_id).status is OrdStatus.NEW


def test_the_depth_of_the_book_is_in_ticks_and_lots(engine: Driven) -> None:
    engine.apply(submit(1), submit(2, price=Decimal(1999)))
    assert engine.state.depth("ETH/USDT", Side.BUY, 5) == [(200_000, 10_000), (199_900, 10_000)]
    assert engine.state.depth("ETH/USDT", Side.SELL, 5) == []


def test_time_that_goes_back_is_a_broken_invariant(engine: Driven) -> None:
    engine.apply(submit(1))
    with pytest.raises(AssertionError, match="time went back"):
        engine.state.apply([submit(2)], 0)


def filled(order_id: uuid.UUID, lots: int, **changes: Any) -> VenueFilled:
    fields: dict[str, Any] = {"quantity_lots": lots, "price_ticks": 200_000, "liquidity": "MAKER"}
    fees = {"fee": Decimal("0.5"), "fee_currency": "USDT"}
    return VenueFilled(order_id=order_id, **fields | fees | changes)
