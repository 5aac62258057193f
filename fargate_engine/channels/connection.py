"""One client of the channels: what it listens to, and what waits to be sent to it, which is bounded.

Nobody ever waits for a client. Frames are written to its transport while that has room. While it has none the markets
go on without being told: the client gets the newest when it reads again. One that takes nothing for long is cut off.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from breakwater.domain.permissions import Principal
from fargate_engine.account_feed import AccountSubscription, FeedClosed
from fargate_engine.bell import Rings
from fargate_engine.channels.frames import close_frame, json_frame
from fargate_engine.channels.messages import (
    AccountChannel,
    Json,
    account_message,
    account_update,
    belongs,
    market_closed,
    market_update,
)
from fargate_engine.market_data.subscription import Subscription
from fargate_engine.market_data.updates import Update

BUFFER_BYTES_MAX = 256 * 1024  # More is not written before the client has read.
BUFFER_BYTES_CUT_OFF = 8 * 1024 * 1024  # Answers and snapshots are written at once, and yet somewhere is an end.
STALLED_MAX_S = 10.0
WIRE = "channels"
EXPIRED = 4401  # Close code, from the range that is free for applications.

type Source = Subscription | AccountSubscription
type Key = tuple[str, str, str]  # Channel, venue and symbol; or channel, account and nothing.


@dataclass(slots=True)
class AccountPlace:
    channel: AccountChannel
    subscription: AccountSubscription
    sequence: int  # Of the last message; the client has seen all up to it.


class Connection:
    def __init__(self, who: Principal, address: str, transport: asyncio.Transport, due: "Rings[Connection]") -> None:
        self.who = who
        self.address = address
        self.since = time.monotonic()
        self._transport = transport
        self._due = due
        self._rung: dict[Source, None] = {}
        self._markets: dict[Key, Subscription] = {}
        self._accounts: dict[Key, AccountPlace] = {}
        self._keys: dict[Source, Key] = {}
        self._collected: list[tuple[Subscription, Update]] = []
        self._others: list[Source] = []  # Accounts with news, and markets that ended.
        self._stalled_since: float | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: Key) -> bool:
        return key in self._markets or key in self._accounts

    def ring(self, source: Source, /) -> None:
        self._rung[source] = None
        self._due.ring(self)

    def send(self, document: Json) -> None:
        """At once: an answer, a snapshot, a heartbeat."""
        self.send_frame(json_frame(document))

    def send_frame(self, frame: bytes) -> None:
        if self._transport.get_write_buffer_size() > BUFFER_BYTES_CUT_OFF:
            self.cut_off()
        elif not self._transport.is_closing():
            self._transport.write(frame)

    def add_market(self, key: Key, subscription: Subscription) -> None:
        self._markets[key] = subscription
        self._keys[subscription] = key
        self.ring(subscription)  # For what came while its snapshot was made.

    def add_account(self, key: Key, place: AccountPlace) -> None:
        self._accounts[key] = place
        self._keys[place.subscription] = key
        self.ring(place.subscription)

    def remove(self, key: Key) -> bool:
        """False when it did not listen to that."""
        place = self._accounts.pop(key, None)
        source: Source | None = self._markets.pop(key, None) if place is None else place.subscription
        if source is None:
            return False
        del self._keys[source]
        source.close()
        return True

    def leave(self) -> None:
        for key in list(self._keys.values()):
            self.remove(key)
        self._rung.clear()

    def cut_off(self) -> None:
        """Not closed politely: that would wait for the client as well."""
        self._transport.abort()

    def end(self) -> None:
        """After what was sent."""
        self._transport.write(close_frame(EXPIRED))
        self._transport.close()

    def collect(self) -> None:
        """Take what is new, if the client has read what came before. Nothing is made of it yet."""
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > BUFFER_BYTES_MAX:
            self._wait_for_the_client()
            return
        self._stalled_since = None
        rung, self._rung = self._rung, {}
        for source in rung:
            if isinstance(source, AccountSubscription) or source.is_closed:
                self._others.append(source)
            else:
                self._collected += [(source, update) for update in source.take()]

    def flush(self) -> None:
        """Send what was collected."""
        frames = [_market_frame(source, update) for source, update in self._collected if source in self._keys]
        frames += [frame for source in self._others if source in self._keys for frame in self._frames(source)]
        self._collected.clear()
        self._others.clear()
        if frames and not self._transport.is_closing():
            self._transport.write(b"".join(frames))

    def _wait_for_the_client(self) -> None:
        now = time.monotonic()
        if self._stalled_since is None:
            self._stalled_since = now
        elif now - self._stalled_since > STALLED_MAX_S:
            self.cut_off()
            return
        self._due.ring(self)

    def _frames(self, source: Source) -> Iterator[bytes]:
        if isinstance(source, AccountSubscription):
            yield from self._account_frames(self._accounts[self._keys[source]])
        elif source.is_closed:
            self.remove(self._keys[source])
            yield json_frame(market_closed(source.market))

    def _account_frames(self, place: AccountPlace) -> Iterator[bytes]:
        try:
            events = place.subscription.take()
        except FeedClosed as closed:
            account_id = place.subscription.account_id
            self.remove(self._keys[place.subscription])
            yield json_frame(account_message("closed", place.channel, account_id, place.sequence, reason=str(closed)))
            return
        for event in events:
            if belongs(place.channel, event.topic):
                yield json_frame(account_update(place.channel, event, place.sequence))
                place.sequence = event.sequence
        if place.subscription.closed_because is not None:
            self.ring(place.subscription)  # Its end is still to be told.


def market_key(venue: str, symbol: str) -> Key:
    return "markets", venue, symbol


def account_key(channel: str, account_id: uuid.UUID) -> Key:
    return channel, str(account_id), ""


def _market_frame(subscription: Subscription, update: Update) -> bytes:
    """Of all who are equally far it is the same."""
    return update.wire(WIRE, lambda: json_frame(market_update(subscription.market, update)))
