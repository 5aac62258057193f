"""Events become alerts: stored, announced, planned for the people whom they concern, and begun to escalate."""

from datetime import UTC, datetime

from breakwater.runtime.alert_queue import queue_deliveries
from breakwater.runtime.aws import client
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.escalation import start_escalation
from breakwater.runtime.queue import queue_handler
from breakwater.runtime.settings import settings
from breakwater.services import escalation, rota
from breakwater.services.alert_subscriptions import AlertSubscriptions, addresses_of
from breakwater.services.alerts import alert_of, raise_alert, restore_alert
from events.envelope import Envelope
from events.users import PermissionsUpdated


def process(envelope: Envelope) -> None:
    """At least once: queued after the commit, and again if the event comes again, so a crash between loses nothing."""
    if envelope.topic == PermissionsUpdated.topic:
        _follow(envelope)
        return
    alert, at = alert_of(envelope), datetime.now(UTC)
    with tenant_transaction(envelope.tenant_id) as tx:
        told = raise_alert(alert, tx, at)
        begun = escalation.begin(alert, tx, at, escalates=told.escalates)
    queue_deliveries(envelope.tenant_id, told.due, at=at)
    # Last: people are being told by then, and that is what the escalation waits from.
    if begun is not None:
        start_escalation(begun, envelope.tenant_id)


def _follow(envelope: Envelope) -> None:
    """By what is so now, and not by what the event says: two may come in another order."""
    change = PermissionsUpdated.model_validate(envelope.payload)
    if change.change == "ACCESS":  # Accounts and nodes: his role is what it was.
        return
    with tenant_transaction(envelope.tenant_id) as tx:
        address = tx.people.person(change.user_id).email
        hears = addresses_of(tx)[address]
        rota.notice_absence(tx, envelope.correlation_id, datetime.now(UTC))
    AlertSubscriptions(client("sns"), settings().alert_topic_arn).follow(envelope.tenant_id, {address: hears})


def restore(envelope: Envelope) -> None:
    """Of an event that is told again: the alert, if it is not there. Nobody is told, and no subscription moves."""
    with tenant_transaction(envelope.tenant_id) as tx:
        restore_alert(envelope, tx)


handler = queue_handler(process, replay=restore)
