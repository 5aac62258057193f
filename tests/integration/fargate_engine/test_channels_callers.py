"""Who is not known yet takes nothing from those who are."""

import asyncio
import uuid
from collections import Counter
from contextlib import AsyncExitStack

import aiohttp
import pytest

from breakwater.db.engine_connection import pooled
from fargate_engine.channels import server as channel_server
from tests.integration.fargate_engine.conftest import StartEngine
from tests.integration.fargate_engine.test_channels import Channels, channels, database, firm
from tests.integration.identity.conftest import Firm

__all__ = ["channels", "database", "firm"]  # Fixtures.


async def test_callers_of_one_address_that_are_not_known_yet_are_few(
    channels: Channels, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question waits for a connection that is lent to nobody, so all that are let in stay."""
    monkeypatch.setattr(channel_server, "UNKNOWN_OF_ADDRESS_MAX", 3)

    async def status(number: int) -> int:
        headers = {"Authorization": f"ApiKey bw_{number:016x}_{'x' * 43}"}
        async with channels.session.get(channels.url, headers=headers) as response:
            return response.status

    async with AsyncExitStack() as lent:
        assert channels.server.pool is not None
        for _ in range(channels.server.pool.max_size):
            await lent.enter_async_context(pooled(channels.server.pool))
        waiting = [asyncio.create_task(status(number)) for number in range(3)]
        async with asyncio.timeout(10):
            while channels.server._unknown_of_address.total() < 3:
                await asyncio.sleep(0.01)
        assert await status(3) == 429
        monkeypatch.setattr(channel_server, "UNKNOWN_MAX", 3)
        assert await status(4) == 503
    assert await asyncio.gather(*waiting) == [401] * 3
    assert channels.server._unknown_of_address.total() == 0
    async with channels.connect(firm) as client:
        assert (await client.ask("ping"))["type"] == "pong"


async def test_invented_keys_take_nothing_from_the_journals_connections(
    start_engine: StartEngine, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All connections for questions are held, as by a flood of keys, and orders are taken as before."""
    monkeypatch.setattr(channel_server, "UNKNOWN_OF_ADDRESS_MAX", 400)
    monkeypatch.setattr(channel_server, "UNKNOWN_MAX", 400)
    answers: Counter[int] = Counter()
    async with start_engine() as engine:

        async def invent() -> None:
            while True:
                headers = {"Authorization": f"ApiKey bw_{uuid.uuid4().hex[:16]}_{'x' * 43}"}
                async with flood.get("/channels", headers=headers) as response:
                    answers[response.status] += 1

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(engine.session._base_url, connector=connector) as flood:
            inventing = [asyncio.create_task(invent()) for _ in range(400)]
            await asyncio.sleep(1)
            told = {"tenant_id": str(firm.tenant_id), "account_id": str(firm.account.account_id)}
            for number in range(5):
                await engine.submit(client_order_id=f"client-{number}", **told)
            for task in inventing:
                task.cancel()
            await asyncio.wait(inventing, timeout=10)
        assert set(answers) <= {401, 503}
        assert answers[401] > 0
