"""The engine killed between its stages, seeded, and restarted from what its journal holds.

The journal here is a list: what was appended before the crash is there, what was not is gone. Everything else is real.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import orjson
import pytest

from breakwater.db.journal import JournalRow
from breakwater.domain.orders import OrderSnapshot, OrderType, OrdStatus, Side, SubmitOrder, TimeInForce
from breakwater.errors import EngineUnavailable
from events.envelope import Envelope
from fargate_engine import recovery
from fargate_engine.core import Core
from fargate_engine.inbox import Inbox
from fargate_engine.market_data.l2_book import DepthSnapshot, MarketTrade
from fargate_engine.messages import CancelOrder, Command, parse_input
from fargate_engine.sequencer import Sequencer
from fargate_engine.terms import WorkingTerms
from fargate_engine.venues.simulated import SimulatedVenue
from tests.unit.fargate_engine.orders import ETH, TENANT, submit

ORDERS = 60
CRASH_POINTS = ("before commit", "after commit, before the answer", "before the venue", "after the venue")
DEPTH = DepthSnapshot(
    bids=tuple((199_990 - 10 * n, 20_000) for n in range(20)), asks=tuple((200_010 + 10 * n, 20_000) for n in range(20))
)


class Crash(Exception):
    """The process is gone."""


class Disk:
    """What survives, and the next moment at which the process dies."""

    def __init__(self, chance: random.Random) -> None:
        self.rows: list[JournalRow] = []
        self.events: dict[uuid.UUID, Envelope] = {}
        self._chance = chance
        self.crash_at: str | None = None

    async def append(self, rows: Sequence[JournalRow], events: Sequence[Envelope]) -> None:
        self.die("before commit")
        self.rows += [JournalRow(row.seq, row.recorded_at_ns, row.kind, orjson.loads(row.payload)) for row in rows]
        for event in events:
            assert event.event_id not in self.events, "an event was told twice"
            self.events[event.event_id] = event
        self.die("after commit, before the answer")

    async def read(self) -> AsyncIterator[JournalRow]:
        for row in list(self.rows):
            yield row

    def die(self, here: str) -> None:
        if self.crash_at == here:
            self.crash_at = None
            raise Crash(here)

    def arm(self) -> None:
        self.crash_at = self._chance.choice(CRASH_POINTS)


class MortalVenue(SimulatedVenue):
    disk: Disk

    def submit(self, terms: WorkingTerms) -> None:
        self.disk.die("before the venue")
        super().submit(terms)
        self.disk.die("after the venue")


class Process:
    """One life of the engine."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.core = Core()
        self.inbox = Inbox()
        self.venue = MortalVenue(self.inbox, [ETH], {}, speed=1)
        self.venue.disk = disk

    async def start(self) -> None:
        last_seq, last_at_ns = await recovery.replay(self.disk, self.core)
        self.sequencer = Sequencer(
            self.core,
            self.inbox,
            self.disk,
            self.venue,
            events_written=lambda: None,
            last_seq=last_seq,
            last_at_ns=last_at_ns,
        )
        await self.sequencer.list_instruments([ETH])
        self.venue.markets["ETH/USDT"].apply(DEPTH)
        for order in list(self.core.open_orders()):
            if order.submitted.venue == "SIM":
                self.venue.restore(order)
        self.inbox.open()

    async def settle(self) -> None:
        while self.inbox.depth:
            await self.sequencer.run_batch()

    async def ask(self, command: Command) -> OrderSnapshot:
        answer = self.inbox.ask(command)
        try:
            await self.settle()
        except Crash:
            self.sequencer.abandon_waiting()
            raise
        result = answer.result()
        assert isinstance(result, OrderSnapshot)
        return result


def random_order(number: int, chance: random.Random) -> SubmitOrder:
    side = chance.choice(list(Side))
    changes: dict[str, object] = {
        "venue": chance.choice(["SIM", "BOOK"]),
        "side": side,
        "account_id": uuid.UUID(int=chance.randint(2, 4)),
        "quantity": ETH.quantity(chance.randint(1, 50_000)),
        "price": ETH.price(chance.randint(199_900, 200_100)),
        "time_in_force": chance.choice(list(TimeInForce)),
    }
    if chance.random() < 0.2:
        changes |= {"type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.IOC}
    return submit(number, **changes)


async def run_with_crashes(seed: int) -> tuple[Disk, Process, dict[uuid.UUID, OrderSnapshot], int]:
    """Send orders, each again and again until it is answered; the process dies at random moments."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, repeatable
    disk = Disk(chance)
    process = Process(disk)
    await process.start()
    acknowledged: dict[uuid.UUID, OrderSnapshot] = {}
    crashes = 0
    for number in range(ORDERS):
        order = random_order(number, chance)
        commands: list[Command] = [order]
        if chance.random() < 0.3:
            commands.append(CancelOrder(order_id=order.order_id, tenant_id=TENANT))
        for command in commands:
            if chance.random() < 0.4:
                disk.arm()
            while True:
                try:
                    acknowledged[order.order_id] = await process.ask(command)
                    break
                except (Crash, EngineUnavailable):
                    crashes += 1
                    process = await restarted(disk, process)
        if chance.random() < 0.3:
            trade = MarketTrade(chance.choice(list(Side)), chance.randint(199_900, 200_100), chance.randint(1, 20_000))
            process.venue.report(process.venue.markets["ETH/USDT"].apply(trade))
    disk.crash_at = None
    await process.settle()
    return disk, process, acknowledged, crashes


async def restarted(disk: Disk, dead: Process) -> Process:
    dead.inbox.close()
    process = Process(disk)
    await process.start()
    return process


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_acknowledged_is_lost_or_doubled_however_the_engine_dies(seed: int) -> None:
    disk, process, acknowledged, crashes = await run_with_crashes(seed)
    assert crashes > 3
    assert len(acknowledged) == ORDERS
    for order_id, said in acknowledged.items():
        now = process.core.order(order_id).snapshot()
        assert now.engine_seq >= said.engine_seq
        assert now.cum_qty >= said.cum_qty
        assert now.status not in {OrdStatus.PENDING_NEW, OrdStatus.PENDING_CANCEL}
        if said.status.is_final:
            assert now == said
        traded = [
            Decimal(event.payload["last_qty"])
            for event in disk.events.values()
            if event.topic == "trades.TradeExecuted.v1" and event.aggregate_id == order_id
        ]
        assert sum(traded) == now.cum_qty


@pytest.mark.parametrize("seed", range(4))
async def test_a_replay_ends_in_the_state_that_was_live_and_makes_the_same_events(seed: int) -> None:
    disk, process, _, _ = await run_with_crashes(seed)
    replayed = Core()
    events = {}
    for row in disk.rows:
        for event in replayed.apply(parse_input(row.kind, row.payload), row.recorded_at_ns).events:
            events[event.event_id] = event
    assert replayed.state_hash() == process.core.state_hash()
    assert events == disk.events


async def test_an_answer_that_never_came_is_unavailable_and_not_a_no() -> None:
    disk = Disk(random.Random(0))  # noqa: S311 - a simulation, repeatable
    process = Process(disk)
    await process.start()
    disk.crash_at = "before commit"
    answer = process.inbox.ask(submit(1))
    with pytest.raises(Crash):
        await process.settle()
    with pytest.raises(EngineUnavailable):
        await asyncio.wait_for(answer, 1)


async def test_a_journal_with_a_hole_is_refused() -> None:
    disk, _, _, _ = await run_with_crashes(0)
    del disk.rows[5]
    with pytest.raises(recovery.BrokenJournal, match="from 5 to 7"):
        await recovery.replay(disk, Core())
