"""Two organisations with one of everything each, and of every operation a request that succeeds.

Attacks change one thing in such a request: what comes of it then is due to that one thing.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
from psycopg import sql

from breakwater.domain.times import format_time
from functions.openapi import DOCUMENT
from tests.integration.limits.firm import SYMBOL, Firm

TIMEOUT_S = 20
DOCUMENTED: dict[str, Any] = json.loads(DOCUMENT.read_text())
INTERNALS = re.compile(r"traceback|psycopg|sqlstate|\.py\b|pydantic|botocore|arn:aws", re.I)

type Json = dict[str, Any]
type Where = tuple[str | int, ...]


@dataclass(frozen=True)
class Operation:
    """As the document has it."""

    method: str
    path: str
    told: Json

    @property
    def name(self) -> str:
        return str(self.told["operationId"])

    @property
    def permission(self) -> str | None:
        return self.told.get("x-permission")

    @property
    def body_schema(self) -> Json | None:
        """None also for a form, whose members test_oauth_clients.py tries."""
        content = self.told.get("requestBody", {}).get("content", {})
        schema: Json | None = content.get("application/json", {}).get("schema")
        return schema

    def parameters(self) -> dict[str, Json]:
        """Those of path and query, each with where it is: `in`."""
        return {each["name"]: each for each in self.told.get("parameters", []) if each["in"] in {"path", "query"}}


OPERATIONS = {
    told["operationId"]: Operation(method.upper(), path, told)
    for path, methods in DOCUMENTED["paths"].items()
    for method, told in methods.items()
}


@dataclass(frozen=True)
class Slot:
    """One value of a request: of its path, its query or, by the members that lead to it, its body."""

    part: str
    where: Where
    schema: Json = field(hash=False, compare=False)

    @property
    def name(self) -> str:
        return next(str(each) for each in reversed(self.where) if isinstance(each, str))

    @property
    def is_id(self) -> bool:
        """A reference to something that the platform knows, not a name that the client has thought of."""
        return self.schema.get("format") == "uuid" or self.name in {"key_id", "api_key_id", "client_id"}

    @property
    def is_read(self) -> bool:
        """As something else than a string."""
        return "format" in self.schema or "enum" in self.schema or "const" in self.schema

    def __str__(self) -> str:
        return f"{self.part}:{'.'.join(map(str, self.where))}"


# What an object needs beside the member that is tried.
FRAMES = {"execution": {"algorithm": "STOP", "stop_px": "2100"}}


@dataclass
class Request:
    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Json | None = None

    def with_value(self, slot: Slot, value: Any) -> "Request":
        """The same with another value there, and objects and lists made on the way to it."""
        changed = deepcopy(self)
        if slot.part != "body":
            getattr(changed, slot.part)[slot.where[0]] = value
            return changed
        target: Any = changed.body
        for here, following in zip(slot.where, slot.where[1:], strict=False):
            if isinstance(target, dict) and target.get(str(here)) in (None, []):
                target[str(here)] = [None] if isinstance(following, int) else dict(FRAMES.get(str(here), {}))
            target = target[here]
        target[slot.where[-1]] = value
        return changed


def slots_of(operation: Operation) -> list[Slot]:
    """Every value of its path, its query and its body that is told as a string."""
    found = [
        Slot(parameter["in"], (name, *rest), schema)
        for name, parameter in operation.parameters().items()
        for rest, schema in _leaves(parameter["schema"])
    ]
    if operation.body_schema is not None:
        found += [Slot("body", where, schema) for where, schema in _leaves(operation.body_schema)]
    return list(dict.fromkeys(each for each in found if each.schema.get("type") == "string"))


def _leaves(schema: Json, where: Where = ()) -> Iterator[tuple[Where, Json]]:
    if "$ref" in schema:
        yield from _leaves(resolved(schema), where)
    for either in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _leaves(either, where)
    if schema.get("type") == "object":
        for name, member in schema.get("properties", {}).items():
            yield from _leaves(member, (*where, name))
    elif schema.get("type") == "array":
        yield from _leaves(schema["items"], (*where, 0))
    elif "type" in schema:
        yield where, schema


def resolved(schema: Json) -> Json:
    """What a reference stands for; anything else as it is."""
    if "$ref" not in schema:
        return schema
    found: Json = DOCUMENTED["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


@dataclass(frozen=True)
class Belongings:
    """Ids of what somebody has, by the names that parameters and members have."""

    ids: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.ids[ALIASES.get(name, name)]

    @classmethod
    def of_nobody(cls) -> "Belongings":
        others = {"key_id": uuid.uuid4().hex[:16], "client_id": f"bwc_{uuid.uuid4().hex[:16]}"}
        return cls({name: str(uuid.uuid4()) for name in KINDS} | others)


KINDS = (
    "account_id", "node_id", "strategy_id", "order_id", "limit_id", "override_id", "lease_id", "credential_id",
    "key_id", "client_id", "user_id", "group_id", "session_id", "gap_id", "alert_id", "digest_id",
    "endpoint_id", "delivery_id", "rule_id", "channel_id", "suppression_id", "device_id",
)  # fmt: skip
# Under which other names they go.
ALIASES = {
    "account_ids": "account_id",
    "after": "order_id",
    "aggregate_id": "order_id",
    "api_key_id": "key_id",
    "parent_id": "node_id",
    "people": "user_id",
}


def push_subscription() -> Json:
    """Of a browser that nobody has told of: the keys are those of RFC 8291, appendix A."""
    point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    keys = {"p256dh": point, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}
    return {"endpoint": f"https://push.example.com/{uuid.uuid4().hex}", "keys": keys, "name": "Firefox on Linux"}


def soon(hours: int = 1) -> str:
    return format_time(datetime.now(UTC) + timedelta(hours=hours))


def terms(has: Belongings, **more: Any) -> Json:
    return {
        "client_order_id": uuid.uuid4().hex,
        "account_id": has["account_id"],
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "1",
        "price": "1990",
        **more,
    }


WEBHOOK = {"url": "https://hooks.example.com/breakwater"}
METRIC_RULE = {"name": "r", "metric": "orders_per_minute", "threshold": {"direction": "ABOVE", "bound": "5"}}
SECRETS = {"api_key": "public-key-wxyz", "secret": "hush-hush"}
type Make = Callable[[Belongings], Request]


def _body(make: Callable[[Belongings], Json]) -> Make:
    return lambda has: Request(body=make(has))


def _query(make: Callable[[Belongings], Json]) -> Make:
    return lambda has: Request(query=make(has))


def _nothing(_: Belongings) -> Request:
    return Request()


def _of_account(has: Belongings) -> Request:
    return Request(query={"account_id": has["account_id"]})


def _of_node(has: Belongings) -> Request:
    return Request(query={"node_id": has["node_id"]})


def _period(_: Belongings) -> Json:
    now = datetime.now(UTC)
    return {"since": format_time(now - timedelta(days=1)), "until": format_time(now + timedelta(days=1))}


def _letter(_: Belongings) -> Request:
    return Request(path={"queue": "alerts", "letter_id": str(uuid.uuid4())})


def _setting(has: Belongings, value: str = "1000000") -> Json:
    return {"node_id": has["node_id"], "limit_type": "MAX_ORDER_NOTIONAL", "value": value}


# Of each operation what it is asked for beside its path, in an order in which all succeed: what takes away comes last.
REQUESTS: dict[str, Make] = {
    **dict.fromkeys(
        (
            *("get_me", "list_api_keys", "list_users", "get_user", "list_groups", "get_group", "list_accounts"),
            *("list_exchange_credentials", "get_limit_history", "list_limit_types", "list_overrides"),
            *("get_risk_terms", "find_nodes", "get_order", "get_execution", "get_saga", "list_alerts", "get_alert"),
            "get_alert_summary",
            *(
                "list_instruments",
                "list_sagas",
                "get_health",
                "search_audit_trail",
                "list_own_activity",
                "list_audit_gaps",
            ),
            *("get_telegram_link", "ask_for_telegram_code", "end_telegram_link"),
            *("list_own_sessions", "list_sessions", "get_replaces", "list_oauth_clients"),
            *("list_digests", "get_digest", "get_digest_preferences"),
            *("list_webhooks", "get_webhook", "list_webhook_deliveries", "get_webhook_delivery"),
            *("get_escalation", "get_rota", "show_acknowledgement"),
            *("list_metric_rules", "list_metrics"),
            *("get_alert_routes", "list_alert_channels", "list_suppressions", "get_own_contact"),
            "list_push_devices",
        ),
        _nothing,
    ),
    **dict.fromkeys(("list_orders", "list_trades", "list_positions", "get_portfolio", "list_events"), _of_account),
    "get_portfolio_history": _of_account,
    **dict.fromkeys(
        ("get_limit_tree", "get_limit_usage", "list_reservations", "list_leases", "list_breaches"), _of_node
    ),
    "list_audit_lines": _query(lambda _: {"first_sequence": 1}),
    "list_audit_anchors": _query(lambda _: {"first_sequence": 1, "sequence": 1}),
    "export_audit_trail": _body(_period),
    "validate_order": _body(terms),
    "preview_order": _body(terms),
    "place_order": _body(terms),
    "open_lease": _body(
        lambda has: {
            "account_id": has["account_id"],
            "symbol": SYMBOL,
            "venue": "BOOK",
            "buy_max": "1",
            "sell_max": "1",
            "orders_max": 5,
        }
    ),
    "replace_order": _body(lambda _: {"replace_id": uuid.uuid4().hex, "price": "1989"}),
    **dict.fromkeys(("stop_lease", "cancel_order"), _nothing),
    "preview_digest": _body(lambda _: {"period": "DAILY"}),
    "set_digest_preferences": _body(lambda _: {"hour": 8, "time_zone": "Europe/Berlin"}),
    "create_metric_rule": _body(lambda _: METRIC_RULE),
    "change_metric_rule": _body(lambda _: {"severity": "ERROR"}),
    "set_limit": _body(_setting),
    "try_limits": _body(
        lambda has: {"day": f"{datetime.now(UTC).date()}", "changes": [_setting(has)], "node_id": has["node_id"]}
    ),
    "request_override": _body(
        lambda has: {"limit_id": has["limit_id"], "value": "7000000", "ends_at": soon(), "reason": "r"}
    ),
    "set_risk_terms": _body(lambda _: {"symbol": SYMBOL, "average_daily_qty": "1000", "as_of": "2026-03-01"}),
    "create_node": _body(lambda has: {"parent_id": has["node_id"], "kind": "TRADER", "name": "New"}),
    "change_node": _body(lambda _: {"name": "Named anew"}),
    "post_external_fill": _body(
        lambda has: {
            "account_id": has["account_id"],
            "external_id": uuid.uuid4().hex,
            "symbol": SYMBOL,
            "side": "BUY",
            "quantity": "0.1",
            "price": "2000",
            "transact_time": format_time(datetime.now(UTC) - timedelta(seconds=1)),
        }
    ),
    "send_heartbeat": _body(lambda has: {"account_id": has["account_id"]}),
    "create_api_key": _body(lambda has: {"name": "bot", "scopes": ["trade"], "account_id": has["account_id"]}),
    "create_oauth_client": _body(lambda has: {"name": "c", "scopes": ["read"], "user_id": has["user_id"]}),
    "rotate_oauth_client": _body(lambda _: {"overlap_s": 0}),
    "create_webhook": _body(
        lambda has: {**WEBHOOK, "name": "hook", "topics": ["orders.*"], "account_ids": [has["account_id"]]}
    ),
    "change_webhook": _body(lambda _: {"name": "named anew"}),
    "rotate_webhook_secret": _body(lambda _: {"overlap_s": 0}),
    **dict.fromkeys(("pause_webhook", "resume_webhook", "ping_webhook", "redeliver_webhook"), _nothing),
    "redeliver_webhook_period": _body(_period),
    "rotate_api_key": _body(lambda _: {"overlap_s": 60}),
    "create_group": _body(lambda _: {"name": uuid.uuid4().hex}),
    "create_account": _body(lambda has: {"parent_id": has["node_id"], "name": uuid.uuid4().hex}),
    "add_exchange_credential": _body(
        lambda has: {**SECRETS, "account_id": has["account_id"], "venue": "BINANCE", "label": uuid.uuid4().hex}
    ),
    "rotate_exchange_credential": _body(lambda _: {**SECRETS, "overlap_s": 60}),
    **dict.fromkeys(
        ("grant_exchange_credential", "withdraw_exchange_credential"),
        lambda has: Request(path={"account_id": has["spare_account_id"]}),
    ),
    "invite_user": _body(
        lambda _: {
            "username": f"u{uuid.uuid4().hex[:12]}",
            "email": "u@example.com",
            "role": "viewer",
            "temporary_password": "Temporary-horse-1",
        }
    ),
    "invite_user_again": _body(lambda _: {"temporary_password": "Temporary-horse-2"}),
    "change_user": _body(lambda _: {"role": "auditor"}),
    **dict.fromkeys(("give_account", "give_node", "add_member", "add_group_account"), _nothing),
    "set_alert_routes": _body(
        lambda has: {"version": 0, "audiences": {"RISK": {"roles": ["risk_manager"], "group_ids": [has["group_id"]]}}}
    ),
    "add_alert_channel": _body(
        lambda _: {"name": uuid.uuid4().hex, "hook_url": "https://hooks.slack.com/services/T0/B0/x"}
    ),
    "suppress_alerts": _body(lambda has: {"node_id": has["node_id"], "ends_at": soon(), "reason": "r"}),
    "brake_node": _body(lambda has: {"node_id": has["node_id"], "state": "REDUCE_ONLY", "reason": "r"}),
    "kill_node": _body(lambda has: {"node_id": has["node_id"], "reason": "r"}),
    "rearm_node": _body(lambda has: {"node_id": has["node_id"], "reason": "r"}),
    **dict.fromkeys(("approve_override", "end_override"), _nothing),
    "cancel_orders": _of_account,
    **dict.fromkeys(
        (
            *("remove_group_account", "remove_member", "delete_group", "take_account", "take_node"),
            *("delete_exchange_credential", "revoke_api_key", "delete_limit", "delete_node"),
            *("end_session", "reset_totp", "approve_audit_resumption", "revoke_oauth_client", "remove_webhook"),
            "delete_metric_rule",
            *("remove_alert_channel", "end_suppression", "remove_phone", "remove_push_device"),
        ),
        _nothing,
    ),
    "change_own_contact": _body(
        lambda _: {"quiet_hours": {"time_zone": "Europe/Berlin", "begins": "22:00", "until": "07:00"}}
    ),
    "register_push_device": _body(lambda _: push_subscription()),
    "send_phone_code": _body(lambda _: {"phone": "+4915112345678"}),
    "confirm_phone": _body(lambda _: {"code": "123456"}),
    "end_own_session": lambda has: Request(path={"session_id": has["own_session_id"]}),
    "ask_to_resume_audit_trail": _body(lambda _: {"reason": "restored to noon"}),
    "set_escalation": _body(lambda _: {"first_s": 20, "second_s": 40, "incident_bridge": "https://meet.example.com/x"}),
    "set_rota": _body(lambda has: {"people": [has["own_user_id"]], "starts_on": "2026-03-02"}),
    "override_rota": _body(lambda has: {"user_id": has["own_user_id"], "starts_at": soon(2), "ends_at": soon(3)}),
    "cancel_rota_override": lambda has: Request(path={"override_id": has["rota_override_id"]}),
    "acknowledge_group": _body(lambda _: {"group_key": "NODE_STATE/desk-a", "note": "looking"}),
    "acknowledge_alert": _body(lambda _: {"note": "looking"}),
    "use_acknowledgement": _nothing,
    # With the pool's own token, which nobody here has: 401.
    "enrol_totp": _nothing,
    "verify_totp": _body(lambda _: {"code": "123456"}),
    # Of nobody's things: who calls them is not known yet.
    "sign_in": _body(lambda _: {"username": "nobody-of-that-name", "password": "Wrong-horse-1"}),
    "refresh": _body(lambda _: {"refresh_token": "x"}),
    "sign_out": _body(lambda _: {"access_token": "x"}),
    "issue_oauth_token": _nothing,
    # Of those who run the platform, and of nobody here: 403. tests/integration/operations asks as one of them.
    **dict.fromkeys(("list_consumers", "list_dead_letters", "list_read_models", "rebuild_read_models"), _nothing),
    **dict.fromkeys(("get_health_history", "get_engine"), _nothing),
    "get_dead_letter": _letter,
    "redrive_dead_letters": lambda has: Request(path=_letter(has).path, body={}),
    "replay_events": _body(
        lambda has: (
            {"replay_id": str(uuid.uuid4()), "consumer": "alerts", "account_id": has["account_id"]} | _period(has)
        )
    ),
    # Without what Telegram shows: 401.
    "take_telegram_update": _body(lambda _: {"update_id": 1}),
}
# With what is above.
REFUSED = {
    *("sign_in", "refresh", "sign_out", "enrol_totp", "verify_totp", "issue_oauth_token", "confirm_phone"),
    *("list_consumers", "list_dead_letters", "get_dead_letter", "redrive_dead_letters"),
    *("get_health_history", "get_engine"),
    *("replay_events", "list_read_models", "rebuild_read_models", "take_telegram_update"),
}


def request_of(operation: Operation, has: Belongings) -> Request:
    made = REQUESTS[operation.name](has)
    names = [name for name, parameter in operation.parameters().items() if parameter["in"] == "path"]
    path = {name: has[name] for name in names if name not in made.path}
    return Request(path | made.path, made.query, made.body)


@dataclass(frozen=True)
class Person:
    """Somebody with a gateway that believes it is him. `prepare` is called before each of his requests."""

    http: httpx.Client
    prepare: Callable[[], None]

    def send(self, operation: Operation, request: Request, **headers: str) -> httpx.Response:
        self.prepare()
        path = operation.path
        for name, value in request.path.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        return self.http.request(operation.method, path, params=request.query, json=request.body, headers=headers)

    def ask(self, name: str, has: Belongings, /, **changes: Any) -> Json:
        """What it answered; with these members in its body as well."""
        operation = OPERATIONS[name]
        request = request_of(operation, has)
        if request.body is not None:
            request.body |= changes
        answer = self.send(operation, request)
        assert answer.is_success, (name, answer.text)
        told: Json = answer.json() if answer.content else {}
        return told


def furnish(person: Person, firm: Firm, user_id: uuid.UUID) -> Belongings:
    """One of everything, made as people make it."""
    ids: dict[str, str] = dict.fromkeys(KINDS, "")
    has = Belongings(ids)
    ids |= {"account_id": str(firm.account_ids[0]), "node_id": str(firm.desk), "user_id": str(user_id)}
    ids |= {"account_node_id": str(firm.account_nodes[0]), "spare_account_id": str(firm.account_ids[1])}
    ids["order_id"] = person.ask("place_order", has, execution=EXECUTION)["order_id"]
    ids["group_id"] = person.ask("create_group", has)["group_id"]
    ids["key_id"] = person.ask("create_api_key", has)["key_id"]
    ids["client_id"] = person.ask("create_oauth_client", has)["client_id"]
    ids["endpoint_id"] = person.ask("create_webhook", has)["endpoint"]["endpoint_id"]
    ids["credential_id"] = person.ask("add_exchange_credential", has)["credential_id"]
    ids["limit_id"] = person.ask("set_limit", has)["limit_id"]
    ids["override_id"] = person.ask("request_override", has)["override_id"]
    ids["channel_id"] = person.ask("add_alert_channel", has)["channel_id"]
    ids["device_id"] = person.ask("register_push_device", has)["device_id"]
    ids["suppression_id"] = person.ask("suppress_alerts", has)["suppression_id"]
    strategy = {"parent_id": str(firm.account_nodes[0]), "kind": "STRATEGY", "name": "Strategy"}
    ids["strategy_id"] = person.ask("create_node", has, **strategy)["node_id"]
    ids["lease_id"] = person.ask("open_lease", has)["lease_id"]
    for name in ("add_member", "add_group_account", "give_node"):
        person.ask(name, has)
    person.ask("set_limit", has, node_id=str(firm.account_nodes[0]), limit_type="DEAD_MAN", value="3600")
    return has


EXECUTION = {"algorithm": "TWAP", "duration_s": 600, "venues": ["SIM"]}
TENANTS_TABLES = """
SELECT n.nspname, c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') ORDER BY 1, 2
"""


def everything_of(admin_conninfo: str, tenant_id: uuid.UUID, about: Iterable[str] = ()) -> dict[str, str]:
    """A digest of all rows of an organisation, by table; of those that name one of these ids, if any are given."""
    digests: dict[str, str] = {}
    pattern = "|".join(each for each in about if each)
    with psycopg.connect(admin_conninfo) as connection:
        tables = connection.execute(TENANTS_TABLES).fetchall()
        assert len(tables) > 25
        for schema, table in tables:
            query = sql.SQL(
                "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
                " WHERE tenant_id = %s AND t::text ~ %s"
            )
            row = connection.execute(query.format(sql.Identifier(schema, table)), (tenant_id, pattern)).fetchone()
            assert row is not None
            digests[f"{schema}.{table}"] = str(row[0])
    return digests


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [table for table in before if before[table] != after[table]]
