"""APIs, functions, queues and rules."""

import json
import re
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from breakwater.domain.access_tokens import second_factor_roles
from breakwater.domain.delivery import RETRY_AFTER_S, dead_letters_of
from breakwater.domain.oidc import OidcProvider
from breakwater.runtime.front_door import SECRET_HEADER
from breakwater.runtime.queue import EVENT_S_MAX
from breakwater.services.limits import CHANGED_BY
from breakwater.services.webhook_sending import CLAIMED_FOR
from infra_cdk.constructs.functions import TIMEOUTS
from infra_cdk.constructs.http_api import OPEN_ROUTES, ROUTES
from infra_cdk.constructs.sign_in_options import sign_in_environment
from infra_cdk.constructs.webhooks import allows_local_receivers
from infra_cdk.repository import ROOT
from tests.infra.conftest import OIDC, OPTIONS

type Resources = dict[str, dict[str, Any]]


def http_routes(control: Template) -> dict[str, dict[str, Any]]:
    routes = control.find_resources("AWS::ApiGatewayV2::Route").values()
    return {r["Properties"]["RouteKey"]: r["Properties"] for r in routes if " " in r["Properties"]["RouteKey"]}


def documented_routes() -> dict[str, set[str]]:
    """The routes of each function as the table in docs/ARCHITECTURE.md gives them."""
    routes: dict[str, set[str]] = {}
    for line in (ROOT / "docs" / "ARCHITECTURE.md").read_text().splitlines():
        if (row := re.match(r"\| `(\w+)` \| HTTP \| (.*) \|$", line)) is None:
            continue
        found = routes.setdefault(row[1], set())
        methods: list[str] = []
        for quoted in re.findall(r"`([^`]+)`", row[2]):
            *verbs, path = quoted.split(" ")
            methods = verbs[0].split("/") if verbs else methods  # A path alone has the method before it.
            found |= {f"{method} {path.split('?')[0]}" for method in methods}
    return routes


def test_the_api_has_exactly_the_routes_of_the_documentation(control: Template) -> None:
    documented = documented_routes()
    assert {name: set(routes) for name, routes in ROUTES.items()} == documented
    assert http_routes(control).keys() == set().union(*documented.values())


def test_every_route_asks_the_authorizer_except_the_open_ones(control: Template) -> None:
    for route, properties in http_routes(control).items():
        expected = "NONE" if route in OPEN_ROUTES else "CUSTOM"
        assert properties["AuthorizationType"] == expected, route
        assert ("AuthorizerId" in properties) == (expected == "CUSTOM"), route
    signing_in = {"POST /auth/sign-in", "POST /auth/refresh", "POST /auth/sign-out", "POST /oauth/token"}
    by_their_own = {"GET /acknowledgements/{token}", "POST /acknowledgements/{token}", "POST /telegram/webhook"}
    assert signing_in | by_their_own | {"GET /health"} == OPEN_ROUTES


def test_each_route_reaches_the_function_it_belongs_to(control: Template) -> None:
    integrations = control.find_resources("AWS::ApiGatewayV2::Integration")
    for name, routes in ROUTES.items():
        function = "".join(part.title() for part in name.split("_")) + "Function"
        for route in routes:
            target = json.dumps(http_routes(control)[route]["Target"])
            integration = next(found for logical_id, found in integrations.items() if f'"{logical_id}"' in target)
            assert function in json.dumps(integration["Properties"]["IntegrationUri"]), route


def test_the_authorizer_answers_simply_and_is_cached_for_a_minute(control: Template) -> None:
    control.has_resource_properties(
        "AWS::ApiGatewayV2::Authorizer",
        {
            "AuthorizerType": "REQUEST",
            "AuthorizerPayloadFormatVersion": "2.0",
            "EnableSimpleResponses": True,
            "AuthorizerResultTtlInSeconds": 4,
            # There is an edge in this template: what came past it is kept apart from what came through it.
            "IdentitySource": ["$request.header.Authorization", f"$request.header.{SECRET_HEADER}"],
        },
    )


def test_only_pages_of_the_list_may_read_and_without_cookies(control: Template) -> None:
    (api,) = [
        each["Properties"]
        for each in control.find_resources("AWS::ApiGatewayV2::Api").values()
        if each["Properties"]["ProtocolType"] == "HTTP"
    ]
    assert api["CorsConfiguration"]["AllowOrigins"] == [OPTIONS["web"]["origin"], *OPTIONS["allowed_origins"]]
    assert api["CorsConfiguration"]["AllowCredentials"] is False
    assert "*" not in json.dumps(api["CorsConfiguration"])


def test_both_stages_are_throttled_and_logged(control: Template) -> None:
    control.resource_count_is("AWS::ApiGatewayV2::Stage", 2)
    control.all_resources_properties(
        "AWS::ApiGatewayV2::Stage",
        {
            "AccessLogSettings": Match.object_like({"DestinationArn": Match.any_value()}),
            "DefaultRouteSettings": {"ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 400},
        },
    )


def test_the_websocket_api_has_its_three_routes(control: Template) -> None:
    routes = control.find_resources("AWS::ApiGatewayV2::Route").values()
    keys = {route["Properties"]["RouteKey"] for route in routes}
    assert {key for key in keys if key.startswith("$")} == {"$connect", "$disconnect", "$default"}


def test_the_websocket_stage_waits_for_the_accounts_log_role(control: Template) -> None:
    account = next(iter(control.find_resources("AWS::ApiGateway::Account")))
    stages = control.find_resources("AWS::ApiGatewayV2::Stage", {"Properties": {"StageName": "live"}}).values()
    assert [account in stage["DependsOn"] for stage in stages] == [True]


def test_there_is_a_function_for_each_folder(functions: Resources) -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert functions.keys() == TIMEOUTS.keys() == folders


@pytest.mark.parametrize("name", TIMEOUTS)
def test_each_function_is_small_arm_in_the_vpc_and_traced(functions: Resources, name: str) -> None:
    properties = functions[name]["Properties"]
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == ["arm64"]
    assert properties["Handler"] == "app.handler"
    assert properties["Timeout"] == TIMEOUTS[name].to_seconds()
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert len(properties["Layers"]) == 1
    assert len(properties["VpcConfig"]["SubnetIds"]) == 2
    assert "ReservedConcurrentExecutions" not in properties


def test_api_functions_give_up_before_the_gateway_does(functions: Resources) -> None:
    assert all(functions[name]["Properties"]["Timeout"] < 30 for name in ROUTES)
    assert functions["authorizer"]["Properties"]["Timeout"] <= 10


DATABASE = {"DATABASE_SECRET_ARN"}
ENGINE = {"ENGINE_URL_PARAMETER", "SERVICE_TOKEN_KEY_ID"}
USER_POOL = {"USER_POOL_ID", "USER_POOL_CLIENT_ID"}
BELIEVES = USER_POOL | {"OIDC_PROVIDER", "SECOND_FACTOR_ROLES"}
HTTP = {"EDGE_SECRET_ARN", "API_KEY_RATE_DEFAULT", "API_KEY_RATE_MAX"}
CONSUMER = {"RETRY_AFTER_S"}
WAKES = {"WEBHOOK_CALLS_QUEUE_URL", "WEBHOOK_RETRIES_QUEUE_URL"}
ENVIRONMENT = {
    "rotation": {"ADMIN_DATABASE_SECRET_ARN"},
    "authorizer": DATABASE | BELIEVES | {"EDGE_SECRET_ARN"},
    "users": DATABASE | BELIEVES | HTTP | {"API_KEY_ENCRYPTION_KEY_ID", "EXCHANGE_CREDENTIALS_KEY_ID"},
    "limits": DATABASE | ENGINE | HTTP,
    "orders": DATABASE | ENGINE | HTTP | {"ORDER_SAGA_ARN"},
    "queries": DATABASE | HTTP | {"ENGINE_URL_PARAMETER"},
    "alerting": DATABASE
    | HTTP
    | {
        "ENGINE_URL_PARAMETER",
        "DEAD_LETTER_QUEUES",
        "MAIL_SENDER",
        "ALERT_CHANNELS_KEY_ID",
        "SECOND_FACTOR_ROLES",
        "TELEGRAM_BOT_USERNAME",
        "PUSH_KEY_ID",
    },
    "digests": DATABASE | {"ENGINE_URL_PARAMETER", "DEAD_LETTER_QUEUES", "MAIL_SENDER"},
    "webhooks": DATABASE | HTTP | WAKES | {"WEBHOOK_SECRETS_KEY_ID"},
    "webhook_dispatcher": DATABASE | CONSUMER | WAKES,
    "webhook_sender": DATABASE | CONSUMER | WAKES,
    "webhook_retrier": DATABASE | CONSUMER | WAKES,
    "telegram": DATABASE | ENGINE | HTTP | {"SECOND_FACTOR_ROLES", "TELEGRAM_SECRET_ARN"},
    "order_saga": DATABASE | ENGINE | {"EMERGENCY_ORDER_MAX", "EMERGENCY_DAY_MAX", "EMERGENCY_CURRENCY"},
    "operations": DATABASE | HTTP | {"WORK_QUEUES", "ENGINE_URL_PARAMETER"},
    "projections": DATABASE | CONSUMER,
    "alerts": DATABASE | CONSUMER | {"ALERT_TOPIC_ARN", "ALERT_ESCALATION_ARN", "ALERT_DELIVERIES_QUEUE_URL"},
    "alert_sender": DATABASE
    | CONSUMER
    | {"ALERT_TOPIC_ARN", "ALERT_DELIVERIES_QUEUE_URL", "ALERT_CHANNELS_KEY_ID", "TELEGRAM_SECRET_ARN"}
    | {"PUBLIC_API_URL", "PUSH_KEY_ID", "PUSH_CONTACT"},
    "alert_escalation": DATABASE | {"ALERT_DELIVERIES_QUEUE_URL"},
    "notifications": DATABASE | CONSUMER | BELIEVES | {"CONNECTIONS_TABLE", "WEBSOCKET_API_ENDPOINT"},
    "reconciler": DATABASE | ENGINE,
    "provisioning": USER_POOL
    | {"EXCHANGE_CREDENTIALS_KEY_ID"}
    | {f"{role}_DATABASE_SECRET_ARN" for role in ("ADMIN", "FUNCTIONS", "ENGINE", "SEALER")}
    | {"ALERT_TOPIC_ARN"},
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_each_function_is_told_what_it_needs_and_no_more(functions: Resources, name: str) -> None:
    variables = functions[name]["Properties"]["Environment"]["Variables"].keys()
    assert variables == ENVIRONMENT[name] | {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL"}


@pytest.mark.parametrize("name", ["authorizer", "users", "notifications"])
def test_whoever_believes_tokens_is_told_of_the_same_issuer_and_roles(functions: Resources, name: str) -> None:
    variables = functions[name]["Properties"]["Environment"]["Variables"]
    assert OidcProvider.parse(variables["OIDC_PROVIDER"]) == OidcProvider.model_validate(OIDC)
    assert second_factor_roles(variables["SECOND_FACTOR_ROLES"]) == {"organisation_admin", "risk_manager"}


@pytest.mark.parametrize("told", [{"issuer": "https://a/b"}, ["a"], "[1]"])
def test_an_issuer_that_is_not_whole_is_noticed_before_it_is_deployed(told: object) -> None:
    with pytest.raises(ValueError, match="oidc"):
        sign_in_environment(App(context={"oidc": told}))


def test_nothing_is_told_of_an_issuer_or_a_second_factor_that_are_not_set() -> None:
    assert sign_in_environment(App(context={"oidc": "", "second_factor_roles": ""})) == {}
    told = sign_in_environment(App(context={"oidc": json.dumps(OIDC), "second_factor_roles": "trader,auditor"}))
    assert json.loads(told["OIDC_PROVIDER"]) == OIDC
    assert told["SECOND_FACTOR_ROLES"] == "auditor,trader"


def test_every_working_queue_has_a_dead_letter_queue_of_its_kind(control: Template) -> None:
    queues = control.find_resources("AWS::SQS::Queue")
    working = {logical_id: q["Properties"] for logical_id, q in queues.items() if "RedrivePolicy" in q["Properties"]}
    webhooks = {"webhooks", "webhook-calls", "webhook-retries"}
    assert {q["QueueName"] for q in working.values()} == webhooks | {
        *("trade-events.fifo", "alerts", "notifications", "alert-deliveries")
    }
    for properties in working.values():
        redrive = properties["RedrivePolicy"]
        dead_letters = queues[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]["Properties"]
        assert redrive["maxReceiveCount"] == len(RETRY_AFTER_S) + 1
        assert dead_letters["QueueName"] == dead_letters_of(properties["QueueName"])
        assert dead_letters.get("FifoQueue", False) == properties.get("FifoQueue", False)
        assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert properties["VisibilityTimeout"] >= 6 * 20
    assert len(queues) == 2 * len(working)


def test_every_consumer_is_told_the_schedule_and_may_put_its_dead_letters_aside(control: Template) -> None:
    functions = control.find_resources("AWS::Lambda::Function")
    sources = control.find_resources("AWS::Lambda::EventSourceMapping").values()
    queues = control.find_resources("AWS::SQS::Queue")
    policies = control.find_resources("AWS::IAM::Policy").values()
    statements = [each for policy in policies for each in policy["Properties"]["PolicyDocument"]["Statement"]]
    sending = [json.dumps(each["Resource"]) for each in statements if each["Action"] == "sqs:SendMessage"]
    assert len(sources) >= 3
    for source in (each["Properties"] for each in sources):
        function = functions[source["FunctionName"]["Ref"]]["Properties"]
        told = function["Environment"]["Variables"]["RETRY_AFTER_S"]
        assert told == ",".join(map(str, RETRY_AFTER_S))
        # An event is not begun that the function's time may not be enough for, and the first one always is.
        assert function["Timeout"] > 2 * EVENT_S_MAX
        queue = queues[source["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        dead_letters = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        assert any(dead_letters in resources for resources in sending)


def test_what_is_late_or_dead_raises_an_alarm(control: Template) -> None:
    alarms = [each["Properties"] for each in control.find_resources("AWS::CloudWatch::Alarm").values()]
    queues = control.find_resources("AWS::SQS::Queue")
    watched = {
        (each["MetricName"], each["Dimensions"][0]["Value"]["Fn::GetAtt"][0]) for each in alarms if "Dimensions" in each
    }
    for logical_id, queue in queues.items():
        metric = "OldestMessage" if "RedrivePolicy" in queue["Properties"] else "MessagesVisible"
        assert any(name.endswith(metric) and of == logical_id for name, of in watched), logical_id


def test_trade_events_are_deduplicated_by_id_and_not_by_content(control: Template) -> None:
    control.has_resource_properties(
        "AWS::SQS::Queue",
        {
            "QueueName": "trade-events.fifo",
            "FifoQueue": True,
            "ContentBasedDeduplication": False,
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        },
    )


def test_consumers_report_the_messages_that_failed(control: Template) -> None:
    control.resource_count_is("AWS::Lambda::EventSourceMapping", 7)
    control.all_resources_properties(
        "AWS::Lambda::EventSourceMapping", {"FunctionResponseTypes": ["ReportBatchItemFailures"], "BatchSize": 10}
    )


def test_breaches_and_node_changes_reach_the_alerts_queue(control: Template) -> None:
    control.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["breakwater"],
                "detail-type": [
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
                    "users.PermissionsUpdated.v1",
                    "webhooks.EndpointPaused.v1",
                    "webhooks.EventGivenUp.v1",
                    "webhooks.QueueOverflowed.v1",
                ],
            },
            "Targets": [Match.object_like({"Arn": {"Fn::GetAtt": [Match.string_like_regexp("^AlertsQueue"), "Arn"]}})],
        },
    )


def test_of_leases_only_those_that_limits_ended_reach_the_alerts_queue(control: Template) -> None:
    control.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["breakwater"],
                "detail-type": ["limits.LeaseChanged.v1"],
                "detail": {"payload": {"state": ["STOPPED"], "changed_by": [CHANGED_BY]}},
            },
            "Targets": [Match.object_like({"Arn": {"Fn::GetAtt": [Match.string_like_regexp("^AlertsQueue"), "Arn"]}})],
        },
    )


def test_the_passwords_of_administrator_functions_and_sealer_are_new_every_month(control: Template) -> None:
    schedules = [
        each["Properties"] for each in control.find_resources("AWS::SecretsManager::RotationSchedule").values()
    ]
    assert len(schedules) == 3
    for name in ("ClusterSecret", "FunctionsSecret", "SealerSecret"):
        (schedule,) = [each for each in schedules if name in json.dumps(each["SecretId"])]
        assert schedule["RotationRules"] == {"AutomaticallyAfterDays": 30}
        assert "RotationFunction" in json.dumps(schedule["RotationLambdaARN"])
    control.has_resource_properties("AWS::Lambda::Permission", {"Principal": "secretsmanager.amazonaws.com"})


def test_the_sweep_of_webhooks_runs_every_minute_and_every_event_reaches_their_queue(control: Template) -> None:
    retrier = {"Fn::GetAtt": [Match.string_like_regexp("^WebhookRetrierFunction"), "Arn"]}
    control.has_resource_properties(
        "AWS::Events::Rule",
        {"ScheduleExpression": "rate(1 minute)", "Targets": [Match.object_like({"Arn": retrier})]},
    )
    queue = {"Fn::GetAtt": [Match.string_like_regexp("^WebhooksEventsQueue"), "Arn"]}
    control.has_resource_properties(
        "AWS::Events::Rule",
        {"EventPattern": {"source": ["breakwater"]}, "Targets": [Match.object_like({"Arn": queue})]},
    )


def test_a_lane_is_claimed_for_longer_than_a_sender_lives_and_shorter_than_its_message_is_hidden(
    functions: Resources, control: Template
) -> None:
    claimed_for = CLAIMED_FOR.total_seconds()
    for name in ("webhook_sender", "webhook_retrier"):
        assert functions[name]["Properties"]["Timeout"] < claimed_for
    for name in ("webhook-calls", "webhook-retries"):
        queues = control.find_resources("AWS::SQS::Queue", {"Properties": {"QueueName": name}})
        (queue,) = queues.values()
        assert claimed_for < queue["Properties"]["VisibilityTimeout"]


def test_receivers_on_the_own_machine_are_for_the_local_run_alone() -> None:
    allowed = {"webhook_local_receivers": "true"}
    assert allows_local_receivers(App(context=allowed | {"lambda_platform": "local"}))
    assert not allows_local_receivers(App(context={"lambda_platform": "local"}))
    assert not allows_local_receivers(App(context={"webhook_local_receivers": False}))
    with pytest.raises(ValueError, match="local run"):
        allows_local_receivers(App(context=allowed | {"lambda_platform": "aws"}))


def test_the_reconciler_runs_every_minute(control: Template) -> None:
    control.has_resource_properties("AWS::Events::Rule", {"ScheduleExpression": "rate(1 minute)"})


def test_the_alert_topic_is_encrypted_with_our_key(control: Template) -> None:
    control.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": Match.any_value()})


def test_links_in_messages_lead_to_where_people_reach_the_api(functions: Resources) -> None:
    variables = functions["alert_sender"]["Properties"]["Environment"]["Variables"]
    assert variables["PUBLIC_API_URL"] == f"https://{OPTIONS['edge']['domain_name']}"
