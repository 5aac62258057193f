"""The audit trail in Postgres: which events are to be sealed, the chain, its anchors, and what people ask of it."""

import uuid
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row

from breakwater.domain.audit_chain import GENESIS, Gap

TENANTS_MAX = 10_000

_LAST_RECORDED = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM trading.events_recorded_no_seq"
# Whoever has drawn a number has the table's lock since before, and keeps it until the row can be seen or never will.
_WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE relation = 'trading.events'::regclass AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_HEAD = """
SELECT sequence, hash, sealed_no, anchored_sequence, anchored_hash, anchor_digest FROM audit.heads WHERE tenant_id = %s
"""
_LOCK_HEAD = f"{_HEAD} FOR UPDATE"
_EVENT = """e.event_id, e.topic, e.tenant_id, e.account_id, e.aggregate_id, e.correlation_id, e.occurred_at_ns, e.actor,
  e.payload"""
_UNSEALED = f"""
SELECT e.recorded_no, {_EVENT} FROM trading.events e
WHERE e.tenant_id = %(tenant_id)s AND e.recorded_no > %(after)s AND e.recorded_no <= %(up_to)s
ORDER BY e.recorded_no LIMIT %(limit)s
"""  # noqa: S608  # Constants of this module; every value is a parameter.
_SEALED = f"""
SELECT r.sequence, r.version, {_EVENT} FROM audit.records r JOIN trading.events e USING (event_id)
WHERE r.tenant_id = %(tenant_id)s AND r.sequence BETWEEN %(first)s AND %(last)s ORDER BY r.sequence
"""  # noqa: S608
# By what is asked for, so that each question has the plan that suits it.
_CONDITIONS = {
    "before": "r.sequence < %(before)s",
    "username": "r.username = %(username)s",
    "actor": "e.actor = %(actor)s",
    "topic": "r.topic = %(topic)s",
    "topic_group": "r.topic >= %(topic_group)s || '.' AND r.topic < %(topic_group)s || '/'",  # What follows a dot.
    "aggregate_id": "r.aggregate_id = %(aggregate_id)s",
    "since": "r.sealed_at >= %(since)s",
    "until": "r.sealed_at < %(until)s",
}


@dataclass(frozen=True, slots=True)
class Head:
    """`sealed_no`: events up to that number are in the chain. `anchor_digest`: of the newest anchor's document."""

    sequence: int
    hash: bytes
    sealed_no: int
    anchored_sequence: int
    anchored_hash: bytes
    anchor_digest: bytes


FIRST_HEAD = Head(0, GENESIS, 0, 0, GENESIS, GENESIS)  # Of a trail that nothing was sealed of.


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """An event's place in the chain."""

    sequence: int
    event_id: uuid.UUID
    aggregate_id: uuid.UUID
    version: int
    record_hash: bytes
    topic: str
    username: str | None


@dataclass(frozen=True, slots=True)
class AnchorRow:
    sequence: int
    first_sequence: int
    document: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class GapRow:
    """Approved or not yet."""

    gap_id: uuid.UUID
    first_sequence: int
    sequence: int
    reason: str
    asked_by: str
    asked_at: datetime
    approved_by: str | None
    approved_at: datetime | None


_GAP = "SELECT gap_id, first_sequence, sequence, reason, asked_by, asked_at, approved_by, approved_at FROM audit.gaps"


def last_recorded_no(connection: psycopg.Connection[TupleRow]) -> int:
    """The highest that any event of any organisation has, or will have once its transaction commits."""
    row = connection.execute(_LAST_RECORDED).fetchone()
    return 0 if row is None else int(row[0])


def writers(connection: psycopg.Connection[TupleRow]) -> set[str]:
    """The transactions that write events now."""
    return {row[0] for row in connection.execute(_WRITERS).fetchall()}


def tenants_to_seal(connection: psycopg.Connection[TupleRow], up_to: int) -> list[uuid.UUID]:
    rows = connection.execute("SELECT tenant_id FROM audit.tenants_to_seal(%s, %s)", (up_to, TENANTS_MAX)).fetchall()
    return [row[0] for row in rows]


def find_username(connection: psycopg.Connection[TupleRow], username: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """(tenant_id, user_id) of a user name, whichever organisation it is of."""
    return connection.execute("SELECT tenant_id, user_id FROM identity.find_username(%s)", (username,)).fetchone()


class AuditRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock_head(self) -> Head:
        """Made when there is none: one at a time goes on with an organisation's chain."""
        self._connection.execute(
            "INSERT INTO audit.heads (tenant_id, hash, anchored_hash, anchor_digest) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (tenant_id) DO NOTHING",
            (self._tenant_id, GENESIS, GENESIS, GENESIS),
        )
        head = self._head(_LOCK_HEAD)
        if head is None:
            raise RuntimeError("the head that was made a moment ago is not there")
        return head

    def head(self) -> Head | None:
        """None before anything was sealed."""
        return self._head(_HEAD)

    def _head(self, statement: str) -> Head | None:
        with self._connection.cursor(row_factory=class_row(Head)) as cursor:
            return cursor.execute(statement, (self._tenant_id,)).fetchone()

    def unsealed(self, after: int, up_to: int, limit: int) -> list[dict[str, Any]]:
        """Events with `recorded_no` in (after, up_to], in that order."""
        wanted = {"tenant_id": self._tenant_id, "after": after, "up_to": up_to, "limit": limit}
        return self._dicts(_UNSEALED, wanted)

    def versions(self, aggregate_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
        """The newest of each; an aggregate without any is left out."""
        rows = self._connection.execute(
            "SELECT a.aggregate_id, newest.version FROM unnest(%(ids)s::uuid[]) a (aggregate_id) CROSS JOIN LATERAL"
            " (SELECT version FROM audit.records r WHERE r.tenant_id = %(tenant_id)s"
            " AND r.aggregate_id = a.aggregate_id ORDER BY version DESC LIMIT 1) newest",
            {"tenant_id": self._tenant_id, "ids": list(aggregate_ids)},
        ).fetchall()
        return {row[0]: row[1] for row in rows}

    def add(self, records: Sequence[SealedRecord], at: datetime) -> None:
        """The head is locked."""
        self._connection.execute(
            "INSERT INTO audit.records (tenant_id, sequence, event_id, aggregate_id, version, record_hash, topic,"
            " username, sealed_at) SELECT %s, *, %s FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::bigint[],"
            " %s::bytea[], %s::text[], %s::text[])",
            (self._tenant_id, at, *map(list, zip(*map(astuple, records), strict=True))),
        )

    def move_head(self, sequence: int, head: bytes, sealed_no: int) -> None:
        self._connection.execute(
            "UPDATE audit.heads SET sequence = %s, hash = %s, sealed_no = %s WHERE tenant_id = %s",
            (sequence, head, sealed_no, self._tenant_id),
        )

    def record_hashes(self, first: int, last: int) -> list[bytes]:
        rows = self._connection.execute(
            "SELECT record_hash FROM audit.records WHERE tenant_id = %s AND sequence BETWEEN %s AND %s"
            " ORDER BY sequence",
            (self._tenant_id, first, last),
        ).fetchall()
        return [row[0] for row in rows]

    def add_anchor(self, anchor: AnchorRow, head: bytes, digest: bytes) -> None:
        """The head is locked."""
        self._connection.execute(
            "INSERT INTO audit.anchors (tenant_id, sequence, first_sequence, document, signature)"
            " VALUES (%s, %s, %s, %s, %s)",
            (self._tenant_id, anchor.sequence, anchor.first_sequence, anchor.document, anchor.signature),
        )
        self._connection.execute(
            "UPDATE audit.heads SET anchored_sequence = %s, anchored_hash = %s, anchor_digest = %s"
            " WHERE tenant_id = %s",
            (anchor.sequence, head, digest, self._tenant_id),
        )

    def unstored_anchor(self) -> AnchorRow | None:
        """One that is signed and perhaps not stored outside yet: there is one at most."""
        with self._connection.cursor(row_factory=class_row(AnchorRow)) as cursor:
            return cursor.execute(
                "SELECT sequence, first_sequence, document, signature FROM audit.anchors WHERE tenant_id = %s"
                " AND stored_at IS NULL ORDER BY sequence LIMIT 1",
                (self._tenant_id,),
            ).fetchone()

    def anchor_stored(self, sequence: int, at: datetime) -> None:
        self._connection.execute(
            "UPDATE audit.anchors SET stored_at = %s WHERE tenant_id = %s AND sequence = %s",
            (at, self._tenant_id, sequence),
        )

    def gap_before(self, sequence: int) -> Gap | None:
        """What was lost right before that record, if two persons have said so."""
        with self._connection.cursor(row_factory=class_row(Gap)) as cursor:
            return cursor.execute(
                "SELECT first_sequence, sequence, reason, asked_by, approved_by FROM audit.gaps WHERE tenant_id = %s"
                " AND sequence = %s AND approved_by IS NOT NULL",
                (self._tenant_id, sequence - 1),
            ).fetchone()

    def approved_gap_behind(self, sequence: int) -> int | None:
        """Up to which record two persons have said that all behind this one was lost."""
        row = self._connection.execute(
            "SELECT max(sequence) FROM audit.gaps WHERE tenant_id = %s AND first_sequence = %s"
            " AND approved_by IS NOT NULL",
            (self._tenant_id, sequence + 1),
        ).fetchone()
        return None if row is None else row[0]

    def gaps(self, limit: int) -> list[GapRow]:
        """The newest first."""
        with self._connection.cursor(row_factory=class_row(GapRow)) as cursor:
            return cursor.execute(
                f"{_GAP} WHERE tenant_id = %s ORDER BY asked_at DESC, gap_id LIMIT %s", (self._tenant_id, limit)
            ).fetchall()

    def lock_gap(self, gap_id: uuid.UUID) -> GapRow | None:
        with self._connection.cursor(row_factory=class_row(GapRow)) as cursor:
            return cursor.execute(
                f"{_GAP} WHERE tenant_id = %s AND gap_id = %s FOR UPDATE", (self._tenant_id, gap_id)
            ).fetchone()

    def add_gap(self, gap: GapRow) -> None:
        self._connection.execute(
            "INSERT INTO audit.gaps (tenant_id, gap_id, first_sequence, sequence, reason, asked_by, asked_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (self._tenant_id, gap.gap_id, gap.first_sequence, gap.sequence, gap.reason, gap.asked_by, gap.asked_at),
        )

    def approve_gap(self, gap_id: uuid.UUID, username: str, at: datetime) -> None:
        self._connection.execute(
            "UPDATE audit.gaps SET approved_by = %s, approved_at = %s WHERE tenant_id = %s AND gap_id = %s",
            (username, at, self._tenant_id, gap_id),
        )

    def go_on_behind(self, lost_to: int, lost_head: bytes, lost_digest: bytes, reached: bytes) -> None:
        """What is not anchored moves behind record `lost_to`, with `reached` for its head."""
        self._connection.execute(
            "SELECT audit.go_on_behind(%s, %s, %s, %s)", (lost_to, lost_head, lost_digest, reached)
        )

    def next_from(self, sequence: int) -> int | None:
        """That record, or where it was lost the first behind; None where there is none."""
        row = self._connection.execute(
            "SELECT min(sequence) FROM audit.records WHERE tenant_id = %s AND sequence >= %s",
            (self._tenant_id, sequence),
        ).fetchone()
        return None if row is None else row[0]

    def sealed(self, first: int, last: int) -> list[dict[str, Any]]:
        """The records with their events, by sequence."""
        return self._dicts(_SEALED, {"tenant_id": self._tenant_id, "first": first, "last": last})

    def find(self, *, limit: int, **wanted: Any) -> list[dict[str, Any]]:
        """The newest first, of those that are as the `_CONDITIONS` of what is wanted say; None asks for nothing."""
        wanted = {name: value for name, value in wanted.items() if value is not None}
        conditions = "".join(f" AND {_CONDITIONS[name]}" for name in wanted)
        statement = (
            f"SELECT r.sequence, r.version, {_EVENT} FROM audit.records r JOIN trading.events e USING (event_id)"  # noqa: S608
            f" WHERE r.tenant_id = %(tenant_id)s{conditions} ORDER BY r.sequence DESC LIMIT %(limit)s"
        )
        return self._dicts(statement, {**wanted, "tenant_id": self._tenant_id, "limit": limit})

    def sequences_between(self, since: datetime, until: datetime) -> tuple[int, int] | None:
        """The first and last record that was sealed then; None where there is none."""
        within = (
            "FROM audit.records WHERE tenant_id = %(tenant_id)s AND sealed_at >= %(since)s AND sealed_at < %(until)s"
        )
        row = self._connection.execute(
            f"SELECT (SELECT sequence {within} ORDER BY sealed_at, sequence LIMIT 1),"
            f" (SELECT sequence {within} ORDER BY sealed_at DESC, sequence DESC LIMIT 1)",
            {"tenant_id": self._tenant_id, "since": since, "until": until},
        ).fetchone()
        return None if row is None or row[0] is None else (row[0], row[1])

    def newest(self) -> int:
        """The last record that is there; 0 when there is none."""
        row = self._connection.execute(
            "SELECT coalesce(max(sequence), 0) FROM audit.records WHERE tenant_id = %s", (self._tenant_id,)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _dicts(self, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, values).fetchall()
