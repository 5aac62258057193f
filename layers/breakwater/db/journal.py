"""The journal of one shard: a row for each batch of commands, chained by digest, written under a lease.

Every batch is one statement, so one transaction and one round trip (also one with its venue's answers, which are a row
of their own): it locks the lease row FOR SHARE, and writes only
if the epoch there is still the writer's. A taker of the lease waits for that lock, so it reads the journal after the
last batch of the one before it; and whoever wakes from a stall finds another epoch and writes nothing.
"""

import hashlib
import re
import struct
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson
import psycopg
from psycopg.rows import class_row

from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.ids import outbox_bucket
from events.envelope import EnvelopeDocument

COMMAND_BYTES = 128
GENESIS_DIGEST = bytes(32)  # What the first row of a journal follows.
READ_ROWS_MAX = 128  # At once: of rows with the largest batch that is 64 MiB.
_NUMBERS = struct.Struct("<hqqqqq?q")  # As wide as the columns: what nobody can have written has a digest, too.

_ROW = """(%(shard)s::smallint, %(seq)s::bigint, %(last_seq)s::bigint, %(epoch)s::bigint, %(recorded_at_ns)s::bigint,
  %(commands)b::bytea, %(details)s::text, %(event_seq)s::bigint, %(state_hash)s::bigint, %(digest)b::bytea)"""
_APPEND = """
WITH lease AS (
  SELECT epoch FROM trading.shard_leases WHERE shard = %(shard)s AND epoch = %(epoch)s FOR SHARE
), journalled AS (
  INSERT INTO trading.journal
    (shard, seq, last_seq, epoch, recorded_at_ns, commands, details, event_seq, state_hash, digest)
  SELECT row.* FROM lease, (VALUES ROWS) AS row
  RETURNING 1
), due AS (
  SELECT told.* FROM lease, ROWS FROM (json_to_recordset(%(events)s::json) AS (
    event_id uuid, topic text, tenant_id uuid, account_id uuid, aggregate_id uuid, correlation_id text,
    occurred_at_ns bigint, payload jsonb, bucket smallint
  )) WITH ORDINALITY AS told (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id,
                              occurred_at_ns, payload, bucket, position)
), event AS (
  INSERT INTO trading.events
    (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload, actor)
  SELECT event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload,
    -- What the engine took by itself was not written down by the function that its caller has asked.
    CASE topic
      WHEN 'orders.OrderLeased.v1' THEN concat_ws('/', payload->>'placed_by', payload->>'api_key_id')
      WHEN 'audit.CancelRequested.v1' THEN payload->>'requested_by'
    END
  FROM due
), outbox AS (
  INSERT INTO trading.outbox (event_id, bucket) SELECT event_id, bucket FROM due ORDER BY position
)
SELECT count(*) FROM journalled
"""
_APPEND_ONE = _APPEND.replace("ROWS)", f"{_ROW})")
_SECOND = re.sub(r"%\((?!shard|epoch)(\w+)\)", r"%(second_\1)", _ROW)
_APPEND_TWO = _APPEND.replace("ROWS)", f"{_ROW}, {_SECOND})")
_READ = """
SELECT shard, seq, last_seq, epoch, recorded_at_ns, commands, details, event_seq, state_hash, digest
FROM trading.journal WHERE shard = %s AND seq > %s ORDER BY seq LIMIT %s
"""


class Fenced(Exception):
    """Another writer took the shard over: this one must stop at once and forget what it holds."""


class DamagedJournal(Exception):
    """The row at `seq` is not what an engine wrote there, or does not lead where it led then. It is never skipped."""

    def __init__(self, shard: int, seq: int, problem: str) -> None:
        super().__init__(f"journal of shard {shard}, row {seq}: {problem}")
        self.shard = shard
        self.seq = seq
        self.problem = problem


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One batch: commands `seq` to `last_seq`, 128 bytes each, and a JSON text of what their integers do not say.

    `event_seq` is the number of the last event after it; `state_hash` is that of the matching core then, as a signed
    bigint, and there now and then; `digest` covers the digest of the row before and everything here.
    """

    shard: int
    seq: int
    last_seq: int
    epoch: int
    recorded_at_ns: int
    commands: bytes
    details: str
    event_seq: int
    state_hash: int | None
    digest: bytes = b""

    def sealed(self, previous: bytes) -> Self:
        """The row with the digest that it has after the row whose digest is `previous`."""
        return type(self)(
            shard=self.shard,
            seq=self.seq,
            last_seq=self.last_seq,
            epoch=self.epoch,
            recorded_at_ns=self.recorded_at_ns,
            commands=self.commands,
            details=self.details,
            event_seq=self.event_seq,
            state_hash=self.state_hash,
            digest=self._digest_after(previous),
        )

    def check(self, last_seq: int, previous: bytes) -> None:
        """DamagedJournal unless it is whole and follows the row that ended with `last_seq` and had digest `previous`.

        The digest comes last: where a plainer word fits it says what is wrong.
        """
        if self.seq != last_seq + 1:
            raise DamagedJournal(self.shard, self.seq, f"it follows {last_seq}: rows between them are missing")
        if len(self.commands) != COMMAND_BYTES * (self.last_seq - self.seq + 1):
            problem = f"{len(self.commands)} bytes are not the commands {self.seq} to {self.last_seq}"
            raise DamagedJournal(self.shard, self.seq, problem)
        if self.digest != self._digest_after(previous):
            problem = "its digest does not fit: it, or one before it, was changed after it was written"
            raise DamagedJournal(self.shard, self.seq, problem)

    def _digest_after(self, previous: bytes) -> bytes:
        numbers = (self.shard, self.seq, self.last_seq, self.epoch, self.recorded_at_ns, self.event_seq)
        hashed = hashlib.sha256(previous)
        hashed.update(_NUMBERS.pack(*numbers, self.state_hash is not None, self.state_hash or 0))
        # Its length is known from the numbers, so that nothing can move from one text to the other.
        hashed.update(self.commands)
        hashed.update(self.details.encode())
        return hashed.digest()


class Journal:
    """The journal of one shard, from the row after `last_seq` on, whose digest is `digest`.

    Reading and writing both move `last_seq` and `digest`. A follower has epoch 0 and can write nothing.
    """

    def __init__(
        self, pool: EnginePool, shard: int, *, epoch: int = 0, last_seq: int = 0, digest: bytes = GENESIS_DIGEST
    ) -> None:
        self._pool = pool
        self.shard = shard
        self.epoch = epoch
        self.last_seq = last_seq
        self.digest = digest

    async def read(self) -> AsyncGenerator[JournalRow]:
        """Every row from here to the end as it is now, in order. DamagedJournal, DatabaseUnavailable."""
        while True:
            async with (
                pooled(self._pool) as connection,
                connection.cursor(row_factory=class_row(JournalRow), binary=True) as cursor,
            ):
                await cursor.execute(_READ, (self.shard, self.last_seq, READ_ROWS_MAX))
                rows = await cursor.fetchall()
            for row in rows:
                row.check(self.last_seq, self.digest)
                self.last_seq, self.digest = row.last_seq, row.digest
                yield row
            if len(rows) < READ_ROWS_MAX:
                return

    def check_end(self, written_seq: int) -> None:
        """DamagedJournal when it was read to its end, and that is before `written_seq`, which was committed once."""
        if self.last_seq < written_seq:
            ends = f"the journal ends with {self.last_seq}, but {written_seq} was written"
            raise DamagedJournal(self.shard, self.last_seq + 1, f"{ends}: rows at its end are missing")

    async def digest_at(self, last_seq: int) -> bytes | None:
        """Of the row that ends with `last_seq`; None when there is no such row."""
        if last_seq == 0:
            return GENESIS_DIGEST
        query = "SELECT last_seq, digest FROM trading.journal WHERE shard = %s AND seq <= %s ORDER BY seq DESC LIMIT 1"
        async with pooled(self._pool) as connection:
            row = await (await connection.execute(query, (self.shard, last_seq))).fetchone()
        return bytes(row[1]) if row is not None and row[0] == last_seq else None

    async def append(
        self, row: JournalRow, events: Sequence[EnvelopeDocument], *, second: JournalRow | None = None
    ) -> None:
        """Row, events and outbox in one transaction. Fenced when the shard is another's by now.

        `row` is sealed after `digest`, and a second one after it. After DatabaseUnavailable nobody knows whether they
        were committed: only a replay tells.
        """
        parameters: dict[str, Any] = {
            "shard": row.shard,
            "epoch": self.epoch,
            # One text instead of a list for each column, which psycopg would take apart value by value.
            "events": orjson.dumps([_due(event) for event in events]).decode(),
            **_columns(row),
        }
        if second is not None:
            parameters |= {f"second_{name}": value for name, value in _columns(second).items()}
        statement, rows = (_APPEND_ONE, 1) if second is None else (_APPEND_TWO, 2)
        try:
            async with pooled(self._pool) as connection:
                written = await (await connection.execute(statement, parameters)).fetchone()
        except psycopg.errors.UniqueViolation as error:
            if error.diag.table_name != "journal":
                raise  # An event that was told before: no other writer's doing, but a broken invariant.
            raise Fenced("another writer has written these sequence numbers") from error
        if written is None or written[0] != rows:
            raise Fenced(f"epoch {self.epoch} of shard {self.shard} is over: another engine holds the lease")
        last = row if second is None else second
        self.last_seq, self.digest = last.last_seq, last.digest


def _columns(row: JournalRow) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "last_seq": row.last_seq,
        "recorded_at_ns": row.recorded_at_ns,
        "commands": row.commands,
        "details": row.details,
        "event_seq": row.event_seq,
        "state_hash": row.state_hash,
        "digest": row.digest,
    }


def _due(event: EnvelopeDocument) -> dict[str, Any]:
    return {**event, "bucket": outbox_bucket(event["account_id"])}
