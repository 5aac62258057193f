"""When each key was last used, and from where: remembered at once, written by and by, waited for by nobody."""

import asyncio
import logging
import time
from collections import OrderedDict
from datetime import UTC, datetime

from breakwater.db.api_keys import NOTE_USES, noted_uses
from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.errors import Unavailable

_LOG = logging.getLogger(__name__)

WRITTEN_EVERY_S = 5.0
NOTED_AGAIN_AFTER_S = 60.0  # The database does not take it sooner either, whichever engine tells it.
USES_MAX = 10_000
BATCH_MAX = 500


class KeyUses:
    """Of more keys than are kept, those that have waited for longest are forgotten. So is what a crash finds here."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self._to_write: OrderedDict[str, tuple[datetime, str]] = OrderedDict()
        self._written_at: OrderedDict[str, float] = OrderedDict()

    def note(self, key_id: str, address: str) -> None:
        written_at = self._written_at.get(key_id)
        if written_at is not None and time.monotonic() - written_at < NOTED_AGAIN_AFTER_S:
            return
        self._to_write[key_id] = datetime.now(UTC), address
        if len(self._to_write) > USES_MAX:
            self._to_write.popitem(last=False)

    async def run(self) -> None:
        """For ever. What cannot be written now is tried again."""
        while True:
            await asyncio.sleep(WRITTEN_EVERY_S)
            try:
                await self.write()
            except Unavailable as error:
                _LOG.warning("the last uses of %d API keys are not written yet: %s", len(self._to_write), error.message)

    async def write(self) -> None:
        """Unavailable where the database is."""
        while self._to_write:
            batch = list(self._to_write.items())[:BATCH_MAX]
            uses = noted_uses([(key_id, at, address) for key_id, (at, address) in batch])
            async with pooled(self._pool) as connection:
                await connection.execute(NOTE_USES, uses)
            for key_id, _ in batch:
                self._to_write.pop(key_id, None)
                self._written_at[key_id] = time.monotonic()
                self._written_at.move_to_end(key_id)
            while len(self._written_at) > USES_MAX:
                self._written_at.popitem(last=False)
