"""Looking up what anybody can invent, so that it takes nothing from those who are known."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from breakwater.domain.permissions import PERMISSIONS_KNOWN_S
from breakwater.errors import Unavailable

LOOK_UPS_MAX = 8  # At once: keys that somebody invents must not keep the database from everybody else.
WAITING_MAX = 256
WAIT_S = 2.0
UNKNOWN_S = PERMISSIONS_KNOWN_S  # A key whose user is enabled again is heard of as soon as one that is revoked.
UNKNOWN_MAX = 10_000


class LookUps[Found]:
    """Few at once, each key by one question however many ask, and what is unknown is remembered for a while.

    What was found is not remembered here: who may do that for how long is the caller's to say.
    """

    def __init__(
        self, look_up: Callable[[str], Awaitable[Found | None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[Found | None]] = {}
        self._room = asyncio.Semaphore(LOOK_UPS_MAX)

    async def find(self, key: str) -> Found | None:
        """None for an unknown one. Unavailable when too many are asked for at once, or as the look-up raises it."""
        unknown_since = self._unknown.get(key)
        if unknown_since is not None and self._clock() - unknown_since < UNKNOWN_S:
            return None
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= LOOK_UPS_MAX + WAITING_MAX:
                raise _too_many()
            task = self._under_way[key] = asyncio.create_task(self._find(key))
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    async def _find(self, key: str) -> Found | None:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._room.acquire()
        except TimeoutError as error:
            raise _too_many() from error
        try:
            found = await self._look_up(key)
        finally:
            self._room.release()
        if found is None:
            self._unknown[key] = self._clock()
            self._unknown.move_to_end(key)
            while len(self._unknown) > UNKNOWN_MAX:
                self._unknown.popitem(last=False)
        return found

    def _forget(self, key: str, task: asyncio.Task[Found | None]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # Whoever asked has gone, perhaps; then nobody else takes it.


def _too_many() -> Unavailable:
    return Unavailable("too many keys are looked up at once")
