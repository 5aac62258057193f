"""Who had an order cancelled here is in the audit trail, as it is where the API cancels one."""

import logging
import time
import uuid

from breakwater.db.engine_connection import EnginePool
from breakwater.db.engine_events import add_event
from breakwater.domain.orders import SubmitOrder
from breakwater.domain.permissions import Principal
from breakwater.errors import DatabaseUnavailable
from events.audit import CancelRequested

_LOG = logging.getLogger(__name__)


async def tell_cancel(pool: EnginePool, order: SubmitOrder, principal: Principal) -> None:
    """Beside the cancel, which waits for no trail: what cannot be written is logged."""
    event = CancelRequested(order_id=order.order_id, account_id=order.account_id, requested_by=principal.actor)
    try:
        await add_event(
            pool,
            event,
            tenant_id=order.tenant_id,
            aggregate_id=order.order_id,
            actor=principal.actor,
            correlation_id=str(uuid.uuid4()),
            occurred_at_ns=time.time_ns(),
        )
    except DatabaseUnavailable as error:
        _LOG.error("not in the audit trail: %s had order %s cancelled: %s", principal.actor, order.order_id, error)
