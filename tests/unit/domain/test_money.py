import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from breakwater.domain.money import Amount, format_amount, format_computed, parse_amount, trim


class Priced(BaseModel):
    price: Amount


@pytest.mark.parametrize("text", ["0", "0.5", "2684.10", "-3", "999999999999999999.999999999999999999"])
def test_an_amount_comes_back_as_it_was_written(text: str) -> None:
    assert format_amount(parse_amount(text)) == text


@pytest.mark.parametrize(
    "told", [0.5, 1, True, None, "", " 1", "1 ", "+1", "1e3", "NaN", "Infinity", ".5", "5.", "1,000", "٣", "9" * 19]
)
def test_what_is_not_a_plain_decimal_string_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match="an amount is a decimal string"):
        parse_amount(told)


@pytest.mark.parametrize("number", ["0.5", "1", "1e400", "-0"])
def test_a_json_number_never_becomes_an_amount(number: str) -> None:
    with pytest.raises(ValidationError):
        Priced.model_validate_json(f'{{"price": {number}}}')


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**17), max_value=10**17))
def test_trimming_changes_how_an_amount_looks_and_not_what_it_is(amount: Decimal) -> None:
    trimmed = trim(amount)
    assert trimmed == amount
    assert "E" not in format_amount(trimmed)
    assert trimmed == amount.to_integral_value() or not format_amount(trimmed).endswith("0")
    assert math.isfinite(trimmed)


@given(st.integers(-(10**18), 10**18), st.integers(-18, 18))
def test_a_computed_amount_is_written_as_it_is_when_trimmed(digits: int, exponent: int) -> None:
    amount = Decimal(digits).scaleb(exponent)
    assert format_computed(amount) == format_amount(trim(amount))
