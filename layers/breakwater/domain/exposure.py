"""The scope tree and what each of its nodes has used and reserved.

What is made of a row for each node of an order's way is a tuple: nodes are locked meanwhile, and it takes a third of
the time of a frozen dataclass.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side

ALL_INSTRUMENTS = "*"
BASE_CURRENCY = "USDT"  # Profit and loss of nodes is told in it.
ZERO = Decimal(0)


class NodeState(StrEnum):
    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    SUSPENDED = "SUSPENDED"
    KILLED = "KILLED"


class Action(StrEnum):
    """What a limit does when an order, or a loss, would pass it. All but WARN refuse the order."""

    WARN = "WARN"
    REJECT = "REJECT"
    REDUCE_ONLY = "REDUCE_ONLY"
    SUSPEND = "SUSPEND"
    KILL = "KILL"

    @property
    def node_state(self) -> NodeState | None:
        """What the limit's node comes to; None where it stays what it is."""
        return _STATE_AFTER.get(self)


_STATE_AFTER = {
    Action.REDUCE_ONLY: NodeState.REDUCE_ONLY,
    Action.SUSPEND: NodeState.SUSPENDED,
    Action.KILL: NodeState.KILLED,
}
_SEVERITY = (NodeState.ACTIVE, NodeState.REDUCE_ONLY, NodeState.SUSPENDED, NodeState.KILLED)


def is_stricter(state: str, than: str) -> bool:
    return _SEVERITY.index(NodeState(state)) > _SEVERITY.index(NodeState(than))


class Node(NamedTuple):
    """One scope of firm > desk > trader > account > strategy > key. `path` leads from the root to it, both included.

    `session_day` is the day, in the node's own calendar, at the moment of the question; it begins `session_start` after
    midnight.
    """

    node_id: uuid.UUID
    parent_id: uuid.UUID | None
    kind: str
    name: str
    account_id: uuid.UUID | None
    path: Sequence[uuid.UUID]
    state: str
    state_reason: str | None
    session_day: date
    time_zone: str = "UTC"
    session_start: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Limit:
    """`value` is in the unit of the type, None where `parameters` say all; `limit_id` is None for what is built in.

    Notionals are in `currency`. `value` and `parameters` are the override's while one is in force, and `set_value` and
    `set_parameters` then what was set.
    """

    limit_id: uuid.UUID | None
    node_id: uuid.UUID
    limit_type: str
    instrument: str
    value: Decimal | None
    parameters: Mapping[str, Any]
    currency: str = "USDT"
    action: str = Action.REJECT
    thresholds_pct: Sequence[int] = (70, 90)
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    version: int = 1
    override_id: uuid.UUID | None = None
    set_value: Decimal | None = None
    set_parameters: Mapping[str, Any] | None = None

    def matches(self, instrument: Instrument, venue: str) -> bool:
        if self.instrument == ALL_INSTRUMENTS:
            return True
        return InstrumentFilter.of(self.instrument).matches(instrument.symbol, venue, instrument.asset_class)

    @property
    def cap(self) -> Decimal:
        """The value of a type that must have one."""
        if self.value is None:
            raise ValueError(f"limit {self.limit_id} of type {self.limit_type} has no value")
        return self.value

    def parameter(self, name: str, default: str) -> Decimal:
        """A parameter that is a decimal string, or the default."""
        return Decimal(self.parameters.get(name, default))

    @property
    def window(self) -> timedelta:
        """How far back a limit on conduct looks."""
        return timedelta(seconds=int(self.parameters["window_s"]))

    def window_begin(self, at: datetime) -> datetime:
        """What happened after this is in the window. Whole seconds are kept, so it is never shorter than it says."""
        return at - self.window - timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class InstrumentFilter:
    """`*`, a symbol (`ETH/USDT`), `venue:SIM` or `class:SPOT`. What is at the router counts to every venue."""

    kind: str
    name: str

    @classmethod
    def of(cls, text: str) -> "InstrumentFilter":
        if text == ALL_INSTRUMENTS:
            return _EVERY_INSTRUMENT
        kind, colon, name = text.partition(":")
        return cls(kind, name) if colon else cls("symbol", text)

    def matches(self, symbol: str, venue: str, asset_class: str) -> bool:
        if self.kind == "venue":
            return venue in (self.name, ROUTER_VENUE)
        told = {"all": self.name, "symbol": symbol, "class": asset_class}
        return told[self.kind] == self.name


_EVERY_INSTRUMENT = InstrumentFilter("all", "")


class Exposure(NamedTuple):
    """One node in one symbol at one venue: F, B and S of the specification in base units, notionals in quote currency.

    `open_*` is what reservations and leases hold; `traded_notional` and `session_order_count` are of the session day
    `session_date` alone.
    """

    node_id: uuid.UUID
    symbol: str
    venue: str
    asset_class: str
    quote_asset: str
    filled_qty: Decimal
    open_buy_qty: Decimal
    open_sell_qty: Decimal
    open_order_count: int
    open_notional: Decimal
    open_buy_notional: Decimal
    session_date: date
    traded_notional: Decimal
    session_order_count: int

    def perhaps_there(self) -> "Exposure":
        """As a venue counts what may have filled there or elsewhere: against it on its own side, for it on none."""
        bought, sold = max(ZERO, self.filled_qty), max(ZERO, -self.filled_qty)
        return self._replace(
            filled_qty=ZERO,
            open_buy_qty=self.open_buy_qty + bought,
            open_sell_qty=self.open_sell_qty + sold,
        )


@dataclass(frozen=True, slots=True)
class Position:
    """F, B and S of one symbol, over all venues."""

    filled_qty: Decimal = ZERO
    open_buy_qty: Decimal = ZERO
    open_sell_qty: Decimal = ZERO

    def __add__(self, other: "Position | Exposure") -> "Position":
        return Position(
            self.filled_qty + other.filled_qty,
            self.open_buy_qty + other.open_buy_qty,
            self.open_sell_qty + other.open_sell_qty,
        )

    def with_order(self, side: Side, quantity: Decimal) -> "Position":
        return self + (Position(open_buy_qty=quantity) if side is Side.BUY else Position(open_sell_qty=quantity))

    def reducible_qty(self, side: Side) -> Decimal:
        """How much more of this side can only bring the position nearer to zero, whichever open orders fill first."""
        if side is Side.SELL:
            return max(ZERO, self.filled_qty - self.open_sell_qty)
        return max(ZERO, -self.filled_qty - self.open_buy_qty)

    @property
    def worst(self) -> Decimal:
        """The greatest magnitude it can come to when one side's orders fill."""
        return max(abs(self.filled_qty + self.open_buy_qty), abs(self.filled_qty - self.open_sell_qty))


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened at a node in one symbol at one venue: within one second, or longer where no limit tells it apart.

    `at` is the last second of it.
    """

    at: datetime
    symbol: str
    venue: str
    asset_class: str
    quote_asset: str
    new_count: int
    replace_count: int
    cancel_count: int
    fill_count: int
    automated_fill_count: int
    traded_notional: Decimal

    @property
    def message_count(self) -> int:
        return self.new_count + self.replace_count + self.cancel_count


@dataclass(frozen=True, slots=True)
class Fills:
    """What orders at one venue have filled in pairs of one quote currency."""

    venue: str
    quote_asset: str
    bought_notional: Decimal
    sold_notional: Decimal


class Standing(NamedTuple):
    """How a node has fared: streaks, profit and loss as last observed, and when its owner was last heard of.

    Profit and loss (`pnl`) is realised plus unrealised minus fees plus funding since the beginning, in the base
    currency; `pnl_open` is what it was when the session began, `pnl_peak` and `pnl_close_peak` the highest it was at
    any time and at the end of any session.
    """

    reject_streak: int = 0
    loss_streak: int = 0
    cool_until: datetime | None = None
    rearmed_at: datetime | None = None
    pnl: Decimal | None = None
    pnl_open: Decimal = ZERO
    pnl_peak: Decimal = ZERO
    pnl_close_peak: Decimal = ZERO
    observed_at: datetime | None = None
    heartbeat_at: datetime | None = None


NEVER_HEARD_OF = Standing()  # Of a node that nothing has happened at.


@dataclass(frozen=True, slots=True)
class Scope:
    """A node with its limits and all that stands against them at the moment of the question.

    `cash` is by asset, of all accounts below, and `fills_not_in_cash` what they have filled since it was told; only
    read where a limit asks for it, as `activity` is, which tells apart only what limits in force do at that moment.
    """

    node: Node
    limits: Sequence[Limit]
    exposures: Sequence[Exposure]
    standing: Standing = NEVER_HEARD_OF
    activity: Sequence[Activity] = ()
    cash: Mapping[str, Decimal] = MappingProxyType({})
    fills_not_in_cash: Sequence[Fills] = ()

    def position(self, symbol: str, instrument: str = ALL_INSTRUMENTS) -> Position:
        """In one symbol, as far as a filter looks: it may name a venue."""
        return self.positions(instrument).get(symbol, Position())

    def positions(self, instrument: str = ALL_INSTRUMENTS) -> dict[str, Position]:
        held: dict[str, Position] = {}
        for exposure in self.matching(instrument):
            held[exposure.symbol] = held.get(exposure.symbol, Position()) + exposure
        return held

    def matching(self, instrument: str) -> list[Exposure]:
        if instrument == ALL_INSTRUMENTS:
            return list(self.exposures)
        wanted = InstrumentFilter.of(instrument)
        matching = [e for e in self.exposures if wanted.matches(e.symbol, e.venue, e.asset_class)]
        if wanted.kind != "venue":
            return matching
        return [e if e.venue == wanted.name else e.perhaps_there() for e in matching]

    def today(self, instrument: str) -> list[Exposure]:
        """Those whose counts are of today: a row whose session is over says nothing about this one."""
        return [e for e in self.matching(instrument) if e.session_date >= self.node.session_day]

    def recent(self, limit: Limit, at: datetime) -> list[Activity]:
        """What lies within the limit's window."""
        wanted = InstrumentFilter.of(limit.instrument)
        since = limit.window_begin(at)
        return [a for a in self.activity if a.at > since and wanted.matches(a.symbol, a.venue, a.asset_class)]
