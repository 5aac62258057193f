"""Webhooks: who may make secrets, who may open them, and by which queues senders are woken."""

from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.constructs.keys import WebhookSecretsKey
from infra_cdk.constructs.queues import WorkQueue

SENDERS = ("webhook_sender", "webhook_retrier")
WAKERS = ("webhooks", "webhook_dispatcher", *SENDERS)
CALLERS = ("webhooks", *SENDERS)  # The first only looks names up.


class Webhooks(Construct):
    """Events become deliveries in `webhook_dispatcher`. Endpoints that answer soon have a queue and a sender of their
    own, so that those that fail or are slow keep nobody waiting but each other.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, functions: dict[str, PlatformFunction], key: WebhookSecretsKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.events = WorkQueue(self, "Events", name="webhooks")
        self.calls = WorkQueue(self, "Calls", name="webhook-calls")
        self.retries = WorkQueue(self, "Retries", name="webhook-retries")
        self.events.feed(functions["webhook_dispatcher"])
        self.calls.feed(functions["webhook_sender"])
        self.retries.feed(functions["webhook_retrier"])
        for name in WAKERS:
            for variable, queue in (("CALLS", self.calls.queue), ("RETRIES", self.retries.queue)):
                functions[name].function.add_environment(f"WEBHOOK_{variable}_QUEUE_URL", queue.queue_url)
                # Sending alone: queues are ours, and encrypted under a key of SQS.
                iam.Grant.add_to_principal(
                    grantee=functions[name].function, actions=["sqs:SendMessage"], resource_arns=[queue.queue_arn]
                )
        functions["webhooks"].function.add_environment("WEBHOOK_SECRETS_KEY_ID", key.key.key_arn)
        key.key.grant(functions["webhooks"].function, "kms:GenerateDataKey")
        for name in SENDERS:
            key.key.grant(functions[name].function, "kms:Decrypt")
        for name in CALLERS:
            if allows_local_receivers(self):
                functions[name].function.add_environment("WEBHOOK_LOCAL_RECEIVERS", "true")


def allows_local_receivers(scope: IConstruct) -> bool:
    """The context `webhook_local_receivers`. ValueError for a deployment to AWS that says so."""
    told = str(scope.node.try_get_context("webhook_local_receivers")).lower() == "true"
    if told and scope.node.try_get_context("lambda_platform") != "local":
        raise ValueError("webhook_local_receivers: receivers on the own machine are for the local run alone")
    return told
