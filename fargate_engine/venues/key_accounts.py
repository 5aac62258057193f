"""Whose orders the key of each venue may sign: what was taken away holds no longer than any other permission."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection, Sequence

from breakwater.db.engine_connection import EnginePool
from breakwater.db.stored_credentials import exchange_credential_accounts
from breakwater.domain.permissions import PERMISSIONS_KNOWN_S
from breakwater.errors import Unavailable
from fargate_engine.venues.configuration import VenueSettings

_LOG = logging.getLogger(__name__)

READ_EVERY_S = 1.0

type Accounts = Callable[[], Collection[uuid.UUID] | None]  # None: it is not known at the moment.


class KeyAccounts:
    def __init__(self, pool: EnginePool, venues: Sequence[VenueSettings]) -> None:
        self._pool = pool
        self._wanted = [venue.credential_id for venue in venues if venue.credential_id is not None]
        self._known: dict[uuid.UUID, frozenset[uuid.UUID]] = {}
        self._known_at = -PERMISSIONS_KNOWN_S

    def of(self, venue: VenueSettings) -> Accounts:
        """Of a key in the store as people say there, of another one as the settings do."""
        credential_id = venue.credential_id
        if credential_id is None:
            return lambda: venue.accounts
        return lambda: self._granted(credential_id)

    def _granted(self, credential_id: uuid.UUID) -> Collection[uuid.UUID] | None:
        is_known = time.monotonic() - self._known_at < PERMISSIONS_KNOWN_S
        return self._known.get(credential_id, frozenset()) if is_known else None

    async def run(self) -> None:
        """For ever."""
        while self._wanted:
            try:
                await self.read()
            except Unavailable as error:
                _LOG.warning("whom keys of venues were given to cannot be read: %s", error.message)
            await asyncio.sleep(READ_EVERY_S)

    async def read(self) -> None:
        asked_at = time.monotonic()  # As old as the question: the answer may have been long on its way.
        self._known = await exchange_credential_accounts(self._pool, self._wanted)
        self._known_at = asked_at
