"""The processes between the hops, with the product's own code in them: the relay, and functions behind their handlers.

Each may die between any two of its steps, and lose its database.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from breakwater.db.connection import Connection, Database
from breakwater.db.engine_connection import EngineConnection, engine_connection
from breakwater.db.relay import DueEvent, forget, take_due
from breakwater.errors import DatabaseUnavailable, Unavailable
from fargate_engine import relay
from fargate_engine.relay import Relay
from tests.simulation.delivery.hops import Bus, FifoQueue, Handler, Message, Queue, Weather

TAKEN_AT_ONCE_MAX = 6  # So that a bucket's events need several rounds.


class ProcessDied(BaseException):
    """No code of the product catches it."""


class _Idle(Exception):
    """The relay found nothing to do: it would wait now."""


class RelayProcess:
    """An engine's relay, and after its death the next engine's."""

    def __init__(self, conninfo: str, weather: Weather, queue: FifoQueue, bus: Bus) -> None:
        self._conninfo = conninfo
        self._weather = weather
        self._clients = {"queue_url": "queue", "event_bus": "breakwater", "sqs": queue, "eventbridge": bus}
        self._opened = AsyncExitStack()
        self._connection: EngineConnection | None = None
        self._relay = Relay("", **self._clients)  # type: ignore[arg-type]  # Two are names, two are clients.

    def wire(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its steps, each of which it may not outlive; its calls to AWS one after the other, as a seed has them."""

        async def take_due_or_die(connection: EngineConnection, bucket: int, _limit: int) -> list[DueEvent]:
            self._may_die("the relay dies before it takes")
            due = await take_due(connection, bucket, self._weather.random.randint(1, TAKEN_AT_ONCE_MAX))
            if not due:
                raise _Idle
            self._may_die("the relay dies with events in its hand")
            return due

        async def forget_or_die(connection: EngineConnection, outbox_ids: list[int]) -> None:
            self._may_die("the relay dies before it forgets")
            await forget(connection, outbox_ids)
            self._may_die("the relay dies after it forgot")

        async def call(operation: Any, **parameters: Any) -> Any:
            for _ in range(self._weather.random.randint(0, 3)):  # Calls under way at a time overtake each other.
                await asyncio.sleep(0)
            return operation(**parameters)

        monkeypatch.setattr(relay, "take_due", take_due_or_die)
        monkeypatch.setattr(relay, "forget", forget_or_die)
        monkeypatch.setattr(asyncio, "to_thread", call)

    async def turn(self, bucket: int) -> None:
        """Whatever is due in the bucket, unless it dies of it."""
        if self._weather.is_away("relay"):
            return
        if self._connection is None:
            self._connection = await self._opened.enter_async_context(engine_connection(self._conninfo))
        self._relay._due[bucket].set()
        try:
            await self._relay._work(bucket, self._connection)
        except _Idle:
            return
        except (_RelayDied, Unavailable):
            await self.end()

    async def end(self) -> None:
        """Calls that are under way still reach whom they are for."""
        for packer in (self._relay._queue, self._relay._bus):
            while packer._calls:
                await asyncio.wait(packer._calls)
        await self._opened.aclose()
        self._connection = None
        self._relay = Relay("", **self._clients)  # type: ignore[arg-type]

    def _may_die(self, what: str) -> None:
        if self._weather.strikes(what, 0.04):
            raise _RelayDied


class _RelayDied(Exception):
    """Not a BaseException: that would end the loop, and with it the simulation."""


class FunctionsDatabase(Database):
    """That of the consumers: it is away at times, and whoever uses it may die before its commit, or after."""

    def __init__(self, conninfo: str, weather: Weather) -> None:
        super().__init__(lambda: conninfo)
        self._weather = weather

    @contextmanager
    def _transaction(self, tenant: str, actor: str) -> Iterator[Connection]:
        if self._weather.is_away("database") or self._weather.strikes("the database does not answer", 0.04):
            raise DatabaseUnavailable("the database did not answer in time")
        with super()._transaction(tenant, actor) as connection:
            yield connection
            if self._weather.strikes("a function dies before its commit", 0.04):
                raise ProcessDied
        if self._weather.strikes("a function dies after its commit", 0.04):
            raise ProcessDied
        if self._weather.strikes("the answer to a commit is lost", 0.03):
            raise DatabaseUnavailable("the database did not answer in time")


@dataclass(frozen=True)
class _Context:
    function_name: str = "consumer"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 50_000


@dataclass(frozen=True)
class Consumer:
    name: str
    queue: Queue
    handler: Handler
    weather: Weather

    def poll(self) -> None:
        """As Lambda does: what the function answered with comes again, and all of it when there was no answer."""
        messages = self.receive()
        if not messages:
            return
        try:
            answer = self.handler({"Records": [each.record(self.queue.arn) for each in messages]}, _Context())
        except ProcessDied:
            return
        if self.weather.strikes("a function's answer is lost", 0.04):
            return
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        self.delete([each for each in messages if each.message_id not in failed])

    def receive(self) -> list[Message]:
        return [] if self.weather.is_away(self.name) else self.queue.receive()

    def delete(self, messages: list[Message]) -> None:
        self.queue.delete(messages)
