"""Recorded Binance depth logs: book and ticker are equal, or the first place where they are not is named."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fargate_engine.replay import binance_depth
from fargate_engine.replay.binance_depth import replay_depth
from fargate_engine.replay.files import Unreadable

SAMPLE = Path(__file__).parents[2] / "data" / "depth_sample.log"
LINES = SAMPLE.read_text().splitlines()


def message(line: str) -> Any:
    return json.loads(line.partition(" ")[2])


def log(folder: Path, lines: list[str], name: str = "depth.log") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def as_futures(line: str, last: dict[str, int]) -> str:
    """Futures number each diff by the end of the one before it, and leave numbers out between them."""
    told = message(line)
    if told.get("data", {}).get("e") == "depthUpdate":
        told["data"]["pu"] = last.get("u", told["data"]["U"] - 1)
        last["u"] = told["data"]["u"]
        told["data"]["U"] = told["data"]["pu"] + (1 if told["data"]["pu"] < 12 else 0)
    return f"1 {json.dumps(told)}"


def test_the_sample_is_equal_to_its_ticker_after_every_update() -> None:
    """Its tickers come before, between and after the diffs that they belong to; one diff is older than the snapshot."""
    report = replay_depth([SAMPLE])
    assert report.first is None
    assert report.figures == {
        "market": "ABCUSDT",
        "snapshots_used": 1,
        "updates_applied": 4,
        "updates_older_than_the_snapshot": 1,
        "updates_without_a_book": 0,
        "gaps": 0,
        "updates_without_a_ticker": 0,
        "updates_compared": 4,
        "updates_equal": 4,
        "equal_percent": 100.0,
    }


def test_futures_join_by_the_end_of_the_update_before(tmp_path: Path) -> None:
    last: dict[str, int] = {}
    lines = [as_futures(line, last) for line in LINES]
    report = replay_depth([log(tmp_path, lines)])
    assert (report.figures["updates_equal"], report.differences) == (4, 0)
    torn = [line for line in lines if '"u": 15' not in line]
    assert replay_depth([log(tmp_path, torn)]).figures["gaps"] == 1


def test_a_second_file_continues_the_first_and_either_may_be_packed(tmp_path: Path) -> None:
    first, second = log(tmp_path, LINES[:8], "a.log"), tmp_path / "b.gz"
    second.write_bytes(gzip.compress("\n".join(LINES[8:]).encode()))
    assert replay_depth([first, second]).figures == replay_depth([SAMPLE]).figures


def test_a_ticker_with_another_quantity_names_the_update_and_both_books(tmp_path: Path) -> None:
    lines = [line.replace('"B":"1.50"', '"B":"1.75"') for line in LINES]
    report = replay_depth([log(tmp_path, lines)])
    assert report.differences == 1
    assert report.first is not None
    assert report.first.where == "depth.log:6"
    assert report.first.what == "best levels after update 15 (ticker 14, depth.log:5)"
    assert report.first.expected == "bid 1.75 at 10, ask 1 at 10.02"
    assert report.first.got == "bid 1.5 at 10, ask 1 at 10.02"
    assert report.figures["updates_equal"] == 3


def test_a_gap_is_named_and_the_book_waits_for_the_next_snapshot(tmp_path: Path) -> None:
    torn = [line for line in LINES if '"U":14' not in line]
    report = replay_depth([log(tmp_path, torn)])
    assert report.first is not None
    assert report.first.where == "depth.log:7"
    assert report.first.got == "depth updates between 13 and 16 are missing"
    assert (report.figures["gaps"], report.figures["updates_without_a_book"]) == (1, 2)
    snapshot = {"lastUpdateId": 18, "bids": [["9.99", "5"]], "asks": [["10.02", "0.5"], ["10.05", "4"]]}
    mended = replay_depth([log(tmp_path, [*torn[:8], f"1 {json.dumps(snapshot)}", *torn[8:]])])
    assert (mended.differences, mended.figures["snapshots_used"], mended.figures["updates_without_a_book"]) == (1, 2, 0)
    assert mended.figures["updates_equal"] == mended.figures["updates_compared"]


def test_updates_that_wait_for_a_snapshot_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_depth, "HEAD_LINES_MAX", 1)
    torn = [line for line in LINES if '"U":14' not in line]
    assert replay_depth([log(tmp_path, torn)]).figures["updates_without_a_book"] == 3


def test_an_update_is_not_judged_by_a_ticker_that_may_be_missing(tmp_path: Path) -> None:
    report = replay_depth([log(tmp_path, LINES[:11])])  # The last diff's own tickers come after line 11.
    assert report.differences == 0
    assert report.figures["updates_without_a_ticker"] == 1
    assert report.figures["updates_compared"] == 3


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([*LINES[:2], "nonsense"], "depth.log:3: not `nano"),
        ([*LINES[:2], "1 [1]"], "depth.log:3: not `nano"),
        (
            [*LINES[:4], '1 {"stream":"abcusdt@bookTicker","data":{"u":14}}'],
            "depth.log:5: not a message of a depth log: 's' is missing",
        ),
        ([*LINES[:4], LINES[4].replace("1.50", "many")], "depth.log:5: .*: a field has a value of another kind"),
        ([*LINES[:4], LINES[4].replace("1.50", "NaN")], "depth.log:5: not a message"),
        ([*LINES[:4], '1 {"stream":5}'], "depth.log:5: not a message"),
        ([*LINES[:4], '1 {"data":[]}'], "depth.log:5: not a message"),
        ([*LINES[:4], LINES[5].replace('"u":15', '"u":"15"')], "depth.log:5: not a message"),
        ([*LINES[:4], LINES[4].replace("ABCUSDT", "XYZUSDT")], "depth.log:5: this is of XYZUSDT"),
        ([line for line in LINES if "lastUpdateId" not in line], "no snapshot"),
        ([line for line in LINES if "bookTicker" not in line], "nothing to compare"),
        ([], "no snapshot"),
    ],
)
def test_a_log_of_another_format_says_where(tmp_path: Path, lines: list[str], problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        replay_depth([log(tmp_path, lines)])


def test_files_in_the_wrong_order_leave_a_gap_and_nothing_to_compare(tmp_path: Path) -> None:
    first, second = log(tmp_path, LINES[:8], "first.log"), log(tmp_path, LINES[8:], "second.log")
    report = replay_depth([second, first])
    assert report.first is not None
    assert report.first.where == "second.log:3"
    assert (report.figures["updates_applied"], report.figures["equal_percent"]) == (0, None)


def test_a_log_without_tickers_ends_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_depth, "WAITING_MAX", 2)
    with pytest.raises(Unreadable, match=r"depth.log:6: no book ticker for 2 depth updates"):
        replay_depth([log(tmp_path, [line for line in LINES if "bookTicker" not in line])])


@pytest.mark.parametrize(
    ("names", "updates"),
    [
        (("spot_ethusdt_20240808.gz", "spot_ethusdt_20240809.gz"), 6_468),
        (("usdm_btcusdt_20240808.gz",), 6_547),
        (("spot_btcusdt_20240808.gz",), 3_449),
    ],
)
def test_a_real_recording_is_equal_to_its_ticker_after_every_update(
    market_data_folder: Path, names: tuple[str, ...], updates: int
) -> None:
    report = replay_depth([market_data_folder / "binance_ws" / name for name in names])
    assert report.first is None
    assert report.figures["updates_applied"] == report.figures["updates_equal"] == updates
