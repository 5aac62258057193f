"""Paper accounts: what each holds, and the orders that lock some of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrdStatus, Side
from fargate_engine.binance.exchange import NewOrder, ShownOrder, ShownTrade, UserEvent

EVENTS_WAITING_MAX = 10_000
ZERO = Decimal(0)


class InsufficientBalance(Exception):
    pass


@dataclass(slots=True, eq=False)
class PaperAccount:
    key_id: str
    secret: bytes = field(repr=False)
    free: dict[str, Decimal] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[int, "PaperOrder"] = field(default_factory=dict)  # Oldest first.
    by_client_id: dict[str, "PaperOrder"] = field(default_factory=dict)
    streams: set[asyncio.Queue[UserEvent | None]] = field(default_factory=set)

    @classmethod
    def holding(cls, key_id: str, secret: str, balances: Mapping[str, Decimal]) -> "PaperAccount":
        return cls(key_id, secret.encode(), free=dict(balances))

    def lock(self, asset: str, amount: Decimal) -> None:
        """InsufficientBalance when so much is not free."""
        if self.free.get(asset, ZERO) < amount:
            raise InsufficientBalance
        self.add(asset, -amount)
        self.locked[asset] = EXACT.add(self.locked.get(asset, ZERO), amount)

    def unlock(self, asset: str, amount: Decimal) -> None:
        self.locked[asset] = EXACT.subtract(self.locked.get(asset, ZERO), amount)
        self.add(asset, amount)

    def add(self, asset: str, amount: Decimal) -> None:
        self.free[asset] = EXACT.add(self.free.get(asset, ZERO), amount)

    def tell(self, event: UserEvent) -> None:
        """A stream that does not read ends: its client connects anew and asks."""
        for stream in list(self.streams):
            if stream.full():
                self.streams.discard(stream)
                stream.get_nowait()
                stream.put_nowait(None)
            else:
                stream.put_nowait(event)


@dataclass(slots=True, eq=False)
class PaperOrder:
    """`locked` is what it still holds back: quote currency of a buy, base currency of a sell."""

    number: int
    account: PaperAccount
    asked: NewOrder
    quantity: Decimal
    created_ms: int
    updated_ms: int
    locked: Decimal = ZERO
    status: OrdStatus = OrdStatus.PENDING_NEW
    cum_qty: Decimal = ZERO
    cum_notional: Decimal = ZERO
    trades: list[ShownTrade] = field(default_factory=list)

    @property
    def lock_asset(self) -> str:
        instrument = self.asked.instrument
        return instrument.quote_asset if self.asked.side is Side.BUY else instrument.base_asset

    def fill(self, trade: ShownTrade) -> None:
        """Book it: the order, and what changes hands for it."""
        fill, instrument, account = trade.fill, self.asked.instrument, self.account
        notional = EXACT.multiply(fill.quantity, fill.price)
        self.cum_qty = EXACT.add(self.cum_qty, fill.quantity)
        self.cum_notional = EXACT.add(self.cum_notional, notional)
        self.trades.append(trade)
        if self.locked:
            price = Decimal(1) if self.asked.side is Side.SELL else self.asked.price or ZERO
            held = EXACT.multiply(fill.quantity, price)
            account.unlock(self.lock_asset, held)
            self.locked = EXACT.subtract(self.locked, held)
        sign = self.asked.side.sign
        account.add(instrument.base_asset, sign * fill.quantity)
        account.add(instrument.quote_asset, EXACT.subtract(-sign * notional, fill.fee))
        self.status = OrdStatus.FILLED if self.cum_qty == self.quantity else OrdStatus.PARTIALLY_FILLED

    def amend(self, quantity: Decimal, client_order_id: str) -> None:
        """A smaller quantity: what it held back for the rest is free again."""
        price = Decimal(1) if self.asked.side is Side.SELL else self.asked.price or ZERO
        freed = EXACT.multiply(EXACT.subtract(self.quantity, quantity), price)
        self.account.unlock(self.lock_asset, freed)
        self.locked = EXACT.subtract(self.locked, freed)
        self.quantity = quantity
        self.asked = replace(self.asked, client_order_id=client_order_id)

    def end(self, status: OrdStatus) -> None:
        self.status = status
        if self.locked:
            self.account.unlock(self.lock_asset, self.locked)
            self.locked = ZERO

    def shown(self) -> ShownOrder:
        asked = self.asked
        return ShownOrder(
            order_number=self.number,
            client_order_id=asked.client_order_id,
            symbol=asked.instrument.symbol,
            side=asked.side,
            type=asked.type,
            time_in_force=asked.time_in_force,
            post_only=asked.post_only,
            status=OrdStatus.NEW if self.status is OrdStatus.PENDING_NEW else self.status,
            quantity=self.quantity,
            price=asked.price,
            cum_qty=self.cum_qty,
            cum_notional=self.cum_notional,
            created_ms=self.created_ms,
            updated_ms=self.updated_ms,
            fills=[trade.fill for trade in self.trades],
        )
