"""`breakwater replay` as its user sees it: what is printed, and the exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from breakwater.client.cli import app

SAMPLES = Path(__file__).parents[2] / "data"
LOBSTER = (str(SAMPLES / "lobster_message_3.csv"), str(SAMPLES / "lobster_orderbook_3.csv"))
FEED, TESTS = str(SAMPLES / "quantcup_feed.csv"), str(SAMPLES / "quantcup_tests.json")
DEPTH = str(SAMPLES / "depth_sample.log")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["replay", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lobster", *LOBSTER), "rows with best equal                       250\n"),
        (
            ("lobster", *LOBSTER, "--seed", LOBSTER[1], "--levels", "3"),
            "best equal percent                         100.00\n",
        ),
        (("quantcup", FEED, TESTS), "passed  5\n"),
        (("binance-depth", DEPTH), "updates equal                    4\n"),
    ],
)
def test_a_right_file_is_told_in_figures_with_the_time_it_took(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert ": all right\n" in result.stdout
    assert said in result.stdout
    assert result.stdout.splitlines()[-1].endswith(" rows/s")


def test_a_difference_is_told_with_file_and_line_expected_and_got(tmp_path: Path) -> None:
    rows = Path(LOBSTER[1]).read_text().splitlines()
    price, size, *others = rows[99].split(",")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("\n".join([*rows[:99], ",".join([price, str(int(size) + 1), *others]), *rows[100:]]))
    result = run("lobster", LOBSTER[0], str(wrong))
    assert result.exit_code == 1
    assert ": DIFFERENT\n" in result.stdout
    assert (
        "  2 differences, the first at wrong.csv:100: level 1 of SELL, after lobster_message_3.csv:100" in result.stdout
    )
    assert f"    expected  {int(size) + 1} at {price}\n    got       {size} at {price}\n" in result.stdout


def test_json_has_the_figures_as_numbers_and_the_first_difference_or_null() -> None:
    (told,) = json.loads(run("lobster", *LOBSTER, "--json").stdout)
    assert told["all_right"] is True
    assert told["first_difference"] is None
    assert (told["rows"], told["rows_with_best_equal"], told["differences"]) == (250, 250, 0)
    assert (told["best_equal_percent"], told["at_head_goal_is_met"], told["first_such_row"]) == (100.0, True, None)
    words = [name for name, value in told.items() if isinstance(value, str)]
    assert words == ["name", "core_state_hash"]
    feed, tests = json.loads(run("quantcup", FEED, TESTS, "--json").stdout)
    assert (feed["limits"] + feed["cancels"], tests["passed"]) == (300, 5)


@pytest.mark.parametrize("command", ["lobster", "quantcup", "binance-depth"])
def test_a_file_that_cannot_be_read_is_one_line_and_exit_code_2(tmp_path: Path, command: str) -> None:
    nonsense = tmp_path / "nonsense.csv"
    nonsense.write_text("this is\nnothing of the kind\n")
    result = run(command, *[str(nonsense)] * (2 if command == "lobster" else 1))
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: nonsense.csv")
    assert "1" in line


def test_a_file_that_is_not_there_is_a_mistake_in_usage() -> None:
    result = run("binance-depth", "nowhere.gz")
    assert result.exit_code == 2
    assert "nowhere.gz" in result.stderr
