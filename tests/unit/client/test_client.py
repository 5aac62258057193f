import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from breakwater.client import Client, Execution, Problem, ServerUnreachable, Session
from breakwater.client.pages import every
from breakwater.client.transport import ATTEMPTS_MAX, PAUSE_MAX_S

NOW = 1_000_000.0
SESSION = Session(access_token="access", refresh_token="refresh", expires_at=NOW + 3600)
ACCOUNT = "0b7b0d43-6f4c-4a4f-9d2d-111111111111"


class Server:
    """Answers in turn, the last answer for ever, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, session: Session | None = SESSION, **arguments: Any) -> Client:
        return Client(
            "http://test",
            session=session,
            transport=httpx.MockTransport(self),
            sleep=self.pauses_s.append,
            now=lambda: NOW,
            **arguments,
        )

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def problem(status: int, code: str, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "detail": "no", **more})


def test_an_order_is_sent_with_amounts_as_strings_and_without_what_was_not_asked_for() -> None:
    server = Server(httpx.Response(201, json={"order_id": "1"}))
    server.client().place_order(
        ACCOUNT, "ETH/USDT", "BUY", Decimal("0.50"), price="2684.10", client_order_id="a-1", post_only=True
    )
    assert server.bodies() == [
        {
            "client_order_id": "a-1",
            "account_id": ACCOUNT,
            "symbol": "ETH/USDT",
            "side": "BUY",
            "type": "LIMIT",
            "quantity": "0.50",
            "price": "2684.10",
            "post_only": True,
        }
    ]
    assert server.requests[0].headers["Authorization"] == "Bearer access"


def test_an_order_without_a_price_is_a_market_order() -> None:
    server = Server(httpx.Response(201, json={}))
    server.client().place_order(ACCOUNT, "ETH/USDT", "SELL", "1")
    assert server.bodies()[0]["type"] == "MARKET"
    assert "price" not in server.bodies()[0]


@pytest.mark.parametrize("amounts", [{"quantity": 0.5}, {"quantity": "0.5", "price": 2684.1}])
def test_a_float_amount_is_a_type_error_before_anything_is_sent(amounts: Any) -> None:
    server = Server(httpx.Response(201, json={}))
    with pytest.raises(TypeError, match="not a float"):
        server.client().place_order(ACCOUNT, "ETH/USDT", "BUY", **amounts)
    assert server.requests == []


def test_an_execution_is_sent_with_amounts_as_strings_and_without_what_was_not_asked_for() -> None:
    server = Server(httpx.Response(201, json={}))
    execution: Execution = {"algorithm": "OCO", "stop_px": Decimal("2.5E+3"), "stop_limit_px": None, "after": "o-1"}
    server.client().place_order(ACCOUNT, "ETH/USDT", "SELL", "1", price="2800", execution=execution)
    assert server.bodies()[0]["execution"] == {"algorithm": "OCO", "stop_px": "2500", "after": "o-1"}


def test_an_order_without_an_execution_names_none() -> None:
    server = Server(httpx.Response(201, json={}))
    server.client().place_order(ACCOUNT, "ETH/USDT", "SELL", "1", execution=None)
    assert "execution" not in server.bodies()[0]


def test_a_float_in_an_execution_is_a_type_error_before_anything_is_sent() -> None:
    server = Server(httpx.Response(201, json={}))
    execution: Any = {"algorithm": "STOP", "stop_px": 2500.1}
    with pytest.raises(TypeError, match="stop_px is a decimal string"):
        server.client().preview(ACCOUNT, "ETH/USDT", "SELL", "1", execution=execution)
    assert server.requests == []


def test_the_report_of_an_execution_is_asked_for_by_the_orders_id() -> None:
    server = Server(httpx.Response(200, json={"order_id": "1"}))
    assert server.client().execution("1/x")["order_id"] == "1"
    assert server.requests[0].url.raw_path == b"/orders/1%2Fx/execution"


def test_a_small_decimal_is_not_sent_in_scientific_notation() -> None:
    server = Server(httpx.Response(201, json={}))
    server.client().place_order(ACCOUNT, "BTC/USDT", "BUY", Decimal("0.00000001"))
    assert server.bodies()[0]["quantity"] == "0.00000001"


def test_an_order_that_met_silence_is_sent_again_under_the_same_id() -> None:
    server = Server(httpx.ReadTimeout("slow"), httpx.Response(200, json={"status": "NEW"}))
    order = server.client().place_order(ACCOUNT, "ETH/USDT", "BUY", "1", price="1")
    assert order["status"] == "NEW"
    first, second = server.bodies()
    assert first == second


def test_the_servers_retry_after_is_waited_for_but_never_for_long() -> None:
    answers = [httpx.Response(503, headers={"Retry-After": text}) for text in ("2", "3600")]
    server = Server(*answers, httpx.Response(200, json={"items": [], "next_cursor": None}))
    server.client().orders()
    assert server.pauses_s == [2.0, PAUSE_MAX_S]


def test_retries_end_and_the_last_word_is_the_servers() -> None:
    server = Server(problem(503, "ENGINE_UNAVAILABLE"))
    with pytest.raises(Problem) as raised:
        server.client().order("1")
    assert raised.value.code == "ENGINE_UNAVAILABLE"
    assert len(server.requests) == ATTEMPTS_MAX


def test_silence_to_the_end_is_server_unreachable() -> None:
    server = Server(httpx.ConnectError("refused"))
    with pytest.raises(ServerUnreachable, match="no answer from http://test"):
        server.client().order("1")
    assert len(server.requests) == ATTEMPTS_MAX


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.kill("n", "why"),
        lambda client: client.create_api_key("bot", ["read"]),
        lambda client: client.set_limit("n", "MAX_ORDER_QTY", value="1"),
    ],
)
def test_what_is_not_idempotent_is_sent_once(call: Callable[[Client], object]) -> None:
    server = Server(httpx.ReadTimeout("slow"))
    with pytest.raises(ServerUnreachable):
        call(server.client())
    assert len(server.requests) == 1


def test_a_refusal_carries_its_limits_and_its_correlation_id() -> None:
    refusals = [{"node_name": "desk", "largest_passing_quantity": "0.4"}]
    server = Server(problem(422, "LIMIT_EXCEEDED", refusals=refusals, correlation_id="c-1"))
    with pytest.raises(Problem) as raised:
        server.client().place_order(ACCOUNT, "ETH/USDT", "BUY", "1")
    assert raised.value.status == 422
    assert raised.value.refusals == refusals
    assert raised.value.correlation_id == "c-1"
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json=[1])])
def test_an_answer_that_is_no_json_object_is_a_problem(answer: httpx.Response) -> None:
    with pytest.raises(Problem, match="not a JSON object"):
        Server(answer).client().order("1")


def test_an_error_without_a_problem_document_still_says_its_status() -> None:
    with pytest.raises(Problem, match="the server answered 502") as raised:
        Server(httpx.Response(502, text="Bad Gateway")).client().order("1")
    assert raised.value.code == "HTTP_502"


def test_a_session_is_refreshed_before_it_expires_and_keeps_its_refresh_token() -> None:
    server = Server(
        httpx.Response(200, json={"access_token": "new", "expires_in": 3600}),
        httpx.Response(200, json={"order_id": "1"}),
    )
    client = server.client(Session(access_token="old", refresh_token="refresh", expires_at=NOW + 30))
    client.order("1")
    assert server.requests[0].url.path == "/auth/refresh"
    assert "Authorization" not in server.requests[0].headers
    assert server.requests[1].headers["Authorization"] == "Bearer new"
    assert client.session == Session(access_token="new", refresh_token="refresh", expires_at=NOW + 3600)


def test_a_call_before_sign_in_says_so_without_asking_the_server() -> None:
    server = Server(httpx.Response(200, json={}))
    with pytest.raises(Problem, match="sign in first"):
        server.client(session=None).orders()
    assert server.requests == []


def test_an_api_key_takes_the_place_of_a_session() -> None:
    server = Server(httpx.Response(200, json={"order_id": "1"}))
    server.client(session=None, api_key="key.secret").order("1")
    assert server.requests[0].headers["Authorization"] == "ApiKey key.secret"


def test_every_reads_page_after_page() -> None:
    server = Server(
        httpx.Response(200, json={"items": [{"n": 1}], "next_cursor": "next"}),
        httpx.Response(200, json={"items": [{"n": 2}], "next_cursor": None}),
    )
    assert list(every(server.client().trades, account_id=ACCOUNT)) == [{"n": 1}, {"n": 2}]
    assert dict(server.requests[1].url.params) == {"account_id": ACCOUNT, "cursor": "next"}


def test_pages_that_lead_in_a_circle_come_to_an_end() -> None:
    cursors = ("one", "two", "one")
    server = Server(*(httpx.Response(200, json={"items": [{}], "next_cursor": cursor}) for cursor in cursors))
    with pytest.raises(Problem, match="PAGES_REPEAT"):
        list(every(server.client().trades))
    assert len(server.requests) == 3


def test_health_is_told_also_when_a_dependency_is_down() -> None:
    down = {"status": "DOWN", "dependencies": {"database": {"state": "DOWN"}}}
    assert Server(httpx.Response(503, json=down)).client().health() == down
