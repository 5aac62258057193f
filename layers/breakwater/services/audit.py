"""What people ask of the audit trail: searched, a person's own, and exported for a verifier."""

import base64
import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Protocol, TypedDict

from breakwater.db.connection import TenantTransaction
from breakwater.domain.audit_chain import StoredAnchor, record_line
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import InvalidRequest, NotFound
from breakwater.services.audit_sealing import ANCHORS_LISTED_MAX, StoredAnchors, record_of
from breakwater.services.settlement import TenantTransactions
from events.audit import SensitiveDataRead, TrailExported
from events.envelope import Event

PAGE_MAX = 200
LINES_MAX = 2_000
LINES_BYTES_MAX = 3_500_000  # Of an answer, which a function may make 6 MB.
ANCHORS_MAX = 100
FETCHED_AT_ONCE = 10
VERSIONED = re.compile(r"\.v[0-9]+$")  # A whole topic; without it, the beginning of some.
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
    """What to fetch: whole anchors, so more than was asked for. `anchored_sequence`: up to where there are anchors.

    That is more than `sequence` where somebody has cut the database's trail.
    """

    tenant_id: str
    first_sequence: int
    sequence: int
    anchored_sequence: int
    key_id: str
    public_key: str  # PEM


class AuditLines(TypedDict):
    """Records as they were hashed, one after the other from `first_sequence` on.

    They are fewer than asked for where they would be too long, and where some were lost. They go on at
    `next_sequence`, if at all.
    """

    first_sequence: int
    lines: list[str]
    next_sequence: int


class AuditAnchor(TypedDict):
    """As it lies outside the database. `signature` and `hashes` in base64."""

    document: str
    signature: str
    hashes: str


class AuditAnchors(TypedDict):
    items: list[AuditAnchor]


class Anchors(StoredAnchors, Protocol):
    """Where anchors lie, and what verifies them. All may raise Unavailable."""

    @property
    def key_id(self) -> str: ...

    def public_key(self) -> str:
        """PEM."""
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
    """Needs audit:read. That somebody looked is a record, too. `actor`: a user, or user/key for one of his keys.

    `since` and `until` are of the sealing, a minute or two after the event. InvalidRequest where they are not in order.
    """
    caller.require("audit:read")
    if since is not None and until is not None and until <= since:
        raise InvalidRequest("until is after since", field="until")
    head = tx.audit.head()
    is_first_page = before is None or head is None or before > head.sequence
    if is_first_page:
        _tell(tx, SensitiveDataRead(what="audit trail", read_by=caller.actor), caller, at)
    username, _, key_id = (actor or "").partition("/")
    is_group = topic is not None and not VERSIONED.search(topic)
    return _page(
        tx,
        before=before,
        username=username or None,
        actor=actor if key_id else None,
        topic=None if is_group else topic,
        topic_group=topic if is_group else None,
        aggregate_id=aggregate_id,
        since=since,
        until=until,
        limit=limit,
    )


def own_activity(caller: Caller, tx: TenantTransaction, *, before: int | None, limit: int) -> AuditPage:
    """What the caller has done, by whatever key; a key itself needs audit:read for that."""
    if caller.api_key_id is not None:
        caller.require("audit:read")
    return _page(tx, before=before, username=caller.username, limit=limit)


def export(
    caller: Caller, transactions: TenantTransactions, anchors: Anchors, *, since: datetime, until: datetime
) -> AuditExport:
    """What an export of the records that were sealed then consists of, told before it is fetched. Needs audit:export.

    InvalidRequest where it ends before it begins; NotFound where nothing was sealed then.
    """
    caller.require("audit:export")
    if until <= since:
        raise InvalidRequest("until is after since", field="until")
    tenant_id = caller.tenant_id
    with transactions(tenant_id) as tx:
        head, within = tx.audit.head(), tx.audit.sequences_between(since, until)
        unstored, newest = tx.audit.unstored_anchor(), tx.audit.newest()
    if head is None or within is None:
        raise NotFound("the trail has no records of that time")
    first, last = within
    # From here on outside of the transaction. The bucket is believed, and not what the database says is in it.
    if covering := anchors.sequences_after(tenant_id, first - 1, 1):
        first = json.loads(anchors.fetch(tenant_id, covering[0]).document)["first_sequence"]
    if ending := anchors.sequences_after(tenant_id, last - 1, 1):
        anchored, last = ending[0], min(ending[0], newest)
    else:
        anchored, last = (head.anchored_sequence if unstored is None else unstored.first_sequence - 1), newest
    if last == newest:  # Were there more anchors, the rest of their records would have been cut.
        while beyond := anchors.sequences_after(tenant_id, anchored, ANCHORS_LISTED_MAX):
            anchored = beyond[-1]
    return {
        "tenant_id": str(tenant_id),
        "first_sequence": first,
        "sequence": last,
        "anchored_sequence": anchored,
        "key_id": anchors.key_id,
        "public_key": anchors.public_key(),
    }


def lines(caller: Caller, tx: TenantTransaction, *, first_sequence: int, limit: int, at: datetime) -> AuditLines:
    """Needs audit:export. Each answer that is not empty is a record itself: so much has left."""
    caller.require("audit:export")
    told: list[str] = []
    left = LINES_BYTES_MAX
    for row in tx.audit.sealed(first_sequence, first_sequence + limit - 1):
        line = record_line(record_of(row)).decode("ascii")
        left -= len(json.dumps(line))
        if (left < 0 and told) or row["sequence"] != first_sequence + len(told):
            break
        told.append(line)
    if told:
        sequence = first_sequence + len(told) - 1
        event = TrailExported(first_sequence=first_sequence, sequence=sequence, exported_by=caller.actor)
        _tell(tx, event, caller, at)
    behind = first_sequence + len(told)
    return {"first_sequence": first_sequence, "lines": told, "next_sequence": tx.audit.next_from(behind) or behind}


def anchors_of(caller: Caller, anchors: Anchors, *, first_sequence: int, sequence: int) -> AuditAnchors:
    """Those of these records, the first few: whoever wants more asks again behind them. Needs audit:export.

    InvalidRequest where they end before they begin.
    """
    caller.require("audit:export")
    if sequence < first_sequence:
        raise InvalidRequest("sequence is not before first_sequence", field="sequence")
    listed = anchors.sequences_after(caller.tenant_id, first_sequence - 1, ANCHORS_MAX)
    wanted = [each for each in listed if each <= sequence]
    with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
        fetched = list(pool.map(lambda each: anchors.fetch(caller.tenant_id, each), wanted))
    items: list[AuditAnchor] = []
    left = LINES_BYTES_MAX
    for anchor in fetched:
        shown = _shown_anchor(anchor)
        left -= len(shown["hashes"]) + len(shown["document"])
        if left < 0 and items:
            break
        items.append(shown)
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


def _shown_anchor(anchor: StoredAnchor) -> AuditAnchor:
    return {
        "document": anchor.document,
        "signature": base64.b64encode(anchor.signature).decode(),
        "hashes": base64.b64encode(anchor.hashes).decode(),
    }


def _tell(tx: TenantTransaction, event: Event, caller: Caller, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=ORGANISATION,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
