"""The read models of an account, made again from its events while everything goes on.

They are made beside the tables first, from all that the projections have taken so far, without a lock. Then, in one
transaction, the account's positions and balances are locked, what came meanwhile is added, and the rows that are other
than what was made are corrected. Readers see the old rows or the new ones; a fill of this account waits for that
moment, and for nothing more. What the projections have not taken yet, they book on the corrected rows.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from breakwater.db.connection import TenantTransaction
from breakwater.db.event_store import TakenEvent
from breakwater.db.portfolio import TradeRow
from breakwater.db.rebuild import BookedTrade
from breakwater.domain.ids import IdText
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import AmountText, format_amount
from breakwater.domain.orders import OrderSnapshot, Side
from breakwater.domain.permissions import Caller
from breakwater.domain.portfolio import ZERO, Fill, Position
from breakwater.domain.rebuilding import RebuiltPortfolio
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, Unavailable
from breakwater.services.projections import CONSUMER, ORDER_EVENTS, fill_of, row_of, snapshot_of
from breakwater.services.settlement import TenantTransactions
from events.limits import ExternalFillBooked
from events.operations import ReadModelsRebuilt
from events.orders import OrderReplaced, OrderReplaceRejected, OrderState, TradeExecuted

EVENTS_MAX = 50_000  # Of an account: what is read and booked within the time of a request.
PAGE = 500  # A transaction that is idle for long, because what it read is worked on, is ended.
ACCOUNTS_MAX = 10_000
SHOWN_MAX = 100
ATTEMPTS_MAX = 3
SEQUENCE_MAX = 2**62
_WITH_ORDER = {
    **ORDER_EVENTS,
    OrderReplaced.topic: OrderReplaced,
    OrderReplaceRejected.topic: OrderReplaceRejected,
}
_TOPICS = [TradeExecuted.topic, ExternalFillBooked.topic, *_WITH_ORDER]


class CorrectedPosition(TypedDict):
    symbol: str
    quantity_before: AmountText
    quantity: AmountText
    average_price_before: AmountText
    average_price: AmountText
    realised_pnl_before: AmountText
    realised_pnl: AmountText


class CorrectedBalance(TypedDict):
    asset: str
    total_before: AmountText
    total: AmountText


class Rebuilt(TypedDict):
    """What was other than the account's events say, and is so no more; at most a hundred of each.

    `unknown_trades` have no event: they are left as they are, and count in no position and balance any more.
    """

    account_id: IdText
    events: int
    trades: list[IdText]
    positions: list[CorrectedPosition]
    balances: list[CorrectedBalance]
    orders: list[IdText]
    unknown_trades: list[IdText]


class RebuildableAccounts(TypedDict):
    account_ids: list[IdText]


@dataclass(slots=True)
class _Made:
    """What the events have come to so far, without a look at what the tables say of it."""

    account_id: uuid.UUID
    instruments: dict[str, Instrument]
    portfolio: RebuiltPortfolio = field(default_factory=RebuiltPortfolio)
    trades: dict[uuid.UUID, tuple[TradeRow, int]] = field(default_factory=dict)  # Each with its engine_seq.
    external: set[uuid.UUID] = field(default_factory=set)
    orders: dict[uuid.UUID, OrderSnapshot] = field(default_factory=dict)  # The newest word on each.
    events: int = 0

    def add(self, event: TakenEvent, external: Mapping[uuid.UUID, BookedTrade]) -> None:
        """`external`: the fills from elsewhere, whose events tell less than their rows."""
        self.events += 1
        if self.events > EVENTS_MAX:
            raise Conflict(f"the account has more than {EVENTS_MAX} events, which is more than one rebuild reads")
        if event.topic == TradeExecuted.topic:
            self._add_trade(TradeExecuted.model_validate(event.payload))
        elif event.topic == ExternalFillBooked.topic:
            fill = ExternalFillBooked.model_validate(event.payload)
            booked = external.get(uuid.uuid5(fill.order_id, fill.external_id))
            if booked is not None:
                self.add_external(booked)
        else:
            self._hear(_WITH_ORDER[event.topic].model_validate(event.payload).order)

    def add_external(self, row: BookedTrade) -> None:
        if row.trade_id not in self.external:
            self.external.add(row.trade_id)
            fill = Fill(Side(row.side), row.last_qty, row.last_px, row.fee, row.fee_currency)
            self.portfolio.book(row.symbol, fill, self.instruments[row.symbol])

    def _add_trade(self, trade: TradeExecuted) -> None:
        self._hear(trade.order)
        if trade.trade_id in self.trades:  # Published again under another event id.
            return
        symbol = trade.order.symbol
        realised = self.portfolio.book(symbol, fill_of(trade), self.instruments[symbol])
        self.trades[trade.trade_id] = row_of(trade, realised_pnl=realised), trade.order.engine_seq

    def _hear(self, order: OrderState) -> None:
        known = self.orders.get(order.order_id)
        if known is None or known.engine_seq < order.engine_seq:
            self.orders[order.order_id] = snapshot_of(order)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What was made without a lock: from `taken` events that the projections had noted of the feed up to `reached`.

    `other_trades` have another row than their event says, or none; `unknown_trades` are rows that have no event yet.
    """

    made: _Made
    reached: int
    taken: int
    other_trades: frozenset[uuid.UUID]
    unknown_trades: frozenset[uuid.UUID]
    other_orders: frozenset[uuid.UUID]


def accounts(caller: Caller, tx: TenantTransaction) -> RebuildableAccounts:
    caller.require("system:monitor")
    return {"account_ids": [str(account_id) for account_id in tx.rebuild.account_ids(ACCOUNTS_MAX)]}


def rebuild(account_id: uuid.UUID, caller: Caller, transactions: TenantTransactions, at: datetime) -> Rebuilt:
    """NotFound for another organisation's account; Conflict for one with too many events.

    Unavailable when a dead letter came in between each time: then what was made beside lacks an event in its middle.
    """
    caller.require("system:operate")
    for _ in range(ATTEMPTS_MAX):
        with transactions(caller.tenant_id) as tx:
            tx.identity.account(account_id)
            beside = _make_beside(account_id, tx)
        with transactions(caller.tenant_id) as tx:
            positions = tx.rebuild.lock_positions(account_id)
            balances = tx.rebuild.lock_balances(account_id)
            if tx.event_store.taken_count(account_id, CONSUMER, beside.reached) != beside.taken:
                continue
            rebuilt = _swap(beside, positions, balances, tx)
            _tell(rebuilt, caller, tx, at)
            return _shown(rebuilt)
    raise Unavailable("dead letters of this account are being sent again")


def _make_beside(account_id: uuid.UUID, tx: TenantTransaction) -> _Beside:
    made = _Made(account_id, {instrument.symbol: instrument for instrument in tx.market.instruments()})
    reached = tx.event_store.newest_taken(account_id, CONSUMER)
    # Counted first: what is noted of it from now on is then seen to be missing.
    taken = tx.event_store.taken_count(account_id, CONSUMER, reached)
    _add_events(made, tx, after=0, up_to=reached)
    other, unknown = _other_trades(made.trades, _all_trades(account_id, tx))
    orders = tx.rebuild.other_orders(account_id, made.orders.values())
    return _Beside(made, reached, taken, other, unknown, frozenset(orders))


def _add_events(made: _Made, tx: TenantTransaction, *, after: int, up_to: int) -> None:
    external = {trade.trade_id: trade for trade in tx.rebuild.external_trades(made.account_id)}
    while events := tx.event_store.taken(
        made.account_id,
        CONSUMER,
        topics=_TOPICS,
        untaken=[ExternalFillBooked.topic],
        after=after,
        up_to=up_to,
        limit=PAGE,
    ):
        for event in events:
            made.add(event, external)
        after = events[-1].sequence


def _all_trades(account_id: uuid.UUID, tx: TenantTransaction) -> Iterator[BookedTrade]:
    after = uuid.UUID(int=0)
    while rows := tx.rebuild.trades(account_id, after, PAGE):
        yield from rows
        after = rows[-1].trade_id


def _other_trades(
    should: Mapping[uuid.UUID, tuple[TradeRow, int]], rows: Iterable[BookedTrade]
) -> tuple[frozenset[uuid.UUID], frozenset[uuid.UUID]]:
    """Those that have another row, or none; and rows that are not among those that should be."""
    other, unknown = set(should), set[uuid.UUID]()
    for row in rows:
        told = should.get(row.trade_id)
        if told is None:
            unknown |= set() if row.is_external else {row.trade_id}
        elif (row.told(), row.engine_seq) == told:
            other.discard(row.trade_id)
    return frozenset(other), frozenset(unknown)


def _swap(
    beside: _Beside, positions: Mapping[str, Position], balances: Mapping[str, Decimal], tx: TenantTransaction
) -> Rebuilt:
    """Under the locks: add what came meanwhile, and correct what is other than it should be."""
    made, account_id = beside.made, beside.made.account_id
    trades_before, orders_before = set(made.trades), dict(made.orders)
    _add_events(made, tx, after=beside.reached, up_to=SEQUENCE_MAX)
    for trade in tx.rebuild.external_trades(account_id):  # What the relay has not numbered yet comes last.
        made.add_external(trade)
    came = {trade_id: made.trades[trade_id] for trade_id in made.trades.keys() - trades_before}
    other_trades = beside.other_trades | _other_trades(came, tx.rebuild.trades_of(account_id, list(came)))[0]
    changed = [order for order_id, order in made.orders.items() if orders_before.get(order_id) != order]
    suspects = [made.orders[order_id] for order_id in beside.other_orders] + changed

    tx.rebuild.correct_trades([made.trades[trade_id] for trade_id in sorted(other_trades)])
    other_positions = made.portfolio.other_positions(positions)
    for symbol, position in other_positions.items():
        tx.rebuild.correct_position(account_id, symbol, position)
    other_balances = made.portfolio.other_balances(balances, tx.rebuild.opening_balances(account_id))
    tx.rebuild.correct_balances(account_id, other_balances)
    orders = tx.rebuild.correct_orders(account_id, suspects)
    return {
        "account_id": str(account_id),
        "events": made.events,
        "trades": [str(trade_id) for trade_id in sorted(other_trades)],
        "positions": [_position(symbol, positions.get(symbol), now) for symbol, now in other_positions.items()],
        "balances": [
            {"asset": asset, "total_before": format_amount(balances.get(asset, ZERO)), "total": format_amount(total)}
            for asset, total in other_balances.items()
        ],
        "orders": [str(order_id) for order_id in sorted(orders)],
        "unknown_trades": [str(trade_id) for trade_id in sorted(beside.unknown_trades - made.trades.keys())],
    }


def _position(symbol: str, before: Position | None, now: Position) -> CorrectedPosition:
    before = before or Position()
    return {
        "symbol": symbol,
        "quantity_before": format_amount(before.quantity),
        "quantity": format_amount(now.quantity),
        "average_price_before": format_amount(before.average_price),
        "average_price": format_amount(now.average_price),
        "realised_pnl_before": format_amount(before.realised_pnl),
        "realised_pnl": format_amount(now.realised_pnl),
    }


def _tell(rebuilt: Rebuilt, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    account_id = uuid.UUID(rebuilt["account_id"])
    tx.outbox.add(
        ReadModelsRebuilt(
            account_id=account_id,
            events=rebuilt["events"],
            trades=len(rebuilt["trades"]),
            positions=len(rebuilt["positions"]),
            balances=len(rebuilt["balances"]),
            orders=len(rebuilt["orders"]),
            rebuilt_by=caller.actor,
        ),
        aggregate_id=account_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _shown(rebuilt: Rebuilt) -> Rebuilt:
    return {
        **rebuilt,
        "trades": rebuilt["trades"][:SHOWN_MAX],
        "positions": rebuilt["positions"][:SHOWN_MAX],
        "balances": rebuilt["balances"][:SHOWN_MAX],
        "orders": rebuilt["orders"][:SHOWN_MAX],
        "unknown_trades": rebuilt["unknown_trades"][:SHOWN_MAX],
    }
