"""One simulated market: a real (or synthetic) displayed book, and our own orders in it.

Our orders do not move the market, but they cannot cheat it either: what one of our takers took from a level is gone
until the market updates that level, and a maker waits until the quantity that was ahead of it has traded.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, trim
from breakwater.domain.orders import OrdStatus, Side, TimeInForce
from fargate_engine.ladder import Ladder
from fargate_engine.market_data.l2_book import (
    DepthDiff,
    DepthSnapshot,
    L2Book,
    MarketEvent,
    MarketTrade,
)
from fargate_engine.messages import (
    Liquidity,
    VenueAccepted,
    VenueCanceled,
    VenueFilled,
    VenueRejected,
    VenueReplaced,
    VenueReplaceRejected,
    VenueReport,
)
from fargate_engine.terms import (
    FOK_NOT_FILLABLE,
    NO_LIQUIDITY,
    POST_ONLY_WOULD_TAKE,
    PRICE_BAND,
    TOO_LATE,
    Reach,
    Reason,
    WorkingTerms,
)
from fargate_engine.venues.client_ids import client_id_of
from fargate_engine.venues.protocol import OrderAtVenue

FEE_RATE = Decimal("0.001")  # Of the notional, in quote currency, for makers and takers.


@dataclass(slots=True)
class _Maker:
    terms: WorkingTerms
    leaves_lots: int
    ahead_lots: int  # Displayed quantity that must trade before this order does.

    @property
    def filled_lots(self) -> int:
        return self.terms.quantity_lots - self.leaves_lots


type _Queue = dict[uuid.UUID, _Maker]  # Oldest first.


class SimulatedMarket:
    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.book = L2Book()
        self._makers: dict[uuid.UUID, _Maker] = {}
        self._queues = {side: Ladder[_Queue](side) for side in Side}  # The same, by price.
        self._taken_lots: dict[tuple[Side, int], int] = {}  # From a level since the market last updated it.

    def submit(self, terms: WorkingTerms) -> list[VenueReport]:
        """Accepted or rejected, then fills, and a cancel of the rest unless it rests."""
        plan, stopped_by = self._plan(terms, terms.quantity_lots)
        fillable_lots = sum(lots for _, lots in plan)
        if terms.post_only and (plan or stopped_by is not None):
            return [_rejected(terms, POST_ONLY_WOULD_TAKE)]
        accepted = VenueAccepted(order_id=terms.order_id)
        if terms.time_in_force is TimeInForce.FOK and fillable_lots < terms.quantity_lots:
            return [accepted, _canceled(terms, stopped_by or FOK_NOT_FILLABLE)]
        reports = [accepted, *self._take(terms, plan, "TAKER")]
        leaves_lots = terms.quantity_lots - fillable_lots
        if leaves_lots == 0:
            return reports
        if stopped_by is not None or terms.time_in_force is not TimeInForce.GTC:
            return [*reports, _canceled(terms, stopped_by or NO_LIQUIDITY)]
        self._rest(terms, leaves_lots)
        return reports

    def replace(self, terms: WorkingTerms) -> list[VenueReport]:
        """Other terms for an order that rests: less at the same price keeps its place, else it comes in anew."""
        maker = self._makers.get(terms.order_id)
        leaves_lots = 0 if maker is None else terms.quantity_lots - maker.filled_lots
        if maker is None or leaves_lots <= 0:
            return [_replace_rejected(terms, TOO_LATE)]
        replaced = VenueReplaced(
            order_id=terms.order_id, quantity_lots=terms.quantity_lots, price_ticks=terms.limit_ticks
        )
        if terms.limit_ticks == maker.terms.limit_ticks and leaves_lots <= maker.leaves_lots:
            maker.terms, maker.leaves_lots = terms, leaves_lots
            return [replaced]
        plan, stopped_by = self._plan(terms, leaves_lots)
        if terms.post_only and (plan or stopped_by is not None):
            return [_replace_rejected(terms, POST_ONLY_WOULD_TAKE)]
        self._remove(maker)
        reports: list[VenueReport] = [replaced, *self._take(terms, plan, "TAKER")]
        leaves_lots -= sum(lots for _, lots in plan)
        if leaves_lots == 0:
            return reports
        if stopped_by is not None:
            return [*reports, _canceled(terms, stopped_by)]
        self._rest(terms, leaves_lots)
        return reports

    def restore(self, terms: WorkingTerms, leaves_lots: int) -> list[VenueReport]:
        """An order the journal knows as accepted joins the back of its queue; one that may not rest is cancelled."""
        if terms.time_in_force is not TimeInForce.GTC:
            return [_canceled(terms, NO_LIQUIDITY)]
        self._rest(terms, leaves_lots)
        return []

    def cancel(self, order_id: uuid.UUID) -> list[VenueReport]:
        """Nothing when it is not here: then its last word is on its way already."""
        maker = self._makers.get(order_id)
        if maker is None:
            return []
        self._remove(maker)
        return [VenueCanceled(order_id=order_id)]

    def apply(self, event: MarketEvent) -> list[VenueReport]:
        """Move the market, and report what that filled."""
        match event:
            case DepthSnapshot():
                self.book.replace(event)
                self._taken_lots.clear()
                for side, queues in self._queues.items():
                    self._shorten_queues(side, [price_ticks for price_ticks, _ in queues.from_best()])
            case DepthDiff():
                self.book.update(event)
                for side, levels in ((Side.BUY, event.bids), (Side.SELL, event.asks)):
                    for price_ticks, _ in levels:
                        self._taken_lots.pop((side, price_ticks), None)
                    self._shorten_queues(side, [price_ticks for price_ticks, _ in levels])
            case MarketTrade():
                return list(self._trade_through(event))
        return list(self._fill_crossed())

    def shown(self, side: Side, depth: int) -> list[tuple[int, int]]:
        """(price_ticks, lots) still to be had, best first."""
        levels = []
        for price_ticks, lots in self.book.levels(side):
            available_lots = lots - self._taken_lots.get((side, price_ticks), 0)
            if available_lots > 0:
                levels.append((price_ticks, available_lots))
            if len(levels) == depth:
                break
        return levels

    def open_orders(self) -> list[OrderAtVenue]:
        """Ours that rest here."""
        orders = []
        for maker in self._makers.values():
            terms, quantity = maker.terms, self.instrument.quantity(maker.terms.quantity_lots)
            filled = self.instrument.quantity(terms.quantity_lots - maker.leaves_lots)
            status = OrdStatus.PARTIALLY_FILLED if filled else OrdStatus.NEW
            client_id = client_id_of(terms.order_id)
            orders.append(OrderAtVenue(client_id, None, terms.symbol, terms.side, status, quantity, filled))
        return orders

    def _plan(self, terms: WorkingTerms, lots: int) -> tuple[list[tuple[int, int]], Reason | None]:
        """The (price_ticks, lots) to take, best first, and the reason if something forbids the rest to stay."""
        side = _opposite(terms.side)
        plan: list[tuple[int, int]] = []
        for price_ticks, displayed_lots in self.book.levels(side):
            if lots == 0:
                break
            available_lots = displayed_lots - self._taken_lots.get((side, price_ticks), 0)
            if available_lots <= 0:
                continue
            reach = terms.reach(price_ticks)
            if reach is not Reach.TRADE:
                return plan, PRICE_BAND if reach is Reach.OUTSIDE_BAND else None
            plan.append((price_ticks, min(available_lots, lots)))
            lots -= plan[-1][1]
        return plan, None

    def _take(
        self, terms: WorkingTerms, plan: list[tuple[int, int]], liquidity: Liquidity, price_ticks: int | None = None
    ) -> Iterator[VenueReport]:
        """Fill at each level's price, or all at `price_ticks`."""
        side = _opposite(terms.side)
        for level_ticks, lots in plan:
            key = (side, level_ticks)
            self._taken_lots[key] = self._taken_lots.get(key, 0) + lots
            yield self._filled(terms, lots, price_ticks or level_ticks, liquidity)

    def _rest(self, terms: WorkingTerms, leaves_lots: int) -> None:
        ahead_lots = self.book.lots_at(terms.side, terms.limit_ticks)
        maker = self._makers[terms.order_id] = _Maker(terms, leaves_lots, ahead_lots)
        queue = self._queues[terms.side].get(terms.limit_ticks)
        if queue is None:
            queue = {}
            self._queues[terms.side].put(terms.limit_ticks, queue)
        queue[terms.order_id] = maker

    def _trade_through(self, trade: MarketTrade) -> Iterator[VenueReport]:
        """The market traded: makers it passed are filled first, then those at its price behind their queue."""
        budget_lots = trade.quantity_lots
        for maker in self._reached(_opposite(trade.taker), trade.price_ticks):
            reached_lots = budget_lots
            if maker.terms.limit_ticks == trade.price_ticks:
                # The queue ahead is counted against the whole trade: each maker saw the same displayed orders.
                reached_lots = min(budget_lots, max(trade.quantity_lots - maker.ahead_lots, 0))
                maker.ahead_lots = max(maker.ahead_lots - trade.quantity_lots, 0)
            lots = min(maker.leaves_lots, reached_lots)
            if lots > 0:
                budget_lots -= lots
                self._reduce(maker, lots)
                yield self._filled(maker.terms, lots, maker.terms.limit_ticks, "MAKER")

    def _shorten_queues(self, side: Side, changed_ticks: Iterable[int]) -> None:
        """Nobody waits behind more than is displayed."""
        for price_ticks in changed_ticks:
            for maker in (self._queues[side].get(price_ticks) or {}).values():
                maker.ahead_lots = min(maker.ahead_lots, self.book.lots_at(side, price_ticks))

    def _fill_crossed(self) -> Iterator[VenueReport]:
        """The book moved through a maker: it stood there first, so it trades at its own price."""
        for side in Side:
            best_opposite_ticks = self.book.best_ticks(_opposite(side))
            if best_opposite_ticks is None:
                continue
            for maker in self._reached(side, best_opposite_ticks):
                plan, _ = self._plan(maker.terms, maker.leaves_lots)
                if plan:
                    self._reduce(maker, sum(lots for _, lots in plan))
                    yield from self._take(maker.terms, plan, "MAKER", maker.terms.limit_ticks)

    def _reached(self, side: Side, price_ticks: int) -> list[_Maker]:
        """The makers of a side whose price is `price_ticks` or better for whoever takes, in price-time priority."""
        makers: list[_Maker] = []
        for queue_ticks, queue in self._queues[side].from_best():
            if side.sign * (queue_ticks - price_ticks) < 0:
                break
            makers += queue.values()
        return makers

    def _reduce(self, maker: _Maker, lots: int) -> None:
        maker.leaves_lots -= lots
        if maker.leaves_lots == 0:
            self._remove(maker)

    def _remove(self, maker: _Maker) -> None:
        terms = maker.terms
        del self._makers[terms.order_id]
        queue = self._queues[terms.side].get(terms.limit_ticks) or {}
        del queue[terms.order_id]
        if not queue:
            self._queues[terms.side].remove(terms.limit_ticks)

    def _filled(self, terms: WorkingTerms, lots: int, price_ticks: int, liquidity: Liquidity) -> VenueFilled:
        notional = EXACT.multiply(self.instrument.quantity(lots), self.instrument.price(price_ticks))
        return VenueFilled(
            order_id=terms.order_id,
            quantity_lots=lots,
            price_ticks=price_ticks,
            liquidity=liquidity,
            fee=trim(EXACT.multiply(notional, FEE_RATE)),
            fee_currency=self.instrument.quote_asset,
        )


def _opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def _rejected(terms: WorkingTerms, reason: Reason) -> VenueRejected:
    return VenueRejected(order_id=terms.order_id, code=reason.code, reason=reason.text)


def _replace_rejected(terms: WorkingTerms, reason: Reason) -> VenueReplaceRejected:
    return VenueReplaceRejected(order_id=terms.order_id, code=reason.code, reason=reason.text)


def _canceled(terms: WorkingTerms, reason: Reason) -> VenueCanceled:
    return VenueCanceled(order_id=terms.order_id, code=reason.code, reason=reason.text)
