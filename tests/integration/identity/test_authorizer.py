"""The authorizer as the gateway calls it: against a JWK set on loopback and keys in Postgres."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from breakwater.db.connection import Database
from breakwater.domain.access_tokens import session_id_of
from breakwater.domain.caller_context import to_caller
from breakwater.domain.permissions import Caller
from breakwater.errors import Unavailable
from breakwater.runtime import database as runtime_database
from breakwater.services.api_keys import create_api_key, revoke_api_key
from functions.authorizer.app import handler
from functions.users.app import handler as users
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, served_jwk_set, token
from tests.unit.runtime.http_events import LambdaContext, answer_of, http_event


@pytest.fixture(autouse=True)
def environment(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with served_jwk_set("first") as url:
        monkeypatch.setenv("OIDC_JWKS_URL", url)
        monkeypatch.setenv("OIDC_ISSUER", ISSUER)
        monkeypatch.setenv("USER_POOL_ID", "eu-west-1_pool")
        monkeypatch.setenv("USER_POOL_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("DATABASE_URL", database_urls.functions)
        yield
    runtime_database.database().close()


def authorize(authorization: str | None, source_ip: str = "203.0.113.7") -> dict[str, Any]:
    headers = {} if authorization is None else {"authorization": authorization}
    event = {"version": "2.0", "headers": headers, "requestContext": {"http": {"sourceIp": source_ip}}}
    return handler(event, LambdaContext())


def is_refused(answer: dict[str, Any]) -> bool:
    """Such a request reaches the function, which answers 401 in a problem document."""
    return set(answer["context"]) == {"refusal"}


def new_key(database: Database, firm: Firm, ip_allow: tuple[str, ...] = ()) -> tuple[str, str]:
    with database.tenant_transaction(firm.tenant_id) as tx:
        key_id, api_key = create_api_key(
            caller_of(firm),
            tx,
            name="bot",
            scopes=["trade"],
            ip_allow=ip_allow,
            expires_at=None,
            encrypt=lambda _key_id, _api_key: b"",
            at=datetime.now(UTC),
        )
    assert api_key is not None
    return key_id, api_key


def caller_of(firm: Firm) -> Caller:
    user = firm.trader
    return Caller(firm.tenant_id, user.subject, user.username, user.role, frozenset({"session"}), correlation_id="c")


def bearer(firm: Firm, **claims: Any) -> str:
    """Of the firm's trader."""
    told = {"sub": firm.trader.subject, "username": firm.trader.username}
    return f"Bearer {token(**told | {'cognito:groups': [f'org:{firm.tenant_id}', 'role:trader']} | claims)}"


def test_the_name_is_that_of_the_users_row_whatever_the_token_calls_him(firm: Firm) -> None:
    answer = authorize(bearer(firm, username=firm.admin.username))
    assert to_caller(answer["context"], "c").username == firm.trader.username


def test_an_access_token_is_turned_into_the_callers_context(firm: Firm) -> None:
    assert authorize(bearer(firm, exp=4102444800)) == {
        "isAuthorized": True,
        "context": {
            "tenant_id": str(firm.tenant_id),
            "subject": firm.trader.subject,
            "username": firm.trader.username,
            "role": "trader",
            "scopes": "session",
            "expires_at": "4102444800",
            "ip_allow": "",
            "api_key_id": "",
            "session_id": str(session_id_of(ISSUER, firm.trader.subject, "session-1")),
        },
    }


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "ApiKey", "ApiKey bw_1_2", "Bearer a.b.c"]
)
def test_any_other_header_is_refused(authorization: str | None) -> None:
    assert is_refused(authorize(authorization))


def test_an_expired_token_is_refused() -> None:
    assert is_refused(authorize(f"Bearer {token(exp=1)}"))


def test_a_key_acts_as_its_user_with_its_scopes_until_it_is_revoked(database: Database, firm: Firm) -> None:
    key_id, api_key = new_key(database, firm)
    assert authorize(f"ApiKey {api_key}") == {
        "isAuthorized": True,
        "context": {
            "tenant_id": str(firm.tenant_id),
            "subject": firm.trader.subject,
            "username": firm.trader.username,
            "role": "trader",
            "scopes": "trade",
            "expires_at": "",
            "ip_allow": "",
            "api_key_id": key_id,
            "session_id": "",
        },
    }
    assert is_refused(authorize(f"ApiKey {api_key[:-1]}{'A' if api_key[-1] != 'A' else 'B'}"))
    assert is_refused(authorize(f"ApiKey bw_{'0' * 16}_{api_key[-43:]}"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        revoke_api_key(caller_of(firm), tx, key_id, at=datetime.now(UTC))
    assert is_refused(authorize(f"ApiKey {api_key}"))


def test_a_key_works_only_from_its_networks_whoever_the_gateway_keeps_the_answer_for(
    database: Database, firm: Firm
) -> None:
    """It is kept by the key alone: an answer that hung on the address would be another address's for four seconds."""
    _, api_key = new_key(database, firm, ip_allow=("203.0.113.0/24", "2001:db8::/32"))
    inside, outside = ("203.0.113.9", "2001:db8::1"), ("198.51.100.9", "2001:db9::1", "203.0.114.1")
    kept = {json.dumps(authorize(f"ApiKey {api_key}", source_ip)) for source_ip in (*inside, *outside)}
    (answer,) = kept
    context = json.loads(answer)["context"]
    for source_ip in inside:
        assert ask_me(context, source_ip)["statusCode"] == 200
    for source_ip in outside:
        refused = ask_me(context, source_ip)
        assert (refused["statusCode"], answer_of(refused)["code"]) == (401, "NOT_AUTHENTICATED")


def ask_me(context: dict[str, Any], source_ip: str) -> dict[str, Any]:
    event = http_event("GET", "/me", caller=context)
    event["requestContext"]["http"]["sourceIp"] = source_ip
    return users(event, LambdaContext())


def test_what_a_token_may_do_is_what_its_user_may_do_now(database: Database, firm: Firm, other_firm: Firm) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_role(firm.trader.user_id, "viewer")
    assert authorize(bearer(firm))["context"]["role"] == "viewer"
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(firm.trader.user_id, is_disabled=True)
    assert is_refused(authorize(bearer(firm)))
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(firm.trader.user_id, is_disabled=False)
    assert is_refused(authorize(bearer(firm)))  # Its session has ended, and does not begin again.
    soon = int(time.time()) + 1
    assert authorize(bearer(firm, origin_jti="session-2", iat=soon, auth_time=soon))["context"]["role"] == "viewer"
    # Whoever the organisation does not know, and a subject of another one.
    assert is_refused(authorize(bearer(firm, sub="nobody")))
    assert is_refused(authorize(bearer(firm, sub=other_firm.trader.subject)))


def test_a_key_ends_and_begins_again_with_its_user(database: Database, firm: Firm) -> None:
    _, api_key = new_key(database, firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(firm.trader.user_id, is_disabled=True)
    assert is_refused(authorize(f"ApiKey {api_key}"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(firm.trader.user_id, is_disabled=False)
        tx.people.set_role(firm.trader.user_id, "auditor")
    assert authorize(f"ApiKey {api_key}")["context"]["role"] == "auditor"


def test_a_database_that_is_down_lets_nobody_in_and_is_not_taken_for_a_refusal(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime_database.database().close()
    monkeypatch.setenv("DATABASE_URL", "host=127.0.0.1 port=1 dbname=none")
    for authorization in (f"ApiKey bw_{'0' * 16}_{'A' * 43}", bearer(firm)):
        answer = authorize(authorization)
        assert set(answer["context"]) == {"unavailable"}
        with pytest.raises(Unavailable):
            to_caller(answer["context"], "c")
