"""Holds a venue against the engine: when it is first reached, and every minute from then on."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import orjson

from breakwater.domain.orders import OrdStatus
from breakwater.domain.shards import SHARDS
from fargate_engine import metrics
from fargate_engine.orders import ForgottenOrder
from fargate_engine.shard_state import ShardState
from fargate_engine.venues.client_ids import client_id_of, order_id_of
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.failures import KeyRefused, NotAtVenue, NotSent, OutcomeUnknown, VenueRefused
from fargate_engine.venues.protocol import Balance, FillAtVenue, FillsRead
from fargate_engine.venues.reconciliation import (
    CERTAIN,
    Finding,
    Kind,
    KnownOrder,
    Report,
    compare_balances,
    compare_filled,
    compare_orders,
)

_LOG = logging.getLogger(__name__)

RECONCILE_S = 60.0
READY_LOOK_S = 0.2
LOOK_BACK_MS = (
    600_000  # So far apart may the clocks be, and so late may a venue show a fill, unless there are very many.
)
STILL_ATTEMPTS_MAX = 3  # To find two looks at the fills, with the balances between, that are the same.
FILLS_REMEMBERED_MAX = 10_000

type States = Callable[[], Iterable[ShardState]]  # Of the shards that are served here now.


class Reconciler:
    """One for each venue. With several engines each looks after the shards it serves; balances are everybody's."""

    def __init__(self, connection: ExchangeConnection, states: States, symbols: Iterable[str]) -> None:
        self.report: Report | None = None
        self._connection = connection
        self._client = connection.client
        self._states = states
        self._symbols = tuple(symbols)
        # What was filled before this process is the journal's.
        self._since_ms = dict.fromkeys(self._symbols, time.time_ns() // 1_000_000)
        self._seen: dict[str, OrderedDict[str, FillAtVenue]] = {symbol: OrderedDict() for symbol in self._symbols}
        self._unchecked: list[tuple[str, str]] = []  # Symbol and trade id of what this run saw.
        self._balances: Mapping[str, Balance] | None = None
        self._told: set[tuple[Kind, str]] = set()  # Of the run before: what stays as it is is logged once.

    async def run(self) -> None:
        while True:
            while not self._connection.is_ready:
                await asyncio.sleep(READY_LOOK_S)
            await self.run_once()
            await asyncio.sleep(RECONCILE_S)

    async def run_once(self) -> Report:
        """Never raises for what the venue does: that is in the report."""
        report = Report(self._connection.name, time.time_ns() // 1_000_000)
        since_ms = dict(self._since_ms)
        try:
            await self._check_orders(report)
            await self._check_fills_and_balances(report)
            self._connection.is_key_refused = False
        except (NotSent, OutcomeUnknown, VenueRefused) as error:
            self._connection.is_key_refused |= isinstance(error, KeyRefused)
            report.is_complete, report.failure = False, error.message
            self._see_again(since_ms)
        self._unchecked.clear()
        self._tell(report)
        self.report = report
        self._connection.reconciled = report.document()
        return report

    async def _check_orders(self, report: Report) -> None:
        live = list(self._live())
        there = await self._client.open_orders()
        report.orders = len(there)
        findings = compare_orders(live, there, self._find, knows_all=self._knows_all)
        report.add(findings)
        for finding in findings:
            if finding.kind in CERTAIN:
                report.repaired += await self._repair(finding)

    async def _repair(self, finding: Finding) -> bool:
        if finding.kind is Kind.MISSING_ORDER:
            return self._connection.ask_about(finding.subject)
        try:
            await self._client.cancel(finding.subject, finding.symbol)
        except NotAtVenue:
            return False  # It ended by itself meanwhile.
        return True

    async def _check_fills_and_balances(self, report: Report) -> None:
        """Balances count only where no fill came while they were asked for."""
        fills, is_cut = await self._new_fills()
        for _ in range(STILL_ATTEMPTS_MAX):
            balances = await self._client.balances()
            meanwhile, is_cut = await self._new_fills()
            fills += meanwhile
            if not meanwhile and not is_cut:
                break
        else:
            why = "there were more fills than are read at once" if is_cut else "it was filled all the while"
            report.is_complete, report.failure = False, f"{why}: balances are compared next time"
        report.fills = len(fills)
        await self._check_filled(fills, report)
        if not report.is_complete:
            self._balances = None  # What came between is not known: the next run begins anew.
            return
        report.balances = len(balances)
        if self._balances is not None:
            report.add(compare_balances(self._balances, balances, fills))
        self._balances = balances

    async def _check_filled(self, fills: list[FillAtVenue], report: Report) -> None:
        """Each order once, and none whose fills were booked by this process: that is almost every one."""
        by_order: dict[tuple[str, str], list[FillAtVenue]] = {}
        for fill in fills:
            if not self._connection.has_booked(fill.symbol, fill.trade_id):
                by_order.setdefault((fill.symbol, fill.venue_order_id), []).append(fill)
        for of_order in by_order.values():
            order = await self._client.order_of(of_order[0])
            report.add(compare_filled(order, of_order, self._find))

    async def _new_fills(self) -> tuple[list[FillAtVenue], bool]:
        """Those that were not seen before, of every symbol, and whether there are more: the next look goes on there."""
        new: list[FillAtVenue] = []
        is_cut = False
        for symbol in self._symbols:
            if symbol not in self._client.markets:
                continue
            seen, asked_ms = self._seen[symbol], time.time_ns() // 1_000_000
            read = await self._client.fills_since(symbol, self._since_ms[symbol])
            unseen = [fill for fill in read.fills if fill.trade_id not in seen]
            new += unseen
            self._unchecked += [(symbol, fill.trade_id) for fill in unseen]
            seen.update((fill.trade_id, fill) for fill in unseen)
            while len(seen) > FILLS_REMEMBERED_MAX:
                seen.popitem(last=False)
            is_cut = is_cut or read.until_ms is not None
            self._since_ms[symbol] = self._next_since_ms(symbol, read, asked_ms)
        return new, is_cut

    def _next_since_ms(self, symbol: str, read: FillsRead, asked_ms: int) -> int:
        """Also where nothing is ever filled it moves on: a venue is not asked about ever longer spans."""
        if read.until_ms is not None:
            return read.until_ms
        since_ms = max(self._since_ms[symbol], asked_ms - LOOK_BACK_MS)
        if len(self._seen[symbol]) < FILLS_REMEMBERED_MAX:
            return since_ms  # All of that is remembered: an older fill that is shown late is new, and no other.
        newest_ms = max((fill.at_ms for fill in read.fills), default=0)
        # Of a clock that is ahead nothing is skipped: what is told again was seen.
        return max(since_ms, min(newest_ms, asked_ms))

    def _see_again(self, since_ms: Mapping[str, int]) -> None:
        """What this run saw and could not check to the end is new to the next, with the balances of the run before."""
        self._since_ms.update(since_ms)
        for symbol, trade_id in self._unchecked:
            self._seen[symbol].pop(trade_id, None)

    @property
    def _knows_all(self) -> bool:
        return sum(1 for _ in self._states()) == SHARDS

    def _live(self) -> Iterable[KnownOrder]:
        for state in self._states():
            for order in state.open_orders():
                if order.submitted.venue == self._connection.name and order.status is not OrdStatus.PENDING_NEW:
                    cum_qty = order.instrument.quantity(order.cum_lots)
                    yield KnownOrder(client_id_of(order.order_id), order.terms.symbol, order.status, cum_qty)

    def _find(self, client_id: str) -> KnownOrder | None:
        order_id = order_id_of(client_id)
        if order_id is None:
            return None
        forgotten: KnownOrder | None = None
        for state in self._states():
            order = state.order(order_id) if state.knows(order_id) else None
            if isinstance(order, ForgottenOrder):
                forgotten = KnownOrder(client_id, "", None, None)  # Unless another shard has it: it would be cancelled.
            elif order is not None:
                words = orjson.loads(order.answer())
                return KnownOrder(client_id, "", OrdStatus(words["status"]), Decimal(words["cum_qty"]))
        return forgotten

    def _tell(self, report: Report) -> None:
        for kind in Kind:
            metrics.VENUE_FINDINGS.labels(report.venue, kind.value).set(report.counts.get(kind, 0))
        told = {(finding.kind, finding.subject) for finding in report.findings}
        for finding in report.findings:
            if (finding.kind, finding.subject) not in self._told:
                level = logging.WARNING if finding.kind in CERTAIN else logging.CRITICAL
                _LOG.log(level, "%s: %s %s: %s", report.venue, finding.kind, finding.subject, finding.words)
        self._told = told
        if report.failure is not None:
            _LOG.warning("%s was not reconciled to the end: %s", report.venue, report.failure)
