"""The scope tree and what each of its nodes has used and reserved."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from breakwater.domain.orders import Side

ALL_INSTRUMENTS = "*"
ZERO = Decimal(0)


class NodeState(StrEnum):
    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    SUSPENDED = "SUSPENDED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class Node:
    """One scope of firm > desk > trader > account. `path` leads from the root to this node, both included."""

    node_id: uuid.UUID
    parent_id: uuid.UUID | None
    kind: str
    name: str
    account_id: uuid.UUID | None
    path: Sequence[uuid.UUID]
    state: str
    state_reason: str | None


@dataclass(frozen=True, slots=True)
class Limit:
    """`value` is in the unit of the type, None where `parameters` say all; `limit_id` is None for what is built in."""

    limit_id: uuid.UUID | None
    node_id: uuid.UUID
    limit_type: str
    instrument: str
    value: Decimal | None
    parameters: Mapping[str, Any]

    def matches(self, symbol: str) -> bool:
        return self.instrument in (ALL_INSTRUMENTS, symbol)

    @property
    def cap(self) -> Decimal:
        """The value of a type that must have one."""
        if self.value is None:
            raise ValueError(f"limit {self.limit_id} of type {self.limit_type} has no value")
        return self.value


@dataclass(frozen=True, slots=True)
class Exposure:
    """One node in one symbol: F, B and S of the specification in base units, notionals in the quote currency.

    `open_*` is what reservations hold, `traded_notional` what filled on the UTC day `session_date`.
    """

    node_id: uuid.UUID
    symbol: str
    filled_qty: Decimal
    open_buy_qty: Decimal
    open_sell_qty: Decimal
    open_order_count: int
    open_notional: Decimal
    session_date: date
    traded_notional: Decimal

    def reducible_qty(self, side: Side) -> Decimal:
        """How much more of this side can only bring the position nearer to zero, whichever open orders fill first."""
        if side is Side.SELL:
            return max(ZERO, self.filled_qty - self.open_sell_qty)
        return max(ZERO, -self.filled_qty - self.open_buy_qty)


@dataclass(frozen=True, slots=True)
class Scope:
    """A node with its limits and its exposures by symbol, as of the UTC day of the question."""

    node: Node
    limits: Sequence[Limit]
    exposures: Mapping[str, Exposure]
    day: date

    def exposure(self, symbol: str) -> Exposure:
        known = self.exposures.get(symbol)
        if known is not None:
            return known
        return Exposure(self.node.node_id, symbol, ZERO, ZERO, ZERO, 0, ZERO, self.day, ZERO)

    def matching(self, instrument: str) -> Iterator[Exposure]:
        return (e for e in self.exposures.values() if instrument in (ALL_INSTRUMENTS, e.symbol))

    def open_order_count(self, instrument: str) -> int:
        return sum(exposure.open_order_count for exposure in self.matching(instrument))

    def open_notional(self, instrument: str) -> Decimal:
        return sum((exposure.open_notional for exposure in self.matching(instrument)), ZERO)

    def traded_notional(self, instrument: str) -> Decimal:
        """What filled today: a row whose day is over says nothing about today."""
        today = (e.traded_notional for e in self.matching(instrument) if e.session_date >= self.day)
        return sum(today, ZERO)
