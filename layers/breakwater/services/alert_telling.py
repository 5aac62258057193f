"""An alert becomes what people are told: whom it is for, with which others it goes, and when nobody is told.

docs/alerts.md has the rules for people, decision 116 the reasons.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alert_groups import FLAP_PERIOD, FLAP_TURNS_MAX, Place, pace_of, place_of, turn
from breakwater.domain.alert_routing import Routing
from breakwater.domain.alerting import AUDIENCE_ROLES, CHANNELS_BY_EVENT, Contact
from breakwater.services.alert_deliveries import plan_deliveries
from breakwater.services.alert_recipients import people_of, routing_of

_FLAPS = f"it has gone up and down more than {FLAP_TURNS_MAX} times in {FLAP_PERIOD.seconds // 60} minutes"
BEGINS_TO_FLAP = f"{_FLAPS}: until it is calm nothing more is told of it, unless it is CRITICAL"
GOES_ON = "it goes on: this is what came since the last message"


@dataclass(frozen=True, slots=True)
class Told:
    """`due`: to be sent after the commit. `escalates`: whoever does not acknowledge it has others told."""

    due: list[Delivery] = field(default_factory=list)
    escalates: bool = False


def tell(alert: Alert, tx: TenantTransaction, at: datetime) -> Told:
    """Plan who is told of a new alert, and when; what is suppressed is planned too, for the history."""
    routing = routing_of(tx)
    channels = routing.channels[alert.severity] - CHANNELS_BY_EVENT
    tx.alert_groups.lock(alert.group_key)
    tx.escalations.lock_group(alert.group_key)  # Always behind the other. Nobody acknowledges it meanwhile.
    hushed, begins_to_flap = _hushed(alert, tx, at)
    if alert.severity == "INFO" and not channels:  # Counted all the same: mostly it says that something is over.
        return Told()
    people = _people(alert, routing, tx, at)
    if hushed is not None:
        plan_deliveries(alert, people, channels, stage=0, due_at=at, tx=tx, suppressed=hushed)
        return Told()
    place, escalates = _join(alert, tx, at, is_alone=begins_to_flap)
    tx.alerts.place(alert.alert_id, gathered_in=place.leader_id, escalates=escalates)
    suppressed = None if place.leader_id is None else f"gathered in the message of alert {place.leader_id}"
    note = BEGINS_TO_FLAP if begins_to_flap else GOES_ON if place.goes_on else None
    due = plan_deliveries(
        alert, people, channels, stage=0, due_at=place.sends_at, tx=tx, note=note, suppressed=suppressed
    )
    return Told(due, escalates)


def told_before(alert: Alert, tx: TenantTransaction) -> Told:
    """What is still to be done for one whose event came again."""
    stored = tx.alerts.find(alert.alert_id)
    due = [each for each in tx.alert_deliveries.of_alert(alert.alert_id) if each.state == "DUE" and each.stage == 0]
    return Told(due, escalates=stored is not None and stored.escalates)


def _people(alert: Alert, routing: Routing, tx: TenantTransaction, at: datetime) -> Sequence[Contact]:
    """Administrators where it would be nobody: a group may be empty, and no account be anybody's."""
    people = people_of(routing.routes[alert.category], alert, tx, at=at)
    return people or tx.alert_recipients.with_roles(AUDIENCE_ROLES["ADMIN"])


def _hushed(alert: Alert, tx: TenantTransaction, at: datetime) -> tuple[str | None, bool]:
    """Why nobody is told, and whether the group begins to flap with this one."""
    turns, state = turn(tx.alert_groups.turns(alert.group_key), alert.severity, at)
    tx.alert_groups.save_turns(alert.group_key, turns, at)
    suppression = tx.alert_routing.suppression_of(
        category=alert.category, kind=alert.kind, severity=alert.severity, group_key=alert.group_key, at=at
    )
    if suppression is not None:
        return f"suppressed by {suppression.created_by}: {suppression.reason}", False
    if state == "FLAPS" and alert.severity != "CRITICAL":
        return _FLAPS, False
    return None, state == "BEGINS"


def _join(alert: Alert, tx: TenantTransaction, at: datetime, *, is_alone: bool) -> tuple[Place, bool]:
    """Its place in the group, and whether it escalates: a group does so once, until it is acknowledged or over."""
    window = tx.alert_groups.window(alert.group_key, alert.severity)
    place = place_of(None if is_alone else window, pace_of(alert.category, alert.severity), at)
    escalated_id = alert.alert_id
    is_later = place.goes_on or place.leader_id is not None
    if window is not None and is_later and _escalation_stands(window.escalated_id, tx, at):
        escalated_id = window.escalated_id
    if place.leader_id is not None:  # The message is that of another; whoever was to answer may have answered already.
        return place, escalated_id == alert.alert_id
    tx.alert_groups.open_window(
        alert.group_key,
        alert.severity,
        leader_id=alert.alert_id,
        escalated_id=escalated_id,
        sends_at=place.sends_at,
        message_no=place.message_no,
        at=at,
    )
    return place, escalated_id == alert.alert_id


def _escalation_stands(alert_id: uuid.UUID, tx: TenantTransaction, at: datetime) -> bool:
    """Whether later alerts of the group rest on this one's: under way and not lost, or told to all and not answered."""
    before, escalation = tx.alerts.find(alert_id), tx.escalations.find(alert_id)
    if before is None or before.acknowledged_at is not None or escalation is None:
        return False
    return escalation.outcome == "EXHAUSTED" or (escalation.ended_at is None and escalation.covers_to > at)
