"""The functions of docs/ARCHITECTURE.md: how long each may take."""

from aws_cdk import Duration
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.constructs.layer import BreakwaterLayer
from infra_cdk.constructs.network import Network
from infra_cdk.constructs.queues import CONSUMER_TIMEOUT

API_TIMEOUT = Duration.seconds(29)  # API Gateway gives up at 30 s.
AUTHORIZER_TIMEOUT = Duration.seconds(10)  # API Gateway waits no longer for an authorizer.
SAGA_STEP_TIMEOUT = Duration.seconds(10)  # Above each state's own time-out, so that the state machine decides.

TIMEOUTS = {
    "authorizer": AUTHORIZER_TIMEOUT,
    "users": API_TIMEOUT,
    "limits": API_TIMEOUT,
    "orders": API_TIMEOUT,
    "queries": API_TIMEOUT,
    "alerting": API_TIMEOUT,
    "webhooks": API_TIMEOUT,
    "audit": API_TIMEOUT,
    "operations": API_TIMEOUT,
    "telegram": API_TIMEOUT,
    "order_saga": SAGA_STEP_TIMEOUT,
    "alert_escalation": SAGA_STEP_TIMEOUT,
    "projections": CONSUMER_TIMEOUT,
    "alerts": CONSUMER_TIMEOUT,
    "alert_sender": Duration.seconds(30),  # Of ten messages each may wait for SNS or Slack for some seconds.
    "notifications": CONSUMER_TIMEOUT,
    "webhook_dispatcher": CONSUMER_TIMEOUT,
    "webhook_sender": CONSUMER_TIMEOUT,  # Some calls of 1.5 s, one after the other.
    "webhook_retrier": Duration.seconds(30),  # The same of 10 s. A lane is claimed for longer: 45 s.
    "reconciler": Duration.seconds(50),  # It runs every minute, and never beside itself for long.
    "audit_sealer": Duration.seconds(50),  # As the reconciler.
    "digests": Duration.minutes(5),  # It runs every quarter of an hour, and goes on where it stopped.
    "provisioning": Duration.minutes(5),  # Migrations.
    "rotation": Duration.seconds(30),
}


def platform_functions(scope: Construct, *, layer: BreakwaterLayer, network: Network) -> dict[str, PlatformFunction]:
    """All functions by name, with no grants yet."""
    return {
        name: PlatformFunction(scope, _camel_case(name), name=name, layer=layer, network=network, timeout=timeout)
        for name, timeout in TIMEOUTS.items()
    }


def _camel_case(name: str) -> str:
    return name.title().replace("_", "") + "Function"
