"""The operator's function, against moto's Cognito and SNS and a real Postgres."""

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import ValidationError

from breakwater.db.connection import Database
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.errors import Conflict, InvalidRequest
from breakwater.runtime import aws
from breakwater.services import limit_settings, limit_tree
from events.accounts import AccountOpened
from functions.provisioning.app import handler
from tests.conftest import DatabaseUrls
from tests.unit.runtime.http_events import LambdaContext

DEMO_FIRM = json.loads((Path(__file__).parents[3] / "local_cloud" / "demo_firm.json").read_text())


@pytest.fixture(autouse=True)
def environment(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    aws.client.cache_clear()
    with mock_aws():
        pool = boto3.client("cognito-idp").create_user_pool(PoolName="pool")["UserPool"]["Id"]
        monkeypatch.setenv("USER_POOL_ID", pool)
        monkeypatch.setenv("ALERT_TOPIC_ARN", boto3.client("sns").create_topic(Name="alerts")["TopicArn"])
        monkeypatch.setenv("FUNCTIONS_DATABASE_SECRET_ARN", secret(database_urls.functions))
        yield
    aws.client.cache_clear()


def secret(conninfo: str) -> str:
    told = conninfo_to_dict(conninfo)
    value = {
        "username": told["user"],
        "password": told.get("password", ""),
        "host": told["host"],
        "port": told.get("port", 5432),
        "dbname": told["dbname"],
    }
    stored = boto3.client("secretsmanager").create_secret(Name=uuid.uuid4().hex, SecretString=json.dumps(value))
    return str(stored["ARN"])


def create(**changes: Any) -> dict[str, Any]:
    return handler({"action": "create_organisation", "organisation": DEMO_FIRM | changes}, LambdaContext())


def groups_of(username: str) -> set[str]:

    answer = boto3.client("cognito-idp").admin_list_groups_for_user(
        UserPoolId=os.environ["USER_POOL_ID"], Username=username
    )
    return {group["GroupName"] for group in answer["Groups"]}


def test_a_role_that_is_told_anew_is_an_event_and_who_is_disabled_stays_so(
    database: Database, database_urls: DatabaseUrls
) -> None:
    create()
    tenant_id, trader = uuid.UUID(DEMO_FIRM["tenant_id"]), DEMO_FIRM["users"][2]
    with database.tenant_transaction(tenant_id) as tx:
        tx.people.set_disabled(uuid.UUID(trader["user_id"]), is_disabled=True)
    users = [user | {"role": "system_admin"} if user == trader else user for user in DEMO_FIRM["users"]]
    for _ in range(2):
        create(users=users)
    with database.tenant_transaction(tenant_id) as tx:
        changed = tx.people.person(uuid.UUID(trader["user_id"]))
    assert (changed.role, changed.is_disabled) == ("system_admin", True)
    with psycopg.connect(database_urls.admin) as connection:
        told = connection.execute(
            "SELECT payload FROM trading.events WHERE topic = 'users.PermissionsUpdated.v1'"
        ).fetchall()
    ((event,),) = told
    assert (event["username"], event["role_before"], event["role"]) == ("trader1", "trader", "system_admin")
    assert (event["is_disabled"], event["changed_by"]) == (True, "provisioning")


def test_each_run_is_in_the_audit_trail_with_the_roles_that_were_told(database_urls: DatabaseUrls) -> None:
    for _ in range(2):
        create()
    with psycopg.connect(database_urls.admin) as connection:
        told = connection.execute(
            "SELECT actor, tenant_id::text, payload FROM trading.events"
            " WHERE topic = 'users.OrganisationProvisioned.v1' ORDER BY recorded_no"
        ).fetchall()
    assert len(told) == 2
    for actor, tenant_id, payload in told:
        assert (actor, tenant_id) == ("provisioning", DEMO_FIRM["tenant_id"])
        assert payload["roles"] == {user["username"]: user["role"] for user in DEMO_FIRM["users"]}
        assert (payload["account_count"], payload["node_count"]) == (3, len(DEMO_FIRM["nodes"]))


def test_each_account_is_told_of_once_however_often_it_is_told(database_urls: DatabaseUrls) -> None:
    create()
    created = create()
    with psycopg.connect(database_urls.admin) as connection:
        told = connection.execute(
            "SELECT account_id::text, payload FROM trading.events WHERE topic = %s", (AccountOpened.topic,)
        ).fetchall()
    assert sorted(account_id for account_id, _ in told) == sorted(created["accounts"].values())
    opened = [AccountOpened.model_validate(payload) for _, payload in told]
    assert {(each.kind, each.opened_by) for each in opened} == {("PAPER", "provisioning")}
    assert all(each.balances for each in opened)


def test_the_demo_firm_is_created_whole(database: Database) -> None:
    created = create()
    tenant_id = uuid.UUID(DEMO_FIRM["tenant_id"])
    assert created["tenant_id"] == DEMO_FIRM["tenant_id"]
    assert set(created["accounts"]) == {"trader1-paper", "trader2-paper", "trader3-paper"}
    assert created["users"]["trader1"] == {
        "user_id": DEMO_FIRM["users"][2]["user_id"],
        "account_ids": [created["accounts"]["trader1-paper"]],
    }
    assert groups_of("trader1") == {f"org:{tenant_id}", "role:trader"}
    with database.tenant_transaction(tenant_id) as tx:
        rows = tx.connection.execute(
            "SELECT n.name, p.name FROM limits.nodes n LEFT JOIN limits.nodes p ON p.node_id = n.parent_id"
            " WHERE n.account_id = %s OR n.parent_id IS NULL ORDER BY n.kind",
            (created["accounts"]["trader1-paper"],),
        ).fetchall()
        assert rows == [("trader1 paper", "Trader 1"), ("Harbour Trading", None)]
        path = tx.connection.execute(
            "SELECT path FROM limits.nodes WHERE node_id = %s", (created["nodes"]["trader1-paper"],)
        ).fetchone()
        assert path == ([uuid.UUID(created["nodes"][k]) for k in ("firm", "desk-a", "trader1", "trader1-paper")],)
        limits = tx.connection.execute("SELECT count(*) FROM limits.limits").fetchone()
        assert limits == (len(DEMO_FIRM["limits"]),)
        balances = tx.connection.execute(
            "SELECT asset, total FROM trading.balances WHERE account_id = %s ORDER BY asset",
            (created["accounts"]["trader1-paper"],),
        ).fetchall()
        assert balances == [("BTC", Decimal(10)), ("ETH", Decimal(100)), ("USDT", Decimal(100000))]


def test_each_address_of_a_firm_is_subscribed_for_what_is_sent_to_it_alone() -> None:
    create()
    sns = boto3.client("sns")
    subscriptions = sns.list_subscriptions()["Subscriptions"]
    assert {s["Endpoint"] for s in subscriptions} == {user["email"] for user in DEMO_FIRM["users"]}
    for subscription in subscriptions:
        attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
        assert json.loads(attributes["FilterPolicy"]) == {
            "tenant_id": [DEMO_FIRM["tenant_id"]],
            "address": [subscription["Endpoint"]],
        }


def test_a_second_time_creates_nothing_and_undoes_nothing(database: Database) -> None:
    first = create()
    tenant_id = uuid.UUID(DEMO_FIRM["tenant_id"])
    with database.tenant_transaction(tenant_id) as tx:
        tx.connection.execute("UPDATE trading.balances SET total = 7")
        tx.connection.execute("UPDATE limits.limits SET value = 9 WHERE limit_type = 'OPEN_ORDER_COUNT'")
        tx.connection.execute("UPDATE limits.nodes SET state = 'KILLED'")
    assert create() == first
    with database.tenant_transaction(tenant_id) as tx:
        assert tx.connection.execute("SELECT DISTINCT total FROM trading.balances").fetchall() == [(Decimal(7),)]
        assert tx.connection.execute("SELECT DISTINCT state FROM limits.nodes").fetchall() == [("KILLED",)]
        values = tx.connection.execute(
            "SELECT DISTINCT value FROM limits.limits WHERE limit_type = 'OPEN_ORDER_COUNT'"
        ).fetchall()
        assert values == [(Decimal(9),)]
    assert len(boto3.client("sns").list_subscriptions()["Subscriptions"]) == len(DEMO_FIRM["users"])


def test_a_limit_has_its_types_own_action_and_a_history_and_stays_deleted_once_it_is(database: Database) -> None:
    loss = {"node": "firm", "limit_type": "DAILY_LOSS", "value": "5000"}
    warning = {"node": "desk-a", "limit_type": "MAX_ORDER_QTY", "value": "1", "currency": "BTC", "action": "WARN"}
    created = create(limits=[loss, warning])
    tenant_id = uuid.UUID(DEMO_FIRM["tenant_id"])
    risk = Caller(tenant_id, "risk", "risk", Role.RISK_MANAGER, frozenset({SESSION_SCOPE}), correlation_id="c")
    at = datetime.now(UTC)
    with database.tenant_transaction(tenant_id) as tx:
        (daily_loss,) = limit_tree.usage(uuid.UUID(created["nodes"]["firm"]), risk, tx, at)["items"]
        (order_qty,) = limit_tree.usage(uuid.UUID(created["nodes"]["desk-a"]), risk, tx, at)["items"]
        assert (daily_loss["action"], order_qty["action"], order_qty["currency"]) == ("REDUCE_ONLY", "WARN", "BTC")
        limit_id = uuid.UUID(daily_loss["limit_id"])
        limit_settings.delete_limit(limit_id, risk, tx, at)
    create(limits=[loss, warning])
    with database.tenant_transaction(tenant_id) as tx:
        versions = limit_settings.limit_history(limit_id, risk, tx)["items"]
        told = [(version["changed_by"], version["is_deleted"]) for version in versions]
        assert told == [("provisioning", False), ("risk", True)]
        assert limit_tree.usage(uuid.UUID(created["nodes"]["firm"]), risk, tx, at)["items"] == []


def test_a_changed_role_replaces_the_old_one() -> None:
    create()
    viewer = next(user for user in DEMO_FIRM["users"] if user["username"] == "viewer")
    others = [user for user in DEMO_FIRM["users"] if user["username"] != "viewer"]
    create(users=[*others, viewer | {"role": "trader"}])
    assert groups_of("viewer") == {f"org:{DEMO_FIRM['tenant_id']}", "role:trader"}


def test_a_user_of_another_organisation_is_not_taken_over() -> None:
    create()
    with pytest.raises(Conflict, match="another organisation"):
        create(tenant_id=str(uuid.uuid4()), name="Raiders")
    assert groups_of("admin") == {f"org:{DEMO_FIRM['tenant_id']}", "role:organisation_admin"}


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": [{"key": "a", "kind": "DESK", "parent": "b", "name": "A"}], "limits": []},
        {"nodes": [{"key": "a", "kind": "FIRM", "name": "A"}] * 2, "limits": []},
        {"nodes": [{"key": "a", "kind": "ACCOUNT", "name": "A"}], "limits": []},
        {"limits": [{"node": "nowhere", "limit_type": "MAX_ORDER_QTY", "value": "1"}]},
        {"limits": [{"node": "firm", "limit_type": "NO_SUCH_TYPE", "value": "1"}]},
        {"users": [{"username": "a", "email": "a@example.com", "role": "root", "password": "s3cret"}]},
    ],
)
def test_an_organisation_that_makes_no_sense_is_refused_before_anything_is_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        create(**changes)
    assert "s3cret" not in str(refusal.value)
    assert boto3.client("sns").list_subscriptions()["Subscriptions"] == []


def test_a_limit_with_a_value_its_type_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        create(limits=[{"node": "firm", "limit_type": "MAX_ORDER_QTY", "value": "-1"}])


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown action"):
        handler({"action": "drop"}, LambdaContext())


def test_an_empty_database_is_migrated_and_a_second_time_changes_nothing(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"empty_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    admin = make_conninfo(postgres_server, dbname=name)
    monkeypatch.setenv("ADMIN_DATABASE_SECRET_ARN", secret(admin))
    for variable in ("FUNCTIONS", "ENGINE", "SEALER"):
        role = f"breakwater_{variable.lower()}"
        # The password the other tests' roles have: roles belong to the server, not to this database.
        monkeypatch.setenv(f"{variable}_DATABASE_SECRET_ARN", secret(make_conninfo(admin, user=role, password=role)))
    try:
        for _ in range(2):
            assert handler({"action": "migrate"}, LambdaContext()) == {"migrated": True}
        functions = make_conninfo(admin, user="breakwater_functions", password="breakwater_functions")
        with psycopg.connect(functions) as connection:
            assert connection.execute("SELECT count(*) FROM market.instruments").fetchone() == (2,)
    finally:
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
