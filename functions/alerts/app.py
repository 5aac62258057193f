"""Limit events become alerts: stored, announced, and sent to the organisation's subscribers."""

from breakwater.runtime.aws import client
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.queue import queue_handler
from breakwater.runtime.settings import settings
from breakwater.services.alerts import alert_of, publish_alert, raise_alert
from events.envelope import Envelope


def process(envelope: Envelope) -> None:
    """At least once: sent after the commit, and again if the message comes again, so a crash between loses nothing."""
    alert = alert_of(envelope)
    with tenant_transaction(envelope.tenant_id) as tx:
        raise_alert(alert, tx)
    publish_alert(alert, envelope.tenant_id, client("sns").publish, settings().alert_topic_arn)


handler = queue_handler(process)
