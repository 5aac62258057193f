"""A second factor, asked for by role: enrolled, shown at each sign-in, reset by an administrator."""

from typing import Any

import psycopg
import pytest
from botocore.stub import Stubber

from breakwater.db.connection import Database
from breakwater.runtime import aws
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.integration.identity.test_authorizer import is_refused
from tests.integration.identity.test_people import ask
from tests.integration.identity.test_sessions import authorize, signed_in, straight_from_the_pool
from tests.integration.identity.test_users import call, environment, join_pool, reachable, sign_in

__all__ = ["environment", "reachable"]  # Fixtures.


@pytest.fixture
def trader(firm: Firm, database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """His role asks for one."""
    monkeypatch.setenv("SECOND_FACTOR_ROLES", "trader,risk_manager")
    join_pool(firm, firm.trader, database)
    return firm.trader.username


def ask_with(tokens: dict[str, Any], method: str, path: str, body: object = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    context = authorize(tokens["access_token"])["context"]
    return call(method, path, body=body, headers=headers, caller=context)


def scopes_of(tokens: dict[str, Any]) -> str:
    return str(authorize(tokens["access_token"])["context"]["scopes"])


def enrol(tokens: dict[str, Any]) -> None:
    assert ask_with(tokens, "POST", "/users/me/totp")[0] == 201
    assert ask_with(tokens, "POST", "/users/me/totp/verify", {"code": "123456"}) == (204, None)


def changes(urls: DatabaseUrls) -> list[tuple[str, str]]:
    with psycopg.connect(urls.admin) as connection:
        return connection.execute(
            "SELECT payload->>'change', payload->>'changed_by' FROM trading.events"
            " WHERE topic = 'identity.SecondFactorChanged.v1' ORDER BY recorded_no"
        ).fetchall()


def test_who_must_have_one_can_only_enrol_it_until_he_has(trader: str, database_urls: DatabaseUrls) -> None:
    tokens = signed_in(trader)
    assert scopes_of(tokens) == "enrol"
    for method, path in (("GET", "/me"), ("GET", "/api-keys"), ("GET", "/users/me/sessions"), ("GET", "/accounts")):
        status, problem = ask_with(tokens, method, path)
        assert (status, problem["code"]) == (403, "SECOND_FACTOR_REQUIRED")
    status, enrolment = ask_with(tokens, "POST", "/users/me/totp")
    assert status == 201
    assert enrolment["otpauth_uri"] == (
        f"otpauth://totp/Breakwater:{trader}?secret={enrolment['secret']}&issuer=Breakwater"
    )
    assert scopes_of(tokens) == "enrol"  # No code was shown yet.
    assert ask_with(tokens, "POST", "/users/me/totp/verify", {"code": "123456"}) == (204, None)
    assert scopes_of(tokens) == "session"
    assert ask_with(tokens, "GET", "/me")[0] == 200
    assert changes(database_urls) == [("ENROLLED", trader)]


def test_then_each_sign_in_asks_for_a_code_and_the_session_knows(trader: str) -> None:
    enrol(signed_in(trader))
    status, problem = sign_in(trader)
    assert (status, problem["code"]) == (401, "MFA_CODE_REQUIRED")
    status, tokens = sign_in(trader, code="123456")
    assert status == 200
    assert scopes_of(tokens) == "session"
    newest = ask_with(tokens, "GET", "/users/me/sessions")[1]["items"][0]
    assert (newest["is_current"], newest["has_second_factor"]) == (True, True)


def test_a_token_straight_from_the_pool_shows_no_second_factor(trader: str) -> None:
    """It does not say whether a code was asked for; who has one signs in with it, here."""
    assert scopes_of(straight_from_the_pool(trader)) == "enrol"


def test_a_role_that_asks_for_none_goes_on_without(firm: Firm, database: Database, trader: str) -> None:
    join_pool(firm, firm.admin, database)
    tokens = signed_in(firm.admin.username)
    assert scopes_of(tokens) == "session"
    # As soon as he has a role that does, his session is not enough.
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_role(firm.admin.user_id, "risk_manager")
    assert scopes_of(tokens) == "enrol"


def test_a_wrong_code_enrols_nothing(trader: str, database_urls: DatabaseUrls) -> None:
    tokens = signed_in(trader)
    for refusal in ("EnableSoftwareTokenMFAException", "CodeMismatchException"):
        with Stubber(aws.client("cognito-idp")) as pool:
            pool.add_client_error("verify_software_token", refusal)
            status, _ = ask_with(tokens, "POST", "/users/me/totp/verify", {"code": "123456"})
        assert status in {401, 422}
    with Stubber(aws.client("cognito-idp")) as pool:
        pool.add_response("verify_software_token", {"Status": "ERROR"})
        status, problem = ask_with(tokens, "POST", "/users/me/totp/verify", {"code": "123456"})
    assert (status, problem["code"]) == (422, "WRONG_CODE")
    for nonsense in ("12345", "1234567", "١٢٣٤٥٦", ""):
        assert ask_with(tokens, "POST", "/users/me/totp/verify", {"code": nonsense})[0] == 422
    assert scopes_of(tokens) == "enrol"
    assert changes(database_urls) == []


def test_a_stolen_session_puts_no_other_one_in_its_place(trader: str) -> None:
    tokens = signed_in(trader)
    enrol(tokens)
    status, problem = ask_with(tokens, "POST", "/users/me/totp")
    assert (status, problem["code"]) == (409, "TOTP_ENROLLED")


def test_enrolling_ends_what_a_password_was_enough_for(trader: str, database_urls: DatabaseUrls) -> None:
    """With its token the pool itself would take another secret in the place of his."""
    seen, unseen, his = signed_in(trader), straight_from_the_pool(trader), signed_in(trader)
    assert not is_refused(authorize(seen["access_token"]))
    enrol(his)
    for earlier in (seen, unseen):
        assert is_refused(authorize(earlier["access_token"]))
    assert scopes_of(his) == "session"
    assert not is_refused(authorize(sign_in(trader, code="123456")[1]["access_token"]))


def test_an_administrator_resets_it_and_the_sessions_end(
    trader: str, firm: Firm, other_firm: Firm, database_urls: DatabaseUrls
) -> None:
    tokens = signed_in(trader)
    enrol(tokens)
    path = f"/users/{firm.trader.user_id}/totp"
    assert ask(other_firm, "DELETE", path)[0] == 404
    assert ask_with(tokens, "DELETE", path)[0] == 403
    assert ask(firm, "DELETE", f"/users/{firm.admin.user_id}/totp")[0] == 403  # His own.
    assert not is_refused(authorize(tokens["access_token"]))
    assert ask(firm, "DELETE", path) == (204, None)
    assert is_refused(authorize(tokens["access_token"]))
    assert scopes_of(signed_in(trader)) == "enrol"
    assert changes(database_urls) == [("ENROLLED", trader), ("RESET", firm.admin.username)]


def test_an_api_key_neither_enrols_nor_resets_one(trader: str, firm: Firm) -> None:
    context = authorize(signed_in(trader)["access_token"])["context"]
    key = context | {"api_key_id": "0123456789abcdef", "scopes": "admin"}
    for path, body in (("/users/me/totp", None), ("/users/me/totp/verify", {"code": "123456"})):
        headers = {"authorization": "ApiKey bw_0123456789abcdef_x"}
        assert call("POST", path, body=body, headers=headers, caller=key)[0] == 403
    assert ask(firm, "DELETE", f"/users/{firm.trader.user_id}/totp", scopes="admin")[0] == 403


def test_the_secret_is_in_no_event_and_no_log(
    trader: str, database_urls: DatabaseUrls, capfd: pytest.CaptureFixture[str]
) -> None:
    tokens = signed_in(trader)
    secret = ask_with(tokens, "POST", "/users/me/totp")[1]["secret"]
    assert ask_with(tokens, "POST", "/users/me/totp/verify", {"code": "123456"})[0] == 204
    with psycopg.connect(database_urls.admin) as connection:
        told = str(connection.execute("SELECT payload FROM trading.events").fetchall())
    assert secret not in told + "".join(capfd.readouterr())
