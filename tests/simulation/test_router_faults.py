"""Orders over two exchanges that lose, double, delay and cut: each is worth exactly what its children traded there.

A few seeds by default; ROUTER_FAULT_SEEDS says how many (500, or 1000-1500 for those from 1000 on).
"""

import asyncio
import os
import random
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from breakwater.domain.executions import Execution, Iceberg, Oco, Route, Stop, Twap
from breakwater.domain.orders import OrderType, OrdStatus, Side, SubmitOrder, TimeInForce
from fargate_engine.messages import CancelOrder
from fargate_engine.orders import EngineOrder
from fargate_engine.shard_state import ShardState
from tests.simulation.test_venue_faults import quick, some_faults
from tests.support.engine_words import snapshot_in_state
from tests.support.exchange_scene import Journal, Simulated, heard, until
from tests.support.routed_scene import NAMES, RoutedShard, two_exchanges
from tests.unit.fargate_engine.driven import replayed
from tests.unit.fargate_engine.orders import TENANT, submit

__all__ = ["quick"]

SEEDS_DEFAULT = 4
ORDERS = 8
MIDDLE = Decimal(2684)  # Of the synthetic market when it begins.


def seeds() -> range:
    told = os.environ.get("ROUTER_FAULT_SEEDS", str(SEEDS_DEFAULT))
    first, _, last = told.rpartition("-")
    return range(int(first or 0), int(last))


def some_order(number: int, chance: random.Random) -> SubmitOrder:
    side = chance.choice(tuple(Side))
    price = MIDDLE + Decimal(chance.randint(-200, 200)) / 100
    limit: dict[str, Any] = {"price": price}
    market: dict[str, Any] = {"type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price": None}
    quantity = Decimal(chance.randint(100, 80_000)) / 10_000
    away = MIDDLE - side.sign * Decimal(chance.randint(-300, 300)) / 100
    against = price + side.sign * Decimal(chance.randint(1, 300)) / 100
    executions: list[tuple[Execution, dict[str, Any]]] = [
        (Route(), limit),
        (Route(), limit | {"time_in_force": TimeInForce.IOC}),
        (Route(), market),
        (Route(algorithm="SEEK"), limit),
        (Route(algorithm="IMPROVE", patience_s=1), limit),
        (Route(algorithm="LEAST_COST", patience_s=1), market),
        (Twap(algorithm="TWAP", duration_s=10, slices=20), market),
        (
            Iceberg(algorithm="ICEBERG", display_qty=max(quantity / 4, Decimal("0.01")).quantize(Decimal("0.0001"))),
            limit,
        ),
        (Stop(algorithm="STOP", stop_px=away, trigger_by="BEST"), market),
        (Oco(algorithm="OCO", stop_px=against, trigger_by="BEST"), limit),
    ]
    execution, terms = chance.choice(executions)
    return submit(number, venue="SOR", side=side, quantity=quantity, execution=execution, **terms)


async def trade(shard: RoutedShard, orders: list[SubmitOrder], chance: random.Random) -> None:
    for each in orders:
        shard.submit(each)
        await asyncio.sleep(chance.uniform(0, 0.2))
        if chance.random() < 0.3:
            cancel(shard, chance.choice(orders))
    await asyncio.sleep(chance.uniform(0, 1.0))


def cancel(shard: RoutedShard, order: SubmitOrder) -> None:
    if shard.state.knows(order.order_id):
        shard.inbox.ask(CancelOrder(order_id=order.order_id, tenant_id=TENANT)).add_done_callback(heard)


def traded_there(there: dict[str, Simulated], children: list[tuple[str, SubmitOrder]]) -> tuple[Decimal, Decimal]:
    """Quantity and notional of what the exchanges have of these children."""
    found = [there[venue].order(child.order_id) for venue, child in children]
    known = [each for each in found if each is not None]
    return sum((each.cum_qty for each in known), Decimal(0)), sum((each.cum_notional for each in known), Decimal(0))


def _is_at_rest(state: ShardState) -> bool:
    return not state.open_orders()


@pytest.mark.parametrize("seed", seeds())
async def test_an_order_is_worth_what_its_children_traded(seed: int) -> None:
    """Killed with all of it under way, then all faults off and everything cancelled."""
    chance = random.Random(seed)  # noqa: S311 - the same seed, the same run as far as we decide it
    orders = [some_order(number, chance) for number in range(ORDERS)]
    journal = Journal()
    async with two_exchanges(speed=50, seed=seed) as (there, markets):
        for life in range(2):
            for each in there.values():
                each.switch(**some_faults(chance))
            shard = RoutedShard(markets, journal)
            async with shard.served():
                await trade(shard, orders[life * ORDERS // 2 : (life + 1) * ORDERS // 2], chance)
                if life == 0:
                    continue
                for each in there.values():
                    each.switch()
                for order in orders:
                    cancel(shard, order)
                await until(partial(_is_at_rest, shard.state), timeout_s=30)
    children = submitted_children(journal)
    for order in orders:
        if not shard.state.knows(order.order_id):
            continue
        told = snapshot_in_state(shard.state, order.order_id)
        own = [(child.venue, child) for child in children if child.parent_id == order.order_id]
        in_book = [child for venue, child in own if venue not in NAMES]
        assert not in_book, "nobody else trades in the engine's own book here"
        assert (told.cum_qty, told.cum_notional) == traded_there(there, own), order
        assert told.cum_qty <= order.quantity
        assert told.status in {OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED}
    trade_ids = [each["event_id"] for each in journal.events if each["topic"] == "trades.TradeExecuted.v1"]
    assert len(trade_ids) == len(set(trade_ids))
    at_exchanges = sum(len(each.account.orders) for each in there.values())
    assert at_exchanges <= len(children)
    assert replayed(journal.rows).state_hash() == shard.state.state_hash()


def submitted_children(journal: Journal) -> list[SubmitOrder]:
    """Every child that the journal has."""
    state = replayed(journal.rows[:0])
    found: dict[Any, SubmitOrder] = {}
    for row in journal.rows:
        state.replay(row)
        for order in state.registry.live.values():
            if isinstance(order, EngineOrder) and order.parent_id is not None:
                found[order.order_id] = order.submitted
    return list(found.values())
