import json
from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra_cdk.constructs.edge_options import mutual_tls
from infra_cdk.constructs.engine_balancer import EngineBalancer, EnginePassage
from infra_cdk.constructs.engine_service import EngineService
from infra_cdk.constructs.function import ENGINE_URL_PARAMETER
from infra_cdk.constructs.network import Network
from infra_cdk.constructs.sign_in_options import sign_in_environment
from infra_cdk.constructs.watch_service import WatchService
from infra_cdk.constructs.web_options import origins_of_pages
from infra_cdk.findings import accept
from infra_cdk.stacks.control import ControlStack
from infra_cdk.stacks.state import StateStack

# As cdk-nag names them: the bucket's export of the other stack.
SNAPSHOT_OBJECTS = "BreakwaterState:ExportsOutputFnGetAttStorageSnapshotsECD13464ArnCE1430F5/shards/*"


class EngineStack(Stack):
    """The execution plane. Functions find it by a parameter with a fixed name, so they do not depend on this stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: Network,
        state: StateStack,
        control: ControlStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        venues = self.node.get_context("venues")  # As docs/venues.md has them; their keys are secrets, named here.
        tls = mutual_tls(self)
        balancer = (
            EngineBalancer(self, "Balancer", network=network)
            if tls is None
            else EnginePassage(self, "Passage", network=network, tls=tls)
        )
        self._balancer = balancer
        engine = EngineService(
            self,
            "Engine",
            network=network,
            balancer=balancer,
            environment={
                "DATABASE_SECRET_ARN": state.database.engine_secret.secret_arn,
                "TRADE_EVENTS_QUEUE_URL": control.trade_events.queue.queue_url,
                "EVENT_BUS_NAME": control.bus.event_bus_name,
                "SERVICE_TOKEN_KEY_ID": state.service_token_key.key_id,
                "SNAPSHOT_BUCKET": state.storage.snapshots.bucket_name,
                "API_KEY_ENCRYPTION_KEY_ID": state.api_key_encryption_key.key_id,
                "ORDERS_FUNCTION": control.functions["orders"].function.function_name,
                "QUERIES_FUNCTION": control.functions["queries"].function.function_name,
                "IS_BEHIND_BALANCER": "true" if balancer.adds_addresses else "false",
                "USER_POOL_ID": state.identity.pool.user_pool_id,
                "USER_POOL_CLIENT_ID": state.identity.client.user_pool_client_id,
                **sign_in_environment(self),
                "VENUES": json.dumps(venues),
                "ALLOWED_ORIGINS": " ".join(origins_of_pages(self)),
                **(
                    {}
                    if tls is None
                    else {"ENGINE_CERTIFICATE_ARN": tls.engine_certificate, "ENGINE_NAME": tls.domain_name}
                ),
            },
        )
        role = engine.task.task_role
        state.database.grant_secret(state.database.engine_secret, role)
        if tls is not None:
            _grant_reading(role, tls.engine_certificate)
        state.service_token_key.grant(role, "kms:GetPublicKey")
        state.api_key_encryption_key.grant(role, "kms:Decrypt")
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["lambda:InvokeFunction"],
            resource_arns=[control.functions[name].function.function_arn for name in ("orders", "queries")],
        )
        state.exchange_credentials_key.grant_on_all(role, "kms:Decrypt")
        for venue in venues:
            if not venue["credentials"].startswith("store:"):  # Those are in the database.
                _grant_reading(role, venue["credentials"])
        iam.Grant.add_to_principal(
            grantee=role, actions=["sqs:SendMessage"], resource_arns=[control.trade_events.queue.queue_arn]
        )
        control.bus.grant_put_events_to(role)
        state.storage.grant_snapshots(role)
        accept(engine.task, f"IAM5[Resource::{SNAPSHOT_OBJECTS}]", "Every snapshot has a key of its own.")
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
            resource_arns=[balancer.targets.target_group_arn],
        )
        self._watch(engine, network=network, state=state, control=control)
        parameter = ssm.StringParameter(self, "Url", parameter_name=ENGINE_URL_PARAMETER, string_value=balancer.url)
        CfnOutput(self, "EngineUrlParameterName", value=parameter.parameter_name)

    @property
    def requests_balancer(self) -> EngineBalancer:
        """Of requests, which CloudFront can be before. ValueError where connections are only passed on."""
        if not isinstance(self._balancer, EngineBalancer):
            raise ValueError("with engine_mutual_tls there is no balancer of requests")
        return self._balancer

    def _watch(self, engine: EngineService, *, network: Network, state: StateStack, control: ControlStack) -> None:
        tls = mutual_tls(self)
        watch = WatchService(
            self,
            "Watch",
            network=network,
            cluster=engine.cluster,
            image=engine.image,
            environment={
                "DATABASE_SECRET_ARN": state.database.functions_secret.secret_arn,
                "ENGINE_URL_PARAMETER": ENGINE_URL_PARAMETER,
                "SERVICE_TOKEN_KEY_ID": state.service_token_key.key_id,
                "ALERTS_QUEUE_URL": control.alerts.queue.queue_url,
                "WATCHED_QUEUES": self.to_json_string(control.watched_queues),
                "AWS_LAMBDA_FUNCTION_NAME": "watch",  # Who signs its service tokens; Lambda names functions so.
                **({} if tls is None else {"ENGINE_CLIENT_CERTIFICATE_ARN": tls.callers_certificate}),
            },
        )
        role = watch.task.task_role
        if tls is not None:
            _grant_reading(role, tls.callers_certificate)
        state.database.grant_secret(state.database.functions_secret, role)
        state.service_token_key.grant_sign(role)
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["ssm:GetParameter"],
            resource_arns=[
                self.format_arn(service="ssm", resource="parameter", resource_name=ENGINE_URL_PARAMETER[1:])
            ],
        )
        queues = control.work_queues.values()
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["sqs:GetQueueAttributes"],
            resource_arns=[each.queue_arn for queue in queues for each in (queue.queue, queue.dead_letters)],
        )
        # What is to be told although the relay does not work.
        iam.Grant.add_to_principal(
            grantee=role, actions=["sqs:SendMessage"], resource_arns=[control.alerts.queue.queue_arn]
        )


def _grant_reading(role: iam.IRole, secret_arn: str) -> None:
    """A secret that the operator made, under the account's own key for secrets."""
    iam.Grant.add_to_principal(grantee=role, actions=["secretsmanager:GetSecretValue"], resource_arns=[secret_arn])
