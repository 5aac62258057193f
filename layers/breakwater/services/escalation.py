"""Alerts that nobody acknowledges: who is told again, stage by stage. The matrix is domain/escalation.py."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, TypedDict

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.db.escalations import Escalation, EscalationSettings
from breakwater.domain.alerting import SEVERITIES, Audience, Contact
from breakwater.domain.escalation import (
    FIRST_S_DEFAULT,
    MATRIX,
    RECOVERIES,
    SECOND_S_DEFAULT,
    Step,
    Waits,
    at_least,
    introduction,
    is_last,
    step_of,
)
from breakwater.domain.permissions import Caller
from breakwater.domain.times import nanoseconds
from breakwater.services.alert_deliveries import plan_deliveries
from breakwater.services.alert_recipients import people_of, routing_of
from breakwater.services.rota import on_call
from events.alerts import AlertEscalated, EscalationChanged, IncidentCalled
from events.envelope import Event

# An execution that takes longer has been lost: later alerts of the group rest on it no more.
LATE_MAX = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StageDone:
    """`due`: what is to be sent now. `is_over`: nothing follows."""

    due: list[Delivery]
    is_over: bool


class EscalationView(TypedDict):
    """Seconds from the telling of an alert to the stages of its escalation, and where people meet at the last."""

    first_s: int
    second_s: int
    incident_bridge: str | None


class EscalationBody(BaseModel):
    """The body of PUT /alerts/escalation. `incident_bridge`: an https address or a telephone number (E.164)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    first_s: int = FIRST_S_DEFAULT
    second_s: int = SECOND_S_DEFAULT
    incident_bridge: (
        Annotated[str, StringConstraints(max_length=200, pattern=r"^(https://[!-~]+|\+[1-9][0-9]{6,14})$")] | None
    ) = None


def begin(alert: Alert, tx: TenantTransaction, at: datetime, *, escalates: bool = True) -> Escalation | None:
    """The alert's escalation, begun in the transaction that stores it, or as it was begun before. To be started.

    None for one that nobody is told of again, or that another of its group speaks for: one that is no milder, under
    way, and not acknowledged. A worse one escalates by itself. A recovery ends what the group has under way.
    `escalates` False: nobody was told of it at once, so nobody is later.
    """
    if (alert.kind, alert.severity) in RECOVERIES:
        tx.escalations.lock_group(alert.group_key)
        tx.escalations.end_group(alert.group_key, SEVERITIES, "RESOLVED", at)
    if not MATRIX[alert.severity] or not escalates:
        return None
    tx.escalations.lock_group(alert.group_key)
    begun, stored = tx.escalations.find(alert.alert_id), tx.alerts.find(alert.alert_id)
    if begun is not None:
        return begun if begun.ended_at is None else None
    if stored is None or stored.acknowledged_at is not None:
        return None
    if tx.escalations.covering(alert.group_key, at_least(alert.severity), at) is not None:
        return None
    waits = tx.escalations.settings().waits
    escalation = Escalation(
        alert_id=alert.alert_id,
        group_key=alert.group_key,
        severity=alert.severity,
        first_s=waits.first_s,
        second_s=waits.second_s,
        started_at=at,
        covers_to=at + timedelta(seconds=waits.second_s) + LATE_MAX,
    )
    tx.escalations.add(escalation)
    return escalation


def carry_out(alert_id: uuid.UUID, stage: int, tx: TenantTransaction, at: datetime) -> StageDone:
    """What is due at a stage of the alert's escalation, by what is so now. A second time plans and tells nothing more.

    Nothing once it was acknowledged, or is over for another reason.
    """
    alert, escalation = tx.alerts.find(alert_id), tx.escalations.find(alert_id)
    if alert is None or escalation is None:
        return StageDone([], is_over=True)
    tx.escalations.lock_group(alert.group_key)
    escalation = tx.escalations.find(alert_id) or escalation  # As it is, now that nobody changes it any more.
    step = step_of(alert.severity, stage)
    if escalation.stage < stage:
        if escalation.ended_at is not None or step is None:
            return StageDone([], is_over=True)
        _escalate(alert, step, escalation, tx, at)
        if is_last(alert.severity, stage):
            tx.escalations.end(alert_id, "EXHAUSTED", at)
    due = [each for each in tx.alert_deliveries.of_alert(alert_id) if each.stage == stage and each.state == "DUE"]
    return StageDone(due, is_over=escalation.ended_at is not None or is_last(alert.severity, stage))


def settings_view(caller: Caller, tx: TenantTransaction) -> EscalationView:
    caller.require("alerts:read")
    return _view(tx.escalations.settings())


def change_settings(body: EscalationBody, caller: Caller, tx: TenantTransaction, at: datetime) -> EscalationView:
    """InvalidRequest for waits out of bounds. What is under way goes on as it began."""
    caller.require("alerts:manage")
    settings = EscalationSettings(Waits(body.first_s, body.second_s), body.incident_bridge)
    tx.escalations.set(settings)
    tx.outbox.add(
        EscalationChanged(**_view(settings), changed_by=caller.actor),
        aggregate_id=tx.tenant_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
    return _view(settings)


def _view(settings: EscalationSettings) -> EscalationView:
    waits = settings.waits
    return {"first_s": waits.first_s, "second_s": waits.second_s, "incident_bridge": settings.incident_bridge}


def _escalate(alert: Alert, step: Step, escalation: Escalation, tx: TenantTransaction, at: datetime) -> None:
    people = _people(step, alert, tx, at)
    bridge = tx.escalations.settings().incident_bridge
    numbers = [(person.username, person.phone) for person in people if person.phone is not None]
    note = introduction(step, escalation.waits, bridge, numbers)
    planned = plan_deliveries(alert, people, step.channels, stage=step.stage, due_at=at, tx=tx, note=note)
    tx.escalations.reach(alert.alert_id, step.stage)
    common = {"alert_id": alert.alert_id, "kind": alert.kind, "severity": alert.severity, "title": alert.title}
    told = {
        "stage": step.stage,
        "waited_s": escalation.waits.seconds_to(step.stage),
        "audiences": sorted(_audiences(step, alert, tx)),
        "channels": sorted(step.channels),
        "messages": len(planned),
    }
    _tell(AlertEscalated.model_validate({**common, **told}), alert, tx, at)
    if step.calls:
        call = {"body": alert.body, "bridge": bridge, "called": [person.username for person in people]}
        _tell(IncidentCalled.model_validate({**common, **call}), alert, tx, at)


def _people(step: Step, alert: Alert, tx: TenantTransaction, at: datetime) -> list[Contact]:
    """Each once, first who is on call where he is meant. Asked at each stage: people change meanwhile."""
    audiences = _audiences(step, alert, tx)
    first = on_call(tx, at) if "ON_CALL" in audiences else []
    others = people_of(audiences, alert, tx, at=at)
    return list({person.user_id: person for person in [*first, *others]}.values())


def _audiences(step: Step, alert: Alert, tx: TenantTransaction) -> frozenset[Audience]:
    return step.audiences | routing_of(tx).routes[alert.category] if step.tells_again else step.audiences


def _tell(event: Event, alert: Alert, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=alert.alert_id,
        account_id=alert.account_id,
        correlation_id=alert.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
