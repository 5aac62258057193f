"""How the market stood when an order began to be worked, and what traded while it was: ExecutionMeasured."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import islice

from breakwater.domain.ids import named_id
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, format_computed
from breakwater.domain.orders import Side, SubmitOrder
from events.envelope import EnvelopeDocument
from events.orders import ExecutionMeasured
from fargate_engine.market_data.market import Market
from fargate_engine.routing.aggregated_book import average_cost
from fargate_engine.routing.moves import VenueView

_PRICE_STEP = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Arrival:
    """Decimal strings; None where the market did not show it."""

    px: str | None
    cost_px: str | None


@dataclass(slots=True)
class Volume:
    """All that traded at its venues since `since_ns`, in lots, and in ticks times lots."""

    since_ns: int = field(default_factory=time.time_ns)
    lots: int = 0
    ticks_lots: int = 0
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict)  # Market and its trades so far, by venue.

    def take(self, name: str, market: Market) -> None:
        """What is new in it. What went by faster than it keeps trades is not counted."""
        known, count = self._counts.get(name, (0, 0))
        new = market.trade_count - count if known == id(market) else 0
        self._counts[name] = (id(market), market.trade_count)
        for trade in islice(reversed(market.trades), max(new, 0)):
            self.lots += trade.quantity_lots
            self.ticks_lots += trade.price_ticks * trade.quantity_lots

    def average_px(self, instrument: Instrument) -> str | None:
        if self.lots == 0:
            return None
        return _average_px(self.ticks_lots, self.lots, instrument)


def arrival(views: Sequence[VenueView], side: Side, quantity_lots: int, instrument: Instrument) -> Arrival:
    """`cost_px` only where all books together hold the quantity."""
    opposite = [view.opposite[0][0] * side.sign for view in views if view.opposite]
    own = [view.own[0][0] * side.sign for view in views if view.own]
    px = _average_px((min(opposite) + max(own)) * side.sign, 2, instrument) if opposite and own else None
    steps, lots = average_cost(side, quantity_lots, views)
    return Arrival(px, _average_px(steps, lots, instrument) if lots == quantity_lots else None)


def measured(
    order: SubmitOrder,
    venues: Sequence[str],
    began_at_ns: int,
    arrived: Arrival,
    *,
    ended_at_ns: int | None = None,
    vwap_px: str | None = None,
    vwap_since_ns: int | None = None,
) -> EnvelopeDocument:
    """Told twice: when it begins, and when it has ended."""
    stage = "began" if ended_at_ns is None else "ended"
    return {
        "event_id": named_id(order.order_id, f"{ExecutionMeasured.topic}/{stage}"),
        "topic": ExecutionMeasured.topic,
        "tenant_id": order.tenant_id,
        "account_id": order.account_id,
        "aggregate_id": order.order_id,
        "correlation_id": order.correlation_id,
        "occurred_at_ns": ended_at_ns or began_at_ns,
        "payload": {
            "order_id": str(order.order_id),
            "algorithm": order.execution.algorithm if order.execution else "BEST",
            "venues": list(venues),
            "began_at_ns": began_at_ns,
            "arrival_px": arrived.px,
            "arrival_cost_px": arrived.cost_px,
            "ended_at_ns": ended_at_ns,
            "vwap_px": vwap_px,
            "vwap_since_ns": vwap_since_ns,
        },
    }


def _average_px(ticks: int, count: int, instrument: Instrument) -> str:
    """Of `count` prices that are `ticks` together, rounded half even to 8 decimals, as avg_px is."""
    price = EXACT.multiply(EXACT.divide(Decimal(ticks), Decimal(count)), instrument.tick_size)
    return format_computed(price.quantize(_PRICE_STEP, rounding=ROUND_HALF_EVEN, context=EXACT))
