"""Finding the orders of an account at one venue that this engine knows: by number, or by client order id."""

import uuid
from collections import OrderedDict
from dataclasses import replace
from decimal import Decimal

import orjson

from breakwater.domain.executions import Execution
from breakwater.domain.orders import SubmitOrder, exchange_order_id, leased_order_id_of, order_id_of
from breakwater.domain.shards import shard_of
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import OrderListRef, OrderRef, ShownOrder
from fargate_engine.firm_exchange.order_lists import (
    Filled,
    is_list,
    is_meant,
    is_of_limit,
    names_of,
    names_of_shown,
    other_number,
)
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.venue import is_at
from fargate_engine.firm_exchange.views import order_of_snapshot, updated
from fargate_engine.gateway.routing import committed
from fargate_engine.gateway.state import EngineState
from fargate_engine.orders import EngineOrder, ForgottenOrder
from fargate_engine.routing.working import CHILDREN_MAX, child_id_of
from fargate_engine.term import Term

RECENT_MAX = 50_000


class KnownOrders:
    """A final order has left its terms in the engine's memory: those of the newest that came by here are kept."""

    def __init__(self, engine: EngineState, venue: str) -> None:
        self._engine = engine
        self._venue = venue
        self._recent: OrderedDict[tuple[uuid.UUID, int], tuple[uuid.UUID, ShownOrder]] = OrderedDict()
        # Of these the lists, by the client ids of their orders.
        self._lists: dict[tuple[uuid.UUID, str], int] = {}
        self._of_stopped: OrderedDict[uuid.UUID, Filled] = OrderedDict()  # What the limit has, by the list's order.

    def remember(self, owner: Owner, order_id: uuid.UUID, shown: ShownOrder) -> None:
        """An order as the engine has it: of a list the one that it is there."""
        self._recent[owner.account_id, shown.order_number] = (order_id, replace(shown, fills=()))
        for client_order_id in _ids_in_list(shown):
            self._lists[owner.account_id, client_order_id] = shown.order_number
        if len(self._recent) > RECENT_MAX:
            (account_id, _), (_, oldest) = self._recent.popitem(last=False)
            for client_order_id in _ids_in_list(oldest):
                self._lists.pop((account_id, client_order_id), None)

    def is_in_list(self, owner: Owner, client_order_id: str) -> bool:
        """Whether an order of a list that came by here has this client id."""
        return (owner.account_id, client_order_id) in self._lists

    def created_ms(self, order: SubmitOrder) -> int | None:
        """None when it did not come by here, or long ago."""
        recent = self._recent.get((order.account_id, exchange_order_id(order.order_id)))
        return None if recent is None else recent[1].created_ms

    def term(self, symbol: str) -> Term | None:
        """None unless this engine serves the symbol."""
        return self._engine.term(shard_of(symbol))

    def open_orders_of(self, term: Term, owner: Owner) -> list[EngineOrder]:
        """Those that the account has at the venue, oldest first."""
        return [each for each in term.state.open_orders_of(owner.account_id) if self._is_here(each.submitted)]

    def find_live(self, owner: Owner, order: OrderRef) -> tuple[Term, EngineOrder] | None:
        """An open one, and where it is served."""
        term = self.term(order.instrument.symbol)
        if term is None:
            return None
        if order.client_order_id is not None:
            for order_id in order_ids(owner, order.instrument.symbol, order.client_order_id):
                known = term.state.find(order_id, owner.tenant_id)
                if (
                    isinstance(known, EngineOrder)
                    and self._is_here(known.submitted)
                    and _is_meant(known.submitted, order)
                ):
                    return term, known
            of_lists = (each for each in self.open_orders_of(term, owner) if is_list(each.submitted.execution))
            known = next((each for each in of_lists if _is_meant(each.submitted, order)), None)
            return None if known is None else (term, known)
        recent = self._recent_of(owner, order)
        if recent is not None:
            known = term.state.find(recent[0], owner.tenant_id)
            return (term, known) if isinstance(known, EngineOrder) else None
        meant = [each for each in self.open_orders_of(term, owner) if _is_meant(each.submitted, order)]
        if len(meant) > 1:
            raise BinanceError(-1100, "Two orders have this number; name the one by origClientOrderId.")
        return (term, meant[0]) if meant else None

    def find(self, owner: Owner, order: OrderRef) -> ShownOrder | None:
        """Open, or final and remembered. Of a list the one order that it is."""
        live = self.find_live(owner, order)
        if live is not None:
            return self.shown(live[1])
        term, recent = self.term(order.instrument.symbol), self._recent_of(owner, order)
        return None if term is None or recent is None else _newest(term, owner, recent)

    def find_live_list(self, owner: Owner, order_list: OrderListRef) -> tuple[Term, EngineOrder] | None:
        """As the one order that it is, and where it is served."""
        for term in self._terms(order_list):
            if order_list.list_client_order_id is not None:
                order_id = order_id_of(owner.tenant_id, owner.account_id, order_list.list_client_order_id)
                known = term.state.find(order_id, owner.tenant_id)
                found = [known] if isinstance(known, EngineOrder) and self._is_here(known.submitted) else []
            else:
                found = self.open_orders_of(term, owner)
            for each in found:
                if _is_meant_list(self.shown(each), order_list):
                    return term, each
        return None

    def find_list(self, owner: Owner, order_list: OrderListRef) -> ShownOrder | None:
        """Open, or done and remembered."""
        live = self.find_live_list(owner, order_list)
        if live is not None:
            return self.shown(live[1])
        number = order_list.list_number
        if order_list.list_client_order_id is not None:
            number = exchange_order_id(order_id_of(owner.tenant_id, owner.account_id, order_list.list_client_order_id))
        recent = self._recent.get((owner.account_id, number or 0))
        term = None if recent is None else self.term(recent[1].symbol)
        if recent is None or term is None or not _is_meant_list(recent[1], order_list):
            return None
        return _newest(term, owner, recent)

    async def child_fills(self, owner: Owner, order: ShownOrder) -> list[tuple[Decimal, Decimal]] | None:
        """(quantity, notional) that each child of a list has filled, once that is in the journal.

        None where this engine has not worked it, or has forgotten one of them.

        Once the stop has filled anything, the limit's alone and as one: the stop is sent when the limit is over, so
        this part stays as it is. There may be thousands of children, and they are looked at on the event loop.
        """
        term = self.term(order.symbol)
        if term is None:
            return None
        order_id = order_id_of(owner.tenant_id, owner.account_id, order.client_order_id)
        stopped = self._of_stopped.get(order_id)
        if stopped is not None:
            return [(stopped.quantity, stopped.notional)]
        fills: list[tuple[Decimal, Decimal]] = []
        for number in range(CHILDREN_MAX):
            child = term.state.find(child_id_of(order_id, number), owner.tenant_id)
            if isinstance(child, ForgottenOrder):
                return None
            if child is None:
                break
            words = orjson.loads(child.answer())
            fill = (Decimal(words["cum_qty"]), Decimal(words["cum_notional"]))
            if not is_of_limit(order.side, order.price, *fill):
                await committed(term)
                return [self._remember_stopped(order_id, fills)]
            fills.append(fill)
        await committed(term)
        return fills or None

    def _remember_stopped(
        self, order_id: uuid.UUID, of_limit: list[tuple[Decimal, Decimal]]
    ) -> tuple[Decimal, Decimal]:
        """Of a list whose stop has filled something, the sum of what its limit has."""
        filled = Filled()
        for fill in of_limit:
            filled = filled.plus(*fill)
        self._of_stopped[order_id] = filled
        if len(self._of_stopped) > RECENT_MAX:
            self._of_stopped.popitem(last=False)
        return filled.quantity, filled.notional

    def execution(self, owner: Owner, symbol: str, order_id: str) -> Execution | None:
        """How it is worked; None for any other order, and once it has ended."""
        term = self.term(symbol)
        known = None if term is None else term.state.find(uuid.UUID(order_id), owner.tenant_id)
        return known.submitted.execution if isinstance(known, EngineOrder) else None

    def shown(self, order: EngineOrder) -> ShownOrder:
        told = {**order.words(), "price": order.told.terms["price"]}
        return order_of_snapshot(told, order.submitted, self.created_ms(order.submitted))

    def _is_here(self, submitted: SubmitOrder) -> bool:
        return is_at(self._venue, submitted.venue, submitted.execution)

    def _recent_of(self, owner: Owner, order: OrderRef) -> tuple[uuid.UUID, ShownOrder] | None:
        """One that came by here and is meant."""
        numbers = []
        if order.order_number is not None:
            numbers = [order.order_number, other_number(order.order_number)]
        elif order.client_order_id is not None:
            ids = order_ids(owner, order.instrument.symbol, order.client_order_id)
            in_list = self._lists.get((owner.account_id, order.client_order_id))
            numbers = [exchange_order_id(each) for each in ids] + ([] if in_list is None else [in_list])
        for number in numbers:
            recent = self._recent.get((owner.account_id, number))
            if recent is not None and is_meant(order, recent[1].symbol, names_of_shown(recent[1])):
                return recent
        return None

    def _terms(self, order_list: OrderListRef) -> list[Term]:
        """Where it may be served here."""
        instruments = self._engine.instruments if order_list.instrument is None else [order_list.instrument]
        terms = {shard_of(each.symbol): self.term(each.symbol) for each in instruments}
        return [each for each in terms.values() if each is not None]


def order_ids(owner: Owner, symbol: str, client_order_id: str) -> tuple[uuid.UUID, uuid.UUID]:
    """The two ids that an order of this client id can have."""
    return (
        leased_order_id_of(owner.tenant_id, owner.account_id, symbol, client_order_id),
        order_id_of(owner.tenant_id, owner.account_id, client_order_id),
    )


def _is_meant(submitted: SubmitOrder, order: OrderRef) -> bool:
    number = exchange_order_id(submitted.order_id)
    return is_meant(order, submitted.symbol, names_of(number, submitted.client_order_id, submitted.execution))


def _is_meant_list(shown: ShownOrder, order_list: OrderListRef) -> bool:
    return (
        is_list(shown.execution)
        and (order_list.instrument is None or order_list.instrument.symbol == shown.symbol)
        and order_list.list_number in {None, shown.order_number}
        and order_list.list_client_order_id in {None, shown.client_order_id}
    )


def _newest(term: Term, owner: Owner, recent: tuple[uuid.UUID, ShownOrder]) -> ShownOrder | None:
    """What came by here, as the engine has it now; None where it has forgotten it: then the API knows."""
    known = term.state.find(recent[0], owner.tenant_id)
    if known is None or isinstance(known, ForgottenOrder):
        return None
    return updated(recent[1], orjson.loads(known.answer()))


def _ids_in_list(order: ShownOrder) -> list[str]:
    return [client_order_id for _, client_order_id in names_of_shown(order)] if is_list(order.execution) else []
