"""Where CloudFront stands in front, nobody comes past it, and a caller's address is the one it saw."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from breakwater.domain.permissions import Principal
from breakwater.domain.security_headers import SECURITY_HEADERS
from breakwater.errors import Unavailable
from breakwater.runtime import front_door
from breakwater.runtime.api import Caller, create_api, lambda_handler
from fargate_engine.firm_exchange.control_plane import _event
from functions.authorizer import app as authorizer
from tests.unit.runtime.http_events import TENANT, LambdaContext, answer_of, caller_context, http_event

VIEWER = "203.0.113.9"
BOUND = Principal(TENANT, "sub", "bot", "trader", frozenset({"read"}), ip_allow=("203.0.113.0/24",))

type Call = Callable[..., tuple[dict[str, Any], Any]]


@pytest.fixture
def call() -> Call:
    api = create_api("test")

    @api.get("/me")
    def me(caller: Caller) -> dict[str, str]:
        return {"subject": caller.subject}

    @api.get("/open")
    def is_open() -> None:
        """Without a caller, as signing in is."""

    handler = lambda_handler(api)

    def call_handler(path: str, **options: Any) -> tuple[dict[str, Any], Any]:
        answer = handler(http_event("GET", path, **options), LambdaContext())
        return answer, answer_of(answer)

    return call_handler


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, mocked_aws: None) -> str:
    arn: str = boto3.client("secretsmanager").create_secret(Name="edge", SecretString=json.dumps({"value": "one"}))[
        "ARN"
    ]
    monkeypatch.setenv("EDGE_SECRET_ARN", arn)
    front_door._secrets.cache_clear()
    return arn


def shown(value: str, **more: str) -> dict[str, str]:
    return {front_door.SECRET_HEADER: value, front_door.VIEWER_HEADER: VIEWER} | more


@pytest.mark.parametrize("path", ["/open", "/me", "/nowhere"])
def test_every_answer_has_the_security_headers(call: Call, path: str) -> None:
    answer, _ = call(path)
    assert {name: answer["headers"].get(name.lower()) for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize("headers", [{}, shown(""), shown("two"), {front_door.VIEWER_HEADER: VIEWER}])
def test_past_the_front_door_nothing_is_answered_not_even_what_is_open(
    call: Call, secret: str, headers: dict[str, str]
) -> None:
    for path in ("/open", "/me"):
        answer, body = call(path, headers=headers, caller=caller_context())
        assert (answer["statusCode"], body["code"]) == (403, "NOT_PERMITTED")


def test_the_engine_invokes_functions_through_no_door(secret: str) -> None:
    """Else no bot could place or cancel where there is one."""
    api = create_api("test")

    @api.get("/me")
    def me(caller: Caller) -> dict[str, str]:
        return {"subject": caller.subject}

    answer = lambda_handler(api)(_event("GET", "/me", BOUND, {}, None), LambdaContext())
    assert (answer["statusCode"], answer_of(answer)) == (200, {"subject": "sub"})


def test_the_address_that_cloudfront_saw_is_the_callers(call: Call, secret: str) -> None:
    bound = caller_context(ip_allow="203.0.113.0/24")
    answer, _ = call("/me", headers=shown("one"), caller=bound)
    assert answer["statusCode"] == 200
    elsewhere = shown("one", **{front_door.VIEWER_HEADER: "198.51.100.1"})
    answer, _ = call("/me", headers=elsewhere, caller=bound)
    assert answer["statusCode"] == 401


def test_without_a_front_door_the_header_is_nobodys_address(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_SECRET_ARN", raising=False)
    answer, _ = call("/me", headers=shown("one"), caller=caller_context(ip_allow="203.0.113.0/24"))
    assert answer["statusCode"] == 401


def test_a_new_secret_is_known_and_the_old_one_holds_until_the_next(
    call: Call, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("/open", headers=shown("one"))[0]["statusCode"] == 200
    boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps({"value": "two"}))
    assert call("/open", headers=shown("two"))[0]["statusCode"] == 403  # Asked a moment ago.
    monkeypatch.setattr(front_door, "ASKED_AGAIN_AFTER_S", 0.0)
    assert call("/open", headers=shown("two"))[0]["statusCode"] == 200
    assert call("/open", headers=shown("one"))[0]["statusCode"] == 200
    boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps({"value": "three"}))
    assert call("/open", headers=shown("three"))[0]["statusCode"] == 200
    assert call("/open", headers=shown("one"))[0]["statusCode"] == 403


def test_a_secret_that_was_written_wrongly_does_not_shut_the_door_and_neither_does_silence(
    call: Call, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {front_door.SECRET_HEADER: "one", front_door.VIEWER_HEADER: VIEWER}
    assert call("/open", headers=headers)[0]["statusCode"] == 200
    for content in ("no JSON", "[]", '{"password": "two"}'):
        boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=content)
        front_door._secrets.cache_clear()
        expected = 200 if content == "no JSON" else 403  # The version before the previous is nobody's any more.
        assert call("/open", headers=headers)[0]["statusCode"] == expected
    boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps({"value": "one"}))
    front_door._secrets.cache_clear()
    assert call("/open", headers=headers)[0]["statusCode"] == 200
    monkeypatch.setattr(front_door, "KEPT_S", 0.0)

    def read(arn: str, stage: str) -> str:
        raise Unavailable("silent")

    monkeypatch.setattr(front_door, "_read", read)
    assert call("/open", headers=headers)[0]["statusCode"] == 200
    assert call("/open", headers=headers | {front_door.SECRET_HEADER: "two"})[0]["statusCode"] == 503


def test_a_secret_that_cannot_be_read_is_not_known_yet(call: Call, secret: str) -> None:
    boto3.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    answer, _ = call("/open", headers=shown("one"))
    assert answer["statusCode"] == 503


def test_the_authorizer_believes_nobody_who_came_past_it(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizer, "authenticate", lambda *_: BOUND)
    for headers, is_believed in ((shown("one"), True), (shown("two"), False), ({}, False)):
        event = http_event("GET", "/me", headers={"authorization": "ApiKey k", **headers})
        context = authorizer.handler(event, LambdaContext())["context"]
        assert ("refusal" not in context) == is_believed
