"""The users function, as the gateway calls it: moto's Cognito, a real Postgres."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber
from moto import mock_aws
from moto.utilities.utils import load_resource

from breakwater.db.connection import Database
from breakwater.db.identity import User
from breakwater.runtime import aws
from breakwater.runtime import database as runtime_database
from functions.users.app import handler
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.unit.identity.tokens import served_document
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

PASSWORD = "Correct-horse-1"


@pytest.fixture
def reachable(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The function finds the same database as the fixtures."""
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    yield
    runtime_database.database().close()


@pytest.fixture(autouse=True)
def environment(reachable: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    aws.client.cache_clear()
    with mock_aws():
        cognito = boto3.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="pool")["UserPool"]["Id"]
        client = cognito.create_user_pool_client(
            UserPoolId=pool,
            ClientName="client",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]["ClientId"]
        cognito.admin_create_user(UserPoolId=pool, Username="trader1", TemporaryPassword="Temporary-horse-1")
        monkeypatch.setenv("USER_POOL_ID", pool)
        monkeypatch.setenv("USER_POOL_CLIENT_ID", client)
        monkeypatch.setenv("API_KEY_ENCRYPTION_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        with served_document(load_resource("cognitoidp/resources/jwks-public.json")) as url:
            monkeypatch.setenv("OIDC_JWKS_URL", url)
            yield
    aws.client.cache_clear()


@pytest.fixture
def password() -> str:
    set_password("trader1")
    return PASSWORD


def set_password(username: str) -> None:
    boto3.client("cognito-idp").admin_set_user_password(
        UserPoolId=os.environ["USER_POOL_ID"], Username=username, Password=PASSWORD, Permanent=True
    )


def join_pool(firm: Firm, user: User, database: Database) -> None:
    """The user is in the pool as well, with a password, and under the subject that the pool gives."""
    cognito, who = boto3.client("cognito-idp"), {"UserPoolId": os.environ["USER_POOL_ID"], "Username": user.username}
    made = cognito.admin_create_user(**who)["User"]["Attributes"]
    for group in (f"org:{firm.tenant_id}", f"role:{user.role}"):
        with suppress(cognito.exceptions.GroupExistsException):
            cognito.create_group(UserPoolId=who["UserPoolId"], GroupName=group)
        cognito.admin_add_user_to_group(**who, GroupName=group)
    set_password(user.username)
    subject = next(each["Value"] for each in made if each["Name"] == "sub")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.save_user(replace(user, subject=subject))


def call(method: str, path: str, **options: Any) -> tuple[int, Any]:
    answer = handler(http_event(method, path, **options), LambdaContext())
    return answer["statusCode"], answer_of(answer) if answer["body"] else None


def sign_in(username: str = "trader1", password: str = PASSWORD, **more: str) -> tuple[int, Any]:
    return call("POST", "/auth/sign-in", body={"username": username, "password": password, **more})


def callers(firm: Firm, scopes: str = "session") -> dict[str, str]:
    user = firm.trader
    return caller_context(user.role, firm.tenant_id, subject=user.subject, username=user.username, scopes=scopes)


def test_a_password_gives_tokens_that_can_be_refreshed_and_ended(firm: Firm, database: Database) -> None:
    join_pool(firm, firm.trader, database)
    status, tokens = sign_in(firm.trader.username)
    assert status == 200
    assert set(tokens) == {"access_token", "refresh_token", "expires_in"}
    status, refreshed = call("POST", "/auth/refresh", body={"refresh_token": tokens["refresh_token"]})
    assert status == 200
    assert refreshed["refresh_token"] == tokens["refresh_token"]
    assert call("POST", "/auth/sign-out", body={"access_token": refreshed["access_token"]}) == (204, None)
    status, problem = call("POST", "/auth/refresh", body={"refresh_token": tokens["refresh_token"]})
    assert (status, problem["code"]) == (401, "WRONG_CREDENTIALS")


def test_signing_out_takes_the_token_from_the_header_too(firm: Firm, database: Database) -> None:
    join_pool(firm, firm.trader, database)
    _, tokens = sign_in(firm.trader.username)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert call("POST", "/auth/sign-out", headers=headers) == (204, None)
    status, problem = call("POST", "/auth/sign-out", body={})
    assert (status, problem["code"]) == (401, "NOT_AUTHENTICATED")


def test_nobody_learns_whether_the_username_or_the_password_was_wrong(password: str) -> None:
    wrong_password, wrong_username = sign_in(password="Wrong-horse-1"), sign_in(username="nobody")
    for status, problem in (wrong_password, wrong_username):
        assert (status, problem["code"]) == (401, "WRONG_CREDENTIALS")
    assert wrong_password[1]["detail"] == wrong_username[1]["detail"]


def test_a_first_password_must_be_changed_before_signing_in() -> None:
    status, problem = sign_in(password="Temporary-horse-1")
    assert (status, problem["code"], problem["challenge"]) == (403, "SIGN_IN_INCOMPLETE", "NEW_PASSWORD_REQUIRED")


def test_a_new_password_that_the_pool_does_not_take_is_told_in_its_field() -> None:
    with Stubber(aws.client("cognito-idp")) as pool:
        challenge = {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s" * 20, "ChallengeParameters": {}}
        pool.add_response("initiate_auth", challenge)
        pool.add_client_error("respond_to_auth_challenge", "InvalidPasswordException", "Password not long enough")
        status, problem = sign_in(password="Temporary-horse-1", new_password="weak")
    assert (status, problem["code"], problem["field"]) == (422, "INVALID_REQUEST", "new_password")
    assert problem["detail"] == "the pool wants a stronger password"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "trader1"},
        {"username": "", "password": "x"},
        {"username": "x" * 129, "password": "x"},
        {"username": "trader1", "password": "x", "code": "١٢٣٤٥٦"},
        {"username": "trader1", "password": "x", "role": "organisation_admin"},
        {"username": ["trader1"], "password": "x"},
    ],
)
def test_a_sign_in_that_makes_no_sense_is_invalid(body: object) -> None:
    status, problem = call("POST", "/auth/sign-in", body=body)
    assert (status, problem["code"]) == (422, "INVALID_REQUEST")


def test_a_second_factor_is_asked_for_and_then_answered() -> None:
    with Stubber(aws.client("cognito-idp")) as pool:
        challenge = {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20, "ChallengeParameters": {}}
        pool.add_response("initiate_auth", challenge)
        status, problem = sign_in()
        assert (status, problem["code"]) == (401, "MFA_CODE_REQUIRED")
        pool.add_response("initiate_auth", challenge)
        result = {"AccessToken": "a", "RefreshToken": "r", "ExpiresIn": 3600}
        expected = {
            "ClientId": os.environ["USER_POOL_CLIENT_ID"],
            "ChallengeName": "SOFTWARE_TOKEN_MFA",
            "Session": "s" * 20,
            "ChallengeResponses": {"USERNAME": "trader1", "SOFTWARE_TOKEN_MFA_CODE": "123456"},
        }
        pool.add_response("respond_to_auth_challenge", {"AuthenticationResult": result}, expected)
        assert sign_in(code="123456") == (200, {"access_token": "a", "refresh_token": "r", "expires_in": 3600})


@pytest.mark.parametrize(
    ("error", "message", "status", "code"),
    [
        ("TooManyRequestsException", "Rate exceeded", 429, "TOO_MANY_ATTEMPTS"),
        ("NotAuthorizedException", "Password attempts exceeded", 429, "TOO_MANY_ATTEMPTS"),
        ("CodeMismatchException", "Invalid code", 401, "WRONG_CREDENTIALS"),
        ("PasswordResetRequiredException", "Reset", 403, "SIGN_IN_INCOMPLETE"),
        ("InternalErrorException", "oops", 503, "USER_POOL_UNAVAILABLE"),
    ],
)
def test_what_the_pool_refuses_is_told_in_our_words(error: str, message: str, status: int, code: str) -> None:
    with Stubber(aws.client("cognito-idp")) as pool:
        pool.add_client_error("initiate_auth", error, message)
        answer = handler(
            http_event("POST", "/auth/sign-in", body={"username": "trader1", "password": "x"}), LambdaContext()
        )
    assert (answer["statusCode"], answer_of(answer)["code"]) == (status, code)
    assert message not in answer["body"]
    assert ("retry-after" in answer["headers"]) == (status in (429, 503))


def test_who_signs_in_fails_to_or_signs_out_is_in_the_audit_trail(
    firm: Firm, database: Database, database_urls: DatabaseUrls
) -> None:
    username = firm.trader.username
    join_pool(firm, firm.trader, database)
    assert sign_in(username, "wrong")[0] == 401
    assert sign_in("nobody", "wrong")[0] == 401  # There is no organisation whose trail it belongs into.
    status, tokens = sign_in(username)
    assert status == 200
    assert call("POST", "/auth/sign-out", body={"access_token": tokens["access_token"]})[0] == 204
    _, tokens = sign_in(username)
    out = {"access_token": tokens["access_token"], "everywhere": True}
    assert call("POST", "/auth/sign-out", body=out)[0] == 204
    with psycopg.connect(database_urls.admin) as connection:
        told = connection.execute(
            "SELECT topic, actor, tenant_id, aggregate_id, payload FROM trading.events ORDER BY recorded_no"
        ).fetchall()
    assert [row[0] for row in told] == [
        "identity.SignInFailed.v1",
        "identity.SignedIn.v1",
        "identity.SessionEnded.v1",
        "identity.SignedIn.v1",
        "identity.SignedOut.v1",
    ]
    # Who failed was not shown to be the user.
    assert [row[1] for row in told] == [None, *[username] * 4]
    assert {row[2:4] for row in told} == {(firm.tenant_id, firm.trader.user_id)}
    assert told[0][4]["code"] == "WRONG_CREDENTIALS"
    assert told[1][4] == {
        "user_id": str(firm.trader.user_id),
        "username": username,
        "source_ip": "127.0.0.1",
        "second_factor": False,
    }
    assert not any(secret in str(told) for secret in (PASSWORD, "wrong", tokens["access_token"]))


def test_a_pool_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://cognito")

    monkeypatch.setattr(aws.client("cognito-idp"), "initiate_auth", time_out)
    status, problem = sign_in()
    assert (status, problem["code"]) == (503, "USER_POOL_UNAVAILABLE")


def test_me_is_user_role_permissions_and_accounts(reachable: None, firm: Firm) -> None:
    status, me = call("GET", "/me", caller=callers(firm, "cancel_only"))
    assert status == 200
    assert me == {
        "user_id": str(firm.trader.user_id),
        "tenant_id": str(firm.tenant_id),
        "username": "ours-trader",
        "email": "trader@example.com",
        "role": "trader",
        "permissions": ["orders:cancel", "orders:read"],
        "account_ids": [str(firm.account.account_id)],
        "organisation": "ours",
    }
    assert call("GET", "/me")[0] == 401


def test_a_key_is_shown_once_and_listed_without_its_secret(reachable: None, firm: Firm) -> None:
    body = {"name": "bot", "scopes": ["trade", "read"], "expires_at": "2099-01-01T00:00:00Z"}
    status, created = call("POST", "/api-keys", body=body, caller=callers(firm))
    assert status == 201
    assert created["api_key"].startswith(f"bw_{created['key_id']}_")
    status, listed = call("GET", "/api-keys", caller=callers(firm))
    assert status == 200
    assert [key["key_id"] for key in listed["items"]] == [created["key_id"]]
    assert created["api_key"].split("_", 2)[2] not in str(listed)
    assert call("DELETE", f"/api-keys/{created['key_id']}", caller=callers(firm)) == (204, None)
    assert call("DELETE", "/api-keys/unheard-of", caller=callers(firm))[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "bot", "scopes": ["withdraw"]}, 422),
        ({"name": "bot", "scopes": []}, 422),
        ({"name": "", "scopes": ["read"]}, 422),
        ({"name": "bot", "scopes": ["read"], "expires_at": "2000-01-01T00:00:00Z"}, 422),
        ({"name": "bot", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00"}, 422),
        ({"name": "bot", "scopes": ["read"], "ip_allow": ["999.0.0.0/8"]}, 422),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(reachable: None, firm: Firm, body: dict[str, Any], status: int) -> None:
    assert call("POST", "/api-keys", body=body, caller=callers(firm))[0] == status
    assert call("GET", "/api-keys", caller=callers(firm)) == (200, {"items": []})


def test_a_trading_key_manages_no_keys(reachable: None, firm: Firm) -> None:
    for method, path, body in (
        ("GET", "/api-keys", None),
        ("POST", "/api-keys", {"name": "bot", "scopes": ["read"]}),
        ("DELETE", "/api-keys/1", None),
    ):
        status, problem = call(method, path, body=body, caller=callers(firm, "trade,read,cancel_only"))
        assert (status, problem["permission"]) == (403, "api_keys:manage")


def test_a_database_that_is_down_is_told_with_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "host=127.0.0.1 port=1 dbname=none")
    answer = handler(http_event("GET", "/me", caller=caller_context()), LambdaContext())
    assert (answer["statusCode"], answer_of(answer)["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert answer["headers"]["retry-after"] == "2"
