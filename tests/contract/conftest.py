"""The four HTTP functions behind a gateway on loopback, for an administrator of a firm in a real database."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws

from breakwater.db.identity import User
from breakwater.runtime import aws
from breakwater.runtime import database as runtime_database
from functions.limits import app as limits_app
from functions.orders import app as orders_app
from functions.queries import app as queries_app
from functions.users import app as users_app
from tests.contract.http_gateway import serve
from tests.integration.limits.firm import set_reference
from tests.integration.orders import conftest as orders
from tests.integration.orders.conftest import Desk
from tests.unit.runtime.http_events import caller_context

desk = orders.desk

USERNAME, PASSWORD = "ada", "Correct-horse-1"
HANDLERS = {
    **dict.fromkeys(("auth", "me", "api-keys", "exchange-credentials"), users_app.handler),
    "limits": limits_app.handler,
    "orders": orders_app.handler,
    **dict.fromkeys(
        ("trades", "positions", "portfolio", "alerts", "events", "instruments", "health"), queries_app.handler
    ),
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
        cognito.admin_create_user(UserPoolId=pool, Username=USERNAME)
        cognito.admin_set_user_password(UserPoolId=pool, Username=USERNAME, Password=PASSWORD, Permanent=True)
        monkeypatch.setenv("USER_POOL_ID", pool)
        monkeypatch.setenv("USER_POOL_CLIENT_ID", client["UserPoolClient"]["ClientId"])
        monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        monkeypatch.setenv("API_KEY_ENCRYPTION_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        yield
    aws.client.cache_clear()


@pytest.fixture
def platform(desk: Desk, user_pool: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setenv("DATABASE_URL", desk.urls.functions)
    runtime_database.database.cache_clear()
    for app in (limits_app, orders_app, queries_app):
        monkeypatch.setattr(app, "engine_client", lambda: desk.engine)
    monkeypatch.setattr(orders_app, "start_order_saga", desk.follow_saga)
    set_reference(desk.urls.admin, Decimal(2000), datetime.now(UTC))
    with desk.transactions(desk.firm.tenant_id) as tx:
        tx.identity.save_user(User(uuid.uuid4(), USERNAME, "sub", "ada@example.com", "organisation_admin"))
    caller = caller_context("organisation_admin", desk.firm.tenant_id, subject="sub", username=USERNAME)
    with serve(HANDLERS, caller) as url:
        yield Platform(url, desk)
    runtime_database.database().close()
    runtime_database.database.cache_clear()
