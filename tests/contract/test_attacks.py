"""What is tried with somebody else's ids, with members that nobody may set, and with SQL, at every route there is."""

import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import batched
from typing import Any

import boto3
import httpx
import psycopg
import pytest

from breakwater.db.alerts import Alert
from breakwater.db.audit import GapRow
from breakwater.db.connection import Database, TenantTransaction
from breakwater.db.identity import User
from breakwater.db.rotas import StoredOverride
from breakwater.db.sessions import SessionRow
from breakwater.db.webhook_queue import Happened, Queued
from breakwater.domain.alerting import Contact
from breakwater.domain.permissions import ROLE_PERMISSIONS, Role
from breakwater.domain.rota import Rota
from breakwater.domain.times import nanoseconds
from breakwater.domain.webhooks import ORGANISATION_LANE, Answer
from breakwater.services.acknowledgement_links import make_link
from breakwater.services.alert_deliveries import plan_deliveries
from breakwater.services.user_pool import UserPool
from tests.contract.attack_scene import (
    INTERNALS,
    OPERATIONS,
    REFUSED,
    REQUESTS,
    TIMEOUT_S,
    Belongings,
    Operation,
    Person,
    Request,
    Slot,
    Where,
    changed,
    everything_of,
    furnish,
    request_of,
    resolved,
    slots_of,
)
from tests.contract.conftest import COLLEAGUE_ID, HANDLERS, USERNAME, Platform, seal_audit_trail
from tests.contract.http_gateway import serve
from tests.integration.alerts.one_alert import a_metric_rule, an_alert
from tests.integration.alerts.one_digest import add_digest
from tests.integration.limits.core_engine import CoreEngine
from tests.integration.limits.firm import Firm, create_firm
from tests.integration.orders.conftest import Desk
from tests.unit.runtime.http_events import caller_context


@dataclass(frozen=True)
class Scene:
    """`victim` and `attacker` administer an organisation each; `colleague` heads a desk of the victim's."""

    desk: Desk
    theirs: Firm
    ours: Firm
    victim: Person
    attacker: Person
    colleague: Person
    has: Belongings  # The victim.
    own: Belongings  # The attacker.
    colleagues: Belongings

    def digest(self, firm: Firm, about: Iterable[str] = ()) -> dict[str, str]:
        return everything_of(self.desk.urls.admin, firm.tenant_id, about)

    def at_the_engine(self) -> dict[uuid.UUID, str]:
        """The victim's orders: what became of each."""
        known = self.desk.model.orders.items()
        return {order_id: live.status for order_id, live in known if live.order.tenant_id == self.theirs.tenant_id}

    def tables(self) -> list[Any]:
        return self.desk.admin("SELECT schemaname, tablename FROM pg_tables ORDER BY 1, 2")


@pytest.fixture
def scene(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    desk = platform.desk
    core = CoreEngine()  # The other engine here knows orders only.
    core.set_time_ns(nanoseconds(datetime.now(UTC)))
    monkeypatch.setattr(desk.engine, "set_lease", core.set_lease)
    theirs, ours = desk.firm, create_firm(desk.urls.admin, "Ours")
    user_id = _person(desk.database, ours, "viewer", "ours-viewer")
    _person(desk.database, ours, "organisation_admin", "ours-admin")
    head = _person(desk.database, theirs, "desk_head", "their-head")
    with desk.transactions(theirs.tenant_id) as tx:
        tx.identity.grant_account(head, theirs.account_ids[1])
        tx.people.give_node(head, theirs.account_nodes[1])
    with ExitStack() as gateways:
        prices = gateways.enter_context(psycopg.connect(desk.urls.admin, autocommit=True))

        def refresh_prices() -> None:
            """However slow the machine is."""
            prices.execute("UPDATE market.reference_prices SET observed_at = now()")

        def gateway(firm: Firm, role: str, username: str) -> Person:
            caller = caller_context(role, firm.tenant_id, subject=username, username=username)
            return at(gateways.enter_context(serve(HANDLERS, caller)))

        def at(url: str) -> Person:
            return Person(gateways.enter_context(httpx.Client(base_url=url, timeout=TIMEOUT_S)), refresh_prices)

        victim = at(platform.url)
        attacker = gateway(ours, "organisation_admin", "ours-admin")
        colleague = gateway(theirs, "desk_head", "their-head")
        has, own = furnish(victim, theirs, COLLEAGUE_ID), furnish(attacker, ours, user_id)
        _add_what_no_route_makes(desk, theirs, has, USERNAME)
        _add_what_no_route_makes(desk, ours, own, "ours-admin")
        colleagues = Belongings(
            {**has.ids, "account_id": str(theirs.account_ids[1]), "node_id": str(theirs.account_nodes[1])}
        )
        colleagues.ids["order_id"] = colleague.ask("place_order", colleagues)["order_id"]
        colleagues.ids["key_id"] = colleague.ask("create_api_key", colleagues)["key_id"]
        desk.admin("UPDATE limits.overrides SET requested_by = 'somebody else'")  # So that it can be approved.
        seal_audit_trail(desk.urls)
        yield Scene(desk, theirs, ours, victim, attacker, colleague, has, own, colleagues)


def _person(database: Database, firm: Firm, role: str, username: str) -> uuid.UUID:
    """In the user pool and in the organisation."""
    pool, user_id = UserPool(boto3.client("cognito-idp"), os.environ["USER_POOL_ID"]), uuid.uuid4()
    groups = {f"org:{firm.tenant_id}", f"role:{role}"}
    pool.ensure_groups(groups)
    pool.ensure_user(username, "u@example.com", None, groups)
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.save_user(User(user_id, username, username, "u@example.com", role))
    return user_id


def _add_what_no_route_makes(desk: Desk, firm: Firm, has: Belongings, username: str) -> None:
    """A session of the user and one of his own, and what is said to be lost of the audit trail."""
    now = datetime.now(UTC)
    with desk.transactions(firm.tenant_id) as tx:
        own = tx.connection.execute("SELECT user_id FROM identity.users WHERE username = %s", (username,)).fetchone()
        assert own is not None
        for name, user_id in (("session_id", uuid.UUID(has["user_id"])), ("own_session_id", own[0])):
            has.ids[name] = str(uuid.uuid4())
            session = SessionRow(uuid.UUID(has[name]), "POOL", now, now, "203.0.113.7", has_second_factor=False)
            assert tx.sessions.add(session, user_id)
        has.ids["gap_id"] = str(uuid.uuid4())
        has.ids["alert_id"] = str(uuid.uuid4())
        has.ids["digest_id"] = str(add_digest(tx, own[0]))
        event = Happened(uuid.uuid4(), "orders.OrderPlaced.v1", None, None, 0)
        queued = tx.webhook_queue.add([Queued(uuid.UUID(has["endpoint_id"]), ORGANISATION_LANE, event)])
        ((delivery_id,),) = queued.values()
        tx.webhook_log.note(delivery_id, 1, Answer("DELIVERED", 200, 1), "DELIVERED")
        has.ids["delivery_id"] = str(delivery_id)
        alert = an_alert(uuid.UUID(has["alert_id"]))
        tx.alerts.add(alert)
        _add_what_follows_an_alert(alert, own[0], has, tx)
        has.ids["rule_id"] = str(uuid.uuid4())
        tx.metric_rules.add(a_metric_rule(uuid.UUID(has["rule_id"])))
        tx.audit.add_gap(GapRow(uuid.UUID(has["gap_id"]), 1, 2, "restored to noon", "somebody", now, None, None))


def _add_what_follows_an_alert(alert: Alert, user_id: uuid.UUID, has: Belongings, tx: TenantTransaction) -> None:
    """A link of a mail, and a rota with an override."""
    now, mail = datetime.now(UTC), "u@example.com"
    (told,) = plan_deliveries(alert, [Contact(user_id, "u", mail, None, None)], {"EMAIL"}, stage=0, due_at=now, tx=tx)
    has.ids["token"] = str(make_link(told, tx, now)).rpartition("/")[2]
    has.ids.update(own_user_id=str(user_id), rota_override_id=str(uuid.uuid4()))
    tx.rotas.set(Rota((user_id,), now.date(), time(9), "UTC", 7))
    override_id = uuid.UUID(has["rota_override_id"])
    tx.rotas.add_override(StoredOverride(override_id, user_id, now, now + timedelta(minutes=30), "somebody", now))


# For those who run the platform, and nobody of an organisation's own business.
OF_OPERATORS = {"system:monitor", "system:operate"}
# What an id that is tried needs beside it.
NEEDED: dict[str, Callable[[Belongings], dict[str, str]]] = {
    "create_node body:api_key_id": lambda own: {"kind": "API_KEY", "parent_id": own["account_node_id"]},
    "open_lease body:strategy_id": lambda own: {"account_id": own["spare_account_id"]},
    "open_lease body:api_key_id": lambda own: {"account_id": own["spare_account_id"]},
}
# What is answered otherwise than with 404, and tells no more: of an id that nobody has it is the same.
ANSWERED_OTHERWISE = {
    "search_audit_trail query:aggregate_id": 200,  # Nothing is found.
    "list_trades query:order_id": 200,  # Nothing is found.
    "list_reservations query:order_id": 200,
    "validate_order body:execution.after": 200,  # What the limits say does not depend on it.
    "preview_order body:execution.after": 422,  # "this account has no such order"
    "place_order body:execution.after": 422,
    "place_order body:strategy_id": 422,  # The refusal is an order of the caller's own.
    "try_limits body:changes.0.limit_id": 200,  # It says which of the caller's own is replaced.
    "set_rota body:people.0": 422,
    "approve_audit_resumption path:gap_id": 409,  # Nothing was lost: none is looked for.
}
ID_OR_TIME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{16}|\d{4}-\d\d-\d\dT[^\"]*")
AT_HOME = {
    "delete_node": 409,  # Found, and refused for what it holds.
    "replace_order": 422,  # An order that is worked as others is not replaced.
    **dict.fromkeys(("ask_to_resume_audit_trail", "approve_audit_resumption"), 409),  # Nothing was lost.
}

FORBIDDEN = {
    *("tenant_id", "user_id", "subject", "username", "role", "scopes", "permissions", "permissions_version"),
    *("is_admin", "is_disabled", "created_by", "changed_by", "placed_by", "requested_by", "approved_by", "actor"),
    *("status", "state", "version", "order_id", "account_ids", "correlation_id", "__proto__", "constructor"),
}
SHOWN_AT_ONCE = 15  # A problem document names twenty.

SQL = (
    "'; DROP TABLE trading.orders; --",
    "'",
    "\\",
    "%",
    '\\\' %s %(tenant_id)s {0} $1 $$ " OR ""="',
)


def described(operation: Operation, slot: Slot) -> str:
    return f"{operation.name} {slot}"


def ids_of(operation: Operation) -> list[Slot]:
    return [slot for slot in slots_of(operation) if slot.is_id]


def with_id(operation: Operation, slot: Slot, own: Belongings, value: str) -> Request:
    """A request of one's own things, but for one id."""
    request = request_of(operation, own)
    if request.body is not None:
        more = NEEDED.get(described(operation, slot))
        request.body |= {} if more is None else more(own)
    return request.with_value(slot, value)


def told(answer: httpx.Response) -> tuple[int, str]:
    """What it says, but for ids and times."""
    return answer.status_code, ID_OR_TIME.sub("", answer.text)


def attempts(person: Person, own: Belongings, has: Belongings, operations: Iterable[Operation]) -> Iterator[str]:
    """Every id of every operation, one at a time: those that are answered otherwise than an id that nobody has."""
    for operation in operations:
        if operation.permission in OF_OPERATORS:
            if (answer := person.send(operation, request_of(operation, own))).status_code != 403:
                yield f"{operation.name}: {told(answer)}"
            continue
        for slot in ids_of(operation):
            foreign, nobodys = has[slot.name], Belongings.of_nobody()[slot.name]
            answer = person.send(operation, with_id(operation, slot, own, foreign))
            nothing = person.send(operation, with_id(operation, slot, own, nobodys))
            expected = ANSWERED_OTHERWISE.get(described(operation, slot), 404)
            if answer.status_code != expected or told(answer) != told(nothing):
                yield f"{described(operation, slot)}: {told(answer)}, and of nobody's {told(nothing)}"
            held = set(has.ids.values()) - set(own.ids.values()) - {foreign, ""}
            if seen := [each for each in held if each in answer.text]:
                yield f"{described(operation, slot)} shows {seen}"


def test_every_route_has_a_request_that_is_attacked() -> None:
    """A new route is missing here until its request is written down."""
    assert set(REQUESTS) == set(OPERATIONS)
    tried = {described(each, slot) for each in OPERATIONS.values() for slot in ids_of(each)}
    assert len(tried) > 60
    assert tried >= NEEDED.keys() | ANSWERED_OTHERWISE.keys()


def test_no_id_of_another_organisation_is_of_any_use(scene: Scene) -> None:
    before, engine = scene.digest(scene.theirs), scene.at_the_engine()
    found = list(attempts(scene.attacker, scene.own, scene.has, OPERATIONS.values()))
    assert found == []
    assert changed(before, scene.digest(scene.theirs)) == []
    assert scene.at_the_engine() == engine
    # It was the id: with one's own each of these requests succeeds.
    for name in (each for each in REQUESTS if each not in REFUSED):
        answer = scene.attacker.send(OPERATIONS[name], request_of(OPERATIONS[name], scene.own))
        assert answer.is_success or answer.status_code == AT_HOME.get(name), (name, answer.text)


def test_no_id_of_a_colleagues_account_is_of_any_use(scene: Scene) -> None:
    """In the same organisation: whoever was not given the account cannot see it, nor what stands below it."""
    has = Belongings({**scene.has.ids, "node_id": scene.has["account_node_id"]})
    his = {has[name] for name in ("account_id", "node_id", "order_id", "key_id", "lease_id", "limit_id")}
    before, engine = scene.digest(scene.theirs, his), scene.at_the_engine()
    allowed = [each for each in OPERATIONS.values() if each.permission in ROLE_PERMISSIONS[Role.DESK_HEAD]]
    assert sum(len(ids_of(each)) for each in allowed) > 25
    assert list(attempts(scene.colleague, scene.colleagues, has, allowed)) == []
    assert changed(before, scene.digest(scene.theirs, his)) == []
    assert {key: value for key, value in scene.at_the_engine().items() if key in engine} == engine


def test_no_list_shows_anything_of_another_organisation(scene: Scene) -> None:
    names = ("ada", "bob", "their-head", str(scene.theirs.tenant_id), *map(str, scene.theirs.path))
    for operation in OPERATIONS.values():
        if operation.method != "GET" or operation.permission in OF_OPERATORS:
            continue
        answer = scene.attacker.send(operation, request_of(operation, scene.own))
        assert answer.status_code == 200, answer.text
        held = {*scene.has.ids.values(), *names} - {""}
        assert [each for each in held if f'"{each}' in answer.text] == [], operation.name


def objects_of(operation: Operation) -> Iterator[tuple[Where, set[str]]]:
    """Where in its body objects stand that have these members and no others."""
    assert operation.body_schema is not None
    yield from _objects(operation.body_schema, ())


def _objects(schema: dict[str, Any], where: Where) -> Iterator[tuple[Where, set[str]]]:
    schema = resolved(schema)
    either = [resolved(each) for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
    variants = [each for each in (schema, *either) if "properties" in each]
    if variants:
        yield where, set().union(*(each["properties"] for each in variants))
    for variant in variants:
        for name, member in variant["properties"].items():
            yield from _objects(member, (*where, name))
    if schema.get("type") == "array":
        yield from _objects(schema["items"], (*where, 0))
    for each in either:
        if "properties" not in each:
            yield from _objects(each, where)


def members_of_answers(operation: Operation) -> set[str]:
    found: set[str] = set()
    for answer in operation.told["responses"].values():
        for content in answer.get("content", {}).values():
            found |= resolved(content["schema"]).get("properties", {}).keys()
    return found


def test_no_member_is_taken_that_is_not_the_callers_to_set(scene: Scene) -> None:
    """Among them all that answers show: what the platform decides is not written by sending it back."""
    before = [scene.digest(firm) for firm in (scene.theirs, scene.ours)]
    tried = 0
    for operation in OPERATIONS.values():
        if operation.body_schema is None or operation.permission in OF_OPERATORS:
            continue
        for where, known in dict(objects_of(operation)).items():
            names = sorted((FORBIDDEN | members_of_answers(operation)) - known)
            assert len(names) > 10
            for some in batched(names, SHOWN_AT_ONCE, strict=False):
                request = request_of(operation, scene.own)
                for name in some:
                    request = request.with_value(Slot("body", (*where, name), {}), "1")
                answer = scene.attacker.send(operation, request)
                assert answer.status_code == 422, (operation.name, where, answer.text)
                refused = {each["field"].rpartition(".")[2]: each["message"] for each in answer.json()["errors"]}
                assert refused.items() >= dict.fromkeys(some, "Extra inputs are not permitted").items(), answer.text
                tried += len(some)
    assert tried > 700
    assert [scene.digest(firm) for firm in (scene.theirs, scene.ours)] == before


RECORDED_WHEN_REFUSED = {"place_order"}  # A refused order is an order.


# The body of the bot's webhook is told as any object: what people write in it is tried in tests/integration/telegram.
TAGS = {each.told["tags"][0] for each in OPERATIONS.values()} - {"telegram"}


@pytest.mark.parametrize("tag", sorted(TAGS))
def test_sql_in_any_string_of_any_route_is_a_string(scene: Scene, tag: str) -> None:
    theirs, tables = scene.digest(scene.theirs), scene.tables()
    operations = [OPERATIONS[name] for name in REQUESTS if OPERATIONS[name].told["tags"] == [tag]]
    assert sum(len(slots_of(each)) for each in operations) > 3
    for operation in operations:
        ours, has_succeeded = scene.digest(scene.ours), False
        for slot in slots_of(operation):
            # What is read as an id, a time or one of some words comes no further than to its reader.
            for text in SQL[:1] if slot.is_read else SQL:
                answer = scene.attacker.send(operation, request_of(operation, scene.own).with_value(slot, text))
                assert answer.status_code < 500, (described(operation, slot), text, answer.text)
                assert not INTERNALS.search(answer.text), answer.text
                if answer.is_success and answer.content and slot.name in answer.json():
                    assert answer.json()[slot.name] == text, described(operation, slot)
                has_succeeded |= answer.is_success
        if not has_succeeded and operation.name not in RECORDED_WHEN_REFUSED:
            assert changed(ours, scene.digest(scene.ours)) == [], operation.name
    assert changed(theirs, scene.digest(scene.theirs)) == []
    assert scene.tables() == tables
