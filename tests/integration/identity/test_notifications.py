"""A WebSocket client's life, as the gateway tells it: connect, subscribe, hear, leave."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from breakwater.db.connection import Database
from breakwater.runtime import aws
from breakwater.runtime import database as runtime_database
from breakwater.services.connections import Connections
from events.envelope import Envelope
from functions.notifications import app
from tests.conftest import DatabaseUrls
from tests.integration.alerts.one_alert import an_alert
from tests.integration.identity.conftest import Firm, session_of
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, served_jwk_set, token
from tests.unit.runtime.http_events import LambdaContext

Posted = list[tuple[str, dict[str, Any]]]


class Gateway:
    """Stands for the apigatewaymanagementapi client, which moto answers without ever losing a connection."""

    class exceptions:  # The name boto3 gives it.
        class GoneException(Exception):
            pass

    def __init__(self) -> None:
        self.posted: Posted = []
        self.gone: set[str] = set()
        self.ended: list[str] = []
        self.slowed: set[str] = set()

    def delete_connection(self, *, ConnectionId: str) -> None:
        if ConnectionId in self.gone:
            raise self.exceptions.GoneException
        self.ended.append(ConnectionId)

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # As boto3 names them.
        if ConnectionId in self.gone:
            raise self.exceptions.GoneException
        if ConnectionId in self.slowed:
            raise ClientError({"Error": {"Code": "LimitExceededException"}}, "PostToConnection")
        self.posted.append((ConnectionId, json.loads(Data)))

    def read(self, connection_id: str) -> list[dict[str, Any]]:
        read = [message for to, message in self.posted if to == connection_id]
        self.posted = [(to, message) for to, message in self.posted if to != connection_id]
        return read


@pytest.fixture
def gateway(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in {
        "OIDC_ISSUER": ISSUER,
        "USER_POOL_ID": "eu-west-1_pool",
        "USER_POOL_CLIENT_ID": CLIENT_ID,
        "DATABASE_URL": database_urls.functions,
        "CONNECTIONS_TABLE": "connections",
        "WEBSOCKET_API_ENDPOINT": "https://gateway",
    }.items():
        monkeypatch.setenv(name, value)
    aws.client.cache_clear()
    opened = Gateway()
    ours = aws.client
    monkeypatch.setattr(
        app, "client", lambda name, **more: opened if name == "apigatewaymanagementapi" else ours(name, **more)
    )
    with mock_aws(config={"core": {"passthrough": {"urls": ["127.0.0.1"]}}}), served_jwk_set("first") as url:
        monkeypatch.setenv("OIDC_JWKS_URL", url)
        boto3.client("dynamodb").create_table(
            TableName="connections",
            KeySchema=[{"AttributeName": "connection_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "connection_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield opened
    aws.client.cache_clear()
    runtime_database.database().close()


def route(route_key: str, connection_id: str, **more: Any) -> dict[str, Any]:
    request = {"routeKey": route_key, "connectionId": connection_id, "identity": {"sourceIp": "203.0.113.7"}}
    return app.handler({"requestContext": request, **more}, LambdaContext())


def connect(firm: Firm, connection_id: str, **token_claims: Any) -> None:
    user = firm.trader
    groups = [f"org:{firm.tenant_id}", f"role:{user.role}"]
    claims: dict[str, Any] = {"sub": user.subject, "username": user.username, "cognito:groups": groups}
    told = token(**claims | token_claims)
    assert route("$connect", connection_id, queryStringParameters={"token": told}) == {"statusCode": 200}


def send(connection_id: str, message: object) -> None:
    body = message if isinstance(message, str) else json.dumps(message)
    assert route("$default", connection_id, body=body) == {"statusCode": 200}


def raise_alert(urls: DatabaseUrls, firm: Firm, account_id: uuid.UUID, sequence: int) -> dict[str, Any]:
    """An event of the account, numbered as the relay does; answers its envelope."""
    payload = {"alert_id": str(uuid.uuid4()), "kind": "k", "severity": "INFO", "title": "t", "body": "b"}
    event_id = uuid.uuid4()
    values = (event_id, "alerts.AlertRaised.v2", firm.tenant_id, account_id, uuid.uuid4(), "c", 1, json.dumps(payload))
    with psycopg.connect(urls.admin) as connection:
        connection.execute("INSERT INTO trading.events VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", values)
        connection.execute(
            "INSERT INTO trading.account_feed VALUES (%s, %s, %s, %s)", (account_id, sequence, event_id, firm.tenant_id)
        )
    return {
        "event_id": str(event_id),
        "topic": values[1],
        "tenant_id": str(firm.tenant_id),
        "account_id": str(account_id),
        "aggregate_id": str(values[4]),
        "correlation_id": "c",
        "occurred_at_ns": 1,
        "payload": payload,
    }


def deliver(envelope: dict[str, Any]) -> dict[str, Any]:
    record = {
        "messageId": "1",
        "receiptHandle": "receipt",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:notifications",
        "attributes": {},
        "body": json.dumps({"detail-type": envelope["topic"], "detail": envelope}),
    }
    return app.handler({"Records": [record]}, LambdaContext())


@pytest.mark.parametrize(
    "options", [{}, {"headers": {"Authorization": "Bearer a.b.c"}}, {"queryStringParameters": None}]
)
def test_nobody_connects_without_a_good_token(gateway: Gateway, options: dict[str, Any]) -> None:
    assert route("$connect", "c1", **options) == {"statusCode": 401}
    send("c1", {"action": "subscribe", "channel": "orders"})
    assert [answer["code"] for answer in gateway.read("c1")] == ["NOT_AUTHENTICATED"]


def test_a_subscriber_hears_a_snapshot_and_then_each_event_of_its_account(
    gateway: Gateway, database: Database, firm: Firm, other_firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    stored = an_alert(uuid.uuid4(), account_id=account_id)
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.alerts.add(stored)
    raise_alert(database_urls, firm, account_id, 1)
    connect(firm, "ours")
    connect(other_firm, "theirs")
    for connection_id in ("ours", "theirs"):
        send(connection_id, {"action": "subscribe", "channel": "alerts"})
    [snapshot] = gateway.read("ours")
    assert (snapshot["type"], snapshot["account_id"], snapshot["sequence"]) == ("snapshot", str(account_id), 1)
    assert [item["alert_id"] for item in snapshot["items"]] == [str(stored.alert_id)]
    gateway.read("theirs")

    envelope = raise_alert(database_urls, firm, account_id, 2)
    assert deliver(envelope) == {"batchItemFailures": []}
    assert gateway.read("ours") == [
        {"type": "update", "channel": "alerts", "account_id": str(account_id), "sequence": 2, "event": envelope}
    ]
    assert gateway.read("theirs") == []
    deliver(raise_alert(database_urls, firm, firm.other_account.account_id, 1))
    assert gateway.read("ours") == []


def test_a_client_that_was_away_is_told_what_it_missed(
    gateway: Gateway, database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    account_id = firm.account.account_id
    told = [raise_alert(database_urls, firm, account_id, sequence) for sequence in (1, 2, 3)]
    connect(firm, "ours")
    send("ours", {"action": "subscribe", "channel": "alerts", "account_id": str(account_id), "since": 1})
    [resumed] = gateway.read("ours")
    assert (resumed["type"], resumed["sequence"]) == ("resumed", 3)
    assert [(update["sequence"], update["event"]) for update in resumed["updates"]] == [(2, told[1]), (3, told[2])]


def test_orders_and_positions_begin_with_what_there_is(gateway: Gateway, database: Database, firm: Firm) -> None:
    connect(firm, "ours")
    for channel in ("orders", "positions"):
        send("ours", {"action": "subscribe", "channel": channel})
        assert gateway.read("ours") == [
            {
                "type": "snapshot",
                "channel": channel,
                "account_id": str(firm.account.account_id),
                "sequence": 0,
                "items": [],
            }
        ]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "INVALID_REQUEST"),
        ("", "INVALID_REQUEST"),
        ({"action": "withdraw"}, "INVALID_REQUEST"),
        ({"action": "subscribe", "channel": "markets"}, "INVALID_REQUEST"),
        ({"action": "subscribe", "channel": "orders", "since": -1}, "INVALID_REQUEST"),
        ({"action": "subscribe", "channel": "orders", "account_id": str(uuid.uuid4())}, "NOT_FOUND"),
    ],
)
def test_what_is_not_understood_or_not_allowed_is_answered_with_an_error(
    gateway: Gateway, database: Database, firm: Firm, message: object, code: str
) -> None:
    connect(firm, "ours")
    send("ours", message)
    assert [(answer["type"], answer["code"]) for answer in gateway.read("ours")] == [("error", code)]


def test_a_ping_is_answered(gateway: Gateway, firm: Firm) -> None:
    send("ours", {"action": "ping"})
    assert gateway.read("ours") == [{"type": "pong"}]


def test_a_connection_that_is_gone_is_forgotten(
    gateway: Gateway, database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    for connection_id in ("gone", "left", "stays"):
        connect(firm, connection_id)
        send(connection_id, {"action": "subscribe", "channel": "alerts"})
        gateway.read(connection_id)
    gateway.gone.add("gone")
    route("$disconnect", "left")
    assert deliver(raise_alert(database_urls, firm, firm.account.account_id, 1)) == {"batchItemFailures": []}
    assert [to for to, _ in gateway.posted] == ["stays"]
    items = boto3.client("dynamodb").scan(TableName="connections")["Items"]
    assert [item["connection_id"]["S"] for item in items] == ["stays"]


def test_a_connection_that_takes_nothing_does_not_keep_the_others_from_hearing(
    gateway: Gateway, database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    for connection_id in ("a", "b", "c"):
        connect(firm, connection_id)
        send(connection_id, {"action": "subscribe", "channel": "alerts"})
        gateway.read(connection_id)
    gateway.slowed = {"a", "c"}
    answer = deliver(raise_alert(database_urls, firm, firm.account.account_id, 1))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}, "they are tried again"
    assert [to for to, _ in gateway.posted] == ["b"]


def test_a_connection_whose_permissions_changed_hears_nothing_more_and_ends(
    gateway: Gateway, database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    for connection_id in ("first", "gone"):
        connect(firm, connection_id)
        send(connection_id, {"action": "subscribe", "channel": "alerts"})
        gateway.read(connection_id)
    gateway.gone.add("gone")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.take_account(firm.trader.user_id, firm.account.account_id)
    assert deliver(raise_alert(database_urls, firm, firm.account.account_id, 1)) == {"batchItemFailures": []}
    assert (gateway.posted, gateway.ended) == ([], ["first"])
    assert boto3.client("dynamodb").scan(TableName="connections")["Items"] == []

    connect(firm, "second")  # With the permissions of now: of no account.
    send("second", {"action": "subscribe", "channel": "alerts", "account_id": str(firm.account.account_id)})
    assert [answer["code"] for answer in gateway.read("second")] == ["NOT_FOUND"]
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(firm.trader.user_id, is_disabled=True)
    send("second", {"action": "subscribe", "channel": "alerts"})
    assert [answer["code"] for answer in gateway.read("second")] == ["NOT_AUTHENTICATED"]


def test_a_connection_of_a_session_that_ended_hears_nothing_more_and_another_goes_on(
    gateway: Gateway, database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    """The other session was never seen before: here it is recorded."""
    for connection_id, session in (("lost", "session-1"), ("kept", "session-2")):
        connect(firm, connection_id, origin_jti=session)
        send(connection_id, {"action": "subscribe", "channel": "alerts", "account_id": str(firm.account.account_id)})
        gateway.read(connection_id)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert len(tx.sessions.open_of(firm.trader.user_id)) == 2
        tx.sessions.end(session_of(firm.trader).session_id, firm.trader.user_id, "somebody")
    assert deliver(raise_alert(database_urls, firm, firm.account.account_id, 1)) == {"batchItemFailures": []}
    assert ([to for to, _ in gateway.posted], gateway.ended) == (["kept"], ["lost"])


def test_who_lacks_his_second_factor_is_not_connected(
    gateway: Gateway, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_FACTOR_ROLES", "trader")
    groups: dict[str, Any] = {"cognito:groups": [f"org:{firm.tenant_id}", "role:trader"]}
    told = token(sub=firm.trader.subject, username=firm.trader.username, **groups)
    assert route("$connect", "ours", queryStringParameters={"token": told}) == {"statusCode": 403}


def test_after_an_hour_a_connection_hears_nothing_more(gateway: Gateway, database: Database, firm: Firm) -> None:
    connect(firm, "ours")
    send("ours", {"action": "subscribe", "channel": "alerts"})
    connections = Connections(boto3.client("dynamodb"), "connections")
    channels = {f"alerts/{firm.account.account_id}"}
    now_s = int(datetime.now(UTC).timestamp())
    assert [listener.connection_id for listener in connections.listening(firm.tenant_id, channels, now_s)] == ["ours"]
    assert list(connections.listening(firm.tenant_id, channels, now_s + 3601)) == []


def test_a_connection_ends_with_the_token_it_was_opened_with(gateway: Gateway, database: Database, firm: Firm) -> None:
    now_s = int(datetime.now(UTC).timestamp())
    connect(firm, "ours", exp=now_s + 60)
    send("ours", {"action": "subscribe", "channel": "alerts"})
    connections = Connections(boto3.client("dynamodb"), "connections")
    channels = {f"alerts/{firm.account.account_id}"}
    assert [listener.connection_id for listener in connections.listening(firm.tenant_id, channels, now_s + 59)] == [
        "ours"
    ]
    assert list(connections.listening(firm.tenant_id, channels, now_s + 60)) == []


def test_an_alert_is_acknowledged_and_those_who_listen_hear_of_it(
    database_urls: DatabaseUrls, gateway: Gateway, firm: Firm
) -> None:
    account_id, alert_id = firm.account.account_id, uuid.uuid4()
    stored = an_alert(alert_id, account_id=account_id, kind="LONG_POSITION", group_key="LONG_POSITION/x")
    with runtime_database.database().tenant_transaction(firm.tenant_id) as tx:
        tx.alerts.add(stored)
    connect(firm, "ours")
    send("ours", {"action": "subscribe", "channel": "alerts", "account_id": str(account_id)})
    send("ours", {"action": "acknowledge", "alert_id": str(alert_id), "note": "looking"})
    answer = gateway.posted[-1][1]
    assert (answer["type"], answer["alert"]["acknowledged_by"]) == ("acknowledged", firm.trader.username)
    with psycopg.connect(database_urls.admin) as connection:
        row = connection.execute(
            "SELECT event_id::text, topic, tenant_id::text, account_id::text, aggregate_id::text, correlation_id,"
            " occurred_at_ns, payload, actor FROM trading.events WHERE topic = 'alerts.AlertAcknowledged.v1'"
        ).fetchone()
    assert row is not None
    assert (row[7]["via"], row[7]["note"], row[8]) == ("WEBSOCKET", "looking", firm.trader.username)
    deliver(dict(zip(Envelope.model_fields, row[:8], strict=True)))
    assert gateway.posted[-1][1]["event"]["topic"] == "alerts.AlertAcknowledged.v1"
    send("ours", {"action": "acknowledge", "alert_id": str(uuid.uuid4())})
    assert gateway.posted[-1][1]["code"] == "NOT_FOUND"
