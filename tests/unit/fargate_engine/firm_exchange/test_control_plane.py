"""How many may ask the control plane at once, and what is known when it does not answer."""

import asyncio
import io
import json
import threading
import uuid
from typing import Any

import pytest

from breakwater.domain.permissions import Principal
from breakwater.errors import Unavailable
from fargate_engine.firm_exchange import control_plane
from fargate_engine.firm_exchange.control_plane import (
    CANCELS_MAX,
    OF_ACCOUNT_MAX,
    ControlPlane,
    Function,
    OutcomeUnknown,
)
from fargate_engine.firm_exchange.owner import Owner
from tests.support.exchange_scene import until

NAMES = {Function.ORDERS: "orders-function", Function.QUERIES: "queries-function"}


class Functions:
    """Stands for the lambda client: answers when it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked: list[dict[str, Any]] = []
        self.payload: dict[str, Any] = {"statusCode": 201, "body": '{"order_id": "1"}'}
        self.failed = False

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked.append({"function": FunctionName, **json.loads(Payload)})
        self.may_answer.wait(10)
        answer: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(self.payload).encode())}
        return answer | ({"FunctionError": "Unhandled"} if self.failed else {})


def owner() -> Owner:
    principal = Principal(uuid.uuid4(), "sub", "bot", "trader", frozenset({"trade"}), api_key_id="0123456789abcdef")
    return Owner(principal, uuid.uuid4())


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def plane(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(control_plane, "WAIT_S", 0.2)
    plane = ControlPlane(NAMES, functions)
    yield plane
    functions.may_answer.set()
    plane.close()


async def test_a_function_is_told_who_asks_and_what(plane: ControlPlane, functions: Functions) -> None:
    functions.may_answer.set()
    who = owner()
    answer = await plane.ask(Function.ORDERS, "POST", "/orders", who, body={"symbol": "ETH/USDT"})
    assert (answer.status, answer.document, answer.is_done) == (201, {"order_id": "1"}, True)
    [asked] = functions.asked
    assert (asked["function"], asked["rawPath"], json.loads(asked["body"])) == (
        "orders-function",
        "/orders",
        {"symbol": "ETH/USDT"},
    )
    context = asked["requestContext"]["authorizer"]["lambda"]
    assert (context["tenant_id"], context["api_key_id"]) == (str(who.tenant_id), "0123456789abcdef")


async def test_one_account_takes_no_more_than_its_share_and_others_are_served(
    plane: ControlPlane, functions: Functions
) -> None:
    greedy = owner()
    waiting = [
        asyncio.create_task(plane.ask(Function.ORDERS, "POST", "/orders", greedy)) for _ in range(OF_ACCOUNT_MAX + 3)
    ]
    await until(lambda: len(functions.asked) == OF_ACCOUNT_MAX)
    other = asyncio.create_task(plane.ask(Function.ORDERS, "POST", "/orders", owner()))
    await until(lambda: len(functions.asked) > OF_ACCOUNT_MAX and sum(each.done() for each in waiting) == 3)
    assert len(functions.asked) == OF_ACCOUNT_MAX + 1
    functions.may_answer.set()
    outcomes = await asyncio.gather(*waiting, other, return_exceptions=True)
    assert sum(isinstance(each, Unavailable) for each in outcomes) == 3


async def test_cancels_have_room_of_their_own(plane: ControlPlane, functions: Functions) -> None:
    orders = [
        asyncio.create_task(plane.ask(Function.ORDERS, "POST", "/orders", owner()))
        for _ in range(control_plane.AT_ONCE_MAX - CANCELS_MAX)
    ]
    await until(lambda: len(functions.asked) == len(orders))
    refused = asyncio.create_task(plane.ask(Function.ORDERS, "POST", "/orders", owner()))
    cancel = asyncio.create_task(plane.ask(Function.ORDERS, "DELETE", "/orders/1", owner()))
    await until(lambda: len(functions.asked) > len(orders))
    assert functions.asked[-1]["requestContext"]["http"]["method"] == "DELETE"
    with pytest.raises(Unavailable):
        await refused
    functions.may_answer.set()
    await asyncio.gather(*orders, cancel)
    assert plane._of_accounts == {}


@pytest.mark.parametrize("payload", [{"statusCode": 200, "body": "not json"}, {"errorMessage": "timed out"}, {}])
async def test_an_answer_that_makes_no_sense_says_nothing_of_the_outcome(
    plane: ControlPlane, functions: Functions, payload: dict[str, Any]
) -> None:
    functions.may_answer.set()
    functions.payload = payload
    with pytest.raises(OutcomeUnknown):
        await plane.ask(Function.ORDERS, "POST", "/orders", owner())


async def test_a_function_that_failed_may_have_done_what_it_was_asked(
    plane: ControlPlane, functions: Functions
) -> None:
    functions.may_answer.set()
    functions.failed = True
    with pytest.raises(OutcomeUnknown):
        await plane.ask(Function.ORDERS, "POST", "/orders", owner())
