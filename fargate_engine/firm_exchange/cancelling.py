"""Cancelling an account's orders at the venue: here where this engine works them, else by the API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrdStatus
from breakwater.errors import Unavailable
from fargate_engine.binance.errors import BinanceError, outcome_unknown, unknown_list_to_cancel, unknown_order_to_cancel
from fargate_engine.binance.exchange import OrderListRef, OrderRef, ShownOrder
from fargate_engine.firm_exchange.answers import snapshot_of
from fargate_engine.firm_exchange.finding import Finding
from fargate_engine.firm_exchange.known_orders import KnownOrders
from fargate_engine.firm_exchange.ordinary_way import OrdinaryWay
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.trail import cancel_requested
from fargate_engine.firm_exchange.views import order_of_snapshot
from fargate_engine.gateway.routing import ask, committed
from fargate_engine.messages import CancelOrder
from fargate_engine.orders import EngineOrder
from fargate_engine.term import Term

CANCELS_AT_ONCE = 200
CANCELS_ELSEWHERE_AT_ONCE = 4  # Each takes a place at the control plane.


class Cancelling:
    """Each answers the order as the platform has it from then on: of a list the one that it is."""

    def __init__(self, orders: KnownOrders, finding: Finding, ordinary: Callable[[], OrdinaryWay]) -> None:
        self._orders = orders
        self._finding = finding
        self._ordinary = ordinary

    async def order(self, owner: Owner, order: OrderRef) -> ShownOrder:
        found = self._orders.find_live(owner, order)
        if found is not None:
            return await self._here(owner, *found)
        if self._orders.find(owner, order) is not None:
            await committed(self._orders.term(order.instrument.symbol))
            raise unknown_order_to_cancel()  # It is final, whatever the API has heard of it so far.
        return await self._elsewhere(owner, await self._finding.at_api(owner, order))

    async def order_list(self, owner: Owner, order_list: OrderListRef) -> ShownOrder:
        found = self._orders.find_live_list(owner, order_list)
        if found is not None:
            return await self._here(owner, *found)
        final = self._orders.find_list(owner, order_list)
        if final is not None:
            await committed(self._orders.term(final.symbol))
            raise unknown_list_to_cancel()  # As above.
        known = await self._finding.list_at_api(owner, order_list)
        if known is None:
            raise unknown_list_to_cancel()
        return await self._elsewhere(owner, known)

    async def all_of(self, owner: Owner, instrument: Instrument) -> list[ShownOrder]:
        term = self._orders.term(instrument.symbol)
        if term is None:
            found = await self._ordinary().open_orders(owner, [instrument.symbol])
            work = [self._ordinary().cancel(owner, each["order_id"]) for each in found]
            at_once = CANCELS_ELSEWHERE_AT_ONCE
        else:
            at_once = CANCELS_AT_ONCE
            orders = self._orders.open_orders_of(term, owner)
            work = [self._here(owner, term, each) for each in orders if each.submitted.symbol == instrument.symbol]
        room = asyncio.Semaphore(at_once)

        async def in_turn(cancel: Awaitable[ShownOrder]) -> ShownOrder:
            async with room:
                return await cancel

        outcomes = await asyncio.gather(*map(in_turn, work), return_exceptions=True)
        canceled = [each for each in outcomes if isinstance(each, ShownOrder)]
        for failure in outcomes:
            if isinstance(failure, BinanceError) and failure.code == -2011:
                continue  # One that ended by itself meanwhile is not open any more, which is what was asked for.
            if isinstance(failure, BinanceError | Unavailable):
                # What it says of one order, nothing done perhaps, is not so of all.
                raise outcome_unknown() if canceled else failure
            if isinstance(failure, BaseException):
                raise failure
        return canceled

    async def _here(self, owner: Owner, term: Term, order: EngineOrder) -> ShownOrder:
        submitted = order.submitted
        message = CancelOrder(order_id=submitted.order_id, tenant_id=submitted.tenant_id)
        snapshot = await snapshot_of(ask(term, message, telling=cancel_requested(submitted, owner.principal)))
        if snapshot["status"] in {OrdStatus.FILLED, OrdStatus.EXPIRED, OrdStatus.REJECTED}:
            raise unknown_order_to_cancel()
        if snapshot["status"] != OrdStatus.CANCELED:
            raise outcome_unknown()
        shown = order_of_snapshot(snapshot, submitted, self._orders.created_ms(submitted))
        self._orders.remember(owner, submitted.order_id, shown)
        return shown

    async def _elsewhere(self, owner: Owner, known: dict[str, Any] | None) -> ShownOrder:
        """What the API has found."""
        if known is None or OrdStatus(known["status"]).is_final:
            raise unknown_order_to_cancel()
        return await self._ordinary().cancel(owner, known["order_id"])
