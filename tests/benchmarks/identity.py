"""Who is asking: the authorizer when it is warm, the check of an API key, and a decision about a permission."""

import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from psycopg.conninfo import make_conninfo

from breakwater.db.api_keys import count_api_key_use
from breakwater.db.connection import Database
from breakwater.db.identity import User, find_api_key
from breakwater.domain.api_keys import split_api_key, verify_api_key
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.runtime import database as runtime_database
from breakwater.services.api_keys import create_api_key
from functions.authorizer.app import handler
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import own_postgres
from tests.integration.limits.firm import create_firm, database_of
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, served_jwk_set, token
from tests.unit.runtime.http_events import LambdaContext

CALLS, WARM_UP = 2_000, 50
DECISIONS_AT_ONCE = 1_000
AUTHORIZER_GOAL_MS, KEY_GOAL_MS, DECISION_GOAL_MS = 5.0, 1.0, 0.005


def run() -> list[Figure]:
    with own_postgres() as postgres, served_jwk_set("first") as jwks_url:
        conninfo = postgres.create_database("identity").admin
        functions = make_conninfo(conninfo, user="breakwater_functions", password="breakwater_functions")
        os.environ |= {
            "OIDC_JWKS_URL": jwks_url,
            "OIDC_ISSUER": ISSUER,
            "USER_POOL_ID": "eu-west-1_pool",
            "USER_POOL_CLIENT_ID": CLIENT_ID,
            "DATABASE_URL": functions,
        }
        firm = create_firm(conninfo, accounts=1)
        user = User(uuid.uuid4(), "bench", "bench-subject", "bench@example.com", Role.TRADER)
        caller = Caller(
            firm.tenant_id, user.subject, user.username, user.role, frozenset({SESSION_SCOPE}), correlation_id="bench"
        )
        database = database_of(functions)
        with database.tenant_transaction(firm.tenant_id) as tx:
            tx.identity.save_user(user)
        claims: dict[str, Any] = {
            "sub": user.subject,
            "username": user.username,
            "cognito:groups": [f"org:{firm.tenant_id}", f"role:{user.role}"],
        }
        bearer = f"Bearer {token(**claims)}"
        api_key = _key(database, caller)
        key_id, _ = split_api_key(api_key)
        by_token = _took_ms(lambda: _authorize(bearer))
        by_key = _took_ms(lambda: _authorize(f"ApiKey {api_key}"))
        checked = _took_ms(lambda: _check(database, api_key))
        counted = _took_ms(lambda: _count(database, caller, key_id))
        runtime_database.database().close()
        database.close()
    decided = _decision_ms(caller)
    return [
        _figure(
            "authorizer, warm: an access token", "p99 < 5 ms", by_token, percentile(by_token, 0.99) < AUTHORIZER_GOAL_MS
        ),
        _figure("authorizer, warm: an API key", "p99 < 5 ms", by_key, percentile(by_key, 0.99) < AUTHORIZER_GOAL_MS),
        _figure("an API key found and checked", "p50 < 1 ms", checked, percentile(checked, 0.5) < KEY_GOAL_MS),
        _figure("a use of an API key counted", "p50 < 1 ms", counted, percentile(counted, 0.5) < KEY_GOAL_MS),
        _figure("a decision about a permission", "p50 < 5 µs", decided, percentile(decided, 0.5) < DECISION_GOAL_MS),
    ]


def _figure(name: str, goal: str, took: list[float], ok: bool) -> Figure:  # A column of the table.
    return Figure(name, goal, percentile(took, 0.5), percentile(took, 0.99), f"{len(took):,} times", ok)


def _key(database: Database, caller: Caller) -> str:
    with database.tenant_transaction(caller.tenant_id) as tx:
        _, api_key = create_api_key(
            *(caller, tx),
            name="bench",
            scopes=["trade"],
            ip_allow=["203.0.113.0/24"],
            expires_at=None,
            encrypt=lambda _key_id, _api_key: b"",
            at=datetime.now(UTC),
        )
    if api_key is None:
        raise RuntimeError("a key with a secret has none")
    return api_key


def _authorize(authorization: str) -> None:
    http = {"sourceIp": "203.0.113.7"}
    event = {"version": "2.0", "headers": {"authorization": authorization}, "requestContext": {"http": http}}
    if "refusal" in handler(event, LambdaContext())["context"]:
        raise RuntimeError("the authorizer did not believe it")


def _check(database: Database, api_key: str) -> None:
    key_id, secret = split_api_key(api_key)
    with database.untenanted_transaction() as connection:
        found = find_api_key(connection, key_id)
    verify_api_key(key_id, found, secret)


def _count(database: Database, caller: Caller, key_id: str) -> None:
    """As for each of its requests; refused or not is the same work."""
    with database.untenanted_transaction() as connection:
        count_api_key_use(connection, caller.tenant_id, key_id, used_from="203.0.113.7", per_minute_default=6_000)


def _took_ms(call: Callable[[], None]) -> list[float]:
    took = []
    for number in range(CALLS + WARM_UP):
        began_ns = time.perf_counter_ns()
        call()
        if number >= WARM_UP:
            took.append((time.perf_counter_ns() - began_ns) / 1e6)
    return sorted(took)


def _decision_ms(caller: Caller) -> list[float]:
    """Each as part of so many, since one is shorter than a look at the clock."""

    def decide() -> None:
        for _ in range(DECISIONS_AT_ONCE):
            caller.require("orders:create")

    return [each / DECISIONS_AT_ONCE for each in _took_ms(decide)[:: CALLS // 100]]
