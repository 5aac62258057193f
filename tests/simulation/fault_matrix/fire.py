"""Where functions may fail, and what befalls whoever passes there.

A point is named after the function and how far it is: "SubmitOrder: called", "reconciler: asks the engine". Functions
call one another, and only one of them is at work at a time, so a list of frames is all there is to know.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class FunctionDied(BaseException):
    """The function's process is gone. Nothing of it may catch this."""


class NoAnswer(Exception):
    """Whoever called has waited in vain: the call was lost, or its answer."""


@dataclass(frozen=True)
class Answered:
    """What an action makes of a function's answer."""

    value: Any


class When(Enum):
    """When a message arrives that is late."""

    AFTER_THE_NEXT = "after the next call"
    BEFORE_THE_RECONCILER = "after everything but the reconciler"
    AFTER_THE_RECONCILER = "after the reconciler"


# What is done at a point. It is given the call's own work, which it may do once more, or later.
type Work = Callable[[], Any]
type Action = Callable[[Work], Answered | None]


@dataclass
class Fault:
    """Befalls those who pass the point after `spared` have gone by, `times` of them; None: all of them."""

    point: str
    does: Action
    spared: int = 0
    times: int | None = 1
    passed: int = 0
    fired: int = 0

    def takes(self, point: str) -> bool:
        if point != self.point:
            return False
        self.passed += 1
        if self.passed <= self.spared or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True


@dataclass
class _Frame:
    function: str
    has_died: bool = False
    at_end: list[Callable[[], None]] = field(default_factory=list)


class Fire:
    """`on_death` is told when a function's process has died: what it held is gone."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.late: dict[When, list[Work]] = {when: [] for when in When}
        self._frames: list[_Frame] = []
        self.on_death: Callable[[], None] = lambda: None

    @property
    def function(self) -> str:
        """The one that is at work."""
        return self._frames[-1].function if self._frames else "nobody"

    def call(self, function: str, work: Work) -> Any:
        """The function's answer. FunctionDied or NoAnswer instead, and whatever the work raises."""
        overtaken, self.late[When.AFTER_THE_NEXT] = self.late[When.AFTER_THE_NEXT], []
        try:
            return self._in_frame(function, lambda: self._called(function, work))
        finally:
            for late in overtaken:
                unheard(late)

    def at(self, point: str, again: Work = lambda: None) -> Answered | None:
        changed = None
        for fault in [each for each in self.faults if each.takes(point)]:
            try:
                changed = fault.does(again) or changed
            except FunctionDied:
                if self._frames:
                    self._frames[-1].has_died = True
                raise
        return changed

    def here(self, progress: str) -> None:
        """The function at work has come so far."""
        self.at(f"{self.function}: {progress}")

    def at_end_of_call(self, does: Callable[[], None]) -> None:
        self._frames[-1].at_end.append(does)

    def arrive(self, when: When) -> None:
        """What was to be late until now."""
        late, self.late[when] = self.late[when], []
        for work in late:
            unheard(work)

    def _called(self, function: str, work: Work) -> Any:
        self.at(f"{function}: called", lambda: self._in_frame(function, work))
        refusal, answer = None, None
        try:
            answer = work()
        except Exception as error:  # noqa: BLE001 - what it raises is its answer, too
            refusal = error
        if self._frames[-1].has_died:
            raise FunctionDied
        changed = self.at(f"{function}: done")
        if changed is not None:
            return changed.value
        if refusal is not None:
            raise refusal
        return answer

    def _in_frame(self, function: str, work: Work) -> Any:
        frame = _Frame(function)
        self._frames.append(frame)
        try:
            return work()
        finally:
            self._frames.pop()
            for does in frame.at_end:
                does()
            if frame.has_died:  # Whatever a framework made of it.
                self.on_death()
                raise FunctionDied


def unheard(work: Work) -> None:
    """Done, and nobody waits for what comes of it."""
    with suppress(Exception):
        work()
