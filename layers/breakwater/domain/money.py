"""Exact amounts: decimal strings outside, `Decimal` inside. A float never becomes an amount."""

import re
from decimal import Context, Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

DIGITS_MAX = 18  # On each side of the point. Wider than any venue quotes, far inside Postgres numeric.
EXACT = Context(prec=80)  # A product of two amounts, summed a billion times, still fits without rounding.

_PATTERN = rf"-?[0-9]{{1,{DIGITS_MAX}}}(\.[0-9]{{1,{DIGITS_MAX}}})?"  # Not \d, which is any script's digit.
_AMOUNT = re.compile(_PATTERN)


def parse_amount(text: object) -> Decimal:
    """A decimal string such as "0.50", with its scale kept; ValueError for anything else, a JSON number among it."""
    if isinstance(text, Decimal):
        return text
    if not isinstance(text, str):
        raise ValueError('an amount is a decimal string such as "0.5", not a JSON number')
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"an amount is a decimal string with at most {DIGITS_MAX} digits on each side of the point")
    return Decimal(text)


def format_amount(amount: Decimal) -> str:
    """Plain notation in the scale the amount has: what a client sent comes back as it was sent."""
    return format(amount, "f")


def format_computed(amount: Decimal) -> str:
    """`format_amount(trim(amount))` in one step."""
    return format(amount.normalize(EXACT), "f")


def trim(amount: Decimal) -> Decimal:
    """A computed amount without trailing zeros, which say nothing there: 0.5000 becomes 0.5, 100 stays 100."""
    if amount == amount.to_integral_value():
        return amount.quantize(Decimal(1), context=EXACT)
    return amount.normalize(EXACT)


Amount = Annotated[
    Decimal,
    BeforeValidator(parse_amount),
    PlainSerializer(format_amount, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATTERN}$", "examples": ["0.5"]}),
]

# One that is a text already, as wide as what was computed: a product has the digits of both its factors.
AmountText = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["0.5"]})
]
