"""The engine: its gateway, its relay, and sixteen shards that each follow their journal or serve."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

from breakwater.db.engine_connection import EnginePool, engine_pool
from breakwater.db.engine_market import ConfiguredVenue, read_instruments, write_venues
from breakwater.domain.orders import SIMULATED_VENUE
from breakwater.domain.shards import SHARDS
from breakwater.errors import Unavailable
from breakwater.tls import BadIdentity
from fargate_engine import aws
from fargate_engine.account_feed import AccountFeed
from fargate_engine.channels.callers import Callers
from fargate_engine.firm_exchange.control_plane import ControlPlane, Function
from fargate_engine.firm_exchange.exchange import FirmExchange, Platform
from fargate_engine.firm_exchange.foreign_uses import ForeignUses
from fargate_engine.firm_exchange.key_uses import KeyUses
from fargate_engine.firm_exchange.keys import Keys
from fargate_engine.gateway.peers import CONNECTIONS_MAX, Peers
from fargate_engine.gateway.routes import create_gateway
from fargate_engine.gateway.state import EngineState
from fargate_engine.gateway.tls import GatewayTls
from fargate_engine.gateway.tokens import fetch_public_key
from fargate_engine.leases import Leases
from fargate_engine.quotes import Quotes
from fargate_engine.relay import Relay
from fargate_engine.settings import Settings, StartFailed, read_address, read_conninfo
from fargate_engine.shard import Shard, Shared
from fargate_engine.snapshots import SnapshotStore
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.key_accounts import KeyAccounts
from fargate_engine.venues.listings import Listings
from fargate_engine.venues.market_feed import MarketFeed
from fargate_engine.venues.market_streams import MarketStreamsOfAll
from fargate_engine.venues.reconciler import Reconciler
from fargate_engine.venues.simulated import SimulatedVenue, check_recordings
from fargate_engine.venues.stored_credentials import credentials_from

_LOG = logging.getLogger(__name__)

START_ATTEMPTS_MAX = 120
START_RETRY_S = 1.0
SHUTDOWN_S = 2.0
STOP_S = 20.0  # For all shards together; ECS kills 30 s after it asked.
LAST_SNAPSHOTS_S = 4.0
QUESTIONS_AT_ONCE_MAX = 4  # Of clients, on connections of their own: orders and leases never wait for one.


async def run_engine(settings: Settings, told_to_stop: asyncio.Event) -> None:
    """Serve until told to stop, then let one shard go after the other. StartFailed, or what broke an invariant."""
    # The session last: until the gateway is closed it passes requests on to whoever took the shards over.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX)) as session:
        tls = GatewayTls(settings.certificate_arn) if settings.certificate_arn else None
        state = EngineState(settings.engine_id, Peers(session, tls, settings.name))
        venues = (SIMULATED_VENUE, *(each.name for each in settings.venues))
        exchanges = {name: FirmExchange(state, name) for name in venues}
        gateway = create_gateway(
            state,
            exchanges,
            is_behind_balancer=settings.is_behind_balancer,
            allowed_origins=settings.allowed_origins,
            asks_for_certificates=tls is not None,
        )
        runner = web.AppRunner(gateway, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            context = None if tls is None else await _unless(told_to_stop, _insist(lambda: _certificate(tls)))
            if told_to_stop.is_set():
                return
            await _listen(runner, settings, context)
            _LOG.info("engine %s listens on %s:%d", settings.engine_id, settings.host, settings.port)
            conninfo = await _unless(told_to_stop, _prepare(settings, state))
            if conninfo is not None:
                await _run(conninfo, settings, state, exchanges.values(), told_to_stop)
        finally:
            await runner.cleanup()


async def _certificate(tls: GatewayTls) -> ssl.SSLContext:
    try:
        return await tls.read()
    except BadIdentity as error:
        raise StartFailed(f"ENGINE_CERTIFICATE_ARN: {error}") from error


async def _listen(runner: web.AppRunner, settings: Settings, tls: ssl.SSLContext | None) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port, ssl_context=tls).start()
    except OSError as error:
        raise StartFailed(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error


async def _prepare(settings: Settings, state: EngineState) -> str:
    """Wait for what it cannot start without; where the database is."""
    state.starting_with = "the key of service tokens"
    state.tokens.public_key = await _insist(lambda: fetch_public_key(settings.service_token_key_id))
    state.starting_with = "its database"
    return await _insist(lambda: read_conninfo(settings))


async def _run(
    conninfo: str,
    settings: Settings,
    state: EngineState,
    exchanges: Collection[FirmExchange],
    told_to_stop: asyncio.Event,
) -> None:
    async with (
        engine_pool(conninfo) as pool,
        engine_pool(conninfo, QUESTIONS_AT_ONCE_MAX) as questions,
        asyncio.TaskGroup() as tasks,
    ):
        with _connected(exchanges, settings, questions, tasks):
            working = tasks.create_task(_work(conninfo, settings, state, pool, questions))
            await told_to_stop.wait()
            _LOG.info("told to stop")
            await _stop(state)
            working.cancel()


async def _work(conninfo: str, settings: Settings, state: EngineState, pool: EnginePool, questions: EnginePool) -> None:
    """For ever."""
    instruments = await _insist(lambda: read_instruments(pool))
    check_recordings(settings.market_recordings, instruments)
    state.instruments = tuple(instruments)
    address = await _insist(lambda: read_address(settings))
    state.snapshots = SnapshotStore(aws.client("s3"), settings.snapshot_bucket) if settings.snapshot_bucket else None
    state.feed = AccountFeed(questions)
    state.channels.pool, state.channels.feed = questions, state.feed
    state.channels.callers = Callers(
        settings.user_pool,
        questions,
        provider=settings.oidc_provider,
        second_factor_roles=settings.second_factor_roles,
    )
    state.relay = _relay(conninfo, settings, state.feed)
    fetch, listings, accounts = credentials_from(questions), Listings(), KeyAccounts(pool, settings.venues)
    configured = [ConfiguredVenue(each.name, each.exchange, each.taker_fee) for each in settings.venues]
    state.exchanges = [ExchangeConnection(venue, listings, fetch, accounts.of(venue)) for venue in settings.venues]
    await _insist(lambda: write_venues(pool, configured))
    state.leases = Leases(conninfo, pool, holder=settings.engine_id, address=address)
    shared = Shared(
        settings=settings,
        pool=pool,
        leases=state.leases,
        snapshots=state.snapshots,
        hub=state.hub,
        events_written=state.relay.wake if state.relay else lambda: None,
        exchanges=state.exchanges,
    )
    state.shards = tuple(Shard(number, shared) for number in range(SHARDS))

    def serving() -> Iterator[SimulatedVenue]:
        return (term.simulated for term in state.terms())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(state.leases.run())
        tasks.create_task(Quotes(pool, serving).run())
        tasks.create_task(state.hub.run())
        tasks.create_task(state.feed.run())
        tasks.create_task(state.channels.run())
        tasks.create_task(accounts.run())
        if state.relay is not None:
            tasks.create_task(state.relay.run())
        if state.peers.tls is not None:
            tasks.create_task(state.peers.tls.run())
        symbols = [instrument.symbol for instrument in instruments]
        streams = MarketStreamsOfAll(listings)
        for exchange in state.exchanges:
            tasks.create_task(exchange.run())
            tasks.create_task(MarketFeed(exchange, state.hub, instruments, streams.of(exchange.venue)).run())
            tasks.create_task(Reconciler(exchange, lambda: (term.state for term in state.terms()), symbols).run())
        for each in streams:
            tasks.create_task(each.run())
        for shard in state.shards:
            tasks.create_task(shard.run())


@contextmanager
def _connected(
    exchanges: Collection[FirmExchange], settings: Settings, questions: EnginePool, tasks: asyncio.TaskGroup
) -> Iterator[None]:
    """To what knows their clients; where that is not configured they show their markets only."""
    if not (settings.api_key_encryption_key_id and settings.orders_function and settings.queries_function):
        yield
        return
    uses, foreign = KeyUses(questions), ForeignUses(questions)
    keys = Keys(questions, encryption_key_id=settings.api_key_encryption_key_id, came_from_elsewhere=foreign.note)
    functions = {Function.ORDERS: settings.orders_function, Function.QUERIES: settings.queries_function}
    control_plane = ControlPlane(functions)
    for exchange in exchanges:
        exchange.connect(Platform(keys, uses, control_plane, questions))
    noting = [tasks.create_task(each.run()) for each in (uses, foreign)]
    try:
        yield
    finally:
        for task in noting:
            task.cancel()
        control_plane.close()  # Else the process would wait for all that is still to be asked.


async def _stop(state: EngineState) -> None:
    """One shard after the other, so that each is away for as short as can be: another engine takes it up at once.

    First those that only follow: they shall not take what another engine lets go at the same time.
    """
    state.is_stopping = True
    try:
        async with asyncio.timeout(STOP_S):
            for shard in sorted(state.shards, key=lambda shard: shard.term is not None):
                await shard.stop()
    except TimeoutError:
        _LOG.warning("not every shard was let go in time: their leases run out by themselves")
    if state.snapshots is not None:
        await state.snapshots.finish(LAST_SNAPSHOTS_S)


def _relay(conninfo: str, settings: Settings, feed: AccountFeed) -> Relay | None:
    if not settings.queue_url or not settings.event_bus:
        return None
    return Relay(
        conninfo,
        queue_url=settings.queue_url,
        event_bus=settings.event_bus,
        sqs=aws.client("sqs"),
        eventbridge=aws.client("events"),
        events_numbered=feed.wake,
    )


async def _unless[Result](told_to_stop: asyncio.Event, work: Awaitable[Result]) -> Result | None:
    """What the work gives; None when told to stop before it is done."""
    working, told = asyncio.ensure_future(work), asyncio.ensure_future(told_to_stop.wait())
    try:
        await asyncio.wait([working, told], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        told.cancel()


async def _insist[Result](attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Ask again while starting, for two minutes at the most."""
    for _ in range(START_ATTEMPTS_MAX):
        try:
            return await attempt()
        except Unavailable as error:
            _LOG.info("waiting: %s", error.message)
            await asyncio.sleep(START_RETRY_S)
    raise StartFailed("a dependency did not answer in time")
