"""Settles what was left open, every minute, and ends degraded modes should the watch be down."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from breakwater.runtime.database import tenant_transaction, untenanted_transaction
from breakwater.runtime.engine import engine_client
from breakwater.runtime.observability import NAMESPACE, logger, observed
from breakwater.services.degraded import mind_all
from breakwater.services.reconciliation import reconcile


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    outcome = reconcile(
        untenanted_transaction,
        tenant_transaction,
        engine_client(),
        lambda: context.get_remaining_time_in_millis() / 1000,
    )
    for failure in outcome.failures:
        logger().error("order not settled", order_id=str(failure.order_id), reason=failure.reason)
    for trouble in mind_all(untenanted_transaction, tenant_transaction, datetime.now(UTC)):
        logger().error("a degraded mode goes on", reason=trouble)
    if outcome.engine_down:
        logger().error("the engine is down: every reservation stays as it is")
    counts = {
        "settled": outcome.settled_count,
        "left": outcome.left_count,
        "failed": len(outcome.failures),
        "engine_down": int(outcome.engine_down),
    }
    for name, count in counts.items():
        metric = f"Reconciler{name.title().replace('_', '')}"
        with single_metric(name=metric, unit=MetricUnit.Count, value=count, namespace=NAMESPACE):
            pass
    return counts
