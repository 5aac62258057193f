import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from breakwater.runtime import aws, telegram
from breakwater.runtime import database as runtime_database
from functions.telegram import app as telegram_app
from local_cloud.outbox.server import Outbox
from local_cloud.outbox.telegram import BOT_TOKEN
from tests.integration.orders import conftest as orders
from tests.integration.orders.conftest import Desk
from tests.integration.telegram.chat import SECRET, Chats

desk = orders.desk


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    opened = Outbox(0)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def chats(desk: Desk, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chats]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "DATABASE_URL": desk.urls.functions,
        "TELEGRAM_BOT_USERNAME": "firm_bot",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for cached in (aws.client, runtime_database.database, telegram._bot_of):
        cached.cache_clear()
    monkeypatch.setattr(telegram_app, "engine_client", lambda: desk.engine)
    with mock_aws():
        secret = {"bot_token": BOT_TOKEN, "webhook_secret": SECRET, "api_url": f"{outbox.url}/telegram"}
        made = boto3.client("secretsmanager").create_secret(Name="bot", SecretString=json.dumps(secret))
        monkeypatch.setenv("TELEGRAM_SECRET_ARN", made["ARN"])
        yield Chats(desk, outbox)
    runtime_database.database().close()
    for cached in (aws.client, runtime_database.database, telegram._bot_of):
        cached.cache_clear()
