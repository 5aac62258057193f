"""The engine: its gateway, its relay, and one term of writing after another."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from breakwater.db.engine_market import read_instruments
from breakwater.errors import Unavailable
from fargate_engine import aws
from fargate_engine.gateway.routes import create_gateway
from fargate_engine.gateway.state import EngineState
from fargate_engine.gateway.tokens import fetch_public_key
from fargate_engine.relay import Relay
from fargate_engine.settings import Settings, StartFailed, read_conninfo
from fargate_engine.term import begin_term
from fargate_engine.venues.simulated import check_recordings

_LOG = logging.getLogger(__name__)

START_ATTEMPTS_MAX = 120
START_RETRY_S = 1.0
TERM_RETRY_S = 1.0
SHUTDOWN_S = 2.0


async def run_engine(settings: Settings) -> None:
    """Serve until cancelled. Raises StartFailed, Fenced, or whatever broke an invariant."""
    state = EngineState(settings.engine_id)
    runner = web.AppRunner(create_gateway(state), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await _listen(runner, settings)
        _LOG.info("engine %s listens on %s:%d", settings.engine_id, settings.host, settings.port)
        await _run(settings, state)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise StartFailed(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error


async def _run(settings: Settings, state: EngineState) -> None:
    state.waiting_for = "the key of service tokens"
    state.tokens.public_key = await _insist(lambda: fetch_public_key(settings.service_token_key_id))
    state.waiting_for = "its database"
    conninfo = await _insist(lambda: read_conninfo(settings))
    instruments = await _insist(lambda: read_instruments(conninfo))
    check_recordings(settings.market_recordings, instruments)
    async with asyncio.TaskGroup() as tasks:
        if settings.queue_url and settings.event_bus:
            state.relay = Relay(
                conninfo,
                queue_url=settings.queue_url,
                event_bus=settings.event_bus,
                sqs=aws.client("sqs"),
                eventbridge=aws.client("events"),
            )
            tasks.create_task(state.relay.run())
        tasks.create_task(_serve_terms(conninfo, settings, state))


async def _serve_terms(conninfo: str, settings: Settings, state: EngineState) -> None:
    """When the database is lost the term ends, its core is thrown away, and the next one replays what was committed.

    In the process and not by exiting: the gateway goes on to answer 503, and a supervisor's back-off is not waited for.
    """

    def standing_by() -> None:
        state.waiting_for = "the lease, which another engine holds"

    while True:
        try:
            state.waiting_for = "its database"
            async with begin_term(
                conninfo,
                settings,
                events_written=state.relay.wake if state.relay else lambda: None,
                standing_by=standing_by,
            ) as term:
                state.term = term
                state.waiting_for = "the market to open"
                _LOG.info("term begun after journal row %d", term.sequencer.last_seq)
                await term.serve()
        except* Unavailable as errors:
            _LOG.warning("term ended, the next one replays the journal: %s", errors.exceptions[0])
        finally:
            state.term = None
        await asyncio.sleep(TERM_RETRY_S)


async def _insist[Result](attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Ask again while starting, for two minutes at the most."""
    for _ in range(START_ATTEMPTS_MAX):
        try:
            return await attempt()
        except Unavailable as error:
            _LOG.info("waiting: %s", error.message)
            await asyncio.sleep(START_RETRY_S)
    raise StartFailed("a dependency did not answer in time")
