"""What the platform has as one order, as the dialect shows it: itself, or the two orders of a list (decision 97)."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.money import EXACT
from breakwater.domain.orders import order_id_of
from breakwater.errors import Unavailable
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import OrderRef, ShownOrder, ShownOrderList, ShownTrade
from fargate_engine.firm_exchange.known_orders import KnownOrders
from fargate_engine.firm_exchange.order_lists import (
    Filled,
    filled_of_limit,
    is_list,
    is_meant,
    is_of_limit,
    shown_list,
    trade_in_list,
)
from fargate_engine.firm_exchange.ordinary_way import ALL, OrdinaryWay
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.views import order_of_api, trade_of_api

ROUTED_MAX = 50_000
ASKED_AT_ONCE = 4  # Each takes a place at the control plane.
TRADES_TRIES, TRADES_PAUSE_S = 4, 0.1  # A trade is shown some tens of milliseconds after its order.

_LOG = logging.getLogger(__name__)


class AsShown:
    def __init__(self, orders: KnownOrders, ordinary: Callable[[], OrdinaryWay]) -> None:
        self._orders = orders
        self._ordinary = ordinary
        self._routed: dict[str, ShownOrder] = {}  # By their id the orders at the router that trades were asked for.

    async def order(self, owner: Owner, order: ShownOrder, ref: OrderRef) -> ShownOrder:
        """The one that is meant."""
        if not is_list(order.execution):
            return order
        both = (await self.order_list(owner, order)).orders
        return next(each for each in both if is_meant(ref, each.symbol, ((each.order_number, each.client_order_id),)))

    async def orders(self, owner: Owner, orders: Iterable[ShownOrder]) -> list[ShownOrder]:
        shown: list[ShownOrder] = []
        for order in orders:
            whole = await self.whole(owner, order)
            shown += whole.orders if isinstance(whole, ShownOrderList) else (whole,)
        return shown

    async def whole(self, owner: Owner, order: ShownOrder) -> ShownOrder | ShownOrderList:
        return await self.order_list(owner, order) if is_list(order.execution) else order

    async def order_list(self, owner: Owner, order: ShownOrder) -> ShownOrderList:
        return shown_list(order, await self._of_limit(owner, order))

    async def changed(self, owner: Owner, order: ShownOrder) -> ShownOrder | ShownOrderList:
        """After a change that is done, as `whole` shows it."""
        return await self.changed_list(owner, order) if is_list(order.execution) else order

    async def changed_list(self, owner: Owner, order: ShownOrder) -> ShownOrderList:
        """After a change that is done: never a failure, which says that nothing was. A bot would do it again.

        Where its fills cannot be asked for, their sum decides whose they are.
        """
        try:
            return await self.order_list(owner, order)
        except (BinanceError, Unavailable) as error:
            _LOG.warning("the list %s is shown by its sums, for its fills are not known: %s", order.order_number, error)
            return shown_list(order, _by_sums(order))

    async def trades(self, owner: Owner, trades: list[dict[str, Any]]) -> list[ShownTrade]:
        """As `GET /trades` has them."""
        routed = await self._orders_of(owner, trades)
        return [_trade(each, routed.get(each["order_id"])) for each in trades]

    async def _orders_of(self, owner: Owner, trades: list[dict[str, Any]]) -> dict[str, ShownOrder]:
        """By their ids those at the router, which are asked for once: how they are worked never changes."""
        wanted = {each["order_id"] for each in trades if each["venue"] == ROUTER_VENUE}
        found = {order_id: self._routed[order_id] for order_id in wanted & self._routed.keys()}
        room = asyncio.Semaphore(ASKED_AT_ONCE)

        async def learn(order_id: str) -> None:
            async with room:
                found[order_id] = order_of_api(await self._ordinary().order(owner, order_id))

        await asyncio.gather(*map(learn, wanted - found.keys()))
        self._routed |= found
        while len(self._routed) > ROUTED_MAX:
            del self._routed[next(iter(self._routed))]
        return found

    async def _of_limit(self, owner: Owner, order: ShownOrder) -> Filled:
        """What its limit has filled: by its children where they were worked here, else by its trades.

        Not by its sums while there are those: a good fill of the limit may outweigh a bad one of the stop.
        """
        if not order.cum_qty:
            return Filled()
        fills = await self._orders.child_fills(owner, order)
        if fills is None:
            fills = await self._fills_by_trades(owner, order)
        return filled_of_limit(order, fills)

    async def _fills_by_trades(self, owner: Owner, order: ShownOrder) -> list[tuple[Decimal, Decimal]]:
        """(quantity, notional) of each trade, which are read after the order and may be shown later than it.

        They are read again while some are missing. What is missing to the end is one fill, as the order's sums have it.
        """
        order_id = order_id_of(owner.tenant_id, owner.account_id, order.client_order_id)
        fills: list[tuple[Decimal, Decimal]] = []
        missing = Filled(order.cum_qty, order.cum_notional)
        for attempt in range(TRADES_TRIES):
            if attempt:
                await asyncio.sleep(TRADES_PAUSE_S)
            trades = map(trade_of_api, await self._ordinary().trades(owner, order.symbol, ALL, str(order_id)))
            fills = [(each.fill.quantity, EXACT.multiply(each.fill.quantity, each.fill.price)) for each in trades]
            missing = Filled(order.cum_qty, order.cum_notional)
            for quantity, notional in fills:
                missing = missing.plus(-quantity, -notional)
            if missing.quantity <= 0:
                return fills
        return [*fills, (missing.quantity, missing.notional)]


def _by_sums(order: ShownOrder) -> Filled:
    """All or nothing is the limit's."""
    is_limits = is_of_limit(order.side, order.price, order.cum_qty, order.cum_notional)
    return Filled(order.cum_qty, order.cum_notional) if is_limits else Filled()


def _trade(trade: dict[str, Any], order: ShownOrder | None) -> ShownTrade:
    shown = trade_of_api(trade)
    return trade_in_list(shown, order) if order is not None and is_list(order.execution) else shown
