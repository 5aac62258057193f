"""The edge of every API: what is refused, how it is told, and that it tells nothing else."""

import json
from collections.abc import Callable
from typing import Any, Self

import pytest
from pydantic import BaseModel, ConfigDict, model_validator

from breakwater.domain.money import Amount
from breakwater.domain.wrong_fields import wrong_field
from breakwater.errors import EngineUnavailable, LimitExceeded, NotFound
from breakwater.runtime.api import Caller, create_api, lambda_handler
from breakwater.runtime.observability import logger
from tests.unit.runtime.http_events import LambdaContext, answer_of, caller_context, http_event

Call = Callable[..., tuple[dict[str, Any], Any]]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quantity: Amount
    note: str = ""
    inner: "Body | None" = None

    @model_validator(mode="after")
    def _says_more(self) -> Self:
        if self.note == str(self.quantity):
            raise wrong_field("note", "the note {says} no more than the quantity")
        return self


TWICE = {"quantity": "2", "note": "2"}


@pytest.fixture
def call() -> Call:
    api = create_api("test")

    @api.post("/echo")
    def echo(body: Body) -> Body:
        return body

    @api.get("/me")
    def me(caller: Caller) -> dict[str, str]:
        return {"tenant_id": str(caller.tenant_id), "correlation_id": caller.correlation_id}

    @api.get("/create")
    def create(caller: Caller) -> None:
        caller.require("orders:create")

    @api.get("/errors/{name}")
    def errors(name: str) -> None:
        raise {
            "refused": LimitExceeded("two limits refuse", refusals=[{"node_id": "n"}], status="forged"),
            "missing": NotFound("no such order"),
            "engine": EngineUnavailable("the engine does not answer"),
            "bug": RuntimeError("secret detail"),
        }[name]

    handler = lambda_handler(api)

    def call_handler(method: str, path: str, **options: Any) -> tuple[dict[str, Any], Any]:
        answer = handler(http_event(method, path, **options), LambdaContext())
        return answer, answer_of(answer)

    return call_handler


def test_what_a_model_says_of_itself_stands_at_the_field_to_mend(call: Call) -> None:
    for place, body in (("", {"quantity": "1", "note": "1"}), ("inner.", {"quantity": "1", "inner": TWICE})):
        answer, refused = call("POST", "/echo", body=body)
        assert (answer["statusCode"], refused["code"]) == (422, "INVALID_REQUEST")
        assert refused["errors"] == [{"field": f"{place}note", "message": "the note {says} no more than the quantity"}]


def test_an_amount_comes_back_as_it_was_sent(call: Call) -> None:
    answer, body = call("POST", "/echo", body={"quantity": "0.50"})
    assert (answer["statusCode"], body["quantity"]) == (200, "0.50")


@pytest.mark.parametrize(
    "amount",
    ["0.5", "1", "1e400", "-1E-400", "9" * 1000, f'"{"9" * 1000}"', '"NaN"', '"1e5"', "true", "null", "[]"],
)
def test_an_amount_that_is_no_decimal_string_is_refused(call: Call, amount: str) -> None:
    answer, body = call("POST", "/echo", body=f'{{"quantity": {amount}}}')
    assert (answer["statusCode"], body["code"]) == (422, "INVALID_REQUEST")
    assert body["errors"][0]["field"] == "quantity"
    assert "9" * 20 not in answer["body"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"quantity": NaN}',
        '{"quantity": -Infinity}',
        '{"quantity": "1", "quantity": "2"}',
        '{"quantity": "1", "note": "\\u0000"}',
        '{"quantity": "1", "note": "\\ud800"}',
        '{"quantity": ' + "9" * 5000 + "}",
        "[" * 60_000,
    ],
)
def test_json_that_others_read_differently_is_malformed(call: Call, text: str) -> None:
    answer, body = call("POST", "/echo", body=text)
    assert (answer["statusCode"], body["code"]) == (400, "MALFORMED_JSON")


def test_a_body_that_is_not_utf_8_is_malformed(call: Call) -> None:
    api = create_api("test")

    @api.post("/echo")
    def echo(body: Body) -> Body:
        return body

    event = http_event("POST", "/echo") | {"body": "eyJhIjogIv8ifQ==", "isBase64Encoded": True}
    answer = lambda_handler(api)(event, LambdaContext())
    assert (answer["statusCode"], answer_of(answer)["code"]) == (400, "MALFORMED_JSON")


def test_a_body_that_is_not_there_or_not_declared_json_is_invalid(call: Call) -> None:
    for options in ({}, {"body": "{}", "headers": {"content-type": "text/plain"}}):
        answer, body = call("POST", "/echo", **options)
        assert (answer["statusCode"], body["code"]) == (422, "INVALID_REQUEST")


def test_a_body_over_64_kib_is_refused_before_it_is_read(call: Call) -> None:
    fits = json.dumps({"quantity": "1", "note": ""})
    note = "x" * (64 * 1024 - len(fits))
    answer, _ = call("POST", "/echo", body={"quantity": "1", "note": note})
    assert answer["statusCode"] == 200
    answer, body = call("POST", "/echo", body={"quantity": "1", "note": note + "x"})
    assert (answer["statusCode"], body["code"]) == (413, "BODY_TOO_LARGE")


def test_a_thousand_unknown_members_give_a_short_answer(call: Call) -> None:
    answer, body = call("POST", "/echo", body={f"{i}" + "x" * 40: 1 for i in range(1000)})
    assert answer["statusCode"] == 422
    assert len(body["errors"]) == 20
    assert len(answer["body"]) < 5000


def test_unknown_routes_and_methods_are_problems_too(call: Call) -> None:
    answer, body = call("GET", "/nowhere")
    assert (answer["statusCode"], body["code"]) == (404, "NOT_FOUND")
    answer, body = call("DELETE", "/echo")
    assert (answer["statusCode"], body["code"], answer["headers"]["allow"]) == (405, "METHOD_NOT_ALLOWED", "POST")


def test_a_refusal_carries_its_extensions_and_they_replace_nothing(call: Call) -> None:
    answer, body = call("GET", "/errors/refused")
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert (answer["statusCode"], body["status"], body["code"]) == (422, 422, "LIMIT_EXCEEDED")
    assert (body["title"], body["detail"], body["type"]) == (
        "Unprocessable Content",
        "two limits refuse",
        "about:blank",
    )
    assert body["refusals"] == [{"node_id": "n"}]


def test_what_is_not_known_yet_says_when_to_ask_again(call: Call) -> None:
    answer, body = call("GET", "/errors/engine")
    assert (answer["statusCode"], body["code"], answer["headers"]["retry-after"]) == (503, "ENGINE_UNAVAILABLE", "2")


def test_an_unexpected_error_tells_its_correlation_id_and_nothing_else(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    answer, body = call("GET", "/errors/bug", headers={"x-correlation-id": "abc-1"})
    assert (answer["statusCode"], body["code"], body["correlation_id"]) == (500, "INTERNAL", "abc-1")
    assert "secret" not in answer["body"]
    assert "RuntimeError: secret detail" in caplog.text
    assert logger().get_correlation_id() == "abc-1"


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "naïve", "a\nb"])
def test_a_correlation_id_that_cannot_be_printed_is_replaced(call: Call, given: str) -> None:
    answer, body = call("GET", "/errors/missing", headers={"x-correlation-id": given})
    assert answer["headers"]["x-correlation-id"] == body["correlation_id"] != given
    assert len(body["correlation_id"]) == 36


def test_the_caller_is_the_authorizers_context(call: Call) -> None:
    caller = caller_context()
    answer, body = call("GET", "/me", caller=caller, headers={"x-correlation-id": "abc-1"})
    assert answer["statusCode"] == 200
    assert body == {"tenant_id": caller["tenant_id"], "correlation_id": "abc-1"}


@pytest.mark.parametrize("context", [None, {}])
def test_without_a_context_nobody_is_authenticated(call: Call, context: dict[str, str] | None) -> None:
    answer, body = call("GET", "/me", caller=context)
    assert (answer["statusCode"], body["code"]) == (401, "NOT_AUTHENTICATED")


def test_a_missing_permission_is_named(call: Call) -> None:
    answer, body = call("GET", "/create", caller=caller_context("viewer"))
    assert (answer["statusCode"], body["code"], body["permission"]) == (403, "NOT_PERMITTED", "orders:create")


def test_a_nul_in_the_address_is_refused(call: Call) -> None:
    for options in ({"path": "/errors/a\0"}, {"path": "/me", "query": {"cursor": "\0"}}):
        answer, body = call("GET", **options)
        assert (answer["statusCode"], body["code"]) == (400, "MALFORMED_ADDRESS")
