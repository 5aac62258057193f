"""What the simulated exchange does wrong on purpose, until it is told otherwise."""

import random
from collections import Counter
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]  # How often: 0 never, 1 always.
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]


class Switches(BaseModel):
    """All off at first. A request is what is signed: public questions fail by `maintenance` and `rate_limit` alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_ms: Milliseconds = 0  # Before an order reaches the book: up to this long.
    slow_reply_ms: Milliseconds = 0  # Before an answer is sent: up to this long.
    reject: Share = 0  # New orders that are refused.
    rate_limit: Share = 0  # 429 with Retry-After.
    retry_after_s: Annotated[int, Field(ge=0, le=600)] = 1
    maintenance: bool = False  # 503 to everything, and no sockets.
    lost_request: Share = 0  # The connection is cut before anything was done.
    lost_reply: Share = 0  # It is cut afterwards: what was asked for is done.
    unknown_reply: Share = 0  # Done, and answered with 504 and -1007.
    garbled_reply: Share = 0  # Done, and answered with 200 and a text that is not JSON.
    repeated_request: Share = 0  # Done twice, as by a hop that repeats; the second answer is sent.
    lost_event: Share = 0  # Of the private stream.
    doubled_event: Share = 0
    late_event: Share = 0
    late_event_ms: Milliseconds = 500  # Up to this long: others overtake it.
    silent_streams: bool = False  # Sockets stay open, and tell nothing.
    disconnect_ms: Milliseconds = 0  # Every so often all sockets are cut; 0: never.

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        """Of one request only one thing goes wrong."""
        wrong = self.lost_request + self.lost_reply + self.unknown_reply + self.garbled_reply + self.repeated_request
        if wrong > 1:
            raise ValueError("the shares of what goes wrong with a request add up to more than 1")
        return self


class Chance:
    """Decides by a seed, and counts what it has decided."""

    def __init__(self, seed: int = 0) -> None:
        self.switches = Switches()
        self.done: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - the same seed, the same faults

    def reseed(self, seed: int) -> None:
        self._random.seed(seed)

    def hits(self, fault: str) -> bool:
        """Whether the fault of this name strikes now."""
        share: float = getattr(self.switches, fault)
        if share <= 0 or self._random.random() >= share:
            return False
        self.done[fault] += 1
        return True

    def up_to_s(self, milliseconds: int) -> float:
        return self._random.uniform(0, milliseconds) / 1000 if milliseconds else 0.0

    def fault_of_request(self) -> str | None:
        """One of those that exclude each other, or none."""
        drawn = self._random.random()
        for fault in ("lost_request", "lost_reply", "unknown_reply", "garbled_reply", "repeated_request"):
            share: float = getattr(self.switches, fault)
            if drawn < share:
                self.done[fault] += 1
                return fault
            drawn -= share
        return None

    def deliveries_s(self) -> list[float]:
        """When an event of the private stream is told, from now: once, twice, late or never."""
        if self.switches.silent_streams or self.hits("lost_event"):
            return []
        times = [self.up_to_s(self.switches.late_event_ms) if self.hits("late_event") else 0.0]
        if self.hits("doubled_event"):
            times.append(self.up_to_s(self.switches.late_event_ms))
        return times
