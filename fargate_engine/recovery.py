"""Starting is recovering: the newest snapshot that is true, and the journal from there to its end."""

import asyncio
import logging
import time

from breakwater.db.engine_connection import EnginePool
from breakwater.db.journal import Journal
from fargate_engine.aws import AwsUnavailable
from fargate_engine.shard_state import BadSnapshot, ShardState
from fargate_engine.snapshots import Snapshot, SnapshotStore

_LOG = logging.getLogger(__name__)

SNAPSHOTS_TRIED_MAX = 10
REPLAY_SLICE_S = 0.01  # Others of this process have their turn after this long.


async def recover(shard: int, pool: EnginePool, snapshots: SnapshotStore | None) -> tuple[ShardState, Journal]:
    """The shard as its journal tells it now, and the journal at its end.

    Raises DatabaseUnavailable, and DamagedJournal with the row that cannot be what an engine wrote.
    """
    restored = None if snapshots is None else await _from_snapshot(shard, pool, snapshots)
    state, journal = (ShardState(shard), Journal(pool, shard)) if restored is None else restored
    await catch_up(state, journal)
    return state, journal


async def catch_up(state: ShardState, journal: Journal) -> None:
    """Apply what was journalled since. Raises as `recover` does; then the state may be half of it and is of no use."""
    slice_began_at = time.monotonic()
    async for row in journal.read():
        state.replay(row)
        if time.monotonic() - slice_began_at > REPLAY_SLICE_S:
            await asyncio.sleep(0)
            slice_began_at = time.monotonic()


async def _from_snapshot(shard: int, pool: EnginePool, snapshots: SnapshotStore) -> tuple[ShardState, Journal] | None:
    """None when there is no snapshot that can be used: then the whole journal is read."""
    try:
        for key in (await snapshots.keys(shard))[:SNAPSHOTS_TRIED_MAX]:
            try:
                return await _restored(shard, pool, await snapshots.load(key))
            except BadSnapshot as error:
                _LOG.error("snapshot %s is not used, the one before it is tried: %s", key, error)
    except AwsUnavailable as error:
        _LOG.warning("no snapshot of shard %d can be had, its whole journal is read: %s", shard, error.message)
    return None


async def _restored(shard: int, pool: EnginePool, snapshot: Snapshot) -> tuple[ShardState, Journal]:
    """BadSnapshot also for one that is whole, but does not stand on a row of this journal."""
    state = await asyncio.to_thread(ShardState.restore, snapshot.state, shard=shard)
    digest = await Journal(pool, shard).digest_at(state.last_seq)
    if digest is None:
        raise BadSnapshot(f"the journal has no row that ends with {state.last_seq}")
    if digest != snapshot.journal_digest:
        raise BadSnapshot(f"row {state.last_seq} of the journal is not the one it was taken after")
    return state, Journal(pool, shard, last_seq=state.last_seq, digest=digest)
