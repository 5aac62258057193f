"""The exchanges of the fault runs from their own side: what each order came to there, and a market that moves."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from breakwater.domain.orders import OrdStatus
from fargate_engine.simulated_exchange.accounts import PaperOrder
from fargate_engine.simulated_exchange.switches import Chance, Switches
from fargate_engine.venues.client_ids import client_id_of, order_id_of
from tests.support.bybit_server import OPEN, Bybit, bybit_server
from tests.support.exchange_scene import SECRET, background, simulated_exchange

_BYBIT_STATUSES = {
    "New": OrdStatus.NEW,
    "PartiallyFilled": OrdStatus.PARTIALLY_FILLED,
    "Filled": OrdStatus.FILLED,
    "Cancelled": OrdStatus.CANCELED,
}
MARKET_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class There:
    """An order as its exchange has it. `given_up`: how many that it replaced are there, cancelled and never traded."""

    status: OrdStatus
    quantity: Decimal
    price: Decimal | None
    cum_qty: Decimal
    cum_notional: Decimal
    given_up: int = 0


class VenueSide(Protocol):
    exchange: str
    base_url: str

    def order(self, order_id: uuid.UUID) -> There | None: ...

    def switch(self, **switches: Any) -> None: ...

    @property
    def orders(self) -> int:
        """That were ever taken there."""
        ...

    @property
    def fills(self) -> int: ...


class BinanceSide:
    exchange = "binance"

    def __init__(self, simulated: Any) -> None:
        self._simulated = simulated
        self.base_url: str = simulated.base_url
        self.switch: Callable[..., None] = simulated.switch

    def order(self, order_id: uuid.UUID) -> There | None:
        orders: list[PaperOrder] = list(self._simulated.account.orders.values())
        of_it = [each for each in orders if order_id_of(each.asked.client_order_id) == order_id]
        if not of_it:
            return None
        *before, last = of_it
        assert all(each.status is OrdStatus.CANCELED and not each.cum_qty for each in before)
        price = last.asked.price
        return There(last.status, last.quantity, price, last.cum_qty, last.cum_notional, given_up=len(before))

    @property
    def orders(self) -> int:
        return len(self._simulated.account.orders)

    @property
    def fills(self) -> int:
        return sum(len(order.trades) for order in self._simulated.account.orders.values())


class BybitSide:
    exchange = "bybit"

    def __init__(self, bybit: Bybit, base_url: str, seed: int) -> None:
        self._bybit = bybit
        self._random = random.Random(seed)  # noqa: S311 - the same seed, the same market as far as we decide it
        self.base_url = base_url

    def order(self, order_id: uuid.UUID) -> There | None:
        order = self._bybit.orders.get(client_id_of(order_id))
        if order is None:
            return None
        quantity, price, cum_qty, cum_notional = (
            Decimal(order[name]) for name in ("qty", "price", "cumExecQty", "cumExecValue")
        )
        return There(_BYBIT_STATUSES[order["orderStatus"]], quantity, price, cum_qty, cum_notional)

    def switch(self, **switches: Any) -> None:
        self._bybit.chance.switches = Switches(**switches)

    @property
    def orders(self) -> int:
        return len(self._bybit.orders)

    @property
    def fills(self) -> int:
        return len(self._bybit.executions)

    async def trade(self) -> None:
        """Fills some of what rests near the market, for ever; of what may not rest a part, and the rest ends."""
        while True:
            await asyncio.sleep(MARKET_PAUSE_S)
            for client_id, order in list(self._bybit.orders.items()):
                near = abs(Decimal(order["price"]) - 2684) < 100
                may_rest = order["timeInForce"] in {"GTC", "PostOnly"}
                if order["orderStatus"] not in OPEN or (may_rest and not (near and self._random.random() < 0.1)):
                    continue
                left = int((Decimal(order["qty"]) - Decimal(order["cumExecQty"])) / Decimal("0.0001"))
                lots = left if self._random.random() < 0.2 else self._random.randint(1, left)
                await self._bybit.fill(client_id, f"{lots * Decimal('0.0001'):f}", order["price"])
                if not may_rest and order["orderStatus"] in OPEN:
                    await self._bybit.end(client_id, "Cancelled")


@asynccontextmanager
async def binance_side(seed: int) -> AsyncIterator[VenueSide]:
    async with simulated_exchange(speed=50, seed=seed) as simulated:
        yield BinanceSide(simulated)


@asynccontextmanager
async def bybit_side(seed: int) -> AsyncIterator[VenueSide]:
    async with bybit_server(SECRET, Chance(seed)) as (bybit, base_url):
        side = BybitSide(bybit, base_url, seed)
        async with background(side.trade()):
            yield side
