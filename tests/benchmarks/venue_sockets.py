"""What 400 sockets to exchanges cost one process: 200 private account streams, and 200 of market data that all readers
share, through the connections and feeds of the engine, against simulated exchanges in processes of their own.

Each account is a venue with its own key and client. Each symbol of an exchange has a socket for books and one for
trades, which all its venues share: of every exchange two venues have their markets in the hub. That a private stream
tells is tried with an order that is placed and cancelled; that a market moves is seen in the hub.

    python -m tests.benchmarks.venue_sockets                     (what `run` starts: the process that is measured)
    python -m tests.benchmarks.venue_sockets serve FIRST_KEY     (what that starts: an exchange with its accounts)
"""

import asyncio
import contextlib
import gc
import importlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any

import psutil
import uvloop
from aiohttp import web

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side, TimeInForce
from breakwater.errors import Unavailable
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.messages import VenueReport
from fargate_engine.simulated_exchange.accounts import PaperAccount
from fargate_engine.simulated_exchange.faults import Faults
from fargate_engine.simulated_exchange.paper_exchange import PaperExchange
from fargate_engine.simulated_exchange.server import create_server
from fargate_engine.simulated_exchange.switches import Chance
from fargate_engine.terms import WorkingTerms
from fargate_engine.venues.configuration import Credentials, VenueSettings
from fargate_engine.venues.dialect import NewOrder
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.followed import Followed
from fargate_engine.venues.listings import Listings
from fargate_engine.venues.market_feed import MarketFeed
from fargate_engine.venues.market_streams import MarketStreamsOfAll
from fargate_engine.venues.simulated import event_sources
from fargate_engine.venues.tracked_order import TrackedOrder
from tests.benchmarks.figures import Figure

PRIVATE = 200
SERVERS = 4
SYMBOLS = 25  # Of each, with two sockets: ccxt has 50 for an exchange.
SOCKETS = 2 * SERVERS * SYMBOLS
FEEDS = 2 * SERVERS  # Two venues of each.
MARKETS = FEEDS * SYMBOLS
AT_ONCE = 10  # That connect.
SPEED = 0.2  # Of the markets: with ccxt a core carries some sixty books at full speed, and memory is what is measured.
SECONDS = 10.0
READY_S, HEARD_S = 60.0, 10.0
TRIES_MAX = 3
TIMEOUT_S = 400
MIB_GOAL = 1_536
LISTED = 2_000  # Symbols that the exchange lists, as a real one does: each client knows them all.
SECRET = "paper-secret"
FIRST_KEY = 0xFACADE00
ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
OTHERS = tuple(
    Instrument(f"C{number}/USDT", f"C{number}", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
    for number in range(LISTED - 1)
)
INSTRUMENTS = (ETH, *OTHERS[: SYMBOLS - 1])
FAR_BELOW = Decimal("1000.00")


def run() -> list[Figure]:
    command = [sys.executable, "-m", "tests.benchmarks.venue_sockets"]
    measured = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S).stdout)
    return [
        Figure(
            f"memory of a process with {PRIVATE} private and {SOCKETS} market sockets, {LISTED:,} symbols listed",
            f"< {MIB_GOAL / 1024:.1f} GiB, every socket tells",
            None,
            None,
            f"{measured['rss_mib']:.0f} MiB, {measured['before_mib']:.0f} of them before the first, and "
            f"{measured['grown_mib']:+.1f} MiB in {SECONDS:.0f} s; {measured['private']} private sockets heard of an "
            f"order, {measured['market']} of markets brought {measured['updates_a_second']:,.0f} changes of books/s to "
            f"{measured['moving']} markets; {measured['cpu_percent']:.0f} % of a core",
            measured["rss_mib"] < MIB_GOAL
            and (measured["private"], measured["market"], measured["moving"]) == (PRIVATE, SOCKETS, MARKETS),
        )
    ]


# The process that is measured -----------------------------------------------------------------------------------------


class _Heard:
    """The orders that the private streams have told the end of."""

    def __init__(self) -> None:
        self.ended: set[str] = set()

    def take(self, followed: Followed, reports: Sequence[VenueReport]) -> None:
        if followed.order.is_over:
            self.ended.add(followed.order.client_id)


async def _measure() -> dict[str, float]:
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(_exchange(number)) for number in range(SERVERS)]
        hub, listings = MarketHub(), Listings()
        running = await stack.enter_async_context(_running())
        connections: list[ExchangeConnection] = []
        await asyncio.to_thread(importlib.import_module, "ccxt.pro")
        before_mib = _rss_mib()
        for first in range(0, PRIVATE, AT_ONCE):
            some = [_connection(number, urls[number % SERVERS], listings) for number in range(first, first + AT_ONCE)]
            for each in some:
                running.append(asyncio.create_task(each.run()))
            await _until(lambda some=some: all(each.is_ready for each in some), READY_S)  # type: ignore[misc]
            connections += some
        streams = MarketStreamsOfAll(listings)
        for connection in connections[:FEEDS]:
            feed = MarketFeed(connection, hub, INSTRUMENTS, streams.of(connection.venue))
            running.append(asyncio.create_task(feed.run()))
        running += [asyncio.create_task(each.run()) for each in streams]
        await _until(lambda: len(hub) == MARKETS and all(market.update_id > 0 for market in hub), READY_S)
        heard = 0
        for first in range(0, PRIVATE, AT_ONCE):
            heard += sum(await asyncio.gather(*(_hears(each) for each in connections[first : first + AT_ONCE])))
        watched = await _watch(hub)
        return {
            "before_mib": before_mib,
            "private": heard,
            "market": sum(len(each.client.sockets) for each in streams),
        } | watched


async def _watch(hub: MarketHub) -> dict[str, float]:
    process, rss_mib = psutil.Process(), _rss_mib()
    cpu_s, began = sum(process.cpu_times()[:2]), time.monotonic()
    ids = {market: market.update_id for market in hub}
    await asyncio.sleep(SECONDS)
    took_s = time.monotonic() - began
    moved = [market.update_id - ids[market] for market in hub]
    cpu_s = sum(process.cpu_times()[:2]) - cpu_s
    after_mib = _rss_mib()
    return {
        "rss_mib": after_mib,
        "grown_mib": after_mib - rss_mib,
        "updates_a_second": sum(moved) / took_s,
        "moving": sum(each > 0 for each in moved),
        "cpu_percent": cpu_s / took_s * 100,
    }


def _rss_mib() -> float:
    gc.collect()
    rss: int = psutil.Process().memory_info().rss
    return rss / 2**20


async def _hears(connection: ExchangeConnection) -> bool:
    """Whether the private stream tells of an order that was placed and cancelled: nobody else is listened to."""
    for _ in range(TRIES_MAX):
        try:
            if await _hears_of_one(connection):
                return True
        except Unavailable as error:
            print(f"{connection.name}: {error.message}", file=sys.stderr)
    return False


async def _hears_of_one(connection: ExchangeConnection) -> bool:
    heard = _Heard()
    terms = WorkingTerms(
        order_id=uuid.uuid4(),
        account_id=uuid.UUID(int=1),
        symbol=ETH.symbol,
        side=Side.BUY,
        quantity_lots=ETH.quantity_lots(Decimal(1)),
        limit_ticks=ETH.price_ticks(FAR_BELOW),
        low_ticks=1,
        high_ticks=ETH.price_ticks(FAR_BELOW),
        time_in_force=TimeInForce.GTC,
        post_only=False,
        is_market=False,
    )
    order = TrackedOrder.new(terms, ETH)
    connection.remember(Followed(order, heard.take, never_after=0.0, is_sent=True))
    new = NewOrder(order.client_id, ETH.symbol, Side.BUY, Decimal(1), FAR_BELOW, TimeInForce.GTC, post_only=False)
    await connection.client.place(new, lambda: True)
    await connection.client.cancel(order.client_id, ETH.symbol)
    with contextlib.suppress(TimeoutError):
        await _until(lambda: order.client_id in heard.ended, HEARD_S)
    connection.forget(terms.order_id)
    return order.client_id in heard.ended


def _connection(number: int, base_url: str, listings: Listings) -> ExchangeConnection:
    async def fetch(_: VenueSettings) -> Credentials:
        return Credentials(f"{FIRST_KEY + number:x}", SECRET)

    venue = VenueSettings(name=f"V{number}", exchange="binance", credentials="x", base_url=base_url)
    return ExchangeConnection(venue, listings, fetch)


async def _until(holds: Callable[[], bool], timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _running() -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that never end by themselves. One that did is raised."""
    tasks: list[asyncio.Task[None]] = []
    try:
        yield tasks
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def _exchange(number: int) -> AsyncIterator[str]:
    """Its URL. It has every SERVERS-th of the accounts."""
    command = [sys.executable, "-m", "tests.benchmarks.venue_sockets", "serve", str(number)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        async with asyncio.timeout(READY_S):
            port = await asyncio.to_thread(server.stdout.readline)
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        server.kill()
        server.communicate(timeout=READY_S)


# An exchange ----------------------------------------------------------------------------------------------------------


class _Listing(PaperExchange):
    """Lists many symbols more than it trades."""

    def __init__(self, *told: Any, speed: float) -> None:
        super().__init__(*told, speed=speed)
        self._listed = (*super().instruments(), *OTHERS[SYMBOLS - 1 :])

    def instruments(self) -> Sequence[Instrument]:
        return self._listed


async def _serve(number: int) -> None:
    """Until its standard input ends, also when whoever started it was killed."""
    keys = range(FIRST_KEY + number, FIRST_KEY + PRIVATE, SERVERS)
    accounts = [PaperAccount.holding(f"{key:x}", SECRET, {"USDT": Decimal(1_000_000)}) for key in keys]
    chance = Chance()
    exchange = _Listing(INSTRUMENTS, event_sources((), INSTRUMENTS), accounts, chance, speed=SPEED)
    async with _running() as running:
        running.append(asyncio.create_task(exchange.run()))
        await exchange.opened()
        runner = web.AppRunner(create_server(exchange, chance, Faults(chance)), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(_serve(int(sys.argv[2])))
    else:
        print(json.dumps(uvloop.run(_measure())))
