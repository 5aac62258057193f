"""One simulation from a seed: a firm's events through every hop, first in a storm and then in the calm."""

import asyncio
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from unittest.mock import MagicMock

import boto3
import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.domain.ids import OUTBOX_BUCKETS
from breakwater.runtime import aws as runtime_aws
from breakwater.runtime import database as runtime_database
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.queue import queue_handler
from breakwater.services.alerts import TOPICS as ALERTING_TOPICS
from breakwater.services.notifications import sequence_in_feed
from events.envelope import Envelope
from fargate_engine import packing
from functions.alerts import app as alerts_app
from functions.projections import app as projections_app
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import create_firm
from tests.simulation.delivery.checker import problems
from tests.simulation.delivery.history import History, history_of
from tests.simulation.delivery.hops import Bus, FifoQueue, Queue, Weather
from tests.simulation.delivery.processes import Consumer, FunctionsDatabase, RelayProcess

STORM_STEPS = 60
CALM_STEPS_MAX = 400
HOOKS = "hooks"


class World:
    """`play` is one simulation; a world plays many in its one database, each with a firm of its own."""

    def __init__(self, urls: DatabaseUrls) -> None:
        self._urls = urls
        self._writer = Database(lambda: urls.functions)
        self._admin = psycopg.connect(urls.admin, autocommit=True)
        # No machine dies here, so that no commit has to wait for the disk.
        self._admin.execute(f"ALTER DATABASE {self._admin.info.dbname} SET synchronous_commit = off")
        self._admin.execute("CREATE TABLE hooked (tenant_id uuid, event_id uuid, sequence bigint)")
        self._admin.execute("GRANT INSERT ON hooked TO breakwater_functions")

    def close(self) -> None:
        self._writer.close()
        self._admin.close()

    def play(self, seed: int) -> tuple[list[str], Weather]:
        """What is wrong in the end, and what went wrong on the way."""
        weather = Weather(Random(seed))  # noqa: S311 - it has to be the same each time
        with _ids_of(seed):
            return self._play(weather), weather

    def _play(self, weather: Weather) -> list[str]:
        history = history_of(create_firm(self._urls.admin, f"Firm {uuid.uuid4()}"), self._writer, weather.random)
        fifo, alerts, hooks = FifoQueue("trade-events", weather), Queue("alerts", weather), Queue(HOOKS, weather)
        bus = Bus(weather, [(ALERTING_TOPICS, alerts), (None, hooks)])
        relay = RelayProcess(self._urls.engine, weather, fifo, bus)
        database = FunctionsDatabase(self._urls.functions, weather)
        consumers = [
            Consumer("projections", fifo, projections_app.handler, weather),
            Consumer("alerts", alerts, alerts_app.handler, weather),
            Consumer(HOOKS, hooks, queue_handler(_hook), weather),
        ]
        with _wired(relay, database):
            is_quiet = asyncio.run(self._run(history, relay, consumers, weather))
        database.close()
        left = [] if is_quiet else ["something never arrives, however often it is tried"]
        return left + problems(self._admin, history, fifo)

    async def _run(self, history: History, relay: RelayProcess, consumers: list[Consumer], weather: Weather) -> bool:
        try:
            for _ in range(STORM_STEPS):
                weather.passes()
                await self._step(history, relay, consumers, weather.random)
            weather.is_calm = True
            weather.passes()
            while history.write_next(self._writer, weather.random):
                pass
            return await self._settle(relay, consumers)
        finally:
            await relay.end()

    async def _step(self, history: History, relay: RelayProcess, consumers: list[Consumer], random: Random) -> None:
        who = random.randrange(8)
        if who < 2:
            history.write_next(self._writer, random)
        elif who < 5:
            await relay.turn(random.randrange(OUTBOX_BUCKETS))
        else:
            consumers[who - 5].poll()

    async def _settle(self, relay: RelayProcess, consumers: list[Consumer]) -> bool:
        """Until nothing is on its way any more. Alerts are told of by events of their own."""
        for _ in range(CALM_STEPS_MAX):
            for bucket in range(OUTBOX_BUCKETS):
                await relay.turn(bucket)
            for consumer in consumers:
                consumer.poll()
            if not any(len(consumer.queue) for consumer in consumers) and not self._outbox_waits():
                return True
        return False

    def _outbox_waits(self) -> bool:
        return self._admin.execute("SELECT 1 FROM trading.outbox LIMIT 1").fetchone() is not None


def _hook(envelope: Envelope) -> None:
    """A consumer as that of webhooks is: of all events, in no order, with an effect that shows when it comes twice."""
    with tenant_transaction(envelope.tenant_id) as tx:
        if tx.portfolio.first_time(HOOKS, envelope.event_id):
            tx.connection.execute(
                "INSERT INTO hooked VALUES (%s, %s, %s)",
                (envelope.tenant_id, envelope.event_id, sequence_in_feed(envelope, tx)),
            )


@contextmanager
def _ids_of(seed: int) -> Iterator[None]:
    """Ids that follow from the seed: an account's decides which bucket of the outbox it is in."""
    random = Random(f"ids of {seed}")  # noqa: S311 - the same
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4))
        yield


@contextmanager
def _wired(relay: RelayProcess, database: Database) -> Iterator[None]:
    """What the functions ask AWS for beside their database is none of this simulation's, and succeeds."""
    runtime_aws.client.cache_clear()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ALERT_TOPIC_ARN", "arn:aws:sns:eu-west-1:000000000000:alerts")
        monkeypatch.setenv("ALERT_DELIVERIES_QUEUE_URL", "http://127.0.0.1/alert-deliveries")
        monkeypatch.setenv("ALERT_ESCALATION_ARN", "arn:aws:states:eu-west-1:000000000000:stateMachine:one")
        took_all = MagicMock(**{"send_message_batch.return_value": {}})
        monkeypatch.setattr(boto3, "client", lambda *_, **__: took_all)
        monkeypatch.setattr(runtime_database, "database", lambda: database)
        monkeypatch.setattr(packing, "REFUSED_RETRY_S", (0.0, 0.0))
        relay.wire(monkeypatch)
        logging.disable(logging.CRITICAL)  # Of each fault a traceback, which nobody reads.
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
    runtime_aws.client.cache_clear()


def seeds(default: int) -> range:
    return range(int(os.environ.get("BREAKWATER_DELIVERY_SEEDS", str(default))))
