"""Calls that carry several entries, filled from lanes: within a lane an entry leaves when the one before it was taken.

Whoever sends hands over lanes and waits until all of them are through. Calls are filled across senders, so that an
account with much to say does not send calls of one entry while other accounts wait for theirs.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from breakwater.errors import Unavailable

CALL_ENTRIES_MAX = 10  # Of SendMessageBatch and PutEvents.
REFUSED_RETRY_S = (0.05, 0.2)

type Entry = dict[str, str]
type Call = Callable[[Sequence[Entry]], Awaitable[Collection[int]]]  # Answers which of the entries were refused.


class Refused(Unavailable):
    code = "EVENT_REFUSED"


@dataclass
class _Batch:
    number: int
    lanes_left: int
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass
class _Lane:
    batch: _Batch
    entries: deque[Entry]
    refusals: int = 0  # Of its first entry, one after the other.

    @property
    def rank(self) -> tuple[int, int]:
        """The oldest batch first, and in it the lane with most before it: that one needs the most calls."""
        return self.batch.number, -len(self.entries)


class Packer:
    """`call` is made `calls_max` at a time, with at most one entry of a lane."""

    def __init__(self, call: Call, what: str, *, calls_max: int) -> None:
        self._call = call
        self._what = what
        self._calls_max = calls_max
        self._calls: set[asyncio.Task[None]] = set()
        self._ready: list[_Lane] = []
        self._batches = 0

    async def send(self, lanes: Sequence[Sequence[Entry]]) -> None:
        """Unavailable when a call failed, or an entry was refused again and again: what of them is through is unknown.

        No entry of these lanes leaves after that, nor after a cancellation, but those of calls that are under way.
        """
        if not lanes:
            return
        self._batches += 1
        batch = _Batch(self._batches, len(lanes))
        self._ready += [_Lane(batch, deque(entries)) for entries in lanes]
        self._begin_calls()
        await batch.done

    def _begin_calls(self) -> None:
        while len(self._calls) < self._calls_max and (lanes := self._next_lanes()):
            call = asyncio.create_task(self._make_call(lanes))
            self._calls.add(call)
            call.add_done_callback(self._end_call)

    def _end_call(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._begin_calls()

    def _next_lanes(self) -> list[_Lane]:
        self._ready = [lane for lane in self._ready if not lane.batch.done.done()]
        lanes = heapq.nsmallest(CALL_ENTRIES_MAX, self._ready, key=lambda lane: lane.rank)
        taken = {id(lane) for lane in lanes}
        self._ready = [lane for lane in self._ready if id(lane) not in taken]
        return lanes

    async def _make_call(self, lanes: list[_Lane]) -> None:
        try:
            refused = await self._call([lane.entries[0] for lane in lanes])
        except BaseException as error:  # Also a defect, and the end of the process: whoever waits has to hear of it.
            for lane in lanes:
                lane.batch.fail(error)
            if not isinstance(error, Exception):
                raise
            return
        for place, lane in enumerate(lanes):
            if place in refused:
                self._try_again(lane)
            else:
                self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        lane.entries.popleft()
        lane.refusals = 0
        if lane.entries:
            self._ready.append(lane)
            return
        lane.batch.lanes_left -= 1
        if lane.batch.lanes_left == 0 and not lane.batch.done.done():
            lane.batch.done.set_result(None)

    def _try_again(self, lane: _Lane) -> None:
        """After a pause, and before anything that comes after it."""
        if lane.refusals == len(REFUSED_RETRY_S):
            lane.batch.fail(Refused(f"the {self._what} refused an event several times"))
            return
        asyncio.get_running_loop().call_later(REFUSED_RETRY_S[lane.refusals], self._is_due, lane)
        lane.refusals += 1

    def _is_due(self, lane: _Lane) -> None:
        self._ready.append(lane)
        self._begin_calls()
