"""What a lease's keeper says when the lease is gone already."""

import pytest
from psycopg_pool import AsyncConnectionPool

from breakwater.db.engine_connection import EngineConnection
from breakwater.db.journal import Fenced
from fargate_engine.leases import Leases


async def test_a_lease_that_was_lost_meanwhile_is_not_given_back_but_fenced() -> None:
    pool: AsyncConnectionPool[EngineConnection] = AsyncConnectionPool(open=False)  # It must not come to a statement.
    leases = Leases("", pool, holder="engine", address="127.0.0.1:1")
    with pytest.raises(Fenced, match="shard 3"):
        await leases.release(3)
