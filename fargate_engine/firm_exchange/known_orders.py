"""Finding the orders of an account that this engine knows: by number, or by client order id."""

import uuid
from collections import OrderedDict
from dataclasses import replace

import orjson

from breakwater.domain.executions import Execution
from breakwater.domain.orders import SubmitOrder, exchange_order_id, leased_order_id_of, order_id_of
from breakwater.domain.shards import shard_of
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import OrderRef, ShownOrder
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.views import order_of_snapshot, updated
from fargate_engine.gateway.state import EngineState
from fargate_engine.orders import EngineOrder
from fargate_engine.term import Term

RECENT_MAX = 50_000


class KnownOrders:
    """A final order has left its terms in the engine's memory: those of the newest that came by here are kept."""

    def __init__(self, engine: EngineState) -> None:
        self._engine = engine
        self._recent: OrderedDict[tuple[uuid.UUID, int], tuple[uuid.UUID, ShownOrder]] = OrderedDict()

    def remember(self, owner: Owner, order_id: uuid.UUID, shown: ShownOrder) -> None:
        self._recent[owner.account_id, shown.order_number] = (order_id, replace(shown, fills=()))
        if len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)

    def created_ms(self, order: SubmitOrder) -> int | None:
        """None when it did not come by here, or long ago."""
        recent = self._recent.get((order.account_id, exchange_order_id(order.order_id)))
        return None if recent is None else recent[1].created_ms

    def term(self, symbol: str) -> Term | None:
        """None unless this engine serves the symbol."""
        return self._engine.term(shard_of(symbol))

    def find_live(self, owner: Owner, order: OrderRef) -> tuple[Term, EngineOrder] | None:
        """An open one, and where it is served."""
        term = self.term(order.instrument.symbol)
        if term is None:
            return None
        if order.client_order_id is not None:
            for order_id in order_ids(owner, order.instrument.symbol, order.client_order_id):
                known = term.state.find(order_id, owner.tenant_id)
                if isinstance(known, EngineOrder) and _is_meant(known.submitted, order):
                    return term, known
            return None
        found = self._recent.get((owner.account_id, order.order_number or 0))
        if found is not None:
            known = term.state.find(found[0], owner.tenant_id)
            return (term, known) if isinstance(known, EngineOrder) else None
        meant = [each for each in term.state.open_orders_of(owner.account_id) if _is_meant(each.submitted, order)]
        if len(meant) > 1:
            raise BinanceError(-1100, "Two orders have this number; name the one by origClientOrderId.")
        return (term, meant[0]) if meant else None

    def find(self, owner: Owner, order: OrderRef) -> ShownOrder | None:
        """Open, or final and remembered."""
        live = self.find_live(owner, order)
        if live is not None:
            return self.shown(live[1])
        term, number = self.term(order.instrument.symbol), order.order_number
        if term is None:
            return None
        ids = order_ids(owner, order.instrument.symbol, order.client_order_id or "")
        numbers = [exchange_order_id(each) for each in ids] if number is None else [number]
        for each in numbers:
            recent = self._recent.get((owner.account_id, each))
            known = None if recent is None else term.state.find(recent[0], owner.tenant_id)
            if recent is not None and known is not None and _is_shown(recent[1], order):
                return updated(recent[1], orjson.loads(known.answer()))
        return None

    def execution(self, owner: Owner, symbol: str, order_id: str) -> Execution | None:
        """How it is worked; None for any other order, and once it has ended."""
        term = self.term(symbol)
        known = None if term is None else term.state.find(uuid.UUID(order_id), owner.tenant_id)
        return known.submitted.execution if isinstance(known, EngineOrder) else None

    def shown(self, order: EngineOrder) -> ShownOrder:
        return order_of_snapshot(order.words(), order.submitted, self.created_ms(order.submitted))


def order_ids(owner: Owner, symbol: str, client_order_id: str) -> tuple[uuid.UUID, uuid.UUID]:
    """The two ids that an order of this client id can have."""
    return (
        leased_order_id_of(owner.tenant_id, owner.account_id, symbol, client_order_id),
        order_id_of(owner.tenant_id, owner.account_id, client_order_id),
    )


def _is_meant(submitted: SubmitOrder, order: OrderRef) -> bool:
    """Both, where both are given, and the symbol."""
    return (
        submitted.symbol == order.instrument.symbol
        and (order.client_order_id is None or submitted.client_order_id == order.client_order_id)
        and (order.order_number is None or exchange_order_id(submitted.order_id) == order.order_number)
    )


def _is_shown(shown: ShownOrder, order: OrderRef) -> bool:
    return shown.symbol == order.instrument.symbol and order.client_order_id in {None, shown.client_order_id}
