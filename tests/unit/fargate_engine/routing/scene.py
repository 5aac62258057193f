"""A shard with a router, two venues whose books the test shows, and a journal to restart from."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, cast

import orjson

from breakwater.domain.executions import ROUTER_VENUE, Execution
from breakwater.domain.orders import OrderSnapshot, SubmitOrder
from events.envelope import EnvelopeDocument
from fargate_engine.inbox import Inbox
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.l2_book import DepthSnapshot, MarketTrade
from fargate_engine.market_data.market import Market
from fargate_engine.messages import CancelOrder, VenueReport
from fargate_engine.orders import EngineOrder
from fargate_engine.routing.router import Router
from fargate_engine.sequencer import Sequencer
from fargate_engine.shard_state import ShardState
from fargate_engine.terms import Reason, WorkingTerms
from fargate_engine.venues.protocol import OrderVenue, VenueInstrument
from fargate_engine.venues.simulated_market import SimulatedMarket
from tests.support.engine_words import snapshot_in_state
from tests.support.exchange_scene import Journal
from tests.unit.fargate_engine.orders import ETH, TENANT, submit

Levels = tuple[tuple[int, int], ...]
PARENT = submit(1).order_id


class PaperVenue:
    """A SimulatedMarket whose book the test shows. It answers at once, or when the test lets it."""

    def __init__(self, name: str, inbox: Inbox, hub: MarketHub, fee: str) -> None:
        self.name = name
        self.market = SimulatedMarket(ETH)
        self.shown: Market = hub.open(name, ETH)
        self.is_listed = True
        self.sent: list[WorkingTerms] = []
        self.held_back: list[VenueReport] | None = None
        self._inbox = inbox
        self._fee = Decimal(fee)

    def show(self, *, bids: Levels = (), asks: Levels = ()) -> None:
        event = DepthSnapshot(bids, asks)
        self.shown.apply(event, time.time_ns())
        self._tell(self.market.apply(event))

    def trade(self, taker: Any, price_ticks: int, lots: int) -> None:
        event = MarketTrade(taker, price_ticks, lots)
        self.shown.apply(event, time.time_ns())
        self._tell(self.market.apply(event))

    def submit(self, terms: WorkingTerms) -> None:
        self.sent.append(terms)
        self._tell(self.market.submit(terms))

    def cancel(self, order_id: uuid.UUID, symbol: str) -> None:
        self._tell(self.market.cancel(order_id))

    def cancel_all(self, order_ids: Sequence[uuid.UUID], symbol: str) -> None:
        for order_id in order_ids:
            self.cancel(order_id, symbol)

    def restore(self, order: EngineOrder) -> None:
        """It is a venue of its own: a restart of the engine changes nothing here."""

    def refusal(self, account_id: uuid.UUID) -> Reason | None:
        return None

    def listed(self, symbol: str) -> VenueInstrument | None:
        fees = {"taker_fee": self._fee, "maker_fee": self._fee}
        return VenueInstrument(symbol, ETH.tick_size, ETH.lot_size, **fees) if self.is_listed else None

    @property
    def latency_ms(self) -> float:
        return 0.0

    def hold_back(self) -> None:
        self.held_back = []

    def let_go(self) -> None:
        reports, self.held_back = self.held_back or [], None
        self._tell(reports)

    def connect(self, inbox: Inbox, hub: MarketHub) -> None:
        """To the engine after a restart."""
        self._inbox, shown = inbox, self.shown
        self.shown = hub.open(self.name, ETH)
        self.shown.apply(DepthSnapshot(shown.state().bids, shown.state().asks), time.time_ns())

    def _tell(self, reports: list[VenueReport]) -> None:
        if self.held_back is not None:
            self.held_back += reports
            return
        for report in reports:
            self._inbox.report(report)


class Scene:
    """`restarted` ends the engine without a word, and reads its journal."""

    def __init__(self, journal: Journal | None = None, venues: dict[str, PaperVenue] | None = None) -> None:
        self.journal = journal or Journal()
        self.state = ShardState(0)
        for row in self.journal.rows:
            self.state.replay(row)
        self.inbox, self.hub = Inbox(), MarketHub()
        self.venues = venues or {
            "A": PaperVenue("A", self.inbox, self.hub, "0.001"),
            "B": PaperVenue("B", self.inbox, self.hub, "0.001"),
        }
        for venue in venues.values() if venues else ():
            venue.connect(self.inbox, self.hub)
        self.a, self.b = self.venues["A"], self.venues["B"]
        sent_to = cast(dict[str, OrderVenue], dict(self.venues))
        self.router = Router(self.state, self.inbox, self.hub, sent_to)
        self.state.venues = {"BOOK", ROUTER_VENUE, *self.venues}
        self.sequencer = Sequencer(
            self.state,
            self.inbox,
            self.journal,
            {**sent_to, ROUTER_VENUE: self.router},
            events_written=lambda: None,
            router=self.router,
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Scene"]:
        await self.sequencer.list_instruments([ETH])
        tasks = [asyncio.create_task(each) for each in (self.router.run(), self._serve())]
        for order in self.state.open_orders():
            if order.submitted.venue == ROUTER_VENUE:
                self.router.restore(order)
        self.inbox.open()
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    def restarted(self) -> "Scene":
        return Scene(self.journal, self.venues)

    async def place(self, execution: Execution, **changes: Any) -> None:
        await self.ask(submit(1, **{"venue": ROUTER_VENUE, "execution": execution} | changes))

    async def ask(self, message: SubmitOrder | CancelOrder) -> None:
        async with asyncio.timeout(5):
            await self.inbox.ask(message)

    async def cancel(self, order_id: uuid.UUID = PARENT) -> None:
        await self.ask(CancelOrder(order_id=order_id, tenant_id=TENANT))

    @property
    def parent(self) -> OrderSnapshot:
        return snapshot_in_state(self.state, PARENT)

    @property
    def children(self) -> list[EngineOrder]:
        """Those that are open."""
        return list(self.state.registry.children_of(PARENT))

    def told(self, topic: str) -> list[dict[str, Any]]:
        """The payloads of its events, as JSON has them."""
        return [orjson.loads(orjson.dumps(each["payload"])) for each in self._events(topic)]

    def _events(self, topic: str) -> Iterator[EnvelopeDocument]:
        return (each for each in self.journal.events if each["topic"] == topic)

    async def _serve(self) -> None:
        while True:
            await self.sequencer.run_batch()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)
    assert condition()
