"""What those who look after security are told of signing in and of keys: in time, and not each time."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.db.engine_connection import engine_pool
from breakwater.domain.permissions import Principal
from breakwater.runtime import database as runtime_database
from breakwater.runtime.api import Caller, create_api, lambda_handler
from breakwater.services.alerts import alert_of
from breakwater.services.security_signals import FAILURES_TOLD, client_subject, note_failure
from breakwater.services.sign_ins import tell_of_user
from events.envelope import Envelope
from events.identity import SignInFailed
from fargate_engine.firm_exchange.foreign_uses import ForeignUses
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.unit.runtime.http_events import LambdaContext, caller_context, http_event

NOW = datetime.now(UTC)


def told(urls: DatabaseUrls, topic: str) -> list[Envelope]:
    with psycopg.connect(urls.admin) as connection:
        rows = connection.execute(
            "SELECT event_id, topic, tenant_id, account_id, aggregate_id, correlation_id, occurred_at_ns, payload"
            " FROM trading.events WHERE topic = %s ORDER BY recorded_no",
            (topic,),
        ).fetchall()
    names = tuple(Envelope.model_fields)
    return [Envelope(**dict(zip(names, row, strict=True))) for row in rows]


def fail(database: Database, username: str, at: datetime, source_ip: str = "203.0.113.9") -> None:
    tell_of_user(
        username,
        partial(SignInFailed, source_ip=source_ip, code="NOT_AUTHENTICATED"),
        correlation_id="c",
        untenanted=database.untenanted_transaction,
        transactions=database.tenant_transaction,
        at=at,
    )


def test_the_fifth_failure_within_ten_minutes_is_told_and_not_the_ones_after_it(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    for index in range(FAILURES_TOLD - 1):
        fail(database, firm.trader.username, NOW + timedelta(seconds=index), f"203.0.113.{index}")
    assert told(database_urls, "security.SignInsRefused.v1") == []
    for index in range(20):
        fail(database, firm.trader.username.upper(), NOW + timedelta(minutes=1, seconds=index))
    [event] = told(database_urls, "security.SignInsRefused.v1")
    assert (event.payload["username"], event.payload["failures"]) == (firm.trader.username, FAILURES_TOLD)
    assert event.payload["source_ips"][:2] == ["203.0.113.9", "203.0.113.3"]
    alert = alert_of(event)
    assert (alert.category, alert.severity, alert.kind) == ("AUTHENTICATION", "ERROR", "SIGN_INS_REFUSED")


def test_failures_that_are_spread_over_the_day_are_typing_errors(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    for index in range(3 * FAILURES_TOLD):
        fail(database, firm.trader.username, NOW + timedelta(minutes=4 * index))
    assert told(database_urls, "security.SignInsRefused.v1") == []


def test_an_attack_that_goes_on_is_told_again(database: Database, firm: Firm, database_urls: DatabaseUrls) -> None:
    for minute in range(40):
        for second in range(0, 60, 10):
            fail(database, firm.trader.username, NOW + timedelta(minutes=minute, seconds=second))
    assert len(told(database_urls, "security.SignInsRefused.v1")) == 3


def test_a_client_that_is_refused_tokens_is_counted_by_itself(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    subject = client_subject("bwc_0123456789abcdef")
    for _ in range(FAILURES_TOLD):
        with database.tenant_transaction(firm.tenant_id) as tx:
            note_failure(subject, firm.admin.user_id, None, tx, correlation_id="c", at=NOW)
    [event] = told(database_urls, "security.SignInsRefused.v1")
    assert (event.payload["username"], event.payload["source_ips"]) == (subject, [])


def call(**context: str) -> dict[str, Any]:
    api = create_api("test")

    @api.get("/me")
    def me(caller: Caller) -> None: ...

    event = http_event("GET", "/me", caller=caller_context(**context))  # type: ignore[arg-type]  # All are strings.
    return lambda_handler(api)(event, LambdaContext())


def test_a_key_that_is_right_and_from_elsewhere_is_refused_and_told_once_in_a_while(
    database: Database, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    key: dict[str, Any] = {"tenant_id": firm.tenant_id, "api_key_id": "bw_1234", "ip_allow": "203.0.113.0/24"}
    try:
        for _ in range(3):
            assert call(**key)["statusCode"] == 401
        assert call(**key | {"api_key_id": "bwc_0123456789abcdef"})["statusCode"] == 401
    finally:
        runtime_database.database().close()
    first, second = told(database_urls, "security.KeyUsedFromElsewhere.v1")
    assert (first.payload["key_id"], first.payload["kind"], first.payload["source_ip"], first.payload["is_proven"]) == (
        *("bw_1234", "API_KEY", "127.0.0.1", True),
    )
    assert second.payload["kind"] == "OAUTH_CLIENT"
    assert alert_of(first).severity == "CRITICAL"


def test_a_key_from_elsewhere_is_refused_also_where_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "host=127.0.0.1 port=1 dbname=none")
    assert call(api_key_id="bw_1234", ip_allow="203.0.113.0/24")["statusCode"] == 401


async def test_a_key_from_elsewhere_at_the_endpoint_is_told_by_the_engine(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    principal = Principal(firm.tenant_id, "sub", firm.trader.username, "trader", frozenset({"trade"}))
    async with engine_pool(database_urls.engine) as pool:
        uses = ForeignUses(pool)
        for _ in range(3):
            uses.note("bw_1234", principal, "198.51.100.1")
            await uses.write()
    [event] = told(database_urls, "security.KeyUsedFromElsewhere.v1")
    assert (event.tenant_id, event.payload["username"]) == (firm.tenant_id, firm.trader.username)
    assert (event.payload["source_ip"], event.payload["is_proven"]) == ("198.51.100.1", False)
    assert alert_of(event).severity == "ERROR"
