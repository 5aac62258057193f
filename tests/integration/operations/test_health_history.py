"""How each dependency was: noted by the schedule of the function `operations`, told by `queries`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.runtime import database as runtime_database
from breakwater.services import health_history
from breakwater.services.health import DEGRADED, DOWN, UP, DependencyHealth
from functions.operations import app as operations
from functions.queries.app import handler
from tests.conftest import DatabaseUrls
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
WELL = DependencyHealth(UP, 1)
SHARDS_LOST = DependencyHealth(DEGRADED, 1, unserved_shards=(3, 7))


@pytest.fixture
def database(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    runtime_database.database.cache_clear()
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("TRUNCATE trading.health_periods")
    yield runtime_database.database()
    runtime_database.database().close()
    runtime_database.database.cache_clear()


def keep(database: Database, health: DependencyHealth, at: datetime, name: str = "engine") -> None:
    with database.untenanted_transaction() as connection:
        health_history.keep(connection, {name: health}, at)


def told(database: Database, hours: int = 24) -> list[tuple[str, str, str, str]]:
    with database.untenanted_transaction() as connection:
        items = health_history.history(connection, hours, NOW)["items"]
    return [(item["state"], item["detail"], item["began_at"][11:16], item["seen_until"][11:16]) for item in items]


def clock(at: datetime) -> str:
    return at.strftime("%H:%M")


def test_a_period_goes_on_while_nothing_changes_and_ends_with_a_change(database: Database) -> None:
    begin = NOW - 10 * MINUTE
    for minute, health in enumerate((WELL, WELL, WELL, SHARDS_LOST, WELL)):
        keep(database, health, begin + minute * MINUTE)
    lost = clock(begin + 3 * MINUTE)
    assert told(database) == [
        ("UP", "", clock(begin + 4 * MINUTE), clock(begin + 4 * MINUTE)),
        ("DEGRADED", "nobody serves the shards 3, 7", lost, lost),
        ("UP", "", clock(begin), clock(begin + 2 * MINUTE)),
    ]


def test_what_nobody_looked_at_is_no_part_of_a_period(database: Database) -> None:
    begin = NOW - 60 * MINUTE
    for minute in (0, 1, 3, 30, 31):  # One look was missed, and then many.
        keep(database, WELL, begin + minute * MINUTE)
    assert [period[2:] for period in told(database)] == [
        (clock(begin + 30 * MINUTE), clock(begin + 31 * MINUTE)),
        (clock(begin), clock(begin + 3 * MINUTE)),
    ]


def test_a_look_that_is_told_twice_changes_nothing(database: Database) -> None:
    for at in (NOW - MINUTE, NOW - MINUTE, NOW - 2 * MINUTE):
        keep(database, WELL, at)
    assert told(database) == [("UP", "", clock(NOW - MINUTE), clock(NOW - MINUTE))]


def test_what_is_older_than_thirty_days_is_forgotten(database: Database) -> None:
    keep(database, DependencyHealth(DOWN, 1), NOW - timedelta(days=31), name="delivery")
    keep(database, WELL, NOW - timedelta(days=29))
    keep(database, WELL, NOW)
    assert [period[0] for period in told(database, hours=24 * 40)] == ["UP", "UP"]


def test_an_answer_that_would_be_too_long_says_from_when_on_it_is_complete(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_history, "PERIODS_MAX", 3)
    for minute in range(5):
        keep(database, SHARDS_LOST if minute % 2 else WELL, NOW - (5 - minute) * MINUTE)
    with database.untenanted_transaction() as connection:
        found = health_history.history(connection, 24, NOW)
    assert len(found["items"]) == 3
    assert found["since"][11:16] == clock(NOW - 4 * MINUTE)


class Engine:
    def unserved_shards(self) -> list[int]:
        return [5]


def ask(role: str) -> tuple[int, Any]:
    answer = handler(
        http_event("GET", "/health/history", caller=caller_context(role, username="operator")), LambdaContext()
    )
    return answer["statusCode"], answer_of(answer)


def test_the_schedule_notes_each_dependency_and_an_operator_reads_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "engine_client", Engine)
    monkeypatch.setattr(operations, "_look", list)
    assert operations.handler({"source": "aws.events"}, LambdaContext()) == {"queues": 0}
    status, body = ask("system_admin")
    assert status == 200
    seen = {item["dependency"]: (item["state"], item["detail"]) for item in body["items"]}
    assert seen["database"] == ("UP", "")
    assert seen["engine"] == ("DEGRADED", "nobody serves the shards 5")
    assert "delivery" in seen


@pytest.mark.parametrize("role", ["organisation_admin", "risk_manager", "auditor", "trader"])
def test_nobody_else_reads_it(database: Database, role: str) -> None:
    assert ask(role)[0] == 403
