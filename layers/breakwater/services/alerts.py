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
from breakwater.domain.conditions import category_of, severity_of
from breakwater.domain.limits import CROSSED_PCT, WATCHED_LOSSES
from breakwater.domain.times import format_time, from_nanoseconds, nanoseconds
from breakwater.services.alert_telling import Told, tell, told_before
from events.alerts import AlertRaised, DeliveryFailed, NobodyOnCall
from events.envelope import Envelope
from events.identity import ExchangeCredentialAccessChanged, ExchangeCredentialChanged, SecondFactorChanged
from events.limits import (
    DeadManExpired,
    DegradedModeChanged,
    ExternalFillBooked,
    LeaseChanged,
    LimitBreached,
    LimitBreachedByLoss,
    LimitChanged,
    NodeStateChanged,
    OverrideChanged,
    OverrideOfParametersChanged,
)
from events.orders import OrderRejected, OrderReplaceRejected, OrderState
from events.security import KeyUsedFromElsewhere, SignInsRefused
from events.system import DriftFound, HealthChanged, MetricCrossed
from events.trades import TradeFailed
from events.webhooks import EndpointPaused, EventGivenUp, QueueOverflowed

FINDINGS_SHOWN_MAX = 10  # Of one drift, in its alert.
REPAIRED_FINDINGS = frozenset({"ENDED_ORDER", "MISSING_ORDER"})  # What docs/venues.md calls certain.
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


def restore_alert(envelope: Envelope, tx: TenantTransaction) -> None:
    """Of an event that is told again: its alert, should it have been lost, stored and told to nobody."""
    if envelope.topic == LeaseChanged.topic and not _is_ended_by_limits(envelope):
        return
    tx.alerts.add(alert_of(envelope))


def _breach(envelope: Envelope) -> Alert:
    breach = LimitBreached.model_validate(envelope.payload)
    what = "refused an order" if breach.action == "REJECT" else f"is {breach.threshold_pct} % used"
    lines = {
        "Used": breach.used,
        "Reserved": breach.reserved,
        "Attempted": breach.attempted,
        "Order": f"{breach.order_id} in {breach.symbol}",
    }
    return _alert_of_breach(envelope, breach, what, lines)


def _breach_by_loss(envelope: Envelope) -> Alert:
    breach = LimitBreachedByLoss.model_validate(envelope.payload)
    crossed = breach.threshold_pct == CROSSED_PCT
    what = "is crossed" if crossed else f"is {breach.threshold_pct} % used"
    lines: dict[str, str | None]
    if breach.limit_type in WATCHED_LOSSES:
        lines = {"Lost": breach.used, "By": "prices and fills, no order"}
    else:
        by = "what was booked" if breach.order_id is None else f"a fill of {breach.order_id} in {breach.symbol}"
        lines = {"Used": breach.used, "Reserved": breach.reserved, "By": f"{by}, no order was asked"}
    return _alert_of_breach(envelope, breach, what, lines)


def _alert_of_breach(
    envelope: Envelope, breach: LimitBreached | LimitBreachedByLoss, what: str, lines: Mapping[str, str | None]
) -> Alert:
    where = {
        "Node": f"{breach.node_name} ({breach.node_id})",
        "Limit type": breach.limit_type,
        "Instrument": breach.instrument,
        "Limit": breach.limit,
    }
    # A soft threshold tells where things are heading; only a refusal means that somebody could not do something.
    severity: Severity = "ERROR" if breach.action == "REJECT" else "WARNING" if breach.threshold_pct >= 90 else "INFO"
    title = f"{breach.limit_type} of {breach.node_name} {what}"
    return _alert(envelope, breach.limit_type, severity, title, {**where, **lines})


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
    return _alert_of_override(envelope, change, {"Value": change.value})


def _override_of_parameters_change(envelope: Envelope) -> Alert:
    change = OverrideOfParametersChanged.model_validate(envelope.payload)
    if change.is_exempt:
        return _alert_of_override(envelope, change, {"Value": "the limit does not hold"})
    parameters = None if change.parameters is None else json.dumps(change.parameters)
    return _alert_of_override(envelope, change, {"Value": change.value, "Parameters": parameters})


def _alert_of_override(
    envelope: Envelope, change: OverrideChanged | OverrideOfParametersChanged, instead: Mapping[str, str | None]
) -> Alert:
    lines = {
        "Limit": f"{change.limit_type} ({change.limit_id})",
        **instead,
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


def _is_ended_by_limits(envelope: Envelope) -> bool:
    """As LEASE_ENDED in infra_cdk/stacks/control.py has it."""
    return (envelope.payload["state"], envelope.payload["changed_by"]) == ("STOPPED", "limits")


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


def _webhook_pause(envelope: Envelope) -> Alert:
    paused = EndpointPaused.model_validate(envelope.payload)
    lines = {
        "Endpoint": f"{paused.name} at {paused.host} ({paused.endpoint_id})",
        "Failing since": format_time(from_nanoseconds(paused.failing_since_ns)),
        "Last call": f"{paused.last_outcome}, {paused.last_status or 'without an answer'}",
        "Waiting": f"{paused.waiting} events",
    }
    why = "it says that it is gone" if paused.reason == "GONE" else "it took no call for a day"
    title = f"The webhook {paused.name} is paused: {why}"
    # Nothing reaches whoever relies on it until somebody resumes it.
    return _alert(envelope, "WEBHOOK_PAUSED", "ERROR", title, lines)


def _webhook_given_up(envelope: Envelope) -> Alert:
    given_up = EventGivenUp.model_validate(envelope.payload)
    lines = {
        "Endpoint": f"{given_up.name} at {given_up.host} ({given_up.endpoint_id})",
        "Event": f"{given_up.event_topic} ({given_up.event_id})",
        "Delivery": str(given_up.delivery_id),
        "Attempts": str(given_up.attempts),
        "Last call": f"{given_up.last_outcome}, {given_up.last_status or 'without an answer'}",
    }
    return _alert(envelope, "WEBHOOK_DEAD_LETTER", "WARNING", f"The webhook {given_up.name} refused an event", lines)


def _webhook_overflow(envelope: Envelope) -> Alert:
    overflow = QueueOverflowed.model_validate(envelope.payload)
    lines = {
        "Endpoint": f"{overflow.name} at {overflow.host} ({overflow.endpoint_id})",
        "Waiting": f"{overflow.waiting} events",
        "Missing since": format_time(from_nanoseconds(overflow.missed_since_ns)),
    }
    title = f"The queue of the webhook {overflow.name} is full: events are missing from it"
    return _alert(envelope, "WEBHOOK_OVERFLOW", "ERROR", title, lines)


def _nobody_on_call(envelope: Envelope) -> Alert:
    told = NobodyOnCall.model_validate(envelope.payload)
    title = "Nobody is on call: everybody in the rota is gone"
    return _alert(envelope, "ROTA", "ERROR", title, {"In the rota": ", ".join(told.people)})


# Orders that did not go as they should ------------------------------------------------------------------------------
# What the order itself asks for, and the market does not give. A market maker lives with that all day.
_OWN_TERMS = frozenset(
    {"POST_ONLY_WOULD_TAKE", "FOK_NOT_FILLABLE", "NO_LIQUIDITY", "MIN_QUANTITY", "SELF_TRADE", "PRICE_BAND"}
)
_TITLE_OF_STAGE = {
    "SAGA": "Whether an order of {} was placed is not known",
    "UNRESOLVED": "What became of an order of {} is not known",
    "CANCEL": "An order of {} was to be cancelled and was not",
}


def _rejection(envelope: Envelope) -> Alert:
    """What the account's own limits refuse is not sent here: see OWN_LIMITS in infra_cdk/stacks/control.py."""
    order = OrderRejected.model_validate(envelope.payload).order
    lines = {**_order_lines(order), "Code": order.reject_code, "Reason": order.reject_reason}
    severity: Severity = "INFO" if order.reject_code in _OWN_TERMS else "WARNING"
    return _alert(envelope, "ORDER_REJECTED", severity, f"An order of {order.symbol} was rejected", lines)


def _replace_rejection(envelope: Envelope) -> Alert:
    told = OrderReplaceRejected.model_validate(envelope.payload)
    lines = {**_order_lines(told.order), "Code": told.code, "Reason": told.reason}
    title = f"A replace of an order of {told.order.symbol} was rejected: it stays as it was"
    return _alert(envelope, "REPLACE_REJECTED", "WARNING", title, lines)


def _trade_failure(envelope: Envelope) -> Alert:
    failed = TradeFailed.model_validate(envelope.payload)
    lines = {"Order": str(failed.order_id), "Account": str(failed.account_id), "Reason": failed.reason}
    # A saga that died is settled by the reconciler within a minute; the others nobody settles.
    severity: Severity = "WARNING" if failed.stage == "SAGA" else "ERROR"
    title = _TITLE_OF_STAGE[failed.stage].format(failed.symbol)
    return _alert(envelope, f"ORDER_{failed.stage}", severity, title, lines)


def _order_lines(order: OrderState) -> dict[str, str | None]:
    return {
        "Order": f"{order.order_id} ({order.client_order_id})",
        "Account": str(order.account_id),
        "Terms": f"{order.side} {order.quantity} {order.symbol} {order.type}",
        "Price": order.price,
        "Venue": order.venue,
    }


# The platform and its venues ----------------------------------------------------------------------------------------


def _health_change(envelope: Envelope) -> Alert:
    change = HealthChanged.model_validate(envelope.payload)
    lines = {
        "Component": change.component,
        "State": f"{change.state_before} -> {change.state}",
        "Since": format_time(from_nanoseconds(change.since_ns)),
        "Detail": change.detail or None,
    }
    title = f"{change.component} is {change.state}"
    alert = _alert(envelope, "HEALTH", severity_of(change.component, change.state), title, lines)
    return replace(alert, category=category_of(change.component))


def _drift(envelope: Envelope) -> Alert:
    drift = DriftFound.model_validate(envelope.payload)
    lines = {
        "Venue": drift.venue,
        "Found": ", ".join(f"{count} {kind}" for kind, count in sorted(drift.kinds.items())),
        "At": format_time(from_nanoseconds(drift.found_at_ns)),
        **{f"Finding {number}": words for number, words in enumerate(drift.findings[:FINDINGS_SHOWN_MAX], 1)},
    }
    # What is certain is repaired: docs/venues.md.
    severity: Severity = "WARNING" if set(drift.kinds) <= REPAIRED_FINDINGS else "ERROR"
    return _alert(envelope, "DRIFT", severity, f"{drift.venue} and the engine differ", lines)


def _metric(envelope: Envelope) -> Alert:
    crossed = MetricCrossed.model_validate(envelope.payload)
    is_over = crossed.state == "CLEARED"
    lines = {
        "Metric": crossed.metric,
        **{f"Label {name}": value for name, value in sorted(crossed.labels.items())},
        "Value": crossed.value,
        "Bound": crossed.bound,
        "Since": format_time(from_nanoseconds(crossed.since_ns)),
        "Rule": str(crossed.rule_id),
    }
    severity: Severity = "INFO" if is_over else crossed.severity
    title = f"{crossed.rule_name}: over" if is_over else crossed.rule_name
    return replace(_alert(envelope, "METRIC", severity, title, lines), category=crossed.category)


# Security -----------------------------------------------------------------------------------------------------------


def _sign_ins_refused(envelope: Envelope) -> Alert:
    told = SignInsRefused.model_validate(envelope.payload)
    lines = {
        "User": told.username,
        "Failures": f"{told.failures} within {told.window_s // 60} minutes",
        "From": ", ".join(told.source_ips) or None,
    }
    return _alert(envelope, "SIGN_INS_REFUSED", "ERROR", f"Sign-ins of {told.username} fail again and again", lines)


def _used_from_elsewhere(envelope: Envelope) -> Alert:
    told = KeyUsedFromElsewhere.model_validate(envelope.payload)
    lines = {"Key": told.key_id, "User": told.username, "From": told.source_ip}
    # Whoever shows the secret has it, and revoking the key is urgent.
    severity: Severity = "CRITICAL" if told.is_proven else "ERROR"
    title = f"The key {told.key_id} came from an address that it may not come from, and was refused"
    return _alert(envelope, "KEY_FROM_ELSEWHERE", severity, title, lines)


def _second_factor(envelope: Envelope) -> Alert:
    """Only those that were taken are sent here: see SECOND_FACTOR_RESET in infra_cdk/stacks/control.py."""
    change = SecondFactorChanged.model_validate(envelope.payload)
    lines = {"User": change.username, "Changed by": change.changed_by}
    title = f"The second factor of {change.username} was taken from him"
    return _alert(envelope, "SECOND_FACTOR", "WARNING", title, lines)


def _credential(envelope: Envelope) -> Alert:
    change = ExchangeCredentialChanged.model_validate(envelope.payload)
    lines = {
        "Venue": change.venue,
        "Label": change.label,
        "Key": f"...{change.api_key_end}",
        "Account": str(change.account_id),
        "Changed by": change.changed_by,
    }
    title = f"A key at {change.venue} was {change.change.lower()}"
    severity: Severity = "INFO" if change.change == "REWRAPPED" else "WARNING"
    return _alert(envelope, "CREDENTIAL", severity, title, lines)


def _credential_access(envelope: Envelope) -> Alert:
    change = ExchangeCredentialAccessChanged.model_validate(envelope.payload)
    lines = {
        "Credential": str(change.credential_id),
        "Account": str(change.account_id),
        "Changed by": change.changed_by,
    }
    what = "was given a key at an exchange" if change.is_given else "may no longer use a key at an exchange"
    severity: Severity = "WARNING" if change.is_given else "INFO"
    return _alert(envelope, "CREDENTIAL_ACCESS", severity, f"An account {what}", lines)


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
    LimitBreachedByLoss.topic: _breach_by_loss,
    LimitChanged.topic: _limit_change,
    OverrideChanged.topic: _override_change,
    OverrideOfParametersChanged.topic: _override_of_parameters_change,
    DeadManExpired.topic: _silence,
    NodeStateChanged.topic: _state_change,
    ExternalFillBooked.topic: _external_fill,
    LeaseChanged.topic: _lease_change,
    DegradedModeChanged.topic: _mode_change,
    EndpointPaused.topic: _webhook_pause,
    EventGivenUp.topic: _webhook_given_up,
    QueueOverflowed.topic: _webhook_overflow,
    NobodyOnCall.topic: _nobody_on_call,
    OrderRejected.topic: _rejection,
    OrderReplaceRejected.topic: _replace_rejection,
    TradeFailed.topic: _trade_failure,
    HealthChanged.topic: _health_change,
    DriftFound.topic: _drift,
    MetricCrossed.topic: _metric,
    SignInsRefused.topic: _sign_ins_refused,
    KeyUsedFromElsewhere.topic: _used_from_elsewhere,
    SecondFactorChanged.topic: _second_factor,
    ExchangeCredentialChanged.topic: _credential,
    ExchangeCredentialAccessChanged.topic: _credential_access,
    DeliveryFailed.topic: _delivery_failure,
}
TOPICS = frozenset(_KNOWN)


# What is not named here is about risk.
_CATEGORY_OF_KIND: dict[str, Category] = {
    "LIMIT_CHANGE": "GOVERNANCE",
    "OVERRIDE": "GOVERNANCE",
    "DEGRADED_MODE": "SYSTEM",
    "EXTERNAL_FILL": "RECONCILIATION",
    "WEBHOOK_PAUSED": "COMMUNICATION",
    "WEBHOOK_DEAD_LETTER": "COMMUNICATION",
    "WEBHOOK_OVERFLOW": "COMMUNICATION",
    "ROTA": "COMMUNICATION",
    "ORDER_REJECTED": "TRADE_FAILURE",
    "REPLACE_REJECTED": "TRADE_FAILURE",
    "ORDER_SAGA": "TRADE_FAILURE",
    "ORDER_UNRESOLVED": "TRADE_FAILURE",
    "ORDER_CANCEL": "TRADE_FAILURE",
    "DRIFT": "RECONCILIATION",
    "SIGN_INS_REFUSED": "AUTHENTICATION",
    "KEY_FROM_ELSEWHERE": "AUTHENTICATION",
    "SECOND_FACTOR": "AUTHENTICATION",
    "CREDENTIAL": "AUTHENTICATION",
    "CREDENTIAL_ACCESS": "AUTHENTICATION",
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
