"""Events become records of the audit trail, and its head is anchored where nobody can change it (decision 98)."""

import hashlib
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from breakwater.db.audit import AnchorRow, Head, SealedRecord, last_recorded_no, tenants_to_seal, writers
from breakwater.db.connection import Connection
from breakwater.domain.audit_chain import Anchor, Record, StoredAnchor, chained, record_hash, record_line
from breakwater.errors import Conflict
from breakwater.services.settlement import TenantTransactions

SEALED_AT_ONCE_MAX = 2_000
ANCHORS_LISTED_MAX = 1_000
ANCHORED_AT_ONCE_MAX = 20_000  # Records of one anchor: their hashes fit an answer of the API.
WRITERS_WAIT_S = 6.0  # No transaction of ours may be idle, or a statement run, for longer.
WRITERS_POLL_S = 0.02
ROUND_S_MAX = 12.0  # What a last round may take, with calls that time out: it begins no later than that before the end.


class TrailRewound(Conflict):
    """The database's trail is not the one that was anchored: nothing of it is signed until somebody has looked."""

    code = "TRAIL_REWOUND"


class StoredAnchors(Protocol):
    """Where anchors are kept."""

    def fetch(self, tenant_id: uuid.UUID, sequence: int) -> StoredAnchor:
        """Raises NotFound and Unavailable."""
        ...

    def sequences_after(self, tenant_id: uuid.UUID, sequence: int, at_most: int) -> list[int]:
        """Of the anchors that lie behind that one, the first few in order. Raises Unavailable."""
        ...


class Anchorage(StoredAnchors, Protocol):
    """And where they are signed."""

    @property
    def key_id(self) -> str: ...

    def sign(self, document: bytes) -> bytes:
        """ECDSA over P-256 with SHA-256, in DER. Raises Unavailable."""
        ...

    def store(self, tenant_id: uuid.UUID, sequence: int, anchor: StoredAnchor) -> None:
        """May be repeated with the same. TrailRewound where another is stored, else Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Lost:
    """Up to where the bucket goes, and how its newest anchor ends."""

    sequence: int
    head: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many records were sealed, and what went wrong, in words."""

    sealed: int
    troubles: Sequence[str]


def seal_all(
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    anchorage: Anchorage,
    *,
    seconds_left: Callable[[], float],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Outcome:
    """Seal and anchor what every organisation has written until now.

    They take turns, in another order each time, and none keeps another from its turn: what is left by trouble or by
    lack of time is done by the next run.
    """
    up_to = certain_up_to(untenanted)
    if up_to is None:
        return Outcome(0, ["a transaction that writes events does not end: nothing is sealed"])
    with untenanted() as connection:
        tenants = tenants_to_seal(connection, up_to)
    turns = deque(random.sample(tenants, len(tenants)))
    sealed, troubles = 0, []
    while turns and seconds_left() > ROUND_S_MAX:
        tenant_id = turns.popleft()
        try:
            more = seal(tenant_id, transactions, up_to, now())
            sealed += more  # Whatever becomes of their anchor.
            is_all = more < SEALED_AT_ONCE_MAX
            if anchor(tenant_id, transactions, anchorage, now(), is_all=is_all) or not is_all:
                turns.append(tenant_id)
        except Exception as error:  # noqa: BLE001  # Whatever is wrong with one trail: the others are sealed.
            troubles.append(f"audit trail of {tenant_id}: {type(error).__name__}: {error}")
    return Outcome(sealed, troubles)


def certain_up_to(untenanted: Callable[[], AbstractContextManager[Connection]]) -> int | None:
    """The number up to which every event can be seen, or never will be; None when some transaction does not end.

    Numbers are drawn before the commit. Whoever had drawn one when the highest was read was writing then.
    """
    with untenanted() as connection:
        up_to = last_recorded_no(connection)
        waited_for = writers(connection)
    deadline = time.monotonic() + WRITERS_WAIT_S
    while waited_for:
        if time.monotonic() > deadline:
            return None
        time.sleep(WRITERS_POLL_S)
        with untenanted() as connection:
            waited_for &= writers(connection)
    return up_to


def seal(tenant_id: uuid.UUID, transactions: TenantTransactions, up_to: int, at: datetime) -> int:
    """Put the next events into the chain, in the order of their numbers: how many; 0 when there are none left."""
    with transactions(tenant_id) as tx:
        head = tx.audit.lock_head()
        events = tx.audit.unsealed(head.sealed_no, up_to, SEALED_AT_ONCE_MAX)
        if not events:
            return 0
        versions = tx.audit.versions(list({event["aggregate_id"] for event in events}))
        records: list[SealedRecord] = []
        for sequence, event in enumerate(events, head.sequence + 1):
            sealed_no = event.pop("recorded_no")
            aggregate_id, actor = event["aggregate_id"], event["actor"]
            version = versions[aggregate_id] = versions.get(aggregate_id, 0) + 1
            hashed = record_hash(record_line(Record(version=version, **event)))
            username = None if actor is None else actor.partition("/")[0]
            records.append(
                SealedRecord(sequence, event["event_id"], aggregate_id, version, hashed, event["topic"], username)
            )
        tx.audit.add(records, at)
        tx.audit.move_head(sequence, chained(head.hash, (each.record_hash for each in records)), sealed_no)
    return len(records)


def anchor(
    tenant_id: uuid.UUID, transactions: TenantTransactions, anchorage: Anchorage, at: datetime, *, is_all: bool
) -> bool:
    """Sign what is sealed and not anchored, and store it outside; whether there was anything to do.

    Unless all is sealed (`is_all`) only when it is enough for a whole anchor. TrailRewound where the trail is not the
    one that was anchored, unless two persons have approved what it lost: then it goes on behind that. KMS and the
    bucket are asked outside of transactions, which may not be idle for long.
    """
    with transactions(tenant_id) as tx:
        head, unstored = tx.audit.lock_head(), tx.audit.unstored_anchor()
    if unstored is None:
        count = head.sequence - head.anchored_sequence
        if count == 0 or (count < ANCHORED_AT_ONCE_MAX and not is_all):
            return False
        try:
            _check_goes_on(tenant_id, head, anchorage)
        except TrailRewound:
            with transactions(tenant_id) as tx:
                has_moved = tx.audit.lock_head() != head  # Another sealer has gone on meanwhile.
            if not has_moved and not _went_on_behind_what_was_lost(tenant_id, head, transactions, anchorage):
                raise
            return True
        unstored = _sign(tenant_id, head, transactions, anchorage, at)
        if unstored is None:
            return True  # Another sealer was faster.
    with transactions(tenant_id) as tx:
        hashes = b"".join(tx.audit.record_hashes(unstored.first_sequence, unstored.sequence))
    if hashlib.sha256(hashes).hexdigest() != json.loads(unstored.document)["hashes_digest"]:
        raise TrailRewound(f"records up to {unstored.sequence} have changed since they were signed")
    anchorage.store(tenant_id, unstored.sequence, StoredAnchor(unstored.document, unstored.signature, hashes))
    with transactions(tenant_id) as tx:
        tx.audit.anchor_stored(unstored.sequence, at)
    return True


def _check_goes_on(tenant_id: uuid.UUID, head: Head, anchorage: Anchorage) -> None:
    """The newest anchor outside is the one that the database goes on from: else its past is not what was signed."""
    if head.anchored_sequence:
        document = anchorage.fetch(tenant_id, head.anchored_sequence).document.encode("ascii")
        if hashlib.sha256(document).digest() != head.anchor_digest:
            raise TrailRewound(f"the anchor of record {head.anchored_sequence} is another than the database knows")
    beyond = anchorage.sequences_after(tenant_id, head.anchored_sequence, 1)
    if beyond:
        raise TrailRewound(f"record {beyond[0]} was anchored, and the database goes on after {head.anchored_sequence}")


def what_was_lost(tenant_id: uuid.UUID, head: Head, anchors: StoredAnchors) -> Lost:
    """Of the bucket alone: up to where it goes behind the database. Conflict, TrailRewound, Unavailable."""
    if head.anchored_sequence:
        document = anchors.fetch(tenant_id, head.anchored_sequence).document.encode("ascii")
        if hashlib.sha256(document).digest() != head.anchor_digest:
            raise TrailRewound("the newest anchor that the database knows is another one: its past was not restored")
    first, last = None, head.anchored_sequence
    while beyond := anchors.sequences_after(tenant_id, last, ANCHORS_LISTED_MAX):
        first, last = first or beyond[0], beyond[-1]
    if first is None:
        raise Conflict("nothing was lost: the trail goes on from its newest anchor")
    following = json.loads(anchors.fetch(tenant_id, first).document)
    if (following["first_sequence"], following["anchor_before"]) != (
        head.anchored_sequence + 1,
        head.anchor_digest.hex(),
    ):
        raise TrailRewound("what was anchored does not follow what the database has: its past was not restored")
    document = anchors.fetch(tenant_id, last).document.encode("ascii")
    return Lost(last, bytes.fromhex(json.loads(document)["head"]), hashlib.sha256(document).digest())


def _went_on_behind_what_was_lost(
    tenant_id: uuid.UUID, head: Head, transactions: TenantTransactions, anchorage: Anchorage
) -> bool:
    """False unless two persons have said that just this was lost. It is worked out anew: theirs is the yes alone."""
    with transactions(tenant_id) as tx:
        approved = tx.audit.approved_gap_behind(head.anchored_sequence)
    if approved is None:
        return False
    lost = what_was_lost(tenant_id, head, anchorage)
    if lost.sequence != approved:
        return False
    with transactions(tenant_id) as tx:
        if tx.audit.lock_head() == head:
            hashes = tx.audit.record_hashes(head.anchored_sequence + 1, head.sequence)
            tx.audit.go_on_behind(lost.sequence, lost.head, lost.digest, chained(lost.head, hashes))
    return True


def _sign(
    tenant_id: uuid.UUID, head: Head, transactions: TenantTransactions, anchorage: Anchorage, at: datetime
) -> AnchorRow | None:
    """None when somebody else went on from this head meanwhile."""
    first = head.anchored_sequence + 1
    last = min(head.sequence, head.anchored_sequence + ANCHORED_AT_ONCE_MAX)
    with transactions(tenant_id) as tx:
        hashes = tx.audit.record_hashes(first, last)
        gap = tx.audit.gap_before(first)
        # The functions' role writes what was lost, and no records: what is still there was not.
        if gap is not None and tx.audit.next_from(gap.first_sequence) != first:
            raise TrailRewound(f"records {gap.first_sequence} to {gap.sequence} are said to be lost, and are there")
    reached = chained(head.anchored_hash, hashes)
    if len(hashes) != last - first + 1 or (last == head.sequence and reached != head.hash):
        raise TrailRewound(f"records {first} to {last} are not those that were sealed")
    made = Anchor(
        tenant_id=tenant_id,
        first_sequence=first,
        sequence=last,
        head_before=head.anchored_hash,
        head=reached,
        hashes_digest=hashlib.sha256(b"".join(hashes)).digest(),
        anchor_before=head.anchor_digest,
        key_id=anchorage.key_id,
        anchored_at=at,
        gap=gap,
    )
    document = made.document()
    row = AnchorRow(last, first, document.decode("ascii"), anchorage.sign(document))
    with transactions(tenant_id) as tx:
        if tx.audit.lock_head().anchored_sequence != head.anchored_sequence:
            return None
        tx.audit.add_anchor(row, made.head, hashlib.sha256(document).digest())
    return row


def record_of(row: dict[str, Any]) -> Record:
    """The record of a row of `AuditRows.sealed`."""
    return Record(**{name: value for name, value in row.items() if name != "sequence"})
