"""Sends to endpoints that failed or were slow, apart from the others; every minute it looks for what nobody woke."""

from typing import Any

from breakwater.runtime.database import untenanted_transaction
from breakwater.runtime.observability import logger, observed
from breakwater.runtime.webhooks import send_wakes, sender_handler
from breakwater.services.webhook_sweep import sweep

_send_batch = sender_handler(is_careful=True)


@observed
def _sweep(event: dict[str, Any], context: Any) -> dict[str, Any]:
    swept = sweep(untenanted_transaction, send_wakes)
    if swept.woken:
        logger().info("lanes woken that were overdue", count=swept.woken)
    return {"woken": swept.woken, "forgotten": swept.forgotten}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A queue's batch has Records; everything else is the schedule's."""
    return _send_batch(event, context) if "Records" in event else _sweep(event, context)
