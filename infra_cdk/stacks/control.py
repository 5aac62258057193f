from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra_cdk.constructs.alert_escalation import AlertEscalation
from infra_cdk.constructs.alert_topic import AlertTopic
from infra_cdk.constructs.digests import DigestSchedule, look_at_dead_letters, mail_sender, send_mail
from infra_cdk.constructs.edge_options import public_api_url
from infra_cdk.constructs.functions import platform_functions
from infra_cdk.constructs.http_api import ROUTES, PublicHttpApi
from infra_cdk.constructs.layer import BreakwaterLayer
from infra_cdk.constructs.network import Network
from infra_cdk.constructs.order_saga import OrderSaga
from infra_cdk.constructs.provisioning import grant_provisioning
from infra_cdk.constructs.queues import WorkQueue, operate_queues
from infra_cdk.constructs.rotation import DatabaseSecretRotation
from infra_cdk.constructs.telegram_bot import bot_username
from infra_cdk.constructs.web_push import WebPush
from infra_cdk.constructs.webhooks import Webhooks
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
    "limits.LimitBreached.v2",
    "limits.LimitChanged.v1",
    "limits.NodeStateChanged.v1",
    "limits.OverrideChanged.v1",
    "limits.OverrideChanged.v2",
    "limits.DeadManExpired.v1",
    "limits.ExternalFillBooked.v1",
    "limits.DegradedModeChanged.v1",
    "alerts.NobodyOnCall.v1",
    "orders.OrderReplaceRejected.v1",
    "trades.TradeFailed.v1",
    "system.HealthChanged.v1",
    "system.DriftFound.v1",
    "system.MetricCrossed.v1",
    "security.SignInsRefused.v1",
    "security.KeyUsedFromElsewhere.v1",
    "identity.ExchangeCredentialChanged.v1",
    "identity.ExchangeCredentialAccessChanged.v1",
    "alerts.DeliveryFailed.v1",
    "users.PermissionsUpdated.v1",  # Whom they are sent to.
    "webhooks.EndpointPaused.v1",
    "webhooks.EventGivenUp.v1",
    "webhooks.QueueOverflowed.v1",
]
# A limit or the state of a node ended it: a person who did would know.
LEASE_ENDED = {"payload": {"state": ["STOPPED"], "changed_by": ["limits"]}}

SECOND_FACTOR_RESET = {"payload": {"change": ["RESET"]}}
# Codes of docs/engine.md. What an account's own limits refuse in the engine is no failure of anybody: he is answered.
OWN_LIMITS = [
    "LEASE_EXHAUSTED",
    "LEASE_EXPIRED",
    "NOTIONAL_TOO_LARGE",
    "NO_LEASE",
    "ORDER_TOO_LARGE",
    "POSITION_LIMIT",
    "RATE_LIMIT",
    "REDUCE_ONLY",
    "TOO_MANY_OPEN_ORDERS",
]
REJECTED = {"payload": {"order": {"reject_code": [{"anything-but": OWN_LIMITS}]}}}
# Events of these topics that are like this: (rule, topic, detail).
ALERTS_OF_SOME: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("LeaseAlertsRule", "limits.LeaseChanged.v1", LEASE_ENDED),
    ("SecondFactorAlertsRule", "identity.SecondFactorChanged.v1", SECOND_FACTOR_RESET),
    ("RejectionAlertsRule", "orders.OrderRejected.v1", REJECTED),
)


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
        self.alert_deliveries = WorkQueue(self, "AlertDeliveries", name="alert-deliveries")
        self.notifications = WorkQueue(self, "Notifications", name="notifications")
        self.webhooks = Webhooks(self, "Webhooks", functions=self.functions, key=state.webhook_secrets_key)
        self.alert_topic = AlertTopic(self, "AlertTopic", key=state.data_key)
        self.saga = OrderSaga(self, "OrderSaga", function=self.functions["order_saga"])
        self.escalation = AlertEscalation(self, "AlertEscalation", function=self.functions["alert_escalation"])
        self.http_api = PublicHttpApi(
            self, "HttpApi", authorizer=self.functions["authorizer"], functions=self.functions
        )
        self.websocket_api = NotificationsApi(self, "WebSocketApi", function=self.functions["notifications"])

        self._grant()
        self._make_digests()
        self._route_events()
        self._outputs()

    def _grant(self) -> None:
        functions, state = self.functions, self._state
        for name in functions.keys() - {"provisioning", "rotation", "audit_sealer"}:
            functions[name].use_database(state.database)
        functions["audit_sealer"].seal_in_database(state.database)
        for name in ("limits", "orders", "order_saga", "reconciler", "telegram"):
            functions[name].call_engine(state.service_token_key)
        for name in ("queries", "operations"):
            functions[name].find_engine()
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
        self.alert_topic.followed_by(functions["alerts"])
        self.escalation.started_by(functions["alerts"])
        escalating = functions["alert_escalation"].function
        escalating.add_environment("ALERT_DELIVERIES_QUEUE_URL", self.alert_deliveries.queue.queue_url)
        self.alert_deliveries.queue.grant(escalating, "sqs:SendMessage")
        self._grant_alert_channels()
        notifications = functions["notifications"].function
        notifications.add_environment("CONNECTIONS_TABLE", state.connections.table_name)
        state.connections.grant(notifications, *CONNECTION_ACTIONS)
        self._grant_telegram()
        sender = functions["alert_sender"]
        WebPush(self, "WebPush", key=state.push_key, registrar=functions["alerting"], sender=sender)
        DatabaseSecretRotation(self, "DatabaseSecretRotation", database=state.database, function=functions["rotation"])
        operate_queues(functions["operations"], list(self.work_queues.values()))
        grant_provisioning(functions["provisioning"], state.database, state.identity, self.alert_topic)

    def _make_digests(self) -> None:
        """`alerting` shows them beforehand, and says whether they are mailed."""
        functions = self.functions
        for name in ("digests", "alerting"):
            functions[name].find_engine()
            look_at_dead_letters(functions[name], self.work_queues)
        if (sender := mail_sender(self)) is not None:
            send_mail(functions["digests"], sender)
            functions["alerting"].function.add_environment("MAIL_SENDER", sender)
        DigestSchedule(self, "DigestSchedule", function=functions["digests"])

    def _grant_alert_channels(self) -> None:
        """Who queues what is to be sent, who sends it, and who keeps the ways by which it goes."""
        alerting, sender, key = (
            self.functions["alerting"],
            self.functions["alert_sender"],
            self._state.alert_channels_key,
        )
        for name in ("alerts", "alert_sender"):
            function = self.functions[name].function
            function.add_environment("ALERT_DELIVERIES_QUEUE_URL", self.alert_deliveries.queue.queue_url)
            self.alert_deliveries.queue.grant(function, "sqs:SendMessage")
        self.alert_topic.published_by(sender)
        for each in (alerting, sender):
            self.alert_topic.texted_by(each)
            each.function.add_environment("ALERT_CHANNELS_KEY_ID", key.key_id)
            if hosts := self.node.try_get_context("slack_hosts"):
                each.function.add_environment("SLACK_HOSTS", hosts)
        if (url := public_api_url(self)) is not None:
            sender.function.add_environment("PUBLIC_API_URL", url)
        key.grant(alerting.function, "kms:Encrypt")
        key.grant(sender.function, "kms:Decrypt")

    def _grant_telegram(self) -> None:
        """Without a bot the function is there, and answers so."""
        for name in ("telegram", "alerting"):
            self.functions[name].know_second_factor_roles()
        username = bot_username(self)
        if username is None or self._state.telegram_secret is None:
            return
        self.functions["alerting"].function.add_environment("TELEGRAM_BOT_USERNAME", username)
        for name in ("telegram", "alert_sender"):
            self.functions[name].speak_as_bot(self._state.database, self._state.telegram_secret)

    def _route_events(self) -> None:
        functions = self.functions
        self.trade_events.feed(functions["projections"])
        self.alerts.feed(functions["alerts"])
        self.alert_deliveries.feed(functions["alert_sender"])
        self.notifications.feed(functions["notifications"])
        events.Rule(
            self,
            "AlertsRule",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=ALERT_TOPICS),
            targets=[targets.SqsQueue(self.alerts.queue)],
        )
        for rule, topic, detail in ALERTS_OF_SOME:
            events.Rule(
                self,
                rule,
                event_bus=self.bus,
                event_pattern=events.EventPattern(source=[SOURCE], detail_type=[topic], detail=detail),
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
            "WebhooksRule",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=[SOURCE]),
            targets=[targets.SqsQueue(self.webhooks.events.queue)],
        )
        events.Rule(
            self,
            "WebhookSweepRule",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            # Not retried: the next minute's run does the same work.
            targets=[targets.LambdaFunction(functions["webhook_retrier"].function, retry_attempts=0)],
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
            "OperationsRule",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(functions["operations"].function, retry_attempts=0)],
        )
        events.Rule(
            self,
            "AuditSealerRule",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(functions["audit_sealer"].function, retry_attempts=0)],
        )

    @property
    def work_queues(self) -> dict[str, WorkQueue]:
        """All of them by name: whoever looks at queues looks at every one."""
        return {each.name: each for each in self.node.find_all() if isinstance(each, WorkQueue)}

    @property
    def watched_queues(self) -> dict[str, dict[str, str]]:
        """What the watch looks at: each queue and where its messages end that cannot be processed."""
        return {
            name: {"url": queue.queue.queue_url, "dead_letters_url": queue.dead_letters.queue_url}
            for name, queue in self.work_queues.items()
        }

    def _outputs(self) -> None:
        CfnOutput(self, "ApiUrl", value=self.http_api.stage.url)
        CfnOutput(self, "WebSocketUrl", value=self.websocket_api.stage.url)
        CfnOutput(self, "TradeEventsQueueUrl", value=self.trade_events.queue.queue_url)
        CfnOutput(self, "WatchedQueues", value=self.to_json_string(self.watched_queues))
        CfnOutput(self, "AlertsQueueUrl", value=self.alerts.queue.queue_url)
        CfnOutput(self, "EventBusName", value=self.bus.event_bus_name)
        CfnOutput(self, "AlertTopicArn", value=self.alert_topic.topic.topic_arn)
        CfnOutput(self, "AlertEscalationArn", value=self.escalation.machine.state_machine_arn)
        CfnOutput(self, "AlertDeliveriesQueueUrl", value=self.alert_deliveries.queue.queue_url)
        CfnOutput(self, "OrderSagaArn", value=self.saga.machine.state_machine_arn)
        CfnOutput(self, "AlertSenderFunctionName", value=self.functions["alert_sender"].function.function_name)
        CfnOutput(self, "OrdersFunctionName", value=self.functions["orders"].function.function_name)
        CfnOutput(self, "QueriesFunctionName", value=self.functions["queries"].function.function_name)
        CfnOutput(self, "ProvisioningFunctionName", value=self.functions["provisioning"].function.function_name)
