"""What happens to accounts, as the relay numbered it: from the database, so that any engine can tell it of any account.

One task reads for all subscribers. It asks for those who have room and for nobody else, so what waits is bounded and
nothing is lost: what a subscriber has not taken stays in the database.
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator
from itertools import batched
from typing import Self

from breakwater.db.account_feed import FeedEvent, FeedPlace, feed_after, feed_end
from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.errors import DatabaseUnavailable, InvalidRequest, Unavailable
from fargate_engine.bell import Bell, Rings

__all__ = ["AccountFeed", "AccountSubscription", "FeedClosed", "FeedEvent", "TooManyFeeds"]

_LOG = logging.getLogger(__name__)

POLL_S = 0.25  # For what other engines numbered.
PAUSE_S = 0.01  # Between two readings at least: what comes meanwhile is read together.
PAGE_EVENTS = 100
WAITING_MAX = 5 * PAGE_EVENTS  # Events of one subscriber.
FULL_MAX_S = 10.0
SUBSCRIPTIONS_MAX = 2_000
SUBSCRIPTIONS_OF_ACCOUNT_MAX = 50  # So that the users of one account leave room for those of others.
PLACES_AT_ONCE = 200


class TooManyFeeds(Unavailable):
    """This engine has as many subscriptions as it can, of all accounts or of this one."""

    code = "TOO_MANY_SUBSCRIPTIONS"


class FeedClosed(Exception):
    """The subscription is over, for the reason it says; subscribe again with the last sequence that was taken."""


class AccountSubscription:
    """Events of one account in order and without a gap. `take` gives those that are here; then its bell rings again."""

    def __init__(self, feed: "AccountFeed", place: FeedPlace, bell: "Rings[AccountSubscription] | None") -> None:
        self.tenant_id = place.tenant_id
        self.account_id = place.account_id
        self.read_sequence = place.sequence  # All up to it was read, and was taken or waits.
        self.closed_because: str | None = None
        self._feed = feed
        self._own_bell: Bell[AccountSubscription] = Bell()
        self._has_own_bell = bell is None
        self._bell: Rings[AccountSubscription] = self._own_bell if bell is None else bell
        self._waiting: deque[FeedEvent] = deque()
        self._full_since: float | None = None

    def take(self) -> list[FeedEvent]:
        """FeedClosed when it is over and all that came before its end was taken."""
        taken = list(self._waiting)
        self._waiting.clear()
        if not taken and self.closed_because is not None:
            raise FeedClosed(self.closed_because)
        if self._full_since is not None:
            self._full_since = None
            self._feed.wake()
        return taken

    def close(self, reason: str = "the subscriber left") -> None:
        if self.closed_because is None:
            self.closed_because = reason
            self._feed.leave(self)
            self._bell.ring(self)

    @property
    def place(self) -> FeedPlace:
        return FeedPlace(self.tenant_id, self.account_id, self.read_sequence)

    def put(self, event: FeedEvent) -> None:
        """What was read for another subscriber of the account may be known here, or too far ahead."""
        if event.sequence == self.read_sequence + 1 and len(self._waiting) < WAITING_MAX:
            self._waiting.append(event)
            self.read_sequence = event.sequence
            self._bell.ring(self)

    def has_room(self, now: float) -> bool:
        """Closes one that has been full for too long: its client does not read."""
        if len(self._waiting) + PAGE_EVENTS <= WAITING_MAX:
            return True
        if self._full_since is None:
            self._full_since = now
        elif now - self._full_since > FULL_MAX_S:
            self.close(f"{len(self._waiting)} events were not taken for {FULL_MAX_S:.0f} s")
        return False

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        """The events as they come, for ever, or FeedClosed; only without a bell of the caller's."""
        if not self._has_own_bell:
            raise TypeError("whoever gave the bell waits for it")
        while True:
            await self._own_bell.wait()
            self._own_bell.answer()
            for event in self.take():
                yield event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AccountFeed:
    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self._subscriptions: dict[AccountSubscription, None] = {}
        self._due = asyncio.Event()
        self.failure: str | None = None

    def wake(self) -> None:
        """The relay of this engine has numbered events, or a subscriber has room again."""
        self._due.set()

    async def subscribe(
        self,
        tenant_id: uuid.UUID,
        account_id: uuid.UUID,
        since: int | None,
        bell: Rings[AccountSubscription] | None = None,
    ) -> AccountSubscription:
        """From the event after `since` on; None: after the newest there is now.

        With a bell of the caller's it waits for many at once; without, it iterates over the subscription.
        InvalidRequest for one that is still to come, TooManyFeeds, or DatabaseUnavailable.
        """
        self._check_room(tenant_id, account_id)
        subscription = AccountSubscription(self, await self._place(tenant_id, account_id, since), bell)
        self._check_room(tenant_id, account_id)  # Others came while the database was asked.
        self._subscriptions[subscription] = None
        self.wake()
        return subscription

    def leave(self, subscription: AccountSubscription) -> None:
        self._subscriptions.pop(subscription, None)

    async def run(self) -> None:
        """For ever. While the database is silent the subscribers wait; then they get what they missed."""
        while True:
            try:
                is_more = await self._read()
                self.failure = None
            except DatabaseUnavailable as error:
                is_more, self.failure = False, error.message
                _LOG.warning("the account feed was not read: %s", error.message)
            if not is_more:
                await self._wait()
            await asyncio.sleep(PAUSE_S)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._due.wait()
        except TimeoutError:
            pass

    async def _read(self) -> bool:
        """One page for each that has room; True when some page was full, so that there is more."""
        self._due.clear()
        is_more = False
        for some in batched(self._places(), PLACES_AT_ONCE, strict=False):
            async with pooled(self._pool) as connection:
                events = await feed_after(connection, some, events_each_max=PAGE_EVENTS)
            is_more |= self._deliver(events)
        return is_more

    def _places(self) -> set[FeedPlace]:
        """Where to read on. Most subscribers of an account are equally far; one that is behind does not hold them."""
        now = time.monotonic()
        return {each.place for each in list(self._subscriptions) if each.has_room(now)}

    def _deliver(self, events: list[FeedEvent]) -> bool:
        by_account: dict[uuid.UUID, list[FeedEvent]] = {}
        for event in events:
            by_account.setdefault(event.account_id, []).append(event)
        for subscription in list(self._subscriptions):
            for event in by_account.get(subscription.account_id, ()):
                if event.tenant_id == subscription.tenant_id:
                    subscription.put(event)
        return any(len(of_one) >= PAGE_EVENTS for of_one in by_account.values())

    def _check_room(self, tenant_id: uuid.UUID, account_id: uuid.UUID) -> None:
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise TooManyFeeds("this engine follows as many accounts as it can; try again later")
        of_account = sum((each.tenant_id, each.account_id) == (tenant_id, account_id) for each in self._subscriptions)
        if of_account >= SUBSCRIPTIONS_OF_ACCOUNT_MAX:
            raise TooManyFeeds(f"this account is followed {of_account} times already; close one first")

    async def _place(self, tenant_id: uuid.UUID, account_id: uuid.UUID, since: int | None) -> FeedPlace:
        async with pooled(self._pool) as connection:
            end = await feed_end(connection, tenant_id, account_id)
        if since is not None and since > end:
            raise InvalidRequest(f"since is after the account's last event, which is {end}", field="since")
        return FeedPlace(tenant_id, account_id, end if since is None else since)
