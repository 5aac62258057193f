"""The people of an organisation, as the gateway calls the function: moto's Cognito, a real Postgres."""

import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from breakwater.db.connection import Database
from breakwater.domain.permissions import Caller, Role
from breakwater.runtime import aws
from breakwater.services.people import LastAdministrator, UserChange, change_user
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.integration.identity.test_users import PASSWORD, call, environment, reachable, sign_in
from tests.unit.runtime.http_events import caller_context

__all__ = ["environment", "reachable"]  # Fixtures.
pytestmark = pytest.mark.usefixtures("reachable")

TEMPORARY = "Temporary-horse-1"


def admin(firm: Firm, scopes: str = "session") -> dict[str, str]:
    user = firm.admin
    return caller_context(user.role, firm.tenant_id, subject=user.subject, username=user.username, scopes=scopes)


def ask(firm: Firm, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
    return call(method, path, body=body, caller=admin(firm, **options))


def invite(firm: Firm, username: str = "dora", role: str = "trader", **more: str) -> tuple[int, Any]:
    body = {"username": username, "email": "dora@example.com", "role": role, "temporary_password": TEMPORARY}
    return ask(firm, "POST", "/users", body | more)


def make_firm_in_pool(firm: Firm) -> None:
    boto3.client("cognito-idp").create_group(UserPoolId=os.environ["USER_POOL_ID"], GroupName=f"org:{firm.tenant_id}")


@pytest.fixture(autouse=True)
def groups_of_the_pool(firm: Firm, other_firm: Firm) -> None:
    make_firm_in_pool(firm)
    make_firm_in_pool(other_firm)


def pool_groups(username: str) -> set[str]:
    listed = boto3.client("cognito-idp").admin_list_groups_for_user(
        UserPoolId=os.environ["USER_POOL_ID"], Username=username
    )
    return {group["GroupName"] for group in listed["Groups"]}


def events(urls: DatabaseUrls, topic: str = "users.PermissionsUpdated.v1") -> list[dict[str, Any]]:
    with psycopg.connect(urls.admin) as connection:
        rows = connection.execute(
            "SELECT payload FROM trading.events JOIN trading.outbox USING (event_id) WHERE topic = %s ORDER BY id",
            (topic,),
        ).fetchall()
    return [row[0] for row in rows]


def test_an_invited_user_chooses_a_password_and_is_what_he_was_invited_as(
    firm: Firm, database_urls: DatabaseUrls
) -> None:
    status, invited = invite(firm, role="desk_head")
    assert status == 201
    assert (invited["username"], invited["role"], invited["account_ids"]) == ("dora", "desk_head", [])
    assert pool_groups("dora") == {f"org:{firm.tenant_id}", "role:desk_head"}
    assert sign_in("dora", TEMPORARY)[1]["challenge"] == "NEW_PASSWORD_REQUIRED"
    status, tokens = sign_in("dora", TEMPORARY, new_password=PASSWORD)
    assert (status, set(tokens)) == (200, {"access_token", "refresh_token", "expires_in"})
    assert sign_in("dora", PASSWORD)[0] == 200
    (event,) = events(database_urls)
    assert (event["user_id"], event["change"], event["role"]) == (invited["user_id"], "INVITED", "desk_head")
    assert event["changed_by"] == firm.admin.username
    assert ask(firm, "GET", f"/users/{invited['user_id']}") == (200, invited)


def test_without_a_password_the_pool_mails_one(firm: Firm) -> None:
    with Stubber(aws.client("cognito-idp")) as pool:
        pool.add_response("create_group", {})
        told = {
            "UserPoolId": os.environ["USER_POOL_ID"],
            "Username": "dora",
            "UserAttributes": [
                {"Name": "email", "Value": "dora@example.com"},
                {"Name": "email_verified", "Value": "true"},
                {"Name": "profile", "Value": f"invited by org:{firm.tenant_id}"},
            ],
            "DesiredDeliveryMediums": ["EMAIL"],
        }
        pool.add_response("admin_create_user", {}, told)
        for _ in range(2):
            pool.add_response("admin_add_user_to_group", {})
        pool.add_response(
            "admin_get_user", {"Username": "dora", "UserAttributes": [{"Name": "sub", "Value": "dora-sub"}]}
        )
        body = {"username": "dora", "email": "dora@example.com", "role": "trader"}
        assert ask(firm, "POST", "/users", body)[0] == 201
        pool.assert_no_pending_responses()


def test_an_invitation_that_got_half_way_is_taken_up(firm: Firm) -> None:
    """The pool made the user, and the function ended before the organisation had him."""
    pool, user = boto3.client("cognito-idp"), {"UserPoolId": os.environ["USER_POOL_ID"], "Username": "dora"}
    pool.admin_create_user(**user, TemporaryPassword="Another-horse-1", MessageAction="SUPPRESS")
    pool.admin_add_user_to_group(**user, GroupName=f"org:{firm.tenant_id}")
    assert invite(firm)[0] == 201
    assert sign_in("dora", TEMPORARY)[1]["challenge"] == "NEW_PASSWORD_REQUIRED"


@contextmanager
def ending_after(name: str, owner: Any) -> Iterator[None]:
    """The call does its work, and nothing comes after it."""
    call_it = getattr(owner, name)

    def end(*told: Any, **named: Any) -> Any:
        call_it(*told, **named)
        raise EndpointConnectionError(endpoint_url="https://nowhere")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, end)
        yield


@pytest.mark.parametrize("last", ["create_group", "admin_create_user", "admin_add_user_to_group", "admin_get_user"])
def test_an_invitation_that_ended_anywhere_is_finished_by_another(firm: Firm, other_firm: Firm, last: str) -> None:
    with ending_after(last, aws.client("cognito-idp")):
        assert invite(firm, role="viewer")[0] == 503
    if last != "create_group":  # Whose he is, is known from the first moment on.
        assert invite(other_firm)[0] == 409
    # As somebody else than before: a token with two roles would be believed by nobody.
    status, invited = invite(firm, role="trader")
    assert (status, invited["role"]) == (201, "trader")
    assert pool_groups("dora") == {f"org:{firm.tenant_id}", "role:trader"}
    assert sign_in("dora", TEMPORARY, new_password=PASSWORD)[0] == 200


def test_who_signed_in_before_his_invitation_was_finished_is_taken_in_as_well(firm: Firm) -> None:
    with ending_after("admin_get_user", aws.client("cognito-idp")):
        assert invite(firm)[0] == 503
    assert sign_in("dora", TEMPORARY, new_password=PASSWORD)[0] == 200
    assert invite(firm)[0] == 201
    assert sign_in("dora", PASSWORD)[0] == 200


def test_nobody_claims_a_user_of_the_pool_by_what_that_user_writes_of_himself(firm: Firm, other_firm: Firm) -> None:
    """The mark of an invitation is an attribute, which is its user's own once he has signed in."""
    cognito, user = boto3.client("cognito-idp"), {"UserPoolId": os.environ["USER_POOL_ID"], "Username": "trader1"}
    mark = [{"Name": "profile", "Value": f"invited by org:{firm.tenant_id}"}]
    cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
    cognito.admin_update_user_attributes(**user, UserAttributes=mark)
    assert invite(firm, "trader1")[0] == 409
    # Nor one who is in another organisation, whatever his mark says.
    assert invite(other_firm)[0] == 201
    cognito.admin_update_user_attributes(**user | {"Username": "dora"}, UserAttributes=mark)
    assert invite(firm)[0] == 409


def test_a_username_that_is_taken_is_so_in_whatever_organisation(firm: Firm, other_firm: Firm) -> None:
    assert invite(other_firm)[0] == 201
    for username in ("dora", "trader1", firm.trader.username):  # trader1: in the pool, and in no organisation.
        status, problem = invite(firm, username)
        assert (status, problem["code"]) == (409, "CONFLICT")
        assert problem["detail"] == "this username is taken"
    assert pool_groups("dora") == {f"org:{other_firm.tenant_id}", "role:trader"}
    assert ask(other_firm, "GET", "/users")[1]["items"][0]["username"] == "dora"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "Two Words"}, "username"),
        ({"username": "x" * 64}, "username"),
        ({"email": "nobody"}, "email"),
        ({"role": "janitor"}, "role"),
        ({"tenant_id": str(uuid.uuid4())}, "tenant_id"),
        ({"temporary_password": ""}, "temporary_password"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_one_clear_problem(
    firm: Firm, changes: dict[str, str], field: str
) -> None:
    status, problem = invite(firm, **changes)
    assert (status, problem["code"]) == (422, "INVALID_REQUEST")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_a_password_the_pool_does_not_take_is_told_and_may_be_another(firm: Firm) -> None:
    with Stubber(aws.client("cognito-idp")) as pool:
        pool.add_response("create_group", {})
        pool.add_client_error("admin_create_user", "InvalidPasswordException", "Password too short")
        status, problem = invite(firm)
    assert (status, problem["code"], problem["detail"]) == (
        422,
        "INVALID_REQUEST",
        "the pool wants a stronger password",
    )
    assert invite(firm)[0] == 201


def test_an_invitation_is_sent_again_only_to_who_has_never_signed_in(firm: Firm, database_urls: DatabaseUrls) -> None:
    invited = invite(firm)[1]
    path, other = f"/users/{invited['user_id']}/invitation", {"temporary_password": "Another-horse-1"}
    assert ask(firm, "POST", path, other) == (204, None)
    assert sign_in("dora", "Another-horse-1", new_password=PASSWORD)[0] == 200
    status, problem = ask(firm, "POST", path, other)
    assert (status, problem["code"]) == (409, "CONFLICT")
    assert sign_in("dora", PASSWORD)[0] == 200
    # One event, of the one that was sent.
    assert events(database_urls, "users.InvitedAgain.v1") == [
        {
            "user_id": invited["user_id"],
            "username": "dora",
            "by_mail": False,
            "invited_by": firm.admin.username,
        }
    ]


def test_users_are_listed_with_their_roles_and_accounts_page_by_page(firm: Firm) -> None:
    status, first = ask(firm, "GET", "/users")
    assert status == 200
    told = {item["username"]: item for item in first["items"]}
    assert set(told) == {firm.trader.username, firm.admin.username}
    trader = told[firm.trader.username]
    assert trader["account_ids"] == trader["given_account_ids"] == [str(firm.account.account_id)]
    assert (trader["sees_all_accounts"], told[firm.admin.username]["sees_all_accounts"]) == (False, True)
    page = call("GET", "/users", query={"limit": "1"}, caller=admin(firm))[1]
    rest = call("GET", "/users", query={"limit": "1", "cursor": page["next_cursor"]}, caller=admin(firm))[1]
    assert page["items"] + rest["items"] == first["items"]
    assert rest["next_cursor"] is None


def test_another_role_counts_in_the_row_in_the_pool_and_as_an_event(firm: Firm, database_urls: DatabaseUrls) -> None:
    invited = invite(firm)[1]
    path = f"/users/{invited['user_id']}"
    status, changed = ask(firm, "PATCH", path, {"role": "fund_manager"})
    assert (status, changed["role"]) == (200, "fund_manager")
    assert pool_groups("dora") == {f"org:{firm.tenant_id}", "role:fund_manager"}
    before, after = events(database_urls)
    assert (after["change"], after["role_before"], after["role"]) == ("ROLE", "trader", "fund_manager")
    assert after["permissions_version"] > before["permissions_version"]
    assert ask(firm, "PATCH", path, {"role": "fund_manager"}) == (200, changed)
    assert len(events(database_urls)) == 2


def test_a_disabled_user_signs_in_no_more_until_he_is_enabled(firm: Firm, database_urls: DatabaseUrls) -> None:
    invited = invite(firm)[1]
    tokens = sign_in("dora", TEMPORARY, new_password=PASSWORD)[1]
    path = f"/users/{invited['user_id']}"
    assert ask(firm, "PATCH", path, {"is_disabled": True})[1]["is_disabled"] is True
    assert sign_in("dora", PASSWORD)[0] == 401
    assert call("POST", "/auth/refresh", body={"refresh_token": tokens["refresh_token"]})[0] == 401
    assert ask(firm, "PATCH", path, {"is_disabled": False})[1]["is_disabled"] is False
    assert sign_in("dora", PASSWORD)[0] == 200
    assert [event["change"] for event in events(database_urls)] == ["INVITED", "DISABLED", "ENABLED"]


def test_a_change_that_the_pool_did_not_hear_of_counts_and_is_repeated(firm: Firm) -> None:
    invited = invite(firm)[1]
    path = f"/users/{invited['user_id']}"
    with Stubber(aws.client("cognito-idp")) as pool:
        pool.add_client_error("create_group", "InternalErrorException")
        status, problem = ask(firm, "PATCH", path, {"is_disabled": True})
    assert (status, problem["code"]) == (503, "USER_POOL_UNAVAILABLE")
    assert ask(firm, "GET", path)[1]["is_disabled"] is True
    assert ask(firm, "PATCH", path, {"is_disabled": True})[0] == 200
    assert sign_in("dora", TEMPORARY)[0] == 401


def test_nobody_gives_a_role_that_may_do_what_he_may_not(firm: Firm) -> None:
    invited = invite(firm, role="viewer")[1]
    path = f"/users/{invited['user_id']}"
    for status, problem in (invite(firm, "eve", "system_admin"), ask(firm, "PATCH", path, {"role": "system_admin"})):
        assert (status, problem["code"], problem["role"]) == (403, "NOT_PERMITTED", "system_admin")
    # A key of an administrator that manages users, and does not trade, makes no trader, nor lets one in again.
    assert ask(firm, "PATCH", path, {"role": "trader"}, scopes="admin")[0] == 403
    trader = f"/users/{firm.trader.user_id}"
    key = admin(firm, "admin")
    make_pool_user(firm.trader.username, firm)
    assert call("PATCH", trader, body={"is_disabled": True}, caller=key)[0] == 200
    assert call("PATCH", trader, body={"is_disabled": False}, caller=key)[0] == 403
    assert ask(firm, "GET", path)[1]["role"] == "viewer"


def test_an_api_key_gives_nobody_anything_and_may_still_take(firm: Firm) -> None:
    invited = invite(firm, role="viewer")[1]
    group = ask(firm, "POST", "/groups", {"name": "Arbitrage"})[1]["group_id"]
    user, account = invited["user_id"], firm.account.account_id
    key = admin(firm) | {"api_key_id": "0123456789abcdef"}  # With all that its administrator may do.
    told = {"username": "eve", "email": "eve@example.com", "role": "viewer", "temporary_password": TEMPORARY}
    for method, path, body in (
        ("POST", "/users", told),
        ("POST", f"/users/{user}/invitation", {"temporary_password": TEMPORARY}),
        ("PATCH", f"/users/{user}", {"role": "trader"}),
        ("PUT", f"/users/{user}/accounts/{account}", None),
        ("PUT", f"/groups/{group}/members/{user}", None),
        ("PUT", f"/groups/{group}/accounts/{account}", None),
        ("POST", "/accounts", {"parent_id": NOBODY, "name": "for eve"}),
    ):
        status, problem = call(method, path, body=body, caller=key)
        assert (status, problem["code"]) == (403, "NOT_PERMITTED"), path
        assert "no API key" in problem["detail"], path
    assert call("DELETE", f"/users/{user}/accounts/{account}", caller=key)[0] in {200, 204}
    assert call("PATCH", f"/users/{user}", body={"is_disabled": True}, caller=key)[0] in {200, 204}
    assert call("PATCH", f"/users/{user}", body={"is_disabled": False}, caller=key)[0] == 403


def make_pool_user(username: str, firm: Firm) -> None:
    pool, user = boto3.client("cognito-idp"), {"UserPoolId": os.environ["USER_POOL_ID"], "Username": username}
    pool.admin_create_user(**user)
    pool.admin_add_user_to_group(**user, GroupName=f"org:{firm.tenant_id}")


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"role": "organisation_admin"}, {"is_disabled": True}])
def test_nobody_changes_his_own_role_or_disables_himself(firm: Firm, change: dict[str, Any]) -> None:
    status, problem = ask(firm, "PATCH", f"/users/{firm.admin.user_id}", change)
    assert (status, problem["code"]) == (403, "NOT_PERMITTED")
    assert ask(firm, "GET", f"/users/{firm.admin.user_id}")[1]["role"] == "organisation_admin"


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"is_disabled": True}])
def test_the_last_administrator_stays(firm: Firm, database: Database, change: dict[str, Any]) -> None:
    """The caller's own row has changed since he was let in: what he is now must not be what counts."""
    second = invite(firm, "second", "organisation_admin")[1]
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(firm.admin.user_id, is_disabled=True)
    status, problem = ask(firm, "PATCH", f"/users/{second['user_id']}", change)
    assert (status, problem["code"]) == (409, "LAST_ADMINISTRATOR")


def test_two_administrators_who_remove_each_other_do_not_both_succeed(
    firm: Firm, database_urls: DatabaseUrls, database: Database
) -> None:
    """At once, by the use case itself: one function serves one request at a time."""
    second = invite(firm, "second", "organisation_admin")[1]
    with database.tenant_transaction(firm.tenant_id) as tx:
        other = tx.people.person(uuid.UUID(second["user_id"]))

    class Pool:
        def follow(self, username: str, groups: set[str], *, is_disabled: bool) -> None: ...

        def invite(self, *_: object) -> str:
            raise AssertionError("nobody is invited here")

        def invite_again(self, *_: object) -> None: ...

    def remove(subject: str, user_id: uuid.UUID) -> bool:
        by = Caller(firm.tenant_id, subject, subject, "organisation_admin", frozenset({"session"}), correlation_id="c")
        own = Database(lambda: database_urls.functions)
        try:
            change_user(
                user_id, UserChange(role=Role.VIEWER), by, own.tenant_transaction, pool=Pool(), at=datetime.now(UTC)
            )
        except LastAdministrator:
            return False
        finally:
            own.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(remove, firm.admin.subject, other.user_id)
        then = threads.submit(remove, other.subject, firm.admin.user_id)
    assert sorted([first.result(), then.result()]) == [False, True]


def test_accounts_are_given_and_taken_with_an_event_each(firm: Firm, database_urls: DatabaseUrls) -> None:
    account_id = firm.other_account.account_id
    path = f"/users/{firm.trader.user_id}/accounts/{account_id}"
    for _ in range(2):
        assert ask(firm, "PUT", path) == (204, None)
    assert str(account_id) in ask(firm, "GET", f"/users/{firm.trader.user_id}")[1]["account_ids"]
    for _ in range(2):
        assert ask(firm, "DELETE", path) == (204, None)
    told = events(database_urls)
    assert [(event["resource"], event["resource_id"], event["is_given"]) for event in told] == [
        ("ACCOUNT", str(account_id), True),
        ("ACCOUNT", str(account_id), False),
    ]


def test_a_group_gives_its_accounts_to_its_members_while_it_lasts(firm: Firm, database_urls: DatabaseUrls) -> None:
    status, group = ask(firm, "POST", "/groups", {"name": "  Arbitrage  "})
    assert (status, group["name"], group["member_ids"]) == (201, "Arbitrage", [])
    assert ask(firm, "POST", "/groups", {"name": "Arbitrage"})[0] == 409
    path, account_id = f"/groups/{group['group_id']}", str(firm.other_account.account_id)
    assert ask(firm, "PUT", f"{path}/members/{firm.trader.user_id}") == (204, None)
    assert ask(firm, "PUT", f"{path}/accounts/{account_id}") == (204, None)
    assert ask(firm, "GET", path)[1] == ask(firm, "GET", "/groups")[1]["items"][0]
    assert ask(firm, "GET", path)[1]["account_ids"] == [account_id]
    trader = f"/users/{firm.trader.user_id}"
    assert account_id in ask(firm, "GET", trader)[1]["account_ids"]
    assert ask(firm, "GET", trader)[1]["group_ids"] == [group["group_id"]]
    assert ask(firm, "DELETE", f"{path}/accounts/{account_id}") == (204, None)
    assert account_id not in ask(firm, "GET", trader)[1]["account_ids"]
    assert ask(firm, "PUT", f"{path}/accounts/{account_id}") == (204, None)
    assert ask(firm, "DELETE", f"{path}/members/{firm.trader.user_id}") == (204, None)
    assert account_id not in ask(firm, "GET", trader)[1]["account_ids"]
    assert ask(firm, "PUT", f"{path}/members/{firm.trader.user_id}") == (204, None)
    assert ask(firm, "DELETE", path) == (204, None)
    assert account_id not in ask(firm, "GET", trader)[1]["account_ids"]
    told = [(event["resource"], event["is_given"]) for event in events(database_urls)]
    assert told == [
        *(("GROUP", True), ("ACCOUNT", True), ("ACCOUNT", False)),  # The group had no member when it got it again.
        *(("ACCOUNT", True), ("GROUP", False), ("GROUP", True), ("GROUP", False)),
    ]
    versions = [event["permissions_version"] for event in events(database_urls)]
    assert versions == sorted(set(versions))


NOBODY = "00000000-0000-4000-8000-000000000000"


def test_ids_of_another_organisation_are_not_found_on_any_route(
    firm: Firm, other_firm: Firm, database_urls: DatabaseUrls
) -> None:
    group = ask(firm, "POST", "/groups", {"name": "ours"})[1]["group_id"]
    their_group = ask(other_firm, "POST", "/groups", {"name": "theirs"})[1]["group_id"]
    ours, theirs = str(firm.trader.user_id), str(other_firm.trader.user_id)
    our_account, their_account = str(firm.account.account_id), str(other_firm.account.account_id)
    their_node = uuid.uuid4()
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO limits.nodes (node_id, tenant_id, kind, name, path) VALUES (%s, %s, 'FIRM', 'theirs', %s)",
            (their_node, other_firm.tenant_id, [their_node]),
        )
    foreign = (theirs, their_account, their_group, str(their_node))
    for user, account, foreign_group, node in (foreign, (NOBODY,) * 4):
        for method, path, body in [
            ("GET", f"/users/{user}", None),
            ("PATCH", f"/users/{user}", {"role": "viewer"}),
            ("PATCH", f"/users/{user}", {"is_disabled": True}),
            ("POST", f"/users/{user}/invitation", {}),
            ("PUT", f"/users/{user}/accounts/{our_account}", None),
            ("PUT", f"/users/{ours}/accounts/{account}", None),
            ("DELETE", f"/users/{user}/accounts/{our_account}", None),
            ("PUT", f"/users/{user}/nodes/{NOBODY}", None),
            ("PUT", f"/users/{ours}/nodes/{node}", None),
            ("DELETE", f"/users/{ours}/nodes/{node}", None),
            ("DELETE", f"/users/{ours}/accounts/{account}", None),
            ("DELETE", f"/groups/{group}/accounts/{account}", None),
            ("DELETE", f"/users/{user}/nodes/{NOBODY}", None),
            ("GET", f"/groups/{foreign_group}", None),
            ("DELETE", f"/groups/{foreign_group}", None),
            ("PUT", f"/groups/{foreign_group}/members/{ours}", None),
            ("PUT", f"/groups/{group}/members/{user}", None),
            ("DELETE", f"/groups/{group}/members/{user}", None),
            ("DELETE", f"/groups/{foreign_group}/members/{ours}", None),
            ("PUT", f"/groups/{foreign_group}/accounts/{our_account}", None),
            ("PUT", f"/groups/{group}/accounts/{account}", None),
            ("DELETE", f"/groups/{foreign_group}/accounts/{our_account}", None),
        ]:
            status, problem = ask(firm, method, path, body)
            assert (status, problem["code"]) == (404, "NOT_FOUND"), (method, path)
    assert ask(other_firm, "GET", f"/users/{theirs}")[1]["account_ids"] == [their_account]
    assert ask(other_firm, "GET", f"/groups/{their_group}")[1]["member_ids"] == []
    listed = ask(firm, "GET", "/users")[1]["items"]
    assert {user["username"] for user in listed} == {firm.trader.username, firm.admin.username}


def test_only_those_who_manage_users_change_them_and_only_readers_list_them(firm: Firm) -> None:
    for role, may_list in (("trader", False), ("desk_head", False), ("risk_manager", True), ("auditor", True)):
        caller = caller_context(role, firm.tenant_id, subject="s", username="u")
        assert call("GET", "/users", caller=caller)[0] == (200 if may_list else 403)
        assert call("GET", "/groups", caller=caller)[0] == (200 if may_list else 403)
        status, problem = call("POST", "/groups", body={"name": "g"}, caller=caller)
        assert (status, problem["permission"]) == (403, "users:manage")


@pytest.mark.parametrize("table", ["node_access", "groups", "group_members", "group_accounts"])
def test_the_database_itself_keeps_the_tables_of_tenants_apart(
    firm: Firm, other_firm: Firm, database: Database, database_urls: DatabaseUrls, table: str
) -> None:
    values = {"tenant": other_firm.tenant_id, "user": other_firm.trader.user_id, "id": uuid.uuid4()}
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO limits.nodes (node_id, tenant_id, kind, name, path)"
            " VALUES (%(id)s, %(tenant)s, 'FIRM', 'theirs', ARRAY[%(id)s::uuid])",
            values,
        )
        connection.execute("INSERT INTO identity.node_access VALUES (%(user)s, %(id)s, %(tenant)s)", values)
        connection.execute("INSERT INTO identity.groups VALUES (%(id)s, %(tenant)s, 'theirs')", values)
        connection.execute("INSERT INTO identity.group_members VALUES (%(id)s, %(user)s, %(tenant)s)", values)
        connection.execute(
            "INSERT INTO identity.group_accounts VALUES (%(id)s, %(account)s, %(tenant)s)",
            values | {"account": other_firm.account.account_id},
        )
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.connection.execute(f"SELECT * FROM identity.{table}").fetchall() == []  # One of the names above.
        assert tx.connection.execute(f"DELETE FROM identity.{table}").rowcount == 0
    with database.tenant_transaction(other_firm.tenant_id) as tx:
        assert len(tx.connection.execute(f"SELECT * FROM identity.{table}").fetchall()) == 1


def test_the_database_itself_maps_nobody_to_what_another_tenant_has(
    firm: Firm, other_firm: Firm, database: Database
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.add_group(group_id := uuid.uuid4(), "ours")
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(psycopg.errors.ForeignKeyViolation):
        tx.people.add_group_account(group_id, other_firm.account.account_id)


def recorded(urls: DatabaseUrls, topic: str) -> list[tuple[str, dict[str, Any]]]:
    """Who it was, and what is told of it."""
    with psycopg.connect(urls.admin) as connection:
        return connection.execute(
            "SELECT actor, payload FROM trading.events JOIN trading.outbox USING (event_id)"
            " WHERE topic = %s ORDER BY recorded_no",
            (topic,),
        ).fetchall()


def test_an_invitation_that_is_sent_again_is_in_the_audit_trail(firm: Firm, database_urls: DatabaseUrls) -> None:
    user_id = invite(firm)[1]["user_id"]
    assert ask(firm, "POST", f"/users/{user_id}/invitation", {"temporary_password": "Another-horse-1"})[0] == 204
    ((actor, event),) = recorded(database_urls, "users.InvitedAgain.v1")
    assert (actor, event["invited_by"]) == (firm.admin.username, firm.admin.username)
    assert (event["user_id"], event["username"]) == (user_id, "dora")


def test_what_a_group_is_given_is_in_the_audit_trail_also_while_it_has_no_members(
    firm: Firm, database_urls: DatabaseUrls
) -> None:
    group_id = ask(firm, "POST", "/groups", {"name": "Arbitrage"})[1]["group_id"]
    account = f"/groups/{group_id}/accounts/{firm.account.account_id}"
    for method, path in (("PUT", account), ("PUT", account), ("DELETE", account), ("DELETE", f"/groups/{group_id}")):
        assert ask(firm, method, path)[0] == 204
    told = recorded(database_urls, "users.GroupChanged.v1")
    account_id = str(firm.account.account_id)
    assert [(event["change"], event["account_id"]) for _, event in told] == [
        ("CREATED", None),
        ("ACCOUNT_GIVEN", account_id),  # The second time it had it.
        ("ACCOUNT_TAKEN", account_id),
        ("DELETED", None),
    ]
    assert {actor for actor, _ in told} == {firm.admin.username}
    assert {(event["group_id"], event["name"]) for _, event in told} == {(group_id, "Arbitrage")}
