"""Who is not known yet takes nothing from those who are."""

import asyncio
import socket
import uuid
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from aiohttp import WSMsgType

from breakwater.db.connection import Database
from breakwater.db.engine_connection import pooled
from breakwater.domain.access_tokens import UserPool
from breakwater.domain.api_keys import KeyRates
from breakwater.domain.oauth import TokenRequest
from breakwater.domain.permissions import SESSION_SCOPE, Caller
from breakwater.errors import Unavailable
from breakwater.services.oauth_clients import create_client, revoke_client
from breakwater.services.oauth_tokens import issue_token, verify_client
from breakwater.services.sessions import Circumstances
from fargate_engine.channels import callers
from fargate_engine.channels import server as channel_server
from fargate_engine.channels.callers import Callers
from tests.integration.fargate_engine.channel_scene import Channels, bearer, channels
from tests.integration.fargate_engine.conftest import StartEngine
from tests.integration.identity.conftest import Firm, database, firm, session_of
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, token

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


async def test_questions_about_keys_take_nothing_from_the_journals_connections(
    start_engine: StartEngine, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is slow for every question about a key, so all connections that questions may have are held."""

    async def slowly(*_: object) -> None:
        await asyncio.sleep(5)

    monkeypatch.setattr(callers, "find_api_key", slowly)
    async with start_engine() as engine:

        async def invent() -> None:
            headers = {"Authorization": f"ApiKey bw_{uuid.uuid4().hex[:16]}_{'x' * 43}"}
            async with engine.session.get("/channels", headers=headers):
                pass

        inventing = [asyncio.create_task(invent()) for _ in range(channel_server.UNKNOWN_OF_ADDRESS_MAX)]
        await asyncio.sleep(0.5)
        told = {"tenant_id": str(firm.tenant_id), "account_id": str(firm.account.account_id)}
        async with asyncio.timeout(3):
            await engine.submit(**told)
        for task in inventing:
            task.cancel()
        await asyncio.wait(inventing, timeout=10)


async def test_a_session_is_shown_to_the_http_api_first_and_not_believed_once_it_has_ended(
    channels: Channels, firm: Firm, database: Database
) -> None:
    async def status(**claims: str) -> int:
        headers = {"Authorization": bearer(firm, **claims)}
        async with channels.session.get(channels.url, headers=headers) as response:
            return response.status

    assert await status(origin_jti="session-2") == 401
    assert await status() == 400  # It is believed, and asks for no WebSocket.
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.sessions.end(session_of(firm.trader).session_id, firm.trader.user_id, "somebody")
    assert await status() == 401


async def test_who_lacks_his_second_factor_hears_nothing(channels: Channels, firm: Firm) -> None:
    assert channels.server.callers is not None
    channels.server.callers._second_factor_roles = frozenset({"trader"})
    async with channels.session.get(channels.url, headers={"Authorization": bearer(firm)}) as response:
        assert response.status == 403


async def test_forged_tokens_take_no_threads_from_calls_to_aws(channels: Channels) -> None:
    """The issuer hears and does not answer, so each token that comes meanwhile waits for its keys."""
    assert channels.server.pool is not None
    with socket.create_server(("127.0.0.1", 0), backlog=64) as deaf:
        user_pool = UserPool(ISSUER, f"http://127.0.0.1:{deaf.getsockname()[1]}/keys", CLIENT_ID)
        believing = Callers(user_pool, channels.server.pool, timeout_s=1.5)
        waiting = [asyncio.create_task(believing.authenticate(f"Bearer {token()}")) for _ in range(64)]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(1):
            await asyncio.to_thread(int)  # As the relay sends to the queue.
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in answers} == {Unavailable}


async def test_a_clients_token_is_believed_until_its_client_is_revoked(
    channels: Channels, firm: Firm, database: Database
) -> None:
    admin, at = firm.admin, datetime.now(UTC)
    by = Caller(
        firm.tenant_id, admin.subject, admin.username, admin.role, frozenset({SESSION_SCOPE}), correlation_id="c"
    )
    with database.tenant_transaction(firm.tenant_id) as tx:
        made = create_client(
            by,
            tx,
            name="reports",
            user_id=firm.trader.user_id,
            scopes=["read"],
            ip_allow=[],
            expires_at=None,
            requests_per_minute_max=None,
            rates=KeyRates(),
            at=at,
        )
    request, circumstances = TokenRequest(made.client_id, made.client_secret, None), Circumstances(None, "c", at)
    client = verify_client(
        request,
        untenanted=database.untenanted_transaction,
        transactions=database.tenant_transaction,
        circumstances=circumstances,
    )
    with database.tenant_transaction(firm.tenant_id) as tx:
        bought = issue_token(request, client, tx, circumstances).access_token

    async def status(access_token: str) -> int:
        headers = {"Authorization": f"Bearer {access_token}"}
        async with channels.session.get(channels.url, headers=headers) as response:
            return response.status

    assert await status(bought) == 400  # It is believed, and asks for no WebSocket.
    assert [await status(each) for each in (bought[:-1], f"bwt_{'A' * 43}", made.client_secret)] == [401] * 3
    headers = {"Authorization": f"Bearer {bought}"}
    async with channels.session.ws_connect(channels.url, headers=headers) as socket:
        await socket.send_json({"action": "subscribe", "channel": "orders"})
        assert (await socket.receive_json(timeout=10))["type"] == "snapshot"
        with database.tenant_transaction(firm.tenant_id) as tx:
            revoke_client(by, tx, made.client_id, at=at)
        async with asyncio.timeout(5):
            while (await socket.receive()).type is WSMsgType.TEXT:
                continue
        assert socket.close_code == 4401
    assert await status(bought) == 401
