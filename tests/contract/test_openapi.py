"""The OpenAPI document says what the code says, and the handlers do what it says."""

import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from breakwater.domain.alerting import Contact
from breakwater.domain.permissions import ROLE_PERMISSIONS, Role
from breakwater.domain.times import format_time, nanoseconds
from breakwater.domain.webhooks import Answer
from breakwater.services.acknowledgement_links import make_link
from breakwater.services.alert_deliveries import plan_deliveries
from functions.limits import app as limits_app
from functions.openapi import DOCUMENT, document_text
from functions.orders import app as orders_app
from tests.contract.attack_scene import push_subscription
from tests.contract.conftest import (
    COLLEAGUE,
    COLLEAGUE_ID,
    PASSWORD,
    QUEUES,
    USERNAME,
    Platform,
    add_dead_letter,
    seal_audit_trail,
)
from tests.integration.alerts.one_alert import an_alert
from tests.integration.alerts.one_digest import add_digest
from tests.integration.limits.core_engine import CoreEngine
from tests.integration.limits.firm import SYMBOL, order_of, set_reference
from tests.integration.orders.conftest import Desk

AS_DOCUMENTED = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TIMEOUT_S = 10
NOWHERE = "http://127.0.0.1:9"  # The discard port: nothing listens there.
HUGE = "999999999999999999.999999999999999999"
# What is sent for a thing that exists: its id is another in each test.
KNOWN = {
    name: str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    for name in ("account_id", "node_id", "order_id", "limit_id", "user_id", "group_id")
}
UNKNOWN = "ffffffff-ffff-4fff-bfff-ffffffffffff"
# By member or parameter. The shortest is what schemathesis keeps while it varies the others, so it is a good one.
WORTH_TRYING: dict[str, list[Any]] = {
    **{name: [stand_in, UNKNOWN] for name, stand_in in KNOWN.items()},
    "symbol": [SYMBOL, "BTC/USDT", "NO/SUCHCOIN"],
    "instrument": ["*", SYMBOL, "NO/SUCHCOIN"],
    "limit_type": ["PRICE_COLLAR", "LONG_POSITION", "OPEN_ORDER_COUNT", "RESTRICTED_LIST", "NO_SUCH_LIMIT_TYPE"],
    "type": ["LIMIT", "MARKET"],
    "time_in_force": ["GTC", "IOC", "FOK"],
    "quantity": ["7", "-7", "0.0", "1000", "0.00001", HUGE],
    "price": ["2000", "2001.10", "-2000", "0.001", HUGE],
    "venue": ["SIM", "BOOK", "NO_SUCH"],
    "execution": [
        None,
        {"algorithm": "BEST", "venues": ["SIM", "NO_SUCH"]},
        {"algorithm": "TWAP", "duration_s": 60},
        {"algorithm": "OCO", "stop_px": "1900.001", "after": UNKNOWN},
        {"algorithm": "TRAILING_STOP", "offset": HUGE, "percent": "1"},
        {"algorithm": "NO_SUCH"},
    ],
    "buy_max": ["8", "0", "-8", "0.00001", HUGE],
    "sell_max": ["0", "8", HUGE],
    "parent_id": [KNOWN["node_id"], UNKNOWN],
    "balances": [{}, {"USDT": "7"}, {"USDT": "-7"}, {"usd": HUGE}],
    "value": ["1", "-1", "0.0", "0.05", HUGE],
    "parameters": [{}, {"mode": "DENY", "symbols": [SYMBOL]}, {"mode": [], "symbols": {}}],
    "role": ["viewer", "trader", "system_admin", "no_such"],
    "temporary_password": [None, "Temporary-horse-1"],
    "scopes": [["read"], ["trade", "admin"], ["session"]],
    "ip_allow": [[], ["203.0.113.0/24", "2001:db8::/32"], ["203.0.113.1/24"]],
    "expires_at": [None, "2020-01-01T00:00:00Z", "2999-01-01T00:00:00+14:00"],
}
REQUESTS = (
    "OrderTerms",
    "LimitSetting",
    "StateChange",
    "ApiKeyRequest",
    "OAuthClientRequest",
    "LeaseRequest",
    "Invitation",
    "UserChange",
    "NewAccount",
)


def _with_values_worth_trying(document: dict[str, Any]) -> dict[str, Any]:
    """The document with fewer values in its requests: noise alone would meet hardly anything but 404."""
    fields = [field for name in REQUESTS for field in document["components"]["schemas"][name]["properties"].items()]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    parameters = [parameter for operation in operations for parameter in operation.get("parameters", [])]
    fields += [(parameter["name"], parameter["schema"]) for parameter in parameters]
    for name, schema in fields:
        if name in WORTH_TRYING:
            schema.clear()
            schema["enum"] = WORTH_TRYING[name]
    return document


SCHEMA = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text()))
SCHEMA_TO_TRY = schemathesis.openapi.from_dict(_with_values_worth_trying(json.loads(DOCUMENT.read_text())))


def test_the_committed_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text() == document_text(), "`make openapi` writes it again"


def test_every_answer_has_a_named_schema_so_that_clients_can_be_generated() -> None:
    operations = [op for path in json.loads(DOCUMENT.read_text())["paths"].values() for op in path.values()]
    answers = [(op, status, answer) for op in operations for status, answer in op["responses"].items()]
    assert len(answers) > 3 * len(operations) - 1
    for operation, status, answer in answers:
        told = f"{operation['operationId']} {status}"
        content = answer.get("content", {})
        if content.keys() == {"text/html"}:  # A page, for people.
            continue
        schemas = [each["schema"] for each in content.values()]
        assert all(list(schema) == ["$ref"] for schema in schemas), told
        assert len(schemas) == (0 if status == "204" else 1), told


class Known:
    """What the stand-ins stand for: an account, a node with a limit, and an open order."""

    def __init__(self, platform: Platform) -> None:
        firm, order = platform.desk.firm, order_of(platform.desk.firm)
        platform.desk.follow_saga(order)
        real = {
            "account_id": firm.account_ids[0],
            "node_id": firm.firm,
            "order_id": order.order_id,
            "limit_id": platform.desk.admin("SELECT limit_id FROM limits.limits")[0][0],
            "user_id": COLLEAGUE_ID,
            "group_id": platform.desk.admin(
                "INSERT INTO identity.groups SELECT gen_random_uuid(), %s, gen_random_uuid()::text RETURNING group_id",
                firm.tenant_id,
            )[0][0],
        }
        self.url = platform.url
        self._ids = {stand_in: str(real[name]) for name, stand_in in KNOWN.items()}

    def put_into(self, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        return {name: self._ids.get(value, value) if isinstance(value, str) else value for name, value in sent.items()}


@pytest.fixture
def known(platform: Platform) -> Known:
    return Known(platform)


@SCHEMA_TO_TRY.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    # All examples of an operation share a database, and are meant to: one finds what another left.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_whatever_is_sent_the_answer_is_as_documented(case: schemathesis.Case[Any], known: Known) -> None:
    case.path_parameters = known.put_into(case.path_parameters)
    case.query = known.put_into(case.query)
    case.body = known.put_into(case.body)
    case.call_and_validate(base_url=known.url, checks=[not_a_server_error, *AS_DOCUMENTED], timeout=TIMEOUT_S)


EXECUTION = {"algorithm": "TWAP", "duration_s": 600, "venues": ["SIM"]}


# Nobody gives what he may not do himself, so that these need more than what is declared.
GIVING = {"create_oauth_client", "invite_user", "invite_user_again", "change_user", "reset_totp"}


@contextmanager
def _allowed_only(permission: str) -> Iterator[None]:
    """The administrator may do nothing else: what the route declares is all that its use case asks for."""
    whole = ROLE_PERMISSIONS[Role.ORGANISATION_ADMIN]
    ROLE_PERMISSIONS[Role.ORGANISATION_ADMIN] = frozenset({permission})
    try:
        yield
    finally:
        ROLE_PERMISSIONS[Role.ORGANISATION_ADMIN] = whole


class Client:
    """Calls operations by their id, checks each answer against the document, and notes what succeeded."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.succeeded: set[tuple[str, int]] = set()

    def call(self, operation_id: str, status: int, **parts: Any) -> Any:
        operation = SCHEMA.find_operation_by_id(operation_id)
        (media_type,) = operation.definition.raw["requestBody"]["content"] if "body" in parts else (None,)
        case = operation.Case(media_type=media_type, **parts)
        permission = case.operation.definition.raw.get("x-permission")
        is_alone = permission is not None and status < 400 and operation_id not in GIVING
        with _allowed_only(permission) if is_alone else nullcontext():
            response = case.call_and_validate(base_url=self._url, checks=AS_DOCUMENTED, timeout=TIMEOUT_S)
        assert response.status_code == status, response.text
        if status < 400:
            self.succeeded.add((operation_id, status))
        is_page = response.content.startswith(b"<!doctype html>")
        return response.json() if response.content and not is_page else None


# Of the Telegram bot, which is not set up here: what they answer is tried in tests/integration/telegram.
OF_THE_BOT = {"get_telegram_link", "ask_for_telegram_code", "end_telegram_link", "take_telegram_update"}


def test_every_kind_of_success_is_answered_as_documented(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    client, desk = Client(platform.url), platform.desk
    account_id, node_id = str(desk.firm.account_ids[0]), str(desk.firm.firm)
    _sign_in_and_out(client)
    _manage_keys(client)
    _manage_clients(client)
    _manage_people(client, account_id, node_id)
    _end_sessions(client)
    _keep_credentials(client, account_id, str(desk.firm.account_ids[1]))
    terms = {
        "account_id": account_id,
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "2",
        "price": "1990",
    }
    _trade(client, desk, terms, monkeypatch)
    _replace(client, desk, terms, monkeypatch)
    _look(client, desk, account_id)
    _take_up(client, desk)
    _say_who_hears(client, node_id, monkeypatch)
    _limit(client, terms, node_id)
    _override(client, desk, node_id)
    set_reference(desk.urls.admin, Decimal(2000), datetime.now(UTC))  # All before has taken longer than it is fresh.
    _lease(client, account_id, monkeypatch)
    _build(client, node_id)
    _stop(client, desk, terms, node_id, monkeypatch)
    _operate(client, desk, account_id)
    _audit(client, desk)
    _manage_webhooks(client, desk, account_id)
    operations = [op for path in SCHEMA.raw_schema["paths"].values() for op in path.values()]
    promised = {(op["operationId"], int(s)) for op in operations for s in op["responses"] if s.startswith("2")}
    assert client.succeeded == {each for each in promised if each[0] not in OF_THE_BOT}


def _operate(client: Client, desk: Desk, account_id: str) -> None:
    letter_id = add_dead_letter(desk.firm.tenant_id)
    assert len(client.call("list_consumers", 200)["items"]) == len(QUEUES) + 1
    assert client.call("list_dead_letters", 200)["total"] == 1
    named = {"queue": "alerts", "letter_id": letter_id}
    assert client.call("get_dead_letter", 200, path_parameters=named)["is_own"]
    queue = {"queue": "alerts"}
    told = client.call("redrive_dead_letters", 200, path_parameters=queue, body={"letter_id": letter_id})
    assert told == {"redriven": 1, "left": 0}
    days = [format_time(datetime.now(UTC) + timedelta(days=day)) for day in (-1, 1)]
    period = dict(zip(("since", "until"), days, strict=True))
    request = {"replay_id": str(uuid.uuid4()), "consumer": "notifications", "account_id": account_id}
    assert client.call("replay_events", 200, body=request | period)["next_cursor"] is None
    assert account_id in client.call("list_read_models", 200)["account_ids"]
    client.call("rebuild_read_models", 200, path_parameters={"account_id": account_id})


def _audit(client: Client, desk: Desk) -> None:
    """All that came before is in it, sealed by the function that seals it."""
    seal_audit_trail(desk.urls)
    page = client.call("search_audit_trail", 200, query={"actor": USERNAME, "limit": 200})
    assert page["items"][-1]["topic"] == "identity.SignedIn.v1"
    assert client.call("list_own_activity", 200, query={"limit": 200})["items"] == page["items"]
    days = [format_time(datetime.now(UTC) + timedelta(days=day)) for day in (-1, 1)]
    told = client.call("export_audit_trail", 201, body=dict(zip(("since", "until"), days, strict=True)))
    assert told["anchored_sequence"] == told["sequence"] == page["sequence"]
    lines = client.call("list_audit_lines", 200, query={"first_sequence": 1})["lines"]
    assert len(lines) == told["sequence"]
    (anchor,) = client.call("list_audit_anchors", 200, query={"first_sequence": 1, "sequence": len(lines)})["items"]
    hashes = b"".join(hashlib.sha256(line.encode()).digest() for line in lines)
    assert anchor["hashes"] == base64.b64encode(hashes).decode()
    _resume(client, desk)


def _resume(client: Client, desk: Desk) -> None:
    """The database goes back to before its newest anchor; that somebody else asked, the row itself is told."""
    assert client.call("list_audit_gaps", 200) == {"items": []}
    with psycopg.connect(desk.urls.admin, autocommit=True) as connection:
        connection.execute("CREATE TABLE audit.kept AS SELECT * FROM audit.heads")
        seal_audit_trail(desk.urls)
        connection.execute(
            "BEGIN; DELETE FROM audit.anchors a USING audit.kept k WHERE a.sequence > k.sequence;"
            " DELETE FROM audit.records r USING audit.kept k WHERE r.sequence > k.sequence;"
            " DELETE FROM audit.heads; INSERT INTO audit.heads SELECT * FROM audit.kept; DROP TABLE audit.kept; COMMIT"
        )
        asked = client.call("ask_to_resume_audit_trail", 201, body={"reason": "restored to noon"})
        connection.execute("UPDATE audit.gaps SET asked_by = 'another'")
    approved = client.call("approve_audit_resumption", 200, path_parameters={"gap_id": asked["gap_id"]})
    assert (approved["asked_by"], approved["approved_by"]) == ("another", USERNAME)


def _sign_in_and_out(client: Client) -> None:
    tokens = client.call("sign_in", 200, body={"username": USERNAME, "password": PASSWORD})
    client.call("refresh", 200, body={"refresh_token": tokens["refresh_token"]})
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    client.call("enrol_totp", 201, headers=headers)
    client.call("verify_totp", 204, headers=headers, body={"code": "123456"})
    credentials = {"username": USERNAME, "password": PASSWORD, "code": "123456"}
    client.call("sign_in", 200, body=credentials)
    (session,) = client.call("list_own_sessions", 200)["items"]
    client.call("end_own_session", 204, path_parameters={"session_id": session["session_id"]})
    tokens = client.call("sign_in", 200, body=credentials)
    client.call("sign_out", 204, body={"access_token": tokens["access_token"]})


def _manage_keys(client: Client) -> None:
    assert client.call("get_me", 200)["username"] == USERNAME
    expires_at = format_time(datetime.now(UTC) + timedelta(days=1))
    key = client.call("create_api_key", 201, body={"name": "bot", "scopes": ["trade"], "expires_at": expires_at})
    next_key = client.call("rotate_api_key", 201, path_parameters={"key_id": key["key_id"]}, body={"overlap_s": 60})
    assert (next_key["replaces"], next_key["scopes"]) == (key["key_id"], ["trade"])
    client.call("revoke_api_key", 204, path_parameters={"key_id": next_key["key_id"]})
    listed = {each["key_id"]: each for each in client.call("list_api_keys", 200)["items"]}
    assert listed.keys() == {key["key_id"], next_key["key_id"]}
    assert listed[next_key["key_id"]]["revoked_at"] is not None
    assert listed[key["key_id"]]["expires_at"] < expires_at


def _manage_clients(client: Client) -> None:
    wanted = {"name": "reports", "user_id": str(COLLEAGUE_ID), "scopes": ["read"]}
    made = client.call("create_oauth_client", 201, body=wanted)
    path = {"client_id": made["client_id"]}
    rotated = client.call("rotate_oauth_client", 201, path_parameters=path, body={"overlap_s": 60})
    form = {"grant_type": "client_credentials", "client_id": made["client_id"]}
    for secret in (made["client_secret"], rotated["client_secret"]):
        told = client.call("issue_oauth_token", 200, body=form | {"client_secret": secret})
        assert told["access_token"].startswith("bwt_")
    assert client.call("issue_oauth_token", 401, body=form | {"client_secret": "x"})["error"] == "invalid_client"
    client.call("revoke_oauth_client", 204, path_parameters=path)
    (listed,) = client.call("list_oauth_clients", 200)["items"]
    assert (listed["client_id"], listed["is_live"]) == (made["client_id"], False)


def _manage_webhooks(client: Client, desk: Desk, account_id: str) -> None:
    """One is made, changed, tried and removed. What a sender would have done with it is written down in its place."""
    wanted = {"name": "hook", "url": "https://hooks.example.com/x", "topics": ["orders.*"], "account_ids": [account_id]}
    made = client.call("create_webhook", 201, body=wanted)
    assert made["secret"].startswith("bwh_")
    path = {"endpoint_id": made["endpoint"]["endpoint_id"]}
    changed = client.call("change_webhook", 200, path_parameters=path, body={"topics": ["*"], "account_ids": None})
    assert (changed["name"], changed["topics"], changed["account_ids"]) == ("hook", ["*"], None)
    rotated = client.call("rotate_webhook_secret", 201, path_parameters=path, body={"overlap_s": 60})
    assert rotated["older_works_until"] is not None
    client.call("pause_webhook", 200, path_parameters=path)
    assert client.call("resume_webhook", 200, path_parameters=path)["state"] == "ACTIVE"
    client.call("ping_webhook", 202, path_parameters=path)
    period = {"since": format_time(datetime.now(UTC) - timedelta(days=1)), "until": format_time(datetime.now(UTC))}
    client.call("redeliver_webhook_period", 202, path_parameters=path, body=period)
    page = client.call("list_webhook_deliveries", 200, path_parameters=path, query={"limit": 200})
    event = next(each for each in page["items"] if each["kind"] == "REDELIVERY")
    with desk.transactions(desk.firm.tenant_id) as tx:
        tx.webhook_log.note(uuid.UUID(event["delivery_id"]), 1, Answer("REFUSED", 500, 7, b"no"), "DEAD")
    delivery = path | {"delivery_id": event["delivery_id"]}
    detail = client.call("get_webhook_delivery", 200, path_parameters=delivery)
    assert [attempt["answer"] for attempt in detail["attempts"]] == ["no"]
    client.call("redeliver_webhook", 202, path_parameters=delivery)
    assert client.call("get_webhook", 200, path_parameters=path)["waiting"] > 0
    assert len(client.call("list_webhooks", 200)["items"]) == 1
    client.call("remove_webhook", 204, path_parameters=path)
    client.call("get_webhook", 404, path_parameters=path)


def _manage_people(client: Client, account_id: str, node_id: str) -> None:
    """One is invited, given accounts in all three ways, made something else, and disabled."""
    told = {"username": "dora", "email": "dora@example.com", "role": "desk_head"}
    invited = client.call("invite_user", 201, body=told | {"temporary_password": "Temporary-horse-1"})
    user = {"user_id": invited["user_id"]}
    client.call("invite_user_again", 204, path_parameters=user, body={"temporary_password": "Temporary-horse-2"})
    assert client.call("list_users", 200)["items"][0] == invited
    client.call("give_account", 204, path_parameters=user | {"account_id": account_id})
    client.call("take_account", 204, path_parameters=user | {"account_id": account_id})
    client.call("give_node", 204, path_parameters=user | {"node_id": node_id})
    assert account_id in client.call("get_user", 200, path_parameters=user)["account_ids"]
    client.call("take_node", 204, path_parameters=user | {"node_id": node_id})
    group = {"group_id": client.call("create_group", 201, body={"name": "Arbitrage"})["group_id"]}
    client.call("add_group_account", 204, path_parameters=group | {"account_id": account_id})
    client.call("add_member", 204, path_parameters=group | user)
    assert client.call("list_groups", 200)["items"] == [client.call("get_group", 200, path_parameters=group)]
    client.call("remove_group_account", 204, path_parameters=group | {"account_id": account_id})
    client.call("remove_member", 204, path_parameters=group | user)
    client.call("delete_group", 204, path_parameters=group)
    new = {"parent_id": node_id, "name": "dora paper", "balances": {"USDT": "100.50"}}
    assert client.call("create_account", 201, body=new) in client.call("list_accounts", 200)["items"]
    changed = client.call("change_user", 200, path_parameters=user, body={"role": "auditor", "is_disabled": True})
    assert (changed["role"], changed["is_disabled"], changed["sees_all_accounts"]) == ("auditor", True, True)


def _end_sessions(client: Client) -> None:
    """Of a colleague."""
    client.call("sign_in", 200, body={"username": COLLEAGUE, "password": PASSWORD})
    user = {"user_id": str(COLLEAGUE_ID)}
    (session,) = client.call("list_sessions", 200, path_parameters=user)["items"]
    client.call("end_session", 204, path_parameters=user | {"session_id": session["session_id"]})
    client.call("reset_totp", 204, path_parameters=user)


def _keep_credentials(client: Client, account_id: str, other_account_id: str) -> None:
    secrets = {"api_key": "public-key-wxyz", "secret": "hush-hush"}
    body = secrets | {"account_id": account_id, "venue": "BINANCE", "label": "main"}
    added = client.call("add_exchange_credential", 201, body=body)
    named = {"credential_id": added["credential_id"]}
    client.call("rotate_exchange_credential", 201, path_parameters=named, body=secrets | {"overlap_s": 60})
    listed = client.call("list_exchange_credentials", 200)["items"]
    assert [each["version"] for each in listed] == [2, 1]
    assert "hush" not in str([added, listed])
    client.call("grant_exchange_credential", 204, path_parameters=named | {"account_id": other_account_id})
    newest = client.call("list_exchange_credentials", 200)["items"][0]
    assert newest["granted_account_ids"] == [other_account_id]
    client.call("withdraw_exchange_credential", 204, path_parameters=named | {"account_id": other_account_id})
    client.call("delete_exchange_credential", 204, path_parameters=named)


def _trade(client: Client, desk: Desk, terms: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders filled, cancelled, left UNKNOWN by an engine that does not answer, and refused."""
    filled = client.call("place_order", 201, body=terms | {"client_order_id": "filled"})
    client.call("place_order", 200, body=terms | {"client_order_id": "filled"})
    client.call("place_order", 409, body=terms | {"client_order_id": "filled", "quantity": "3"})
    order_id = uuid.UUID(filled["order_id"])
    desk.model.fill(order_id, desk.model.orders[order_id].order.quantity)
    desk.project_all()
    for name in ("get_order", "get_saga"):
        assert client.call(name, 200, path_parameters={"order_id": filled["order_id"]})["status"] == "FILLED"
    open_order = client.call("place_order", 201, body=terms | {"client_order_id": "open"})
    client.call("cancel_order", 200, path_parameters={"order_id": open_order["order_id"]})
    client.call("cancel_order", 409, path_parameters={"order_id": open_order["order_id"]})
    client.call("place_order", 201, body=terms | {"client_order_id": "open-too"})
    worked = client.call("place_order", 201, body=terms | {"client_order_id": "worked", "execution": EXECUTION})
    report = client.call("get_execution", 200, path_parameters={"order_id": worked["order_id"]})
    assert report["execution"]["algorithm"] == EXECUTION["algorithm"]
    client.call("cancel_orders", 200, query={"account_id": terms["account_id"]})
    with monkeypatch.context() as patch:
        patch.setattr(desk.engine, "_base_url", lambda: NOWHERE)
        assert client.call("place_order", 202, body=terms | {"client_order_id": "unknown"})["status"] == "UNKNOWN"
        assert client.call("get_health", 503)["status"] == "DOWN"
        assert client.call("get_engine", 200)["state"] == "DOWN"
    assert [each["state"] for each in client.call("list_sagas", 200)["items"]] == ["UNRESOLVED"]
    refusal = client.call("place_order", 422, body=terms | {"client_order_id": "refused", "quantity": "1000"})
    assert refusal["refusals"]
    assert client.call("preview_order", 200, body=terms | {"client_order_id": "preview", "quantity": "1000"})[
        "refusals"
    ]


def _replace(client: Client, desk: Desk, terms: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """At an engine that replaces: the other one here only places and cancels."""
    core = CoreEngine()
    core.set_time_ns(nanoseconds(datetime.now(UTC)))
    with monkeypatch.context() as patch:
        patch.setattr(orders_app, "engine_client", lambda: core)
        patch.setattr(orders_app, "start_order_saga", replace(desk, engine=core).follow_saga)
        resting = client.call("place_order", 201, body=terms | {"client_order_id": "resting", "venue": "BOOK"})
        path = {"order_id": resting["order_id"]}
        replaced = client.call("replace_order", 200, path_parameters=path, body={"replace_id": "1", "price": "1980"})
        assert replaced["price"] == "1980"
        core.is_silent = True
        asked = {"replace_id": "2", "quantity": "1"}
        client.call("replace_order", 202, path_parameters=path, body=asked)
        core.is_silent = False
        assert client.call("replace_order", 200, path_parameters=path, body=asked)["quantity"] == "1"
        states = [each["state"] for each in client.call("get_replaces", 200, path_parameters=path)["items"]]
        assert states == ["REPLACED", "REPLACED"]
        client.call("cancel_order", 200, path_parameters=path)


def _look(client: Client, desk: Desk, account_id: str) -> None:
    desk.admin(
        "INSERT INTO trading.account_feed SELECT account_id, row_number() OVER (ORDER BY occurred_at_ns), event_id,"
        " tenant_id FROM trading.events WHERE account_id = %s",
        account_id,
    )
    alert_id = str(uuid.uuid4())
    with desk.transactions(desk.firm.tenant_id) as tx:
        tx.alerts.add(an_alert(uuid.UUID(alert_id)))
    for name in ("list_orders", "list_trades", "list_positions", "get_portfolio", "list_events"):
        assert client.call(name, 200, query={"account_id": account_id})["items"], name
    for name in ("list_alerts", "list_instruments"):
        assert client.call(name, 200)["items"], name
    worth = client.call("get_portfolio_history", 200, query={"account_id": account_id, "interval": "1h"})
    assert (worth["currency"], worth["items"]) == ("USDT", [])
    assert client.call("get_alert", 200, path_parameters={"alert_id": alert_id})["deliveries"] == []
    assert client.call("get_alert_summary", 200)["open"] >= 1
    client.call("get_health", 200)
    client.call("get_health_history", 200, query={"hours": 1})
    _read_digests(client, desk)
    _watch_metrics(client)


def _read_digests(client: Client, desk: Desk) -> None:
    with desk.transactions(desk.firm.tenant_id) as tx:
        own = tx.connection.execute("SELECT user_id FROM identity.users WHERE username = %s", (USERNAME,)).fetchone()
        assert own is not None
        digest_id = str(add_digest(tx, own[0]))
    assert [each["digest_id"] for each in client.call("list_digests", 200)["items"]] == [digest_id]
    assert client.call("get_digest", 200, path_parameters={"digest_id": digest_id})["text"]
    wanted = {"daily": True, "weekly": False, "hour": 8, "time_zone": "Asia/Kolkata"}
    assert client.call("set_digest_preferences", 200, body=wanted)["own"] == wanted
    assert client.call("get_digest_preferences", 200)["mail"] == "NOT_CONFIGURED"
    assert client.call("preview_digest", 200, body={"period": "WEEKLY"})["html"]


def _watch_metrics(client: Client) -> None:
    assert client.call("list_metrics", 200)["items"] == []  # No watch has looked here.
    threshold = {"direction": "BELOW", "bound": "-1000.5"}
    said = {"name": "Loss", "metric": "pnl_total", "threshold": threshold, "severity": "ERROR"}
    made = client.call("create_metric_rule", 201, body=said)
    assert (made["condition"], made["category"]) == (
        *({"kind": "THRESHOLD", "direction": "BELOW", "bound": "-1000.5", "clear_bound": "-1000.5"}, "RISK"),
    )
    path = {"rule_id": made["rule_id"]}
    band = {"sigmas": "5"}
    changed = client.call("change_metric_rule", 200, path_parameters=path, body={"band": band, "for_s": 10})
    assert (changed["condition"]["kind"], changed["for_s"], changed["version"]) == ("BAND", 10, 2)
    both = {"threshold": threshold, "band": band}
    client.call("change_metric_rule", 422, path_parameters=path, body=both)
    client.call("create_metric_rule", 422, body=said | both)
    client.call("create_metric_rule", 422, body=said | {"threshold": threshold | {"clear_bound": "-2000"}})
    assert path["rule_id"] in {rule["rule_id"] for rule in client.call("list_metric_rules", 200)["items"]}
    client.call("delete_metric_rule", 204, path_parameters=path)
    client.call("delete_metric_rule", 404, path_parameters=path)


def _take_up(client: Client, desk: Desk) -> None:
    """Alerts, and who is on call."""
    now, me = datetime.now(UTC), client.call("get_me", 200)["user_id"]
    of_group, of_link, single = (an_alert(uuid.uuid4()) for _ in range(3))
    trader_id = uuid.uuid4()
    with desk.transactions(desk.firm.tenant_id) as tx:
        assert tx.people.add(trader_id, "eve", "eve", "eve@example.com", "trader")
        tx.alerts.add(of_link)
        contact = Contact(uuid.UUID(me), "u", "u@example.com", None, None)
        (delivery,) = plan_deliveries(of_link, [contact], {"EMAIL"}, stage=0, due_at=now, tx=tx)
        token = str(make_link(delivery, tx, now)).rpartition("/")[2]
    for name in ("show_acknowledgement", "use_acknowledgement"):
        client.call(name, 200, path_parameters={"token": token})
        client.call(name, 404, path_parameters={"token": "x"})
    for alert in (of_group, single):
        with desk.transactions(desk.firm.tenant_id) as tx:
            tx.alerts.add(alert)
        if alert is of_group:
            client.call("acknowledge_group", 200, body={"group_key": alert.group_key})
        else:
            path = {"alert_id": str(alert.alert_id)}
            assert client.call("acknowledge_alert", 200, path_parameters=path, body={})["acknowledged_by"] == USERNAME
    waits = {"first_s": 20, "second_s": 40}
    assert client.call("set_escalation", 200, body=waits) == client.call("get_escalation", 200)
    rota = client.call("set_rota", 200, body={"people": [str(trader_id)], "starts_on": f"{now.date()}"})
    assert client.call("get_rota", 200)["people"] == rota["people"]
    hour = {"user_id": me, "ends_at": format_time(now + timedelta(hours=1))}
    made = client.call("override_rota", 201, body=hour)
    client.call("cancel_rota_override", 204, path_parameters={"override_id": made["override_id"]})


def _say_who_hears(client: Client, node_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = client.call("get_alert_routes", 200)["version"]
    assert client.call("set_alert_routes", 200, body={"version": version})["version"] == version + 1
    hook = {"name": "risk", "hook_url": "https://hooks.slack.com/services/T0/B0/x"}
    channel_id = client.call("add_alert_channel", 201, body=hook)["channel_id"]
    assert client.call("list_alert_channels", 200)["items"]
    client.call("remove_alert_channel", 204, path_parameters={"channel_id": channel_id})
    until = format_time(datetime.now(UTC) + timedelta(hours=1))
    made = client.call("suppress_alerts", 201, body={"node_id": node_id, "ends_at": until, "reason": "r"})
    assert client.call("list_suppressions", 200)["items"]
    client.call("end_suppression", 204, path_parameters={"suppression_id": made["suppression_id"]})
    hours = {"time_zone": "Europe/Berlin", "begins": "22:00", "until": "07:00"}
    assert client.call("change_own_contact", 200, body={"quiet_hours": hours})["quiet_hours"]
    monkeypatch.setattr("secrets.randbelow", lambda _: 1)
    client.call("send_phone_code", 204, body={"phone": "+4915112345678"})
    client.call("confirm_phone", 200, body={"code": "000001"})
    assert client.call("get_own_contact", 200)["phone"] == "+4915112345678"
    client.call("remove_phone", 204)
    device_id = client.call("register_push_device", 201, body=push_subscription())["device_id"]
    assert [each["device_id"] for each in client.call("list_push_devices", 200)["devices"]] == [device_id]
    client.call("remove_push_device", 204, path_parameters={"device_id": device_id})


def _limit(client: Client, terms: dict[str, Any], node_id: str) -> None:
    setting = {"node_id": node_id, "limit_type": "MAX_ORDER_NOTIONAL", "value": "1000"}
    assert setting["limit_type"] in {known["limit_type"] for known in client.call("list_limit_types", 200)["items"]}
    limit = client.call("set_limit", 200, body=setting)
    assert not client.call("validate_order", 200, body=terms | {"client_order_id": "validated"})["passes"]
    assert client.call("get_limit_usage", 200, query={"node_id": node_id})["items"]
    assert client.call("set_limit", 409, body=setting | {"version": 7})["current"]["version"] == 1
    history = client.call("get_limit_history", 200, path_parameters={"limit_id": limit["limit_id"]})
    assert [version["value"] for version in history["items"]] == ["1000"]
    assert client.call("list_reservations", 200)["items"]
    assert client.call("list_breaches", 200)["items"]
    terms = {"symbol": SYMBOL, "average_daily_qty": "1000", "as_of": "2026-03-01"}
    assert client.call("set_risk_terms", 200, body=terms)["average_daily_qty"] == "1000"
    assert client.call("get_risk_terms", 200)["items"]
    question = {"day": f"{datetime.now(UTC).date()}", "changes": [setting | {"value": "1"}]}
    assert client.call("try_limits", 200, body=question)["refused_count"] > 0
    client.call("delete_limit", 204, path_parameters={"limit_id": limit["limit_id"]})


def _override(client: Client, desk: Desk, node_id: str) -> None:
    setting = {"node_id": node_id, "limit_type": "MAX_ORDER_NOTIONAL", "value": "1000"}
    limit = client.call("set_limit", 200, body=setting)
    ends_at = format_time(datetime.now(UTC) + timedelta(hours=1))
    request = {"limit_id": limit["limit_id"], "value": "9000", "ends_at": ends_at, "reason": "test"}
    override = client.call("request_override", 201, body=request)
    path = {"override_id": override["override_id"]}
    client.call("approve_override", 403, path_parameters=path)  # Whoever asked may not approve.
    desk.admin("UPDATE limits.overrides SET requested_by = 'somebody else'")
    assert client.call("approve_override", 200, path_parameters=path)["state"] == "ACTIVE"
    (used,) = [
        item
        for item in client.call("get_limit_usage", 200, query={"node_id": node_id})["items"]
        if item["limit_id"] == limit["limit_id"]
    ]
    assert (used["value"], used["override_id"]) == ("9000", override["override_id"])
    assert client.call("end_override", 200, path_parameters=path)["state"] == "ENDED"
    _override_without_a_value(client, node_id, ends_at)
    assert client.call("list_overrides", 200, query={"open_only": False})["items"]
    client.call("delete_limit", 204, path_parameters={"limit_id": limit["limit_id"]})


def _override_without_a_value(client: Client, node_id: str, ends_at: str) -> None:
    denied = {"mode": "DENY", "symbols": ["BTC/USDT"]}
    setting = {"node_id": node_id, "limit_type": "RESTRICTED_LIST", "parameters": denied}
    limit = client.call("set_limit", 200, body=setting)
    request = {"limit_id": limit["limit_id"], "ends_at": ends_at, "reason": "test"}
    other = denied | {"symbols": ["ETH/USDT"]}
    assert client.call("request_override", 201, body=request | {"parameters": other})["parameters"] == other
    assert client.call("request_override", 201, body=request | {"is_exempt": True})["is_exempt"]
    client.call("request_override", 422, body=request)
    client.call("delete_limit", 204, path_parameters={"limit_id": limit["limit_id"]})


def _lease(client: Client, account_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an engine that keeps leases: the other one here knows orders only."""
    core = CoreEngine()
    core.set_time_ns(nanoseconds(datetime.now(UTC)))
    with monkeypatch.context() as patch:
        patch.setattr(limits_app, "engine_client", lambda: core)
        request = {"account_id": account_id, "symbol": SYMBOL, "buy_max": "8", "sell_max": "8", "orders_max": 5}
        lease = client.call("open_lease", 200, body=request | {"venue": "BOOK"})
        assert (lease["state"], lease["buy_free"], lease["is_answered"]) == ("OPEN", "1", True)
        assert client.call("list_leases", 200)["items"] == [lease]
        stopped = client.call("stop_lease", 200, path_parameters={"lease_id": lease["lease_id"]})
    assert (stopped["state"], stopped["buy_free"], stopped["expires_at"]) == ("STOPPED", "0", None)
    assert client.call("list_leases", 200, query={"living_only": False})["items"] == [stopped]
    assert client.call("list_leases", 200)["items"] == []


def _build(client: Client, node_id: str) -> None:
    """A desk comes, moves and goes; an account has a switch that a heartbeat holds."""
    desk = client.call("create_node", 201, body={"parent_id": node_id, "kind": "DESK", "name": "New desk"})
    path = {"node_id": desk["node_id"]}
    assert client.call("find_nodes", 200, query={"find": "new DESK"})["items"] == [desk]
    changed = client.call("change_node", 200, path_parameters=path, body={"time_zone": "Asia/Tokyo"})
    assert changed["time_zone"] == "Asia/Tokyo"
    client.call("delete_node", 204, path_parameters=path)
    tree = client.call("get_limit_tree", 200)["items"]
    while tree[0]["kind"] != "ACCOUNT":
        tree = tree[0]["children"]
    limit = {"node_id": tree[0]["node_id"], "limit_type": "DEAD_MAN", "value": "60"}
    limit_id = client.call("set_limit", 200, body=limit)["limit_id"]
    client.call("send_heartbeat", 200, body={"account_id": tree[0]["account_id"]})
    fill = {
        "account_id": tree[0]["account_id"],
        "external_id": "venue-1",
        "symbol": SYMBOL,
        "side": "SELL",
        "quantity": "0.1",
        "price": "2000",
        "transact_time": format_time(datetime.now(UTC) - timedelta(seconds=1)),
    }
    assert client.call("post_external_fill", 200, body=fill)["reduce_only"] == [tree[0]["node_id"]]
    assert not client.call("post_external_fill", 200, body=fill)["is_new"]
    client.call("rearm_node", 200, body={"node_id": tree[0]["node_id"], "reason": "looked at"})
    braked = client.call("brake_node", 200, body={"node_id": node_id, "state": "REDUCE_ONLY", "reason": "test"})
    assert braked["state"] == "REDUCE_ONLY"
    client.call("rearm_node", 200, body={"node_id": node_id, "reason": "test"})
    client.call("delete_limit", 204, path_parameters={"limit_id": limit_id})


def _stop(client: Client, desk: Desk, terms: dict[str, Any], node_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client.call("place_order", 201, body=terms | {"client_order_id": "stopped"})
    with monkeypatch.context() as patch:
        patch.setattr(desk.engine, "_base_url", lambda: NOWHERE)
        assert len(client.call("kill_node", 200, body={"node_id": node_id, "reason": "test"})["failed"]) == 2
    killed = client.call("kill_node", 200, body={"node_id": node_id, "reason": "again"})
    assert (killed["state"], len(killed["canceled"])) == ("KILLED", 2)  # The open order and the UNKNOWN one.
    assert client.call("get_limit_tree", 200)["items"][0]["state"] == "KILLED"
    assert client.call("rearm_node", 200, body={"node_id": node_id, "reason": "test"})["state"] == "ACTIVE"
