"""LOBSTER's two files: messages, and the best levels of the book after each of them.

Format: the readme of lobsterdata.com's samples. Prices are dollars times 10,000, and stay whole numbers here.
"""

from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from matching_core import PRICE_MAX, QUANTITY_MAX

from fargate_engine.replay.files import Unreadable, quoted, read_lines, whole_numbers

NO_LEVEL = 9_999_999_999  # The price of an ask that is not there; with a minus that of a bid.
ORDER_ID_MAX = (1 << 61) - 1  # Above are the ids of our own.
LEVELS_MAX = 1_000

type Levels = list[tuple[int, int]]  # (price, quantity), best first.


class MessageType(IntEnum):
    ADD = 1
    REDUCE = 2
    DELETE = 3
    EXECUTE = 4
    EXECUTE_HIDDEN = 5
    CROSS = 6
    HALT = 7


class Message(NamedTuple):
    line: int
    at_ns: int  # After midnight.
    type: MessageType
    order_id: int
    size: int
    price: int
    is_buy: bool  # Of the order that rested, also when it was executed.


class Row(NamedTuple):
    line: int
    width: int  # How many levels a side it could show.
    bids: Levels
    asks: Levels


MESSAGE_TYPES = {b"%d" % kind: kind for kind in MessageType}
TOUCHES_ORDER = {MessageType.ADD, MessageType.REDUCE, MessageType.DELETE, MessageType.EXECUTE}


def read_messages(path: Path) -> Iterator[Message]:
    """Unreadable names file and line of a message that cannot be right. Columns after the sixth are not ours."""
    for line, text in read_lines(path):
        try:
            yield _message(line, text.split(b","))
        except ValueError as error:
            raise Unreadable(f"{path.name}:{line}: not a LOBSTER message: {error}") from error


def _message(line: int, columns: list[bytes]) -> Message:
    if len(columns) < 6:
        raise ValueError(f"6 columns expected, {len(columns)} found (time,type,order id,size,price,direction)")
    kind = MESSAGE_TYPES.get(columns[1])
    if kind is None:
        raise ValueError(f"type {quoted(columns[1])}, not 1 to 7")
    order_id, size, price, direction = whole_numbers(columns[2:6])
    if kind in TOUCHES_ORDER and not (
        0 < order_id <= ORDER_ID_MAX and 0 < size <= QUANTITY_MAX and 0 < price <= PRICE_MAX and direction in {1, -1}
    ):
        raise ValueError("order id, size, price or direction is out of range")
    return Message(line, _nanoseconds(columns[0]), kind, order_id, size, price, direction == 1)


def _nanoseconds(seconds: bytes) -> int:
    whole, _, fraction = seconds.partition(b".")
    try:
        at_ns = int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))
    except ValueError as error:
        raise ValueError(f"{quoted(seconds)} is not a time in seconds") from error
    if not 0 <= at_ns < 1 << 62:
        raise ValueError("the time is out of range")
    return at_ns


def read_rows(path: Path) -> Iterator[Row]:
    """Unreadable names file and line of a row that is no book: all must have as many levels as the first."""
    width = 0
    for line, text in read_lines(path):
        try:
            numbers = whole_numbers(text.split(b","))
            width = width or max(1, len(numbers) // 4)
            yield _row(line, numbers, width)
        except ValueError as error:
            raise Unreadable(f"{path.name}:{line}: not a LOBSTER order book row: {error}") from error


def _row(line: int, numbers: list[int], width: int) -> Row:
    if width > LEVELS_MAX:
        raise ValueError(f"at most {LEVELS_MAX:,} levels expected, {width:,} found")
    if len(numbers) != 4 * width:
        raise ValueError(f"{4 * width:,} columns expected, {len(numbers):,} found (four a level, in all rows alike)")
    bids = _levels(numbers[2::4], numbers[3::4], falling=True)
    return Row(line, width, bids, _levels(numbers[0::4], numbers[1::4], falling=False))


def _levels(prices: list[int], sizes: list[int], *, falling: bool) -> Levels:
    if abs(prices[-1]) == NO_LEVEL:  # Those that are not there come last.
        depth = next(depth for depth, price in enumerate(prices) if abs(price) == NO_LEVEL)
        prices, sizes = prices[:depth], sizes[:depth]
    if not prices:
        return []
    if min(prices) <= 0 or max(prices) > PRICE_MAX or min(sizes) <= 0 or max(sizes) > QUANTITY_MAX:
        raise ValueError("a price or a size is out of range")
    if prices != sorted(set(prices), reverse=falling):
        raise ValueError("its levels are not in order of price")
    return list(zip(prices, sizes, strict=True))
