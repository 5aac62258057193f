"""What the limits ledger should hold, worked out from the engine's words alone; and an engine to say them.

Written down a second time on purpose: nothing here is taken from the code that is tested.
"""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from breakwater.domain.exposure import Exposure
from breakwater.domain.orders import OrderSnapshot, PlaceOrder, Side
from breakwater.errors import NotFound
from tests.support.engine_model import EngineModel

COLLAR_HIGH = Decimal(2100)  # 5 % above the reference price: what a sell is held at.


class Engine(EngineModel):
    """Answers a stop as the client of the real engine does: what has not arrived is voided, what has is cancelled."""

    def end(
        self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, account_id: uuid.UUID, symbol: str, correlation_id: str
    ) -> OrderSnapshot:
        snapshot = self.void(
            order_id, tenant_id=tenant_id, account_id=account_id, symbol=symbol, correlation_id=correlation_id
        )
        return snapshot if snapshot.status.is_final else self.cancel(order_id, tenant_id=tenant_id)

    def word(self, order: PlaceOrder) -> OrderSnapshot | None:
        """How the order stands there; None when it was never heard of."""
        with suppress(NotFound):
            return self.get(order.order_id, tenant_id=order.tenant_id)
        return None


@dataclass(frozen=True)
class Held:
    """What the ledger should hold for one order: all of it until the first word, then what the newest word leaves."""

    order: PlaceOrder
    word: OrderSnapshot | None = None

    @property
    def engine_seq(self) -> int:
        return 0 if self.word is None else self.word.engine_seq

    @property
    def cum_qty(self) -> Decimal:
        return Decimal(0) if self.word is None else self.word.cum_qty

    @property
    def cum_notional(self) -> Decimal:
        return Decimal(0) if self.word is None else self.word.cum_notional

    @property
    def is_open(self) -> bool:
        return self.word is None or not self.word.status.is_final

    @property
    def open_qty(self) -> Decimal:
        return self.order.terms.quantity - self.cum_qty if self.is_open else Decimal(0)


def valuation_price(order: PlaceOrder) -> Decimal:
    price = order.terms.price
    assert price is not None
    return price if order.terms.side is Side.BUY else max(price, COLLAR_HIGH)


class Totals(NamedTuple):
    """What a node holds, in the one symbol and at the one venue of these tests."""

    filled_qty: Decimal
    open_buy_qty: Decimal
    open_sell_qty: Decimal
    open_order_count: int
    open_notional: Decimal
    traded_notional: Decimal

    def only_reduces(self, side: Side, quantity: Decimal) -> bool:
        """Of an account: would every fill bring the position nearer to zero?"""
        if side is Side.SELL:
            return quantity <= self.filled_qty - self.open_sell_qty
        return quantity <= -self.filled_qty - self.open_buy_qty


def totals_of(helds: list[Held]) -> Totals:
    def total(amounts: list[Decimal]) -> Decimal:
        return sum(amounts, Decimal(0))

    return Totals(
        filled_qty=total([held.cum_qty * held.order.terms.side.sign for held in helds]),
        open_buy_qty=total([held.open_qty for held in helds if held.order.terms.side is Side.BUY]),
        open_sell_qty=total([held.open_qty for held in helds if held.order.terms.side is Side.SELL]),
        open_order_count=sum(held.is_open for held in helds),
        open_notional=total([held.open_qty * valuation_price(held.order) for held in helds]),
        traded_notional=total([held.cum_notional for held in helds]),
    )


def totals_in(exposures: Sequence[Exposure]) -> Totals:
    """The same out of the ledger; nothing where it has no row yet."""
    sums: dict[str, Any] = {name: sum((getattr(e, name) for e in exposures), Decimal(0)) for name in Totals._fields}
    return Totals(**sums)


def in_use(limit_type: str, node: Totals) -> Decimal:
    """used + reserved, as docs/limits.md has it."""
    match limit_type:
        case "LONG_POSITION":
            return node.filled_qty + node.open_buy_qty
        case "SHORT_POSITION":
            return node.open_sell_qty - node.filled_qty
        case "OPEN_ORDER_COUNT":
            return Decimal(node.open_order_count)
        case _:
            return node.traded_notional + node.open_notional
