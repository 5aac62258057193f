"""Keys that came from where they may not come from: remembered at once, told by and by, and once in a while."""

import asyncio
import logging
import time
import uuid
from collections import OrderedDict

from breakwater.db.engine_connection import EnginePool
from breakwater.db.engine_events import add_event
from breakwater.domain.permissions import Principal
from breakwater.errors import Unavailable
from events.security import KeyUsedFromElsewhere

_LOG = logging.getLogger(__name__)

WRITTEN_EVERY_S = 1.0
TOLD_AGAIN_AFTER_S = 900.0
KEYS_MAX = 10_000


class ForeignUses:
    """Of more keys than are kept, those that have waited for longest are forgotten. So is what a crash finds here."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self._due: OrderedDict[str, tuple[Principal, str]] = OrderedDict()
        self._told_at: OrderedDict[str, float] = OrderedDict()

    def note(self, key_id: str, principal: Principal, address: str) -> None:
        """Whoever came has named the key, and has not signed with it yet."""
        told_at = self._told_at.get(key_id)
        if told_at is not None and time.monotonic() - told_at < TOLD_AGAIN_AFTER_S:
            return
        self._due[key_id] = principal, address
        if len(self._due) > KEYS_MAX:
            self._due.popitem(last=False)

    async def run(self) -> None:
        """For ever. What cannot be written now is tried again."""
        while True:
            await asyncio.sleep(WRITTEN_EVERY_S)
            try:
                await self.write()
            except Unavailable as error:
                _LOG.warning("that %d keys came from elsewhere is not written yet: %s", len(self._due), error.message)

    async def write(self) -> None:
        """Unavailable where the database is."""
        while self._due:
            key_id, (principal, address) = next(iter(self._due.items()))
            event = KeyUsedFromElsewhere(
                key_id=key_id, kind="API_KEY", username=principal.username, source_ip=address, is_proven=False
            )
            await add_event(
                self._pool,
                event,
                tenant_id=principal.tenant_id,
                aggregate_id=uuid.uuid5(uuid.NAMESPACE_OID, key_id),
                actor=None,
                correlation_id=str(uuid.uuid4()),
                occurred_at_ns=time.time_ns(),
            )
            self._due.pop(key_id, None)
            self._told_at[key_id] = time.monotonic()
            self._told_at.move_to_end(key_id)
            while len(self._told_at) > KEYS_MAX:
                self._told_at.popitem(last=False)
