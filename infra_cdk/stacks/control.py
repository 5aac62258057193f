from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra_cdk.constructs.alert_topic import AlertTopic
from infra_cdk.constructs.functions import platform_functions
from infra_cdk.constructs.http_api import ROUTES, PublicHttpApi
from infra_cdk.constructs.layer import BreakwaterLayer
from infra_cdk.constructs.network import Network
from infra_cdk.constructs.order_saga import OrderSaga
from infra_cdk.constructs.provisioning import grant_provisioning
from infra_cdk.constructs.queues import WorkQueue
from infra_cdk.constructs.rotation import DatabaseSecretRotation
from infra_cdk.constructs.telegram_bot import bot_username
from infra_cdk.constructs.websocket_api import NotificationsApi
from infra_cdk.findings import accept
from infra_cdk.stacks.state import StateStack

SOURCE = "breakwater"
CONNECTION_ACTIONS = [f"dynamodb:{action}" for action in ("DeleteItem", "GetItem", "PutItem", "Scan", "UpdateItem")]
ANCHOR_OBJECTS = "BreakwaterState:ExportsOutputFnGetAttStorageAudit9012A908Arn682BD617/anchors/*"
USER_POOL_ACTIONS = [
    "cognito-idp:AdminAddUserToGroup",
    "cognito-idp:AdminCreateUser",
    "cognito-idp:AdminDisableUser",
    "cognito-idp:AdminEnableUser",
    "cognito-idp:AdminGetUser",
    "cognito-idp:AdminListGroupsForUser",
    "cognito-idp:AdminRemoveUserFromGroup",
    "cognito-idp:AdminSetUserMFAPreference",
    "cognito-idp:AdminSetUserPassword",
    "cognito-idp:AdminUserGlobalSignOut",
    "cognito-idp:CreateGroup",
]
ALERT_TOPICS = [
    "limits.LimitBreached.v1",
    "limits.LimitChanged.v1",
    "limits.NodeStateChanged.v1",
    "limits.OverrideChanged.v1",
    "limits.DeadManExpired.v1",
    "limits.ExternalFillBooked.v1",
    "limits.DegradedModeChanged.v1",
    "users.PermissionsUpdated.v1",  # Whom they are sent to.
]
# A limit or the state of a node ended it: a person who did would know.
LEASE_ENDED = {"payload": {"state": ["STOPPED"], "changed_by": ["limits"]}}


class ControlStack(Stack):
    """APIs, functions, the saga and the ways events take."""

    def __init__(
        self, scope: Construct, construct_id: str, *, network: Network, state: StateStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._state = state
        layer = BreakwaterLayer(self, "Layer")
        self.functions = platform_functions(self, layer=layer, network=network)
        self.bus = events.EventBus(self, "Bus", event_bus_name=SOURCE)
        self.trade_events = WorkQueue(self, "TradeEvents", name="trade-events", fifo=True)
        self.alerts = WorkQueue(self, "Alerts", name="alerts")
        self.notifications = WorkQueue(self, "Notifications", name="notifications")
        self.alert_topic = AlertTopic(self, "AlertTopic", key=state.data_key)
        self.saga = OrderSaga(self, "OrderSaga", function=self.functions["order_saga"])
        self.http_api = PublicHttpApi(
            self, "HttpApi", authorizer=self.functions["authorizer"], functions=self.functions
        )
        self.websocket_api = NotificationsApi(self, "WebSocketApi", function=self.functions["notifications"])

        self._grant()
        self._route_events()
        self._outputs()

    def _grant(self) -> None:
        functions, state = self.functions, self._state
        for name in functions.keys() - {"provisioning", "rotation", "audit_sealer"}:
            functions[name].use_database(state.database)
        functions["audit_sealer"].seal_in_database(state.database)
        for name in ("limits", "orders", "order_saga", "reconciler", "telegram"):
            functions[name].call_engine(state.service_token_key)
        functions["queries"].find_engine()
        if state.edge_secret is not None:
            for name in ("authorizer", *ROUTES):
                functions[name].insist_on_edge(state.database, state.edge_secret)
        functions["provisioning"].know_user_pool(state.identity)
        for name in ("authorizer", "users", "notifications"):
            functions[name].believe_tokens(state.identity)

        users = functions["users"].function
        users.add_environment("API_KEY_ENCRYPTION_KEY_ID", state.api_key_encryption_key.key_id)
        state.api_key_encryption_key.grant(users, "kms:Encrypt")
        state.identity.pool.grant(users, *USER_POOL_ACTIONS)
        credentials_key = state.exchange_credentials_key
        for name in ("users", "provisioning"):
            functions[name].function.add_environment("EXCHANGE_CREDENTIALS_KEY_ID", credentials_key.key.key_arn)
        credentials_key.grant(users, "kms:GenerateDataKey")
        credentials_key.grant(functions["provisioning"].function, "kms:DescribeKey", "kms:ReEncryptTo")
        credentials_key.grant_on_all(functions["provisioning"].function, "kms:ReEncryptFrom")
        orders = functions["orders"].function
        orders.add_environment("ORDER_SAGA_ARN", self.saga.machine.state_machine_arn)
        self.saga.machine.grant_start_sync_execution(orders)
        for name, value in self.node.get_context("emergency_limits").items():
            functions["order_saga"].function.add_environment(f"EMERGENCY_{name.upper()}", value)
        for http_function in ROUTES:
            for name, value in self.node.get_context("api_key_requests_per_minute").items():
                functions[http_function].function.add_environment(f"API_KEY_RATE_{name.upper()}", str(value))
        for name in ("audit", "audit_sealer"):
            functions[name].function.add_environment("AUDIT_KEY_ID", state.audit_key.key_id)
            functions[name].function.add_environment("AUDIT_BUCKET", state.storage.audit.bucket_name)
            accept(functions[name], f"IAM5[Resource::{ANCHOR_OBJECTS}]", "Every anchor has a key of its own.")
        state.audit_key.grant_sign(functions["audit_sealer"].function)
        state.storage.grant_anchoring(functions["audit_sealer"].function)
        # A run that failed is not tried again beside the next minute's.
        functions["audit_sealer"].function.configure_async_invoke(retry_attempts=0)
        state.audit_key.grant(functions["audit"].function, "kms:GetPublicKey")
        state.storage.grant_reading_anchors(functions["audit"].function)
        self.alert_topic.published_by(functions["alerts"])
        self.alert_topic.followed_by(functions["alerts"])
        notifications = functions["notifications"].function
        notifications.add_environment("CONNECTIONS_TABLE", state.connections.table_name)
        state.connections.grant(notifications, *CONNECTION_ACTIONS)
        self._grant_telegram()
        DatabaseSecretRotation(self, "DatabaseSecretRotation", database=state.database, function=functions["rotation"])
        grant_provisioning(functions["provisioning"], state.database, state.identity, self.alert_topic)

    def _grant_telegram(self) -> None:
        """Without a bot the function is there, and answers so."""
        for name in ("telegram", "alerting"):
            self.functions[name].know_second_factor_roles()
        username = bot_username(self)
        if username is None or self._state.telegram_secret is None:
            return
        self.functions["alerting"].function.add_environment("TELEGRAM_BOT_USERNAME", username)
        self.functions["telegram"].speak_as_bot(self._state.database, self._state.telegram_secret)

    def _route_events(self) -> None:
        functions = self.functions
        self.trade_events.feed(functions["projections"])
        self.alerts.feed(functions["alerts"])
        self.notifications.feed(functions["notifications"])
        events.Rule(
            self,
            "AlertsRule",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=ALERT_TOPICS),
            targets=[targets.SqsQueue(self.alerts.queue)],
        )
        events.Rule(
            self,
            "LeaseAlertsRule",
            event_bus=self.bus,
            event_pattern=events.EventPattern(
                source=[SOURCE], detail_type=["limits.LeaseChanged.v1"], detail=LEASE_ENDED
            ),
            targets=[targets.SqsQueue(self.alerts.queue)],
        )
        events.Rule(
            self,
            "NotificationsRule",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=[SOURCE]),
            targets=[targets.SqsQueue(self.notifications.queue)],
        )
        events.Rule(
            self,
            "ReconcilerRule",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            # Not retried: the next minute's run does the same work.
            targets=[targets.LambdaFunction(functions["reconciler"].function, retry_attempts=0)],
        )
        events.Rule(
            self,
            "AuditSealerRule",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(functions["audit_sealer"].function, retry_attempts=0)],
        )

    def _outputs(self) -> None:
        CfnOutput(self, "ApiUrl", value=self.http_api.stage.url)
        CfnOutput(self, "WebSocketUrl", value=self.websocket_api.stage.url)
        CfnOutput(self, "TradeEventsQueueUrl", value=self.trade_events.queue.queue_url)
        CfnOutput(self, "AlertsQueueUrl", value=self.alerts.queue.queue_url)
        CfnOutput(self, "EventBusName", value=self.bus.event_bus_name)
        CfnOutput(self, "AlertTopicArn", value=self.alert_topic.topic.topic_arn)
        CfnOutput(self, "OrderSagaArn", value=self.saga.machine.state_machine_arn)
        CfnOutput(self, "OrdersFunctionName", value=self.functions["orders"].function.function_name)
        CfnOutput(self, "QueriesFunctionName", value=self.functions["queries"].function.function_name)
        CfnOutput(self, "ProvisioningFunctionName", value=self.functions["provisioning"].function.function_name)
