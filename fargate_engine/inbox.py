"""What waits for the sequencer: commands, bounded, and venue reports, which go first."""

import asyncio
import uuid
from collections import deque
from dataclasses import dataclass, field

from breakwater.domain.orders import OrderSnapshot
from breakwater.errors import EngineUnavailable
from fargate_engine.messages import Command, VenueReport

COMMANDS_MAX = 2_000
BATCH_SIZE_MAX = 256
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


type Answer = OrderSnapshot | list[uuid.UUID] | None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A command or question, and whoever waits for its answer."""

    message: Command | FindOrder | FindOpenOrders
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Inbox:
    def __init__(self) -> None:
        self._commands: deque[Asked] = deque()
        self._reports: deque[VenueReport] = deque()
        self._arrived = asyncio.Event()
        self._open = False

    def ask(self, message: Command | FindOrder | FindOpenOrders) -> asyncio.Future[Answer]:
        """EngineBusy when the queue is full: the caller retries, nothing waits in silence."""
        if not self._open:
            raise EngineUnavailable("the engine is not taking orders now")
        if len(self._commands) >= COMMANDS_MAX:
            raise EngineBusy("more orders are waiting than the engine takes at once")
        asked = Asked(message)
        self._commands.append(asked)
        self._arrived.set()
        return asked.answer

    def report(self, report: VenueReport) -> None:
        """Never refused: what happened at the venue happened. `has_room` is what keeps the number down."""
        self._reports.append(report)
        self._arrived.set()

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self) -> None:
        self._open = True

    @property
    def has_room(self) -> bool:
        return len(self._reports) < REPORTS_MAX

    @property
    def depth(self) -> int:
        return len(self._commands) + len(self._reports)

    async def next_batch(self) -> tuple[list[VenueReport], list[Asked]]:
        """Wait for the first input, then take what is there, up to the batch's size."""
        while not self._reports and not self._commands:
            self._arrived.clear()
            await self._arrived.wait()
        reports = [self._reports.popleft() for _ in range(min(len(self._reports), BATCH_SIZE_MAX))]
        asked = [self._commands.popleft() for _ in range(min(len(self._commands), BATCH_SIZE_MAX - len(reports)))]
        return reports, asked

    def close(self) -> None:
        """Answer everyone who waits that the outcome is not known, and take nothing more."""
        self._open = False
        while self._commands:
            abandon(self._commands.popleft().answer)


def abandon(answer: asyncio.Future[Answer]) -> None:
    if not answer.done():
        answer.set_exception(EngineUnavailable("the engine lost its journal; ask again"))
        answer.exception()  # Whoever asked may have gone: then nobody else would retrieve it.
