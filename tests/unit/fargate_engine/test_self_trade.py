"""Orders that ask for it do not trade with any other of their organisation on the engine's own book."""

import uuid
from decimal import Decimal

import pytest

from breakwater.domain.orders import OrdStatus, SelfTrade, Side
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import TENANT, submit

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
