"""What people ask of the audit trail: searched, a person's own, and exported for a verifier."""

import json
import uuid
from datetime import datetime
from typing import Any, Protocol, TypedDict

from breakwater.db.audit import AnchorRow
from breakwater.db.connection import TenantTransaction
from breakwater.domain.audit_chain import GENESIS, record_line
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import InvalidRequest, NotFound
from breakwater.services.audit_sealing import record_of
from events.audit import SensitiveDataRead, TrailExported
from events.envelope import Event

PAGE_MAX = 200
AT_NS_MAX = 2**63 - 1
LINES_MAX = 2_000  # Of an answer, which a function may make 6 MB.
ANCHORS_MAX = 20
ANCHORED_RECORDS_MAX = 40_000  # Of an answer with several anchors.
ORGANISATION = uuid.UUID(int=0)  # What an event is about that is about the trail as a whole.


class AuditRecord(TypedDict):
    """An event in its place. `actor`: the user, and after a slash the key it was; null where nobody asked for it."""

    sequence: int
    event_id: str
    topic: str
    account_id: str | None
    aggregate_id: str
    version: int
    correlation_id: str
    occurred_at_ns: int
    actor: str | None
    payload: dict[str, Any]


class AuditPage(TypedDict):
    """The newest first; the trail goes on below `next_before`. `sequence` is where it stands, and how far anchored."""

    items: list[AuditRecord]
    next_before: int | None
    sequence: int
    anchored_sequence: int


class AuditExport(TypedDict):
    """What to fetch: whole anchors, so more than was asked for. The first record is chained to `head_before`."""

    tenant_id: str
    first_sequence: int
    sequence: int
    anchored_sequence: int
    head_before: str
    key_id: str
    public_key: str  # PEM


class AuditLines(TypedDict):
    """Records as they were hashed, from `first_sequence` on."""

    first_sequence: int
    lines: list[str]


class AuditAnchor(TypedDict):
    """As it lies outside the database. `signature` and `hashes` in base64."""

    document: str
    signature: str
    hashes: str


class AuditAnchors(TypedDict):
    items: list[AuditAnchor]


class Anchors(Protocol):
    """Where anchors lie."""

    @property
    def key_id(self) -> str: ...

    def public_key(self) -> str:
        """PEM. Raises Unavailable."""
        ...

    def fetch(self, tenant_id: uuid.UUID, sequence: int) -> AuditAnchor:
        """Raises Unavailable, and NotFound for one that is gone."""
        ...


def search(
    caller: Caller,
    tx: TenantTransaction,
    *,
    actor: str | None,
    topic: str | None,
    aggregate_id: uuid.UUID | None,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
    at: datetime,
) -> AuditPage:
    """Needs audit:read. That somebody looked is a record, too."""
    caller.require("audit:read")
    if before is None:  # Not of each page.
        _tell(tx, SensitiveDataRead(what="audit trail", read_by=caller.actor), caller, at)
    return _page(
        tx,
        before=before,
        actor=actor,
        topic=topic,
        aggregate_id=aggregate_id,
        since_ns=None if since is None else _kept_ns(since),
        until_ns=None if until is None else _kept_ns(until),
        limit=limit,
    )


def own_activity(caller: Caller, tx: TenantTransaction, *, before: int | None, limit: int) -> AuditPage:
    """What the caller has done, by whatever key."""
    return _page(
        tx,
        before=before,
        actor=caller.username,
        topic=None,
        aggregate_id=None,
        since_ns=None,
        until_ns=None,
        limit=limit,
    )


def export(
    caller: Caller, tx: TenantTransaction, anchors: Anchors, *, since: datetime, until: datetime, at: datetime
) -> AuditExport:
    """What an export of that time consists of, told before it is fetched. Needs audit:export.

    InvalidRequest where it ends before it begins; NotFound where nothing happened then, or nothing is sealed yet.
    """
    caller.require("audit:export")
    if until <= since:
        raise InvalidRequest("until is after since", field="until")
    head = tx.audit.head()
    within = tx.audit.sequences_between(_kept_ns(since), _kept_ns(until))
    if head is None or within is None:
        raise NotFound("the trail has no records of that time")
    first, last = within
    beginning = tx.audit.anchors(first, first, limit=1)
    if not beginning:  # Not anchored yet: everything after the last anchor.
        first, head_before = head.anchored_sequence + 1, head.anchored_hash
    else:
        first = beginning[0].first_sequence
        before = tx.audit.anchors(first - 1, first - 1, limit=1)
        head_before = _head_of(before[0]) if before else GENESIS
    ending = tx.audit.anchors(last, last, limit=1)
    last = ending[0].sequence if ending else head.sequence
    _tell(tx, TrailExported(first_sequence=first, sequence=last, exported_by=caller.actor), caller, at)
    return {
        "tenant_id": str(caller.tenant_id),
        "first_sequence": first,
        "sequence": last,
        "anchored_sequence": min(last, head.anchored_sequence),
        "head_before": head_before.hex(),
        "key_id": anchors.key_id,
        "public_key": anchors.public_key(),
    }


def lines(caller: Caller, tx: TenantTransaction, *, first_sequence: int, limit: int) -> AuditLines:
    caller.require("audit:export")
    rows = tx.audit.sealed(first_sequence, first_sequence + limit - 1)
    return {"first_sequence": first_sequence, "lines": [record_line(record_of(row)).decode("ascii") for row in rows]}


def anchors_of(
    caller: Caller, tx: TenantTransaction, anchors: Anchors, *, first_sequence: int, sequence: int
) -> AuditAnchors:
    """Those of these records, the first few: whoever wants more asks again behind them.

    NotFound for one that is not where it was stored.
    """
    caller.require("audit:export")
    rows, records = tx.audit.anchors(first_sequence, sequence, limit=ANCHORS_MAX), 0
    items: list[AuditAnchor] = []
    for row in rows:
        records += row.sequence - row.first_sequence + 1
        if items and records > ANCHORED_RECORDS_MAX:
            break
        items.append(anchors.fetch(caller.tenant_id, row.sequence))
    return {"items": items}


def _page(tx: TenantTransaction, **wanted: Any) -> AuditPage:
    head = tx.audit.head()
    limit = wanted.pop("limit")
    rows = tx.audit.find(**wanted, limit=limit + 1)
    items = [_shown(row) for row in rows[:limit]]
    return {
        "items": items,
        "next_before": items[-1]["sequence"] if len(rows) > limit else None,
        "sequence": 0 if head is None else head.sequence,
        "anchored_sequence": 0 if head is None else head.anchored_sequence,
    }


def _shown(row: dict[str, Any]) -> AuditRecord:
    account_id = row["account_id"]
    return {
        "sequence": row["sequence"],
        "event_id": str(row["event_id"]),
        "topic": row["topic"],
        "account_id": None if account_id is None else str(account_id),
        "aggregate_id": str(row["aggregate_id"]),
        "version": row["version"],
        "correlation_id": row["correlation_id"],
        "occurred_at_ns": row["occurred_at_ns"],
        "actor": row["actor"],
        "payload": row["payload"],
    }


def _kept_ns(at: datetime) -> int:
    """Within what an event may have: its first and last instants stand for all beyond."""
    return min(max(nanoseconds(at), 0), AT_NS_MAX)


def _head_of(anchor: AnchorRow) -> bytes:
    return bytes.fromhex(json.loads(anchor.document)["head"])


def _tell(tx: TenantTransaction, event: Event, caller: Caller, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=ORGANISATION,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
