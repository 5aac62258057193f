"""A stage of an alert's escalation. Input: {"tenant_id", "alert_id", "stage"}; answers {"is_over"}."""

import uuid
from datetime import UTC, datetime
from typing import Any

from breakwater.runtime.alert_queue import queue_deliveries
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.observability import logger
from breakwater.runtime.saga import task_handler
from breakwater.services import escalation


def _carry_out(task: dict[str, Any]) -> dict[str, bool]:
    """At least once: what is due is queued after the commit, and again if the task comes again."""
    tenant_id, alert_id = uuid.UUID(task["tenant_id"]), uuid.UUID(task["alert_id"])
    at = datetime.now(UTC)
    with tenant_transaction(tenant_id) as tx:
        done = escalation.carry_out(alert_id, task["stage"], tx, at)
    queue_deliveries(tenant_id, done.due, at=at)
    logger().info("stage", alert_id=str(alert_id), stage=task["stage"], messages=len(done.due), is_over=done.is_over)
    return {"is_over": done.is_over}


handler = task_handler(_carry_out)
