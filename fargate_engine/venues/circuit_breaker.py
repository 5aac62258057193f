"""Stops asking a venue that does not answer. Pure: the clock is an argument."""

from dataclasses import dataclass
from enum import StrEnum

FAILURES_MAX = 5
OPEN_S = 30.0


class BreakerState(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"  # One probe is under way, or may be.


@dataclass(slots=True)
class CircuitBreaker:
    """Five failures in a row open it; 30 s later one request may try, and its outcome decides.

    A refusal is an answer, and so a success. Cancels of open orders go past it, and what they meet counts.
    """

    failures: int = 0
    opened_at: float | None = None
    probing_since: float | None = None

    def state(self, now: float) -> BreakerState:
        if self.opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if now - self.opened_at >= OPEN_S else BreakerState.OPEN

    def may_ask(self, now: float) -> bool:
        """True at most once while it is half open: whoever is told so is the probe, and says what became of it.

        Also that nothing did (`left`).
        """
        if self.opened_at is None:
            return True
        if now - self.opened_at < OPEN_S:
            return False
        # A probe that was never heard of again must not keep the venue away for ever.
        if self.probing_since is not None and now - self.probing_since < OPEN_S:
            return False
        self.probing_since = now
        return True

    def left(self, asked_at: float) -> None:
        """Whoever was let through at `asked_at` is done. A probe that was never sent lets the next one try at once."""
        if self.probing_since == asked_at:
            self.probing_since = None

    def succeeded(self) -> None:
        self.failures, self.opened_at, self.probing_since = 0, None, None

    def failed(self, now: float) -> None:
        self.failures += 1
        if self.failures >= FAILURES_MAX:
            self.opened_at, self.probing_since = now, None
