"""Deny by default: a route that forgets to ask who calls is found here, whatever function it is in."""

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from breakwater.runtime.api import lambda_handler
from functions.limits.app import api as limits
from functions.orders.app import api as orders
from functions.queries.app import api as queries
from functions.users.app import api as users
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

APIS: tuple[FastAPI, ...] = (limits, orders, queries, users)
OPEN_PATHS = {"/auth/sign-in", "/auth/refresh", "/auth/sign-out", "/health"}
ROUTES = [
    (api, method, re.sub(r"\{[^}]*\}", "00000000-0000-4000-8000-000000000000", route.path))
    for api in APIS
    for route in api.routes
    if isinstance(route, APIRoute) and route.path not in OPEN_PATHS
    for method in sorted(route.methods)
]
ONCE_SIGNED_IN = caller_context(expires_at="1")
ELSEWHERE = caller_context(ip_allow="203.0.113.0/24")


def test_the_routes_are_found() -> None:
    assert len(ROUTES) > 15


@pytest.mark.parametrize("caller", [None, {"refusal": "the token is not valid"}, ONCE_SIGNED_IN, ELSEWHERE])
@pytest.mark.parametrize(("api", "method", "path"), ROUTES, ids=[f"{method} {path}" for _, method, path in ROUTES])
def test_nobody_unknown_passes(api: FastAPI, method: str, path: str, caller: dict[str, str] | None) -> None:
    answer = lambda_handler(api)(http_event(method, path, body={}, caller=caller), LambdaContext())
    assert answer["statusCode"] == 401
    assert answer_of(answer)["code"] == "NOT_AUTHENTICATED"
