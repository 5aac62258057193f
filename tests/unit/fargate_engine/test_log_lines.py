"""What others have written forges no line of the engine's log."""

import logging
import sys

import pytest

from fargate_engine.log_lines import OneLine

FORGED = "x\r\n2026-01-01 00:00:00,000 INFO fargate_engine all is well\x1b[2K\x85\u2028\x00"


def record(message: str, *args: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("venue", logging.WARNING, "", 0, message, args, exc_info)  # type: ignore[arg-type]


@pytest.mark.parametrize("made", [record("it said %s", FORGED), record(FORGED)])
def test_a_record_is_one_line_of_printable_text(made: logging.LogRecord) -> None:
    line = OneLine().format(made)
    assert line.splitlines() == [line]
    assert line.isprintable()
    assert r"x\r\n2026-01-01 00:00:00,000 INFO fargate_engine all is well\x1b[2K\x85\u2028\x00" in line


def test_no_line_of_a_traceback_looks_like_a_record() -> None:
    try:
        int(FORGED)
    except ValueError:
        first, *rest = OneLine().format(record("failed", exc_info=sys.exc_info())).splitlines()
    assert first.endswith("WARNING venue failed")
    assert len(rest) > 2
    assert all(line.startswith("  | ") and line.isprintable() for line in rest)
