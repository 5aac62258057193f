"""How the engine reaches Postgres: asynchronous connections whose every statement is its own transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from breakwater.db.conninfo import noticing_silence
from breakwater.db.failures import PASSING
from breakwater.errors import DatabaseUnavailable

EngineConnection = AsyncConnection[TupleRow]

STATEMENT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 8  # Past the server's own limit: then the connection is dead and the outcome unknown.
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
async def answered() -> AsyncIterator[None]:
    """DatabaseUnavailable for whatever may pass: refused, lost, cancelled by its time-out, shutting down."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            yield
    except (*PASSING, TimeoutError) as error:
        raise DatabaseUnavailable("the database did not answer in time") from error
