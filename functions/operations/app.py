"""What those who run the platform see and do: consumers, dead letters, replays, read models; and a look each minute."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict

from breakwater.db.consumers import Sample
from breakwater.runtime.api import Caller, create_api, lambda_handler, needs
from breakwater.runtime.aws import client
from breakwater.runtime.database import caller_transaction, transactions_of, untenanted_transaction
from breakwater.runtime.engine import engine_client
from breakwater.runtime.observability import NAMESPACE, observed
from breakwater.runtime.settings import settings
from breakwater.services import consumers, dead_letters, health, health_history, rebuild, replays
from breakwater.services.consumers import ConsumerList
from breakwater.services.dead_letters import DeadLetterList, DeadLetterQueues, DeadLetterShown, Redriven
from breakwater.services.rebuild import RebuildableAccounts, Rebuilt
from breakwater.services.replays import Replayed, ReplayRequest

api = create_api(service="operations")

QueueName = Annotated[str, Path(max_length=80, pattern=r"^[A-Za-z0-9_-]+(\.fifo)?$")]
QueueWanted = Annotated[str | None, Query(max_length=80, pattern=r"^[A-Za-z0-9_-]+(\.fifo)?$")]


class RedriveRequest(BaseModel):
    """`letter_id` null: all, the oldest hundred at once."""

    model_config = ConfigDict(extra="forbid")

    letter_id: uuid.UUID | None = None


def _queue_arns() -> list[str]:
    return settings().work_queues.split(",")


def _dead_letters() -> DeadLetterQueues:
    return DeadLetterQueues(client("sqs"), _queue_arns())


@api.get("/consumers", dependencies=[needs("system:monitor")])
def list_consumers(caller: Caller) -> ConsumerList:
    return consumers.told(_look())


@api.get("/dead-letters", dependencies=[needs("system:monitor")])
def list_dead_letters(caller: Caller, queue: QueueWanted = None) -> DeadLetterList:
    return _dead_letters().list_all(caller, queue)


@api.get("/dead-letters/{queue}/{letter_id}", dependencies=[needs("system:monitor")])
def get_dead_letter(queue: QueueName, letter_id: uuid.UUID, caller: Caller) -> DeadLetterShown:
    letter = _dead_letters().show(caller, queue, letter_id)
    with caller_transaction(caller) as tx:
        dead_letters.note_read(letter, caller, tx, datetime.now(UTC))
    return letter


@api.post("/dead-letters/{queue}/redrive", dependencies=[needs("system:operate")])
def redrive_dead_letters(queue: QueueName, request: RedriveRequest, caller: Caller) -> Redriven:
    letters = _dead_letters()
    letters.require(queue)
    with caller_transaction(caller) as tx:
        dead_letters.ask_for_redrive(caller, tx, queue=queue, letter_id=request.letter_id, at=datetime.now(UTC))
    return letters.redrive(queue, request.letter_id)


@api.post("/replays", dependencies=[needs("system:operate")])
def replay_events(request: ReplayRequest, caller: Caller) -> Replayed:
    with caller_transaction(caller) as tx:
        due = replays.ask_for_replay(request, caller, tx, datetime.now(UTC))
    return replays.send(request, due, client("sqs"), _queue_arns())


@api.get("/read-models", dependencies=[needs("system:monitor")])
def list_read_models(caller: Caller) -> RebuildableAccounts:
    with caller_transaction(caller) as tx:
        return rebuild.accounts(caller, tx)


@api.post("/read-models/{account_id}/rebuild", dependencies=[needs("system:operate")])
def rebuild_read_models(account_id: uuid.UUID, caller: Caller) -> Rebuilt:
    return rebuild.rebuild(account_id, caller, transactions_of(caller.actor), datetime.now(UTC))


_answer = lambda_handler(api)


def _look() -> list[Sample]:
    with untenanted_transaction() as connection:
        return consumers.look(client("sqs"), _queue_arns(), connection, datetime.now(UTC))


def _keep_health() -> None:
    """As GET /health would say it. While the database is down nothing is written: the gap is all that tells of it."""
    at = datetime.now(UTC)
    found = health.check({"database": _ask_database, "engine": engine_client().unserved_shards})
    with untenanted_transaction() as connection:
        found["delivery"] = health.check_delivery(lambda: consumers.late(connection, at))
        health_history.keep(connection, found, at)


def _ask_database() -> tuple[int, ...]:
    with untenanted_transaction():
        return ()  # It has answered the statement that opens a transaction.


@observed
def _measure(event: dict[str, Any], context: Any) -> dict[str, int]:
    _keep_health()  # Before the queues are asked: where they are silent, the rest is known all the same.
    seen = _look()
    for sample in seen:
        figures = {
            "ConsumerLag": (MetricUnit.Seconds, sample.lag_s),
            "MessagesWaiting": (MetricUnit.Count, sample.visible),
            "MessagesInFlight": (MetricUnit.Count, sample.in_flight),
            "DeadLetters": (MetricUnit.Count, sample.dead_letters),
        }
        for name, (unit, value) in figures.items():
            with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
                metric.add_dimension(name="queue", value=sample.queue)
    return {"queues": len(seen)}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The schedule's event asks for a look; everything else is the HTTP API's."""
    return _measure(event, context) if event.get("source") == "aws.events" else _answer(event, context)
