"""Sessions: recorded when they begin or are first seen, listed, ended one by one, and never begun again."""

import os
import time
import uuid
from typing import Any

import boto3
import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.db.identity import User
from breakwater.domain.caller_context import to_caller
from breakwater.domain.permissions import Caller
from functions.authorizer.app import handler as authorizer
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.integration.identity.test_authorizer import is_refused
from tests.integration.identity.test_people import ask
from tests.integration.identity.test_users import (
    PASSWORD,
    call,
    environment,
    join_pool,
    reachable,
    set_password,
    sign_in,
)
from tests.unit.runtime.http_events import LambdaContext

__all__ = ["environment", "reachable"]  # Fixtures.


@pytest.fixture
def trader(firm: Firm, database: Database) -> str:
    """His name; he is in the pool."""
    join_pool(firm, firm.trader, database)
    return firm.trader.username


def authorize(access_token: str) -> dict[str, Any]:
    request = {"http": {"sourceIp": "198.51.100.4"}}
    event = {"headers": {"authorization": f"Bearer {access_token}"}, "requestContext": request}
    answer: dict[str, Any] = authorizer(event, LambdaContext())
    return answer


def signed_in(username: str) -> dict[str, Any]:
    tokens: dict[str, Any]
    status, tokens = sign_in(username)
    assert status == 200
    return tokens


def caller_of(tokens: dict[str, Any]) -> Caller:
    return to_caller(authorize(tokens["access_token"])["context"], "c")


def as_himself(tokens: dict[str, Any], method: str, path: str) -> tuple[int, Any]:
    return call(method, path, caller=authorize(tokens["access_token"])["context"])


def listed(tokens: dict[str, Any]) -> list[dict[str, Any]]:
    status, found = as_himself(tokens, "GET", "/users/me/sessions")
    assert status == 200
    items: list[dict[str, Any]] = found["items"]
    return items


def refresh(tokens: dict[str, Any]) -> tuple[int, Any]:
    return call("POST", "/auth/refresh", body={"refresh_token": tokens["refresh_token"]})


def ended_events(urls: DatabaseUrls) -> list[dict[str, Any]]:
    with psycopg.connect(urls.admin) as connection:
        rows = connection.execute(
            "SELECT payload FROM trading.events WHERE topic = 'identity.SessionEnded.v1' ORDER BY recorded_no"
        ).fetchall()
    return [row[0] for row in rows]


def straight_from_the_pool(username: str) -> dict[str, Any]:
    """As anybody may who has a password: our sign-in knows nothing of it."""
    answer = boto3.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=os.environ["USER_POOL_CLIENT_ID"],
        AuthParameters={"USERNAME": username, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    return {"access_token": answer["AccessToken"], "refresh_token": answer["RefreshToken"]}


def test_sessions_are_listed_the_one_that_asks_is_told_and_a_refresh_is_none(trader: str) -> None:
    first, second = signed_in(trader), signed_in(trader)
    assert refresh(first)[0] == 200
    sessions = listed(second)
    current = [each for each in sessions if each["is_current"]]
    assert [each["session_id"] for each in current] == [str(caller_of(second).session_id)]
    others = {each["session_id"] for each in sessions} - {current[0]["session_id"]}
    assert str(caller_of(first).session_id) in others
    assert (current[0]["issuer"], current[0]["source_ip"], current[0]["has_second_factor"]) == (
        "POOL",
        "127.0.0.1",
        False,
    )


def test_nobody_signs_in_as_a_user_of_another_issuer_by_having_his_name_in_the_pool(
    firm: Firm, database: Database, database_urls: DatabaseUrls
) -> None:
    """As whoever administers another organisation may: he invites that name, and nobody takes it back from the pool."""
    kim = User(uuid.uuid4(), "kim", "https://issuer.example|1", "kim@example.com", "trader")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.save_user(kim)
    pool = {"UserPoolId": os.environ["USER_POOL_ID"], "Username": "kim"}
    boto3.client("cognito-idp").admin_create_user(**pool)
    set_password("kim")
    status, problem = sign_in("kim")
    assert (status, problem["code"]) == (401, "WRONG_CREDENTIALS")
    with psycopg.connect(database_urls.admin) as connection:
        assert connection.execute("SELECT count(*) FROM trading.events").fetchone() == (0,)
        of_kim = connection.execute("SELECT count(*) FROM identity.sessions WHERE user_id = %s", (kim.user_id,))
        assert of_kim.fetchone() == (0,)


def test_one_session_is_ended_and_the_other_goes_on(trader: str, firm: Firm, database_urls: DatabaseUrls) -> None:
    lost, kept = signed_in(trader), signed_in(trader)
    session_id = str(caller_of(lost).session_id)
    path = f"/users/me/sessions/{session_id}"
    assert as_himself(kept, "DELETE", path) == (204, None)
    assert is_refused(authorize(lost["access_token"]))
    status, problem = refresh(lost)  # The pool would: no token of it is believed, and none is given.
    assert (status, problem["code"]) == (401, "WRONG_CREDENTIALS")
    assert caller_of(kept).username == trader
    assert refresh(kept)[0] == 200
    assert session_id not in {each["session_id"] for each in listed(kept)}
    assert as_himself(kept, "DELETE", path) == (204, None)  # Again changes nothing, and tells nobody.
    assert ended_events(database_urls) == [
        {
            "session_id": session_id,
            "user_id": str(firm.trader.user_id),
            "username": trader,
            "reason": "REVOKED",
            "ended_by": trader,
        }
    ]


def test_what_is_refreshed_belongs_to_the_session_and_ends_with_it(trader: str) -> None:
    tokens, other = signed_in(trader), signed_in(trader)
    _, refreshed = refresh(tokens)
    session_id = caller_of(refreshed).session_id
    assert session_id == caller_of(tokens).session_id
    assert as_himself(other, "DELETE", f"/users/me/sessions/{session_id}")[0] == 204
    assert is_refused(authorize(refreshed["access_token"]))


def test_signing_out_ends_the_session_and_everywhere_ends_all(trader: str, database_urls: DatabaseUrls) -> None:
    first, second, third = (signed_in(trader) for _ in range(3))
    assert call("POST", "/auth/sign-out", body={"access_token": first["access_token"]})[0] == 204
    assert is_refused(authorize(first["access_token"]))
    assert [each["reason"] for each in ended_events(database_urls)] == ["SIGNED_OUT"]
    assert not is_refused(authorize(second["access_token"]))
    assert call("POST", "/auth/sign-out", body={"access_token": first["access_token"]})[0] == 401
    unseen = straight_from_the_pool(trader)
    body = {"access_token": second["access_token"], "everywhere": True}
    assert call("POST", "/auth/sign-out", body=body)[0] == 204
    for tokens in (second, third, unseen):
        assert is_refused(authorize(tokens["access_token"]))
        assert refresh(tokens)[0] == 401


def test_a_token_that_is_not_believed_signs_nobody_out(trader: str) -> None:
    tokens = signed_in(trader)
    header, payload, signature = tokens["access_token"].split(".")
    for forged in (f"{header}.{payload}.", f"{header}.{payload}.{signature[::-1]}"):
        assert call("POST", "/auth/sign-out", body={"access_token": forged})[0] == 401
    assert not is_refused(authorize(tokens["access_token"]))


def test_an_administrator_sees_and_ends_the_sessions_of_his_own_people_alone(
    trader: str, firm: Firm, other_firm: Firm, database_urls: DatabaseUrls
) -> None:
    tokens = signed_in(trader)
    session_id = str(caller_of(tokens).session_id)
    path = f"/users/{firm.trader.user_id}/sessions"
    assert session_id in {each["session_id"] for each in ask(firm, "GET", path)[1]["items"]}
    for method, foreign in (("GET", path), ("DELETE", f"{path}/{session_id}")):
        assert ask(other_firm, method, foreign)[0] == 404
    # One of another user, or of nobody, under this user's name.
    assert ask(firm, "DELETE", f"/users/{firm.admin.user_id}/sessions/{session_id}")[0] == 404
    assert ask(firm, "DELETE", f"{path}/{uuid.uuid4()}")[0] == 404
    assert as_himself(tokens, "GET", path)[0] == 403
    assert not is_refused(authorize(tokens["access_token"]))
    assert ask(firm, "DELETE", f"{path}/{session_id}") == (204, None)
    assert is_refused(authorize(tokens["access_token"]))
    assert [each["ended_by"] for each in ended_events(database_urls)] == [firm.admin.username]


def test_nobody_ends_somebody_elses_session_as_his_own(trader: str, firm: Firm, database: Database) -> None:
    join_pool(firm, firm.admin, database)
    admins, tokens = signed_in(firm.admin.username), signed_in(trader)
    assert as_himself(tokens, "DELETE", f"/users/me/sessions/{caller_of(admins).session_id}")[0] == 404
    assert not is_refused(authorize(admins["access_token"]))


def test_an_api_key_neither_sees_nor_ends_its_users_sessions(trader: str) -> None:
    context = authorize(signed_in(trader)["access_token"])["context"]
    key = context | {"api_key_id": "0123456789abcdef", "session_id": "", "scopes": "admin,read,trade"}
    for method, path in (("GET", "/users/me/sessions"), ("DELETE", f"/users/me/sessions/{context['session_id']}")):
        status, problem = call(method, path, caller=key)
        assert (status, problem["code"]) == (403, "NOT_PERMITTED")


def test_a_token_straight_from_the_pool_is_recorded_when_it_is_first_seen(
    trader: str, firm: Firm, database_urls: DatabaseUrls
) -> None:
    tokens = straight_from_the_pool(trader)
    caller = caller_of(tokens)
    assert caller.scopes == {"session"}
    with psycopg.connect(database_urls.admin) as connection:
        events = connection.execute(
            "SELECT payload FROM trading.events WHERE topic = 'identity.SignedIn.v1'"
        ).fetchall()
    assert [row[0]["source_ip"] for row in events] == ["198.51.100.4"]
    assert str(caller.session_id) in {each["session_id"] for each in listed(tokens)}
    assert as_himself(tokens, "DELETE", f"/users/me/sessions/{caller.session_id}")[0] == 204
    assert is_refused(authorize(tokens["access_token"]))


def test_a_token_of_somebody_disabled_does_not_live_again_when_he_is_enabled(
    trader: str, firm: Firm, database: Database
) -> None:
    """Neither one whose session is known, nor one that nobody has seen, nor what a refresh makes of either."""
    known, unseen = signed_in(trader), straight_from_the_pool(trader)
    assert not is_refused(authorize(known["access_token"]))
    path = f"/users/{firm.trader.user_id}"
    assert ask(firm, "PATCH", path, {"is_disabled": True})[0] == 200
    for tokens in (known, unseen):
        assert is_refused(authorize(tokens["access_token"]))
    assert ask(firm, "PATCH", path, {"is_disabled": False})[0] == 200
    for tokens in (known, unseen):
        assert is_refused(authorize(tokens["access_token"]))
        assert refresh(tokens)[0] == 401
    assert not is_refused(authorize(signed_in(trader)["access_token"]))
    time.sleep(1.1)  # A token tells its time in whole seconds, and in doubt it is an old one.
    assert not is_refused(authorize(straight_from_the_pool(trader)["access_token"]))


def test_who_is_disabled_here_does_not_sign_in_though_the_pool_has_not_heard(
    trader: str, firm: Firm, database: Database
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(firm.trader.user_id, is_disabled=True)
    status, problem = sign_in(trader)
    assert (status, problem["code"]) == (401, "WRONG_CREDENTIALS")


def test_no_program_begins_a_session_again(trader: str, firm: Firm, database: Database) -> None:
    tokens = signed_in(trader)
    session_id = caller_of(tokens).session_id
    assert call("POST", "/auth/sign-out", body={"access_token": tokens["access_token"]})[0] == 204
    with pytest.raises(psycopg.errors.RaiseException), database.tenant_transaction(firm.tenant_id) as tx:
        tx.connection.execute("UPDATE identity.sessions SET ended_at = NULL WHERE session_id = %s", (session_id,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.tenant_transaction(firm.tenant_id) as tx:
        tx.connection.execute("DELETE FROM identity.sessions WHERE session_id = %s", (session_id,))


def test_sessions_of_another_organisation_are_not_there(
    trader: str, firm: Firm, other_firm: Firm, database: Database
) -> None:
    signed_in(trader)
    with database.tenant_transaction(other_firm.tenant_id) as tx:
        assert tx.sessions.open_of(firm.trader.user_id) == []
        assert tx.sessions.lock_user(firm.trader.user_id) is None
        seen = tx.connection.execute("SELECT DISTINCT tenant_id FROM identity.sessions").fetchall()
    assert seen == [(other_firm.tenant_id,)]


def test_a_session_that_is_shown_again_is_seen_again_and_not_at_every_request(
    trader: str, firm: Firm, database_urls: DatabaseUrls
) -> None:
    tokens = signed_in(trader)
    session_id = caller_of(tokens).session_id

    def last_seen(change: str = "") -> Any:
        with psycopg.connect(database_urls.admin) as connection:
            if change:
                connection.execute(f"UPDATE identity.sessions SET last_seen_at = {change}")
            return connection.execute(
                "SELECT last_seen_at FROM identity.sessions WHERE session_id = %s", (session_id,)
            ).fetchone()

    before = last_seen()
    caller_of(tokens)
    assert last_seen() == before
    old = last_seen("now() - interval '6 minutes'")
    caller_of(tokens)
    assert last_seen() > old
