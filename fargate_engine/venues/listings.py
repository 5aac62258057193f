"""What exchanges list, once for all clients of one: thousands of symbols are 20 MiB and half a second to read."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fargate_engine.venues.configuration import VenueSettings
from fargate_engine.venues.protocol import VenueInstrument

FRESH_S = 1_800.0  # Half as long as a client keeps what it has: whoever comes later asks anew, for all.


@dataclass(slots=True, eq=False)
class Listing:
    """`exchange` is the one of ccxt that has read it. Under the lock one client asks, and those that wait share."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    exchange: Any = None
    instruments: Mapping[str, VenueInstrument] = field(default_factory=dict)
    read_at: float = -math.inf

    def is_fresh(self, now: float) -> bool:
        return now - self.read_at < FRESH_S

    def took(self, exchange: Any, instruments: Mapping[str, VenueInstrument], now: float) -> None:
        self.exchange, self.instruments, self.read_at = exchange, instruments, now


class Listings:
    """One for the process. It differs by exchange and host, and not by key."""

    def __init__(self) -> None:
        self._listings: dict[tuple[str, bool, str | None], Listing] = {}

    def of(self, venue: VenueSettings) -> Listing:
        return self._listings.setdefault(venue.place, Listing())
