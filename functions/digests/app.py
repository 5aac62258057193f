"""Makes and mails the digests that are due, every quarter of an hour."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from breakwater.runtime.database import tenant_transaction, untenanted_transaction
from breakwater.runtime.digests import digest_desk
from breakwater.runtime.observability import NAMESPACE, logger, observed
from breakwater.services.digests import run_all


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    outcome = run_all(
        untenanted_transaction,
        tenant_transaction,
        digest_desk(),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    for trouble in outcome.troubles:
        logger().error("a digest is behind", reason=trouble)
    counts = {"made": outcome.made, "mailed": outcome.mailed, "failed": len(outcome.troubles)}
    for name, count in counts.items():
        with single_metric(name=f"Digests{name.title()}", unit=MetricUnit.Count, value=count, namespace=NAMESPACE):
            pass
    return counts
