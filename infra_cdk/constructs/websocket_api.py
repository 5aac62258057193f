from typing import cast

from aws_cdk import CfnElement, Stack
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra_cdk.constructs.access_log import access_log
from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.findings import accept

MESSAGES_PER_SECOND = 200
MESSAGES_BURST = 400


class NotificationsApi(Construct):
    """The WebSocket API. One function answers its three routes and posts to its connections."""

    def __init__(self, scope: Construct, construct_id: str, *, function: PlatformFunction) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.WebSocketApi(self, "Api", route_selection_expression="$request.body.action")
        for route in ("$connect", "$disconnect", "$default"):
            added = self.api.add_route(
                route, integration=integrations.WebSocketLambdaIntegration("Notifications", function.function)
            )
            accept(added, "APIG4", "The function checks the token itself: a browser cannot send it as a header.")
        self.stage = apigateway.WebSocketStage(
            self,
            "Stage",
            web_socket_api=self.api,
            stage_name="live",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=MESSAGES_PER_SECOND, burst_limit=MESSAGES_BURST),
            access_log_settings=access_log(self),
        )
        self.stage.node.add_dependency(self._account_logging())
        self._grant_connections(function)

    def _account_logging(self) -> rest.CfnAccount:
        """WebSocket APIs, other than HTTP APIs, log by a role that is set once for the account and region."""
        role = iam.Role(
            self,
            "LogRole",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
            ],
        )
        policy = "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]"
        accept(role, policy, "API Gateway checks the account's role for just these permissions.")
        return rest.CfnAccount(self, "AccountLogging", cloud_watch_role_arn=role.role_arn)

    def _grant_connections(self, function: PlatformFunction) -> None:
        function.function.add_environment("WEBSOCKET_API_ENDPOINT", self.stage.callback_url)
        logical_id = Stack.of(self).get_logical_id(cast(CfnElement, self.api.node.default_child))
        for method in ("POST", "DELETE"):  # To tell one something, and to end it.
            named = f"{self.api.api_id}/{self.stage.stage_name}/{method}/@connections/*"
            connections = Stack.of(self).format_arn(service="execute-api", resource=named)
            function.function.add_to_role_policy(
                iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=[connections])
            )
            shown = f"<{logical_id}>/live/{method}/@connections/*"
            arn = f"arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:{shown}"
            accept(function, f"IAM5[Resource::{arn}]", "Ids of connections are not known when the policy is written.")
