"""Who is on call: set and overridden by those who may, and asked by whoever tells people of alerts."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakwater.db.connection import Database
from breakwater.domain.times import format_time
from breakwater.services.rota import on_call
from tests.integration.alerts.test_acknowledging import ask, name_of, somebody
from tests.integration.alerts.test_alerts import OTHER_TENANT, TENANT, database
from tests.integration.alerts.test_following import Person

__all__ = ["database"]  # A fixture.
NOW = datetime.now(UTC)


@pytest.fixture
def people(database: Database) -> list[Person]:
    """A manager, and three who take turns."""
    return [somebody(database, role) for role in ("risk_manager", "trader", "desk_head", "trader")]


def body(*people: Person, **changes: Any) -> dict[str, Any]:
    """Turns of a week; the first one's began yesterday, so that no test runs over a handover."""
    ids = [str(person.user_id) for person in people]
    return {"people": ids, "starts_on": f"{NOW.date() - timedelta(days=1)}", "handover_at": "00:00", **changes}


def override(person: Person, first_h: float, last_h: float) -> dict[str, str]:
    starts_at, ends_at = (format_time(NOW + timedelta(hours=hours)) for hours in (first_h, last_h))
    return {"user_id": str(person.user_id), "starts_at": starts_at, "ends_at": ends_at}


def called(database: Database, at: datetime = NOW, tenant_id: uuid.UUID = TENANT) -> list[str]:
    with database.tenant_transaction(tenant_id) as tx:
        return [person.username for person in on_call(tx, at)]


def test_people_take_turns_and_the_view_says_who_follows(database: Database, people: list[Person]) -> None:
    manager, *others = people
    assert ask(manager, "GET", "/alerts/rota")[0] == 404
    assert called(database) == []
    status, view = ask(manager, "PUT", "/alerts/rota", body(*others))
    assert status == 200
    names = [name_of(person) for person in others]
    assert [each["username"] for each in view["shifts"]] == [*names, *names[:2]]
    assert (view["handover_at"], view["time_zone"]) == ("00:00", "UTC")
    weeks = [NOW + timedelta(weeks=each) for each in range(4)]
    assert [called(database, week) for week in weeks] == [[name] for name in (*names, names[0])]
    assert called(database, tenant_id=OTHER_TENANT) == []
    assert ask(others[0], "GET", "/alerts/rota") == (200, view)


def test_who_is_gone_is_skipped_and_shown_as_gone(database: Database, people: list[Person]) -> None:
    manager, first, second, third = people
    ask(manager, "PUT", "/alerts/rota", body(first, second, third))
    with database.tenant_transaction(TENANT) as tx:
        tx.people.set_disabled(first.user_id, is_disabled=True)
        tx.people.set_role(second.user_id, "auditor")  # Who may not acknowledge.
    assert called(database) == [name_of(third)]
    view = ask(manager, "GET", "/alerts/rota")[1]
    assert [each["is_available"] for each in view["people"]] == [False, False, True]
    assert (view["shifts"][0]["username"], view["shifts"][0]["stands_in_for"]) == (name_of(third), name_of(first))
    with database.tenant_transaction(TENANT) as tx:
        tx.people.set_disabled(third.user_id, is_disabled=True)
    assert called(database) == []
    assert ask(manager, "GET", "/alerts/rota")[1]["shifts"][0]["username"] is None


def test_everybody_takes_over_himself_and_managers_put_in_another(database: Database, people: list[Person]) -> None:
    manager, first, second, third = people
    assert ask(second, "POST", "/alerts/rota/overrides", override(second, 1, 2))[0] == 404  # There is no rota.
    ask(manager, "PUT", "/alerts/rota", body(first, second, third))
    assert ask(second, "POST", "/alerts/rota/overrides", override(third, 1, 2))[0] == 404
    status, made = ask(second, "POST", "/alerts/rota/overrides", override(second, -1, 2))
    assert (status, made["username"], made["made_by"]) == (201, name_of(second), name_of(second))
    assert called(database) == [name_of(second)]
    assert called(database, NOW + timedelta(hours=2)) == [name_of(first)]
    assert ask(manager, "POST", "/alerts/rota/overrides", override(third, 1, 3))[0] == 409
    assert ask(manager, "POST", "/alerts/rota/overrides", override(third, 2, 3))[0] == 201
    path = f"/alerts/rota/overrides/{made['override_id']}"
    assert ask(third, "DELETE", path)[0] == 403
    assert ask(somebody(database, "risk_manager", OTHER_TENANT), "DELETE", path)[0] == 404
    assert ask(second, "DELETE", path) == (204, None)
    assert ask(second, "DELETE", path)[0] == 404
    assert called(database) == [name_of(first)]


def test_a_rota_of_people_who_cannot_be_woken_is_refused(database: Database, people: list[Person]) -> None:
    manager, first, *_ = people
    viewer, stranger = somebody(database, "viewer"), somebody(database, "trader", OTHER_TENANT)
    for wrong in (
        body(viewer),
        body(stranger),
        body(first, first),
        body(),
        body(first, time_zone="Europe/Atlantis"),
        body(first, time_zone="../../etc/passwd"),
        body(first, turn_days=29),
        body(first, handover_at="09:00+02:00"),
    ):
        assert ask(manager, "PUT", "/alerts/rota", wrong)[0] == 422, wrong
    assert ask(first, "PUT", "/alerts/rota", body(first))[0] == 403
    assert ask(manager, "PUT", "/alerts/rota", body(first))[0] == 200
    for hours in ((-2, -1), (3, 2), (0, 24 * 91)):
        assert ask(manager, "POST", "/alerts/rota/overrides", override(first, *hours))[0] == 422


def test_what_is_changed_is_in_the_audit_trail(database: Database, people: list[Person]) -> None:
    manager, first, *_ = people
    ask(manager, "PUT", "/alerts/rota", body(first))
    made = ask(first, "POST", "/alerts/rota/overrides", override(first, 1, 2))[1]
    ask(manager, "DELETE", f"/alerts/rota/overrides/{made['override_id']}")
    with database.tenant_transaction(TENANT) as tx:
        rows = tx.connection.execute(
            "SELECT actor, payload->>'change', payload->>'handover' FROM trading.events"
            " WHERE topic = 'alerts.RotaChanged.v1' ORDER BY occurred_at_ns"
        ).fetchall()
    assert rows == [
        (name_of(manager), "SET", "every 7 days at 00:00 UTC"),
        (name_of(first), "OVERRIDDEN", None),
        (name_of(manager), "OVERRIDE_CANCELLED", None),
    ]
