"""The leases of the shards: who may write each, until when, and where it is reached. All times are the database's.

A lease is kept by heartbeats and ends by itself. Whoever takes it gets the next epoch, and with that the one before is
fenced: every journal batch locks the lease row and compares the epoch (journal.py).

A lease row also knows how far its journal went at least, which no chain of digests can tell. The number only rises, and
is always one of committed rows: a journal that ends before it has lost rows at its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.rows import class_row

from breakwater.db.engine_connection import EngineConnection, EnginePool, answered, pooled
from breakwater.db.journal import Fenced
from breakwater.domain.shards import SHARDS

LEASE_S = 10
RESERVED_S = 10  # How long a shard that was moved waits for the one it was moved to, before anyone may have it.

# Also the journal's head, because whoever follows a shard asks for both, four times a second.
_READ = """
SELECT numbered.shard, coalesce(lease.epoch, 0) AS epoch, coalesce(lease.holder, '') AS holder,
       coalesce(lease.address, '') AS address, coalesce(lease.expires_at > clock_timestamp(), false) AS is_held,
       CASE WHEN lease.reserved_until > clock_timestamp() THEN lease.reserved_for END AS reserved_for,
       coalesce((SELECT max(seq) FROM trading.journal batch WHERE batch.shard = numbered.shard), 0) AS journal_seq,
       coalesce(lease.last_seq, 0) AS last_seq
FROM (SELECT number::smallint AS shard FROM generate_series(0, %s - 1) AS number) numbered
LEFT JOIN trading.shard_leases lease USING (shard)
ORDER BY numbered.shard
"""
_ACQUIRE = """
INSERT INTO trading.shard_leases AS lease (shard, epoch, holder, address, expires_at)
VALUES (%(shard)s, 1, %(holder)s, %(address)s, clock_timestamp() + make_interval(secs => %(lease_s)s))
ON CONFLICT (shard) DO UPDATE
  SET epoch = lease.epoch + 1, holder = excluded.holder, address = excluded.address, expires_at = excluded.expires_at,
      reserved_for = NULL, reserved_until = NULL
  WHERE (lease.expires_at < clock_timestamp() OR lease.holder = excluded.holder AND %(own_epoch)s IN (0, lease.epoch))
    AND (coalesce(lease.reserved_until < clock_timestamp(), true) OR lease.reserved_for = excluded.holder)
RETURNING epoch
"""
# Locked in order, so that two engines never wait for each other.
_HEARTBEAT = """
WITH held AS (
  SELECT lease.shard, mine.last_seq FROM trading.shard_leases lease
  JOIN unnest(%(shards)s::smallint[], %(epochs)s::bigint[], %(last_seqs)s::bigint[]) AS mine (shard, epoch, last_seq)
    USING (shard, epoch)
  ORDER BY lease.shard FOR NO KEY UPDATE OF lease
)
UPDATE trading.shard_leases lease
SET expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s),
    last_seq = greatest(lease.last_seq, held.last_seq)
FROM held WHERE lease.shard = held.shard
RETURNING lease.shard
"""
_RELEASE = """
UPDATE trading.shard_leases
SET expires_at = clock_timestamp() - interval '1 second', reserved_for = %(reserved_for)s::text,
    reserved_until = CASE WHEN %(reserved_for)s::text IS NOT NULL
                          THEN clock_timestamp() + make_interval(secs => %(reserved_s)s) END,
    last_seq = greatest(last_seq, %(last_seq)s)
WHERE shard = %(shard)s AND epoch = %(epoch)s
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """One shard as the database has it.

    `holder` and `address` are of whoever had it last, empty if nobody did; `journal_seq` is the first number of the
    journal's last row, 0 for an empty journal; `last_seq` is a number that the journal has reached, if not passed.
    """

    shard: int
    epoch: int
    holder: str
    address: str
    is_held: bool
    reserved_for: str | None
    journal_seq: int
    last_seq: int


async def read_leases(connection: EngineConnection) -> list[Lease]:
    """All shards, by number."""
    async with answered(), connection.cursor(row_factory=class_row(Lease)) as cursor:
        await cursor.execute(_READ, (SHARDS,))
        return await cursor.fetchall()


async def acquire(pool: EnginePool, shard: int, *, holder: str, address: str, own_epoch: int) -> int | None:
    """The epoch under which `holder` has the shard now; None when it is another's, or kept for another.

    A lease that still runs is taken back under the same name: by a process that never had it (`own_epoch` 0: a restart
    need not wait), or that had it under this very epoch. Not by one that was fenced by its own namesake.
    """
    parameters = {"shard": shard, "holder": holder, "address": address, "own_epoch": own_epoch, "lease_s": LEASE_S}
    async with pooled(pool) as connection:
        row = await (await connection.execute(_ACQUIRE, parameters)).fetchone()
    return None if row is None else int(row[0])


async def heartbeat(connection: EngineConnection, held: Mapping[int, tuple[int, int]]) -> set[int]:
    """Keep the leases of these shards, in one statement. Those that are still held.

    `held` is shard → epoch, and the last command that is committed as far as the holder of that epoch knows.
    """
    parameters = {
        "shards": list(held),
        "epochs": [epoch for epoch, _ in held.values()],
        "last_seqs": [last_seq for _, last_seq in held.values()],
        "lease_s": LEASE_S,
    }
    async with answered():
        return {row[0] for row in await (await connection.execute(_HEARTBEAT, parameters)).fetchall()}


async def release(pool: EnginePool, shard: int, epoch: int, *, last_seq: int, reserved_for: str | None = None) -> None:
    """Anyone may have it at once; with `reserved_for` only that engine, for a moment. Fenced when it is another's.

    `last_seq` is the last command that is committed.
    """
    parameters = {
        "shard": shard,
        "epoch": epoch,
        "last_seq": last_seq,
        "reserved_for": reserved_for,
        "reserved_s": RESERVED_S,
    }
    async with pooled(pool) as connection:
        cursor = await connection.execute(_RELEASE, parameters)
    if cursor.rowcount != 1:
        raise Fenced(f"epoch {epoch} of shard {shard} is over: another engine holds the lease")
