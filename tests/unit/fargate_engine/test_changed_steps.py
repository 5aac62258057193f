"""A symbol's tick and lot change only while nothing is counted in them."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from breakwater.errors import Conflict
from fargate_engine.messages import CancelOrder, ListInstrument, VenueFilled
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.leases import lease, words
from tests.unit.fargate_engine.orders import ETH, TENANT, submit
from tests.unit.fargate_engine.record_batches import BUY, limit_orders

COARSER_TICK = replace(ETH, tick_size=Decimal("0.1"))
COARSER_LOT = replace(ETH, lot_size=Decimal("0.001"))
OTHER = uuid.UUID(int=3)


def rests(driven: Driven) -> None:
    driven.apply(submit(1))


def is_leased(driven: Driven) -> None:
    driven.apply(lease())


def has_traded(driven: Driven) -> None:
    driven.apply(submit(1), submit(2, account_id=OTHER, side=Side.SELL))


def has_filled_at_a_venue(driven: Driven) -> None:
    driven.apply(submit(1, venue="SIM"))
    filled: dict[str, Any] = {"quantity_lots": 10_000, "price_ticks": 200_000, "liquidity": "TAKER"}
    driven.apply(VenueFilled(order_id=submit(1).order_id, fee=Decimal(0), fee_currency="USDT", **filled))


def rests_as_a_record(driven: Driven) -> None:
    driven.apply(limit_orders([(1, BUY, 200_000)]))


@pytest.mark.parametrize("changed", [COARSER_TICK, COARSER_LOT], ids=["tick", "lot"])
@pytest.mark.parametrize("use", [rests, rests_as_a_record, is_leased, has_traded, has_filled_at_a_venue])
def test_while_anything_is_counted_in_them_they_stay(use: Callable[[Driven], None], changed: Instrument) -> None:
    driven = Driven()
    use(driven)
    rows = len(driven.rows)
    applied = driven.apply(ListInstrument.of(changed))
    assert isinstance(applied.refusals[0], Conflict)
    assert (driven.state.instruments[ETH.symbol], len(driven.rows)) == (ETH, rows)
    restored = type(driven.state).restore(driven.state.snapshot(), shard=0)
    assert not restored.may_list(changed)


def test_an_order_earlier_in_the_same_batch_counts() -> None:
    driven = Driven()
    applied = driven.apply(submit(1), ListInstrument.of(COARSER_TICK))
    assert isinstance(applied.refusals[1], Conflict)


def test_one_trade_has_one_price_and_a_lease_grants_what_was_reserved() -> None:
    driven = Driven()
    driven.apply(lease(), submit(1, price=Decimal("2000.50")))
    driven.apply(ListInstrument.of(COARSER_TICK), ListInstrument.of(COARSER_LOT))
    assert words(driven.state).buy_granted == 10
    applied = driven.apply(submit(2, account_id=OTHER, side=Side.SELL, price=Decimal("2000.50")))
    prices = {told["payload"]["last_px"] for told in applied.outcomes.envelopes if "last_px" in told["payload"]}
    assert prices == {"2000.50"}


def test_when_nothing_is_they_change_and_a_replay_changes_them_too() -> None:
    driven = Driven()
    driven.apply(submit(1))
    driven.apply(CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT))
    driven.apply(submit(2), submit(3, account_id=OTHER, side=Side.SELL))  # And out of the position again.
    driven.apply(submit(4, side=Side.SELL), submit(5, account_id=OTHER))
    applied = driven.apply(ListInstrument.of(COARSER_TICK))
    assert applied.refusals == [None]
    assert driven.state.instruments[ETH.symbol] == COARSER_TICK
    again = replayed(driven.rows)
    assert (again.instruments, again.state_hash()) == (driven.state.instruments, driven.state.state_hash())


def test_other_terms_change_at_any_time() -> None:
    driven = Driven()
    rests(driven)
    driven.apply(ListInstrument.of(replace(ETH, notional_min=Decimal(7))))
    assert driven.state.instruments[ETH.symbol].notional_min == 7
