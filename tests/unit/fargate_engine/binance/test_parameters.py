"""Parameters of a request: each kind, and what a client is told of one that makes no sense."""

from decimal import Decimal
from typing import Any

import pytest

from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.parameters import PARAMETERS_MAX, Parameters


def code_of(raised: pytest.ExceptionInfo[BinanceError]) -> int:
    return raised.value.code


def test_values_are_read_from_query_and_body_as_a_form_writes_them() -> None:
    parameters = Parameters.of_queries("symbol=ETHUSDT&note=a%20b", "side=BUY&empty")
    assert parameters.required("symbol") == "ETHUSDT"
    assert parameters.text("note") == "a b"
    assert parameters.text("side") == "BUY"
    assert parameters.text("absent") is None


def test_a_value_that_is_given_twice_is_refused_wherever_it_stands() -> None:
    with pytest.raises(BinanceError) as raised:
        Parameters.of_queries("symbol=ETHUSDT", "symbol=BTCUSDT")
    assert code_of(raised) == -1101


def test_more_parameters_than_any_request_has_are_refused() -> None:
    with pytest.raises(BinanceError) as raised:
        Parameters.of_queries("&".join(f"p{number}=1" for number in range(PARAMETERS_MAX + 1)))
    assert code_of(raised) == -1101


def test_what_nobody_read_is_refused_but_for_what_signs() -> None:
    parameters = Parameters.of_queries("symbol=ETHUSDT&timestamp=1&recvWindow=5000&signature=x")
    with pytest.raises(BinanceError) as raised:
        parameters.finish()
    assert code_of(raised) == -1104
    parameters.text("symbol")
    parameters.finish()


@pytest.mark.parametrize(
    "text", ["0x10", "1e3", "-1", "+1", " 1", "1.", ".5", "NaN", "Infinity", "\u0661", "1" * 21, "1_0"]
)
def test_an_amount_is_plain_digits(text: str) -> None:
    with pytest.raises(BinanceError) as raised:
        Parameters([("quantity", text)]).amount("quantity")
    assert code_of(raised) == -1100


def test_an_amount_is_exact_and_above_zero() -> None:
    assert Parameters([("price", "2684.10")]).amount("price") == Decimal("2684.10")
    with pytest.raises(BinanceError, match="Invalid quantity"):
        Parameters([("quantity", "0.000")]).amount("quantity")


@pytest.mark.parametrize(("text", "code"), [("", -1105), ("x", -1100), ("-5", -1100), ("0", -1100), ("1001", -1100)])
def test_a_number_lies_between_its_bounds(text: str, code: int) -> None:
    with pytest.raises(BinanceError) as raised:
        Parameters([("limit", text)]).integer("limit", least=1, most=1000)
    assert code_of(raised) == code


@pytest.mark.parametrize("text", ["a" * 37, "with blank", "ü", "a\nb", "<script>"])
def test_a_client_order_id_has_the_letters_that_binance_allows(text: str) -> None:
    with pytest.raises(BinanceError) as raised:
        Parameters([("newClientOrderId", text)]).client_order_id("newClientOrderId")
    assert code_of(raised) == -1100


@pytest.mark.parametrize("params", [[], "text", 5, {"quantity": 0.1}, {"nested": {"a": 1}}, {"list": [1]}])
def test_json_parameters_are_texts_whole_numbers_and_lists_of_texts(params: Any) -> None:
    with pytest.raises(BinanceError):
        Parameters.of_json(params)


def test_json_parameters_read_like_those_of_a_query() -> None:
    parameters = Parameters.of_json({"limit": 5, "symbols": ["A", "B"], "flag": True})
    assert parameters.integer("limit") == 5
    assert parameters.text("symbols") == '["A","B"]'
    assert parameters.text("flag") == "true"
