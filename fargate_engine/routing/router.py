"""The venue SOR: orders that are worked as children at other venues (decision 96).

To the sequencer it is a venue like another: an order is given to it after its commit, and what becomes of it is a
report. It sends nothing itself: children are commands, and their venues are given them after their commit.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from breakwater.domain.executions import EXITS, ROUTER_VENUE
from breakwater.domain.orders import OrdStatus, SubmitOrder, TimeInForce
from breakwater.errors import Rejection, Unavailable
from events.envelope import EnvelopeDocument
from fargate_engine.inbox import Answer, Inbox
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.messages import CancelOrder, VenueAccepted, VenueRejected, VenueReport
from fargate_engine.orders import EngineOrder
from fargate_engine.routing.venue_views import VenueViews
from fargate_engine.routing.working import Working
from fargate_engine.shard_state import ShardState
from fargate_engine.terms import Reason, WorkingTerms
from fargate_engine.venues.failures import NotAtVenue
from fargate_engine.venues.protocol import Balance, FillsRead, OrderAtVenue, OrderVenue, VenueInstrument

_LOG = logging.getLogger(__name__)

TICK_S = 0.05  # How soon a market that moved, or a time that came, is seen.
ORDERS_MAX = 1_000  # Of one shard, at once: each is looked at whenever a market of it moves.
KEPT_FOR_EXITS = 200  # Of these: whoever cannot place his stop would have to sell at once.
ORDERS_OF_ACCOUNT_MAX = 500  # Nor does one account leave nothing to the others.
LOOKS_AT_ONCE = 20  # Then others have their turn.


class Router:
    name = ROUTER_VENUE

    def __init__(self, state: ShardState, inbox: Inbox, hub: MarketHub, venues: Mapping[str, OrderVenue]) -> None:
        """`venues`: where children go, but for the engine's own book."""
        self._state = state
        self._inbox = inbox
        self._views = VenueViews(state, hub, venues)
        self._working: dict[uuid.UUID, Working] = {}
        self._accepted: dict[uuid.UUID, uuid.UUID] = {}  # The accounts of those that it does not work yet, by order.
        self._something = asyncio.Event()

    # As a venue -----------------------------------------------------------------------------------------------------

    def submitted(self, terms: WorkingTerms) -> list[VenueReport]:
        """At once: whether it can be worked at all."""
        order = self._state.order(terms.order_id)
        assert isinstance(order, EngineOrder)  # noqa: S101 - it was submitted in this batch
        problem = self._problem(order)
        if problem is not None:
            return [VenueRejected(order_id=terms.order_id, code=problem[0], reason=problem[1])]
        self._accepted[terms.order_id] = terms.account_id
        return [VenueAccepted(order_id=terms.order_id)]

    def canceled(self, order_id: uuid.UUID, symbol: str) -> list[VenueReport]:
        """Nothing yet: its children end first."""
        return []

    def submit(self, terms: WorkingTerms) -> None:
        for report in self.submitted(terms):
            self._inbox.report(report)

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None:
        """It is heard of as every change is."""

    def cancel_all(self, order_ids: Sequence[uuid.UUID], symbol: str) -> None:
        """Their children are cancelled where they are, each as it is looked at."""

    def restore(self, order: EngineOrder) -> None:
        if order.status is OrdStatus.PENDING_NEW:
            self.submit(order.terms)
        else:
            self._take(order)

    def heard(self, parent_ids: Collection[uuid.UUID]) -> None:
        for parent_id in parent_ids:
            working = self._working.get(parent_id)
            if working is not None:
                working.is_due = True
                continue
            order = self._state.order(parent_id)
            if isinstance(order, EngineOrder) and order.status is not OrdStatus.PENDING_NEW:
                self._take(order)
            elif not isinstance(order, EngineOrder):
                self._accepted.pop(parent_id, None)  # It ended before.
        if parent_ids:
            self._something.set()

    async def opened(self) -> None:
        """It needs nothing that the other venues do not have."""

    async def run(self) -> None:
        while True:
            self._something.clear()
            now_ns = time.time_ns()
            looks = 0
            for order_id, working in list(self._working.items()):
                if not working.wants_look(now_ns):
                    continue
                working.look(time.time_ns())
                if working.is_over:
                    working.tell_end(time.time_ns())
                    del self._working[order_id]
                looks += 1
                if looks % LOOKS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            await self._pause()

    def refusal(self, account_id: uuid.UUID) -> Reason | None:
        """What refuses is where the children go."""
        return None

    def listed(self, symbol: str) -> VenueInstrument | None:
        """No child goes to the router."""
        return None

    @property
    def latency_ms(self) -> float:
        return 0.0

    # It holds nothing of its own ------------------------------------------------------------------------------------

    async def open_orders(self) -> list[OrderAtVenue]:
        return []

    async def order(self, client_id: str, symbol: str) -> OrderAtVenue:
        raise NotAtVenue("orders at the router are the engine's own")

    async def fills_since(self, symbol: str, since_ms: int) -> FillsRead:
        return FillsRead([])

    async def balances(self) -> dict[str, Balance]:
        return {}

    async def positions(self) -> dict[str, Decimal]:
        return {}

    async def instruments(self) -> dict[str, VenueInstrument]:
        return {}

    # To the sequencer -----------------------------------------------------------------------------------------------

    def command(self, message: SubmitOrder | CancelOrder) -> asyncio.Future[Answer] | None:
        try:
            answer = self._inbox.ask(message)
        except Unavailable:
            return None
        answer.add_done_callback(_told)
        return answer

    def report(self, report: VenueReport) -> None:
        self._inbox.report(report)

    def publish(self, event: EnvelopeDocument) -> None:
        self._inbox.publish(event)

    def on_their_way_lots(self, order_id: uuid.UUID) -> int:
        working = self._working.get(order_id)
        return 0 if working is None else working.on_their_way_lots

    def _take(self, order: EngineOrder) -> None:
        venues = self._venues_of(order)
        self._accepted.pop(order.order_id, None)
        self._working[order.order_id] = Working(order, self._state, self._views, venues, self)
        self._something.set()

    def _venues_of(self, order: EngineOrder) -> tuple[str, ...]:
        execution = order.submitted.execution
        return self._views.names(execution.venues) if execution is not None else ()

    def _problem(self, order: EngineOrder) -> tuple[str, str] | None:
        execution = order.submitted.execution
        if execution is None:
            return "INVALID_TERMS", f"an order at {ROUTER_VENUE} says how it is worked"
        if order.submitted.time_in_force is TimeInForce.FOK:
            return "INVALID_TERMS", "several venues cannot fill it all or nothing"
        unreachable = self._unreachable(order)
        if unreachable is not None:
            return unreachable
        too_many = self._too_many(order)
        if too_many is not None:
            return "TOO_MANY_WORKING", too_many
        after = getattr(execution, "after", None)
        if after is not None and self._state.find(after, order.tenant_id) is None:
            return "UNKNOWN_ENTRY", "the order that it is to exit from is not known here"
        return None

    def _too_many(self, order: EngineOrder) -> str | None:
        accounts = [*(each.order.terms.account_id for each in self._working.values()), *self._accepted.values()]
        if accounts.count(order.terms.account_id) >= ORDERS_OF_ACCOUNT_MAX:
            return f"the router works {ORDERS_OF_ACCOUNT_MAX} orders of an account in a shard at once"
        if isinstance(order.submitted.execution, EXITS):
            orders_max, what = ORDERS_MAX, "orders of a shard at once"
        else:
            orders_max, what = ORDERS_MAX - KEPT_FOR_EXITS, "orders of a shard at once, and keeps room for exits"
        return f"the router works {orders_max} {what}" if len(accounts) >= orders_max else None

    def _unreachable(self, order: EngineOrder) -> tuple[str, str] | None:
        venues = self._venues_of(order)
        if not venues:
            return "UNKNOWN_VENUE", "none of its venues is one of this engine"
        refusal = self._views.refusal(venues, order.submitted.account_id)
        return None if refusal is None else (refusal.code, refusal.text)

    async def _pause(self) -> None:
        """Until something happens or, while orders are worked, the next tick."""
        try:
            async with asyncio.timeout(TICK_S if self._working else None):
                await self._something.wait()
        except TimeoutError:
            return


def _told(answer: asyncio.Future[Answer]) -> None:
    """The state says what became of it; here only what never came into it."""
    if answer.cancelled():
        return
    error = answer.exception()
    if isinstance(error, Rejection):
        _LOG.error("a command of the router was refused: %s", error.message)
