"""What an order is judged by: the nodes above it with their limits, and all that stands against them.

What is set on a node is kept in the process by the node's version, which every change of its limits and overrides
renews. The version is read with the lock, so what is kept under it is what is set now.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row

from breakwater.db import limit_statements as statements
from breakwater.db.degraded import GATE_LOCK_CLASS, LEDGER, Gate, ModeRow
from breakwater.db.limits import (
    WINDOWED_TYPES,
    array_text,
    check_path,
    completed,
    fee_rates_of,
    market_of,
    quote_of,
    windows_of,
)
from breakwater.domain.executions import EXITS
from breakwater.domain.exposure import ZERO, Exposure, Limit, Node, Scope, Standing
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import LIMIT_TYPES, Need
from breakwater.domain.limits import needs
from breakwater.domain.limits_in_force import ApprovedOverride, NodeLimits
from breakwater.domain.market import Market, Quote, RiskTerms
from breakwater.domain.orders import OrderTerms, PlaceOrder
from breakwater.domain.times import from_nanoseconds, nanoseconds

NODES_KEPT_MAX = 2_000
QUEUE_LOCK_CLASS = 72713  # Of orders that wait for the same root; limits.ledger_enter says why.

_STANDING = slice(2, 2 + len(Standing._fields))
_EXPOSURE = slice(_STANDING.stop, _STANDING.stop + len(Exposure._fields))
# Columns of limits.ledger_enter. After those of the first row come a node's, and from there on those of PATH_STATE.
_PATHS = slice(3, 6)
_INSTRUMENT = slice(_PATHS.stop, _PATHS.stop + len(Instrument.__slots__))
_REFERENCE, _QUOTED_AT = _INSTRUMENT.stop, _INSTRUMENT.stop + 1
_NODE = slice(_QUOTED_AT + 1, _QUOTED_AT + 1 + len(Node._fields))
_VERSION, _IS_HELD = _NODE.stop, _NODE.stop + 1


@dataclass(frozen=True, slots=True)
class HeldBand:
    """The price band an order was reserved with."""

    price_low: Decimal
    price_high: Decimal


@dataclass(frozen=True, slots=True)
class Place:
    """The scopes an order may count to first, each by the way down to it, and the quote of its symbol; None: unknown.

    The key's node may be anywhere in the tree.
    """

    account_path: Sequence[uuid.UUID] | None
    strategy_path: Sequence[uuid.UUID] | None
    key_path: Sequence[uuid.UUID] | None
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class Ladder:
    """All that an order is judged by: its scopes, root first; `held` when it was reserved before.

    `quote` is None for a symbol that is not listed, `same_terms_at` when the account last sent the same order, and
    `entry_open_qty` what the order that an exit exits from may still fill.
    `counts_activity`: a limit is set on one of the nodes, for now or for later, that looks back over a window.
    """

    scopes: Sequence[Scope]
    market: Market
    quote: Quote | None
    held: HeldBand | None
    same_terms_at: datetime | None
    entry_open_qty: Decimal
    counts_activity: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """What an order met on its way to its limits. `ladder` None: it came no further than the gate, and locked nothing.

    The ladder is that of the narrowest scope that the place knows.
    """

    gate: Gate
    place: Place
    ladder: Ladder | None


class KeptLimits:
    """What is set on nodes, by the version of each, which means the same for ever: nothing here is ever wrong."""

    def __init__(self, nodes_max: int = NODES_KEPT_MAX) -> None:
        self._by_version: dict[uuid.UUID, NodeLimits] = {}
        self._nodes_max = nodes_max

    def __len__(self) -> int:
        return len(self._by_version)

    def get(self, version: uuid.UUID) -> NodeLimits | None:
        return self._by_version.get(version)

    def keep(self, version: uuid.UUID, limits: NodeLimits) -> None:
        """In the place of what was kept first, where it is full."""
        if len(self._by_version) >= self._nodes_max:
            del self._by_version[next(iter(self._by_version))]
        self._by_version[version] = limits


class LadderRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID, kept: KeptLimits) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._kept = kept

    def enter(self, order: PlaceOrder, *, at: datetime, unbooked_since_min: datetime) -> Entry:
        """Pass the gate, find the order's place, lock the scopes on the way and read what stands against them.

        One round trip, and a second one as `lock` says. Nobody can shut the gate until this transaction ends. Where the
        ledger is not open, or a fill that is not booked is older than `unbooked_since_min`, nothing is locked.

        From here on the commit of this transaction waits for no disk: whoever calls this says so to
        `TenantTransaction.let_go_early`, which sees to it that what follows the commit does.
        """
        terms = order.terms
        wanted = (
            order.order_id,
            terms.account_id,
            terms.strategy_id,
            order.api_key_id,
            terms.symbol,
            at,
            nanoseconds(unbooked_since_min),
            GATE_LOCK_CLASS,
            str(self._tenant_id),
            QUEUE_LOCK_CLASS,
        )
        met, *rows = self._connection.execute(statements.ENTER, wanted).fetchall()
        mode, since, unbooked_since_ns = met[: _PATHS.start]
        gate = Gate(
            None if mode is None else ModeRow(LEDGER, mode, since),
            None if unbooked_since_ns is None else from_nanoseconds(unbooked_since_ns),
        )
        instrument = met[_INSTRUMENT]
        quote = None if instrument[0] is None else Quote(Instrument(*instrument), met[_REFERENCE], met[_QUOTED_AT])
        account_path, strategy_path, key_path = met[_PATHS]
        place = Place(account_path, strategy_path, key_path, quote)
        if not rows:
            return Entry(gate, place, None)
        found = {row[_NODE.start]: (Node(*row[_NODE]), row[_VERSION]) for row in rows}
        state = [(row[_NODE.start], *row[_IS_HELD:]) for row in rows]
        ladder = self._ladder(list(found.values()), state, quote, terms, order_id=order.order_id, at=at)
        return Entry(gate, place, ladder)

    def place(self, terms: OrderTerms, api_key_id: str | None) -> Place:
        """Where the order stands: read before anything is locked, since to wait for a lock changes none of it."""
        wanted = {
            "account_id": terms.account_id,
            "strategy_id": terms.strategy_id,
            "api_key_id": api_key_id,
            "symbol": terms.symbol,
        }
        with self._connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(statements.PLACE, wanted).fetchone()
        if row is None:
            raise RuntimeError("the statement that always has one row had none")
        quote = None if row["symbol"] is None else quote_of(row)
        return Place(row["account_path"], row["strategy_path"], row["key_path"], quote)

    def lock(
        self, path: Sequence[uuid.UUID], quote: Quote | None, terms: OrderTerms, *, order_id: uuid.UUID, at: datetime
    ) -> Ladder:
        """Lock the scopes on the way, which leads from the root, and read what stands against them.

        One round trip; a second one where limits were changed since this process read them, and where a limit needs
        more: the lock is held for the shorter. What stands against them is a statement of its own, because one that
        waited for a lock still sees other tables as they were before it waited. Raises TreeChanged.
        """
        ladder = self._read(statements.LOCK_PATH_NODES, path, quote, terms, order_id=order_id, at=at)
        check_path(path[-1], ladder.scopes)
        return ladder

    def read(
        self, path: Sequence[uuid.UUID], quote: Quote | None, terms: OrderTerms, *, order_id: uuid.UUID, at: datetime
    ) -> Ladder:
        """The same without a lock, for questions that reserve nothing."""
        return self._read(statements.READ_PATH_NODES, path, quote, terms, order_id=order_id, at=at)

    def _read(
        self,
        statement: str,
        path: Sequence[uuid.UUID],
        quote: Quote | None,
        terms: OrderTerms,
        *,
        order_id: uuid.UUID,
        at: datetime,
    ) -> Ladder:
        wanted = {"node_ids": array_text(path), "order_id": order_id, "at": at}
        connection = self._connection
        with connection.pipeline():
            nodes = connection.cursor(row_factory=dict_row).execute(statement, wanted)
            state = connection.execute(statements.PATH_STATE, wanted)
        versioned = []
        for row in nodes.fetchall():
            version = row.pop("limits_version")
            versioned.append((Node(**row), version))
        return self._ladder(versioned, state.fetchall(), quote, terms, order_id=order_id, at=at)

    def _ladder(
        self,
        found: Sequence[tuple[Node, uuid.UUID]],
        state: Sequence[TupleRow],
        quote: Quote | None,
        terms: OrderTerms,
        *,
        order_id: uuid.UUID,
        at: datetime,
    ) -> Ladder:
        """Of nodes with the versions of their limits, and rows of PATH_STATE."""
        limits = self._limits_of({node.node_id: version for node, version in found})
        standings, exposures, is_held = _state(state)
        scopes = [
            Scope(node, limits[node.node_id].in_force(at), exposures[node.node_id], standings[node.node_id])
            for node in sorted((node for node, _ in found), key=lambda node: len(node.path))
        ]
        ladder = Ladder(
            scopes=scopes,
            market=Market(at, {} if quote is None else {terms.symbol: quote}),
            quote=quote,
            held=self._held_band(order_id) if is_held else None,
            same_terms_at=None,
            entry_open_qty=self._entry_open_qty(terms),
            counts_activity=any(set_here.counts(WINDOWED_TYPES) for set_here in limits.values()),
        )
        needed = Need.NOTHING if quote is None else needs(scopes, quote.instrument.quote_asset)
        return ladder if needed is Need.NOTHING else self._complete(ladder, needed, terms, order_id)

    def _limits_of(self, versions: Mapping[uuid.UUID, uuid.UUID]) -> dict[uuid.UUID, NodeLimits]:
        """By node. Without the lock what is read may be newer than the version, which then never comes back."""
        known = {node_id: self._kept.get(version) for node_id, version in versions.items()}
        limits = {node_id: kept for node_id, kept in known.items() if kept is not None}
        unknown = [node_id for node_id, kept in known.items() if kept is None]
        if unknown:
            for node_id, read in self._read_limits(unknown).items():
                self._kept.keep(versions[node_id], read)
                limits[node_id] = read
        return limits

    def _read_limits(self, node_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, NodeLimits]:
        wanted = {"node_ids": node_ids}
        connection = self._connection
        with connection.pipeline():
            limits = connection.cursor(row_factory=class_row(Limit)).execute(statements.LIMITS_SET, wanted)
            overrides = connection.cursor(row_factory=dict_row).execute(statements.OVERRIDES_APPROVED, wanted)
        limits_by_node: dict[uuid.UUID, list[Limit]] = defaultdict(list)
        for limit in limits.fetchall():
            limits_by_node[limit.node_id].append(limit)
        overrides_by_node: dict[uuid.UUID, list[ApprovedOverride]] = defaultdict(list)
        for row in overrides.fetchall():
            overrides_by_node[row.pop("node_id")].append(ApprovedOverride(**row))
        return {node_id: NodeLimits(limits_by_node[node_id], overrides_by_node[node_id]) for node_id in node_ids}

    def _entry_open_qty(self, terms: OrderTerms) -> Decimal:
        if not isinstance(terms.execution, EXITS) or terms.execution.after is None:
            return ZERO
        about = {"account_id": terms.account_id, "symbol": terms.symbol, "side": terms.side}
        wanted = {**about, "entry_id": terms.execution.after}
        row = self._connection.execute(statements.ENTRY_OPEN, wanted).fetchone()
        return ZERO if row is None else row[0]

    def _held_band(self, order_id: uuid.UUID) -> HeldBand | None:
        with self._connection.cursor(row_factory=class_row(HeldBand)) as cursor:
            return cursor.execute(statements.HELD_BAND, {"order_id": order_id}).fetchone()

    def _complete(self, ladder: Ladder, needed: Need, terms: OrderTerms, order_id: uuid.UUID) -> Ladder:
        at = ladder.market.at
        node_ids = [scope.node.node_id for scope in ladder.scopes]
        limits = [limit for scope in ladder.scopes for limit in scope.limits]
        comparing = [limit for limit in limits if Need.SAME_TERMS in LIMIT_TYPES[limit.limit_type].needs]
        since = min((limit.window_begin(at) for limit in comparing), default=at)
        about = {"order_id": order_id, "node_ids": node_ids, "since": since}
        wanted = {**terms.model_dump(), **about, **windows_of(ladder.scopes, at)}
        read: dict[str, psycopg.Cursor[dict[str, Any]]] = {}
        with self._connection.pipeline():
            for statement, need in _READ_WHERE_NEEDED.items():
                if need & needed:
                    read[statement] = self._connection.cursor(row_factory=dict_row).execute(statement, wanted)
        rows = {statement: cursor.fetchall() for statement, cursor in read.items()}
        activity, cash = rows.get(statements.ACTIVITY, []), rows.get(statements.CASH, [])
        on_their_way = rows.get(statements.FILLS_NOT_IN_CASH, [])
        same_terms = rows.get(statements.SAME_TERMS_AT, [])
        market = ladder.market
        if statements.QUOTES in rows:
            market = market_of(at, rows[statements.QUOTES], [RiskTerms(**row) for row in rows[statements.RISK_TERMS]])
        if statements.FEE_RATES in rows:
            market = replace(market, fee_rates=fee_rates_of(rows[statements.FEE_RATES]))
        return replace(
            ladder,
            scopes=[completed(scope, activity, cash, on_their_way) for scope in ladder.scopes],
            market=market,
            same_terms_at=same_terms[0]["at"] if same_terms else None,
        )


_READ_WHERE_NEEDED = {
    statements.ACTIVITY: Need.ACTIVITY,
    statements.CASH: Need.CASH,
    statements.FILLS_NOT_IN_CASH: Need.CASH,
    statements.FEE_RATES: Need.CASH,
    statements.SAME_TERMS_AT: Need.SAME_TERMS,
    statements.QUOTES: Need.MARKS | Need.RATES,
    statements.RISK_TERMS: Need.MARKS | Need.RATES,
}


def _state(
    rows: Sequence[TupleRow],
) -> tuple[Mapping[uuid.UUID, Standing], Mapping[uuid.UUID, list[Exposure]], bool]:
    """Standings and exposures by node, and whether the order is held already: of rows of PATH_STATE."""
    standings: dict[uuid.UUID, Standing] = defaultdict(Standing)
    exposures: dict[uuid.UUID, list[Exposure]] = defaultdict(list)
    is_held = False
    for row in rows:
        node_id, is_held = row[0], row[1]
        if row[2] is not None and node_id not in standings:
            standings[node_id] = Standing(*row[_STANDING])
        if row[_EXPOSURE.start] is not None:
            exposures[node_id].append(Exposure(*row[_EXPOSURE]))
    return standings, exposures, is_held
