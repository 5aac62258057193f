"""A shard with a real sequencer and state, whose venue PAPER is the simulated exchange over real sockets."""

import asyncio
import contextlib
import importlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import web

from breakwater.db.journal import GENESIS_DIGEST, JournalRow
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrderSnapshot, ReplaceOrder, SubmitOrder
from events.envelope import EnvelopeDocument
from fargate_engine.inbox import Inbox
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.messages import CancelOrder
from fargate_engine.sequencer import Sequencer
from fargate_engine.shard_state import ShardState
from fargate_engine.simulated_exchange.accounts import PaperAccount, PaperOrder
from fargate_engine.simulated_exchange.faults import Faults
from fargate_engine.simulated_exchange.paper_exchange import PaperExchange
from fargate_engine.simulated_exchange.server import create_server
from fargate_engine.simulated_exchange.switches import Chance, Switches
from fargate_engine.venues.client_ids import order_id_of
from fargate_engine.venues.configuration import Credentials, VenueSettings
from fargate_engine.venues.exchange import ExchangeVenue
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.listings import Listings
from fargate_engine.venues.market_client import MarketClient
from fargate_engine.venues.market_feed import MarketFeed
from fargate_engine.venues.market_streams import MarketStreams
from fargate_engine.venues.simulated import event_sources
from tests.support.engine_words import snapshot_in_state
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, replace_of

VENUE = "PAPER"
KEY, SECRET = "facade00", "paper-secret"
BALANCES = {"USDT": Decimal(1_000_000), "ETH": Decimal(1_000)}


@dataclass
class Simulated:
    """The exchange, and what can be done to it."""

    exchange: PaperExchange
    chance: Chance
    faults: Faults
    base_url: str

    @property
    def account(self) -> PaperAccount:
        return self.exchange.accounts[KEY]

    def order(self, order_id: uuid.UUID) -> PaperOrder | None:
        """The newest, where it was replaced by another one."""
        named = [each for name, each in self.account.by_client_id.items() if order_id_of(name) == order_id]
        return max(named, key=lambda each: each.number, default=None)

    def switch(self, **switches: Any) -> None:
        self.chance.switches = Switches(**switches)


@asynccontextmanager
async def simulated_exchange(
    *, speed: float = 20.0, seed: int = 0, instruments: Sequence[Instrument] = (ETH,)
) -> AsyncIterator[Simulated]:
    chance = Chance(seed)
    faults = Faults(chance)
    account = PaperAccount.holding(KEY, SECRET, BALANCES)
    exchange = PaperExchange(instruments, event_sources((), instruments), [account], chance, speed=speed)
    runner = web.AppRunner(create_server(exchange, chance, faults), access_log=None, shutdown_timeout=0.1)
    async with background(exchange.run(), faults.run()):
        await exchange.opened()
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield Simulated(exchange, chance, faults, f"http://127.0.0.1:{port}")
        finally:
            await runner.cleanup()


def settings(base_url: str, **changes: Any) -> VenueSettings:
    told = {"name": VENUE, "exchange": "binance", "credentials": "x", "base_url": base_url, "accounts": {ACCOUNT}}
    return VenueSettings(**told | changes)


@asynccontextmanager
async def connected(
    base_url: str,
    *,
    secret: str = SECRET,
    wait: bool = True,
    exchange: str = "binance",
    name: str = VENUE,
    listings: Listings | None = None,
) -> AsyncIterator[ExchangeConnection]:
    # Many seconds on a busy machine, once in a process: not of the time in which a venue has to be reached.
    await asyncio.to_thread(importlib.import_module, "ccxt.pro")

    async def fetch(_: VenueSettings) -> Credentials:
        return Credentials(KEY, secret)

    connection = ExchangeConnection(
        settings(base_url, exchange=exchange, name=name), Listings() if listings is None else listings, fetch
    )
    async with background(connection.run()):
        if wait:
            await until(lambda: connection.is_ready)
        yield connection


@asynccontextmanager
async def fed(
    hub: MarketHub, connections: Sequence[ExchangeConnection], instruments: Sequence[Instrument] = (ETH,)
) -> AsyncIterator[MarketStreams]:
    """The markets of these venues in the hub; the streams of the first one's exchange."""
    streams: dict[Any, MarketStreams] = {}
    for each in connections:
        client = MarketClient(each.venue, each.client.listing)
        streams.setdefault(each.venue.place, MarketStreams(client))
    feeds = [MarketFeed(each, hub, instruments, streams[each.venue.place]) for each in connections]
    async with background(*(each.run() for each in streams.values()), *(each.run() for each in feeds)):
        yield streams[connections[0].venue.place]


class Journal:
    """A list, written when the test lets it: what the database keeps."""

    def __init__(self) -> None:
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.epoch = 1
        self.digest = GENESIS_DIGEST
        self.rows: list[JournalRow] = []
        self.events: list[EnvelopeDocument] = []

    async def append(
        self, row: JournalRow, events: Sequence[EnvelopeDocument], *, second: JournalRow | None = None
    ) -> None:
        await self.may_write.wait()
        self.rows += [row] if second is None else [row, second]
        self.events += events
        self.digest = self.rows[-1].digest


@dataclass
class Shard:
    """One life of a shard: `killed` ends it, and the next one reads the journal."""

    connection: ExchangeConnection
    journal: Journal = field(default_factory=Journal)
    may_send: bool = True

    def __post_init__(self) -> None:
        self.state = ShardState(0)
        for row in self.journal.rows:
            self.state.replay(row)
        self.state.venues = self.state.replacing_venues = {"BOOK", VENUE}
        self.inbox = Inbox()
        self.venue = ExchangeVenue(self.connection, self.inbox, {ETH.symbol: ETH}, lambda: self.may_send)
        self.sequencer = Sequencer(
            self.state, self.inbox, self.journal, {VENUE: self.venue}, events_written=lambda: None
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Shard"]:
        await self.sequencer.list_instruments([ETH])
        async with background(self.venue.run(), self._serve()):
            await self.venue.opened()
            for order in self.state.open_orders():
                if order.submitted.venue == VENUE:
                    self.venue.restore(order)
            self.inbox.open()
            yield self

    def submit(self, order: SubmitOrder) -> None:
        self.inbox.ask(order).add_done_callback(heard)

    def cancel(self, order_id: uuid.UUID) -> None:
        self.inbox.ask(CancelOrder(order_id=order_id, tenant_id=TENANT)).add_done_callback(heard)

    def replace(self, asked: ReplaceOrder) -> None:
        self.inbox.ask(asked).add_done_callback(heard)

    async def rest(self, order: SubmitOrder) -> None:
        """Submit it, and wait until it rests."""
        self.submit(order)
        await until(self.has(order.order_id, "NEW"))

    async def replaced(self, order: SubmitOrder, terms: tuple[str, str], *, number: int = 1) -> None:
        """Ask for quantity and price, and wait until that is decided."""
        self.replace(new_terms(order, *terms, number=number))
        await until(self.decided(order.order_id, number))

    def snapshot(self, order_id: uuid.UUID) -> OrderSnapshot:
        return snapshot_in_state(self.state, order_id)

    def has(self, order_id: uuid.UUID, *statuses: str) -> Callable[[], bool]:
        """Whether the engine has the order in one of these."""
        return lambda: self.state.knows(order_id) and self.snapshot(order_id).status in statuses

    def decided(self, order_id: uuid.UUID, number: int = 1) -> Callable[[], bool]:
        """Whether its replace of this number is."""
        return lambda: (self.snapshot(order_id).replace_no or 0) >= number

    def terms(self, order_id: uuid.UUID) -> tuple[str, str, int | None]:
        """Quantity, price, and the number of the replace whose terms these are."""
        snapshot = self.snapshot(order_id)
        return (str(snapshot.quantity), str(snapshot.price), snapshot.terms_no)

    async def _serve(self) -> None:
        while True:
            await self.sequencer.run_batch()


def new_terms(order: SubmitOrder, quantity: str, price: str, *, number: int = 1) -> ReplaceOrder:
    """The order's replace of this number, within a band that does not bind."""
    return replace_of(order.order_id, quantity, price, number=number)


async def until(holds: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def background(*work: Any) -> AsyncIterator[None]:
    """Cancelled at the end; what failed meanwhile is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
                task.result()


def heard(answer: asyncio.Future[Any]) -> None:
    """Nobody waits for it here: the state tells."""
    if not answer.cancelled():
        answer.exception()
