"""Events become records of the audit trail, and its head is anchored where nobody can change it (decision 98)."""

import hashlib
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from breakwater.db.audit import AnchorRow, last_recorded_no, tenants_to_seal, writers
from breakwater.db.connection import Connection
from breakwater.domain.audit_chain import Anchor, Record, chained, record_hash, record_line
from breakwater.errors import BreakwaterError
from breakwater.services.settlement import TenantTransactions

SEALED_AT_ONCE_MAX = 2_000
ANCHORED_AT_ONCE_MAX = 20_000  # Records of one anchor: their hashes fit an answer of the API.
WRITERS_WAIT_S = 6.0  # No transaction of ours may be idle, or a statement run, for longer.
WRITERS_POLL_S = 0.02


class Anchorage(Protocol):
    """Where anchors are signed and kept."""

    @property
    def key_id(self) -> str: ...

    def sign(self, document: bytes) -> bytes:
        """ECDSA over P-256 with SHA-256, in DER. Raises Unavailable."""
        ...

    def store(self, tenant_id: uuid.UUID, sequence: int, document: bytes, signature: bytes, hashes: bytes) -> None:
        """May be repeated with the same. Raises Unavailable."""
        ...


def seal_all(
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    anchorage: Anchorage,
    *,
    seconds_left: Callable[[], float],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[int, list[str]]:
    """Seal and anchor what every organisation has written until now. (records sealed, what went wrong in words).

    What is left by trouble or by lack of time is done by the next run.
    """
    up_to = certain_up_to(untenanted)
    with untenanted() as connection:
        tenants = tenants_to_seal(connection, up_to)
    sealed, troubles = 0, []
    for tenant_id in tenants:
        try:
            while seconds_left() > WRITERS_WAIT_S and (more := seal(tenant_id, transactions, up_to)):
                sealed += more
            while seconds_left() > WRITERS_WAIT_S and anchor(tenant_id, transactions, anchorage, now()):
                continue
        except BreakwaterError as error:
            troubles.append(f"audit trail of {tenant_id}: {error.message}")
    return sealed, troubles


def certain_up_to(untenanted: Callable[[], AbstractContextManager[Connection]]) -> int:
    """The number up to which every event can be seen, or never will be; 0 when some transaction does not end.

    Numbers are drawn before the commit. Whoever had drawn one when the highest was read was writing then.
    """
    with untenanted() as connection:
        up_to = last_recorded_no(connection)
        waited_for = writers(connection)
    deadline = time.monotonic() + WRITERS_WAIT_S
    while waited_for:
        if time.monotonic() > deadline:
            return 0
        time.sleep(WRITERS_POLL_S)
        with untenanted() as connection:
            waited_for &= writers(connection)
    return up_to


def seal(tenant_id: uuid.UUID, transactions: TenantTransactions, up_to: int) -> int:
    """Put the next events into the chain, in the order of their numbers: how many; 0 when there are none left."""
    with transactions(tenant_id) as tx:
        head = tx.audit.lock_head()
        events = tx.audit.unsealed(head.sealed_no, up_to, SEALED_AT_ONCE_MAX)
        if not events:
            return 0
        versions = tx.audit.versions(list({event["aggregate_id"] for event in events}))
        rows, sequence = [], head.sequence
        for event in events:
            sealed_no = event.pop("recorded_no")
            aggregate_id = event["aggregate_id"]
            version = versions[aggregate_id] = versions.get(aggregate_id, 0) + 1
            sequence += 1
            hashed = record_hash(record_line(Record(version=version, **event)))
            rows.append((sequence, event["event_id"], aggregate_id, version, hashed))
        tx.audit.add(rows)
        tx.audit.move_head(sequence, chained(head.hash, (row[-1] for row in rows)), sealed_no)
    return len(rows)


def anchor(tenant_id: uuid.UUID, transactions: TenantTransactions, anchorage: Anchorage, at: datetime) -> bool:
    """Sign what is sealed and not anchored, and store it outside; whether there was anything to do."""
    with transactions(tenant_id) as tx:
        head = tx.audit.lock_head()
        left = tx.audit.anchors(1, head.sequence, unstored_only=True, limit=1)
        if not left and head.sequence > head.anchored_sequence:
            first = head.anchored_sequence + 1
            last = min(head.sequence, head.anchored_sequence + ANCHORED_AT_ONCE_MAX)
            hashes = tx.audit.record_hashes(first, last)
            made = Anchor(
                tenant_id=tenant_id,
                first_sequence=first,
                sequence=last,
                head_before=head.anchored_hash,
                head=chained(head.anchored_hash, hashes),
                hashes_digest=hashlib.sha256(b"".join(hashes)).digest(),
                anchor_before=head.anchor_digest,
                key_id=anchorage.key_id,
                anchored_at=at,
            )
            document = made.document()
            row = AnchorRow(last, first, document.decode("ascii"), anchorage.sign(document))
            tx.audit.add_anchor(row, made.head, hashlib.sha256(document).digest())
            left = [row]
        if not left:
            return False
        (row,) = left
        hashes = tx.audit.record_hashes(row.first_sequence, row.sequence)
    anchorage.store(tenant_id, row.sequence, row.document.encode("ascii"), row.signature, b"".join(hashes))
    with transactions(tenant_id) as tx:
        tx.audit.anchor_stored(row.sequence, at)
    return True


def record_of(row: dict[str, Any]) -> Record:
    """The record of a row of `AuditRows.sealed`."""
    return Record(**{name: value for name, value in row.items() if name != "sequence"})
