"""Parts of lists: from a time, from an id, or the newest; and refusals in the dialect's words."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import Span
from fargate_engine.firm_exchange.ordinary_way import within
from fargate_engine.firm_exchange.refusals import refusal_of_code, refusal_of_problem
from fargate_engine.gateway.addresses import forwarded_address

NEWEST_FIRST = [(500, 7, "e"), (400, 99, "d"), (300, 3, "c"), (200, 50, "b"), (100, 12, "a")]


@pytest.mark.parametrize(
    ("span", "items"),
    [
        (Span(2), "de"),
        (Span(9), "abcde"),
        (Span(2, start_ms=200), "bc"),
        (Span(9, start_ms=200, end_ms=400), "bcd"),
        (Span(2, end_ms=300), "bc"),
        (Span(2, from_number=3), "cd"),
        (Span(9, from_number=0), "abcde"),
    ],
)
def test_a_part_of_a_list_is_told_oldest_first(span: Span, items: str) -> None:
    assert "".join(within(span, NEWEST_FIRST)) == items


def test_an_id_that_nothing_has_is_refused_instead_of_an_end_that_is_none() -> None:
    with pytest.raises(BinanceError) as raised:
        within(Span(9, from_number=4), NEWEST_FIRST)
    assert raised.value.code == -1100


@pytest.mark.parametrize(
    ("status", "problem", "code"),
    [
        (422, {"code": "LIMIT_EXCEEDED", "refusals": [{"limit_type": "CREDIT"}]}, -2010),
        (422, {"code": "POST_ONLY_WOULD_TAKE", "detail": ""}, -2010),
        (422, {"code": "CAME_TOO_LATE", "detail": ""}, -1021),
        (409, {"code": "ORDER_ID_REUSED", "detail": ""}, -2010),
        (422, {"code": "INVALID_REQUEST", "detail": "quantity times price is below the minimum of 5 USDT"}, -1013),
        (503, {"code": "UNAVAILABLE", "detail": ""}, -1001),
        (503, {"code": "ENGINE_UNAVAILABLE", "detail": ""}, -1007),
        (500, {"code": "INTERNAL", "detail": ""}, -1007),
        (502, "no document", -1000),
    ],
)
def test_what_the_platform_says_becomes_what_a_client_acts_upon(status: int, problem: Any, code: int) -> None:
    assert refusal_of_problem(status, problem).code == code


def test_limits_are_named_with_what_would_pass_and_balances_as_clients_know_them() -> None:
    one = {"limit_type": "MAX_ORDER_QTY", "node_name": "Desk A", "limit": "5", "used": "0", "reserved": "0"}
    text = refusal_of_problem(422, {"refusals": [one | {"largest_passing_quantity": "5"}]}).message
    assert text == "Limit MAX_ORDER_QTY of Desk A refused it: 5, used 0, reserved 0; largest passing quantity 5"
    balance = refusal_of_problem(422, {"refusals": [{"limit_type": "CREDIT"}, {"limit_type": "CREDIT"}]}).message
    assert balance == "Account has insufficient balance for requested action."
    assert refusal_of_code("LEASE_NONSENSE", "why").message == "LEASE_NONSENSE: why"


def test_behind_a_balancer_an_address_is_what_that_added_last() -> None:
    headers = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.1, 192.0.2.7")]
    assert forwarded_address(make_mocked_request("GET", "/", headers=CIMultiDict(headers))) == "192.0.2.7"
    assert forwarded_address(make_mocked_request("GET", "/")) == ""
