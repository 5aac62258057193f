"""Somebody takes up an alert: its escalation ends, and that of every alert of its group that is no worse."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.alerts import AcknowledgedVia, Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.escalation import no_worse_than
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Principal
from breakwater.domain.times import nanoseconds
from breakwater.errors import NotFound
from events.alerts import AlertAcknowledged

NOTE_LENGTH_MAX = 500
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NOTE_LENGTH_MAX)]


class Acknowledgement(BaseModel):
    """The body of POST /alerts/{alert_id}/acknowledge."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    note: Note | None = None


class GroupAcknowledgement(Acknowledgement):
    """The body of POST /alerts/acknowledge: every alert of the group, as the list of alerts names it."""

    group_key: Annotated[str, StringConstraints(min_length=1, max_length=300)]


def acknowledge(
    alert_id: uuid.UUID,
    who: Principal,
    via: AcknowledgedVia,
    tx: TenantTransaction,
    at: datetime,
    *,
    note: str | None = None,
) -> Alert:
    """The alert, with who was first to acknowledge it: a later one changes nothing.

    NotPermitted without alerts:acknowledge; NotFound for an alert that he may not see and that he was not told of.
    """
    who.require("alerts:acknowledge")
    alert = tx.alerts.find(alert_id)
    if alert is None or not _concerns(alert, who, tx):
        raise NotFound("there is no such alert")
    return take_up(alert, who.username, via, tx, at, note=note)


def take_up(
    alert: Alert, by: str, via: AcknowledgedVia, tx: TenantTransaction, at: datetime, *, note: str | None = None
) -> Alert:
    """The same, in the name of whoever was found to be allowed to."""
    tx.escalations.lock_group(alert.group_key)
    told = tx.alerts.find(alert.alert_id) or alert  # As it is, now that nobody else acknowledges it.
    if told.acknowledged_at is not None:
        return told
    severities = no_worse_than(alert.severity)
    acknowledged = tx.alerts.acknowledge(
        alert.group_key, severities, by=by, via=via, note=note, at=at, first=alert.alert_id
    )
    tx.escalations.end_group(alert.group_key, severities, "ACKNOWLEDGED", at)
    tx.alert_deliveries.suppress_stages(acknowledged, "ACKNOWLEDGED")
    tx.outbox.add(
        AlertAcknowledged(
            alert_id=alert.alert_id,
            kind=alert.kind,
            group_key=alert.group_key,
            severity=alert.severity,
            title=alert.title,
            alerts=len(acknowledged),
            acknowledged_by=by,
            via=via,
            note=note,
        ),
        aggregate_id=alert.alert_id,
        account_id=alert.account_id,
        correlation_id=alert.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
    return tx.alerts.find(alert.alert_id) or told


def acknowledge_group(
    group_key: str,
    who: Principal,
    via: AcknowledgedVia,
    tx: TenantTransaction,
    at: datetime,
    *,
    note: str | None = None,
) -> Alert:
    """The worst of the group's alerts that he sees and nobody has acknowledged; with it go the others.

    NotFound where there is none.
    """
    who.require("alerts:acknowledge")
    worst = tx.alerts.worst_open(group_key, _accounts(who, tx))
    if worst is None:
        raise NotFound("no alert of this group is open")
    return acknowledge(worst.alert_id, who, via, tx, at, note=note)


def _concerns(alert: Alert, who: Principal, tx: TenantTransaction) -> bool:
    """Whoever was woken by it may say that he is awake, also where it is of an account that is not his."""
    accounts = _accounts(who, tx)
    return (
        accounts is None
        or alert.account_id in accounts
        or tx.alert_deliveries.was_meant_for(alert.alert_id, who.subject)
    )


def _accounts(who: Principal, tx: TenantTransaction) -> list[uuid.UUID] | None:
    """None: those of the whole organisation."""
    if who.role in ROLES_WITH_ALL_ACCOUNTS:
        return None
    return tx.identity.accessible_account_ids(who.subject, who.role)
