"""What is recorded is read again as it was: by DuckDB as a user would, and by our own replay."""

import dataclasses
import itertools
import json
import multiprocessing
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from breakwater.domain.orders import Side
from fargate_engine.market_data import parquet_parts, recording, synthetic
from fargate_engine.market_data.intervals import HOUR_MS, Interval
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, MarketTrade
from fargate_engine.market_data.market_cli import market_app
from fargate_engine.market_data.recorded_markets import BrokenParquet, read_events, replay_market
from fargate_engine.market_data.recorder import CHECK_EVERY_NS, Recorder
from tests.unit.fargate_engine.orders import ETH

START_NS = 1_732_000_000_000_000_000 // (HOUR_MS * 1_000_000) * (HOUR_MS * 1_000_000)
SAMPLE = Path(__file__).parents[2] / "data" / "spot_ethusdt_sample.log"


def recorded(folder: Path, events: int, session: int = 1, step_ns: int = 0) -> Recorder:
    """The synthetic market, ten steps a second, or with more time between."""
    recorder = Recorder(folder, "SIM", ETH, session)
    for number, timed in enumerate(itertools.islice(synthetic.events(ETH, 5), events)):
        recorder.record(timed.event, START_NS + timed.at_ns + number * step_ns)
    recorder.close()
    return recorder


def asked(folder: Path, table: str, columns: str) -> list[tuple[Any, ...]]:
    files = f"{folder}/{table}/**/*.parquet"
    return rows_of(f"SELECT {columns} FROM read_parquet('{files}', hive_partitioning = true)")


def rows_of(statement: str) -> list[tuple[Any, ...]]:
    relation = duckdb.sql(statement)
    assert relation is not None
    return relation.fetchall()


def test_duckdb_reads_what_was_recorded_and_finds_the_same_amounts(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, 2_500)
    market = recorder.market
    ((trades, notional, symbols),) = asked(
        tmp_path, "trades", "count(*), sum(price_ticks * tick_size * quantity_lots * lot_size), max(symbol)"
    )
    minutes = market.bars.recent(Interval.MINUTE_1, 1_000)
    assert (trades, symbols) == (market.trade_count, "ETH-USDT")
    assert notional == ETH.notional(sum(bar.volume_ticks_lots for bar in minutes))
    bars = asked(tmp_path, "bars", "at_ns, open_ticks, high_ticks, low_ticks, close_ticks, trades, interval")
    assert sorted(bars) == [(bar.open_ms * 1_000_000, *bar[1:5], bar.trades, "1m") for bar in minutes[:-1]]
    assert asked(tmp_path, "bars", "sum(quote_volume)") == [
        (ETH.notional(sum(bar.volume_ticks_lots for bar in minutes[:-1])),)
    ]
    # The last word on each price is the book.
    newest = "side, price_ticks, arg_max(quantity_lots, event) AS lots"
    files = f"{tmp_path}/books/**/*.parquet"
    book = rows_of(
        f"SELECT * FROM (SELECT {newest} FROM read_parquet('{files}') GROUP BY side, price_ticks) WHERE lots > 0"
    )
    expected = [(side.value, ticks, lots) for side in Side for ticks, lots in market.book.levels(side)]
    assert sorted(book) == sorted(expected)
    assert asked(tmp_path, "books", "count(DISTINCT kind), count(DISTINCT venue)") == [(3, 1)]


def test_a_replay_finds_the_same_events_books_and_bars(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, 2_500)
    report = replay_market(tmp_path, "SIM", "ETH/USDT")
    assert report.wrong is None
    assert (report.events, report.trades) == (recorder.events, recorder.market.trade_count)
    assert report.books_checked >= 2
    assert report.bars >= 2
    events = [event.event for event in read_events(tmp_path, "SIM", "ETH/USDT") if event.kind not in {"CHECK"}]
    for told, timed in zip(events, synthetic.events(ETH, 5), strict=False):
        match timed.event:
            case MarketTrade():
                assert isinstance(told, MarketTrade)
                assert (told.taker, told.price_ticks) == (timed.event.taker, timed.event.price_ticks)
            case DepthDiff() | DepthSnapshot():
                assert told == timed.event


def test_a_book_that_was_emptied_is_empty_in_a_replay(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "SIM", ETH, 1)
    recorder.record(DepthSnapshot(bids=((100, 5),), asks=((101, 4),)), START_NS)
    recorder.record(DepthSnapshot(bids=(), asks=()), START_NS + 1)
    recorder.record(MarketTrade(Side.BUY, 100, 1), START_NS + CHECK_EVERY_NS + 1)  # Now the book is checked, too.
    recorder.close()
    report = replay_market(tmp_path, "SIM", "ETH/USDT")
    assert (report.wrong, report.events, report.books_checked) == (None, recorder.events, 1)
    assert (report.best_bid, report.best_ask) == (None, None)


def test_files_are_by_hour_and_recordings_of_one_market_follow_each_other(tmp_path: Path) -> None:
    recorded(tmp_path, 300, session=2, step_ns=60_000_000_000)
    recorded(tmp_path, 300, session=1, step_ns=60_000_000_000)
    hours = {path.parent.name for path in tmp_path.glob("books/venue=SIM/symbol=ETH-USDT/date=*/hour=*/*.parquet")}
    assert len(hours) >= 5
    report = replay_market(tmp_path, "SIM", "ETH/USDT")
    assert (report.sessions, report.wrong) == (2, None)


def test_what_waits_in_memory_is_bounded_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_parts, "ROWS_WAITING_MAX", 200)
    recorder = Recorder(tmp_path, "SIM", ETH, 1)
    for timed in itertools.islice(synthetic.events(ETH, 5), 1_000):
        recorder.record(timed.event, START_NS + timed.at_ns)
        for part in recorder.files._parts.values():
            assert all(len(column) < 200 for column in part.columns.values())
    recorder.close()
    for table in ("books", "trades"):
        assert asked(tmp_path, table, "count(*)") == [(recorder.files.rows[table],)]


def test_a_file_that_is_not_whole_has_another_name_and_an_old_one_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path, "SIM", ETH, 1)
    monkeypatch.setattr(parquet_parts, "ROWS_WAITING_MAX", 10)
    for timed in itertools.islice(synthetic.events(ETH, 5), 200):
        recorder.record(timed.event, START_NS + timed.at_ns)
    assert list(tmp_path.rglob("*.parquet")) == []
    assert list(tmp_path.rglob("*.unfinished"))
    monkeypatch.setattr(parquet_parts, "PART_S_MAX", -1.0)
    recorder.files.finish_old()
    assert list(tmp_path.rglob("*.unfinished")) == []
    assert asked(tmp_path, "books", "count(*)") == [(recorder.files.rows["books"],)]


def _record_until_killed(folder: Path) -> None:
    parquet_parts.PART_S_MAX = 0.2
    recorder = Recorder(folder, "SIM", ETH, 1)
    for timed in synthetic.events(ETH, 5):
        recorder.record(timed.event, START_NS + timed.at_ns)


def test_a_recorder_that_is_killed_leaves_whole_files_only(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_record_until_killed, args=(tmp_path,), daemon=True)
    process.start()
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("*.parquet"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.join(10)
    files = list(tmp_path.rglob("*.parquet"))
    assert len(files) >= 4
    assert asked(tmp_path, "books", "count(*) > 1000") == [(True,)]


def command(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(market_app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_a_binance_log_is_converted_and_replayed_by_the_command(tmp_path: Path) -> None:
    code, told, problem = command("record", "--recording", str(SAMPLE), "--out", str(tmp_path), "--json")
    assert (code, problem) == (0, "")
    assert json.loads(told)["symbol"] == "ETH/USDT"
    code, told, problem = command("replay", str(tmp_path), "--json")
    report = json.loads(told)
    assert (code, report["wrong"]) == (0, None)
    assert (report["best_bid"], report["best_ask"], report["trades"]) == ("2684", "2684.2", 1)


def test_a_real_log_replays_to_the_book_that_its_messages_make(tmp_path: Path, market_data_folder: Path) -> None:
    log = market_data_folder / "binance_ws" / "spot_ethusdt_20240809.gz"
    first = market_data_folder / "binance_ws" / "spot_ethusdt_20240808.gz"
    code, _, problem = command(
        "record", "--recording", str(first), "--recording", str(log), "--out", str(tmp_path), "--json"
    )
    assert (code, problem) == (0, "")
    report = replay_market(tmp_path, "BINANCE", "ETH/USDT")
    assert report.wrong is None
    assert report.bars > 5
    assert report.changes > 5_000


def test_a_changed_or_cut_off_recording_is_told(tmp_path: Path) -> None:
    recorded(tmp_path, 2_500)
    report = replay_market(tmp_path, "SIM", "ETH/USDT")
    assert report.wrong is None
    trades = next(tmp_path.rglob("trades/**/*.parquet"))
    trades.rename(trades.with_suffix(".gone"))
    wrong = replay_market(tmp_path, "SIM", "ETH/USDT").wrong
    assert wrong is not None
    assert "bars" in wrong
    trades.with_suffix(".gone").rename(trades)
    os.truncate(trades, trades.stat().st_size // 2)
    with pytest.raises(BrokenParquet, match="is not whole"):
        replay_market(tmp_path, "SIM", "ETH/USDT")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["record", "--out", "{out}"], "error: name either --url or --recording"),
        (["record", "--out", "{out}", "--recording", "{out}/none.gz"], "no such file"),
        (["record", "--out", "{out}", "--recording", "{nonsense}"], "not `nanoseconds JSON`"),
        (
            ["record", "--out", "{out}", "--recording", "{sample}", "--symbol", "BTC/USDT"],
            "records ETHUSDT, not BTC/USDT",
        ),
        (["record", "--out", "{out}", "--url", "localhost:1"], "--url is the engine's address"),
        (["record", "--out", "{out}", "--url", "http://localhost:1"], "--symbol ETH/USDT"),
        (["record", "--out", "{out}", "--url", "http://localhost:1", "--symbol", "ETH/USDT"], "set BREAKWATER_API_KEY"),
        (["replay", "{empty}"], "has no recording"),
    ],
)
def test_wrong_input_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.delenv("BREAKWATER_API_KEY", raising=False)
    nonsense, empty = tmp_path / "nonsense.log", tmp_path / "empty"
    nonsense.write_text("nonsense\n")
    empty.mkdir()
    places = {"out": tmp_path / "out", "nonsense": nonsense, "sample": SAMPLE, "empty": empty}
    code, told, error = command(*(argument.format(**places) for argument in arguments))
    assert (code, told) == (2, "")
    assert error.startswith("error: ")
    assert problem in error
    assert error.count("\n") == 1


def test_a_log_without_a_snapshot_is_refused_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    headless = tmp_path / "headless.log"
    lines = [line for line in SAMPLE.read_text().splitlines() if "lastUpdateId" not in line]
    headless.write_text("\n".join(lines) + "\n")
    code, _, error = command("record", "--recording", str(headless), "--out", str(tmp_path / "out"))
    assert (code, "no snapshot" in error) == (2, True)
    assert list((tmp_path / "out").rglob("*.unfinished")) == []
    with pytest.raises(recording.BrokenRecording):
        next(recording.events([headless], ETH))


def test_steps_that_the_files_cannot_hold_are_refused(tmp_path: Path) -> None:
    fine = dataclasses.replace(ETH, tick_size=Decimal("0.0000000000001"))
    with pytest.raises(ValueError, match="tick size of 1E-13"):
        Recorder(tmp_path, "SIM", fine, 1)


@pytest.mark.parametrize("name", ["../../elsewhere", "..\\elsewhere", "a/b", "line\nend", "\0", "", "x" * 65])
def test_a_venue_that_leads_out_of_the_folder_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a folder"):
        Recorder(tmp_path, name, ETH, 1)
    with pytest.raises(ValueError, match="is no name for a folder"):
        Recorder(tmp_path, "SIM", dataclasses.replace(ETH, symbol=name.replace("/", "\\")), 1)
    assert list(tmp_path.iterdir()) == []
