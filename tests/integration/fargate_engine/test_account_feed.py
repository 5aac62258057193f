"""The account feed against real Postgres: in order, without a gap, whoever is slow and whatever the database does."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from breakwater.db.account_feed import feed_after
from breakwater.db.engine_connection import engine_pool
from breakwater.errors import DatabaseUnavailable, InvalidRequest
from fargate_engine import account_feed
from fargate_engine.account_feed import AccountFeed, AccountSubscription, FeedClosed, FeedEvent
from fargate_engine.bell import Bell
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.conftest import Cloud
from tests.integration.fargate_engine.test_relay import make_relay, running, write_events

TENANT = uuid.UUID(int=9)
ACCOUNT, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def number_events(conninfo: str, account_id: uuid.UUID, count: int) -> None:
    """As the relay of another engine would."""
    with psycopg.connect(conninfo) as connection:
        for _ in range(count):
            event_id = uuid.uuid4()
            connection.execute(
                "INSERT INTO trading.events VALUES (%s, 'orders.OrderAccepted.v1', %s, %s, %s, 'c', 5, %s)",
                (event_id, TENANT, account_id, uuid.uuid4(), Jsonb({"quantity": "0.5"})),
            )
            connection.execute(
                "INSERT INTO trading.account_feed SELECT %(account)s, coalesce(max(sequence), 0) + 1, %(event)s,"
                " %(tenant)s FROM trading.account_feed WHERE account_id = %(account)s",
                {"account": account_id, "event": event_id, "tenant": TENANT},
            )


@asynccontextmanager
async def running_feed(urls: DatabaseUrls) -> AsyncIterator[AccountFeed]:
    async with engine_pool(urls.engine) as pool, asyncio.TaskGroup() as tasks:
        feed = AccountFeed(pool)
        task = tasks.create_task(feed.run())
        try:
            yield feed
        finally:
            task.cancel()


async def heard(subscription: AccountSubscription, count: int) -> list[FeedEvent]:
    events: list[FeedEvent] = []
    async with asyncio.timeout(10):
        async for event in subscription:
            events.append(event)
            if len(events) == count:
                break
    return events


async def test_a_subscriber_hears_what_came_after_it_and_one_that_resumes_what_it_missed(
    database_urls: DatabaseUrls,
) -> None:
    number_events(database_urls.admin, ACCOUNT, 3)
    number_events(database_urls.admin, OTHER, 3)
    async with running_feed(database_urls) as feed:
        now = await feed.subscribe(TENANT, ACCOUNT, None)
        resumed = await feed.subscribe(TENANT, ACCOUNT, 1)
        number_events(database_urls.admin, ACCOUNT, 2)
        assert [event.sequence for event in await heard(now, 2)] == [4, 5]
        events = await heard(resumed, 4)
    assert [event.sequence for event in events] == [2, 3, 4, 5]
    assert {(event.account_id, event.topic, event.payload["quantity"]) for event in events} == {
        (ACCOUNT, "orders.OrderAccepted.v1", "0.5")
    }


async def test_the_relay_of_this_engine_wakes_the_feed_at_once(
    database_urls: DatabaseUrls, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_feed, "POLL_S", 60)
    async with running_feed(database_urls) as feed:
        subscription = await feed.subscribe(TENANT, ACCOUNT, None)
        await asyncio.sleep(0.2)  # It has looked once, and waits.
        relay = make_relay(database_urls, cloud, events_numbered=feed.wake)
        async with running(relay):
            write_events(database_urls.admin, 40, [ACCOUNT, OTHER])
            events = await heard(subscription, 20)
    assert [event.sequence for event in events] == list(range(1, 21))
    assert [event.correlation_id for event in events] == sorted(event.correlation_id for event in events)


async def test_one_far_behind_catches_up_and_one_that_is_not_hears_the_news_meanwhile(
    database_urls: DatabaseUrls,
) -> None:
    number_events(database_urls.admin, ACCOUNT, 1_200)
    async with running_feed(database_urls) as feed:
        behind = await feed.subscribe(TENANT, ACCOUNT, 0)  # Does not read: it stops when it is full.
        async with asyncio.timeout(10):
            while behind.read_sequence < account_feed.WAITING_MAX:
                await asyncio.sleep(0.01)
        current = await feed.subscribe(TENANT, ACCOUNT, None)
        number_events(database_urls.admin, ACCOUNT, 1)
        assert [event.sequence for event in await heard(current, 1)] == [1_201]
        assert behind.read_sequence == account_feed.WAITING_MAX  # Bounded, and nothing is lost:
        events = await heard(behind, 1_201)
    assert events[0].sequence == 1
    assert all(after.sequence == before.sequence + 1 for before, after in pairwise(events))


async def test_a_subscriber_that_does_not_read_is_closed_with_a_reason_and_can_resume(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_feed, "FULL_MAX_S", 0.2)
    number_events(database_urls.admin, ACCOUNT, 700)
    async with running_feed(database_urls) as feed:
        deaf = await feed.subscribe(TENANT, ACCOUNT, 0)
        async with asyncio.timeout(10):
            while deaf.closed_because is None:
                await asyncio.sleep(0.01)
        taken = deaf.take()
        with pytest.raises(FeedClosed, match="500 events were not taken"):
            deaf.take()
        again = await feed.subscribe(TENANT, ACCOUNT, taken[-1].sequence)
        assert [event.sequence for event in await heard(again, 200)] == list(range(501, 701))


async def test_silence_of_the_database_ends_nothing(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_feed(database_urls) as feed:
        subscription = await feed.subscribe(TENANT, ACCOUNT, None)
        is_silent = True

        async def read_or_fail(*arguments: Any, **named: Any) -> list[FeedEvent]:
            if is_silent:
                raise DatabaseUnavailable("the database did not answer in time")
            return await feed_after(*arguments, **named)

        monkeypatch.setattr(account_feed, "feed_after", read_or_fail)
        number_events(database_urls.admin, ACCOUNT, 1)
        async with asyncio.timeout(5):
            while feed.failure is None:
                await asyncio.sleep(0.01)
        is_silent = False
        assert [event.sequence for event in await heard(subscription, 1)] == [1]
        assert feed.failure is None


async def test_another_organisation_hears_nothing_of_the_account(database_urls: DatabaseUrls) -> None:
    number_events(database_urls.admin, ACCOUNT, 2)
    async with running_feed(database_urls) as feed:
        stranger = await feed.subscribe(uuid.UUID(int=77), ACCOUNT, 0)
        owner = await feed.subscribe(TENANT, ACCOUNT, 0)
        await heard(owner, 2)
        assert stranger.take() == []
        assert stranger.read_sequence == 0


async def test_a_sequence_that_is_still_to_come_and_too_many_subscribers_are_refused(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_feed, "SUBSCRIPTIONS_MAX", 1)
    async with running_feed(database_urls) as feed:
        with pytest.raises(InvalidRequest, match="which is 0"):
            await feed.subscribe(TENANT, ACCOUNT, 1)
        with await feed.subscribe(TENANT, ACCOUNT, 0), pytest.raises(account_feed.TooManyFeeds):
            await feed.subscribe(TENANT, OTHER, 0)
        with await feed.subscribe(TENANT, OTHER, 0) as freed:
            assert freed.closed_because is None


async def test_the_subscribers_of_one_account_leave_room_for_those_of_others(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_feed, "SUBSCRIPTIONS_OF_ACCOUNT_MAX", 2)
    async with running_feed(database_urls) as feed:
        at_once = [feed.subscribe(TENANT, ACCOUNT, 0) for _ in range(4)]
        answers = await asyncio.gather(*at_once, return_exceptions=True)
        assert [type(each) for each in answers].count(account_feed.TooManyFeeds) == 2
        assert (await feed.subscribe(TENANT, OTHER, 0)).closed_because is None
        for each in answers:
            if isinstance(each, AccountSubscription):
                each.close()
        assert (await feed.subscribe(TENANT, ACCOUNT, 0)).closed_because is None


async def test_one_bell_rings_for_many_accounts(database_urls: DatabaseUrls) -> None:
    bell: Bell[AccountSubscription] = Bell()
    async with running_feed(database_urls) as feed:
        first, second = [await feed.subscribe(TENANT, each, None, bell) for each in (ACCOUNT, OTHER)]
        number_events(database_urls.admin, OTHER, 1)
        await asyncio.wait_for(bell.wait(), 5)
        assert bell.answer() == [second]
        assert [event.account_id for event in second.take()] == [OTHER]
        assert first.take() == []
