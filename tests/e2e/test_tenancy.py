"""Two organisations on one platform: neither can see, use, stop or change anything of the other's."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import boto3
import httpx
import psycopg
import pytest
from psycopg import sql

from breakwater.client import Client, Problem
from local_cloud.platform import REGION
from tests.e2e.answers import assert_problem
from tests.e2e.desk import SYMBOL, Desk, eventually, new_id, told_by_mail

LIGHTHOUSE = "5a1e0000-0000-4000-8000-00000000b000"
PASSWORD = "Lighthouse-0f-Tests"
ORGANISATION: dict[str, Any] = {
    "tenant_id": LIGHTHOUSE,
    "name": "Lighthouse Capital",
    "users": [
        {"username": "lighthouse-admin", "email": "admin@lighthouse.example", "role": "organisation_admin"},
        {"username": "lighthouse-trader", "email": "trader@lighthouse.example", "role": "trader"},
    ],
    "nodes": [
        {"key": "firm", "kind": "FIRM", "name": "Lighthouse Capital"},
        {
            "key": "paper",
            "kind": "ACCOUNT",
            "parent": "firm",
            "name": "Lighthouse paper",
            "account": {
                "name": "lighthouse-paper",
                "kind": "PAPER",
                "balances": {"USDT": "100000", "ETH": "100"},
                "users": ["lighthouse-trader"],
            },
        },
    ],
    "limits": [{"node": "paper", "limit_type": "MAX_ORDER_QTY", "instrument": SYMBOL, "value": "5"}],
}

# As whom of our own organisation it is tried: all that may do it at home.
READERS = ("trader2", "risk", "viewer", "admin")
TRADERS = ("trader2", "admin")
CANCELLERS = ("trader2", "risk", "admin")
MANAGERS = ("risk", "admin")


@dataclass(frozen=True)
class Belongings:
    """Ids of what the other organisation has."""

    account_id: str
    node_id: str
    limit_id: str
    order_id: str  # Rests in the book.
    filled_order_id: str
    key_id: str


@dataclass(frozen=True)
class Neighbour:
    """Its people, signed in, and what they have."""

    admin: Client
    trader: Client
    desk: Desk
    has: Belongings


@pytest.fixture(scope="module")
def neighbour(endpoints: dict[str, Any], invoke: Callable[[str, Any], Any]) -> Iterator[Neighbour]:
    users = [user | {"password": PASSWORD} for user in ORGANISATION["users"]]
    made = invoke("provisioning", {"action": "create_organisation", "organisation": ORGANISATION | {"users": users}})
    account_id = made["accounts"]["paper"]

    def touch() -> tuple[Decimal, Decimal]:
        book = httpx.get(f"{endpoints['engine_url']}/market/book", params={"symbol": SYMBOL}, timeout=5).json()
        return Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])

    with Client(endpoints["api_url"]) as admin, Client(endpoints["api_url"]) as trader:
        admin.sign_in("lighthouse-admin", PASSWORD)
        trader.sign_in("lighthouse-trader", PASSWORD)
        desk = Desk(trader, account_id, touch)
        resting, filled = desk.rest(), desk.place("BUY", "0.02")
        desk.filled_of(filled["order_id"])
        with pytest.raises(Problem, match="LIMIT_EXCEEDED") as refused:
            desk.rest("6")
        alerted = refused.value.correlation_id
        eventually(lambda: [each for each in admin.alerts()["items"] if each["correlation_id"] == alerted] or None)
        limit = admin.limits_usage(made["nodes"]["paper"])["items"][0]
        key = admin.create_api_key("e2e of the neighbour", ["read"])
        has = Belongings(
            account_id=account_id,
            node_id=made["nodes"]["paper"],
            limit_id=limit["limit_id"],
            order_id=resting["order_id"],
            filled_order_id=filled["order_id"],
            key_id=key["key_id"],
        )
        yield Neighbour(admin, trader, desk, has)
        admin.revoke_api_key(key["key_id"])
        trader.cancel_all(account_id)


@pytest.fixture
def everything_of(database: psycopg.Connection) -> Callable[[str], dict[str, str]]:
    """Every row of an organisation in every table, and every row of anybody's about its account."""

    def digests(account_id: str) -> dict[str, str]:
        tables = database.execute(
            """SELECT table_schema, table_name, array_agg(column_name::text) FROM information_schema.columns
               JOIN information_schema.tables USING (table_schema, table_name)
               WHERE table_type = 'BASE TABLE' AND column_name IN ('tenant_id', 'account_id')
                 AND table_schema IN ('identity', 'limits', 'trading', 'alerts')
                 -- The watch measures everybody all the time.
                 AND table_name NOT LIKE 'metric_%%' AND table_name <> 'equity_samples' GROUP BY 1, 2""",
            (),
        ).fetchall()
        assert len(tables) >= 15
        owners = {"tenant_id": LIGHTHOUSE, "account_id": account_id}
        found = {}
        for schema, table, columns in tables:
            query = sql.SQL("SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t WHERE {}")
            owned = sql.SQL(" OR ").join(
                sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(uuid.UUID(owners[column])))
                for column in columns
            )
            row = database.execute(query.format(sql.Identifier(schema, table), owned)).fetchone()
            assert row is not None
            found[f"{schema}.{table}"] = str(row[0])
        return found

    # What it did itself is told first.
    eventually(lambda: database.execute("SELECT 1 FROM trading.outbox LIMIT 1").fetchone() is None or None)
    return digests


def order_body(account_id: str) -> dict[str, Any]:
    return {
        "client_order_id": new_id(),
        "account_id": account_id,
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.01",
    }


def attempts(has: Belongings) -> Iterator[tuple[tuple[str, ...], str, str, Any]]:
    """Every route that takes an id: who of us tries it, method, path and body."""
    for order_id in (has.order_id, has.filled_order_id):
        yield READERS, "GET", f"/orders/{order_id}", None
        yield READERS, "GET", f"/orders/{order_id}/saga", None
        yield READERS, "GET", f"/orders/{order_id}/replaces", None
        yield TRADERS, "PATCH", f"/orders/{order_id}", {"replace_id": new_id(), "quantity": "0.02"}
        yield CANCELLERS, "DELETE", f"/orders/{order_id}", None
    for path in ("/orders", "/trades", "/positions", "/portfolio", "/events"):
        yield READERS, "GET", f"{path}?account_id={has.account_id}", None
    yield READERS, "GET", f"/limits/usage?node_id={has.node_id}", None
    yield CANCELLERS, "DELETE", f"/orders?account_id={has.account_id}", None
    yield TRADERS, "POST", "/orders", order_body(has.account_id)
    yield TRADERS, "POST", "/orders/preview", order_body(has.account_id)
    yield READERS, "POST", "/limits/validate", order_body(has.account_id)
    yield MANAGERS, "POST", "/limits", {"node_id": has.node_id, "limit_type": "MAX_ORDER_QTY", "value": "0.0001"}
    yield MANAGERS, "DELETE", f"/limits/{has.limit_id}", None
    for change in ("kill", "rearm"):
        yield MANAGERS, "POST", f"/limits/{change}", {"node_id": has.node_id, "reason": "not mine"}
    yield ("trader2", "admin"), "DELETE", f"/api-keys/{has.key_id}", None
    yield ("trader2", "admin"), "POST", f"/api-keys/{has.key_id}/rotate", {}


def nowhere(has: Belongings) -> Belongings:
    """The same kinds of ids, of things that nobody has."""
    return Belongings(*("0" * 16 if each.name == "key_id" else new_id() for each in fields(has)))


def test_whatever_is_tried_with_the_neighbours_ids_is_not_found_and_changes_nothing(
    neighbour: Neighbour,
    sign_in: Callable[[str], Client],
    ask: Callable[..., httpx.Response],
    everything_of: Callable[[str], dict[str, str]],
) -> None:
    before = everything_of(neighbour.has.account_id)
    # Beside each the same with ids that do not exist: the words must not tell one from the other.
    for (who, method, path, body), (_, _, nobodys_path, nobodys_body) in zip(
        attempts(neighbour.has), attempts(nowhere(neighbour.has)), strict=True
    ):
        for username in who:
            document = assert_problem(ask(sign_in(username), method, path, body), 404)
            nothing = assert_problem(ask(sign_in(username), method, nobodys_path, nobodys_body), 404)
            told = [(each["code"], each["detail"]) for each in (document, nothing)]
            assert told[0] == told[1], (username, method, path)
    assert everything_of(neighbour.has.account_id) == before
    assert neighbour.trader.order(neighbour.has.order_id)["status"] == "NEW"
    assert neighbour.desk.rest()["status"] == "NEW"  # Neither killed nor limited.


def test_an_admins_api_key_reaches_no_further_than_its_organisation(
    neighbour: Neighbour, sign_in: Callable[[str], Client], endpoints: dict[str, Any]
) -> None:
    admin = sign_in("admin")
    created = admin.create_api_key("e2e across", ["read", "trade", "admin"])
    try:
        with Client(endpoints["api_url"], api_key=created["api_key"]) as key:
            for call in (
                lambda: key.order(neighbour.has.order_id),
                lambda: key.cancel(neighbour.has.order_id),
                lambda: key.kill(neighbour.has.node_id, "not mine"),
                lambda: key.place_order(neighbour.has.account_id, SYMBOL, "BUY", "0.01"),
            ):
                with pytest.raises(Problem) as raised:
                    call()
                assert raised.value.status == 404
    finally:
        admin.revoke_api_key(created["key_id"])
    assert neighbour.trader.order(neighbour.has.order_id)["status"] == "NEW"


@pytest.mark.parametrize(
    "path", ["/orders", "/trades", "/positions", "/portfolio", "/alerts", "/limits/tree", "/api-keys"]
)
def test_no_list_shows_anything_of_the_neighbours(
    neighbour: Neighbour, sign_in: Callable[[str], Client], ask: Callable[..., httpx.Response], path: str
) -> None:
    ours, theirs = ask(sign_in("admin"), "GET", path), ask(neighbour.admin, "GET", path)
    our_accounts, their_accounts = sign_in("admin").me()["account_ids"], [neighbour.has.account_id]
    assert (ours.status_code, theirs.status_code) == (200, 200)
    assert theirs.json()["items"]
    for text, foreign in ((ours.text, their_accounts), (theirs.text, our_accounts)):
        assert not [account_id for account_id in foreign if account_id in text]
    for each in fields(neighbour.has):
        assert getattr(neighbour.has, each.name) not in ours.text
    assert "lighthouse" not in ours.text.lower()
    assert "harbour" not in theirs.text.lower()


def test_the_same_client_order_id_in_two_organisations_is_two_orders(neighbour: Neighbour, desk: Desk) -> None:
    client_order_id, price = new_id(), desk.price_below()
    ours = desk.place("BUY", "0.01", price=price, client_order_id=client_order_id)
    theirs = neighbour.desk.place("BUY", "0.03", price=price, client_order_id=client_order_id)
    assert ours["order_id"] != theirs["order_id"]
    assert Decimal(desk.client.order(ours["order_id"])["quantity"]) == Decimal("0.01")


def test_an_alert_is_sent_to_the_organisation_it_concerns_and_to_no_other(
    neighbour: Neighbour, desk: Desk, sign_in: Callable[[str], Client], endpoints: dict[str, Any]
) -> None:
    def recipients(of: Desk, admin: Client) -> set[str]:
        with pytest.raises(Problem) as raised:
            of.rest("51")
        return eventually(lambda: told_by_mail(admin, str(raised.value.correlation_id)) or None)

    def mailed() -> set[str] | None:
        messages = httpx.get(f"{endpoints['outbox_url']}/messages", timeout=5).json()["items"]
        return {each["to"] for each in messages if each["to"].endswith("@lighthouse.example")} or None

    told = recipients(neighbour.desk, neighbour.admin)
    assert "admin@lighthouse.example" in told
    assert all(each.endswith("@lighthouse.example") for each in told)
    assert "admin@lighthouse.example" in eventually(mailed)
    assert all(each.endswith("@harbour.example") for each in recipients(desk, sign_in("admin")))


def test_mails_move_with_the_addresses_that_an_organisation_is_made_with_again(
    neighbour: Neighbour, endpoints: dict[str, Any], invoke: Callable[[str, Any], Any]
) -> None:
    """An address of two organisations hears of both, until it is of one alone again; one of nobody hears of none."""
    sns = boto3.client(
        "sns",
        endpoint_url=endpoints["aws_endpoint_url"],
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    ours, theirs = "risk@harbour.example", "trader@lighthouse.example"

    def make_with(email: str) -> None:
        users = [
            user | {"password": PASSWORD, "email": email if user["role"] == "trader" else user["email"]}
            for user in ORGANISATION["users"]
        ]
        invoke("provisioning", {"action": "create_organisation", "organisation": ORGANISATION | {"users": users}})

    def hears_of(address: str) -> int:
        pages = sns.get_paginator("list_subscriptions").paginate()
        of_address = [each for page in pages for each in page["Subscriptions"] if each["Endpoint"] == address]
        told = [sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"]) for each in of_address]
        return sum(len(json.loads(each["Attributes"]["FilterPolicy"])["tenant_id"]) for each in told)

    assert (hears_of(ours), hears_of(theirs)) == (1, 1)
    make_with(ours)
    assert (hears_of(ours), hears_of(theirs)) == (2, 0)
    make_with(theirs)
    assert (hears_of(ours), hears_of(theirs)) == (1, 1)
