"""With a venue that loses, doubles, delays and cuts at random no order is lost, doubled or forgotten.

And none has other terms here than there: what is reserved for an order follows from its terms here.

A dozen seeds of each exchange by default; VENUE_FAULT_SEEDS says how many (1000, or 5000-6000 for those from 5000 on).
"""

import asyncio
import os
import random
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import OrderType, OrdStatus, Side, SubmitOrder, TimeInForce
from fargate_engine.orders import EngineOrder
from fargate_engine.venues import ccxt_loading, exchange, exchange_cancel_all, exchange_client, exchange_connection
from tests.support.exchange_scene import VENUE, Journal, Shard, connected, new_terms, until
from tests.support.venue_sides import VenueSide, binance_side, bybit_side
from tests.unit.fargate_engine.driven import replayed
from tests.unit.fargate_engine.orders import submit

SEEDS_DEFAULT = 12
ORDERS = 10
REPLACEABLE = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})
SIDES = {"binance": binance_side, "bybit": bybit_side}
FAULTS = ("lost_request", "lost_reply", "unknown_reply", "garbled_reply", "repeated_request")
EVENT_FAULTS = ("lost_event", "doubled_event", "late_event")
# How Binance ends an order, and what the engine calls that.
ENDS = {
    OrdStatus.NEW: {OrdStatus.NEW},
    OrdStatus.PARTIALLY_FILLED: {OrdStatus.PARTIALLY_FILLED},
    OrdStatus.FILLED: {OrdStatus.FILLED},
    OrdStatus.CANCELED: {OrdStatus.CANCELED},
}


def seeds() -> range:
    told = os.environ.get("VENUE_FAULT_SEEDS", str(SEEDS_DEFAULT))
    first, _, last = told.rpartition("-")
    return range(int(first or 0), int(last))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same machine has one clock, so what is waited for can be short."""
    monkeypatch.setattr(ccxt_loading, "REQUEST_TIMEOUT_S", 1)
    for name in SIDES:
        monkeypatch.setitem(ccxt_loading._OPTIONS[name], "recvWindow", 250)
    monkeypatch.setattr(exchange, "ARRIVES_WITHIN_S", 0.5)
    monkeypatch.setattr(exchange_cancel_all, "ORDERS_MIN", 2)
    monkeypatch.setattr(exchange, "LOOK_PAUSE_S", 0.02)
    monkeypatch.setattr(exchange, "LOOK_PAUSE_MAX_S", 0.1)
    monkeypatch.setattr(exchange, "FILLS_GRACE_S", 0.02)
    monkeypatch.setattr(exchange_client, "ORDER_WAIT_S", 0.5)
    monkeypatch.setattr(exchange_connection, "POLL_S", 0.2)
    monkeypatch.setattr(exchange_connection, "RETRY_S", 0.05)
    monkeypatch.setattr("fargate_engine.venues.circuit_breaker.OPEN_S", 0.1)


def some_faults(chance: random.Random) -> dict[str, Any]:
    shares: dict[str, Any] = {fault: chance.choice((0, 0, 0.1, 0.2)) for fault in FAULTS}
    shares |= {fault: chance.choice((0, 0.2, 0.5)) for fault in EVENT_FAULTS}
    return shares | {
        "latency_ms": chance.choice((0, 20, 300)),  # The last outlives some windows.
        "slow_reply_ms": chance.choice((0, 30)),
        "reject": chance.choice((0, 0.1)),
        "late_event_ms": 200,
        "silent_streams": chance.random() < 0.3,
        "disconnect_ms": chance.choice((0, 0, 150)),
    }


def some_order(number: int, chance: random.Random) -> SubmitOrder:
    side = chance.choice(tuple(Side))
    quantity = Decimal(chance.randint(50, 20_000)) / 10_000
    terms: dict[str, Any] = {"venue": VENUE, "side": side, "quantity": quantity}
    match chance.choice(("far", "near", "near", "near", "market", "ioc")):
        case "far":
            terms["price"] = Decimal(2000 if side is Side.BUY else 3500)
        case "near":  # Large enough to be filled in parts, and cancelled with some of it left.
            terms |= {"price": Decimal(2684) + Decimal(chance.randint(-100, 100)) / 100, "quantity": quantity * 10}
        case "ioc":
            terms |= {"price": Decimal(2684), "time_in_force": TimeInForce.IOC, "quantity": quantity * 10}
        case _:
            terms |= {"type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price": None}
    return submit(number, **terms)


def change(shard: Shard, order: SubmitOrder, chance: random.Random) -> None:
    """Ask for other terms, where the platform would: one replace of an order at a time, under its next number."""
    if order.price is None or order.time_in_force is not TimeInForce.GTC or not shard.state.knows(order.order_id):
        return
    live = shard.state.order(order.order_id)
    if not isinstance(live, EngineOrder) or live.replacing is not None or live.status not in REPLACEABLE:
        return
    has = shard.snapshot(order.order_id)
    quantity, price = has.quantity, live.price
    match chance.choice(("less", "less", "other", "both")):
        case "less":
            quantity = max(quantity * chance.randint(1, 9) / 10, Decimal("0.01")).quantize(Decimal("0.0001"))
        case "other":
            price = (price or Decimal(0)) + Decimal(chance.randint(-300, 300)) / 100
        case _:
            price = (price or Decimal(0)) - 1
            quantity = quantity + Decimal(chance.randint(1, 5_000)) / 10_000
    if (quantity, price) != (has.quantity, live.price):
        shard.replace(new_terms(order, f"{quantity:f}", f"{price:f}", number=live.replace_no + 1))


async def kill(shard: Shard) -> None:
    """All that is open, at once: where the exchange is sure to have nothing else, in one request."""
    await asyncio.sleep(0.1)  # Else a replace is pending of some.
    for each in list(shard.state.open_orders()):
        shard.cancel(each.order_id)
    await asyncio.sleep(0.05)


async def trade(shard: Shard, orders: list[SubmitOrder], chance: random.Random) -> None:
    for each in orders:
        shard.submit(each)
        await asyncio.sleep(chance.uniform(0, 0.03))
        if chance.random() < 0.3:
            sent = chance.choice(orders)
            if shard.state.knows(sent.order_id):
                shard.cancel(sent.order_id)
        if chance.random() < 0.6:
            change(shard, chance.choice(orders), chance)
    for _ in range(5):
        await asyncio.sleep(0.02)  # The market moves through some of them.
        change(shard, chance.choice(orders), chance)
    if chance.random() < 0.5:
        await kill(shard)
    for each in orders:
        if shard.state.knows(each.order_id) and chance.random() < 0.4:
            shard.cancel(each.order_id)
        elif chance.random() < 0.5:
            change(shard, each, chance)
    await asyncio.sleep(chance.uniform(0, 0.05))


def agree(there: VenueSide, shard: Shard, order: SubmitOrder) -> bool:
    """Engine and exchange say the same of the order."""
    if not shard.state.knows(order.order_id):
        return False
    known = shard.state.order(order.order_id)
    if isinstance(known, EngineOrder) and known.replacing is not None:
        return False
    told, found = shard.snapshot(order.order_id), there.order(order.order_id)
    if found is None:
        # Refused, kept back, or never arrived; or its cancel came before it was sent.
        return told.status in {OrdStatus.REJECTED, OrdStatus.CANCELED} and not told.cum_qty
    amounts = (told.cum_qty, told.cum_notional) == (found.cum_qty, found.cum_notional)
    price = order.price if told.price is None else told.price
    terms = (told.quantity, price) == (found.quantity, found.price) or order.price is None
    return amounts and terms and told.status in ENDS[found.status]


async def all_agree(there: VenueSide, shard: Shard, orders: list[SubmitOrder]) -> None:
    try:
        await until(lambda: all(agree(there, shard, each) for each in orders))
    except TimeoutError:
        for each in orders:
            if not agree(there, shard, each):
                pytest.fail(f"{shard.snapshot(each.order_id)} is {there.order(each.order_id)} there")


@pytest.mark.parametrize("seed", seeds())
@pytest.mark.parametrize("exchange_name", SIDES)
async def test_no_order_is_lost_doubled_or_forgotten(exchange_name: str, seed: int) -> None:
    """It ends with a restart in the middle of it, and with all faults off: then both sides have to agree."""
    chance = random.Random(seed)  # noqa: S311 - the same seed, the same run as far as we decide it
    orders = [some_order(number, chance) for number in range(ORDERS)]
    journal = Journal()
    async with (
        SIDES[exchange_name](seed) as there,
        connected(there.base_url, exchange=exchange_name) as connection,
    ):
        for life in range(2):
            there.switch(**some_faults(chance))
            shard = Shard(connection, journal)
            async with shard.served():
                half = orders[life * ORDERS // 2 : (life + 1) * ORDERS // 2]
                await trade(shard, half, chance)
                if life == 0:
                    continue  # Killed with all of it under way.
                there.switch()
                known = [each for each in orders if shard.state.knows(each.order_id)]
                await all_agree(there, shard, known)
        # Nothing is there that the journal has not had before, and nothing twice.
        ours = [found for found in (there.order(order.order_id) for order in known) if found is not None]
        assert there.orders == len(ours) + sum(found.given_up for found in ours)
    trade_ids = [each["event_id"] for each in journal.events if each["topic"] == "trades.TradeExecuted.v1"]
    assert len(trade_ids) == len(set(trade_ids)) <= there.fills
    assert replayed(journal.rows).state_hash() == shard.state.state_hash()
