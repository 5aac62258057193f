"""Who is to be told of an alert, by which way: written down once, and shown with the alert."""

import uuid
from datetime import UTC, datetime

import pytest

from breakwater.db.connection import Database
from breakwater.domain.permissions import SESSION_SCOPE, Caller
from breakwater.errors import NotFound
from breakwater.services.alert_deliveries import plan_deliveries
from breakwater.services.alert_recipients import people_of
from breakwater.services.alert_views import alert_history
from tests.integration.alerts.one_alert import an_alert
from tests.integration.alerts.test_alerts import OTHER_TENANT, TENANT, database
from tests.integration.alerts.test_following import Person

__all__ = ["database"]  # A fixture.
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def caller(role: str, tenant_id: uuid.UUID = TENANT) -> Caller:
    return Caller(tenant_id, "s", "somebody", role, frozenset({SESSION_SCOPE}), correlation_id="c")


def test_an_alert_is_planned_for_each_way_by_which_a_person_of_the_audience_is_reached(database: Database) -> None:
    alert = an_alert(uuid.uuid4())
    risk = Person(database, "risk@example.com", "risk_manager")
    Person(database, "trader@example.com", "trader")
    Person(database, "elsewhere@example.com", "risk_manager", OTHER_TENANT)
    with database.tenant_transaction(TENANT) as tx:
        tx.connection.execute(
            "INSERT INTO alerts.contacts (user_id, tenant_id, phone) VALUES (%s, %s, '+4915112345678')",
            (risk.user_id, TENANT),
        )
        tx.alerts.add(alert)
        people = people_of({"RISK"}, alert, tx)
        for _ in range(2):
            planned = plan_deliveries(alert, people, {"EMAIL", "SMS", "TELEGRAM"}, stage=0, due_at=NOW, tx=tx)
        shown = alert_history(alert.alert_id, caller("auditor"), tx)["deliveries"]
    assert {(each.channel, each.destination) for each in shown} >= {
        ("EMAIL", "risk@example.com"),
        ("SMS", "+4915112345678"),
    }
    assert sorted(each.delivery_id for each in shown) == sorted(each.delivery_id for each in planned)
    with database.tenant_transaction(TENANT) as tx:
        seen = alert_history(alert.alert_id, caller("viewer"), tx)["deliveries"]
    assert {each.destination for each in seen if each.user_id is not None} == {"hidden"}
    assert not {"trader@example.com", "elsewhere@example.com"} & {each.destination for each in shown}


def test_who_does_not_oversee_the_organisation_does_not_see_its_alerts(database: Database) -> None:
    alert = an_alert(uuid.uuid4())
    trader = Person(database, f"{uuid.uuid4()}@example.com", "trader")
    with database.tenant_transaction(TENANT) as tx:
        tx.alerts.add(alert)
        subject = f"user-{trader.user_id.hex[:8]}"
        seeing = Caller(TENANT, subject, subject, "trader", frozenset({SESSION_SCOPE}), correlation_id="c")
        with pytest.raises(NotFound):
            alert_history(alert.alert_id, seeing, tx)
    with database.tenant_transaction(OTHER_TENANT) as tx, pytest.raises(NotFound):
        alert_history(alert.alert_id, caller("auditor", OTHER_TENANT), tx)
