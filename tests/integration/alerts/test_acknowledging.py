"""Taking up an alert: by the API, by a link in a message; who may, and that the first one stays."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.connection import Database
from breakwater.domain.alerting import Channel, Contact
from breakwater.domain.permissions import SESSION_SCOPE, Principal
from breakwater.services import acknowledgement_links, acknowledgements
from breakwater.services.alert_deliveries import plan_deliveries
from functions.alerting.app import handler
from tests.conftest import DatabaseUrls
from tests.integration.alerts.one_alert import an_alert
from tests.integration.alerts.test_alerts import OTHER_TENANT, TENANT, database
from tests.integration.alerts.test_following import Person
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

__all__ = ["database"]  # A fixture.


@pytest.fixture
def alert(database: Database) -> Alert:
    found = an_alert(uuid.uuid4())
    with database.tenant_transaction(TENANT) as tx:
        tx.alerts.add(found)
    return found


def somebody(database: Database, role: str, tenant_id: uuid.UUID = TENANT) -> Person:
    return Person(database, f"{uuid.uuid4()}@example.com", role, tenant_id)


def name_of(person: Person) -> str:
    return f"user-{person.user_id.hex[:8]}"


def ask(person: Person, method: str, path: str, body: object = None, **changes: str) -> tuple[int, Any]:
    name = name_of(person)
    caller = caller_context(person.role, person.tenant_id, subject=name, username=name, **changes)
    answer = handler(http_event(method, path, body=body, caller=caller), LambdaContext())
    return answer["statusCode"], answer_of(answer) if answer["body"] else None


def open_page(method: str, path: str) -> tuple[int, str]:
    answer = handler(http_event(method, path), LambdaContext())
    assert answer["headers"]["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer["headers"]["content-security-policy"]
    return answer["statusCode"], answer["body"]


def stored(database: Database, alert: Alert) -> Alert:
    with database.tenant_transaction(TENANT) as tx:
        found = tx.alerts.find(alert.alert_id)
    assert found is not None
    return found


def told_of(database: Database, alert: Alert, person: Person, channel: Channel = "EMAIL") -> Delivery:
    now = datetime.now(UTC)
    with database.tenant_transaction(TENANT) as tx:
        contact = Contact(person.user_id, "u", "u@example.com", "+4915112345678", 7)
        (delivery,) = plan_deliveries(alert, [contact], {channel}, stage=0, due_at=now, tx=tx)
    return delivery


def link(database: Database, delivery: Delivery, at: datetime | None = None) -> str:
    with database.tenant_transaction(TENANT) as tx:
        made = acknowledgement_links.make_link(delivery, tx, at or datetime.now(UTC))
    assert made is not None
    assert re.fullmatch(r"/acknowledgements/[A-Za-z0-9_-]{43}", made)
    return made


def test_the_first_to_acknowledge_stays_and_a_later_one_changes_nothing(database: Database, alert: Alert) -> None:
    risk, admin = somebody(database, "risk_manager"), somebody(database, "organisation_admin")
    path = f"/alerts/{alert.alert_id}/acknowledge"
    status, first = ask(risk, "POST", path, {"note": "  looking "})
    assert (status, first["acknowledged_by"], first["acknowledged_via"]) == (200, name_of(risk), "API")
    assert first["acknowledged_note"] == "looking"
    assert ask(admin, "POST", path, {"note": "me too"}) == (200, first)
    with database.tenant_transaction(TENANT) as tx:
        rows = tx.connection.execute(
            "SELECT actor, payload->>'acknowledged_by', payload->>'note' FROM trading.events"
            " WHERE topic = 'alerts.AlertAcknowledged.v1'"
        ).fetchall()
    assert rows == [(name_of(risk), name_of(risk), "looking")]


def test_of_two_at_the_same_time_one_is_first(database_urls: DatabaseUrls, database: Database, alert: Alert) -> None:
    people = [somebody(database, "risk_manager") for _ in range(4)]

    def take_up(person: Person) -> str | None:
        own = Database(lambda: database_urls.functions)
        name = name_of(person)
        who = Principal(TENANT, name, name, person.role, frozenset({SESSION_SCOPE}))
        with own.tenant_transaction(TENANT) as tx:
            told = acknowledgements.acknowledge(alert.alert_id, who, "API", tx, datetime.now(UTC))
        own.close()
        return told.acknowledged_by

    with ThreadPoolExecutor(len(people)) as pool:
        said = list(pool.map(take_up, people))
    assert said == [stored(database, alert).acknowledged_by] * len(people)


@pytest.mark.parametrize(
    ("role", "status"),
    [
        *(("risk_manager", 200), ("organisation_admin", 200), ("trader", 404), ("desk_head", 404)),
        *(("viewer", 403), ("auditor", 403), ("system_admin", 404)),
    ],
)
def test_who_sees_an_alert_may_acknowledge_it_unless_he_only_looks(
    database: Database, alert: Alert, role: str, status: int
) -> None:
    """It is of the organisation: who has single accounts does not see it."""
    assert ask(somebody(database, role), "POST", f"/alerts/{alert.alert_id}/acknowledge", {})[0] == status


@pytest.mark.parametrize("role", ["trader", "system_admin"])
def test_whoever_was_told_of_it_may_say_that_he_is_awake(database: Database, alert: Alert, role: str) -> None:
    person = somebody(database, role)
    told_of(database, alert, person)
    assert ask(person, "POST", f"/alerts/{alert.alert_id}/acknowledge", {})[0] == 200


def test_a_key_that_reads_or_trades_acknowledges_nothing(database: Database, alert: Alert) -> None:
    admin, path = somebody(database, "organisation_admin"), f"/alerts/{alert.alert_id}/acknowledge"
    assert [ask(admin, "POST", path, {}, scopes=scope)[0] for scope in ("read", "trade", "cancel_only")] == [403] * 3


def test_another_organisation_finds_nothing(database: Database, alert: Alert) -> None:
    stranger = somebody(database, "organisation_admin", OTHER_TENANT)
    assert ask(stranger, "POST", f"/alerts/{alert.alert_id}/acknowledge", {})[0] == 404
    assert ask(stranger, "POST", "/alerts/acknowledge", {"group_key": alert.group_key})[0] == 404
    assert stored(database, alert).acknowledged_at is None


def test_a_group_is_acknowledged_by_its_worst(database: Database, alert: Alert) -> None:
    risk = somebody(database, "risk_manager")
    with database.tenant_transaction(TENANT) as tx:
        for severity in ("INFO", "CRITICAL", "WARNING"):
            tx.connection.execute(
                "INSERT INTO alerts.alerts (alert_id, tenant_id, kind, category, severity, group_key, title, body,"
                " correlation_id, created_at) VALUES (%s, %s, 'k', 'RISK', %s, %s, 't', 'b', 'c', now())",
                (uuid.uuid4(), TENANT, severity, alert.group_key),
            )
    status, worst = ask(risk, "POST", "/alerts/acknowledge", {"group_key": alert.group_key})
    assert (status, worst["severity"]) == (200, "CRITICAL")
    with database.tenant_transaction(TENANT) as tx:
        page = tx.alerts.page(None, before=None, limit=10)
    assert {each.acknowledged_by for each in page} == {name_of(risk)}
    assert ask(risk, "POST", "/alerts/acknowledge", {"group_key": alert.group_key})[0] == 404


def test_a_link_is_opened_by_whoever_looks_at_mails_and_acknowledges_by_its_button(
    database: Database, alert: Alert
) -> None:
    person = somebody(database, "trader")
    path = link(database, told_of(database, alert, person))
    for _ in range(3):
        status, page = open_page("GET", path)
        assert status == 200
        assert f"Acknowledge as {name_of(person)}" in page
    assert stored(database, alert).acknowledged_at is None
    status, page = open_page("POST", path)
    assert status == 200
    assert f"Acknowledged by {name_of(person)}" in page
    found = stored(database, alert)
    assert (found.acknowledged_by, found.acknowledged_via) == (name_of(person), "EMAIL")
    for method in ("POST", "GET"):  # Once used it only shows what became of it.
        assert f"Acknowledged by {name_of(person)}" in open_page(method, path)[1]


def test_a_link_shows_who_was_faster(database: Database, alert: Alert) -> None:
    risk = somebody(database, "risk_manager")
    path = link(database, told_of(database, alert, somebody(database, "trader"), "SMS"))
    ask(risk, "POST", f"/alerts/{alert.alert_id}/acknowledge", {})
    assert f"Acknowledged by {name_of(risk)}" in open_page("POST", path)[1]
    assert stored(database, alert).acknowledged_via == "API"


def test_a_channel_of_the_organisation_acknowledges_in_its_own_name(database: Database, alert: Alert) -> None:
    delivery = Delivery(
        uuid.uuid4(), alert.alert_id, 0, "SLACK", None, "#desk", "SENT", None, 1, datetime.now(UTC), datetime.now(UTC)
    )
    assert "Acknowledged by slack:#desk" in open_page("POST", link(database, delivery))[1]
    assert stored(database, alert).acknowledged_via == "SLACK"


def test_what_an_alert_says_is_no_part_of_the_page(database: Database, alert: Alert) -> None:
    with database.tenant_transaction(TENANT) as tx:
        hostile = an_alert(uuid.uuid4())
        tx.connection.execute(
            "INSERT INTO alerts.alerts (alert_id, tenant_id, kind, category, severity, group_key, title, body,"
            " correlation_id, created_at) VALUES (%s, %s, 'k', 'RISK', 'ERROR', 'g', %s, %s, 'c', now())",
            (hostile.alert_id, TENANT, "</title><script>1</script>", "</pre><form action=//evil>"),
        )
    page = open_page("GET", link(database, told_of(database, hostile, somebody(database, "trader"))))[1]
    assert "<script>" not in page
    assert "<form action" not in page


def test_a_link_that_is_old_changed_or_of_somebody_who_is_gone_shows_nothing(database: Database, alert: Alert) -> None:
    gone, demoted, fine = (somebody(database, "trader") for _ in range(3))
    now = datetime.now(UTC)
    of_gone, of_demoted = (link(database, told_of(database, alert, person)) for person in (gone, demoted))
    old = link(database, told_of(database, alert, fine), now - timedelta(hours=24))
    path = link(database, told_of(database, alert, fine))
    with database.tenant_transaction(TENANT) as tx:
        tx.people.set_disabled(gone.user_id, is_disabled=True)
        tx.people.set_role(demoted.user_id, "viewer")
    changed = path[:-2] + ("AA" if path[-2:] != "AA" else "BA")
    of_another = "/acknowledgements/" + path.rpartition("/")[2].replace(path.rpartition("/")[2][:20], "A" * 20, 1)
    wrong = ["/acknowledgements/x", "/acknowledgements/" + "é" * 43, "/acknowledgements/" + "A" * 43]
    for each in (of_gone, of_demoted, old, changed, of_another, *wrong):
        for method in ("GET", "POST"):
            status, page = open_page(method, each)
            assert (status, alert.title in page) == (404, False), each
    assert stored(database, alert).acknowledged_at is None
    assert open_page("GET", path)[0] == 200


def test_telegram_needs_no_link(database: Database, alert: Alert) -> None:
    delivery = told_of(database, alert, somebody(database, "trader"), "TELEGRAM")
    with database.tenant_transaction(TENANT) as tx:
        assert acknowledgement_links.make_link(delivery, tx, datetime.now(UTC)) is None


def test_links_that_have_expired_are_forgotten(database: Database, alert: Alert) -> None:
    person, now = somebody(database, "trader"), datetime.now(UTC)
    delivery = told_of(database, alert, person)
    for at in (now - timedelta(days=3), now - timedelta(days=2), now):
        link(database, delivery, at)
    with database.tenant_transaction(TENANT) as tx:
        (count,) = tx.connection.execute("SELECT count(*) FROM alerts.acknowledgement_links").fetchone() or (0,)
    assert count == 1


def test_how_long_alerts_wait_is_set_by_whoever_manages_alerting(database: Database) -> None:
    risk, trader = somebody(database, "risk_manager"), somebody(database, "trader")
    default = {"first_s": 900, "second_s": 1800, "incident_bridge": None}
    assert ask(trader, "GET", "/alerts/escalation") == (200, default)
    wanted = {"first_s": 5, "second_s": 9, "incident_bridge": "+4930123456"}
    assert ask(trader, "PUT", "/alerts/escalation", wanted)[0] == 403
    assert ask(risk, "PUT", "/alerts/escalation", wanted) == (200, wanted)
    assert ask(trader, "GET", "/alerts/escalation") == (200, wanted)
    for wrong in ({"first_s": 9, "second_s": 9}, {"second_s": 14_401}, {"incident_bridge": "javascript:alert(1)"}):
        assert ask(risk, "PUT", "/alerts/escalation", wrong)[0] == 422
    assert ask(somebody(database, "trader", OTHER_TENANT), "GET", "/alerts/escalation") == (200, default)
