"""How often an API key may ask at the HTTP API, and that its use is noted: counted in one place for all functions."""

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from breakwater.db.api_keys import KeyUse, count_api_key_use
from breakwater.db.connection import Database
from breakwater.db.identity import ApiKey
from breakwater.domain.api_keys import RateLimit
from breakwater.runtime import database as runtime_database
from breakwater.services.api_keys import list_api_keys
from fargate_engine.firm_exchange.control_plane import _event
from functions.users.app import handler
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.integration.identity.test_api_keys import caller, create
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

SOURCE = "127.0.0.1"  # As events come from.


@pytest.fixture(autouse=True)
def environment(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    yield
    runtime_database.database().close()


def call(firm: Firm, key_id: str, path: str = "/me", **options: Any) -> tuple[int, dict[str, str], Any]:
    user = firm.trader
    who = caller_context(
        user.role, firm.tenant_id, subject=user.subject, username=user.username, scopes="read", api_key_id=key_id
    )
    answer = handler(http_event("GET", path, caller=who, **options), LambdaContext())
    return answer["statusCode"], answer["headers"], answer_of(answer)


def shown(database: Database, firm: Firm) -> ApiKey:
    with database.tenant_transaction(firm.tenant_id) as tx:
        return list_api_keys(caller(firm, firm.trader), tx)[0]


def test_every_answer_says_what_is_left_and_beyond_it_is_429_and_when_to_ask_again(
    database: Database, firm: Firm
) -> None:
    key_id, _ = create(database, caller(firm, firm.trader), requests_per_minute_max=3)
    answers = [call(firm, key_id, path) for path in ("/me", "/users", "/me")]
    assert [status for status, _, _ in answers] == [200, 403, 200]
    assert [headers["ratelimit-remaining"] for _, headers, _ in answers] == ["2", "1", "0"]
    assert {headers["ratelimit-limit"] for _, headers, _ in answers} == {"3"}
    assert {headers["ratelimit-policy"] for _, headers, _ in answers} == {"3;w=60"}
    status, headers, problem = call(firm, key_id)
    assert (status, problem["code"], headers["content-type"]) == (429, "RATE_LIMITED", "application/problem+json")
    assert headers["ratelimit-remaining"] == "0"
    assert 1 <= int(headers["retry-after"]) <= 20  # A third of the minute.
    assert 40 < int(headers["ratelimit-reset"]) <= 60


def test_what_the_header_says_is_waited_for_is_enough_and_what_was_refused_did_not_count(
    database: Database, firm: Firm
) -> None:
    key_id, _ = create(database, caller(firm, firm.trader), requests_per_minute_max=60)
    for _ in range(60):
        assert call(firm, key_id)[0] == 200
    while True:
        status, headers, _ = call(firm, key_id)
        if status == 429:
            break
    assert [call(firm, key_id)[0] for _ in range(3)] == [429] * 3
    time.sleep(int(headers["retry-after"]))
    assert call(firm, key_id)[0] == 200


def test_a_key_that_says_nothing_has_what_is_configured_and_people_are_not_counted(
    database: Database, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_id, _ = create(database, caller(firm, firm.trader))
    assert call(firm, key_id)[1]["ratelimit-limit"] == "600"
    monkeypatch.setenv("API_KEY_RATE_DEFAULT", "2")
    assert [call(firm, key_id)[0] for _ in range(3)].count(429) > 0
    assert "ratelimit-limit" not in call(firm, "")[1]


def test_a_bots_request_by_way_of_the_engine_has_been_weighed_there(database: Database, firm: Firm) -> None:
    key_id, _ = create(database, caller(firm, firm.trader), requests_per_minute_max=1)
    who = replace(caller(firm, firm.trader, "read"), api_key_id=key_id)
    for _ in range(3):
        answer = handler(_event("GET", "/me", who, {}, None), LambdaContext())
        assert answer["statusCode"] == 200
        assert "ratelimit-limit" not in answer["headers"]


def test_one_keys_requests_take_nothing_from_another(database: Database, firm: Firm) -> None:
    trader = caller(firm, firm.trader)
    greedy, modest = (create(database, trader, requests_per_minute_max=1)[0] for _ in range(2))
    assert [call(firm, each)[0] for each in (greedy, greedy, modest)] == [200, 429, 200]


def test_however_many_functions_count_at_once_none_is_let_through_twice(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    functions, each_asks, per_minute = 6, 20, 30
    key_id, _ = create(database, caller(firm, firm.trader), requests_per_minute_max=per_minute)
    at_once = threading.Barrier(functions)

    def ask() -> list[KeyUse]:
        with psycopg.connect(database_urls.functions, autocommit=True) as connection:
            at_once.wait(timeout=10)
            return [count(connection, firm, key_id) for _ in range(each_asks)]

    began = time.monotonic()
    with ThreadPoolExecutor(functions) as threads:
        asked = [threads.submit(ask) for _ in range(functions)]
        uses = [use for each in asked for use in each.result(timeout=30)]
    grown = math.floor((time.monotonic() - began) * per_minute / 60) + 1
    assert per_minute <= sum(use.is_within for use in uses) <= per_minute + grown


def count(connection: psycopg.Connection[Any], firm: Firm, key_id: str) -> KeyUse:
    return count_api_key_use(connection, firm.tenant_id, key_id, used_from=SOURCE, per_minute_default=600)


def test_the_headers_add_up_at_every_rate() -> None:
    for per_minute in (1, 7, 600, 6_000):
        share = 60 / per_minute
        full = RateLimit.of(per_minute, share, is_within=True)
        assert (full.remaining, full.reset_s) == (per_minute - 1, math.ceil(share))
        assert RateLimit.of(per_minute, 60.0, is_within=True).remaining == 0
        refused = RateLimit.of(per_minute, 60.0, is_within=False)
        assert (refused.remaining, refused.retry_after_s) == (0, max(1, math.ceil(share)))


def test_a_use_is_noted_with_its_address_at_most_once_a_minute(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    key_id, _ = create(database, caller(firm, firm.trader))
    assert shown(database, firm).last_used_at is None
    call(firm, key_id)
    first = shown(database, firm)
    assert (first.last_used_at is not None, first.last_used_from) == (True, SOURCE)
    call(firm, key_id)
    assert shown(database, firm) == first
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE identity.api_keys SET last_used_at = last_used_at - interval '1 minute'")
    call(firm, key_id)
    noted_at = shown(database, firm).last_used_at
    assert noted_at is not None
    assert first.last_used_at is not None
    assert noted_at > first.last_used_at


def test_whoever_holds_the_keys_row_holds_no_request_up(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    key_id, _ = create(database, caller(firm, firm.trader))
    with psycopg.connect(database_urls.admin) as holder:
        holder.execute("SELECT FROM identity.api_keys FOR UPDATE")
        with psycopg.connect(database_urls.functions, options="-c lock_timeout=200") as connection:
            assert count(connection, firm, key_id).is_within
    assert shown(database, firm).last_used_at is None
    call(firm, key_id)
    assert shown(database, firm).last_used_at is not None


def test_a_tenant_notes_nothing_of_anothers_key(
    database: Database, firm: Firm, other_firm: Firm, database_urls: DatabaseUrls
) -> None:
    key_id, _ = create(database, caller(firm, firm.trader), requests_per_minute_max=1)
    with psycopg.connect(database_urls.functions, autocommit=True) as connection:
        use = count(connection, other_firm, key_id)
    assert use.per_minute == 600
    assert shown(database, firm).last_used_at is None


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM identity.api_key_allowances", "DELETE FROM identity.api_key_allowances"]
)
@pytest.mark.parametrize("role", ["functions", "engine"])
def test_nobody_sets_an_allowance_by_hand(database_urls: DatabaseUrls, role: str, statement: Any) -> None:
    with (
        psycopg.connect(getattr(database_urls, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)
