"""A shard whose router works orders at two simulated exchanges over real sockets, and in the engine's own book."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.orders import SubmitOrder
from fargate_engine.inbox import Inbox
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.orders import EngineOrder
from fargate_engine.routing.router import Router
from fargate_engine.sequencer import Sequencer
from fargate_engine.shard_state import ShardState
from fargate_engine.venues.exchange import ExchangeVenue
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.protocol import OrderVenue
from tests.support.exchange_scene import (
    Journal,
    Simulated,
    background,
    connected,
    fed,
    heard,
    simulated_exchange,
    until,
)
from tests.unit.fargate_engine.orders import ETH

NAMES = ("FIRST", "SECOND")


@asynccontextmanager
async def two_exchanges(*, speed: float, seed: int) -> AsyncIterator[tuple[dict[str, Simulated], "Markets"]]:
    """Of the same market at two paces, connected, and their market data in one hub."""
    async with AsyncExitStack() as stack:
        there = {
            name: await stack.enter_async_context(simulated_exchange(speed=speed * (1 + number), seed=seed + number))
            for number, name in enumerate(NAMES)
        }
        connections = [
            await stack.enter_async_context(connected(each.base_url, name=name)) for name, each in there.items()
        ]
        hub = MarketHub()
        await stack.enter_async_context(fed(hub, connections))
        await until(lambda: all(_shows(hub, name) for name in NAMES))
        yield there, Markets(connections, hub)


class Markets:
    """What outlives a shard: the process's connections and its market data."""

    def __init__(self, connections: Sequence[ExchangeConnection], hub: MarketHub) -> None:
        self.connections = connections
        self.hub = hub


class RoutedShard:
    """One life of a shard: the end of `served` kills it, and the next one reads the journal."""

    def __init__(self, markets: Markets, journal: Journal) -> None:
        self.journal = journal
        self.state = ShardState(0)
        for row in journal.rows:
            self.state.replay(row)
        self.inbox = Inbox()
        instruments = {ETH.symbol: ETH}
        self.venues: dict[str, OrderVenue] = {
            each.name: ExchangeVenue(each, self.inbox, instruments, lambda: True) for each in markets.connections
        }
        self.router = Router(self.state, self.inbox, markets.hub, dict(self.venues))
        self.venues[ROUTER_VENUE] = self.router
        self.state.venues = {"BOOK", *self.venues}
        self.sequencer = Sequencer(
            self.state, self.inbox, journal, self.venues, events_written=lambda: None, router=self.router
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator["RoutedShard"]:
        """As a term does (fargate_engine/term.py)."""
        await self.sequencer.list_instruments([ETH])
        async with background(*(venue.run() for venue in self.venues.values()), self._serve()):
            for venue in self.venues.values():
                await venue.opened()
            for order in self.state.open_orders():
                if order.submitted.venue in self.venues:
                    self.venues[order.submitted.venue].restore(order)
            self.inbox.open()
            yield self

    def submit(self, order: SubmitOrder) -> None:
        self.inbox.ask(order).add_done_callback(heard)

    def children(self) -> list[EngineOrder]:
        """Of all orders, those that are open."""
        return [each for each in self.state.open_orders() if each.parent_id is not None]

    async def _serve(self) -> None:
        while True:
            await self.sequencer.run_batch()


def _shows(hub: MarketHub, name: str) -> bool:
    market = hub.get(name, ETH.symbol)
    return market is not None and market.update_id > 0
