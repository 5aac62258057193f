"""What a snapshot lacks is told after it: the rows follow the feed, and sometimes from afar."""

import asyncio

import pytest

from breakwater.domain.access_tokens import UserPool
from breakwater.services import executions
from breakwater.services.projections import CONSUMER, TOPICS
from fargate_engine.channels import server as channel_server
from fargate_engine.channels.messages import EXTERNAL_FILL_BOOKED
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.channel_scene import Channels, Client, bearer, channels, tell
from tests.integration.fargate_engine.conftest import StartEngine
from tests.integration.identity.conftest import Firm, database, firm
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, served_jwk_set

__all__ = ["channels", "database", "firm"]  # Fixtures.


async def test_what_the_projections_have_not_taken_follows_the_snapshot_however_long_they_lag(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    for _ in range(3):
        tell(database_urls.admin, firm, account_id)
    for _ in range(250):  # More than two pages of the feed.
        tell(database_urls.admin, firm, account_id, is_projected=False)
    async with channels.connect(firm) as client:
        snapshot = await client.ask("subscribe", channel="orders")
        assert (snapshot["type"], snapshot["sequence"]) == ("snapshot", 3)
        updates = [await client.hear("update") for _ in range(250)]
    assert [each["sequence"] for each in updates] == list(range(4, 254))
    assert updates[0]["previous_sequence"] == 3


@pytest.mark.parametrize("topic", sorted(TOPICS - executions.TOPICS))
async def test_each_kind_of_event_that_projections_take_is_waited_for(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls, topic: str
) -> None:
    assert CONSUMER == "projections"
    tell(database_urls.admin, firm, firm.account.account_id, topic, is_projected=False)
    async with channels.connect(firm) as client:
        assert (await client.ask("subscribe", channel="orders"))["sequence"] == 0


async def test_an_event_that_was_written_with_its_rows_is_not_told_again(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    tell(database_urls.admin, firm, account_id)
    tell(database_urls.admin, firm, account_id, "orders.OrderPlaced.v1", is_projected=False)
    async with channels.connect(firm) as client:
        assert (await client.ask("subscribe", channel="orders"))["sequence"] == 2


async def test_rows_that_lag_by_more_than_can_be_told_are_not_shown_as_if_they_were_whole(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_server, "LAG_EVENTS_MAX", 2)
    tell(database_urls.admin, firm, firm.account.account_id)
    for _ in range(2):
        tell(database_urls.admin, firm, firm.account.account_id, is_projected=False)
    async with channels.connect(firm) as client:
        answer = await client.ask("subscribe", channel="orders")
        assert (answer["type"], answer["code"]) == ("error", "ENGINE_UNAVAILABLE")
        resumed = {"channel": "orders", "account_id": str(firm.account.account_id), "since": 1}
        assert (await client.ask("subscribe", **resumed))["type"] == "resumed"


async def test_an_account_with_nothing_for_the_projections_is_not_behind_however_much_happens_to_it(
    channels: Channels, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_server, "LAG_EVENTS_MAX", 2)
    account_id = firm.account.account_id
    for _ in range(4):  # Fills from elsewhere, say: written with their rows.
        tell(database_urls.admin, firm, account_id, EXTERNAL_FILL_BOOKED, is_projected=False)
    async with channels.connect(firm) as client:
        assert (await client.ask("subscribe", channel="positions"))["sequence"] == 4
    tell(database_urls.admin, firm, account_id)
    for _ in range(3):
        tell(database_urls.admin, firm, account_id, EXTERNAL_FILL_BOOKED, is_projected=False)
    async with channels.connect(firm) as client:
        assert (await client.ask("subscribe", channel="positions"))["sequence"] == 8
    tell(database_urls.admin, firm, account_id, is_projected=False)
    for _ in range(3):  # What is lacked is further back than can be told.
        tell(database_urls.admin, firm, account_id, EXTERNAL_FILL_BOOKED, is_projected=False)
    async with channels.connect(firm) as client:
        assert (await client.ask("subscribe", channel="positions"))["code"] == "ENGINE_UNAVAILABLE"


async def test_who_comes_after_an_event_and_before_its_projection_hears_it(
    start_engine: StartEngine, firm: Firm
) -> None:
    with served_jwk_set("first") as jwks_url:
        async with start_engine(user_pool=UserPool(ISSUER, jwks_url, CLIENT_ID)) as engine:
            headers = {"Authorization": bearer(firm)}
            told = {"tenant_id": str(firm.tenant_id), "account_id": str(firm.account.account_id)}
            async with (
                engine.session.ws_connect("/channels", headers=headers) as early,
                engine.session.ws_connect("/channels", headers=headers) as late,
                asyncio.timeout(20),
            ):
                await Client(early).ask("subscribe", channel="orders")
                await engine.submit(**told)  # No projection runs here.
                first = await Client(early).hear("update")
                assert (await Client(late).ask("subscribe", channel="orders"))["items"] == []
                assert (await Client(late).hear("update"))["event"] == first["event"]
