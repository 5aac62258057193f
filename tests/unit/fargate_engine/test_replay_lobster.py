"""LOBSTER files through the core: equal where they are right, and the first place named where they are not."""

import gzip
from pathlib import Path

import pytest
from matching_core import Side

from fargate_engine.replay.files import LINE_BYTES_MAX, Unreadable
from fargate_engine.replay.known_book import SYMBOL, KnownBook
from fargate_engine.replay.lobster import replay_lobster
from fargate_engine.replay.report import Report
from tests.support.lobster_tape import NO_LEVEL, Tape, lobster_tape

SAMPLES = Path(__file__).parents[2] / "data"
TAPE = lobster_tape(seed=1, length=400, levels=5)


def replayed(folder: Path, tape: Tape, *, levels: int | None = None, seed: list[str] | None = None) -> Report:
    messages, rows = folder / "messages.csv", folder / "rows.csv"
    messages.write_text("".join(f"{line}\n" for line in tape.messages))
    rows.write_text("".join(f"{line}\n" for line in tape.rows))
    if seed is not None:
        (folder / "seed.csv").write_text("".join(f"{line}\n" for line in seed))
    return replay_lobster(messages, rows, seed=None if seed is None else folder / "seed.csv", levels_max=levels)


def best_only(tape: Tape) -> Tape:
    return Tape(tape.messages, [",".join(row.split(",")[:4]) for row in tape.rows])


def test_the_sample_is_equal_in_every_row_and_level() -> None:
    report = replay_lobster(SAMPLES / "lobster_message_3.csv", SAMPLES / "lobster_orderbook_3.csv")
    assert report.differences == 0
    assert report.rows == report.figures["rows_with_best_equal"] == 250
    assert report.figures["levels_equal"] == report.figures["levels_known"]
    assert report.figures["executions_at_head"] == report.figures["executions"]
    assert report.figures["messages_that_do_not_fit"] == 0


@pytest.mark.parametrize("levels", [1, 2, 5, 20])
@pytest.mark.parametrize("first", [0, 1, 777])
def test_a_tape_of_any_depth_is_equal_from_wherever_it_begins(tmp_path: Path, levels: int, first: int) -> None:
    tape = lobster_tape(seed=levels, length=1_800, levels=levels).part(first)
    report = replayed(tmp_path, tape)
    figures = report.figures
    assert report.first is None
    assert figures["rows_with_best_equal"] == figures["rows_with_best_known"]
    assert figures["levels_equal"] == figures["levels_known"]
    assert figures["executions_at_head"] == figures["executions"]
    assert report.rows == len(tape.rows)


def test_a_side_that_was_known_whole_is_so_no_longer_once_it_fills_the_view(tmp_path: Path) -> None:
    """This tape begins with nine asks of ten; later a tenth hides what comes to lie below it."""
    tape = lobster_tape(seed=5, length=80, levels=10)
    assert str(NO_LEVEL) in tape.rows[0]
    report = replayed(tmp_path, tape)
    assert report.first is None
    assert report.figures["levels_adopted_from_beyond_what_was_known"] == 2


def test_levels_that_come_into_sight_are_adopted_and_not_counted_as_equal(tmp_path: Path) -> None:
    report = replayed(tmp_path, TAPE)
    shown = sum(2 * 5 - row.count(str(NO_LEVEL)) for row in TAPE.rows)
    adopted = report.figures["levels_adopted_from_beyond_what_was_known"]
    assert isinstance(adopted, int)
    assert adopted > 0
    assert report.figures["levels_known"] == shown - adopted


def test_a_best_level_that_nobody_could_know_is_counted_apart_and_its_row_named(tmp_path: Path) -> None:
    """Rows of one level: what lies below the best is unknown until the best is gone."""
    report = replayed(tmp_path, best_only(lobster_tape(seed=3, length=1_500, levels=10)), levels=10)
    unknown = report.figures["rows_with_best_beyond_what_was_known"]
    assert isinstance(unknown, int)
    assert 0 < unknown < 300
    assert report.figures["rows_with_best_known"] == 1_500 - unknown
    assert str(report.figures["first_such_row"]).startswith("rows.csv:")
    assert report.first is None


def test_a_seed_with_more_levels_makes_the_best_known(tmp_path: Path) -> None:
    tape = lobster_tape(seed=3, length=1_500, levels=30)
    with_seed = replayed(tmp_path, best_only(tape), seed=tape.rows)
    without = replayed(tmp_path, best_only(tape), levels=30)
    assert with_seed.figures["rows_with_best_equal"] == 1_500
    assert without.figures["rows_with_best_equal"] != 1_500
    assert with_seed.differences == without.differences == 0


def test_the_messages_file_may_name_how_deep_it_looks(tmp_path: Path) -> None:
    tape = best_only(lobster_tape(seed=4, length=1_000, levels=10))
    messages, rows = tmp_path / "ABC_message_10.csv", tmp_path / "rows.csv"
    messages.write_text("\n".join(tape.messages))
    rows.write_text("\n".join(tape.rows))
    assert replay_lobster(messages, rows).figures == replay_lobster(messages, rows, levels_max=10).figures
    assert replay_lobster(messages, rows).figures != replay_lobster(messages, rows, levels_max=1).figures


def test_a_row_with_another_size_is_named_with_what_was_expected_and_got(tmp_path: Path) -> None:
    columns = TAPE.rows[200].split(",")
    true_size = columns[1]
    columns[1] = str(int(true_size) + 7)
    report = replayed(tmp_path, Tape(TAPE.messages, [*TAPE.rows[:200], ",".join(columns), *TAPE.rows[201:]]))
    assert report.first is not None
    assert report.first.where == "rows.csv:201"
    assert report.first.what.startswith("level 1 of SELL, after messages.csv:201")
    assert report.first.expected == f"{columns[1]} at {columns[0]}"
    assert report.first.got == f"{true_size} at {columns[0]}"
    assert report.figures["rows_with_best_equal"] in {398, 399}  # The next row may say the truth again.


def test_a_message_left_out_is_found_in_its_row_or_soon_after(tmp_path: Path) -> None:
    left_out = next(index for index, text in enumerate(TAPE.messages) if index > 100 and ",1," in text[:22])
    broken = Tape(TAPE.messages[:left_out] + TAPE.messages[left_out + 1 :], TAPE.rows)
    report = replayed(tmp_path, broken)
    assert report.first is not None
    assert report.first.where == f"rows.csv:{left_out + 1}"
    assert report.figures["lines_without_a_partner_in_the_other_file"] == 1


QUEUE = Tape(
    messages=["1.0,1,1,10,100,1", "1.1,1,2,20,100,1", "1.2,1,3,30,100,1"],
    rows=["105,5,100,10", "105,5,100,30", "105,5,100,60"],
)


def test_an_execution_out_of_turn_is_counted_and_spoils_nothing_after_it(tmp_path: Path) -> None:
    later = Tape(
        messages=["2,4,2,20,100,1", "3,4,1,10,100,1", "4,4,3,30,100,1", "5,3,9,5,105,-1"],
        rows=["105,5,100,40", "105,5,100,30", f"105,5,-{NO_LEVEL},0", f"{NO_LEVEL},0,-{NO_LEVEL},0"],
    )
    report = replayed(tmp_path, Tape(QUEUE.messages + later.messages, QUEUE.rows + later.rows))
    assert (report.figures["executions"], report.figures["executions_at_head"]) == (3, 2)
    assert report.figures["first_execution_not_at_head"] == "messages.csv:4, order 2"
    assert report.figures["rows_with_best_equal"] == 7
    assert report.differences == 0
    assert (report.figures["at_head_percent"], report.figures["at_head_goal_is_met"]) == (66.6667, False)
    assert report.figures["core_live_orders"] == 0


def test_one_execution_in_a_hundred_out_of_turn_meets_the_goal(tmp_path: Path) -> None:
    messages = ["1,1,1,200,100,1", "1,1,2,200,100,1", "2,4,2,1,100,1", *["3,4,1,1,100,1"] * 99]
    rows = [f"105,5,100,{size}" for size in (200, *range(400, 299, -1))]
    report = replayed(tmp_path, Tape(messages, rows))
    assert report.differences == 0
    assert (report.figures["at_head_percent"], report.figures["at_head_goal_is_met"]) == (99.0, True)


def test_a_partial_cancel_keeps_its_place_in_the_queue(tmp_path: Path) -> None:
    later = Tape(messages=["2,2,1,4,100,1", "3,4,1,6,100,1"], rows=["105,5,100,56", "105,5,100,50"])
    report = replayed(tmp_path, Tape(QUEUE.messages + later.messages, QUEUE.rows + later.rows))
    assert report.differences == 0
    assert report.figures["executions_at_head"] == 1


def test_hidden_executions_crosses_and_halts_leave_the_book_as_it_is(tmp_path: Path) -> None:
    """After the halt orders rest across each other, and the cross takes them by its own rules."""
    untouched, crossed, traded = "105,5,100,60", "105,5,106,5", "105,5,100,50"
    steps = [
        ("2,5,0,7,103,-1", untouched),
        ("2.1,6,-1,500,101,-1", untouched),
        ("3,7,0,0,-1,-1", untouched),
        ("4,1,8,5,106,1", crossed),
        ("4.5,7,0,0,0,-1", crossed),
        ("5,4,8,5,106,1", untouched),
        ("6,7,0,0,1,-1", untouched),
        ("7,4,1,10,100,1", traded),
    ]
    later = Tape([message for message, _ in steps], [row for _, row in steps])
    report = replayed(tmp_path, Tape(QUEUE.messages + later.messages, QUEUE.rows + later.rows), levels=5)
    assert report.first is None
    assert (report.figures["executions"], report.figures["executions_at_head"]) == (1, 1)


def test_orders_older_than_the_file_take_from_what_was_there(tmp_path: Path) -> None:
    tape = Tape(
        messages=["1,1,50,10,100,1", "2,2,7,4,100,1", "3,3,8,6,100,1", "4,4,9,20,100,1", "5,4,50,10,100,1"],
        rows=["105,5,100,60", "105,5,100,56", "105,5,100,50", "105,5,100,30", "105,5,100,20"],
    )
    report = replayed(tmp_path, tape)
    assert report.figures["executions_of_orders_older_than_the_file"] == 1
    assert report.figures["executions_at_head"] == 1  # Order 50 goes before 20 that are older.
    assert report.first is None


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("2,1,2,5,100,1", "order 2 is in the book already"),
        ("2,3,77,5,105,-1", "5 of order 77 at 105, where 4 can be its"),
        ("2,2,2,21,100,1", "21 of order 2 at 100, where 20 can be its"),
        ("2,3,2,19,100,1", "order 2 is deleted with 19 left, and 20 was left"),
        ("2,4,77,1,101,1", "order 77 is not in the book"),
    ],
)
def test_a_message_that_cannot_fit_the_book_is_a_difference(tmp_path: Path, message: str, problem: str) -> None:
    tape = Tape(
        ["1.0,1,1,10,100,1", "1.1,1,2,20,100,1", message, "9,5,0,1,100,1"],
        ["105,4,100,10", "105,4,100,30", "105,4,100,30", "105,4,100,30"],
    )
    report = replayed(tmp_path, tape)
    assert report.figures["messages_that_do_not_fit"] == 1
    assert report.first is not None
    assert (report.first.where, report.first.got) == ("messages.csv:3", problem)


def test_a_core_that_forgets_time_priority_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest order loses its place behind the messages' back, as if the core had mixed up its queue."""
    add = KnownBook.add

    def add_and_requeue_the_first(book: KnownBook, order_id: int, side: Side, price: int, size: int) -> None:
        add(book, order_id, side, price, size)
        if order_id == 3:
            book.core.cancel(1)
            book.core.submit_limit(1, SYMBOL, 0, side, price, 10)

    monkeypatch.setattr(KnownBook, "add", add_and_requeue_the_first)
    later = Tape(["2,4,1,10,100,1", "3,4,2,20,100,1"], ["105,5,100,50", "105,5,100,30"])
    report = replayed(tmp_path, Tape(QUEUE.messages + later.messages, QUEUE.rows + later.rows))
    assert report.first is not None
    assert report.first.where == "messages.csv:4"
    assert (report.first.expected, report.first.got) == ("[(1, 10)]", "[(2, 10)]")
    assert report.differences == 1


def test_messages_beyond_what_is_known_change_nothing_that_is_compared(tmp_path: Path) -> None:
    tape = Tape(
        ["1,1,1,10,100,1", "2,1,2,10,90,1", "3,3,2,10,90,1", "4,4,77,10,80,1", "5,3,1,10,100,1"],
        ["105,4,100,10"] * 4 + ["105,4,95,7"],
    )
    report = replayed(tmp_path, tape, levels=5)
    assert report.figures["messages_beyond_what_is_known"] == 3
    assert report.figures["first_such_row"] == "rows.csv:5"
    assert report.differences == 0


def test_blank_lines_windows_ends_more_columns_and_gzip_read_as_the_plain_file(tmp_path: Path) -> None:
    plain = replayed(tmp_path, TAPE)
    messages, rows = tmp_path / "messages.csv.gz", tmp_path / "rows_crlf.csv"
    messages.write_bytes(gzip.compress("\n\n".join(f"{text},MPID" for text in TAPE.messages).encode()))
    rows.write_bytes("\r\n".join(TAPE.rows).encode() + b"\r\n\r\n")
    assert replay_lobster(messages, rows).figures == plain.figures


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("34200.1,1,5,10,100", "6 columns expected, 5 found"),
        ("34200.1,8,5,10,100,1", "type '8', not 1 to 7"),
        ("34200.1,1,5,ten,100,1", "'ten' is not a whole number"),
        ("34200.1,1,5,0,100,1", "out of range"),
        ("34200.1,1,5,10,-100,1", "out of range"),
        ("34200.1,1,0,10,100,1", "out of range"),
        ("34200.1,1,5,10,100,0", "out of range"),
        (f"34200.1,1,5,{1 << 49},100,1", "out of range"),
        (f"34200.1,1,{1 << 61},10,100,1", "out of range"),
        ("noon,1,5,10,100,1", "'noon' is not a time in seconds"),
        ("1e99999,1,5,10,100,1", "'1e99999' is not a time in seconds"),
        (f"{10**12},1,5,10,100,1", "time"),
        ("\udcff\udcfe", "6 columns expected, 1 found"),
        ("9" * 5_000 + ",1,5,10,100,1", r"9'\.\.\. \(5,000 characters\) is not a time in seconds"),
        ("34200.1,1,5,\x1b[2J,100,1", r"'\\x1b\[2J' is not a whole number"),
    ],
)
def test_a_damaged_message_is_named_with_file_and_line(tmp_path: Path, line: str, problem: str) -> None:
    messages, rows = tmp_path / "messages.csv", tmp_path / "rows.csv"
    lines = [*TAPE.messages[:9], line, *TAPE.messages[9:]]
    messages.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    rows.write_text("\n".join(TAPE.rows))
    with pytest.raises(Unreadable, match=rf"^messages.csv:10: not a LOBSTER message: .*{problem}"):
        replay_lobster(messages, rows)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("105,5,100", "4 columns expected, 3 found"),
        ("105,5,100,10,106,5,99,10", "4 columns expected, 8 found"),
        ("105,5,100,", "'' is not a whole number"),
        ("105,0,100,10", "out of range"),
        ("-105,5,100,10", "out of range"),
    ],
)
def test_a_damaged_row_is_named_with_file_and_line(tmp_path: Path, line: str, problem: str) -> None:
    tape = Tape(QUEUE.messages, [*QUEUE.rows[:2], line])
    with pytest.raises(Unreadable, match=rf"^rows.csv:3: not a LOBSTER order book row: .*{problem}"):
        replayed(tmp_path, tape)


def test_a_row_of_more_levels_than_can_be_held_says_how_many_it_has(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"rows.csv:1: .*at most 1,000 levels expected, 1,001 found"):
        replayed(tmp_path, Tape(QUEUE.messages[:1], [",".join(["1"] * 4_004)]))


def test_what_there_is_none_of_is_none_and_no_word(tmp_path: Path) -> None:
    figures = replayed(tmp_path, QUEUE).figures
    names = ("first_such_row", "first_execution_not_at_head", "at_head_percent", "at_head_goal_is_met")
    assert [figures[name] for name in names] == [None] * 4
    assert figures["best_equal_percent"] == 100.0


def test_levels_out_of_order_are_no_row(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"rows.csv:1: .*order of price"):
        replayed(tmp_path, Tape(QUEUE.messages[:1], ["105,5,100,10,104,5,99,10"]))


def test_an_empty_file_an_endless_line_and_a_cut_off_archive_say_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"rows.csv has no row"):
        replayed(tmp_path, Tape(QUEUE.messages, []))
    with pytest.raises(Unreadable, match=r"messages.csv has no message"):
        replayed(tmp_path, Tape([], QUEUE.rows))
    with pytest.raises(Unreadable, match=r"messages.csv:4: longer than"):
        replayed(tmp_path, Tape([*QUEUE.messages, "1" * (LINE_BYTES_MAX + 1)], QUEUE.rows))
    replayed(tmp_path, TAPE)
    cut_off = tmp_path / "rows.csv.gz"
    cut_off.write_bytes(gzip.compress("\n".join(TAPE.rows).encode())[:-20])
    with pytest.raises(Unreadable, match=r"rows.csv.gz is cut off or not gzip"):
        replay_lobster(tmp_path / "messages.csv", cut_off)


AAPL = "AAPL_2012-06-21"


def test_the_first_45000_messages_of_aapl_have_the_best_bid_and_ask_of_every_row(market_data_folder: Path) -> None:
    folder = market_data_folder / "lobster"
    report = replay_lobster(
        folder / f"{AAPL}_message_50_first45000.csv",
        folder / f"{AAPL}_bbo_first45000.csv",
        seed=folder / f"{AAPL}_orderbook_50_first300.csv",
    )
    assert report.first is None
    assert report.rows == report.figures["rows_with_best_equal"] == 45_000
    assert (report.figures["executions"], report.figures["executions_at_head"]) == (2_260, 2_238)
    assert report.figures["at_head_goal_is_met"] is True
    assert report.figures["rows_with_best_beyond_what_was_known"] == 0


@pytest.mark.parametrize(("levels", "first", "rows"), [(50, 300, 300), (10, 998, 999)])
def test_the_first_rows_of_aapl_are_equal_over_every_level_that_can_be_known(
    market_data_folder: Path, levels: int, first: int, rows: int
) -> None:
    folder = market_data_folder / "lobster"
    messages = folder / f"{AAPL}_message_{levels}_first{45_000 if levels == 50 else first}.csv"
    report = replay_lobster(messages, folder / f"{AAPL}_orderbook_{levels}_first{first}.csv")
    assert report.first is None
    assert report.rows == report.figures["rows_with_best_equal"] == rows
    assert report.figures["levels_equal"] == report.figures["levels_known"]
    assert report.figures["executions_at_head"] == report.figures["executions"]


@pytest.mark.parametrize("first", [1, 12_345, 40_000])
def test_another_stretch_of_aapl_is_equal_wherever_the_best_can_be_known(
    market_data_folder: Path, tmp_path: Path, first: int
) -> None:
    folder = market_data_folder / "lobster"
    names = f"{AAPL}_message_50_first45000.csv", f"{AAPL}_bbo_first45000.csv"
    for name in names:
        lines = (folder / name).read_text().splitlines()[first : first + 5_000]
        (tmp_path / name).write_text("\n".join(lines))
    report = replay_lobster(tmp_path / names[0], tmp_path / names[1])
    assert report.first is None
    known = report.figures["rows_with_best_known"]
    assert isinstance(known, int)
    assert known == report.figures["rows_with_best_equal"]
    assert known > 4_900
