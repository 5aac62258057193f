"""OAuth clients as third parties meet them: tokens that are bought, and all that does not buy one."""

import base64
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from breakwater.db.connection import Database
from breakwater.db.identity import User, those_who_stand
from breakwater.domain.oauth import FIELDS_MAX
from breakwater.runtime.authenticator import authenticate
from breakwater.services import oauth_clients, oauth_tokens
from breakwater.services.sign_in_pace import OF_ADDRESS
from functions.authorizer.app import handler as authorizer
from functions.users.app import handler as users
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm, session_of
from tests.integration.identity.test_authorizer import is_refused
from tests.integration.identity.test_people import ask, events, make_firm_in_pool
from tests.integration.identity.test_users import environment, join_pool, reachable, sign_in
from tests.unit.identity.tokens import token as pool_token
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

__all__ = ["environment", "reachable"]  # Fixtures.

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.8"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Sold:
    """A client as its third party knows it."""

    client_id: str
    secret: str

    @property
    def basic(self) -> str:
        return basic(self.client_id, self.secret)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def make(firm: Firm, user: User | None = None, **changes: Any) -> Sold:
    user = user or firm.trader
    status, made = ask(firm, "POST", "/oauth-clients", body_of(user, **changes))
    assert status == 201, made
    assert made["older_works_until"] is None
    return Sold(made["client_id"], made["client_secret"])


def body_of(user: User, **changes: Any) -> dict[str, Any]:
    return {"name": "reports", "user_id": str(user.user_id), "scopes": ["read", "cancel_only"], **changes}


def post(
    body: str, authorization: str | None = None, *, address: str = HERE, content_type: str = FORM
) -> tuple[int, Any, dict[str, str]]:
    """What the token endpoint answers."""
    headers = {"content-type": content_type} | ({} if authorization is None else {"authorization": authorization})
    event = http_event("POST", "/oauth/token", body=body, headers=headers)
    event["requestContext"]["http"]["sourceIp"] = address
    answer = users(event, LambdaContext())
    return answer["statusCode"], answer_of(answer), answer["headers"]


def buy(client: Sold, address: str = HERE, **more: str) -> str:
    status, told, _ = post(urlencode({"grant_type": "client_credentials", **more}), client.basic, address=address)
    assert status == 200, told
    return str(told["access_token"])


def buys(client: Sold, address: str = HERE) -> bool:
    """Whether its secret is believed."""
    status, told, _ = post("grant_type=client_credentials", client.basic, address=address)
    assert status == 200 or (status, told["error"]) == (401, "invalid_client"), told
    return status == 200


def authorize(access_token: str) -> dict[str, Any]:
    event = {"headers": {"authorization": f"Bearer {access_token}"}, "requestContext": {"http": {"sourceIp": HERE}}}
    return authorizer(event, LambdaContext())


def works(access_token: str) -> bool:
    return not is_refused(authorize(access_token))


def use(
    access_token: str, method: str = "GET", path: str = "/me", body: object = None, address: str = HERE
) -> tuple[int, Any]:
    """As the gateway: the authorizer is asked, and then the function."""
    event = http_event(method, path, body=body, caller=authorize(access_token)["context"])
    event["requestContext"]["http"]["sourceIp"] = address
    answer = users(event, LambdaContext())
    return answer["statusCode"], answer_of(answer) if answer["body"] else None


def admin_sql(urls: DatabaseUrls, statement: Any, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(urls.admin, autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


# what it is for -------------------------------------------------------------------------------------------------------


def test_a_client_acts_as_its_user_within_its_scopes_for_an_hour(firm: Firm) -> None:
    client = make(firm)
    status, told, headers = post("grant_type=client_credentials", client.basic)
    assert (status, set(told)) == (200, {"access_token", "token_type", "expires_in", "scope"})
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3600, "cancel_only read")
    assert (headers["cache-control"], headers["content-type"]) == ("no-store", "application/json")
    context = authorize(told["access_token"])["context"]
    expires_at = int(context.pop("expires_at"))
    assert abs(expires_at - time.time() - 3600) < 60
    assert context == {
        "tenant_id": str(firm.tenant_id),
        "subject": firm.trader.subject,
        "username": firm.trader.username,
        "role": "trader",
        "scopes": "cancel_only,read",
        "ip_allow": "",
        "api_key_id": client.client_id,
        "session_id": "",
    }
    status, me = use(told["access_token"])
    assert (status, me["username"], me["account_ids"]) == (200, firm.trader.username, [str(firm.account.account_id)])
    assert me["permissions"] == [
        *("alerts:read", "digests:read", "limits:read", "orders:cancel", "orders:read", "portfolio:read"),
    ]


def test_the_secret_may_be_in_the_body_and_less_may_be_asked_for(firm: Firm) -> None:
    client = make(firm)
    told = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret}
    status, answer, _ = post(urlencode(told | {"scope": "read"}))
    assert (status, answer["scope"]) == (200, "read")
    assert authorize(answer["access_token"])["context"]["scopes"] == "read"
    # Some libraries say the client's id twice; and what has no value is as if it were not there.
    status, answer, _ = post(f"grant_type=client_credentials&client_id={client.client_id}&scope=", client.basic)
    assert (status, answer["scope"]) == (200, "cancel_only read")
    encoded = basic(quote(client.client_id, safe=""), "".join(f"%{ord(char):02X}" for char in client.secret))
    assert post("grant_type=client_credentials", encoded)[0] == 200  # As section 2.3.1 has it.


def test_neither_secret_nor_token_is_kept(firm: Firm, database_urls: DatabaseUrls) -> None:
    client = make(firm)
    access_token = buy(client)
    kept = [
        row[0]
        for table in ("api_keys", "oauth_clients", "oauth_secrets", "oauth_tokens")
        for row in admin_sql(database_urls, f"SELECT t::text FROM identity.{table} t")
    ]
    kept += [row[0] for row in admin_sql(database_urls, "SELECT e::text FROM trading.events e")]
    assert len(kept) > 5
    for hidden in (client.secret, access_token, access_token.removeprefix("bwt_")):
        assert not [row for row in kept if hidden in row or hidden.encode().hex() in row]


def test_a_client_is_listed_with_its_last_use_and_no_secret(firm: Firm) -> None:
    client = make(firm, ip_allow=["198.51.100.0/24"], requests_per_minute_max=7)
    (listed,) = ask(firm, "GET", "/oauth-clients")[1]["items"]
    assert (listed["client_id"], listed["username"], listed["made_by"]) == (
        client.client_id,
        firm.trader.username,
        firm.admin.username,
    )
    assert (listed["ip_allow"], listed["requests_per_minute_max"]) == (["198.51.100.0/24"], 7)
    assert (listed["last_used_at"], listed["is_live"], listed["older_secret_ends_at"]) == (None, True, None)
    buy(client)
    (listed,) = ask(firm, "GET", "/oauth-clients")[1]["items"]
    assert (listed["last_used_at"] is not None, listed["last_used_from"]) == (True, HERE)
    assert client.secret not in json.dumps(listed)


def test_all_of_it_is_in_the_trail_in_the_name_of_who_did_it(firm: Firm, database_urls: DatabaseUrls) -> None:
    client = make(firm)
    buy(client)
    assert not buys(Sold(client.client_id, "A" * 43))
    ask(firm, "POST", f"/oauth-clients/{client.client_id}/rotate", {"overlap_s": 60})
    ask(firm, "DELETE", f"/oauth-clients/{client.client_id}")
    changes = events(database_urls, "identity.OAuthClientChanged.v1")
    assert [each["change"] for each in changes] == ["CREATED", "ROTATED", "REVOKED"]
    assert {(each["client_id"], each["changed_by"]) for each in changes} == {(client.client_id, firm.admin.username)}
    (issued,) = events(database_urls, "identity.OAuthTokenIssued.v1")
    assert (issued["client_id"], issued["source_ip"]) == (client.client_id, HERE)
    (refused,) = events(database_urls, "identity.OAuthTokenRefused.v1")
    assert (refused["client_id"], refused["code"]) == (client.client_id, "invalid_client")
    actors = dict(admin_sql(database_urls, "SELECT topic, actor FROM trading.events WHERE topic LIKE '%%OAuthToken%%'"))
    assert actors == {
        "identity.OAuthTokenIssued.v1": f"client:{client.client_id}",
        "identity.OAuthTokenRefused.v1": None,
    }


# what buys no token ---------------------------------------------------------------------------------------------------

GRANT = "grant_type=client_credentials"
WRONG = "A" * 43


@pytest.mark.parametrize(
    ("body", "with_basic", "expected"),
    [
        ("grant_type=authorization_code&code=x", True, "unsupported_grant_type"),
        ("grant_type=password&username=a&password=b", True, "unsupported_grant_type"),
        ("grant_type=refresh_token&refresh_token=x", True, "unsupported_grant_type"),
        ("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c", True, "unsupported_grant_type"),
        ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange", True, "unsupported_grant_type"),
        ("grant_type=CLIENT_CREDENTIALS", True, "unsupported_grant_type"),
        ("grant_type=client_credentials%00", True, "unsupported_grant_type"),
        ("", True, "invalid_request"),
        ("grant_type=", True, "invalid_request"),
        ("scope=read", True, "invalid_request"),
        (f"{GRANT}&{GRANT}", True, "invalid_request"),
        (f"{GRANT}&scope=read&scope=trade", True, "invalid_request"),
        (f"{GRANT}&client_secret={WRONG}", True, "invalid_request"),
        (f"{GRANT}&client_id=bwc_0123456789abcdef", True, "invalid_request"),
        (GRANT + "&a=%ff", True, "invalid_request"),
        (GRANT + "&x=1" * 20, True, "invalid_request"),
        (GRANT + "".join(f"&x{number}=1" for number in range(FIELDS_MAX)), True, "invalid_request"),
        (f"{GRANT}&scope=trade", True, "invalid_scope"),
        (f"{GRANT}&scope=read+trade", True, "invalid_scope"),
        (f"{GRANT}&scope=read++cancel_only", True, "invalid_scope"),
        (f"{GRANT}&scope=session", True, "invalid_scope"),
        (f"{GRANT}&scope=admin", True, "invalid_scope"),
        (f"{GRANT}&scope=read%0aadmin", True, "invalid_scope"),
        (f"{GRANT}&scope=%27%3b+DROP+TABLE+x", True, "invalid_scope"),
        (GRANT, False, "invalid_client"),
        (f"{GRANT}&client_id=bwc_0123456789abcdef&client_secret={WRONG}", False, "invalid_client"),
        (f"{GRANT}&client_id=%27+OR+1%3d1&client_secret={WRONG}", False, "invalid_client"),
    ],
)
def test_any_other_request_is_refused_in_the_words_of_the_standard(
    firm: Firm, body: str, with_basic: bool, expected: str, database_urls: DatabaseUrls
) -> None:
    client = make(firm)
    status, told, headers = post(body, client.basic if with_basic else None)
    assert (status, told["error"]) == (401 if expected == "invalid_client" else 400, expected)
    assert set(told) == {"error", "error_description"}
    assert client.secret not in json.dumps(told)
    assert headers.get("www-authenticate") == ('Basic realm="breakwater"' if status == 401 else None)
    assert admin_sql(database_urls, "SELECT * FROM identity.oauth_tokens") == []


@pytest.mark.parametrize(
    "authorization",
    [
        *("Basic", "Basic ", "Basic !!!", "Basic bm9jb2xvbg==", "Basic " + base64.b64encode(b"\xff:\xff").decode()),
        *("Bearer bwt_" + "A" * 43, "Negotiate x", basic("bwc_0123456789abcdef", WRONG), basic("", "")),
        *(basic("bwc_0123456789abcdef\0", WRONG), basic("x" * 10_000, "y" * 10_000)),
    ],
)
def test_any_other_way_to_say_who_it_is_is_refused(authorization: str) -> None:
    status, told, _ = post(GRANT, authorization)
    assert (status, told["error"]) == (401, "invalid_client")


def test_a_wrong_secret_and_another_clients_are_refused_alike(firm: Firm, other_firm: Firm) -> None:
    client, another, theirs = make(firm), make(firm), make(other_firm)
    secret = client.secret
    for shown in (WRONG, another.secret, theirs.secret, secret[:-1], secret + "A", secret.lower()):
        status, told, _ = post(GRANT, basic(client.client_id, shown))
        assert (status, told["error"]) == (401, "invalid_client")
        assert told["error_description"] == "the client or its secret is wrong"
    assert buys(client)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/form-data; boundary=x"])
def test_a_body_of_another_type_is_refused(firm: Firm, content_type: str) -> None:
    status, told, _ = post(GRANT, make(firm).basic, content_type=content_type)
    assert (status, told["error"]) == (400, "invalid_request")


def test_a_form_with_a_character_set_is_a_form(firm: Firm) -> None:
    assert post(GRANT, make(firm).basic, content_type="Application/X-WWW-Form-Urlencoded; charset=UTF-8")[0] == 200


def test_a_huge_body_is_refused_before_it_is_looked_at(firm: Firm) -> None:
    status, told, _ = post(f"{GRANT}&scope={'read+' * 20_000}", make(firm).basic)
    assert (status, told["code"]) == (413, "BODY_TOO_LARGE")


# what no token is -----------------------------------------------------------------------------------------------------


def test_forged_tokens_are_refused(firm: Firm) -> None:
    """Ours mean nothing by themselves: there is no algorithm to confuse, and nothing to sign."""
    client = make(firm, scopes=["admin"])
    access_token = buy(client)
    now = int(time.time())
    claims = {
        "iss": "breakwater",
        "aud": "breakwater",
        "sub": client.client_id,
        "client_id": client.client_id,
        "scope": "session",
        "tenant_id": str(firm.tenant_id),
        "iat": now,
        "exp": now + 3600,
    }
    mine = ec.generate_private_key(ec.SECP256R1())
    forged = [
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, client.secret, algorithm="HS256"),
        jwt.encode(claims, mine, algorithm="ES256"),
        jwt.encode(claims | {"aud": "another"}, mine, algorithm="ES256"),
        pool_token(client_id=client.client_id),
        pool_token(aud=client.client_id, sub=firm.trader.subject),
        client.secret,
        f"bwt_{client.secret}",
        f"bwt_{'A' * 43}",
        access_token[:-1],
        access_token + "A",
        access_token.upper(),
        f" {access_token}",
        f"{access_token}\0",
        f"bwt_' OR '1'='1{'A' * 32}",
        f"bwt_{'A' * 100_000}",
    ]
    assert [each[:40] for each in forged if works(each)] == []
    assert works(access_token)


def test_a_token_and_a_client_are_no_api_keys(firm: Firm) -> None:
    client = make(firm)
    shown = [buy(client), client.secret, f"bw_{client.client_id.removeprefix('bwc_')}_{client.secret}"]
    for each in (*shown, f"{client.client_id}_{client.secret}"):
        event = {"headers": {"authorization": f"ApiKey {each}"}, "requestContext": {"http": {"sourceIp": HERE}}}
        assert is_refused(authorizer(event, LambdaContext()))
    assert ask(firm, "GET", "/api-keys") == (200, {"items": []})
    assert ask(firm, "DELETE", f"/api-keys/{client.client_id}")[0] == 404
    assert ask(firm, "POST", f"/api-keys/{client.client_id}/rotate", {})[0] == 404
    assert buys(client)


def test_clients_take_none_of_their_users_places_for_keys(firm: Firm) -> None:
    for _ in range(20):
        make(firm, firm.admin)
    assert ask(firm, "POST", "/api-keys", {"name": "bot", "scopes": ["read"]})[0] == 201


def test_a_token_that_has_expired_is_refused(firm: Firm, database_urls: DatabaseUrls) -> None:
    access_token = buy(make(firm))
    assert works(access_token)
    admin_sql(database_urls, "UPDATE identity.oauth_tokens SET expires_at = now()")
    assert not works(access_token)


def test_what_the_gateway_keeps_of_a_token_ends_with_its_time(firm: Firm) -> None:
    context = authorize(buy(make(firm)))["context"] | {"expires_at": str(int(time.time()))}
    answer = users(http_event("GET", "/me", caller=context), LambdaContext())
    assert (answer["statusCode"], answer_of(answer)["code"]) == (401, "NOT_AUTHENTICATED")


def test_a_client_that_expires_takes_its_tokens_with_it(firm: Firm, database_urls: DatabaseUrls) -> None:
    client = make(firm, expires_at="2099-01-01T00:00:00Z")
    admin_sql(database_urls, "UPDATE identity.api_keys SET expires_at = now() + interval '100 s'")
    told = post(GRANT, client.basic)[1]
    assert 90 <= told["expires_in"] <= 100
    admin_sql(database_urls, "UPDATE identity.api_keys SET expires_at = now()")
    assert not works(told["access_token"])
    assert not buys(client)


def test_a_client_is_used_from_its_networks_alone(firm: Firm) -> None:
    client = make(firm, ip_allow=["198.51.100.0/24"])
    access_token = buy(client)
    status, told, _ = post(GRANT, client.basic, address=ELSEWHERE)
    assert (status, told["error"]) == (401, "invalid_client")
    assert use(access_token)[0] == 200
    assert use(access_token, address=ELSEWHERE)[0] == 401


# how it ends ----------------------------------------------------------------------------------------------------------


def test_a_revoked_client_has_no_token_and_buys_none(firm: Firm, database: Database) -> None:
    client, other = make(firm), make(firm)
    access_token, others = buy(client), buy(other)
    socket = authenticate(f"Bearer {access_token}", HERE)  # As what lives longer than a request was opened.
    with database.untenanted_transaction() as connection:
        assert those_who_stand(connection, [socket]) == [True]
    assert ask(firm, "DELETE", f"/oauth-clients/{client.client_id}")[0] == 204
    assert not works(access_token)
    assert not buys(client)
    with database.untenanted_transaction() as connection:
        assert those_who_stand(connection, [socket]) == [False]
    assert works(others)
    assert ask(firm, "DELETE", f"/oauth-clients/{client.client_id}")[0] == 204  # Safe to repeat.
    status, told = ask(firm, "POST", f"/oauth-clients/{client.client_id}/rotate", {})
    assert (status, told["code"]) == (409, "CONFLICT")


def rotate(firm: Firm, client: Sold, overlap_s: int) -> tuple[int, Any]:
    return ask(firm, "POST", f"/oauth-clients/{client.client_id}/rotate", {"overlap_s": overlap_s})


def test_two_secrets_work_for_the_overlap_and_no_longer(firm: Firm, database_urls: DatabaseUrls) -> None:
    old = make(firm)
    bought = buy(old)
    status, told = rotate(firm, old, 600)
    assert (status, told["client_id"]) == (201, old.client_id)
    new = Sold(told["client_id"], told["client_secret"])
    assert (buys(old), buys(new), works(bought)) == (True, True, True)
    expires_in = post(GRANT, old.basic)[1]["expires_in"]
    assert 590 <= expires_in <= 600  # No token outlasts the secret that bought it.
    (listed,) = ask(firm, "GET", "/oauth-clients")[1]["items"]
    assert listed["older_secret_ends_at"] == told["older_works_until"]
    status, problem = rotate(firm, old, 600)  # A third would work as well.
    assert (status, problem["code"]) == (409, "CONFLICT")
    of_new = buy(new)
    admin_sql(database_urls, "UPDATE identity.oauth_secrets SET ends_at = now() WHERE ends_at IS NOT NULL")
    assert (buys(old), works(bought)) == (False, False)
    assert (buys(new), works(of_new)) == (True, True)
    assert rotate(firm, old, 600)[0] == 201


def test_a_secret_that_leaked_is_ended_at_once_with_all_that_it_bought(firm: Firm) -> None:
    first = make(firm)
    second = Sold(first.client_id, rotate(firm, first, 600)[1]["client_secret"])
    stolen = [buy(first), buy(second)]
    third = Sold(first.client_id, rotate(firm, first, 0)[1]["client_secret"])
    assert [works(each) for each in stolen] == [False, False]
    assert [buys(each) for each in (first, second, third)] == [False, False, True]


@pytest.mark.parametrize("overlap_s", [-1, 604_801])
def test_an_overlap_that_makes_no_sense_is_refused(firm: Firm, overlap_s: int) -> None:
    assert rotate(firm, make(firm), overlap_s)[0] == 422


def disable(firm: Firm, user: User) -> None:
    assert ask(firm, "PATCH", f"/users/{user.user_id}", {"is_disabled": True})[0] == 200
    assert ask(firm, "PATCH", f"/users/{user.user_id}", {"is_disabled": False})[0] == 200


def test_a_client_ends_with_its_user_and_for_good(firm: Firm, database: Database, database_urls: DatabaseUrls) -> None:
    make_firm_in_pool(firm)
    join_pool(firm, firm.trader, database)
    client, of_another = make(firm), make(firm, firm.admin)
    access_token, others = buy(client), buy(of_another)
    disable(firm, firm.trader)
    assert (works(access_token), buys(client)) == (False, False)
    assert (works(others), buys(of_another)) == (True, True)
    assert events(database_urls, "identity.OAuthClientChanged.v1")[-1]["change"] == "REVOKED"


def test_a_client_ends_with_who_made_it_and_with_what_was_made_with_it(firm: Firm, database: Database) -> None:
    make_firm_in_pool(firm)
    second = User(uuid.uuid4(), "second-admin", "second-sub", "second@example.com", "organisation_admin")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.save_user(second)
    join_pool(firm, second, database)
    with database.tenant_transaction(firm.tenant_id) as tx:
        subject = tx.connection.execute(
            "SELECT subject FROM identity.users WHERE user_id = %s", (second.user_id,)
        ).fetchone()
    assert subject is not None
    who = caller_context("organisation_admin", firm.tenant_id, subject=subject[0], username=second.username)
    event = http_event("POST", "/oauth-clients", body=body_of(firm.trader, scopes=["admin"]), caller=who)
    made = answer_of(users(event, LambdaContext()))
    client = Sold(made["client_id"], made["client_secret"])
    access_token = buy(client)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))
    status, key = use(access_token, "POST", "/api-keys", {"name": "bot", "scopes": ["admin"], "expires_at": soon})
    assert status == 201, key
    mine = make(firm)
    disable(firm, second)
    assert (works(access_token), buys(client)) == (False, False)
    (listed,) = ask(firm, "GET", "/api-keys")[1]["items"]
    assert (listed["key_id"], listed["made_with"]) == (key["key_id"], client.client_id)
    assert listed["revoked_at"] is not None
    assert buys(mine)


def test_a_key_made_with_a_token_does_not_outlast_it_and_can_do_no_more(firm: Firm) -> None:
    client = make(firm, scopes=["admin"])
    access_token = buy(client)
    wanted = {"name": "bot", "scopes": ["admin"]}
    assert use(access_token, "POST", "/api-keys", wanted)[0] == 403
    assert use(access_token, "POST", "/api-keys", wanted | {"expires_at": "2099-01-01T00:00:00Z"})[0] == 403
    assert use(access_token, "POST", "/api-keys", wanted | {"scopes": ["trade"]})[0] == 403


# who may make one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["trader", "viewer", "desk_head", "fund_manager", "risk_manager", "auditor"])
def test_nobody_but_an_administrator_makes_or_sees_clients(firm: Firm, role: str) -> None:
    who = caller_context(role, firm.tenant_id, subject=firm.trader.subject, username=firm.trader.username)
    for method, path, body in (
        ("GET", "/oauth-clients", None),
        ("POST", "/oauth-clients", body_of(firm.trader)),
        ("POST", "/oauth-clients/bwc_0123456789abcdef/rotate", {}),
        ("DELETE", "/oauth-clients/bwc_0123456789abcdef", None),
    ):
        answer = users(http_event(method, path, body=body, caller=who), LambdaContext())
        assert (answer["statusCode"], answer_of(answer)["permission"]) == (403, "clients:manage")


def test_no_key_and_no_client_makes_a_client(firm: Firm) -> None:
    """Else what was stolen would outlive its being revoked."""
    access_token = buy(make(firm, firm.admin, scopes=["read", "trade", "cancel_only", "admin"]))
    assert use(access_token, "POST", "/oauth-clients", body_of(firm.trader))[0] == 403
    assert ask(firm, "POST", "/oauth-clients", body_of(firm.trader), scopes="admin")[0] == 403
    status, problem = use(
        access_token, "POST", "/users", {"username": "dora", "email": "d@example.com", "role": "viewer"}
    )
    assert (status, problem["code"]) == (403, "NOT_PERMITTED")


def test_another_organisations_clients_and_users_are_not_there(firm: Firm, other_firm: Firm) -> None:
    client = make(firm)
    access_token = buy(client)
    assert ask(other_firm, "GET", "/oauth-clients") == (200, {"items": []})
    assert ask(other_firm, "DELETE", f"/oauth-clients/{client.client_id}")[0] == 404
    assert ask(other_firm, "POST", f"/oauth-clients/{client.client_id}/rotate", {"overlap_s": 0})[0] == 404
    assert ask(other_firm, "POST", "/oauth-clients", body_of(firm.trader))[0] == 404
    assert (works(access_token), buys(client)) == (True, True)
    admins = buy(make(other_firm, other_firm.admin, scopes=["admin"]))
    assert use(admins, "GET", f"/users/{other_firm.trader.user_id}")[0] == 200
    assert use(admins, "GET", f"/users/{firm.trader.user_id}")[0] == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": ["session"]}, "scopes"),
        ({"scopes": ["enrol"]}, "scopes"),
        ({"scopes": ["withdraw"]}, "scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"ip_allow": ["203.0.113.1/24"]}, "ip_allow"),
        ({"requests_per_minute_max": 0}, "requests_per_minute_max"),
        ({"requests_per_minute_max": 6_001}, "requests_per_minute_max"),
    ],
)
def test_a_client_that_makes_no_sense_is_refused(firm: Firm, changes: dict[str, Any], field: str) -> None:
    status, problem = ask(firm, "POST", "/oauth-clients", body_of(firm.trader, **changes))
    assert (status, problem["code"], problem["field"]) == (422, "INVALID_REQUEST", field)


def test_nobody_gives_a_client_what_he_may_not_do_himself(firm: Firm, database: Database) -> None:
    operator = User(uuid.uuid4(), "operator", "operator-sub", "o@example.com", "system_admin")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.save_user(operator)
    status, problem = ask(firm, "POST", "/oauth-clients", body_of(operator))
    assert (status, problem["role"]) == (403, "system_admin")


def test_nobody_who_is_disabled_gets_a_client(firm: Firm, database_urls: DatabaseUrls) -> None:
    admin_sql(database_urls, "UPDATE identity.users SET disabled_at = now() WHERE user_id = %s", firm.trader.user_id)
    assert ask(firm, "POST", "/oauth-clients", body_of(firm.trader))[0] == 409


@pytest.mark.parametrize(
    "end", ["UPDATE identity.users SET disabled_at = now()", "UPDATE identity.sessions SET ended_at = now()"]
)
def test_who_was_shut_out_a_moment_ago_gets_no_secret_that_outlives_it(
    firm: Firm, database_urls: DatabaseUrls, end: str
) -> None:
    """The gateway goes by what it knows for four seconds."""
    client, user = make(firm), firm.admin
    session_id = str(session_of(user).session_id)
    who = caller_context(user.role, firm.tenant_id, subject=user.subject, username=user.username, session_id=session_id)

    def statuses() -> list[int]:
        bodies = {"/oauth-clients": body_of(firm.trader), f"/oauth-clients/{client.client_id}/rotate": {"overlap_s": 0}}
        events = [http_event("POST", path, body=body, caller=who) for path, body in bodies.items()]
        return [users(event, LambdaContext())["statusCode"] for event in events]

    assert statuses() == [201, 201]
    admin_sql(database_urls, f"{end} WHERE user_id = %s", user.user_id)
    assert statuses() == [401, 401]
    assert len(admin_sql(database_urls, "SELECT client_id FROM identity.oauth_clients")) == 2


def test_an_organisation_has_so_many_clients_and_no_more(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_clients, "LIVE_CLIENTS_OF_ONE_ORGANISATION_MAX", 2)
    first, _ = make(firm), make(firm)
    assert ask(firm, "POST", "/oauth-clients", body_of(firm.trader))[0] == 409
    ask(firm, "DELETE", f"/oauth-clients/{first.client_id}")
    make(firm)


# how much, and how often ----------------------------------------------------------------------------------------------


def test_a_client_asks_as_often_as_it_may_and_each_token_is_one_of_its_requests(firm: Firm) -> None:
    client = make(firm, requests_per_minute_max=3)
    _, told, headers = post(GRANT, client.basic)
    assert (headers["ratelimit-limit"], headers["ratelimit-remaining"]) == ("3", "2")
    assert [use(told["access_token"])[0] for _ in range(3)] == [200, 200, 429]
    status, problem, headers = post(GRANT, client.basic)
    assert (status, problem["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(headers["retry-after"]) <= 20


def test_a_client_has_so_many_tokens_and_the_oldest_ends(
    firm: Firm, monkeypatch: pytest.MonkeyPatch, database_urls: DatabaseUrls
) -> None:
    monkeypatch.setattr(oauth_tokens, "LIVE_TOKENS_OF_ONE_CLIENT_MAX", 2)
    client, other = make(firm), make(firm)
    others = buy(other)
    tokens = [buy(client) for _ in range(4)]
    assert [works(each) for each in tokens] == [False, False, True, True]
    assert works(others)
    admin_sql(database_urls, "UPDATE identity.oauth_tokens SET expires_at = now() - interval '1 s'")
    buy(other)
    assert admin_sql(database_urls, "SELECT count(*) FROM identity.oauth_tokens") == [(1,)]


def test_bad_secrets_of_one_address_are_slowed_and_nobody_else_is(firm: Firm, database: Database) -> None:
    """Neither another address, nor who was used from there before, nor people who sign in from there."""
    client, used_there = make(firm), make(firm)
    join_pool(firm, firm.trader, database)
    buy(used_there)
    wrong = basic(client.client_id, WRONG)
    began = time.monotonic()
    answers = [post(GRANT, wrong) for _ in range(60)]
    let_through = [status for status, _, _ in answers].count(401)
    grown = int((time.monotonic() - began) / OF_ADDRESS.interval_s) + 1
    assert OF_ADDRESS.burst <= let_through <= OF_ADDRESS.burst + grown
    status, problem, headers = answers[-1]
    assert (status, problem["code"]) == (429, "TOO_MANY_ATTEMPTS")
    assert 1 <= int(headers["retry-after"]) <= OF_ADDRESS.interval_s
    assert post(GRANT, client.basic)[0] == 429  # The right one is not looked at either.
    assert buys(client, ELSEWHERE)
    assert buys(used_there)
    assert sign_in(firm.trader.username)[0] == 200


def test_whoever_knows_a_clients_id_does_not_hold_it_up(firm: Firm) -> None:
    client = make(firm)
    for number in range(100):
        post(GRANT, basic(client.client_id, WRONG), address=f"192.0.2.{number}")
    assert buys(client)


def test_good_secrets_are_counted_nowhere(firm: Firm) -> None:
    client = make(firm)
    assert all(buys(client) for _ in range(OF_ADDRESS.burst + 5))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda c: c.execute("SELECT * FROM identity.oauth_secrets"),
        lambda c: c.execute("SELECT * FROM identity.oauth_tokens"),
        lambda c: c.execute("SELECT * FROM identity.oauth_find_client('bwc_0123456789abcdef')"),
    ],
)
def test_the_engine_knows_live_tokens_and_nothing_else(
    database_urls: DatabaseUrls, attempt: Callable[[psycopg.Connection[Any]], Any]
) -> None:
    with psycopg.connect(database_urls.engine) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attempt(connection)
        connection.rollback()
        assert connection.execute("SELECT * FROM identity.oauth_find_token('x')").fetchall() == []


def test_a_clients_token_signs_nobody_out(firm: Firm) -> None:
    access_token = buy(make(firm))
    event = http_event("POST", "/auth/sign-out", body={"access_token": access_token, "everywhere": True})
    answer = users(event, LambdaContext())
    assert (answer["statusCode"], answer_of(answer)["code"]) == (403, "NOT_PERMITTED")
