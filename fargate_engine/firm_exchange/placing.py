"""Placing an order: through the core alone where a lease covers it, else by the way of the API (decision 93)."""

import asyncio
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

import orjson

from breakwater.domain.orders import OrdStatus, SubmitOrder, TimeInForce, order_id_of
from breakwater.errors import Unavailable
from fargate_engine.binance.errors import BinanceError, duplicate_order, outside_of_window
from fargate_engine.binance.exchange import Client, NewOrder, OrderRef, ShownOrder
from fargate_engine.binance.order_lists import check_against_market
from fargate_engine.firm_exchange.answers import snapshot_of
from fargate_engine.firm_exchange.finding import Finding
from fargate_engine.firm_exchange.known_orders import KnownOrders, order_ids
from fargate_engine.firm_exchange.lease_cover import submission_under_lease
from fargate_engine.firm_exchange.order_terms import terms_of
from fargate_engine.firm_exchange.ordinary_way import OrdinaryWay
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.refusals import refusal_of_code, refusal_of_problem
from fargate_engine.firm_exchange.venue import ShownVenue
from fargate_engine.firm_exchange.views import fill_of_event, order_of_api, order_of_snapshot, updated
from fargate_engine.gateway.routing import ask, committed
from fargate_engine.inbox import FindOrder
from fargate_engine.risk import NO_LEASE
from fargate_engine.term import Term

ENDS_WITHIN_S, ENDED_LOOK_S, ENDED_LOOK_ELSEWHERE_S = 2.0, 0.01, 0.25  # Of an order that must not rest.
_OF_THE_LEASE = frozenset({"LEASE_EXHAUSTED", "LEASE_EXPIRED", NO_LEASE.code})


class Placing:
    """Answers an order as the platform has it: of a list the one that it is."""

    def __init__(
        self, venue: ShownVenue, orders: KnownOrders, finding: Finding, ordinary: Callable[[], OrdinaryWay]
    ) -> None:
        self._venue = venue
        self._orders = orders
        self._finding = finding
        self._ordinary = ordinary
        self._on_their_way: set[tuple[uuid.UUID, str]] = set()  # Client ids, by account.

    async def order(self, client: Client, order: NewOrder) -> ShownOrder:
        owner: Owner = client.owner
        with self._on_its_way(owner, (order.client_order_id,)):
            if self._orders.is_in_list(owner, order.client_order_id):
                raise duplicate_order()
            return await self._one(client, order)

    async def order_list(self, owner: Owner, order: NewOrder, told_ids: Collection[str]) -> ShownOrder:
        """One order at the router: what is reserved is enough for either half."""
        market = self._venue.find_market(order.instrument.symbol)
        if market is not None:  # Where it is another engine's, the platform judges the list alone.
            check_against_market(order, market)
        with self._on_its_way(owner, told_ids):
            refs = [OrderRef(order.instrument, None, each) for each in told_ids]
            if any(await asyncio.gather(*(self._finding.order(owner, each) for each in refs))):
                raise duplicate_order()
            terms = terms_of(owner, order, self._venue)
            order_id = order_id_of(owner.tenant_id, owner.account_id, order.client_order_id)
            term = self._orders.term(terms.symbol)
            if term is not None and term.state.has_taken(order_id):
                await committed(term)
                raise duplicate_order()
            placed = order_of_api(await self._ordinary().place(owner, terms))
            self._orders.remember(owner, order_id, placed)
        return placed

    async def check(self, owner: Owner, order: NewOrder) -> None:
        verdict = await self._ordinary().check(owner, terms_of(owner, order, self._venue))
        if not verdict["passes"]:
            raise refusal_of_problem(422, verdict)

    async def _one(self, client: Client, order: NewOrder) -> ShownOrder:
        owner: Owner = client.owner
        terms = terms_of(owner, order, self._venue)
        term = self._orders.term(order.instrument.symbol)
        if term is None:
            placed = order_of_api(await self._ordinary().place(owner, terms))
            order_id = order_id_of(owner.tenant_id, owner.account_id, terms.client_order_id)
            return await self._until_ended(owner, order_id, placed)
        leased_id, order_id = order_ids(owner, terms.symbol, terms.client_order_id)
        if term.state.has_taken(leased_id) or term.state.has_taken(order_id):
            await committed(term)
            raise duplicate_order()
        is_plain = order.execution is None and not term.state.knows(leased_id)
        submitted = submission_under_lease(term, client, leased_id, terms) if is_plain else None
        placed_within = None if submitted is None else await self._place_leased(term, owner, submitted)
        if placed_within is not None:
            return placed_within
        with term.sequencer.watching_fills(order_id) as fills:
            placed = order_of_api(await self._ordinary().place(owner, terms))
            placed = await self._until_ended(owner, order_id, placed)
        shown = replace(placed, fills=[fill_of_event(each["payload"]) for each in fills])
        self._orders.remember(owner, order_id, shown)
        return shown

    async def _place_leased(self, term: Term, owner: Owner, submitted: SubmitOrder) -> ShownOrder | None:
        """None when another order has taken what was left of the lease: the ledger may still have room for this one."""
        if time.time_ns() // 1_000_000 * 1_000_000 > (submitted.valid_until_ns or 0):  # By whole milliseconds.
            raise outside_of_window()
        with term.sequencer.watching_fills(submitted.order_id) as fills:
            snapshot = await snapshot_of(ask(term, submitted))
            if snapshot["reject_code"] in _OF_THE_LEASE:
                return None
            if snapshot["status"] == OrdStatus.REJECTED:
                raise refusal_of_code(snapshot["reject_code"], snapshot["reject_reason"])
            placed = await self._until_ended(owner, submitted.order_id, order_of_snapshot(snapshot, submitted))
        shown = replace(placed, fills=[fill_of_event(each["payload"]) for each in fills])
        self._orders.remember(owner, submitted.order_id, shown)
        return shown

    async def _until_ended(self, owner: Owner, order_id: uuid.UUID, order: ShownOrder) -> ShownOrder:
        """One that must not rest, as it ends: an exchange may tell that after it has taken it. As it is by then.

        Never a failure, which says that nothing was done.
        """
        if order.execution is not None or order.time_in_force is TimeInForce.GTC:
            return order
        deadline = time.monotonic() + ENDS_WITHIN_S
        while not order.status.is_final and time.monotonic() < deadline:
            term = self._orders.term(order.symbol)
            if term is not None:
                await asyncio.sleep(ENDED_LOOK_S)
                try:
                    known = await ask(term, FindOrder(order_id, owner.tenant_id))
                except Unavailable:
                    return order
                order = updated(order, orjson.loads(known)) if isinstance(known, bytes) else order
                continue
            await asyncio.sleep(ENDED_LOOK_ELSEWHERE_S)
            try:
                order = order_of_api(await self._ordinary().order(owner, str(order_id)))
            except (BinanceError, Unavailable):
                return order
        return order

    @contextmanager
    def _on_its_way(self, owner: Owner, client_order_ids: Collection[str]) -> Iterator[None]:
        """Refused while another one with such an id is: neither is found yet, so that they would pass each other."""
        placing = {(owner.account_id, each) for each in client_order_ids}
        if placing & self._on_their_way:
            raise duplicate_order()
        self._on_their_way |= placing
        try:
            yield
        finally:
            self._on_their_way -= placing
