"""The audit trail goes on after a restore of the database: two persons say what was lost, and it stays said.

The bucket has anchors that the restored database knows nothing of, so the sealer signs no more (decision 107). None of
them is given up: what is sealed from now on follows the newest, and its anchor names the records in between, whose
lines are gone, with who said so. What is anchored and still there cannot be among them.
"""

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from breakwater.db.audit import GapRow, Head
from breakwater.domain.audit_chain import chained
from breakwater.domain.permissions import Caller
from breakwater.domain.times import format_time, nanoseconds
from breakwater.errors import Conflict, NotFound, NotPermitted
from breakwater.services.audit import ANCHORS_LISTED_MAX, ORGANISATION, Anchors
from breakwater.services.audit_sealing import TrailRewound
from breakwater.services.settlement import TenantTransactions
from events.audit import TrailResumed, TrailResumptionAsked

APPROVED_WITHIN = timedelta(hours=24)
GAPS_MAX = 100


class AuditGap(TypedDict):
    """Records `first_sequence` to `sequence` were anchored, and lost by a restore. It counts once it is approved."""

    gap_id: str
    first_sequence: int
    sequence: int
    reason: str
    asked_by: str
    asked_at: str
    approved_by: str | None
    approved_at: str | None


class AuditGaps(TypedDict):
    items: list[AuditGap]


@dataclass(frozen=True, slots=True)
class _Lost:
    """Up to where the bucket goes, and how its newest anchor ends."""

    sequence: int
    head: bytes
    digest: bytes


def list_gaps(caller: Caller, transactions: TenantTransactions) -> AuditGaps:
    """The newest first. Needs audit:read."""
    caller.require("audit:read")
    with transactions(caller.tenant_id) as tx:
        return {"items": [_shown(row) for row in tx.audit.gaps(GAPS_MAX)]}


def ask_to_resume(
    caller: Caller, transactions: TenantTransactions, anchors: Anchors, *, reason: str, at: datetime
) -> AuditGap:
    """Says what was lost, and why; it changes nothing before somebody else approves it.

    Needs audit:export, of a person. Conflict where nothing was lost, TrailRewound where the database's past is not
    the one that was anchored.
    """
    caller.require("audit:export")
    caller.require_person("says what the audit trail has lost")
    with transactions(caller.tenant_id) as tx:
        head = tx.audit.hold_head()
    lost = _lost(caller.tenant_id, head, anchors)
    row = GapRow(uuid.uuid4(), head.anchored_sequence + 1, lost.sequence, reason, caller.username, at, None, None)
    with transactions(caller.tenant_id) as tx:
        tx.audit.add_gap(row)
        event = TrailResumptionAsked(
            gap_id=row.gap_id,
            first_sequence=row.first_sequence,
            sequence=row.sequence,
            reason=reason,
            asked_by=caller.username,
        )
        tx.outbox.add(
            event,
            aggregate_id=ORGANISATION,
            account_id=None,
            correlation_id=caller.correlation_id,
            occurred_at_ns=nanoseconds(at),
        )
    return _shown(row)


def approve_resumption(
    gap_id: uuid.UUID, caller: Caller, transactions: TenantTransactions, anchors: Anchors, *, at: datetime
) -> AuditGap:
    """From now on the trail goes on behind what was lost. Needs audit:export, of another person than who asked.

    Conflict where it was approved before, was asked more than a day ago, or is not true any more.
    """
    caller.require("audit:export")
    caller.require_person("approves what the audit trail has lost")
    with transactions(caller.tenant_id) as tx:
        head = tx.audit.hold_head()
    lost = _lost(caller.tenant_id, head, anchors)
    with transactions(caller.tenant_id) as tx:
        now, row = tx.audit.hold_head(), tx.audit.lock_gap(gap_id)
        if row is None:
            raise NotFound("nobody has asked for this")
        if row.asked_by == caller.username:
            raise NotPermitted("whoever says what was lost cannot approve it")
        if row.approved_by is not None or at - row.asked_at > APPROVED_WITHIN:
            raise Conflict("it was approved already, or asked more than a day ago: ask anew")
        has_moved = (now.anchored_sequence, now.anchor_digest) != (head.anchored_sequence, head.anchor_digest)
        if has_moved or (row.first_sequence, row.sequence) != (now.anchored_sequence + 1, lost.sequence):
            raise Conflict("the trail has moved on since it was asked: ask anew")
        if tx.audit.unstored_anchor() is not None:
            raise Conflict("an anchor is on its way to the bucket: ask again in a minute")
        hashes = tx.audit.record_hashes(row.first_sequence, now.sequence)
        tx.audit.approve_gap(gap_id, caller.username, at)
        tx.audit.go_on_behind(lost.sequence, lost.head, lost.digest, chained(lost.head, hashes))
        event = TrailResumed(
            gap_id=gap_id,
            first_sequence=row.first_sequence,
            sequence=row.sequence,
            reason=row.reason,
            asked_by=row.asked_by,
            approved_by=caller.username,
        )
        tx.outbox.add(
            event,
            aggregate_id=ORGANISATION,
            account_id=None,
            correlation_id=caller.correlation_id,
            occurred_at_ns=nanoseconds(at),
        )
        approved = tx.audit.lock_gap(gap_id)
    if approved is None:
        raise RuntimeError("the gap that was approved a moment ago is not there")
    return _shown(approved)


def _lost(tenant_id: uuid.UUID, head: Head, anchors: Anchors) -> _Lost:
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
    return _Lost(last, bytes.fromhex(json.loads(document)["head"]), hashlib.sha256(document).digest())


def _shown(row: GapRow) -> AuditGap:
    return {
        "gap_id": str(row.gap_id),
        "first_sequence": row.first_sequence,
        "sequence": row.sequence,
        "reason": row.reason,
        "asked_by": row.asked_by,
        "asked_at": format_time(row.asked_at),
        "approved_by": row.approved_by,
        "approved_at": None if row.approved_at is None else format_time(row.approved_at),
    }
