"""The audit trail: searched, a person's own part of it, and exported."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from breakwater.runtime.anchorage import KmsAnchorage
from breakwater.runtime.api import SIGNED_IN, Caller, create_api, lambda_handler, needs
from breakwater.runtime.database import caller_transaction, tenant_transaction, transactions_of
from breakwater.services import audit, audit_gaps
from breakwater.services.audit import AuditAnchors, AuditExport, AuditLines, AuditPage
from breakwater.services.audit_gaps import AuditGap, AuditGaps
from breakwater.services.cursors import LIMIT_DEFAULT

SEQUENCE_MAX = 2**53

api = create_api(service="audit")

Limit = Annotated[int, Query(ge=1, le=audit.PAGE_MAX)]
Sequence = Annotated[int, Query(ge=1, le=SEQUENCE_MAX)]
Before = Annotated[int | None, Query(ge=1, le=SEQUENCE_MAX)]


class ExportRequest(BaseModel):
    """Records that were sealed from `since` up to, and without, `until`."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    until: AwareDatetime


class ResumptionRequest(BaseModel):
    """`reason`: why the database was restored, and by whom; it stays readable for as long as the trail."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=10, max_length=1_000)]


@api.get("/audit/records", dependencies=[needs("audit:read")])
def search_audit_trail(
    caller: Caller,
    *,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    topic: Annotated[str | None, Query(max_length=100)] = None,
    aggregate_id: uuid.UUID | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    before: Before = None,
    limit: Limit = LIMIT_DEFAULT,
) -> AuditPage:
    with caller_transaction(caller) as tx:
        return audit.search(
            *(caller, tx),
            actor=actor,
            topic=topic,
            aggregate_id=aggregate_id,
            since=since,
            until=until,
            before=before,
            limit=limit,
            at=datetime.now(UTC),
        )


@api.get("/audit/activity", dependencies=[SIGNED_IN])
def list_own_activity(caller: Caller, before: Before = None, limit: Limit = LIMIT_DEFAULT) -> AuditPage:
    with caller_transaction(caller) as tx:
        return audit.own_activity(caller, tx, before=before, limit=limit)


@api.post("/audit/exports", status_code=201, dependencies=[needs("audit:export")])
def export_audit_trail(request: ExportRequest, caller: Caller) -> AuditExport:
    transactions = transactions_of(caller.actor)
    return audit.export(caller, transactions, KmsAnchorage(), since=request.since, until=request.until)


@api.get("/audit/lines", dependencies=[needs("audit:export")])
def list_audit_lines(
    caller: Caller, first_sequence: Sequence, limit: Annotated[int, Query(ge=1, le=audit.LINES_MAX)] = audit.LINES_MAX
) -> AuditLines:
    with caller_transaction(caller) as tx:
        return audit.lines(caller, tx, first_sequence=first_sequence, limit=limit, at=datetime.now(UTC))


@api.get("/audit/anchors", dependencies=[needs("audit:export")])
def list_audit_anchors(caller: Caller, first_sequence: Sequence, sequence: Sequence) -> AuditAnchors:
    return audit.anchors_of(caller, KmsAnchorage(), first_sequence=first_sequence, sequence=sequence)


@api.get("/audit/gaps", dependencies=[needs("audit:read")])
def list_audit_gaps(caller: Caller) -> AuditGaps:
    return audit_gaps.list_gaps(caller, tenant_transaction)


@api.post("/audit/gaps", status_code=201, dependencies=[needs("audit:export")])
def ask_to_resume_audit_trail(request: ResumptionRequest, caller: Caller) -> AuditGap:
    return audit_gaps.ask_to_resume(
        caller, transactions_of(caller.actor), KmsAnchorage(), reason=request.reason, at=datetime.now(UTC)
    )


@api.post("/audit/gaps/{gap_id}/approval", dependencies=[needs("audit:export")])
def approve_audit_resumption(gap_id: uuid.UUID, caller: Caller) -> AuditGap:
    return audit_gaps.approve_resumption(
        gap_id, caller, transactions_of(caller.actor), KmsAnchorage(), at=datetime.now(UTC)
    )


handler = lambda_handler(api)
