"""What waits for the sequencer: commands, bounded, and venue reports, which stand before them in each batch."""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from breakwater.domain.lease_messages import SetLease
from breakwater.errors import EngineUnavailable
from events.envelope import EnvelopeDocument
from fargate_engine.messages import Command, CoreInput, LeaseJson, VenueReport
from fargate_engine.orders import SnapshotJson
from fargate_engine.records import RECORDS_MAX, Records, check_records

COMMANDS_MAX = 8_192  # That wait; a record counts as one. Two full batches of records, or a second's orders.
MESSAGES_AT_ONCE_MAX = 256  # In one batch: what Python looks at one by one.
# Of a batch, while more is asked than fits: else a venue's answers to the first cancels of a kill keep back the others.
REPORTS_AT_ONCE_MIN = 64
# Whoever was answered together asks again together: one turn of the loop reads what they sent, one hands it over.
TURNS_TO_GATHER = 2
CLOCK_LOOK_S = 1.0  # While an order is to end at a time.
REPORTS_MAX = 10_000  # The market replay pauses here until the journal has caught up.


class EngineBusy(EngineUnavailable):
    code = "ENGINE_BUSY"
    retry_after_s = 1


@dataclass(frozen=True, slots=True)
class FindOrder:
    """A question: it is answered after the commit of what stood before it, and leaves no row in the journal."""

    order_id: uuid.UUID
    tenant_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class FindOpenOrders:
    tenant_id: uuid.UUID
    account_ids: frozenset[uuid.UUID]


type Answer = SnapshotJson | LeaseJson | list[uuid.UUID] | None
type Question = FindOrder | FindOpenOrders


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A command or question, and whoever waits for its answer. `telling` is an event that is committed with it."""

    message: Command | SetLease | Question
    telling: EnvelopeDocument | None = None
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(frozen=True, slots=True, eq=False)
class AskedRecords:
    """Records of the core's commands, and whoever waits for the events of all of them."""

    records: Records
    answer: asyncio.Future[Records] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(frozen=True, slots=True)
class Batch:
    """`published`: events that concern no state."""

    reports: list[VenueReport]
    asked: list[Asked | AskedRecords]
    published: list[EnvelopeDocument] = field(default_factory=list)

    @property
    def inputs(self) -> list[CoreInput | Records]:
        """All but the questions."""
        inputs: list[CoreInput | Records] = list(self.reports)
        for asked in self.asked:
            if isinstance(asked, AskedRecords):
                inputs.append(asked.records)
            elif not isinstance(asked.message, FindOrder | FindOpenOrders):
                inputs.append(asked.message)
        return inputs


class Inbox:
    def __init__(self) -> None:
        self._asked: deque[Asked | AskedRecords] = deque()
        self._commands = 0  # In `_asked`.
        self._reports: deque[VenueReport] = deque()
        self._published: list[EnvelopeDocument] = []
        self._arrived = asyncio.Event()
        self._open = False
        self._stopping = False
        self._many_asked = False  # In the last batch.

    def ask(
        self, message: Command | SetLease | Question, *, telling: EnvelopeDocument | None = None
    ) -> asyncio.Future[Answer]:
        """EngineBusy when the queue is full: the caller retries, nothing waits in silence."""
        asked = Asked(message, telling)
        self._put(asked)
        return asked.answer

    def submit_records(self, records: Records) -> asyncio.Future[Records]:
        """A batch of the core's own commands; the answer is its events. InvalidRequest, EngineBusy.

        The array must not be changed before the answer.
        """
        check_records(records)
        asked = AskedRecords(records)
        self._put(asked)
        return asked.answer

    def report(self, report: VenueReport) -> None:
        """Never refused: what happened at the venue happened. `has_room` is what keeps the number down."""
        self._reports.append(report)
        self._arrived.set()

    def publish(self, event: EnvelopeDocument) -> None:
        """To be told with the next batch's events. Lost with the process: nothing but a figure may depend on it."""
        self._published.append(event)
        self._arrived.set()

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self) -> None:
        self._open = True
        self._arrived.set()  # From now on orders end when their time comes.

    def stop_taking(self) -> None:
        """Take nothing new; what waits is still answered."""
        self._open = False
        self._stopping = True
        self._arrived.set()

    @property
    def is_drained(self) -> bool:
        return self._stopping and not self._asked and not self._reports

    @property
    def has_reports(self) -> bool:
        return bool(self._reports)

    @property
    def has_room(self) -> bool:
        return len(self._reports) < REPORTS_MAX

    @property
    def depth(self) -> int:
        return self._commands + len(self._reports)

    async def next_batch(self, wanted_at_ns: int | None = None) -> Batch:
        """Wait for the first input, then take what is there, up to a batch's size.

        Empty once it is drained; and while it is open, when `wanted_at_ns` has come.

        After a batch of many it waits for the others, too, as long as their requests take from the socket to here: each
        commit is shared by all of them, and not made anew for those who happened to be read first.
        """
        while not self._reports and not self._asked and not self._published and not self._stopping:
            self._arrived.clear()
            wait_s = None if wanted_at_ns is None or not self._open else (wanted_at_ns - time.time_ns()) / 1e9
            if wait_s is not None and wait_s <= 0:
                break
            if not await self._has_arrived(wait_s):
                continue
            if self._many_asked:
                for _ in range(TURNS_TO_GATHER):
                    await asyncio.sleep(0)
        asked_max = min(len(self._asked), MESSAGES_AT_ONCE_MAX - REPORTS_AT_ONCE_MIN)
        reports = [self._reports.popleft() for _ in range(min(len(self._reports), MESSAGES_AT_ONCE_MAX - asked_max))]
        published, self._published = self._published, []
        asked = list(self._take(MESSAGES_AT_ONCE_MAX - len(reports)))
        published += [each.telling for each in asked if isinstance(each, Asked) and each.telling is not None]
        self._many_asked = len(asked) > 1
        return Batch(reports, asked, published)

    async def _has_arrived(self, within_s: float | None) -> bool:
        """False after a while without: the clock is looked at again, because it may have been set."""
        try:
            async with asyncio.timeout(None if within_s is None else min(within_s, CLOCK_LOOK_S)):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Answer everyone who waits that the outcome is not known, and take nothing more."""
        self._open = False
        self._commands = 0
        while self._asked:
            abandon(self._asked.popleft().answer)

    def _put(self, asked: Asked | AskedRecords) -> None:
        if not self._open:
            raise EngineUnavailable("the engine is not taking orders now")
        if self._commands + _count(asked) > COMMANDS_MAX:
            raise EngineBusy("more orders are waiting than the engine takes at once")
        self._asked.append(asked)
        self._commands += _count(asked)
        self._arrived.set()

    def _take(self, messages_max: int) -> Iterator[Asked | AskedRecords]:
        """In the order they came, until one more would be too many commands or too many messages."""
        commands = messages = 0
        while self._asked and messages < messages_max and commands + _count(self._asked[0]) <= RECORDS_MAX:
            asked = self._asked.popleft()
            commands += _count(asked)
            messages += 1
            self._commands -= _count(asked)
            yield asked


def _count(asked: Asked | AskedRecords) -> int:
    return len(asked.records) if isinstance(asked, AskedRecords) else 1


def abandon(answer: asyncio.Future[Any]) -> None:
    """Tell whoever waits that the outcome is not known."""
    if not answer.done():
        answer.set_exception(EngineUnavailable("the engine lost its journal; ask again"))
        answer.exception()  # Whoever asked may have gone: then nobody else would retrieve it.
