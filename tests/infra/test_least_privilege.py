"""Which role may do what, to the letter: a grant more or less fails here and is then a decision."""

import json
from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.infra.conftest import RETIRED_KEY

type Resources = dict[str, dict[str, Any]]

INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
TRACES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
HOUSE = INTERFACES | TRACES | LOGS
DATABASE = {"secretsmanager:GetSecretValue", "kms:Decrypt"}
ENGINE = {"ssm:GetParameter", "kms:Sign"}
# Of a topic's subscriptions, which have no ARN that a policy could name.
SUBSCRIPTIONS = {"sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"}
FOLLOWS_PEOPLE = SUBSCRIPTIONS | {"sns:ListSubscriptionsByTopic", "sns:Subscribe"}
CONSUMER = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",  # To its dead-letter queue.
}
TABLE = {
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
}
ALLOWED = {
    "rotation": DATABASE
    | {
        "kms:GenerateDataKey",
        "secretsmanager:DescribeSecret",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    },
    "authorizer": DATABASE,
    "users": DATABASE
    | {
        "kms:Encrypt",
        "kms:GenerateDataKey",
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
    },
    "limits": DATABASE | ENGINE,
    "orders": DATABASE | ENGINE | {"states:StartSyncExecution"},
    "queries": DATABASE | {"ssm:GetParameter"},
    "alerting": DATABASE
    | {"ssm:GetParameter", "sqs:GetQueueAttributes", "kms:Encrypt", "sns:Publish"}
    | {"kms:GetPublicKey"},
    "digests": DATABASE | {"ssm:GetParameter", "sqs:GetQueueAttributes", "ses:SendEmail"},
    "telegram": DATABASE | ENGINE,
    "order_saga": DATABASE | ENGINE,
    "projections": DATABASE | CONSUMER,
    "alerts": DATABASE | CONSUMER | FOLLOWS_PEOPLE | {"sqs:SendMessage", "states:StartExecution"},
    "alert_sender": DATABASE
    | CONSUMER
    | {"sns:Publish", "kms:GenerateDataKey", "sqs:SendMessage", "kms:GetPublicKey", "kms:Sign"},
    "alert_escalation": DATABASE | {"sqs:SendMessage"},
    "notifications": DATABASE | CONSUMER | TABLE | {"execute-api:ManageConnections"},
    "webhooks": DATABASE | {"kms:GenerateDataKey", "sqs:SendMessage"},
    "webhook_dispatcher": DATABASE | CONSUMER | {"sqs:SendMessage"},
    "webhook_sender": DATABASE | CONSUMER | {"sqs:SendMessage"},
    "webhook_retrier": DATABASE | CONSUMER | {"sqs:SendMessage"},
    "reconciler": DATABASE | ENGINE,
    "operations": DATABASE
    | {
        "ssm:GetParameter",
        "sqs:GetQueueAttributes",
        "sqs:SendMessage",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
    },
    "audit": DATABASE | {"kms:GetPublicKey", "s3:GetObject", "s3:ListBucket"},
    "audit_sealer": DATABASE | {"kms:Sign", "s3:GetObject", "s3:ListBucket", "s3:PutObject"},
    "provisioning": DATABASE
    | FOLLOWS_PEOPLE
    | {
        "cognito-idp:AdminAddUserToGroup",
        "cognito-idp:AdminCreateUser",
        "cognito-idp:AdminGetUser",
        "cognito-idp:AdminListGroupsForUser",
        "cognito-idp:AdminRemoveUserFromGroup",
        "cognito-idp:AdminSetUserPassword",
        "cognito-idp:CreateGroup",
        "kms:DescribeKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    },
}


def statements_of(template: Template, role: str) -> list[dict[str, Any]]:
    """Every statement of the policies attached to a role, given by its logical id."""
    policies = template.find_resources("AWS::IAM::Policy").values()
    attached = [p["Properties"] for p in policies if {"Ref": role} in p["Properties"]["Roles"]]
    return [statement for policy in attached for statement in policy["PolicyDocument"]["Statement"]]


def actions_of(statements: list[dict[str, Any]]) -> set[str]:
    return {
        action
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def role_of(functions: Resources, name: str) -> str:
    role: str = functions[name]["Properties"]["Role"]["Fn::GetAtt"][0]
    return role


@pytest.mark.parametrize("name", ALLOWED)
def test_a_function_may_do_exactly_this(control: Template, functions: Resources, name: str) -> None:
    assert actions_of(statements_of(control, role_of(functions, name))) == HOUSE | ALLOWED[name]


@pytest.mark.parametrize("name", ALLOWED)
def test_a_function_names_every_resource_that_can_be_named(control: Template, functions: Resources, name: str) -> None:
    for statement in statements_of(control, role_of(functions, name)):
        if "NotResource" in statement:  # A phone number is no ARN.
            assert (statement["Action"], statement["NotResource"]) == ("sns:Publish", "arn:aws:sns:*:*:*")
            continue
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if "*" in resources:
            assert actions_of([statement]) <= INTERFACES | TRACES | SUBSCRIPTIONS


def test_who_reads_which_secret_of_the_database(control: Template, functions: Resources) -> None:
    for name in ALLOWED:
        text = json.dumps(statements_of(control, role_of(functions, name)))
        assert ("EngineSecret" in text) == (name == "provisioning"), name
        assert ("ClusterSecret" in text) == (name in {"provisioning", "rotation"}), name
        assert ("SealerSecret" in text) == (name in {"audit_sealer", "provisioning", "rotation"}), name
        assert ("FunctionsSecret" in text) == (name != "audit_sealer"), name


def test_only_the_gateways_log_role_has_a_managed_policy_of_amazon(documents: dict[str, dict[str, Any]]) -> None:
    managed = [
        json.dumps(resource["Properties"]["AssumeRolePolicyDocument"])
        for document in documents.values()
        for resource in document["Resources"].values()
        if resource["Type"] == "AWS::IAM::Role" and "ManagedPolicyArns" in resource["Properties"]
    ]
    assert len(managed) == 1
    assert "apigateway.amazonaws.com" in managed[0]


def test_no_action_is_a_wildcard(documents: dict[str, dict[str, Any]]) -> None:
    for document in documents.values():
        for resource in document["Resources"].values():
            if resource["Type"] == "AWS::IAM::Policy":
                actions = actions_of(resource["Properties"]["PolicyDocument"]["Statement"])
                assert not [action for action in actions if "*" in action]


def task_role_of(engine: Template, task: str) -> str:
    (role,) = [name for name in engine.find_resources("AWS::IAM::Role") if name.startswith(f"{task}TaskTaskRole")]
    return role


def test_the_watch_reads_what_functions_read_and_signs_what_it_asks_of_the_engine(engine: Template) -> None:
    statements = statements_of(engine, task_role_of(engine, "Watch"))
    looks = {"sqs:GetQueueAttributes", "sqs:SendMessage"}
    assert actions_of(statements) == DATABASE | {"kms:Sign", "ssm:GetParameter"} | looks
    (sends,) = [each for each in statements if each["Action"] == "sqs:SendMessage"]
    assert "AlertsQueue" in json.dumps(sends["Resource"])  # Past the relay, and to nobody else.
    assert "EngineSecret" not in json.dumps(statements)
    assert "FunctionsSecret" not in json.dumps(statements_of(engine, task_role_of(engine, "Engine")))


def test_the_engine_may_publish_verify_keep_snapshots_and_register_itself(engine: Template) -> None:
    assert actions_of(statements_of(engine, task_role_of(engine, "Engine"))) == DATABASE | {
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:RegisterTargets",
        "events:PutEvents",
        "kms:GenerateDataKey",
        "kms:GetPublicKey",
        "lambda:InvokeFunction",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sqs:SendMessage",
    }


def test_the_engine_alone_decrypts_api_keys_and_only_the_users_function_encrypts_them(
    engine: Template, control: Template, functions: Resources
) -> None:
    def on_api_keys(statements: list[dict[str, Any]]) -> set[str]:
        return actions_of([each for each in statements if "ApiKeyEncryptionKey" in json.dumps(each.get("Resource"))])

    assert on_api_keys(statements_of(engine, task_role_of(engine, "Engine"))) == {"kms:Decrypt"}
    assert on_api_keys(statements_of(engine, task_role_of(engine, "Watch"))) == set()
    for name in ALLOWED:
        allowed = {"kms:Encrypt"} if name == "users" else set()
        assert on_api_keys(statements_of(control, role_of(functions, name))) == allowed, name


def test_hooks_of_slack_are_encrypted_by_one_function_and_decrypted_by_another(
    control: Template, functions: Resources
) -> None:
    for name in ALLOWED:
        statements = statements_of(control, role_of(functions, name))
        on_hooks = actions_of([each for each in statements if "AlertChannelsKey" in json.dumps(each.get("Resource"))])
        allowed = {"alerting": {"kms:Encrypt"}, "alert_sender": {"kms:Decrypt"}}
        assert on_hooks == allowed.get(name, set()), name


def test_pushes_are_signed_by_one_function(control: Template, functions: Resources) -> None:
    for name in ALLOWED:
        statements = statements_of(control, role_of(functions, name))
        on_key = actions_of([each for each in statements if "PushKey" in json.dumps(each.get("Resource"))])
        allowed = {"alerting": {"kms:GetPublicKey"}, "alert_sender": {"kms:GetPublicKey", "kms:Sign"}}
        assert on_key == allowed.get(name, set()), name


def test_functions_may_seal_exchange_credentials_and_the_engine_alone_opens_them(
    engine: Template, control: Template, functions: Resources
) -> None:
    def on_credentials(statements: list[dict[str, Any]]) -> set[str]:
        return actions_of([each for each in statements if "ExchangeCredentialsKey" in json.dumps(each.get("Resource"))])

    assert on_credentials(statements_of(engine, task_role_of(engine, "Engine"))) == {"kms:Decrypt"}
    assert on_credentials(statements_of(engine, task_role_of(engine, "Watch"))) == set()
    sealing = {
        "users": {"kms:GenerateDataKey"},
        "provisioning": {"kms:DescribeKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"},
    }
    for name in ALLOWED:
        assert on_credentials(statements_of(control, role_of(functions, name))) == sealing.get(name, set()), name


def test_one_function_seals_secrets_of_webhooks_and_senders_alone_open_them(
    engine: Template, control: Template, functions: Resources
) -> None:
    def on_secrets(statements: list[dict[str, Any]]) -> set[str]:
        return actions_of([each for each in statements if "WebhookSecretsKey" in json.dumps(each.get("Resource"))])

    allowed = {
        "webhooks": {"kms:GenerateDataKey"},
        "webhook_sender": {"kms:Decrypt"},
        "webhook_retrier": {"kms:Decrypt"},
    }
    for name in ALLOWED:
        assert on_secrets(statements_of(control, role_of(functions, name))) == allowed.get(name, set()), name
    for task in ("Engine", "Watch"):
        assert on_secrets(statements_of(engine, task_role_of(engine, task))) == set()


def test_a_retired_key_still_opens_and_seals_no_more(engine: Template, control: Template, functions: Resources) -> None:
    def on_retired(statements: list[dict[str, Any]]) -> set[str]:
        return actions_of([each for each in statements if RETIRED_KEY in json.dumps(each.get("Resource"))])

    assert on_retired(statements_of(engine, task_role_of(engine, "Engine"))) == {"kms:Decrypt"}
    assert on_retired(statements_of(control, role_of(functions, "provisioning"))) == {"kms:ReEncryptFrom"}
    assert on_retired(statements_of(control, role_of(functions, "users"))) == set()


def test_the_engine_invokes_two_functions_alone(engine: Template) -> None:
    statements = statements_of(engine, task_role_of(engine, "Engine"))
    [invoked] = [each["Resource"] for each in statements if "lambda:InvokeFunction" in actions_of([each])]
    assert len(invoked) == 2
    assert all(any(name in json.dumps(each) for name in ("OrdersFunction", "QueriesFunction")) for each in invoked)


def test_the_engine_reads_and_writes_objects_of_its_snapshots_alone(engine: Template) -> None:
    role = task_role_of(engine, "Engine")
    objects = [s for s in statements_of(engine, role) if "s3:GetObject" in actions_of([s])]
    assert len(objects) == 1
    assert "StorageSnapshots" in json.dumps(objects[0]["Resource"])
    assert json.dumps(objects[0]["Resource"]).count("/shards/*") == 1


def test_only_the_sealer_signs_and_writes_anchors_and_nobody_deletes_or_unlocks_one(
    control: Template, engine: Template, functions: Resources
) -> None:
    def on_anchors(statements: list[dict[str, Any]]) -> set[str]:
        named = ("AuditKey", "StorageAudit")
        return actions_of(
            [each for each in statements if any(name in json.dumps(each.get("Resource")) for name in named)]
        )

    for name in ALLOWED:
        reads = {"s3:GetObject", "s3:ListBucket"}
        allowed = {"audit": reads | {"kms:GetPublicKey"}, "audit_sealer": reads | {"kms:Sign", "s3:PutObject"}}
        assert on_anchors(statements_of(control, role_of(functions, name))) == allowed.get(name, set()), name
    for task in ("Engine", "Watch"):
        assert on_anchors(statements_of(engine, task_role_of(engine, task))) == set()
