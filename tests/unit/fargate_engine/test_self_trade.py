"""Orders that ask for it do not trade with any other of their organisation on the engine's own book."""

import uuid
from dataclasses import replace
from decimal import Decimal

import orjson
import pytest

from breakwater.domain.executions import ROUTER_VENUE, Route
from breakwater.domain.orders import OrdStatus, SelfTrade, Side
from events.orders import ChildOrderChanged, OrderAccepted, OrderCanceled, OrderRestated
from fargate_engine.orders import EngineOrder
from fargate_engine.shard_state import ShardState
from tests.support.engine_words import snapshot_in_state
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import TENANT, replace_of, submit

BUYER, SELLER, OTHER_TENANT = uuid.UUID(int=2), uuid.UUID(int=3), uuid.UUID(int=99)
MAKER, TAKER = submit(1).order_id, submit(2).order_id

# What is left of 1 ETH for sale and of 0.4 ETH bought against it: status and open quantity of both.
Ends = tuple[tuple[OrdStatus, Decimal], tuple[OrdStatus, Decimal]]
NONE = Decimal(0)
ENDS: dict[SelfTrade, Ends] = {
    SelfTrade.CANCEL_NEWEST: ((OrdStatus.NEW, Decimal(1)), (OrdStatus.CANCELED, NONE)),
    SelfTrade.CANCEL_OLDEST: ((OrdStatus.CANCELED, NONE), (OrdStatus.NEW, Decimal("0.4"))),
    SelfTrade.CANCEL_BOTH: ((OrdStatus.CANCELED, NONE), (OrdStatus.CANCELED, NONE)),
    SelfTrade.DECREMENT: ((OrdStatus.NEW, Decimal("0.6")), (OrdStatus.CANCELED, NONE)),
}


def met(
    mode: SelfTrade | None,
    *,
    buyer: uuid.UUID = BUYER,
    buyers_tenant: uuid.UUID = TENANT,
    sellers_mode: SelfTrade | None = None,
) -> Driven:
    """A resting sell of 1 ETH has met a buy of 0.4 ETH that has this mode."""
    driven = Driven()
    driven.apply(submit(1, account_id=SELLER, side=Side.SELL, self_trade=sellers_mode))
    driven.apply(
        submit(2, account_id=buyer, tenant_id=buyers_tenant, quantity=Decimal("0.4"), self_trade=mode),
    )
    assert replayed(driven.rows).state_hash() == driven.state.state_hash()
    return driven


@pytest.mark.parametrize("mode", SelfTrade)
def test_two_accounts_of_one_organisation_do_not_trade_with_each_other(mode: SelfTrade) -> None:
    driven = met(mode)
    maker, taker = driven.snapshot(MAKER), driven.snapshot(TAKER)
    assert ((maker.status, maker.leaves_qty), (taker.status, taker.leaves_qty)) == ENDS[mode]
    assert (maker.cum_qty, taker.cum_qty) == (0, 0)
    assert {each.reject_code for each in (maker, taker) if each.status is OrdStatus.CANCELED} == {"SELF_TRADE"}


@pytest.mark.parametrize("mode", SelfTrade)
def test_two_organisations_trade_with_each_other_whatever_they_ask_for(mode: SelfTrade) -> None:
    driven = met(mode, buyers_tenant=OTHER_TENANT, sellers_mode=mode)
    maker, taker = driven.snapshot(MAKER), driven.snapshot(TAKER)
    assert (taker.status, taker.cum_qty, maker.cum_qty) == (OrdStatus.FILLED, Decimal("0.4"), Decimal("0.4"))


@pytest.mark.parametrize("sellers_mode", [None, *SelfTrade])
def test_without_a_mode_two_accounts_of_one_organisation_trade(sellers_mode: SelfTrade | None) -> None:
    """It is for the order that comes in to ask."""
    assert met(None, sellers_mode=sellers_mode).snapshot(TAKER).status is OrdStatus.FILLED


def test_without_a_mode_an_account_does_not_trade_with_itself() -> None:
    taker = met(None, buyer=SELLER).snapshot(TAKER)
    assert (taker.status, taker.reject_code, taker.cum_qty) == (OrdStatus.CANCELED, "SELF_TRADE", 0)


def test_an_organisations_number_lasts_through_snapshot_and_replay() -> None:
    """Its accounts come one by one, others between them, and an engine that begins anew between each."""
    driven = Driven()
    driven.apply(submit(1, account_id=SELLER, side=Side.SELL))
    driven.state = type(driven.state).restore(driven.state.snapshot(), shard=0)
    driven.apply(submit(3, account_id=uuid.UUID(int=50), tenant_id=OTHER_TENANT, price=Decimal(1)))
    driven.state = replayed(driven.rows)
    driven.apply(submit(4, account_id=uuid.UUID(int=51), self_trade=SelfTrade.CANCEL_NEWEST))
    assert driven.snapshot(submit(4).order_id).reject_code == "SELF_TRADE"


def test_what_an_order_loses_is_told_and_it_is_an_order_for_less() -> None:
    """FIX: restated. What is filled and what is left are its whole quantity, whatever comes after."""
    driven = Driven()
    driven.apply(submit(1, account_id=SELLER, side=Side.SELL, quantity=Decimal("0.4")))
    applied = driven.apply(submit(2, account_id=BUYER, self_trade=SelfTrade.DECREMENT))

    told = {str(each["topic"]): each["payload"] for each in applied.outcomes.envelopes}
    assert list(told) == [OrderAccepted.topic, OrderCanceled.topic, OrderRestated.topic]
    restated = OrderRestated.model_validate_json(orjson.dumps(told[OrderRestated.topic]))
    assert (restated.restatement_reason, restated.reduced_qty, restated.order.order_id) == ("SELF_TRADE", "0.4", TAKER)
    state = restated.order
    assert (state.status, state.quantity, state.cum_qty, state.leaves_qty) == ("NEW", "0.6", "0", "0.6")
    assert driven.snapshot(TAKER).price == submit(2).price  # With a price it says that the quantity is another.

    driven.state = type(driven.state).restore(driven.state.snapshot(), shard=0)
    assert driven.snapshot(TAKER).quantity == Decimal("0.6")
    driven.apply(submit(3, account_id=SELLER, tenant_id=OTHER_TENANT, side=Side.SELL, quantity=Decimal("0.6")))
    last = driven.snapshot(TAKER)
    assert (last.status, last.quantity, last.cum_qty) == (OrdStatus.FILLED, Decimal("0.6"), Decimal("0.6"))
    assert replayed(driven.rows).state_hash() == driven.state.state_hash()


def test_a_child_that_loses_something_is_told_as_a_child() -> None:
    driven = Driven()
    driven.apply(submit(1, account_id=SELLER, side=Side.SELL, quantity=Decimal("0.4")))
    driven.apply(submit(9, account_id=BUYER, venue=ROUTER_VENUE, execution=Route()))
    child = submit(2, account_id=BUYER, self_trade=SelfTrade.DECREMENT, parent_id=submit(9).order_id)
    told = driven.apply(child).outcomes.envelopes[-1]
    assert told["topic"] == ChildOrderChanged.topic
    changed = ChildOrderChanged.model_validate_json(orjson.dumps(told["payload"]))
    assert (changed.order.order_id, changed.order.quantity, changed.order.leaves_qty) == (TAKER, "0.6", "0.6")


def test_a_replace_gives_the_order_the_quantity_that_it_asks_for() -> None:
    """The other terms are those of nobody's self-trade any more."""
    driven = Driven()
    driven.apply(submit(1, account_id=SELLER, side=Side.SELL, quantity=Decimal("0.4")))
    driven.apply(submit(2, account_id=BUYER, self_trade=SelfTrade.DECREMENT))
    driven.apply(replace_of(TAKER, "0.9", "2000", number=1))
    replaced = driven.snapshot(TAKER)
    assert (replaced.quantity, replaced.leaves_qty, replaced.replace_no) == (Decimal("0.9"), Decimal("0.9"), 1)


def test_a_snapshot_from_before_restatements_says_what_a_replay_says() -> None:
    """It said the whole quantity of an order that had lost a part."""
    driven = met(SelfTrade.DECREMENT)
    restated = driven.state.order(MAKER)
    assert isinstance(restated, EngineOrder)
    restated.terms = replace(restated.terms, quantity_lots=10_000)

    restored = ShardState.restore(driven.state.snapshot(), shard=driven.state.shard)

    said = snapshot_in_state(restored, MAKER)
    assert (said.quantity, said.leaves_qty) == (Decimal("0.6"), Decimal("0.6"))
