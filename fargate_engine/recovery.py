"""Starting is recovering: the journal is replayed to the state it describes."""

from collections.abc import AsyncIterator
from typing import Protocol

from breakwater.db.journal import JournalRow
from fargate_engine.core import Core
from fargate_engine.messages import parse_input


class ReadableJournal(Protocol):
    def read(self) -> AsyncIterator[JournalRow]: ...


class BrokenJournal(Exception):
    """The journal cannot be what this engine wrote: a number is missing, or an input of it changes nothing."""


async def replay(journal: ReadableJournal, core: Core) -> tuple[int, int]:
    """Apply every input again. Returns the last sequence number and its time; (0, 0) for an empty journal."""
    last_seq = last_at_ns = 0
    async for row in journal.read():
        if row.seq != last_seq + 1:
            raise BrokenJournal(f"the journal goes from {last_seq} to {row.seq}")
        if not core.apply(parse_input(row.kind, row.payload), row.recorded_at_ns).changed:
            raise BrokenJournal(f"input {row.seq} changed nothing when it was replayed")
        last_seq, last_at_ns = row.seq, row.recorded_at_ns
    return last_seq, last_at_ns
