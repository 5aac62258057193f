"""LOBSTER's messages through the matching core, and its book compared with theirs after each of them.

A message is only translated: the core decides. An execution becomes an incoming order of its size at its price, so the
core chooses whose order is taken: it must be who is first by price and time. That the message names somebody else is
counted and no difference, for the exchange itself goes round the queue now and then.
"""

import re
import time
from collections import Counter
from itertools import zip_longest
from pathlib import Path

from matching_core import Side

from fargate_engine.replay.files import Unreadable
from fargate_engine.replay.known_book import DoesNotFit, Execution, KnownBook
from fargate_engine.replay.lobster_files import (
    Levels,
    Message,
    MessageType,
    Row,
    read_messages,
    read_rows,
)
from fargate_engine.replay.report import Report, percent

AT_HEAD_GOAL_PERCENT = 99.0  # Of all executions.
HALTED, RESUMED = -1, 1  # What the price of a HALT message says.


def replay_lobster(messages: Path, rows: Path, *, seed: Path | None = None, levels_max: int | None = None) -> Report:
    """Replays as many messages as have a row. The first row of `seed` (by default of `rows`) is the book to begin with.

    `levels_max`: of how many levels a side the messages tell; by default what their file's name says, or a row has.
    Unreadable names file and line of what is not of the format.
    """
    started = time.perf_counter()
    seed_row = next(read_rows(seed or rows), None)
    if seed_row is None:
        raise Unreadable(f"{(seed or rows).name} has no row to begin with")
    named = re.search(r"_message_(\d{1,3})", messages.name)
    replay = LobsterReplay(messages.name, rows.name, levels_max or max(seed_row.width, int(named[1]) if named else 0))
    unpaired = 0  # Messages without a row, or rows without a message.
    for message, row in zip_longest(read_messages(messages), read_rows(rows)):
        if message is None or row is None:
            unpaired += 1
        elif not replay.report.rows:
            replay.begin(seed_row, message)
            replay.compare(message, row)
        else:
            replay.step(message, row)
    return replay.finish(unpaired, time.perf_counter() - started)


type Adoption = tuple[Side, int, int]  # Side, price, size.


class LobsterReplay:
    """A message and the row after it at a time. A row that differs corrects the book: each fault counts once."""

    def __init__(self, messages_name: str, rows_name: str, levels_max: int) -> None:
        self.report = Report(f"{messages_name} {rows_name}")
        self._messages_name = messages_name
        self._rows_name = rows_name
        self._book = KnownBook(levels_max)
        self._count = Counter[str]()
        self._first_not_at_head: str | None = None
        self._first_unknown: str | None = None

    def begin(self, seed: Row, message: Message) -> None:
        """The first row has the first message in it already: an order that it added stands behind all others."""
        for side, levels in ((Side.BUY, seed.bids), (Side.SELL, seed.asks)):
            for price, size in levels:
                self._book.adopt(side, price, size)
            self._book.set_horizon(side, levels[-1][0] if len(levels) == seed.width else None)
        if message.type is MessageType.ADD:
            side = Side.BUY if message.is_buy else Side.SELL
            older = dict(seed.bids if message.is_buy else seed.asks).get(message.price, 0) - message.size
            if older >= 0:
                self._book.adopt(side, message.price, older)
                self._book.add(message.order_id, side, message.price, message.size)

    def step(self, message: Message, row: Row) -> None:
        self._book.at_ns = message.at_ns
        try:
            self._take(message)
        except DoesNotFit as problem:
            self._count["not_fitting"] += 1
            where = f"{self._messages_name}:{message.line}"
            self.report.differs(where, message.type.name, expected="a message that fits the book", got=problem)
        self.compare(message, row)

    def compare(self, message: Message, row: Row) -> None:
        self.report.rows += 1
        bid_is_equal, bids = self._compare_side(Side.BUY, row.bids, message, row)
        ask_is_equal, asks = self._compare_side(Side.SELL, row.asks, message, row)
        to_adopt = bids + asks
        for side, price, _ in to_adopt:  # All that is wrong goes before what is right comes, or they might trade.
            self._book.adopt(side, price, 0)
        for level in to_adopt:
            self._book.adopt(*level)
        if bid_is_equal is None or ask_is_equal is None:
            self._count["best_unknown"] += 1
            if self._count["best_unknown"] == 1:
                self._first_unknown = f"{self._rows_name}:{row.line}"
        elif bid_is_equal and ask_is_equal:
            self._count["best_equal"] += 1

    def finish(self, unpaired: int, seconds: float) -> Report:
        if not self.report.rows:
            raise Unreadable(f"{self._messages_name} has no message")
        count, core = self._count, self._book.core
        executions = count["executions"]
        goal_is_met = 100 * count["at_head"] >= AT_HEAD_GOAL_PERCENT * executions if executions else None
        comparable = self.report.rows - count["best_unknown"]
        self.report.seconds = seconds
        self.report.figures = {
            "rows_with_best_beyond_what_was_known": count["best_unknown"],
            "first_such_row": self._first_unknown,
            "rows_with_best_known": comparable,
            "rows_with_best_equal": count["best_equal"],
            "best_equal_percent": percent(count["best_equal"], comparable),
            "levels_known": count["levels_known"],
            "levels_equal": count["levels_equal"],
            "levels_adopted_from_beyond_what_was_known": count["levels_adopted"],
            "executions": executions,
            "executions_at_head": count["at_head"],
            "at_head_percent": percent(count["at_head"], executions),
            "at_head_goal_percent": AT_HEAD_GOAL_PERCENT,
            "at_head_goal_is_met": goal_is_met,
            "executions_of_orders_older_than_the_file": count["of_older_orders"],
            "first_execution_not_at_head": self._first_not_at_head,
            "messages_beyond_what_is_known": self._book.outside,
            "messages_that_do_not_fit": count["not_fitting"],
            "lines_without_a_partner_in_the_other_file": unpaired,
            "core_live_orders": core.live_orders,
            "core_state_hash": f"{core.state_hash():016x}",
        }
        return self.report

    def _take(self, message: Message) -> None:
        side = Side.BUY if message.is_buy else Side.SELL
        named = (message.order_id, side, message.price, message.size)
        match message.type:
            case MessageType.ADD:
                self._book.add(*named)
            case MessageType.REDUCE:
                self._book.reduce(*named)
            case MessageType.DELETE:
                self._book.delete(*named)
            case MessageType.EXECUTE:
                self._take_execution(message, self._book.execute(*named))
            case MessageType.HALT if message.price == HALTED:
                self._book.halt()
            case MessageType.HALT if message.price == RESUMED:
                self._book.resume()

    def _take_execution(self, message: Message, execution: Execution | None) -> None:
        if execution is None:
            return
        self._count["executions"] += 1
        self._count["of_older_orders"] += execution.of_adopted
        where = f"{self._messages_name}:{message.line}"
        if execution.chosen == execution.named:
            self._count["at_head"] += 1
        elif self._count["executions"] == self._count["at_head"] + 1:
            self._first_not_at_head = f"{where}, order {message.order_id}"
        if execution.chosen != execution.first:
            what = f"who gives {message.size} at {message.price}, as (order id, size)"
            self.report.differs(where, what, expected=execution.first, got=execution.chosen)

    def _compare_side(self, side: Side, told: Levels, message: Message, row: Row) -> tuple[bool | None, list[Adoption]]:
        """Whether the best level is equal, None when it lies beyond what was known; and what the row makes known."""
        held = self._book.levels(side, row.width)
        known = told if held == told else [level for level in told if self._book.knows(side, level[0])]
        beyond = told[len(known) :]
        to_adopt = [(side, price, size) for price, size in beyond]
        self._count["levels_known"] += len(known)
        self._count["levels_adopted"] += len(beyond)
        self._count["levels_equal"] += len(known)
        if held != known:
            self._tell_difference(side, known, held, message, row)
            right, wrong = dict(known), dict(held)
            prices = sorted(price for price in right.keys() | wrong.keys() if right.get(price) != wrong.get(price))
            to_adopt += [(side, price, right.get(price, 0)) for price in prices]
            self._count["levels_equal"] -= len(right.keys() & set(prices))
        if len(told) < row.width:
            self._book.set_horizon(side, None)  # It shows the whole side.
        elif beyond:
            self._book.set_horizon(side, told[-1][0])
        return None if told and not known else held[:1] == known[:1], to_adopt

    def _tell_difference(self, side: Side, known: Levels, held: Levels, message: Message, row: Row) -> None:
        number = next(number for number, pair in enumerate(zip_longest(known, held)) if pair[0] != pair[1])
        expected, got = (
            f"{levels[number][1]} at {levels[number][0]}" if number < len(levels) else "no level"
            for levels in (known, held)
        )
        what = f"level {number + 1} of {side.name}, after {self._messages_name}:{message.line} ({message.type.name})"
        self.report.differs(f"{self._rows_name}:{row.line}", what, expected=expected, got=got)
