"""The HTTP functions behind a gateway on loopback, for an administrator of a firm in a real database."""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws
from moto.utilities.utils import load_resource

from breakwater.db.identity import User
from breakwater.domain.delivery import dead_letters_of
from breakwater.runtime import aws
from breakwater.runtime import database as runtime_database
from breakwater.runtime import webhooks as runtime_webhooks
from breakwater.services.user_pool import UserPool
from functions.alerting import app as alerting_app
from functions.audit import app as audit_app
from functions.audit_sealer import app as audit_sealer_app
from functions.limits import app as limits_app
from functions.operations import app as operations_app
from functions.orders import app as orders_app
from functions.queries import app as queries_app
from functions.telegram import app as telegram_app
from functions.users import app as users_app
from functions.webhooks import app as webhooks_app
from tests.conftest import DatabaseUrls
from tests.contract.http_gateway import serve
from tests.integration.limits.firm import set_reference
from tests.integration.orders import conftest as orders
from tests.integration.orders.conftest import Desk
from tests.unit.identity.tokens import served_document
from tests.unit.runtime.http_events import LambdaContext, caller_context

desk = orders.desk

USERNAME, PASSWORD = "ada", "Correct-horse-1"
COLLEAGUE, COLLEAGUE_ID = "bob", uuid.UUID("0b0b0b0b-0000-4000-8000-000000000000")
HANDLERS = {
    **dict.fromkeys(
        ("auth", "me", "api-keys", "oauth", "oauth-clients", "users", "groups", "accounts", "exchange-credentials"),
        users_app.handler,
    ),
    "audit": audit_app.handler,
    "limits": limits_app.handler,
    "orders": orders_app.handler,
    **dict.fromkeys(("consumers", "dead-letters", "replays", "read-models"), operations_app.handler),
    **dict.fromkeys(("alerts", "contacts", "digests", "acknowledgements"), alerting_app.handler),
    "webhooks": webhooks_app.handler,
    "telegram": telegram_app.handler,
    **dict.fromkeys(("trades", "positions", "portfolio", "events", "instruments"), queries_app.handler),
    **dict.fromkeys(("health", "engine", "sagas"), queries_app.handler),
}


@dataclass(frozen=True)
class Platform:
    url: str
    desk: Desk


@pytest.fixture
def user_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    aws.client.cache_clear()
    with mock_aws():
        cognito = boto3.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="pool")["UserPool"]["Id"]
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="client", ExplicitAuthFlows=flows)
        monkeypatch.setenv("USER_POOL_ID", pool)
        monkeypatch.setenv("USER_POOL_CLIENT_ID", client["UserPoolClient"]["ClientId"])
        monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        monkeypatch.setenv("ALERT_CHANNELS_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        monkeypatch.setenv("API_KEY_ENCRYPTION_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        monkeypatch.setenv("WEBHOOK_SECRETS_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        for name in ("calls", "retries"):
            queue = boto3.client("sqs").create_queue(QueueName=f"webhook-{name}")
            monkeypatch.setenv(f"WEBHOOK_{name.upper()}_QUEUE_URL", queue["QueueUrl"])
        monkeypatch.setattr(runtime_webhooks, "resolve_name", lambda host, port: ["93.184.215.14"])
        signing = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        monkeypatch.setenv("AUDIT_KEY_ID", signing["KeyMetadata"]["KeyId"])
        monkeypatch.setenv("PUSH_KEY_ID", signing["KeyMetadata"]["KeyId"])
        monkeypatch.setenv("AUDIT_BUCKET", "audit")
        bot = json.dumps({"bot_token": "1:x", "webhook_secret": "shown-by-telegram", "api_url": "http://127.0.0.1:9"})
        secret = boto3.client("secretsmanager").create_secret(Name="telegram", SecretString=bot)
        monkeypatch.setenv("TELEGRAM_SECRET_ARN", secret["ARN"])
        monkeypatch.setenv("TELEGRAM_BOT_USERNAME", "firm_bot")
        boto3.client("s3").create_bucket(
            Bucket="audit",
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
            ObjectLockEnabledForBucket=True,
        )
        monkeypatch.setenv("WORK_QUEUES", ",".join(_make_queues()))
        with served_document(load_resource("cognitoidp/resources/jwks-public.json")) as url:
            monkeypatch.setenv("OIDC_JWKS_URL", url)
            yield
    aws.client.cache_clear()


QUEUES = ("alerts", "notifications", "trade-events.fifo")


def _make_queues() -> list[str]:
    """Those with a consumer, and a dead-letter queue for each; their ARNs."""
    sqs, arns = boto3.client("sqs"), []
    for name in QUEUES:
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        sqs.create_queue(QueueName=dead_letters_of(name), Attributes=attributes)
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arns.append(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
    return arns


def add_dead_letter(tenant_id: uuid.UUID) -> str:
    """One of the queue `alerts`, that tells an event of the organisation; its id."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=dead_letters_of("alerts"))["QueueUrl"]
    body = json.dumps({"tenant_id": str(tenant_id), "topic": "limits.LimitBreached.v1"})
    return str(sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"])


def _subject_in_pool(username: str, role: str, tenant_id: uuid.UUID) -> str:
    pool = UserPool(boto3.client("cognito-idp"), os.environ["USER_POOL_ID"])
    groups = {f"org:{tenant_id}", f"role:{role}"}
    pool.ensure_groups(groups)
    return pool.ensure_user(username, f"{username}@example.com", PASSWORD, groups)


def seal_audit_trail(urls: DatabaseUrls) -> None:
    """As the function does it that seals, with the database's role that it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", urls.sealer)
        runtime_database.database().close()
        runtime_database.database.cache_clear()
        outcome = audit_sealer_app.handler({}, LambdaContext())
        runtime_database.database().close()
    runtime_database.database.cache_clear()
    assert outcome["failed"] == 0


@pytest.fixture
def platform(desk: Desk, user_pool: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setenv("DATABASE_URL", desk.urls.functions)
    runtime_database.database.cache_clear()
    for app in (limits_app, orders_app, queries_app, telegram_app):
        monkeypatch.setattr(app, "engine_client", lambda: desk.engine)
    monkeypatch.setattr(orders_app, "start_order_saga", desk.follow_saga)
    set_reference(desk.urls.admin, Decimal(2000), datetime.now(UTC))
    with desk.transactions(desk.firm.tenant_id) as tx:
        subject = _subject_in_pool(USERNAME, "organisation_admin", desk.firm.tenant_id)
        tx.identity.save_user(User(uuid.uuid4(), USERNAME, subject, "ada@example.com", "organisation_admin"))
        colleagues = _subject_in_pool(COLLEAGUE, "viewer", desk.firm.tenant_id)
        tx.identity.save_user(User(COLLEAGUE_ID, COLLEAGUE, colleagues, "bob@example.com", "viewer"))
    caller = caller_context("organisation_admin", desk.firm.tenant_id, subject=subject, username=USERNAME)
    with serve(HANDLERS, caller) as url:
        yield Platform(url, desk)
    runtime_database.database().close()
    runtime_database.database.cache_clear()
