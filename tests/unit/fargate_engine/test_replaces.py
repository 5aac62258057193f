"""An order gets other terms: in the engine's own book at once, elsewhere when its venue says so; and each only once."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import OrderSnapshot, OrdStatus, ReplaceOrder, Side, SubmitOrder, VoidReplace
from breakwater.errors import NotFound
from events.orders import OrderReplaced, OrderReplaceRejected
from fargate_engine.market_data.l2_book import DepthSnapshot, MarketTrade
from fargate_engine.messages import (
    CancelOrder,
    VenueAccepted,
    VenueCanceled,
    VenueFilled,
    VenueReplaced,
    VenueReplaceRejected,
)
from fargate_engine.outcomes import ReplaceAtVenue
from fargate_engine.shard_state import Applied, ShardState
from fargate_engine.venues.simulated_market import SimulatedMarket
from tests.support.engine_words import kept
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import ETH, TENANT, replace_of, submit, terms
from tests.unit.fargate_engine.test_simulated_market import fills

MAKER = submit(1)


def other(number: int, **changes: Any) -> SubmitOrder:
    """Of another account: with its own it would not trade."""
    return submit(number, account_id=uuid.UUID(int=3), **changes)


def to(quantity: str = "1", price: str = "2000", *, number: int = 1, order: uuid.UUID | None = None) -> ReplaceOrder:
    return replace_of(order or MAKER.order_id, quantity, price, number=number)


def void(number: int = 1) -> VoidReplace:
    return VoidReplace(order_id=MAKER.order_id, tenant_id=TENANT, replace_no=number, replace_id=f"replace-{number}")


def told(snapshot: OrderSnapshot) -> tuple[Any, ...]:
    """Quantity, price, leaves, the last replace that was decided, and whose terms it has."""
    return (
        str(snapshot.quantity),
        str(snapshot.price),
        str(snapshot.leaves_qty),
        snapshot.replace_no,
        snapshot.terms_no,
    )


def payloads(applied: Applied, topic: str) -> list[Any]:
    return [each["payload"] for each in applied.outcomes.envelopes if each["topic"] == topic]


def assert_nothing_is_lost(driven: Driven) -> None:
    """A replay, and a snapshot of the state, lead to the same answers."""
    for state in (replayed(driven.rows), ShardState.restore(driven.state.snapshot(), shard=0)):
        assert state.state_hash() == driven.state.state_hash()
        answers = {order_id: order.answer() for order_id, order in state.registry.orders.items()}
        assert answers == {order_id: order.answer() for order_id, order in driven.state.registry.orders.items()}


def resting(driven: Driven, **changes: Any) -> None:
    driven.apply(MAKER.model_copy(update=changes))
    if changes.get("venue", "BOOK") != "BOOK":
        driven.apply(VenueAccepted(order_id=MAKER.order_id))


def test_a_smaller_quantity_keeps_its_place_and_a_larger_one_loses_it() -> None:
    driven = Driven()
    resting(driven)
    driven.apply(submit(2))
    driven.apply(to("0.5"))
    driven.apply(other(3, side=Side.SELL, quantity=Decimal("0.2"), price=Decimal(2000)))
    assert told(driven.snapshot(MAKER.order_id)) == ("0.5", "2000", "0.3", 1, 1)
    driven.apply(to("0.7", number=2))
    driven.apply(other(4, side=Side.SELL, quantity=Decimal("0.2"), price=Decimal(2000)))
    assert told(driven.snapshot(MAKER.order_id)) == ("0.7", "2000", "0.5", 2, 2)
    assert driven.snapshot(submit(2).order_id).cum_qty == Decimal("0.2")
    assert_nothing_is_lost(driven)


def test_a_replace_is_told_with_the_order_as_it_is_then() -> None:
    driven = Driven()
    resting(driven)
    applied = driven.apply(to("2.50", "1999.90"))
    (payload,) = payloads(applied, OrderReplaced.topic)
    event = OrderReplaced.model_validate(payload)
    assert (event.replace_id, event.replace_no) == ("replace-1", 1)
    assert (event.order.quantity, event.order.price, event.order.leaves_qty) == ("2.50", "1999.90", "2.5")
    assert event.order.engine_seq == driven.snapshot(MAKER.order_id).engine_seq


def test_a_replaced_order_is_matched_as_if_it_came_anew() -> None:
    driven = Driven()
    resting(driven)
    driven.apply(other(2, side=Side.SELL, price=Decimal(2010)))
    driven.apply(to("1.5", "2010"))
    snapshot = driven.snapshot(MAKER.order_id)
    assert (snapshot.status, snapshot.cum_qty, snapshot.leaves_qty) == (OrdStatus.PARTIALLY_FILLED, 1, Decimal("0.5"))
    assert_nothing_is_lost(driven)


def test_a_sell_may_be_moved_beyond_the_band_that_it_was_placed_with() -> None:
    driven = Driven()
    resting(driven, side=Side.SELL, price_high=Decimal(2100))
    driven.apply(to(price="2200"))
    assert told(driven.snapshot(MAKER.order_id)) == ("1", "2200", "1", 1, 1)
    driven.apply(other(2, price=Decimal(2300)))
    assert driven.snapshot(MAKER.order_id).cum_notional == 2200


def test_asked_again_late_or_out_of_turn_it_changes_nothing() -> None:
    driven = Driven()
    resting(driven)
    driven.apply(to("2"), to("2"))
    driven.apply(to("3", number=2))
    before = driven.snapshot(MAKER.order_id)
    assert driven.apply(to("2"), to("3", number=2), void(2)).count == 0
    assert driven.snapshot(MAKER.order_id) == before
    assert told(before) == ("3", "2000", "3", 2, 2)


def test_one_that_was_voided_is_refused_when_it_comes_late() -> None:
    driven = Driven()
    resting(driven)
    applied = driven.apply(void())
    (payload,) = payloads(applied, OrderReplaceRejected.topic)
    assert OrderReplaceRejected.model_validate(payload).code == "REPLACE_GIVEN_UP"
    assert driven.apply(to("2")).count == 0
    snapshot = driven.snapshot(MAKER.order_id)
    assert (told(snapshot), snapshot.replace_code) == (("1", "2000", "1", 1, 0), "REPLACE_GIVEN_UP")
    assert_nothing_is_lost(driven)


@pytest.mark.parametrize(
    ("asked", "changes", "code"),
    [
        (to("2"), {"venue": "SOR", "execution": {"algorithm": "BEST"}}, "REPLACE_UNSUPPORTED"),
        (to("0.00005"), {}, "INVALID_TERMS"),
        (to(price="2000.001"), {}, "INVALID_TERMS"),
        (to(price="9000.01"), {}, "PRICE_OUTSIDE_BAND"),
        (to("30000000000"), {}, "ORDER_TOO_LARGE"),
    ],
)
def test_what_cannot_be_is_refused_and_the_order_is_as_it_was(
    asked: ReplaceOrder, changes: dict[str, Any], code: str
) -> None:
    driven = Driven()
    driven.apply(type(MAKER).model_validate(MAKER.model_dump() | changes))
    driven.apply(asked)
    snapshot = driven.snapshot(MAKER.order_id)
    assert (snapshot.replace_code, told(snapshot)) == (code, ("1", "2000", "1", 1, 0))
    assert_nothing_is_lost(driven)


def test_what_it_has_traded_counts_to_what_amounts_can_express() -> None:
    """18 digits before the point: a wider sum could be told to nobody, and its fills would never be booked."""
    driven = Driven()
    of = {"quantity": Decimal(9_000_000_000), "price": Decimal(90_000_000), "price_high": Decimal(90_000_000)}
    resting(driven, **of)
    driven.apply(other(2, side=Side.SELL, **of | {"quantity": Decimal(8_000_000_000)}))
    assert driven.snapshot(MAKER.order_id).cum_notional == Decimal("720000000000000000")
    more = to("13000000000", "70000000").model_copy(update={"price_high": Decimal(70_000_000)})
    driven.apply(more)
    assert driven.snapshot(MAKER.order_id).replace_code == "ORDER_TOO_LARGE"
    driven.apply(other(3, side=Side.SELL, **of | {"price": Decimal(70_000_000), "quantity": Decimal(5_000_000_000)}))
    assert driven.snapshot(MAKER.order_id).status is OrdStatus.FILLED
    assert_nothing_is_lost(driven)


def test_an_order_at_an_exchange_is_not_replaced_and_the_exchange_not_asked() -> None:
    driven = Driven()
    driven.state.venues = ("BOOK", "SIM", "BYBIT")
    resting(driven, venue="BYBIT")
    applied = driven.apply(to("2"))
    assert applied.outcomes.venue_requests == []
    snapshot = driven.snapshot(MAKER.order_id)
    assert (snapshot.replace_code, told(snapshot)) == ("REPLACE_UNSUPPORTED", ("1", "2000", "1", 1, 0))
    assert snapshot.replace_reason == "orders at BYBIT cannot be replaced: cancel it and place it anew"
    assert_nothing_is_lost(driven)


def test_a_post_only_order_is_not_moved_to_where_it_would_take() -> None:
    driven = Driven()
    resting(driven, post_only=True)
    driven.apply(other(2, side=Side.SELL, price=Decimal(2010)))
    driven.apply(to(price="2010"))
    assert driven.snapshot(MAKER.order_id).replace_code == "POST_ONLY_WOULD_TAKE"
    assert driven.snapshot(MAKER.order_id).leaves_qty == 1


def test_no_more_than_what_has_traded_is_too_late() -> None:
    driven = Driven()
    resting(driven)
    driven.apply(other(2, side=Side.SELL, quantity=Decimal("0.4")))
    driven.apply(to("0.4"))
    assert driven.snapshot(MAKER.order_id).replace_code == "TOO_LATE"
    driven.apply(CancelOrder(order_id=MAKER.order_id, tenant_id=TENANT))
    assert driven.apply(to("2", number=2)).count == 0
    assert driven.snapshot(MAKER.order_id).status is OrdStatus.CANCELED


def test_an_order_of_another_tenant_is_not_there() -> None:
    driven = Driven()
    resting(driven)
    applied = driven.apply(to("2").model_copy(update={"tenant_id": uuid.UUID(int=9)}))
    assert isinstance(applied.refusals[0], NotFound)
    assert driven.snapshot(MAKER.order_id).replace_no is None


def test_an_order_that_was_never_replaced_says_nothing_of_replaces() -> None:
    driven = Driven()
    resting(driven)
    assert b"replace" not in kept(driven.state, MAKER.order_id).answer()


# -- at a venue ------------------------------------------------------------------------------------------------------


def asked_at_venue(driven: Driven, asked: ReplaceOrder) -> None:
    resting(driven, venue="SIM")
    (request,) = driven.apply(asked).outcomes.venue_requests
    assert isinstance(request, ReplaceAtVenue)
    assert kept(driven.state, MAKER.order_id).awaits_venue
    assert driven.snapshot(MAKER.order_id).replace_no is None
    assert_nothing_is_lost(driven)


def filled(lots: int, trade_id: str) -> VenueFilled:
    return VenueFilled(
        order_id=MAKER.order_id,
        quantity_lots=lots,
        price_ticks=200_000,
        liquidity="MAKER",
        fee=Decimal(0),
        fee_currency="USDT",
        trade_id=trade_id,
    )


def replaced(lots: int, ticks: int = 200_000) -> VenueReplaced:
    return VenueReplaced(order_id=MAKER.order_id, quantity_lots=lots, price_ticks=ticks)


def test_at_a_venue_it_has_its_new_terms_when_the_venue_says_so() -> None:
    driven = Driven()
    asked_at_venue(driven, to("2", "1990"))
    driven.apply(filled(4_000, "before"))
    driven.apply(replaced(20_000, 199_000), filled(10_000, "after"))
    assert told(driven.snapshot(MAKER.order_id)) == ("2", "1990", "0.6", 1, 1)
    assert driven.apply(replaced(20_000, 199_000)).count == 0
    assert_nothing_is_lost(driven)


def test_a_venue_that_says_no_leaves_the_order_as_it_was() -> None:
    driven = Driven()
    asked_at_venue(driven, to("2"))
    driven.apply(VenueReplaceRejected(order_id=MAKER.order_id, code="TOO_LATE", reason="it has traded"))
    snapshot = driven.snapshot(MAKER.order_id)
    assert (told(snapshot), snapshot.replace_reason) == (("1", "2000", "1", 1, 0), "it has traded")
    assert_nothing_is_lost(driven)


@pytest.mark.parametrize("last", [filled(10_000, "all"), VenueCanceled(order_id=MAKER.order_id)])
def test_the_order_may_end_while_its_replace_is_on_the_way(last: VenueFilled | VenueCanceled) -> None:
    driven = Driven()
    asked_at_venue(driven, to("2"))
    driven.apply(last)
    ended = driven.snapshot(MAKER.order_id)
    assert ended.status.is_final
    assert ended.replace_no is None
    assert driven.apply(replaced(20_000)).count == 0
    assert_nothing_is_lost(driven)


def test_a_cancel_may_overtake_it() -> None:
    driven = Driven()
    asked_at_venue(driven, to("2"))
    driven.apply(CancelOrder(order_id=MAKER.order_id, tenant_id=TENANT))
    driven.apply(replaced(20_000), VenueCanceled(order_id=MAKER.order_id))
    snapshot = driven.snapshot(MAKER.order_id)
    assert (snapshot.status, snapshot.quantity, snapshot.terms_no) == (OrdStatus.CANCELED, 2, 1)


def test_the_venue_is_not_asked_before_it_has_accepted_the_order() -> None:
    driven = Driven()
    driven.apply(MAKER.model_copy(update={"venue": "SIM"}))
    assert driven.apply(to("2")).outcomes.venue_requests == []
    assert driven.snapshot(MAKER.order_id).replace_code == "TOO_LATE"


# -- the simulated market --------------------------------------------------------------------------------------------


@pytest.fixture
def market() -> SimulatedMarket:
    """Bids 7 at 99, 20 at 98; asks 5 at 101, 20 at 102; ours buys 10 at 99, behind the 7."""
    market = SimulatedMarket(ETH)
    market.apply(DepthSnapshot(bids=((99, 7), (98, 20)), asks=((101, 5), (102, 20))))
    market.submit(terms(1, limit_ticks=99))
    return market


def sold(lots: int) -> MarketTrade:
    return MarketTrade(taker=Side.SELL, price_ticks=99, quantity_lots=lots)


def test_less_at_the_same_price_keeps_its_place_behind_what_was_there(market: SimulatedMarket) -> None:
    market.apply(sold(5))
    assert market.replace(terms(1, limit_ticks=99, quantity_lots=4)) == [
        VenueReplaced(order_id=terms(1).order_id, quantity_lots=4, price_ticks=99)
    ]
    assert fills(market.apply(sold(9))) == [(4, 99, "MAKER")]
    assert market.open_orders() == []


def test_more_waits_behind_all_that_is_shown_again(market: SimulatedMarket) -> None:
    market.apply(sold(7))
    market.replace(terms(1, limit_ticks=99, quantity_lots=11))
    assert fills(market.apply(sold(7))) == []
    assert fills(market.apply(sold(7))) == [(7, 99, "MAKER")]
    (order,) = market.open_orders()
    assert (order.quantity, order.filled) == (ETH.quantity(11), ETH.quantity(7))


def test_a_price_that_reaches_the_market_takes_what_it_shows(market: SimulatedMarket) -> None:
    reports = market.replace(terms(1, limit_ticks=101))
    assert isinstance(reports[0], VenueReplaced)
    assert fills(reports) == [(5, 101, "TAKER")]
    assert market.cancel(terms(1).order_id) == [VenueCanceled(order_id=terms(1).order_id)]


def test_the_simulated_market_refuses_what_is_too_late_or_would_take(market: SimulatedMarket) -> None:
    market.apply(sold(12))
    refused = market.replace(terms(1, limit_ticks=99, quantity_lots=5))
    assert isinstance(refused[0], VenueReplaceRejected)
    assert refused[0].code == "TOO_LATE"
    (unknown,) = market.replace(terms(2))
    assert isinstance(unknown, VenueReplaceRejected)
    market.submit(terms(3, limit_ticks=98, post_only=True))
    (would_take,) = market.replace(terms(3, limit_ticks=101, post_only=True))
    assert isinstance(would_take, VenueReplaceRejected)
    assert would_take.code == "POST_ONLY_WOULD_TAKE"
    assert len(market.open_orders()) == 2
