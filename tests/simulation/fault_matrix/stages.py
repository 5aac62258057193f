"""The engine's stages, watched from within, and what may befall one of its journal writes."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg
import pytest

from breakwater.db import engine_market, journal, shard_leases
from breakwater.db.engine_connection import answered, pooled
from breakwater.db.journal import Fenced, Journal
from breakwater.errors import DatabaseUnavailable
from fargate_engine.inbox import Batch, Inbox
from fargate_engine.sequencer import Sequencer
from fargate_engine.shard_state import ShardState
from fargate_engine.venues.simulated import SimulatedVenue
from tests.support.engine_database import WriteFault


class Stage(StrEnum):
    RECEIVED = "received"
    APPLIED = "applied"
    JOURNALLED = "journalled"
    ANSWERED = "answered"
    AT_THE_VENUE = "journalled, on its way to the venue"


@dataclass
class StageFault:
    """Happens once: to whoever passes the stage after `spared` have gone by."""

    stage: Stage
    does: Callable[[], None]
    spared: int = 0
    fired: int = 0

    def takes(self, stage: Stage) -> bool:
        if stage is not self.stage or self.fired:
            return False
        self.spared -= 1
        if self.spared >= 0:
            return False
        self.fired += 1
        return True


@dataclass
class JournalFault:
    write: WriteFault
    spared: int = 0
    fired: int = 0

    def takes(self) -> bool:
        if self.fired:
            return False
        self.spared -= 1
        if self.spared >= 0:
            return False
        self.fired += 1
        return True


class Stages:
    """All of it happens in the engine's loop. `late_writes` are journal writes that have not arrived yet."""

    def __init__(self) -> None:
        self.faults: list[StageFault] = []
        self.journal_faults: list[JournalFault] = []
        self.late_writes: list[Callable[[], Awaitable[None]]] = []
        self.database_is_down = False

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Inbox, "next_batch", self._received(Inbox.next_batch))
        monkeypatch.setattr(ShardState, "apply", self._applied(ShardState.apply))
        monkeypatch.setattr(Journal, "append", self._journalled(Journal.append))
        monkeypatch.setattr(Sequencer, "_answer", self._answered(Sequencer._answer))
        monkeypatch.setattr(SimulatedVenue, "submit", self._at_the_venue(SimulatedVenue.submit))
        for module in (engine_market, journal, shard_leases):
            monkeypatch.setattr(module, "pooled", self._reached)

    def _pass(self, stage: Stage) -> None:
        for fault in self.faults:
            if fault.takes(stage):
                fault.does()

    def _received(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        async def next_batch(inbox: Inbox, *args: Any) -> Batch:
            batch: Batch = await real(inbox, *args)
            if batch.inputs:
                self._pass(Stage.RECEIVED)
            return batch

        return next_batch

    def _applied(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def apply(*args: Any, **kwargs: Any) -> Any:
            applied = real(*args, **kwargs)
            if applied.count:
                self._pass(Stage.APPLIED)
            return applied

        return apply

    def _journalled(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        async def append(journal: Journal, *args: Any, second: Any = None) -> None:
            write = functools.partial(real, second=second)
            fault = next((fault for fault in self.journal_faults if fault.takes()), None)
            if fault is None:
                await write(journal, *args)
                self._pass(Stage.JOURNALLED)
                return
            if fault.write is WriteFault.LATE:
                self.late_writes.append(functools.partial(_write_late, write, journal, *args))
            if fault.write in {WriteFault.UNHEARD, WriteFault.DOUBLED}:
                await write(journal, *args)
            if fault.write is WriteFault.DOUBLED:
                await _write_late(write, journal, *args)
                return
            raise DatabaseUnavailable(fault.write)

        return append

    def _answered(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def answer(sequencer: Sequencer, batch: Batch, applied: Any) -> None:
            real(sequencer, batch, applied)
            if batch.inputs:
                self._pass(Stage.ANSWERED)

        return answer

    def _at_the_venue(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def submit(*args: Any) -> None:
            self._pass(Stage.AT_THE_VENUE)
            real(*args)

        return submit

    @asynccontextmanager
    async def _reached(self, pool: Any) -> AsyncIterator[Any]:
        if self.database_is_down:
            async with answered():
                raise psycopg.OperationalError("connection refused")
        async with pooled(pool) as connection:
            yield connection


async def _write_late(real: Callable[..., Any], journal: Journal, row: Any, events: Any) -> None:
    """Carried out although nobody waits for it: the row is there already, or its writer is fenced."""
    try:
        await real(journal, row, events)
    except Fenced:
        return
