"""The QuantCup contest's score feed (CSV) and its tests (JSON) through the matching core.

The contest's rules: price, then time; a trade has the maker's price; a cancel that hits nothing is ignored. The feed
comes without answers, so a second book, as simple as can be, is asked for them. The tests have theirs with them.
"""

import time
from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from matching_core import (
    COMMAND,
    INSTRUMENT_COMMAND,
    PRICE_MAX,
    QUANTITY_MAX,
    EventKind,
    Kind,
    MatchingCore,
    Side,
    TimeInForce,
    Type,
)

from fargate_engine.replay.files import Unreadable, quoted, read_lines, whole_number
from fargate_engine.replay.naive_book import NaiveBook, Trade
from fargate_engine.replay.report import Report

BATCH_ROWS = 8_192
DEPTH_LEVELS_MAX = 1 << 20
HEADER = b"seq,kind,order_id,trader,side,price,size"
COLUMNS = HEADER.count(b",") + 1
ORDER_ID_MAX = (1 << 62) - 1
SYMBOL = 1
SIDES = {"bid": Side.BUY, "ask": Side.SELL}
ORDER_FIELDS = {"symbol": str, "trader": str, "side": str, "price": int, "size": int}

type Records = np.ndarray[Any, np.dtype[np.void]]


class FeedRow(NamedTuple):
    line: int
    order_id: int
    side: Side | None  # None: the cancel of that order.
    price: int
    size: int


class Answer(NamedTuple):
    """What a row of the feed did."""

    trades: list[Trade]
    canceled: bool
    refused: bool


class ExecutionReport(NamedTuple):
    symbol: str
    trader: str
    side: str
    price: int
    size: int


def replay_feed(path: Path) -> Report:
    """Every row's trades and the book that is left; the state hash in batches and in single calls.

    Unreadable names file and line of what is not of the format.
    """
    started = time.perf_counter()
    report = Report(path.name)
    core, one_by_one, naive = _core(), _core(), NaiveBook()
    limits = hits = trades = volume = 0
    for rows in batched(_feed_rows(path), BATCH_ROWS, strict=False):
        commands = _feed_commands(rows)
        for row, got in zip(rows, _answers(core.apply(commands), len(rows)), strict=True):
            expected = _naive_answer(naive, row)
            if expected != got:
                report.differs(f"{path.name}:{row.line}", "the row's answer", expected=expected, got=got)
            limits += row.side is not None
            hits += got.canceled
            trades += len(got.trades)
            volume += sum(trade.size for trade in got.trades)
        for command in commands:
            one_by_one.apply_one(command)
        report.rows += len(rows)
    if not report.rows:
        raise Unreadable(f"{path.name} has no row")
    _compare_books(report, core, naive)
    if core.state_hash() != one_by_one.state_hash():
        hashes = {"expected": f"{core.state_hash():016x}", "got": f"{one_by_one.state_hash():016x}"}
        report.differs(path.name, "state hash of single calls, not that of batches", **hashes)
    report.figures = {
        "limits": limits,
        "cancels": report.rows - limits,
        "cancels_that_hit_nothing": report.rows - limits - hits,
        "trades": trades,
        "volume": volume,
        "resting_orders": core.live_orders,
        "levels": sum(len(core.depth(SYMBOL, side, DEPTH_LEVELS_MAX)) for side in Side),
        "core_state_hash": f"{core.state_hash():016x}",
    }
    report.seconds = time.perf_counter() - started
    return report


def replay_tests(path: Path) -> Report:
    """The contest's tests. Unreadable names the test that is not of the format."""
    started = time.perf_counter()
    report = Report(path.name)
    for number, test in enumerate(_contest_tests(path), start=1):
        where = f"{path.name}: test {number}"
        try:
            _check_test(test)
        except ValueError as error:
            raise Unreadable(f"{where}: not of the format: {error}") from error
        expected = [
            ExecutionReport(**{name: told[name] for name in ORDER_FIELDS})
            for told in test["expected_execution_reports"]
        ]
        got = _run_test(test)
        if _in_pairs(expected) != _in_pairs(got):
            report.differs(where, str(test.get("note", "")), expected=expected, got=got)
        report.rows += 1
    report.figures = {"tests": report.rows, "passed": report.rows - report.differences}
    report.seconds = time.perf_counter() - started
    return report


def _contest_tests(path: Path) -> list[Any]:
    try:
        contest = orjson.loads(path.read_bytes())
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Unreadable(f"{path.name}: not JSON: {error}") from error
    tests = contest.get("tests") if isinstance(contest, dict) else None
    if not isinstance(tests, list) or not tests:
        raise Unreadable(f"{path.name}: not JSON with a list of `tests`")
    return tests


def _check_test(test: Any) -> None:
    """ValueError says in words for people what a test of the contest would have."""
    if not isinstance(test, dict):
        raise ValueError("it is no JSON object")
    for name in ("orders", "expected_execution_reports"):
        if name not in test:
            raise ValueError(f"`{name}` is missing")
    for name in ("orders", "expected_execution_reports", "then_orders", "then_cancel_ids"):
        entries = test.get(name, [])
        if not isinstance(entries, list):
            raise ValueError(f"`{name}` is not a list")
        for entry in entries:
            if name == "then_cancel_ids":
                _check_cancel_id(entry)
            else:
                _check_order(name, entry)


def _check_cancel_id(entry: Any) -> None:
    if type(entry) is not int or not 0 <= entry <= ORDER_ID_MAX:
        raise ValueError("an entry of `then_cancel_ids` is not the number of an order")


def _check_order(name: str, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise ValueError(f"an entry of `{name}` is no JSON object")
    for field, kind in ORDER_FIELDS.items():
        if type(entry.get(field)) is not kind:
            raise ValueError(
                f"an entry of `{name}` has no `{field}` that is a {'text' if kind is str else 'whole number'}"
            )
    if entry["side"] not in SIDES:
        raise ValueError(f"an entry of `{name}` has side {quoted(entry['side'])}, not bid or ask")
    if not (0 <= entry["price"] <= PRICE_MAX and 0 <= entry["size"] <= QUANTITY_MAX):
        raise ValueError(f"an entry of `{name}` has a price or size out of range")


def _run_test(test: dict[str, Any]) -> list[ExecutionReport]:
    """Order ids are 1, 2, ... in order of the limits."""
    core = MatchingCore(orders=1_024)
    symbols: dict[str, int] = {}
    orders: list[dict[str, Any]] = []
    reports: list[ExecutionReport] = []
    for step in [*test["orders"], *test.get("then_cancel_ids", []), *test.get("then_orders", [])]:
        if isinstance(step, int):
            core.cancel(step)
            continue
        if step["symbol"] not in symbols:
            symbols[step["symbol"]] = len(symbols) + 1
            _list_instrument(core, len(symbols))
        orders.append(step)
        symbol, side = symbols[step["symbol"]], SIDES[step["side"]]
        core.submit_limit(len(orders), symbol, 0, side, step["price"], step["size"])
        events = core.events()
        for trade in events[events["kind"] == EventKind.TRADED]:
            for order_id in (trade["maker_id"], trade["order_id"]):
                party = orders[int(order_id) - 1]
                own = (party["symbol"], party["trader"], party["side"])
                reports.append(ExecutionReport(*own, int(trade["price"]), int(trade["quantity"])))
    return reports


def _in_pairs(reports: list[ExecutionReport]) -> list[list[ExecutionReport]]:
    """The two reports of a trade may come in either order."""
    return [sorted(reports[first : first + 2]) for first in range(0, len(reports), 2)]


def _feed_rows(path: Path) -> Iterator[FeedRow]:
    last_id = 0
    for line, text in read_lines(path):
        if text == HEADER:
            continue
        try:
            row = _feed_row(line, text.decode(errors="replace").split(","))
        except ValueError as error:
            raise Unreadable(f"{path.name}:{line}: not a row of a score feed: {error}") from error
        if row.side is not None:
            if row.order_id <= last_id:
                raise Unreadable(f"{path.name}:{line}: order id {row.order_id} after {last_id}: limits' ids must rise")
            last_id = row.order_id
        yield row


def _feed_row(line: int, columns: list[str]) -> FeedRow:
    if len(columns) != COLUMNS:
        raise ValueError(f"{COLUMNS} columns expected, {len(columns)} found")
    _, kind, id_column, _, side, price_column, size_column = columns
    order_id = whole_number(id_column)
    if not 0 < order_id <= ORDER_ID_MAX:
        raise ValueError("the order id is out of range")
    if kind == "cancel":
        return FeedRow(line, order_id, None, 0, 0)
    if kind != "limit":
        raise ValueError(f"kind {quoted(kind)}, not limit or cancel")
    if side not in SIDES:
        raise ValueError(f"side {quoted(side)}, not bid or ask")
    price, size = whole_number(price_column), whole_number(size_column)
    if not (0 < price <= PRICE_MAX and 0 < size <= QUANTITY_MAX):
        raise ValueError("price or size is out of range")
    return FeedRow(line, order_id, SIDES[side], price, size)


def _feed_commands(rows: tuple[FeedRow, ...]) -> Records:
    commands = np.zeros(len(rows), COMMAND)
    commands["symbol"] = SYMBOL
    commands["kind"] = [Kind.CANCEL if row.side is None else Kind.SUBMIT for row in rows]
    commands["side"] = [row.side or 0 for row in rows]
    commands["type"], commands["time_in_force"] = Type.LIMIT, TimeInForce.GTC
    for name in ("order_id", "price", "size"):
        commands["quantity" if name == "size" else name] = [getattr(row, name) for row in rows]
    return commands


def _answers(events: Records, count: int) -> list[Answer]:
    """What the core did at each of `count` commands."""
    trades: list[list[Trade]] = [[] for _ in range(count)]
    for trade in events[events["kind"] == EventKind.TRADED].tolist():
        fields = dict(zip(events.dtype.names or (), trade, strict=True))
        trades[fields["command"]].append(Trade(fields["maker_id"], fields["price"], fields["quantity"]))
    canceled, refused = (
        set(events["command"][events["kind"] == kind].tolist()) for kind in (EventKind.CANCELED, EventKind.REJECTED)
    )
    return [Answer(trades[index], index in canceled, index in refused) for index in range(count)]


def _naive_answer(naive: NaiveBook, row: FeedRow) -> Answer:
    if row.side is None:
        return Answer([], naive.cancel(row.order_id), refused=False)
    return Answer(naive.limit(row.order_id, row.side, row.price, row.size), canceled=False, refused=False)


def _compare_books(report: Report, core: MatchingCore, naive: NaiveBook) -> None:
    for side in Side:
        expected, got = naive.depth(side), core.depth(SYMBOL, side, DEPTH_LEVELS_MAX)
        if expected != got:
            report.differs(report.name, f"{side.name} levels at the end", expected=expected, got=got)
    resting = naive.resting()
    left = {order_id: order.leaves for order_id in resting if (order := core.order(order_id)) is not None}
    if left != resting or core.live_orders != len(resting):
        report.differs(report.name, "what is left of each order at the end", expected=resting, got=left)


def _core() -> MatchingCore:
    core = MatchingCore()
    _list_instrument(core, SYMBOL)
    return core


def _list_instrument(core: MatchingCore, symbol: int) -> None:
    listing = np.zeros(1, INSTRUMENT_COMMAND)
    listing["kind"], listing["symbol"], listing["tick"], listing["lot"] = Kind.LIST_INSTRUMENT, symbol, 1, 1
    core.apply(listing)
