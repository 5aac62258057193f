"""How the engine reaches Postgres: asynchronous connections whose every statement is its own transaction."""

import asyncio
import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from breakwater.db.conninfo import noticing_silence
from breakwater.db.failures import PASSING
from breakwater.errors import DatabaseUnavailable

EngineConnection = AsyncConnection[TupleRow]
EnginePool = AsyncConnectionPool[EngineConnection]

STATEMENT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 8  # Past the server's own limit: then the connection is dead and the outcome unknown.
POOL_SIZE_MIN = 2
POOL_SIZE_MAX = 8  # Sixteen shards share them: a commit takes milliseconds.
POOL_WAITING_MAX = 256
POOL_WAIT_S = 4
RECONNECT_S = 2  # Then whoever needs a connection asks anew; the pool itself would pause ever longer.
_SESSION_OPTIONS = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_S * 1000} -c lock_timeout=4000 "
    "-c idle_in_transaction_session_timeout=2000 -c synchronous_commit=on"
)


@asynccontextmanager
async def engine_connection(conninfo: str) -> AsyncIterator[EngineConnection]:
    """Open for as long as the block runs. DatabaseUnavailable when it cannot be had."""
    async with answered():
        connection = await AsyncConnection.connect(
            noticing_silence(conninfo), autocommit=True, options=_SESSION_OPTIONS, prepare_threshold=1
        )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def engine_pool(conninfo: str, connections_max: int = POOL_SIZE_MAX) -> AsyncIterator[EnginePool]:
    """Open for as long as the block runs. It opens at once and connects in the background: `pooled` waits for that."""
    pool = AsyncConnectionPool(
        noticing_silence(conninfo),
        connection_class=EngineConnection,
        kwargs={"autocommit": True, "options": _SESSION_OPTIONS, "prepare_threshold": 1},
        min_size=POOL_SIZE_MIN,
        max_size=connections_max,
        max_waiting=POOL_WAITING_MAX,
        timeout=POOL_WAIT_S,
        reconnect_timeout=RECONNECT_S,
        open=False,
    )
    async with pool:
        yield pool


@asynccontextmanager
async def pooled(pool: EnginePool) -> AsyncIterator[EngineConnection]:
    """One of the pool's connections. DatabaseUnavailable when none is free in time, and as `answered` says."""
    async with answered():
        connection = await _usable(pool)
        try:
            yield connection
        finally:
            await pool.putconn(connection)


@asynccontextmanager
async def answered() -> AsyncIterator[None]:
    """DatabaseUnavailable for whatever may pass: refused, lost, cancelled by its time-out, shutting down."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            yield
    except (*PASSING, TimeoutError) as error:
        raise DatabaseUnavailable("the database did not answer in time") from error


async def _usable(pool: EnginePool) -> EngineConnection:
    """Those that the server has closed while they rested are thrown out on the way; they often die together."""
    for _ in range(2 * POOL_SIZE_MAX):
        connection = await pool.getconn()
        if not _is_over(connection):
            return connection
        await connection.close()
        await pool.putconn(connection)
    raise psycopg.OperationalError("the server closes every connection")


def _is_over(connection: EngineConnection) -> bool:
    """Without asking the server: a connection that rests has something to read only when it was ended."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
