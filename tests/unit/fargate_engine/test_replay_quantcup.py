"""The QuantCup contest's files through the core."""

import json
from pathlib import Path
from typing import Any

import pytest
from matching_core import Side

from fargate_engine.replay import quantcup
from fargate_engine.replay.files import Unreadable
from fargate_engine.replay.naive_book import NaiveBook, Trade
from fargate_engine.replay.quantcup import replay_feed, replay_tests

SAMPLES = Path(__file__).parents[2] / "data"
HEADER = "seq,kind,order_id,trader,side,price,size"


def feed(folder: Path, *rows: str) -> Path:
    path = folder / "feed.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def contest(folder: Path, *tests: Any) -> Path:
    path = folder / "tests.json"
    path.write_text(json.dumps({"tests": tests}))
    return path


def test_the_sample_feed_trades_as_the_naive_book() -> None:
    report = replay_feed(SAMPLES / "quantcup_feed.csv")
    assert report.first is None
    assert report.rows == 300
    assert report.figures["trades"] == 136


def test_a_feeds_trades_volume_cancels_and_rest_are_counted(tmp_path: Path) -> None:
    rows = ["0,limit,1,A,bid,100,5", "1,limit,2,B,bid,101,5", "2,limit,3,C,ask,100,7"]
    report = replay_feed(feed(tmp_path, *rows, "3,cancel,2,B,,,", "4,cancel,1,A,,,", "5,limit,9,D,ask,103,4"))
    assert report.figures | {"core_state_hash": ""} == {
        "limits": 4,
        "cancels": 2,
        "cancels_that_hit_nothing": 1,
        "trades": 2,
        "volume": 7,
        "resting_orders": 1,
        "levels": 1,
        "core_state_hash": "",
    }
    assert report.differences == 0


def test_a_book_that_trades_otherwise_is_a_difference_at_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive book is made wrong here, which shows that the two are compared row by row and at the end."""

    class TakesTheWorstPrice(NaiveBook):
        def limit(self, order_id: int, side: Side, price: int, size: int) -> list[Trade]:
            return super().limit(order_id, side, price + 1, size)

    monkeypatch.setattr(quantcup, "NaiveBook", TakesTheWorstPrice)
    report = replay_feed(feed(tmp_path, "0,limit,1,A,bid,100,5", "1,limit,2,B,ask,100,2"))
    assert report.first is not None
    assert report.first.where == "feed.csv:3"
    assert "price=101" in report.first.expected
    assert "price=100" in report.first.got
    assert report.differences == 2


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,limit,2,A,bid,100", "7 columns expected, 6 found"),
        ("1,limit,2,A,buy,100,5", "side 'buy', not bid or ask"),
        ("1,replace,2,A,bid,100,5", "kind 'replace', not limit or cancel"),
        ("1,limit,2,A,bid,0,5", "out of range"),
        ("1,limit,2,A,bid,100,-5", "out of range"),
        ("1,limit,2,A,bid,1.5,5", "'1.5' is not a whole number"),
        ("1,cancel,-2,A,,,", "out of range"),
        ("1,cancel,abc,A,,,", "'abc' is not a whole number"),
        ("1,limit,1,A,bid,100,5", "ids must rise"),
        (f"1,limit,{1 << 63},A,bid,100,5", "out of range"),
    ],
)
def test_a_damaged_row_of_a_feed_is_named(tmp_path: Path, row: str, problem: str) -> None:
    with pytest.raises(Unreadable, match=rf"^feed.csv:3: .*{problem}"):
        replay_feed(feed(tmp_path, "0,limit,1,A,bid,100,5", row))


def test_a_feed_without_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"feed.csv has no row"):
        replay_feed(feed(tmp_path))


def test_the_sample_tests_pass() -> None:
    report = replay_tests(SAMPLES / "quantcup_tests.json")
    assert report.first is None
    assert report.figures == {"tests": 5, "passed": 5}


def test_a_contest_test_with_another_outcome_is_named(tmp_path: Path) -> None:
    def order(side: str, price: int) -> dict[str, Any]:
        return {"symbol": "JPM", "trader": "MAX", "side": side, "price": price, "size": 5}

    told = [order("ask", 100), order("bid", 100)]  # The maker's price is 99.
    wrong = {"orders": [order("bid", 99), order("ask", 99)], "expected_execution_reports": told, "note": "why"}
    right: dict[str, Any] = {"orders": [], "expected_execution_reports": []}
    report = replay_tests(contest(tmp_path, right, wrong))
    assert report.figures == {"tests": 2, "passed": 1}
    assert report.first is not None
    assert (report.first.where, report.first.what) == ("tests.json: test 2", "why")


ORDER = {"symbol": "JPM", "trader": "MAX", "side": "bid", "price": 99, "size": 1}


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ({}, "`orders` is missing"),
        (17, "it is no JSON object"),
        ({"orders": []}, "`expected_execution_reports` is missing"),
        ({"orders": 5, "expected_execution_reports": []}, "`orders` is not a list"),
        ({"orders": ["?"], "expected_execution_reports": []}, "an entry of `orders` is no JSON object"),
        ({"orders": [{"symbol": "JPM"}], "expected_execution_reports": []}, "`orders` has no `trader` that is a text"),
        (
            {"orders": [], "expected_execution_reports": [{"symbol": "JPM"}]},
            "`expected_execution_reports` has no `trad",
        ),
        ({"orders": [ORDER | {"price": "1"}], "expected_execution_reports": []}, "no `price` that is a whole number"),
        ({"orders": [ORDER | {"size": True}], "expected_execution_reports": []}, "no `size` that is a whole number"),
        ({"orders": [ORDER | {"side": "buy"}], "expected_execution_reports": []}, "side 'buy', not bid or ask"),
        ({"orders": [ORDER | {"price": 1 << 63}], "expected_execution_reports": []}, "price or size out of range"),
        ({"orders": [], "expected_execution_reports": [], "then_cancel_ids": ["1"]}, "not the number of an order"),
        ({"orders": [], "expected_execution_reports": [], "then_cancel_ids": [-1]}, "not the number of an order"),
        ({"orders": [], "expected_execution_reports": [], "then_orders": [[]]}, "of `then_orders` is no JSON object"),
    ],
)
def test_a_contest_test_of_another_shape_is_named(tmp_path: Path, test: Any, problem: str) -> None:
    with pytest.raises(Unreadable, match=rf"^tests.json: test 1: not of the format: .*{problem}"):
        replay_tests(contest(tmp_path, test))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tests": 5}', '{"tests": []}'])
def test_a_file_that_holds_no_contest_tests_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tests.json"
    path.write_text(text)
    with pytest.raises(Unreadable, match=r"tests.json: not JSON"):
        replay_tests(path)


def test_the_contests_whole_feed_is_equal(market_data_folder: Path) -> None:
    report = replay_feed(market_data_folder / "matching" / "quantcup" / "score_feed.csv")
    assert report.first is None
    assert report.rows == 35_759
    figures = report.figures
    assert (figures["limits"], figures["cancels"], figures["cancels_that_hit_nothing"]) == (17_894, 17_865, 17_551)


def test_the_contests_14_tests_pass(market_data_folder: Path) -> None:
    report = replay_tests(market_data_folder / "matching" / "quantcup" / "tests.json")
    assert report.first is None
    assert report.figures == {"tests": 14, "passed": 14}
