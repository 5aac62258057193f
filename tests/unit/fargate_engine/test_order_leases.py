"""Leases that the engine checks orders against by itself, from message to state and back from the journal."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from breakwater.domain.orders import LeasedTo, OrderType, OrdStatus, SelfTrade, Side, TimeInForce
from breakwater.errors import Conflict, InvalidRequest, NotFound
from events.envelope import Envelope
from events.orders import OrderLeased
from fargate_engine.encoding import GRANTED_MAX
from fargate_engine.leased_orders import leased_order
from fargate_engine.messages import CancelOrder, VenueAccepted
from tests.unit.fargate_engine.driven import Driven
from tests.unit.fargate_engine.leases import PERSON, lease, leased, place_order, verdict, words
from tests.unit.fargate_engine.orders import ACCOUNT, TENANT, submit

OTHER_ACCOUNT, OTHER_TENANT = uuid.UUID(int=3), uuid.UUID(int=99)
STRATEGY = uuid.UUID(int=40)


@pytest.fixture
def engine() -> Driven:
    return Driven()


def offer(driven: Driven, number: int, quantity: str, *, price: str = "2000") -> None:
    """Somebody of another organisation sells."""
    terms = {"tenant_id": OTHER_TENANT, "account_id": OTHER_ACCOUNT, "side": Side.SELL}
    driven.apply(submit(number, quantity=Decimal(quantity), price=Decimal(price), price_high=Decimal(9000), **terms))


def test_terms_are_taken_by_their_version_and_answered_either_way(engine: Driven) -> None:
    engine.apply(lease(version=2))
    assert (words(engine.state).version, words(engine.state).buy_granted) == (2, Decimal(10))
    for late in (lease(version=1, buy_granted="99"), lease(version=2, buy_granted="99", order_qty_max="99")):
        assert engine.apply(late).refusals == [None]
        assert (words(engine.state).version, words(engine.state).buy_granted) == (2, Decimal(10))
        assert engine.state.registry.leases[ACCOUNT, "ETH/USDT"] == lease(version=2)
    engine.apply(lease(version=3, buy_granted="99"))
    assert (words(engine.state).version, words(engine.state).buy_granted) == (3, Decimal(99))
    assert engine.state.registry.leases[ACCOUNT, "ETH/USDT"].version == 3


def test_nothing_that_is_filled_or_open_can_be_taken_back(engine: Driven) -> None:
    engine.apply(lease())
    offer(engine, 1, "2")
    engine.apply(leased(2, quantity=Decimal(3)), leased(3, side=Side.SELL, price=Decimal(3000)))
    engine.apply(lease(version=2, buy_granted="0", sell_granted="0", price_high="1000", orders_max=0))
    told = words(engine.state)
    assert (told.buy_granted, told.sell_granted) == (Decimal(3), Decimal(1))
    assert (told.buy_filled, told.buy_open, told.sell_open) == (Decimal(2), Decimal(1), Decimal(1))
    assert (told.buy_notional, told.price_high, told.orders_max, told.live_orders) == (4000, 3000, 2, 2)


def test_another_organisations_terms_are_refused_with_or_without_a_lease(engine: Driven) -> None:
    engine.apply(submit(1))
    foreign = lease(tenant_id=OTHER_TENANT, version=9)
    for _ in range(2):
        applied = engine.apply(foreign)
        assert isinstance(applied.refusals[0], NotFound)
        assert applied.count == 0
        assert (ACCOUNT, "ETH/USDT") not in engine.state.registry.leases or words(engine.state).version == 1
        engine.apply(lease())
    assert engine.state.registry.firms == {TENANT: 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"buy_granted": "0.00001"},
        {"sell_granted": "1.00005"},
        {"buy_granted": str(Decimal(GRANTED_MAX + 1) * Decimal("0.0001"))},
        {"sell_granted": str(Decimal(10) ** 17)},
        {"version": GRANTED_MAX + 1},
        {"orders_max": GRANTED_MAX + 1},
        {"expires_at_ns": 1 << 70},
    ],
)
def test_terms_that_the_engine_cannot_count_are_refused_and_leave_no_trace(
    engine: Driven, changes: dict[str, Any]
) -> None:
    applied = engine.apply(lease(**changes))
    assert isinstance(applied.refusals[0], InvalidRequest)
    assert (applied.count, engine.state.registry.leases, engine.state.registry.accounts) == (0, {}, {})


def test_the_largest_terms_that_the_engine_counts_are_taken(engine: Driven) -> None:
    largest = str(Decimal(GRANTED_MAX) * Decimal("0.0001"))
    terms = {"version": GRANTED_MAX, "orders_max": GRANTED_MAX, "expires_at_ns": GRANTED_MAX}
    engine.apply(lease(buy_granted=largest, sell_granted=largest, price_high=str(Decimal(10) ** 17), **terms))
    told = words(engine.state)
    assert (str(told.buy_granted), str(told.sell_granted)) == (largest, largest)
    assert (told.version, told.orders_max, told.expires_at_ns) == (GRANTED_MAX, GRANTED_MAX, GRANTED_MAX)


def test_a_lease_in_what_is_not_traded_is_refused(engine: Driven) -> None:
    applied = engine.apply(lease(symbol="DOGE/USDT"))
    assert isinstance(applied.refusals[0], NotFound)
    assert engine.state.lease_words(ACCOUNT, "DOGE/USDT") is None


@pytest.mark.parametrize(
    ("terms", "order"),
    [
        ({}, {"venue": "SIM"}),
        ({}, {"leased": PERSON.model_copy(update={"strategy_id": STRATEGY})}),
        ({}, {"leased": PERSON.model_copy(update={"api_key_id": "key"})}),
        ({"strategy_id": STRATEGY}, {}),
        ({"api_key_id": "key"}, {}),
        ({}, {"account_id": OTHER_ACCOUNT}),
        ({}, {"tenant_id": OTHER_TENANT}),
    ],
)
def test_an_order_that_its_lease_is_not_for_is_refused(
    engine: Driven, terms: dict[str, Any], order: dict[str, Any]
) -> None:
    engine.apply(lease(**terms))
    assert verdict(engine, leased(1).model_copy(update=order)) == (OrdStatus.REJECTED, "NO_LEASE")


def test_an_order_of_the_strategy_and_key_that_the_lease_is_for_is_taken(engine: Driven) -> None:
    engine.apply(lease(strategy_id=STRATEGY, api_key_id="key"))
    bot = LeasedTo(placed_by="bot", strategy_id=STRATEGY, api_key_id="key")
    assert verdict(engine, submit(1, leased=bot)) == (OrdStatus.NEW, None)


@pytest.mark.parametrize(
    ("terms", "order", "code"),
    [
        ({}, {"quantity": Decimal("5.0001")}, "ORDER_TOO_LARGE"),
        ({}, {"price": Decimal("4000.01"), "price_high": Decimal(5000)}, "PRICE_OUTSIDE_BAND"),
        ({}, {"side": Side.SELL, "price": Decimal("999.99"), "price_low": Decimal(1)}, "PRICE_OUTSIDE_BAND"),
        ({}, {"side": Side.SELL, "price": Decimal("4000.01"), "price_high": Decimal(5000)}, "LEASE_EXHAUSTED"),
        ({"buy_granted": "0.9999"}, {}, "LEASE_EXHAUSTED"),
        ({"sell_granted": "0"}, {"side": Side.SELL}, "LEASE_EXHAUSTED"),
        ({"orders_max": 0}, {}, "LEASE_EXHAUSTED"),
        ({"expires_at_ns": 1}, {}, "LEASE_EXPIRED"),
        ({"expires_at_ns": 0}, {}, "LEASE_EXPIRED"),
    ],
)
def test_an_order_beyond_its_lease_is_refused_with_a_stable_code(
    engine: Driven, terms: dict[str, Any], order: dict[str, Any], code: str
) -> None:
    engine.apply(lease(**terms))
    assert verdict(engine, leased(1, **order)) == (OrdStatus.REJECTED, code)
    assert (words(engine.state).live_orders, words(engine.state).buy_open) == (0, 0)


@pytest.mark.parametrize(
    "order",
    [
        {"quantity": Decimal(5)},
        {"price": Decimal(4000)},
        {"price": Decimal("0.01"), "price_low": Decimal("0.01"), "quantity": Decimal(5)},
        {"side": Side.SELL, "price": Decimal(1000)},
        {"side": Side.SELL, "price": Decimal(4000)},
    ],
)
def test_an_order_at_the_very_edge_of_its_lease_is_taken(engine: Driven, order: dict[str, Any]) -> None:
    side = order.get("side", Side.BUY)
    quantity = str(order.get("quantity", 1))
    engine.apply(lease(buy_granted=quantity, sell_granted=quantity, orders_max=1, expires_at_ns=4))
    assert verdict(engine, leased(1, **order)) == (OrdStatus.NEW, None)
    assert (words(engine.state).buy_open if side is Side.BUY else words(engine.state).sell_open) == Decimal(quantity)


def test_orders_without_a_lease_of_their_own_neither_ask_nor_move_it(engine: Driven) -> None:
    engine.apply(lease(buy_granted="0", expires_at_ns=0))
    assert verdict(engine, submit(1)) == (OrdStatus.NEW, None)
    assert (words(engine.state).buy_open, words(engine.state).live_orders) == (0, 0)


def test_a_market_order_of_a_lease_fills_within_its_prices(engine: Driven) -> None:
    engine.apply(lease(price_high="2500"))
    offer(engine, 1, "1")
    offer(engine, 2, "1", price="2500.01")
    order = leased_order(engine.state, place_order(type=OrderType.MARKET, price=None, quantity="3"))
    assert verdict(engine, order) == (OrdStatus.CANCELED, "PRICE_BAND")
    told = words(engine.state)
    assert (told.buy_filled, told.buy_notional, told.buy_open) == (Decimal(1), Decimal(2000), Decimal(0))


BEGINNINGS: dict[str, dict[str, Any]] = {
    "it rests": {"order": {"price": Decimal(1500)}, "status": "NEW"},
    "it trades at once": {"order": {}, "status": "NEW"},
    "the book is empty at its price": {
        "order": {"price": Decimal(1500), "time_in_force": TimeInForce.IOC},
        "status": "NEW",
    },
    "it is sent to the venue": {"lease": {"venue": "SIM"}, "order": {"venue": "SIM"}, "status": "PENDING_NEW"},
    "it is refused before the core": {"order": {"quantity": Decimal(6)}, "status": "REJECTED"},
    "it is refused by the core": {"lease": {"buy_granted": "0.5"}, "order": {}, "status": "REJECTED"},
    "no lease": {"lease": {"account_id": OTHER_ACCOUNT}, "order": {}, "status": "REJECTED"},
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_that_an_order_is_leased_is_told_first_once_and_as_its_contract_has_it(
    engine: Driven, beginning: dict[str, Any]
) -> None:
    engine.apply(lease(**beginning.get("lease", {})))
    offer(engine, 1, "0.4")
    order = leased(2, **beginning["order"])
    told = list(engine.apply(order).outcomes.envelopes)
    told += engine.apply(VenueAccepted(order_id=order.order_id)).outcomes.envelopes
    told += engine.apply(CancelOrder(order_id=order.order_id, tenant_id=TENANT)).outcomes.envelopes
    ours = [Envelope.model_validate_json(orjson.dumps(each)) for each in told if each["account_id"] == ACCOUNT]
    assert [each.topic for each in ours].count(OrderLeased.topic) == 1
    assert (ours[0].topic, ours[0].aggregate_id) == (OrderLeased.topic, order.order_id)
    event = OrderLeased.model_validate(ours[0].payload)
    assert event.model_dump(mode="json") == ours[0].payload
    assert (event.placed_by, event.strategy_id, event.api_key_id) == ("trader", None, None)
    assert (Decimal(event.price_low), Decimal(event.price_high), event.post_only) == (1000, 4000, False)
    assert (event.order.status, event.order.client_order_id) == (beginning["status"], "client-2")
    assert event.order.engine_seq <= min(each.payload["order"]["engine_seq"] for each in ours)


def test_an_order_that_was_reserved_for_alone_is_not_told_as_leased(engine: Driven) -> None:
    engine.apply(lease())
    assert OrderLeased.topic not in {each["topic"] for each in engine.apply(submit(1)).outcomes.envelopes}


def test_a_limit_order_of_a_client_is_made_one_of_its_lease(engine: Driven) -> None:
    engine.apply(lease(self_trade=SelfTrade.DECREMENT))
    buy, sell = (leased_order(engine.state, place_order(side=side)) for side in (Side.BUY, Side.SELL))
    assert (buy.price_low, buy.price_high) == (Decimal("0.01"), Decimal(2000))
    assert (sell.price_low, sell.price_high) == (Decimal(2000), Decimal(4000))
    assert (buy.leased, buy.self_trade, buy.time_in_force) == (PERSON, SelfTrade.DECREMENT, TimeInForce.GTC)
    assert verdict(engine, buy) == (OrdStatus.NEW, None)


@pytest.mark.parametrize("wrong", [{"reduce_only": True}, {"located": True}])
def test_what_only_the_ledger_can_judge_is_not_for_a_lease(engine: Driven, wrong: dict[str, Any]) -> None:
    engine.apply(lease())
    with pytest.raises(InvalidRequest, match="judged by the ledger"):
        leased_order(engine.state, place_order(**wrong))


@pytest.mark.parametrize(
    "end", [{"time_in_force": "DAY"}, {"time_in_force": "GTD", "expire_time": datetime(2027, 1, 1, tzinfo=UTC)}]
)
def test_what_ends_at_a_time_is_not_for_a_lease(engine: Driven, end: dict[str, Any]) -> None:
    engine.apply(lease())
    with pytest.raises(InvalidRequest, match="ends at a time"):
        leased_order(engine.state, place_order(**end))


def test_an_order_id_that_does_not_follow_from_its_names_is_refused(engine: Driven) -> None:
    engine.apply(lease())
    with pytest.raises(InvalidRequest, match="order id"):
        leased_order(engine.state, place_order().model_copy(update={"order_id": uuid.UUID(int=5)}))


def test_without_a_lease_there_is_no_leased_order(engine: Driven) -> None:
    engine.apply(lease(account_id=OTHER_ACCOUNT))
    with pytest.raises(Conflict, match="no lease"):
        leased_order(engine.state, place_order())
