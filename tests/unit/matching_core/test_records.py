"""The dtypes and enumerations against the header that the C++ side is made of."""

import enum
import re
from pathlib import Path

import matching_core
import numpy as np
import pytest

HEADER = (Path(__file__).parents[3] / "fargate_engine/core/include/book/messages.hpp").read_text()
SIZES = {"std::uint64_t": 8, "std::int64_t": 8, "std::uint32_t": 4, "std::uint16_t": 2, "std::uint8_t": 1}
COMMANDS = {
    "OrderTerms": matching_core.COMMAND,
    "InstrumentTerms": matching_core.INSTRUMENT_COMMAND,
    "AccountTerms": matching_core.ACCOUNT_COMMAND,
    "HoldingTerms": matching_core.HOLDING_COMMAND,
    "LeaseTerms": matching_core.LEASE_COMMAND,
}
ENUMERATIONS = ("Kind", "Side", "Type", "TimeInForce", "SelfTrade", "Trigger", "Reason", "EventKind", "TradingState")


def _fields(struct: str) -> list[tuple[str, int, int]]:
    """(name, offset, size) of each member, by C++'s rules; a union at the end is left out."""
    body = re.search(rf"struct {struct} {{(.*?)^}};", HEADER, re.DOTALL | re.MULTILINE)
    assert body is not None
    found, offset = [], 0
    members = re.findall(r"^  ([\w:]+) (\w+)(?:\[(\d+)\])?;", body[1].partition("union {")[0], re.MULTILINE)
    for kind, name, count in members:
        size = SIZES.get(kind, 1)  # The enumerations are bytes.
        offset = -(-offset // size) * size
        found.append((name, offset, size * int(count or 1)))
        offset += size * int(count or 1)
    return found


def _fields_of(dtype: np.dtype[np.void]) -> list[tuple[str, int, int]]:
    assert dtype.fields is not None
    return [(name, offset, kind.itemsize) for name, (kind, offset, *_) in dtype.fields.items()]


@pytest.mark.parametrize("terms", COMMANDS)
def test_a_command_lies_in_numpy_as_it_lies_in_cpp(terms: str) -> None:
    second_line = [
        ("spare_terms" if name == "spare" else name, 64 + offset, size) for name, offset, size in _fields(terms)
    ]
    assert _fields_of(COMMANDS[terms]) == _fields("Command") + second_line
    assert COMMANDS[terms].itemsize == 128


def test_an_event_lies_in_numpy_as_it_lies_in_cpp() -> None:
    assert _fields_of(matching_core.EVENT) == _fields("Event")
    assert matching_core.EVENT.itemsize == 64


@pytest.mark.parametrize("dtype", [*COMMANDS.values(), matching_core.EVENT])
def test_fields_cover_every_byte_so_that_a_copy_of_them_is_a_copy_of_the_record(dtype: np.dtype[np.void]) -> None:
    end = 0
    for _name, offset, size in _fields_of(dtype):
        assert offset == end
        end += size
    assert end == dtype.itemsize


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_an_enumeration_has_every_value_of_the_header(name: str) -> None:
    body = re.search(rf"enum class {name} : std::uint8_t {{(.*?)}};", HEADER, re.DOTALL)
    assert body is not None
    in_header = {
        re.sub(r"(?<!^)([A-Z])", r"_\1", value).upper(): int(number)
        for value, number in re.findall(r"\bk(\w+) = (\d+)", body[1])
    }
    enumeration = getattr(matching_core, name)
    assert issubclass(enumeration, enum.IntEnum)
    assert {member.name: member.value for member in enumeration} == in_header


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POST_ONLY", 1),
        ("REDUCE_ONLY", 2),
        ("FIRM_SELF_TRADE", 4),
        ("EXTENDED", 8),
        ("LEASED", 16),
        ("PRICE_MAX", 2**61 - 1),
        ("QUANTITY_MAX", 2**48),
        ("SYMBOL_MAX", 65_535),
    ],
)
def test_constants_are_those_that_the_specification_names(name: str, value: int) -> None:
    assert getattr(matching_core, name) == value
