"""Seals what was written into the audit trail and anchors it, every minute."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from breakwater.runtime.anchorage import KmsAnchorage
from breakwater.runtime.database import tenant_transaction, untenanted_transaction
from breakwater.runtime.observability import NAMESPACE, logger, observed
from breakwater.services.audit_sealing import seal_all


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    outcome = seal_all(
        untenanted_transaction,
        tenant_transaction,
        KmsAnchorage(),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    for trouble in outcome.troubles:
        logger().error("the audit trail is behind", reason=trouble)
    counts = {"sealed": outcome.sealed, "failed": len(outcome.troubles)}
    for name, count in counts.items():
        with single_metric(name=f"Audit{name.title()}", unit=MetricUnit.Count, value=count, namespace=NAMESPACE):
            pass
    return counts
