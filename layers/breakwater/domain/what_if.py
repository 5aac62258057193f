"""A recorded day's orders under other limits: who would have been refused, and what would have come of it.

The day is walked in the order in which things happened. Each order is judged by the very functions that judge a live
one, against what the orders let through so far hold and have filled. What a refused order traded did not happen.

What is not recorded is assumed: the reference price is the last trade of the symbol before the order; an order that was
refused then and passes now trades nothing, since nobody knows what it would have met.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from functools import partial
from typing import NamedTuple

from breakwater.domain.exposure import BASE_CURRENCY, ZERO, Activity, Exposure, Limit, NodeState, Scope, Standing
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import LIMIT_TYPES, Need
from breakwater.domain.limits import Finding, evaluate, propose, refused
from breakwater.domain.market import Market, MissingReference, Quote, RiskTerms
from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderTerms, Side
from breakwater.domain.portfolio import Fill, Position
from breakwater.domain.valuation import ReferenceUnavailable
from breakwater.domain.what_if_earnings import Earnings, earned_by, worth_in_base

DRAWDOWN = "DRAWDOWN"
LOSS_STREAK = "LOSS_STREAK"
WORTH_AGE_MAX = timedelta(hours=2)  # It is noted once an hour: one note may be missing.
WORTH_MISSING = "what the accounts were worth"


@dataclass(frozen=True, slots=True)
class RecordedOrder:
    """`path`: its scopes, root first. `ended_at` None: it was open at the end of the day."""

    order_id: uuid.UUID
    path: Sequence[uuid.UUID]
    terms: OrderTerms
    placed_at: datetime
    ended_at: datetime | None
    was_refused: bool
    is_automated: bool
    before_day: bool = False  # It was open when the day began: it is not judged.
    was_rejected: bool = False  # By the engine or a venue: it had passed the limits.


@dataclass(frozen=True, slots=True)
class RecordedFill:
    order_id: uuid.UUID
    symbol: str
    at: datetime
    fill: Fill


@dataclass(frozen=True, slots=True)
class RecordedWorth:
    """All that an account had at a moment, at the prices of then, in its base currency."""

    account_id: uuid.UUID
    at: datetime
    currency: str
    equity: Decimal


class Change(NamedTuple):
    """A limit to be tried, or one that is to be taken away."""

    limit: Limit
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    order: RecordedOrder
    findings: Sequence[Finding]
    missing: str | None = None


@dataclass(slots=True)
class Outcome:
    """`refused`: let through then and not now. `passed`: the other way round. Peaks are |F| and the open notional.

    `actual_positions` are those of the day as it was.
    """

    judged_count: int = 0
    refused: list[Refused] = field(default_factory=list)
    passed: list[RecordedOrder] = field(default_factory=list)
    positions: dict[tuple[uuid.UUID, str], Position] = field(default_factory=dict)
    actual_positions: dict[tuple[uuid.UUID, str], Position] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    peak_filled: dict[tuple[uuid.UUID, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    peak_open_notional: dict[tuple[uuid.UUID, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))


@dataclass(slots=True)
class _Held:
    order: RecordedOrder
    price: Decimal
    open_qty: Decimal


class _NotNoted(Mapping[str, Decimal]):
    """Stands for cash that nobody has noted: a limit that asks for it refuses, and says why."""

    def __getitem__(self, asset: str) -> Decimal:
        raise MissingReference(WORTH_MISSING)

    def __iter__(self) -> Iterator[str]:
        raise MissingReference(WORTH_MISSING)

    def __len__(self) -> int:
        raise MissingReference(WORTH_MISSING)


_NOT_NOTED = _NotNoted()


class Day:
    """`scopes`: every node with the limits to be tried; what stands against them is built up here. `opening`: the
    position of each account in each symbol when the day began."""

    def __init__(
        self,
        scopes: Mapping[uuid.UUID, Scope],
        instruments: Mapping[str, Instrument],
        opening: Mapping[tuple[uuid.UUID, str], Position],
        accounts: Mapping[uuid.UUID, uuid.UUID],
        opened: Mapping[uuid.UUID, datetime] | None = None,
    ) -> None:
        """`accounts`: the account of each account node's id. `opened`: when accounts came to be; before that they have
        nothing."""
        self._scopes = scopes
        self._opened = opened or {}
        self._instruments = instruments
        self._exposures: dict[uuid.UUID, dict[tuple[str, str], Exposure]] = defaultdict(dict)
        self._activity: dict[uuid.UUID, list[Activity]] = defaultdict(list)
        self._streaks: dict[uuid.UUID, int] = defaultdict(int)
        self._loss_streaks: dict[uuid.UUID, int] = defaultdict(int)
        self._cool_until: dict[uuid.UUID, datetime] = {}
        self._sent_at: dict[tuple[object, ...], datetime] = {}
        self._held: dict[uuid.UUID, _Held] = {}
        self._account_of: dict[uuid.UUID, uuid.UUID] = {}  # Of each order.
        self._terms: dict[str, RiskTerms] = {}
        self._node_of_account = {account_id: node_id for node_id, account_id in accounts.items()}
        self.outcome = Outcome(positions=dict(opening), actual_positions=dict(opening))
        marks, own = self.outcome.marks, {account_id: [account_id] for account_id in accounts.values()}
        paths = {account_id: scopes[node_id].node.path for node_id, account_id in accounts.items()}
        self._tried = Earnings(self.outcome.positions, paths, instruments, marks)
        self._was = Earnings(self.outcome.actual_positions, own, instruments, marks)
        self._earnings = self._tried.of
        self._drawdowns = [self._earnings[node_id] for node_id, scope in scopes.items() if _has(scope, DRAWDOWN)]
        self._noted: dict[uuid.UUID, tuple[RecordedWorth, Decimal | None]] = {}  # With what was earned until then.
        self._accounts_asked_of = {
            node_id: [
                account_id
                for of_account, account_id in accounts.items()
                if node_id in scopes[of_account].node.path or of_account in scope.node.path
            ]
            for node_id, scope in scopes.items()
            if asks_for_worth(scope)
        }
        for (account_id, symbol), position in opening.items():
            for node_id in self._scopes[self._node_of_account[account_id]].node.path:
                self._book(node_id, symbol, "", filled_qty=position.quantity)

    def run(
        self,
        orders: Iterable[RecordedOrder],
        fills: Iterable[RecordedFill],
        market: Iterable[RecordedFill],
        terms: Iterable[tuple[datetime, RiskTerms]] = (),
        worth: Iterable[RecordedWorth] = (),
    ) -> Outcome:
        """`fills` are those of the orders; `market` all fills of the firm, which prices are taken from. `terms`: what
        the firm said of instruments, and when; `worth`: what was noted of accounts."""
        happenings: list[tuple[datetime, int, Callable[[], object]]] = []
        for at, told in terms:
            happenings.append((at, 0, partial(self._terms.update, {told.symbol: told})))
        for fill in market:
            happenings.append((fill.at, 0, partial(self._mark, fill)))
        for noted in worth:
            happenings.append((noted.at, 0, partial(self._note_worth, noted)))
        for order in orders:
            self._account_of[order.order_id] = order.terms.account_id
            happenings.append((order.placed_at, 1, partial(self._place, order)))
            if order.ended_at is not None:
                happenings.append((order.ended_at, 3, partial(self._end, order.order_id)))
        for fill in fills:
            happenings.append((fill.at, 2, partial(self._fill, fill)))
        with localcontext(EXACT):
            self._tried.begin()
            self._was.begin()
            for _, _, happen in sorted(happenings, key=lambda happening: happening[:2]):
                happen()
        return self.outcome

    def _mark(self, fill: RecordedFill) -> None:
        before = self.outcome.marks.get(fill.symbol)
        self.outcome.marks[fill.symbol] = fill.fill.last_px
        if before != fill.fill.last_px:
            self._tried.mark(fill.symbol)
            self._was.mark(fill.symbol)
            self._note_peaks(fill.at)

    def _note_worth(self, noted: RecordedWorth) -> None:
        earned = self._was.of[noted.account_id].pnl(lambda: self._market(noted.at))
        self._noted[noted.account_id] = noted, earned

    def _note_peaks(self, at: datetime) -> None:
        """As the watch does at each price and fill. The day begins with nothing earned."""
        for earning in self._drawdowns:
            pnl = earning.pnl(lambda: self._market(at))
            if pnl is not None:
                earning.peak = max(earning.peak, pnl)

    def _place(self, order: RecordedOrder) -> None:
        at, terms = order.placed_at, order.terms
        if order.before_day:
            self._hold(order, terms.price or self.outcome.marks.get(terms.symbol, ZERO), at)
            return
        self.outcome.judged_count += 1
        market = self._market(at)
        scopes = [self._as_of(node_id, at, market) for node_id in order.path]
        try:
            proposed = propose(terms, market, scopes, same_terms_at=self._sent_at.get(_told(terms)))
            findings = refused(evaluate(scopes, proposed, reduce_only=terms.reduce_only))
        except ReferenceUnavailable:
            self._refuse(Refused(order, (), missing=f"a price of {terms.symbol} before the order"))
            return
        if findings:
            self._refuse(Refused(order, findings))
            return
        if order.was_refused:
            self.outcome.passed.append(order)
            return
        self._hold(order, proposed.band.high, at)

    def _refuse(self, refusal: Refused) -> None:
        for node_id in refusal.order.path:
            self._streaks[node_id] += 1
        if not refusal.order.was_refused:
            self.outcome.refused.append(refusal)

    def _hold(self, order: RecordedOrder, price: Decimal, at: datetime) -> None:
        terms = order.terms
        self._held[order.order_id] = _Held(order, price, terms.quantity)
        if not (order.before_day or order.was_rejected):
            self._sent_at[_told(terms)] = at
        for node_id in order.path:
            self._streaks[node_id] = 0
            self._book_open(node_id, terms, terms.quantity, price, orders=1)
            self._book(node_id, terms.symbol, terms.venue, session_order_count=0 if order.before_day else 1)
            self._note(node_id, terms, at, new_count=1)

    def _fill(self, recorded: RecordedFill) -> None:
        self._was.fill(self._account_of[recorded.order_id], recorded.symbol, recorded.fill)
        held = self._held.get(recorded.order_id)
        if held is None:  # Its order was refused: it did not happen.
            return
        terms, fill = held.order.terms, recorded.fill
        held.open_qty -= fill.last_qty
        notional = fill.last_qty * fill.last_px
        for node_id in held.order.path:
            self._book_open(node_id, terms, -fill.last_qty, held.price)
            self._book(
                node_id,
                terms.symbol,
                terms.venue,
                filled_qty=fill.last_qty * fill.side.sign,
                traded_notional=notional,
            )
            automated = int(held.order.is_automated)
            self._note(node_id, terms, recorded.at, fill_count=1, automated=automated, traded_notional=notional)
        earned = self._tried.fill(terms.account_id, terms.symbol, fill)
        if earned is not None:
            self._count_round_trip(self._node_of_account[terms.account_id], recorded.at, lost=earned < 0)
        self._note_peaks(recorded.at)

    def _count_round_trip(self, account_node_id: uuid.UUID, at: datetime, *, lost: bool) -> None:
        """Of the account, of every scope above it, and of the strategies and keys below it."""
        above = self._scopes[account_node_id].node.path
        for node_id, scope in self._scopes.items():
            if node_id not in above and account_node_id not in scope.node.path:
                continue
            streak = self._loss_streaks[node_id] = self._loss_streaks[node_id] + 1 if lost else 0
            for limit in scope.limits:
                if limit.limit_type == LOSS_STREAK and lost and streak >= limit.cap:
                    until = at + timedelta(seconds=int(limit.parameters["cool_down_s"]))
                    self._cool_until[node_id] = max(until, self._cool_until.get(node_id, until))

    def _end(self, order_id: uuid.UUID) -> None:
        held = self._held.pop(order_id, None)
        if held is None:
            return
        for node_id in held.order.path:
            self._book_open(node_id, held.order.terms, -held.open_qty, held.price, orders=-1)

    def _book_open(
        self, node_id: uuid.UUID, terms: OrderTerms, quantity: Decimal, price: Decimal, *, orders: int = 0
    ) -> None:
        buys = terms.side is Side.BUY
        self._book(
            node_id,
            terms.symbol,
            terms.venue,
            open_buy_qty=quantity if buys else ZERO,
            open_sell_qty=ZERO if buys else quantity,
            open_notional=quantity * price,
            open_buy_notional=quantity * price if buys else ZERO,
            open_order_count=orders,
        )

    def _book(self, node_id: uuid.UUID, symbol: str, venue: str, **changes: Decimal | int) -> None:
        of_node = self._exposures[node_id]
        exposure = of_node.get((symbol, venue)) or _nothing(self._scopes[node_id], self._instruments[symbol], venue)
        changed = {name: getattr(exposure, name) + change for name, change in changes.items()}
        of_node[symbol, venue] = exposure._replace(**changed)
        together = [e for (of_symbol, _), e in of_node.items() if of_symbol == symbol]
        filled = abs(sum((e.filled_qty for e in together), ZERO))
        opened = sum((e.open_notional for e in together), ZERO)
        place = (node_id, symbol)
        peaks = self.outcome
        peaks.peak_filled[place] = max(peaks.peak_filled[place], filled)
        peaks.peak_open_notional[place] = max(peaks.peak_open_notional[place], opened)

    def _note(
        self,
        node_id: uuid.UUID,
        terms: OrderTerms,
        at: datetime,
        *,
        new_count: int = 0,
        fill_count: int = 0,
        automated: int = 0,
        traded_notional: Decimal = ZERO,
    ) -> None:
        instrument = self._instruments[terms.symbol]
        second = at.replace(microsecond=0)
        about = (second, terms.symbol, terms.venue, instrument.asset_class, instrument.quote_asset)
        self._activity[node_id].append(Activity(*about, new_count, 0, 0, fill_count, automated, traded_notional))

    def _as_of(self, node_id: uuid.UUID, at: datetime, market: Market) -> Scope:
        """The scope with what stands against it at that moment of the day."""
        scope = self._scopes[node_id]
        earning = self._earnings[node_id]
        pnl = earning.pnl(lambda: market)
        standing = Standing(
            reject_streak=self._streaks[node_id],
            loss_streak=self._loss_streaks[node_id],
            cool_until=self._cool_until.get(node_id),
        )
        if pnl is not None:
            standing = standing._replace(pnl=pnl, pnl_peak=max(pnl, earning.peak), observed_at=at)
        node = scope.node._replace(state=NodeState.ACTIVE, state_reason=None)
        exposures = list(self._exposures[node_id].values())
        cash = self._worth(node_id, market) if node_id in self._accounts_asked_of else {}
        activity = self._activity[node_id]
        return replace(scope, node=node, exposures=exposures, standing=standing, activity=activity, cash=cash)

    def _worth(self, node_id: uuid.UUID, market: Market) -> Mapping[str, Decimal]:
        """By currency, of the node's accounts: as last noted, and what the day as it is tried has earned since."""
        worth: dict[str, Decimal] = defaultdict(Decimal)
        for account_id in self._accounts_asked_of[node_id]:
            if account_id in self._opened and market.at < self._opened[account_id]:
                continue
            noted, earned_then = self._noted.get(account_id, (None, None))
            earned = self._earnings[self._node_of_account[account_id]].pnl(lambda: market)
            if noted is None or market.at - noted.at > WORTH_AGE_MAX or earned_then is None or earned is None:
                return _NOT_NOTED
            worth[noted.currency] += noted.equity
            worth[BASE_CURRENCY] += earned - earned_then
        return worth

    def _market(self, at: datetime) -> Market:
        return replace(market_of(self._instruments, self.outcome.marks, at), terms=self._terms)


def market_of(instruments: Mapping[str, Instrument], marks: Mapping[str, Decimal], at: datetime) -> Market:
    """Last trades stand in for reference prices, as fresh as they were."""
    quotes = {
        symbol: Quote(instrument, marks.get(symbol), at if symbol in marks else None)
        for symbol, instrument in instruments.items()
    }
    return Market(at, quotes)


def profit(positions: Iterable[tuple[str, Position]], market: Market) -> Decimal:
    """Realised plus unrealised, less fees, in the base currency; what has no price yet counts at what it cost.

    MissingReference where something was earned in a currency that no price leads from.
    """
    total = ZERO
    with localcontext(EXACT):
        for symbol, position in positions:
            total += worth_in_base(earned_by(position, market.quotes[symbol].reference), symbol, market)
    return total


def with_changes(scopes: Mapping[uuid.UUID, Scope], changes: Sequence[Change]) -> dict[uuid.UUID, Scope]:
    """The scopes with each change in the place of the limit of its node, type and instrument."""
    changed = dict(scopes)
    for limit, is_removed in changes:
        scope = changed[limit.node_id]
        others = [o for o in scope.limits if (o.limit_type, o.instrument) != (limit.limit_type, limit.instrument)]
        changed[limit.node_id] = replace(scope, limits=others if is_removed else [*others, limit])
    return changed


def asks_for_worth(scope: Scope) -> bool:
    return any(Need.CASH in LIMIT_TYPES[limit.limit_type].needs for limit in scope.limits)


def _has(scope: Scope, limit_type: str) -> bool:
    return any(limit.limit_type == limit_type for limit in scope.limits)


def _told(terms: OrderTerms) -> tuple[object, ...]:
    """What two orders have in common that are the same order, sent twice."""
    return (terms.account_id, terms.symbol, terms.side, terms.quantity, terms.price)


def _nothing(scope: Scope, instrument: Instrument, venue: str) -> Exposure:
    return Exposure(
        node_id=scope.node.node_id,
        symbol=instrument.symbol,
        venue=venue,
        asset_class=instrument.asset_class,
        quote_asset=instrument.quote_asset,
        filled_qty=ZERO,
        open_buy_qty=ZERO,
        open_sell_qty=ZERO,
        open_order_count=0,
        open_notional=ZERO,
        open_buy_notional=ZERO,
        session_date=scope.node.session_day,
        traded_notional=ZERO,
        session_order_count=0,
    )
