"""A child trades within its parent's reservation, and what it trades is its parent's in the same row of the journal."""

import uuid
from decimal import Decimal
from typing import Any

import orjson
import pytest

from breakwater.domain.executions import ROUTER_VENUE, Route
from breakwater.domain.orders import OrdStatus, Side, SubmitOrder, TimeInForce
from events.catalogue import CATALOGUE
from fargate_engine.messages import CancelOrder, VenueAccepted, VenueFilled, WorkNoted
from fargate_engine.orders import EngineOrder
from fargate_engine.shard_state import Applied, ShardState
from tests.support.engine_words import kept
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import TENANT, submit

PARENT, CHILD, OTHER = 1, 2, 3


def parent(**changes: Any) -> SubmitOrder:
    return submit(PARENT, **{"venue": ROUTER_VENUE, "execution": Route()} | changes)


def child(number: int = CHILD, **changes: Any) -> SubmitOrder:
    terms = {"venue": "SIM", "parent_id": parent().order_id, "time_in_force": TimeInForce.IOC}
    return submit(number, **terms | changes)


def filled(order: SubmitOrder, quantity: str, trade_id: str = "t1") -> VenueFilled:
    return VenueFilled(
        order_id=order.order_id,
        quantity_lots=int(Decimal(quantity) * 10_000),
        price_ticks=199_900,
        liquidity="TAKER",
        fee=Decimal("0.1"),
        fee_currency="USDT",
        trade_id=trade_id,
    )


@pytest.fixture
def engine() -> Driven:
    driven = Driven()
    driven.apply(parent())
    driven.apply(VenueAccepted(order_id=parent().order_id))
    return driven


def topics(applied: Applied) -> list[str]:
    return [each["topic"] for each in applied.outcomes.envelopes]


def test_a_fill_of_a_child_is_one_of_its_parent_in_the_same_row(engine: Driven) -> None:
    engine.apply(child(quantity=Decimal("0.4")))
    rows = len(engine.rows)

    applied = engine.apply(filled(child(), "0.4"))

    assert len(engine.rows) == rows + 1
    told = engine.snapshot(parent().order_id)
    assert (told.status, told.cum_qty, told.leaves_qty) == (OrdStatus.PARTIALLY_FILLED, Decimal("0.4"), Decimal("0.6"))
    assert told.cum_notional == Decimal("799.6")
    assert engine.snapshot(child().order_id).status is OrdStatus.FILLED
    assert topics(applied) == ["orders.ChildOrderFilled.v1", "trades.TradeExecuted.v1"]


def test_the_events_of_children_are_what_their_contracts_say(engine: Driven) -> None:
    applied = [
        engine.apply(child(quantity=Decimal("0.4"))),
        engine.apply(VenueAccepted(order_id=child().order_id)),
        engine.apply(filled(child(), "0.4")),
        engine.apply(child(OTHER, quantity=Decimal(5))),
    ]

    contracts = {contract.topic: contract for contract in CATALOGUE}
    envelopes = [envelope for each in applied for envelope in each.outcomes.envelopes]
    assert len(envelopes) == 4
    for envelope in envelopes:
        contracts[envelope["topic"]].model_validate(orjson.loads(orjson.dumps(envelope["payload"])))


def test_children_that_trade_in_the_engine_s_own_book_fill_their_parent_too(engine: Driven) -> None:
    engine.apply(submit(OTHER, side=Side.SELL, account_id=uuid.UUID(int=9), quantity=Decimal("0.3")))

    engine.apply(child(venue="BOOK", quantity=Decimal("0.5")))

    assert engine.snapshot(parent().order_id).cum_qty == Decimal("0.3")
    assert engine.snapshot(child().order_id).status is OrdStatus.CANCELED
    assert replayed(engine.rows).state_hash() == engine.state.state_hash()


def test_several_fills_of_a_batch_are_all_its_parent_s_and_a_replay_ends_in_the_same_state(engine: Driven) -> None:
    engine.apply(child(quantity=Decimal("0.4")), child(OTHER, quantity=Decimal("0.6")))

    engine.apply(filled(child(), "0.4"), filled(child(OTHER), "0.1"), filled(child(OTHER), "0.5", "t2"))

    assert engine.snapshot(parent().order_id).status is OrdStatus.FILLED
    again = replayed(engine.rows)
    assert again.state_hash() == engine.state.state_hash()
    assert kept(again, parent().order_id).answer() == kept(engine.state, parent().order_id).answer()


def test_a_fill_that_is_told_again_is_not_booked_again(engine: Driven) -> None:
    engine.apply(child(quantity=Decimal("0.4")))
    engine.apply(filled(child(), "0.1"))

    engine.apply(filled(child(), "0.1"))

    assert engine.snapshot(parent().order_id).cum_qty == Decimal("0.1")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": Decimal("1.0001")}, "has 1 left"),
        ({"account_id": uuid.UUID(int=9)}, "another account"),
        ({"side": Side.SELL}, "another account, symbol or side"),
        ({"price_high": Decimal(4001)}, "narrower band"),
        ({"price_low": Decimal(999)}, "narrower band"),
        ({"venue": ROUTER_VENUE}, "children elsewhere"),
        ({"tenant_id": uuid.UUID(int=9)}, "not open here"),
        ({"parent_id": uuid.UUID(int=9)}, "not open here"),
    ],
)
def test_a_child_beyond_its_parent_is_refused(engine: Driven, changes: dict[str, Any], words: str) -> None:
    engine.apply(child(**changes))

    told = engine.snapshot(child().order_id)
    assert told.status is OrdStatus.REJECTED
    assert words in (told.reject_reason or "")


def test_children_together_have_no_more_than_their_parent_has_left(engine: Driven) -> None:
    engine.apply(child(quantity=Decimal("0.6")), child(OTHER, quantity=Decimal("0.4001")))
    assert engine.snapshot(child(OTHER).order_id).reject_code == "BEYOND_PARENT"

    engine.apply(submit(4, venue="SIM", parent_id=parent().order_id, quantity=Decimal("0.4")))
    assert engine.snapshot(uuid.UUID(int=1004)).status is OrdStatus.PENDING_NEW


def test_what_a_child_had_is_free_for_another_when_it_has_ended(engine: Driven) -> None:
    engine.apply(child(venue="BOOK"))  # Nothing is there: its rest is cancelled at once.

    engine.apply(child(OTHER))

    assert engine.snapshot(child(OTHER).order_id).status is OrdStatus.PENDING_NEW


def test_an_order_that_is_being_cancelled_gets_no_more_children(engine: Driven) -> None:
    engine.apply(CancelOrder(order_id=parent().order_id, tenant_id=TENANT))

    engine.apply(child())

    assert engine.snapshot(child().order_id).reject_reason == "its parent is being cancelled"


def test_an_order_of_another_venue_has_no_children() -> None:
    engine = Driven()
    engine.apply(submit(PARENT, venue="SIM"))

    engine.apply(child())

    assert engine.snapshot(child().order_id).reject_code == "BEYOND_PARENT"


def test_notes_children_and_their_parent_survive_snapshot_and_replay(engine: Driven) -> None:
    engine.apply(child(quantity=Decimal("0.4")))
    engine.apply(WorkNoted(order_id=parent().order_id, note="the peak is 2,000"))

    for again in (replayed(engine.rows), ShardState.restore(engine.state.snapshot(), shard=0)):
        known = engine.state.registry.orders[parent().order_id]
        assert isinstance(known, EngineOrder)
        order = again.registry.live[known.number]
        assert order.note == "the peak is 2,000"
        assert [each.order_id for each in again.registry.children_of(parent().order_id)] == [child().order_id]


def test_what_an_account_has_open_does_not_show_children(engine: Driven) -> None:
    engine.apply(child())

    assert [each.order_id for each in engine.state.open_orders_of(parent().account_id)] == [parent().order_id]


def test_events_that_concern_no_state_are_told_with_a_row(engine: Driven) -> None:
    event = engine.apply(child(quantity=Decimal(5))).outcomes.envelopes[0]

    applied = engine.journal(engine.state.apply([], engine.state.last_at_ns + 1, [event]))

    assert applied.count == 1
    assert applied.outcomes.envelopes == [event]
    assert replayed(engine.rows).last_seq == engine.state.last_seq
