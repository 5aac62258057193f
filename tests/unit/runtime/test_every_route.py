"""Deny by default: a route that forgets to say whom it is for is found here, whatever function it is in."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from breakwater.domain.permissions import PERMISSIONS
from breakwater.runtime.api import PUBLIC, SIGNED_IN, Needs, create_api, lambda_handler, needs
from functions.alerting.app import api as alerting
from functions.audit.app import api as audit
from functions.limits.app import api as limits
from functions.openapi import APIS
from functions.operations.app import api as operations
from functions.orders.app import api as orders
from functions.queries.app import api as queries
from functions.telegram.app import api as telegram
from functions.users.app import api as users
from functions.webhooks.app import api as webhooks
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

FUNCTIONS = Path(__file__).parents[3] / "functions"
OPEN_PATHS = {
    *("/auth/sign-in", "/auth/refresh", "/auth/sign-out", "/oauth/token", "/health"),
    *("/acknowledgements/{token}", "/telegram/webhook"),
}
FOR_ALL_WHO_ARE_SIGNED_IN = {
    *("GET /me", "GET /audit/activity"),
    *("GET /users/me/sessions", "DELETE /users/me/sessions/{session_id}"),
    *("POST /users/me/totp", "POST /users/me/totp/verify"),
    *("GET /contacts/me", "PUT /contacts/me", "POST /contacts/me/phone", "POST /contacts/me/phone/verify"),
    "DELETE /contacts/me/phone",
    *("GET /contacts/me/telegram", "POST /contacts/me/telegram", "DELETE /contacts/me/telegram"),
    *("GET /contacts/me/push", "POST /contacts/me/push", "DELETE /contacts/me/push/{device_id}"),
}


def routes_of(api: FastAPI) -> list[APIRoute]:
    return [route for route in api.routes if isinstance(route, APIRoute)]


def methods_of(route: APIRoute) -> list[str]:
    assert route.methods, route.path
    return sorted(route.methods)


def name_of(route: APIRoute) -> str:
    return f"{'/'.join(methods_of(route))} {route.path}"


def declared(route: APIRoute) -> list[Needs | str]:
    """What stands at the route about who may call it."""
    found: list[Needs | str] = []
    for each in route.dependencies:
        if each.dependency is PUBLIC.dependency:
            found.append("PUBLIC")
        elif isinstance(each.dependency, Needs):
            found.append(each.dependency)
    return found


EVERY_ROUTE = [(api, route) for api in APIS.values() for route in routes_of(api)]
ROUTES = [
    (api, method, re.sub(r"\{[^}]*\}", "00000000-0000-4000-8000-000000000000", route.path), route)
    for api, route in EVERY_ROUTE
    if route.path not in OPEN_PATHS
    for method in methods_of(route)
]
NAMES = [f"{method} {route.path}" for _, method, _, route in ROUTES]
ONCE_SIGNED_IN = caller_context(expires_at="1")
ELSEWHERE = caller_context(ip_allow="203.0.113.0/24")


def test_every_function_with_routes_is_walked() -> None:
    with_routes = {path.parent.name for path in FUNCTIONS.glob("*/app.py") if "create_api(" in path.read_text()}
    assert set(APIS) == with_routes
    apis = (alerting, audit, limits, operations, orders, queries, telegram, users, webhooks)
    assert {id(api) for api in APIS.values()} == {id(api) for api in apis}
    assert len(ROUTES) > 15


@pytest.mark.parametrize(("api", "route"), EVERY_ROUTE, ids=[name_of(route) for _, route in EVERY_ROUTE])
def test_every_route_says_whom_it_is_for(api: FastAPI, route: APIRoute) -> None:
    assert len(declared(route)) == 1, 'one of needs("..."), SIGNED_IN and PUBLIC among its dependencies'
    (said,) = declared(route)
    assert (said == "PUBLIC") == (route.path in OPEN_PATHS)
    if isinstance(said, Needs):
        assert (said.permission is None) == (name_of(route) in FOR_ALL_WHO_ARE_SIGNED_IN)


def test_a_route_that_says_nothing_or_two_things_is_noticed() -> None:
    api = create_api("test")

    @api.get("/silent")
    def silent() -> None: ...

    @api.get("/double", dependencies=[PUBLIC, SIGNED_IN])
    def double() -> None: ...

    assert [len(declared(route)) for route in routes_of(api)] == [0, 2]


def test_a_permission_that_no_role_has_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="no role has the permission order:create"):
        needs("order:create")


@pytest.mark.parametrize(("api", "method", "path", "route"), ROUTES, ids=NAMES)
def test_whoever_has_every_permission_but_that_of_the_route_is_refused(
    api: FastAPI, method: str, path: str, route: APIRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    (said,) = declared(route)
    assert isinstance(said, Needs)
    if said.permission is None:
        pytest.skip("it is for everybody who is signed in")
    allowed = PERMISSIONS - {said.permission}
    monkeypatch.setattr("breakwater.domain.permissions.ROLE_PERMISSIONS", {"trader": allowed})
    answer = lambda_handler(api)(http_event(method, path, body={}, caller=caller_context()), LambdaContext())
    problem = answer_of(answer)
    assert (answer["statusCode"], problem["code"], problem["permission"]) == (403, "NOT_PERMITTED", said.permission)


@pytest.mark.parametrize(("api", "method", "path", "route"), ROUTES, ids=NAMES)
def test_whoever_lacks_his_second_factor_may_enrol_it_and_nothing_else(
    api: FastAPI, method: str, path: str, route: APIRoute
) -> None:
    """Whatever his role."""
    if name_of(route) in {"POST /users/me/totp", "POST /users/me/totp/verify"}:
        pytest.skip("it is for him")
    caller = caller_context("organisation_admin", scopes="enrol")
    answer = lambda_handler(api)(http_event(method, path, body={}, caller=caller), LambdaContext())
    assert (answer["statusCode"], answer_of(answer)["code"]) == (403, "SECOND_FACTOR_REQUIRED")


@pytest.mark.parametrize("caller", [None, {"refusal": "the token is not valid"}, ONCE_SIGNED_IN, ELSEWHERE])
@pytest.mark.parametrize(("api", "method", "path", "route"), ROUTES, ids=NAMES)
def test_nobody_unknown_passes(
    api: FastAPI, method: str, path: str, route: APIRoute, caller: dict[str, str] | None
) -> None:
    answer = lambda_handler(api)(http_event(method, path, body={}, caller=caller), LambdaContext())
    assert answer["statusCode"] == 401
    assert answer_of(answer)["code"] == "NOT_AUTHENTICATED"


def test_where_nobody_can_tell_who_it_is_the_answer_says_when_to_ask_again() -> None:
    caller = {"unavailable": "the database did not answer in time"}
    answer = lambda_handler(users)(http_event("GET", "/me", caller=caller), LambdaContext())
    problem = answer_of(answer)
    assert (answer["statusCode"], problem["code"], answer["headers"]["retry-after"]) == (503, "UNAVAILABLE", "2")
    assert problem["detail"] == "the database did not answer in time"
