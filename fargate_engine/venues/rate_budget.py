"""What may still be asked of a venue: its own weights, counted here before it counts them.

One budget for each venue and key, for the whole process. Pure: the clock is an argument.

A venue counts in windows that begin when it likes. So the sum is kept below its limit in *every* stretch of a window's
length: then it is below in the venue's.
"""

from collections import deque
from dataclasses import dataclass, field

RETRY_AFTER_S = 10.0  # Where the venue says that it is too much, and not for how long.
SLICES = 60  # A window is counted in so many parts: memory is bounded, and a sixtieth of the window is given away.


@dataclass(slots=True)
class Window:
    """At most `weight_max` in any `window_s`; the last `kept_for_cancels` of it only for cancels."""

    weight_max: int
    window_s: float
    kept_for_cancels: int
    _slices: deque[tuple[int, int]] = field(default_factory=deque)  # (number of the slice, weight), oldest first.
    _used: int = 0

    def wait_s(self, weight: int, now: float, *, is_cancel: bool) -> float:
        """How long until so much is free; 0 when it is. ValueError when it never is."""
        allowed = self.weight_max - (0 if is_cancel else self.kept_for_cancels)
        if weight > allowed:
            raise ValueError(f"a request of weight {weight} is more than the {allowed} of a window")
        self._forget(now)
        used = self._used
        if used + weight <= allowed:
            return 0.0
        for number, of_slice in self._slices:
            used -= of_slice
            if used + weight <= allowed:
                return max(self._gone_at(number) - now, 0.001)
        raise AssertionError("an empty window has room")

    def take(self, weight: int, now: float) -> None:
        self._forget(now)
        self._add(weight, now)

    def learn(self, used: int, now: float) -> None:
        """The venue counts more than we do: somebody else uses the key, or its address. Then so do we."""
        self._forget(now)
        if used > self._used:
            self._add(used - self._used, now)

    def used(self, now: float) -> int:
        self._forget(now)
        return self._used

    @property
    def _slice_s(self) -> float:
        return self.window_s / SLICES

    def _gone_at(self, number: int) -> float:
        """A slice counts until its last moment is a window ago."""
        return (number + 1) * self._slice_s + self.window_s

    def _add(self, weight: int, now: float) -> None:
        number = int(now / self._slice_s)
        if self._slices and self._slices[-1][0] >= number:  # Also when the clock stepped back.
            number, before = self._slices.pop()
            weight_of_slice = before + weight
        else:
            weight_of_slice = weight
        self._slices.append((number, weight_of_slice))
        self._used += weight

    def _forget(self, now: float) -> None:
        while self._slices and self._gone_at(self._slices[0][0]) <= now:
            self._used -= self._slices.popleft()[1]


@dataclass(frozen=True, slots=True)
class RateWord:
    """What an answer says of the venue's limits: the weight that it has counted, and how long it wants no more.

    `is_of_request`: no more of the same kind of request. Else no more of anything.
    """

    used: int | None = None
    wait_s: float = 0.0
    is_of_request: bool = False


@dataclass(slots=True)
class RateBudget:
    """`weight` is of all requests, `orders` of new orders alone: a cancel is never counted among those."""

    weight: Window
    orders: Window
    blocked_until: float = 0.0
    requests_blocked_until: dict[str, float] = field(default_factory=dict)  # Of those that it counts each by itself.

    def wait_s(
        self, weight: int, now: float, *, request: str = "", is_order: bool = False, is_cancel: bool = False
    ) -> float:
        """0 when it may go now. What the venue told us to wait for holds for cancels too: it would only ban longer."""
        blocked_until = max(self.blocked_until, self.requests_blocked_until.get(request, 0.0))
        waits = [blocked_until - now, self.weight.wait_s(weight, now, is_cancel=is_cancel)]
        if is_order:
            waits.append(self.orders.wait_s(1, now, is_cancel=False))
        return max(waits[0], *waits[1:], 0.0)

    def take(self, weight: int, now: float, *, is_order: bool = False) -> None:
        self.weight.take(weight, now)
        if is_order:
            self.orders.take(1, now)

    def blocked(self, retry_after_s: float, now: float, *, request: str | None = None) -> None:
        """The venue wants no more for so long, of one kind or of any. A shorter word never shortens a longer one."""
        until = now + retry_after_s
        if request is None:
            self.blocked_until = max(self.blocked_until, until)
        else:
            self.requests_blocked_until[request] = max(self.requests_blocked_until.get(request, 0.0), until)
