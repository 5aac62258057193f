"""Who had an order cancelled here is in the audit trail, as it is where the API cancels one."""

import time
import uuid

from breakwater.domain.orders import SubmitOrder
from breakwater.domain.permissions import Principal
from events.audit import CancelRequested
from events.envelope import EnvelopeDocument


def cancel_requested(order: SubmitOrder, principal: Principal) -> EnvelopeDocument:
    """For the audit trail, and no account's feed. It is committed with the cancel, and with nothing else."""
    event = CancelRequested(order_id=order.order_id, account_id=order.account_id, requested_by=principal.actor)
    return {
        "event_id": uuid.uuid4(),
        "topic": event.topic,
        "tenant_id": order.tenant_id,
        "account_id": None,
        "aggregate_id": order.order_id,
        "correlation_id": str(uuid.uuid4()),
        "occurred_at_ns": time.time_ns(),
        "payload": event.model_dump(mode="json"),
    }
