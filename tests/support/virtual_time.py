"""An event loop whose time passes only when nothing else is left to do: hours in a moment, always in the same order.

Threads are run in line. A program that waits for what can never come raises `Deadlock` instead of hanging.
"""

import asyncio
import contextvars
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

STARTED_AT_NS = 1_800_000_000 * 10**9


class Deadlock(Exception):
    """Everybody waits, and nothing is due."""


class Clock:
    """Seconds that only grow, and a wall clock beside them that may be set."""

    def __init__(self) -> None:
        self._now_s = 1_000.0
        self._wall_ahead_ns = STARTED_AT_NS

    def monotonic(self) -> float:
        return self._now_s

    def time_ns(self) -> int:
        return int(self._now_s * 1e9) + self._wall_ahead_ns

    def pass_by(self, seconds: float) -> None:
        self._now_s += seconds

    def set_wall(self, ahead_s: float) -> None:
        """Move the wall clock, to the past where `ahead_s` is negative; the other one does not notice."""
        self._wall_ahead_ns += int(ahead_s * 1e9)


class _Selector(selectors.SelectSelector):
    """Nothing ever arrives from outside, so waiting is moving the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("every task waits, and no timer runs")
        self._clock.pass_by(timeout)
        return []


class _Loop(asyncio.SelectorEventLoop):
    def run_in_executor(self, _: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # No TypeVarTuple here.
        result = self.create_future()
        try:
            result.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            result.set_exception(error)
        return result


def run_in_virtual_time(main: Callable[[Clock], Coroutine[Any, Any, None]]) -> None:
    clock = Clock()
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        asyncio.Runner(loop_factory=lambda: _Loop(_Selector(clock))) as runner,
    ):
        monkeypatch.setattr(time, "monotonic", clock.monotonic)
        monkeypatch.setattr(time, "time_ns", clock.time_ns)
        runner.run(main(clock), context=contextvars.Context())
