"""Events become alerts: stored, announced, and planned for the people whom they concern; mails follow the people."""

from datetime import UTC, datetime

from breakwater.runtime.alert_queue import queue_deliveries
from breakwater.runtime.aws import client
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.queue import queue_handler
from breakwater.runtime.settings import settings
from breakwater.services.alert_subscriptions import AlertSubscriptions, addresses_of
from breakwater.services.alerts import alert_of, raise_alert
from events.envelope import Envelope
from events.users import PermissionsUpdated


def process(envelope: Envelope) -> None:
    """At least once: queued after the commit, and again if the event comes again, so a crash between loses nothing."""
    if envelope.topic == PermissionsUpdated.topic:
        _follow(envelope)
        return
    at = datetime.now(UTC)
    with tenant_transaction(envelope.tenant_id) as tx:
        told = raise_alert(alert_of(envelope), tx, at)
    queue_deliveries(envelope.tenant_id, told.due, at=at)


def _follow(envelope: Envelope) -> None:
    """By what is so now, and not by what the event says: two may come in another order."""
    change = PermissionsUpdated.model_validate(envelope.payload)
    if change.change == "ACCESS":  # Accounts and nodes: his role is what it was.
        return
    with tenant_transaction(envelope.tenant_id) as tx:
        address = tx.people.person(change.user_id).email
        hears = addresses_of(tx)[address]
    AlertSubscriptions(client("sns"), settings().alert_topic_arn).follow(envelope.tenant_id, {address: hears})


handler = queue_handler(process)
