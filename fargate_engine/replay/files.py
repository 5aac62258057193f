"""Files of recorded order flow, read a line at a time: plain or gzipped, every trouble named with file and line."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

TOLD_CHARS_MAX = 40  # Of a column that is not right.
LINE_BYTES_MAX = 1 << 20  # A longer line is of no format we read, and must not fill the memory.


class Unreadable(Exception):
    """A file, or a line of it, is not of its format. The message names both."""


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(its number from 1, the line without its end) of each that is not blank. Unreadable when that cannot be."""
    try:
        with _opened(path) as file:
            number = 0
            while line := file.readline(LINE_BYTES_MAX):
                number += 1
                if len(line) == LINE_BYTES_MAX:
                    raise Unreadable(f"{path.name}:{number}: longer than {LINE_BYTES_MAX:,} bytes")
                line = line.strip()
                if line:
                    yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Unreadable(f"{path.name} is cut off or not gzip") from error
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error


def whole_number(column: str | bytes) -> int:
    """ValueError, in words for people, when it is none."""
    try:
        return int(column)
    except ValueError as error:
        raise ValueError(f"{quoted(column)} is not a whole number") from error


def whole_numbers(columns: Sequence[str | bytes]) -> list[int]:
    """ValueError names the first that is none."""
    try:
        return list(map(int, columns))
    except ValueError:
        return list(map(whole_number, columns))


def quoted(column: str | bytes) -> str:
    """The column, or its beginning, in quotes, with nothing in it that a terminal would obey."""
    text = column if isinstance(column, str) else column.decode(errors="replace")
    return repr(text) if len(text) <= TOLD_CHARS_MAX else f"{text[:TOLD_CHARS_MAX]!r}... ({len(text):,} characters)"


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
