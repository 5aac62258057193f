"""The audit trail goes on after a restore of the database: two persons say what was lost, and it stays said.

The bucket has anchors that the restored database knows nothing of, so the sealer signs no more (decision 107). None of
them is given up: what is sealed from now on follows the newest, and its anchor names the records in between, whose
lines are gone, with who said so. What is anchored and still there cannot be among them.
"""

import uuid
from datetime import datetime, timedelta
from typing import TypedDict

from breakwater.db.audit import FIRST_HEAD, GapRow
from breakwater.domain.permissions import Caller
from breakwater.domain.times import format_time, nanoseconds
from breakwater.errors import Conflict, NotFound, NotPermitted
from breakwater.services.audit import ORGANISATION, Anchors
from breakwater.services.audit_sealing import what_was_lost
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
        head = tx.audit.head() or FIRST_HEAD
    lost = what_was_lost(caller.tenant_id, head, anchors)
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
    """The sealer's next run goes on behind what was lost. Needs audit:export, of another person than who asked.

    Conflict where it was approved before, was asked more than a day ago, or is not true any more.
    """
    caller.require("audit:export")
    caller.require_person("approves what the audit trail has lost")
    with transactions(caller.tenant_id) as tx:
        head = tx.audit.head() or FIRST_HEAD
    lost = what_was_lost(caller.tenant_id, head, anchors)
    with transactions(caller.tenant_id) as tx:
        row, now = tx.audit.lock_gap(gap_id), tx.audit.head() or FIRST_HEAD
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
        tx.audit.approve_gap(gap_id, caller.username, at)
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
