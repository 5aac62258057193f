"""The WebSocket channels: who hears what."""

import asyncio
import uuid
from datetime import UTC, datetime

import psycopg
import uvloop

from breakwater.db.connection import Database
from breakwater.domain.access_tokens import UserPool
from breakwater.domain.orders import Side
from breakwater.services.api_keys import revoke_api_key
from fargate_engine.market_data.l2_book import DepthDiff, MarketTrade
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.channel_scene import (
    MARKET,
    Channels,
    Client,
    bearer,
    channels,
    make_api_key,
    person,
    tell,
)
from tests.integration.fargate_engine.conftest import StartEngine
from tests.integration.identity.conftest import Firm, database, firm, make_firm
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, served_jwk_set

__all__ = ["channels", "database", "firm"]  # Fixtures.


async def test_a_market_begins_with_its_book_and_goes_on_without_a_gap(channels: Channels, firm: Firm) -> None:
    async with channels.connect(firm) as client:
        snapshot = await client.ask("subscribe", **MARKET)
        assert (snapshot["type"], snapshot["sequence"], snapshot["venue"]) == ("snapshot", 1, "SIM")
        assert (snapshot["bids"], snapshot["asks"]) == ([["1.00", "0.0005"], ["0.99", "0.0007"]], [["1.01", "0.0004"]])
        sequence = snapshot["sequence"]
        for lots in range(1, 6):
            channels.market.apply(DepthDiff(bids=((100, lots),), asks=()), 2_000_000_000)
            update = await client.hear("update")
            assert update["previous_sequence"] == sequence
            sequence = update["sequence"]
        assert (update["bids"], sequence) == ([["1.00", "0.0005"]], 6)
        channels.market.apply(MarketTrade(Side.BUY, 101, 2), 3_000_000_000)
        trades = await client.hear("trades")
        assert (trades["lost"], trades["trades"][0]["price"], trades["trades"][0]["taker"]) == (0, "1.01", "BUY")


async def test_who_listens_no_more_hears_nothing_and_a_market_that_goes_says_so(channels: Channels, firm: Firm) -> None:
    async with channels.connect(firm) as client:
        await client.ask("subscribe", **MARKET)
        assert (await client.ask("unsubscribe", **MARKET))["type"] == "unsubscribed"
        channels.market.apply(DepthDiff(bids=((100, 9),), asks=()), 2_000_000_000)
        assert (await client.ask("unsubscribe", **MARKET))["code"] == "NOT_FOUND"
        await client.ask("subscribe", **MARKET)
        channels.hub.close("SIM", "ETH/USDT")
        assert (await client.hear("closed"))["symbol"] == "ETH/USDT"
        assert (await client.ask("subscribe", **MARKET))["code"] == "NOT_FOUND"


async def test_orders_begin_with_a_snapshot_and_a_client_that_was_away_gets_what_it_missed(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    tell(database_urls.admin, firm, account_id)
    async with channels.connect(firm) as client:
        snapshot = await client.ask("subscribe", channel="orders")
        assert (snapshot["type"], snapshot["sequence"], snapshot["items"]) == ("snapshot", 1, [])
        tell(database_urls.admin, firm, account_id)
        update = await client.hear("update")
        assert (update["previous_sequence"], update["sequence"]) == (1, 2)
        assert update["event"]["topic"] == "orders.OrderAccepted.v1"
    tell(database_urls.admin, firm, account_id, "limits.LimitBreached.v1")
    tell(database_urls.admin, firm, account_id)
    async with channels.connect(firm) as client:
        resumed = await client.ask("subscribe", channel="orders", account_id=str(account_id), since=2)
        assert (resumed["type"], resumed["sequence"]) == ("resumed", 2)
        update = await client.hear("update")
        assert (update["previous_sequence"], update["sequence"]) == (2, 4)  # Number 3 is of another channel.
        assert (await client.ask("subscribe", channel="orders", account_id=str(account_id), since=5))["code"] == (
            "INVALID_REQUEST"
        )


async def test_orders_and_positions_are_shown_as_they_stand(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO trading.positions (account_id, symbol, tenant_id, quantity, average_price, updated_at)"
            " VALUES (%s, 'ETH/USDT', %s, 1.50, 2000, now())",
            (account_id, firm.tenant_id),
        )
        connection.execute(
            "INSERT INTO trading.orders (order_id, tenant_id, account_id, client_order_id, fingerprint, symbol, side,"
            " type, time_in_force, post_only, reduce_only, quantity, price, venue, status, cum_qty, leaves_qty,"
            " cum_notional, correlation_id, created_by, created_at, updated_at) VALUES (%s, %s, %s, 'mine', 'f',"
            " 'ETH/USDT', 'BUY', 'LIMIT', 'GTC', false, false, 0.50, 2000.00, 'SIM', 'PARTIALLY_FILLED', 0.20, 0.30,"
            " 400, 'c', 'trader', now(), now())",
            (uuid.uuid4(), firm.tenant_id, account_id),
        )
    async with channels.connect(firm) as client:
        (order,) = (await client.ask("subscribe", channel="orders", account_id=str(account_id)))["items"]
        assert (order["client_order_id"], order["quantity"], order["cum_qty"]) == ("mine", "0.50", "0.2")
        assert (order["avg_px"], order["status"]) == ("2000", "PARTIALLY_FILLED")
        (position,) = (await client.ask("subscribe", channel="positions", account_id=str(account_id)))["items"]
        assert (position["symbol"], position["quantity"]) == ("ETH/USDT", "1.5")
        tell(database_urls.admin, firm, account_id)
        tell(database_urls.admin, firm, account_id, "trades.TradeExecuted.v1")
        heard = [await client.hear("update") for _ in range(3)]
    numbers = sorted((each["channel"], each["sequence"]) for each in heard)
    assert numbers == [("orders", 1), ("orders", 2), ("positions", 2)]


async def test_positions_tell_of_a_fill_from_elsewhere(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    async with channels.connect(firm) as client:
        await client.ask("subscribe", channel="positions")
        await client.ask("subscribe", channel="orders")
        tell(database_urls.admin, firm, firm.account.account_id, "limits.ExternalFillBooked.v1", is_projected=False)
        tell(database_urls.admin, firm, firm.account.account_id, "trades.TradeExecuted.v1")
        heard = [await client.hear("update") for _ in range(3)]
    told = sorted((each["channel"], each["event"]["topic"]) for each in heard)
    assert told == [
        ("orders", "trades.TradeExecuted.v1"),
        ("positions", "limits.ExternalFillBooked.v1"),
        ("positions", "trades.TradeExecuted.v1"),
    ]


async def test_only_accounts_of_the_caller_are_told(channels: Channels, firm: Firm, database: Database) -> None:
    stranger = make_firm(database, "theirs")
    async with channels.connect(firm) as client:
        for account in (firm.other_account, stranger.account):
            answer = await client.ask("subscribe", channel="orders", account_id=str(account.account_id))
            assert (answer["type"], answer["code"]) == ("error", "NOT_FOUND")
    async with channels.connect(firm, "organisation_admin") as client:
        told = {(await client.ask("subscribe", channel="positions"))["account_id"], (await client.hear())["account_id"]}
        assert told == {str(firm.account.account_id), str(firm.other_account.account_id)}


async def test_who_cannot_be_believed_is_not_let_in(channels: Channels, firm: Firm) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"ApiKey bw_{'0' * 16}_{'x' * 43}"}):
        async with channels.session.get(channels.url, headers=headers) as response:
            assert (response.status, (await response.json())["code"]) == (401, "NOT_AUTHENTICATED")
    async with channels.session.ws_connect(f"{channels.url}?token={bearer(firm)[7:]}") as ws:
        assert (await Client(ws).ask("ping"))["type"] == "pong"  # A browser sends no header.


async def test_an_api_key_listens_as_its_scopes_allow_until_it_is_revoked(
    channels: Channels, firm: Firm, database: Database
) -> None:
    api_key = make_api_key(database, firm)
    headers = {"Authorization": f"ApiKey {api_key}"}
    async with channels.session.ws_connect(channels.url, headers=headers) as ws:
        client = Client(ws)
        assert (await client.ask("subscribe", channel="orders"))["type"] == "snapshot"
        assert (await client.ask("subscribe", channel="positions"))["code"] == "NOT_PERMITTED"
    async with channels.session.get(f"{channels.url}?token={api_key}") as response:
        assert response.status == 401  # An address is no place for a key.
    with database.tenant_transaction(firm.tenant_id) as tx:
        revoke_api_key(person(firm), tx, api_key.split("_")[1], at=datetime.now(UTC))
    async with channels.session.get(channels.url, headers=headers) as response:
        assert response.status == 401


async def test_the_engine_serves_its_markets_and_accounts(
    start_engine: StartEngine, database_urls: DatabaseUrls, firm: Firm
) -> None:
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)  # As the engine runs.
    with served_jwk_set("first") as jwks_url:
        async with start_engine(user_pool=UserPool(ISSUER, jwks_url, CLIENT_ID)) as engine:
            headers = {"Authorization": bearer(firm)}
            async with engine.session.ws_connect("/channels", headers=headers) as ws:
                client = Client(ws)
                snapshot = await client.ask("subscribe", **MARKET)
                sequence = snapshot["sequence"]
                for _ in range(5):
                    update = await client.hear("update")
                    assert update["previous_sequence"] == sequence
                    sequence = update["sequence"]
                await client.say("subscribe", channel="orders")
                assert (await client.hear("snapshot"))["channel"] == "orders"
                told = {"tenant_id": str(firm.tenant_id), "account_id": str(firm.account.account_id)}
                await engine.submit(**told)
                async with asyncio.timeout(10):
                    while (heard := await client.hear("update"))["channel"] != "orders":
                        pass
                assert heard["event"]["account_id"] == told["account_id"]
