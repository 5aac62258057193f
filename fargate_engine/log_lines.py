"""The engine's log: a line for each record, whatever words of others are in it."""

import logging
import re

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # Also what moves a terminal's cursor or colours it.


class OneLine(logging.Formatter):
    """What a client, a venue or a file has written begins no line of its own, and is not taken for a record.

    A traceback keeps its lines, each behind a mark that no record begins with.
    """

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # The name that logging calls.
        return _escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:
        told = super().formatException(ei)  # type: ignore[arg-type]  # As logging hands it over.
        return "\n".join(f"  | {_escaped(line)}" for line in told.split("\n"))


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
