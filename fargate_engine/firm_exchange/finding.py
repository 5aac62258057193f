"""Finding an account's orders at the venue: those that this engine knows, and at the API those that it does not."""

from collections.abc import Callable
from typing import Any

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import EXCHANGE_ORDER_ID_BITS
from breakwater.domain.shards import shard_of
from fargate_engine.binance.exchange import OrderListRef, OrderRef, ShownOrder
from fargate_engine.firm_exchange.known_orders import KnownOrders
from fargate_engine.firm_exchange.order_lists import is_list, is_meant, names_of_shown, other_number
from fargate_engine.firm_exchange.ordinary_way import OrdinaryWay
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.views import order_of_api
from fargate_engine.gateway.routing import committed
from fargate_engine.gateway.state import EngineState


class Finding:
    """What is found here is told once it is in the journal."""

    def __init__(self, engine: EngineState, orders: KnownOrders, ordinary: Callable[[], OrdinaryWay]) -> None:
        self._engine = engine
        self._orders = orders
        self._ordinary = ordinary

    async def order(self, owner: Owner, order: OrderRef) -> ShownOrder | None:
        """Here or at the API. Of a list the one order that it is."""
        found = self._orders.find(owner, order)
        if found is not None:
            await committed(self._orders.term(found.symbol))
            return found
        known = await self.at_api(owner, order)
        return None if known is None else order_of_api(known)

    async def order_list(self, owner: Owner, order_list: OrderListRef) -> ShownOrder | None:
        """As the one order that it is, here or at the API."""
        found = self._orders.find_list(owner, order_list)
        if found is not None:
            await committed(self._orders.term(found.symbol))
            return found
        known = await self.list_at_api(owner, order_list)
        return None if known is None else order_of_api(known)

    async def open_orders(
        self, owner: Owner, instrument: Instrument | None, *, everywhere: bool = False
    ) -> list[ShownOrder]:
        """As the platform has them: a list is one. `everywhere`: those at other venues as well."""
        symbols = [each.symbol for each in ([instrument] if instrument else self._engine.instruments)]
        elsewhere = [symbol for symbol in symbols if self._orders.term(symbol) is None]
        wanted, terms = set(symbols), {shard_of(each): self._orders.term(each) for each in symbols}
        here = [
            self._orders.shown(order)
            for term in terms.values()
            if term is not None
            for order in (
                term.state.open_orders_of(owner.account_id) if everywhere else self._orders.open_orders_of(term, owner)
            )
            if order.submitted.symbol in wanted
        ]
        await committed(*terms.values())
        found = await self._ordinary().open_orders(owner, elsewhere, everywhere=everywhere)
        return here + [order_of_api(each) for each in found]

    async def at_api(self, owner: Owner, order: OrderRef) -> dict[str, Any] | None:
        """By its own number and client id, or as one of a list by that of the limit or the stop."""
        symbol, number, client_order_id = order.instrument.symbol, order.order_number, order.client_order_id
        if number is not None and number >> EXCHANGE_ORDER_ID_BITS:
            return None  # None has so high a number.
        other = None if number is None else other_number(number)
        ways: list[dict[str, Any]] = [{"client_order_id": client_order_id, "exchange_order_id": number}]
        if client_order_id is not None:
            ways.append({"leg_client_order_id": client_order_id, "exchange_order_id": number})
        if other is not None:
            ways.append({"leg_client_order_id": client_order_id, "exchange_order_id": other})
        for way in ways:
            known = await self._ordinary().find(owner, symbol, **way)
            if known is not None and is_meant(order, symbol, names_of_shown(order_of_api(known))):
                return known
        return None

    async def list_at_api(self, owner: Owner, order_list: OrderListRef) -> dict[str, Any] | None:
        number = order_list.list_number
        if number is not None and number >> EXCHANGE_ORDER_ID_BITS:
            return None
        symbol = None if order_list.instrument is None else order_list.instrument.symbol
        by = {"client_order_id": order_list.list_client_order_id, "exchange_order_id": number, "algorithm": "OCO"}
        known = await self._ordinary().find(owner, symbol, **by)
        return known if known is not None and is_list(order_of_api(known).execution) else None
