"""Who is told that a part of the platform is not well, or is again, and that a venue and the engine differ."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from breakwater.db.connection import TenantTransaction
from breakwater.domain.conditions import Condition
from breakwater.domain.times import nanoseconds
from events.envelope import Envelope, Event
from events.system import DriftFound, HealthChanged

_NAMESPACE = uuid.UUID("6f2d9c1e-1b7e-4d0a-8c55-0a3f6f3d7c21")
FINDING_TOLD_AGAIN_AFTER = timedelta(days=1)
# Of one asset there is another drift each time; of an order, or a fill, there is one.
_NEW_EACH_TIME = frozenset({"BALANCE_DRIFT"})


def tell_conditions(
    confirmed: Iterable[tuple[Condition, datetime]], tx: TenantTransaction, at: datetime
) -> list[Envelope]:
    """Tell the organisation of each that is not as it was told last; what was told."""
    known = tx.conditions.not_well()
    if all(known.get(condition.component, "UP") == condition.state for condition, _ in confirmed):
        return []
    known = tx.conditions.not_well(lock=True)  # Of two watches beside each other the second sees what the first told.
    told = []
    for condition, since in confirmed:
        before = known.get(condition.component, "UP")
        if before == condition.state:
            continue
        tx.conditions.save(condition, since)
        event = HealthChanged(
            component=condition.component,
            state=condition.state,
            state_before=before,
            detail=condition.detail,
            since_ns=nanoseconds(since),
        )
        told.append(add(event, component_id(condition.component), tx, at))
    return told


def tell_drift(venue: str, report: Mapping[str, Any], tx: TenantTransaction, at: datetime, *, in_words: bool) -> None:
    """Tell of the findings of a reconciliation that were not told yet. `in_words`: the venue's key is theirs alone."""
    new: list[Mapping[str, str]] = []
    for finding in report["findings"]:
        what = f"drift/{venue}/{finding['kind']}/{finding['subject']}"
        if finding["kind"] in _NEW_EACH_TIME:
            what = f"{what}/{report['at_ms']}"
        if tx.conditions.tell(what, at, again_after=at - FINDING_TOLD_AGAIN_AFTER):
            new.append(finding)
    if not new:
        return
    event = DriftFound(
        venue=venue,
        found_at_ns=report["at_ms"] * 1_000_000,
        kinds=_counted(new),
        repaired=report["repaired"],
        findings=[f"{each['kind']} {each['subject']}: {each['words']}" for each in new] if in_words else [],
    )
    add(event, component_id(f"venue/{venue}"), tx, at)


def component_id(component: str) -> uuid.UUID:
    """The aggregate of what is told of a component: the same in every organisation."""
    return uuid.uuid5(_NAMESPACE, component)


def add(event: Event, aggregate_id: uuid.UUID, tx: TenantTransaction, at: datetime) -> Envelope:
    """Due for publication, and as it will be published."""
    correlation_id = str(uuid.uuid4())
    at_ns = nanoseconds(at)
    event_id = tx.outbox.add(
        event, aggregate_id=aggregate_id, account_id=None, correlation_id=correlation_id, occurred_at_ns=at_ns
    )
    return Envelope(
        event_id=event_id,
        topic=event.topic,
        tenant_id=tx.tenant_id,
        account_id=None,
        aggregate_id=aggregate_id,
        correlation_id=correlation_id,
        occurred_at_ns=at_ns,
        payload=event.model_dump(mode="json"),
    )


def _counted(findings: Sequence[Mapping[str, str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding["kind"]] = counts.get(finding["kind"], 0) + 1
    return counts
