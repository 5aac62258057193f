"""What an algorithm is shown, for its tests: a price is its ticks and a quantity its lots."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.market_data.updates import Trade
from fargate_engine.routing.moves import Child, Moves, VenueView, View

SECOND_NS = 1_000_000_000
BEGAN_NS = 1_750_000_200 * SECOND_NS  # A whole five minutes of the day.

_VENUE = VenueView(
    venue="A",
    opposite=(),
    own=(),
    trades=(),
    taker_fee=Decimal(0),
    maker_fee=Decimal(0),
    latency_ms=0.0,
    tick_step=1,
    lot_step=1,
    lots_min=1,
    notional_min_steps=0,
)
_CHILD = Child(
    order_id=uuid.UUID(int=1),
    venue="A",
    leaves_lots=10,
    cum_lots=0,
    limit_ticks=100,
    rests=True,
    is_working=True,
    is_being_canceled=False,
    sent_at_ns=BEGAN_NS,
)


def venue(name: str = "A", **changes: Any) -> VenueView:
    return replace(_VENUE, venue=name, **changes)


def child(number: int = 1, **changes: Any) -> Child:
    return replace(_CHILD, order_id=uuid.UUID(int=number), **changes)


def trades(*prices: int, since_s: float = 1, quantity_lots: int = 1) -> tuple[Trade, ...]:
    """One in each millisecond, from `since_s` after the order began."""
    first_ns = at_s(since_s)
    return tuple(
        Trade(number, first_ns + number * 1_000_000, Side.SELL, price, quantity_lots)
        for number, price in enumerate(prices)
    )


def at_s(seconds: float) -> int:
    """So long after the order began."""
    return BEGAN_NS + round(seconds * 1_000) * 1_000_000


def view(
    *,
    side: Side = Side.SELL,
    quantity_lots: int = 100,
    cum_lots: int = 0,
    children: Sequence[Child] = (),
    now_s: float = 2,
    limit_ticks: int | None = None,
    **changes: Any,
) -> View:
    """A limit order, good till cancelled, in a band from 1 to 1000. Without a limit it goes to the far edge."""
    low, high = 1, 1_000
    if limit_ticks is not None:
        low, high = (low, limit_ticks) if side is Side.BUY else (limit_ticks, high)
    leaves_lots = quantity_lots - cum_lots
    seen = View(
        now_ns=at_s(now_s),
        began_at_ns=BEGAN_NS,
        side=side,
        quantity_lots=quantity_lots,
        leaves_lots=leaves_lots,
        unsent_lots=leaves_lots - sum(each.leaves_lots for each in children),
        limit_ticks=high if side is Side.BUY else low,
        low_ticks=low,
        high_ticks=high,
        tick_size=Decimal(1),
        lot_size=Decimal(1),
        is_market=False,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        children=tuple(children),
        venues=(venue(),),
        refused={},
        market_lots=0,
        volume_profile=(0,) * 288,
        note="",
    )
    return replace(seen, **changes)


def sent(moves: Moves) -> list[tuple[str, int, int, TimeInForce]]:
    return [(each.venue, each.lots, each.limit_ticks, each.time_in_force) for each in moves.send]


def ended(moves: Moves) -> str | None:
    return None if moves.ends is None else moves.ends.code
