"""Every event becomes deliveries of the endpoints that want it."""

from datetime import UTC, datetime

from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.queue import queue_handler
from breakwater.runtime.webhooks import send_wakes
from breakwater.services.webhook_dispatch import dispatch
from events.envelope import Envelope


def process(envelope: Envelope) -> None:
    dispatch(envelope, tenant_transaction, send_wakes, at=datetime.now(UTC))


handler = queue_handler(process)
