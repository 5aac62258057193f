"""What people are to be told of alerts is sent, when it is due, and what became of it is written down."""

from datetime import UTC, datetime

from breakwater.runtime.alert_queue import DeliveryMessage, delivery_message_of, queue_again
from breakwater.runtime.alert_senders import SENDERS
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.queue import message_handler
from breakwater.runtime.settings import settings
from breakwater.services.alert_sending import send_delivery


def process(message: DeliveryMessage) -> None:
    due_at = send_delivery(
        message.tenant_id,
        message.delivery_id,
        transactions=tenant_transaction,
        senders=SENDERS,
        now=_now,
        public_url=settings().public_api_url,
    )
    if due_at is not None:
        queue_again(message, due_at=due_at, at=_now())


def _now() -> datetime:
    return datetime.now(UTC)


handler = message_handler(delivery_message_of, process)
