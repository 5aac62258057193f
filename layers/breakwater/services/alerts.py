"""From an event to an alert that people read: stored, announced, and told. docs/alerts.md says to whom."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alerting import Category, Severity
from breakwater.domain.times import format_time, from_nanoseconds, nanoseconds
from breakwater.services.alert_telling import Told, tell, told_before
from events.alerts import AlertRaised, DeliveryFailed
from events.envelope import Envelope
from events.limits import (
    DeadManExpired,
    DegradedModeChanged,
    ExternalFillBooked,
    LeaseChanged,
    LimitBreached,
    LimitChanged,
    NodeStateChanged,
    OverrideChanged,
)

_NAMESPACE = uuid.UUID("a2e6a0f4-5a0e-4d3c-9a5e-2f6d1c7b8e90")

_SEVERITY_OF_STATE: dict[str, Severity] = {
    "KILLED": "CRITICAL",
    "SUSPENDED": "ERROR",
    "REDUCE_ONLY": "ERROR",
    "ACTIVE": "INFO",
}
_SEVERITY_OF_MODE: dict[str, Severity] = {
    "CLOSED": "CRITICAL",
    "EMERGENCY": "CRITICAL",
    "STALE": "ERROR",
    "CACHED": "WARNING",
    "NORMAL": "INFO",
}
_TITLE_OF_MODE = {
    "CACHED": "The limits ledger does not answer: orders pass by limits that are only read",
    "EMERGENCY": "The limits ledger does not answer: emergency limits are in force",
    "CLOSED": "The limits ledger does not answer: no order passes",
    "STALE": "Positions are more than 10 minutes old: orders are refused",
}
_TITLE_OF_RETURN = {
    "LEDGER": "The limits ledger answers again: everything that passed meanwhile is booked",
    "POSITIONS": "Positions are up to date again",
}


def alert_of(envelope: Envelope) -> Alert:
    """The alert an event gives rise to: the same one each time. ValueError for a topic that gives rise to none."""
    known = _KNOWN.get(envelope.topic)
    if known is None:
        raise ValueError(f"no alert is raised for {envelope.topic}")
    return known(envelope)


def raise_alert(alert: Alert, tx: TenantTransaction, at: datetime) -> Told:
    """Store it, announce it, and plan who is told; a second time only answers what is still to be done."""
    if not tx.alerts.add(alert):
        return told_before(alert, tx)
    tx.outbox.add(
        AlertRaised(
            alert_id=alert.alert_id,
            kind=alert.kind,
            category=alert.category,
            severity=alert.severity,
            group_key=alert.group_key,
            title=alert.title,
            body=alert.body,
        ),
        aggregate_id=alert.alert_id,
        account_id=alert.account_id,
        correlation_id=alert.correlation_id,
        occurred_at_ns=nanoseconds(alert.created_at),
    )
    return tell(alert, tx, at)


def _breach(envelope: Envelope) -> Alert:
    breach = LimitBreached.model_validate(envelope.payload)
    refused = breach.action == "REJECT"
    what = "refused an order" if refused else f"is {breach.threshold_pct} % used"
    lines = {
        "Node": f"{breach.node_name} ({breach.node_id})",
        "Limit type": breach.limit_type,
        "Instrument": breach.instrument,
        "Limit": breach.limit,
        "Used": breach.used,
        "Reserved": breach.reserved,
        "Attempted": breach.attempted,
        "Order": f"{breach.order_id} in {breach.symbol}",
    }
    # A soft threshold tells where things are heading; only a refusal means that somebody could not do something.
    severity: Severity = "ERROR" if refused else "WARNING" if breach.threshold_pct >= 90 else "INFO"
    return _alert(envelope, breach.limit_type, severity, f"{breach.limit_type} of {breach.node_name} {what}", lines)


def _limit_change(envelope: Envelope) -> Alert:
    change = LimitChanged.model_validate(envelope.payload)
    lines = {
        "Node": f"{change.node_name} ({change.node_id})",
        "Limit type": change.limit_type,
        "Instrument": change.instrument,
        "Before": _setting(change.value_before, change.parameters_before),
        "Now": _setting(change.value, change.parameters),
        "Changed by": change.changed_by,
    }
    removed = change.parameters is None
    what = "was removed" if removed else "was set" if change.parameters_before is None else "was changed"
    # A limit that is gone stops nothing any more.
    severity: Severity = "WARNING" if removed else "INFO"
    return _alert(envelope, "LIMIT_CHANGE", severity, f"{change.limit_type} of {change.node_name} {what}", lines)


def _setting(value: str | None, parameters: dict[str, Any] | None) -> str:
    return "no limit" if parameters is None else value if value is not None else json.dumps(parameters)


def _override_change(envelope: Envelope) -> Alert:
    change = OverrideChanged.model_validate(envelope.payload)
    lines = {
        "Limit": f"{change.limit_type} ({change.limit_id})",
        "Value": change.value,
        "From": format_time(from_nanoseconds(change.starts_at_ns)),
        "Until": format_time(from_nanoseconds(change.ends_at_ns)),
        "Reason": change.reason,
        "Requested by": change.requested_by,
        "Changed by": change.changed_by,
    }
    title = f"An override of {change.limit_type} was {change.state.lower()}"
    # From here on the limit lets through what it did not.
    severity: Severity = "WARNING" if change.state == "APPROVED" else "INFO"
    return _alert(envelope, "OVERRIDE", severity, title, lines)


def _silence(envelope: Envelope) -> Alert:
    silence = DeadManExpired.model_validate(envelope.payload)
    lines = {
        "Node": f"{silence.node_name} ({silence.node_id})",
        "Last heard of": format_time(from_nanoseconds(silence.heartbeat_at_ns)),
        "Open orders": str(silence.open_orders),
    }
    title = f"{silence.node_name} is silent: its open orders are cancelled"
    return _alert(envelope, "DEAD_MAN", "CRITICAL", title, lines)


def _mode_change(envelope: Envelope) -> Alert:
    change = DegradedModeChanged.model_validate(envelope.payload)
    lines = {
        "Mode": f"{change.mode_before} -> {change.mode}",
        "Since": format_time(from_nanoseconds(change.since_ns)),
        "Orders beside the ledger": f"{change.provisional_orders}, worth {change.provisional_notional}",
    }
    title = _TITLE_OF_RETURN[change.kind] if change.mode == "NORMAL" else _TITLE_OF_MODE[change.mode]
    return _alert(envelope, "DEGRADED_MODE", _SEVERITY_OF_MODE[change.mode], title, lines)


def _state_change(envelope: Envelope) -> Alert:
    change = NodeStateChanged.model_validate(envelope.payload)
    lines = {
        "Node": f"{change.node_name} ({change.node_id})",
        "State": f"{change.state_before} -> {change.state}",
        "Reason": change.reason,
        "Changed by": change.changed_by,
    }
    title = f"{change.node_name} is {change.state}"
    return _alert(envelope, "NODE_STATE", _SEVERITY_OF_STATE[change.state], title, lines)


def _external_fill(envelope: Envelope) -> Alert:
    fill = ExternalFillBooked.model_validate(envelope.payload)
    lines = {
        "Account": str(fill.account_id),
        "Fill": f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price}",
        "Venue": fill.venue,
        "External id": fill.external_id,
        "Order": str(fill.order_id),
        "Booked by": fill.booked_by,
    }
    title = f"A fill of {fill.symbol} from elsewhere was booked"
    # No limit was asked; what it did to nodes is told by their own alerts.
    return replace(_alert(envelope, "EXTERNAL_FILL", "WARNING", title, lines), account_id=fill.account_id)


def _lease_change(envelope: Envelope) -> Alert:
    """Only ends that nobody asked for are sent here: see LEASE_ENDED in infra_cdk/stacks/control.py."""
    change = LeaseChanged.model_validate(envelope.payload)
    lines = {
        "Lease": str(change.lease_id),
        "Account": str(change.account_id),
        "Venue": change.venue,
        "Reason": change.reason,
        "Changed by": change.changed_by,
    }
    title = f"A lease of {change.symbol} is {change.state}"
    return replace(_alert(envelope, "LEASE", "INFO", title, lines), account_id=change.account_id)


def _delivery_failure(envelope: Envelope) -> Alert:
    failure = DeliveryFailed.model_validate(envelope.payload)
    lines = {
        "Alert": str(failure.alert_id),
        "Channel": failure.channel,
        "Destination": failure.destination,
        "Reason": failure.reason,
        "Attempts": str(failure.attempts),
    }
    title = f"An alert did not reach {failure.destination} by {failure.channel}"
    # Whatever keeps one message from its reader mostly keeps many.
    group_key = f"DELIVERY_FAILED/{failure.channel}"
    return replace(_alert(envelope, "DELIVERY_FAILED", "WARNING", title, lines), group_key=group_key)


_KNOWN: dict[str, Callable[[Envelope], Alert]] = {
    LimitBreached.topic: _breach,
    LimitChanged.topic: _limit_change,
    OverrideChanged.topic: _override_change,
    DeadManExpired.topic: _silence,
    NodeStateChanged.topic: _state_change,
    ExternalFillBooked.topic: _external_fill,
    LeaseChanged.topic: _lease_change,
    DegradedModeChanged.topic: _mode_change,
    DeliveryFailed.topic: _delivery_failure,
}


# What is not named here is about risk.
_CATEGORY_OF_KIND: dict[str, Category] = {
    "LIMIT_CHANGE": "GOVERNANCE",
    "OVERRIDE": "GOVERNANCE",
    "DEGRADED_MODE": "SYSTEM",
    "EXTERNAL_FILL": "RECONCILIATION",
    "DELIVERY_FAILED": "COMMUNICATION",
}


def _alert(envelope: Envelope, kind: str, severity: Severity, title: str, lines: Mapping[str, str | None]) -> Alert:
    """About the event's aggregate: alerts of one kind about the same one are grouped."""
    told = {**lines, "Correlation id": envelope.correlation_id}
    # One line each: a reason of several lines could add lines of its own, "Changed by" among them.
    shown = [f"{name}: {' '.join(value.split())}" for name, value in told.items() if value is not None]
    return Alert(
        alert_id=uuid.uuid5(_NAMESPACE, str(envelope.event_id)),
        account_id=envelope.account_id,
        kind=kind,
        category=_CATEGORY_OF_KIND.get(kind, "RISK"),
        severity=severity,
        group_key=f"{kind}/{envelope.aggregate_id}",
        title=title,
        body="\n".join([f"{title}.", "", *shown]),
        correlation_id=envelope.correlation_id,
        created_at=from_nanoseconds(envelope.occurred_at_ns),
    )
