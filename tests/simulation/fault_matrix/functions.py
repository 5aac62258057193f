"""The real functions behind their handlers: API Gateway's, Step Functions', SQS' and the schedule's events in."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from breakwater.errors import DatabaseUnavailable
from breakwater.runtime import database as runtime_database
from breakwater.runtime import order_saga as runtime_order_saga
from breakwater.runtime import queue as runtime_queue
from breakwater.services.engine_watch import EngineWatch
from functions.limits import app as limits_app
from functions.order_saga import app as order_saga_app
from functions.orders import app as orders_app
from functions.projections import app as projections_app
from functions.reconciler import app as reconciler_app
from tests.simulation.fault_matrix.engine import Engine
from tests.simulation.fault_matrix.fire import Fire, FunctionDied, NoAnswer
from tests.simulation.fault_matrix.reach import FiredDatabase, WayToEngine
from tests.simulation.fault_matrix.state_machine import TIMED_OUT, MachineDied, StateMachine, TaskFailed
from tests.unit.runtime.http_events import caller_context, http_event

PLACE = "POST /orders"
CANCEL = "DELETE /orders"
REPLACE = "PATCH /orders"
KILL = "POST /limits/kill"
OPEN_LEASE = "POST /limits/leases"
STOP_LEASE = "DELETE /limits/leases"
WATCH = "watch"
PROJECTIONS = "projections"
RECONCILER = "reconciler"
SERVER_ERROR = 500


@dataclass(frozen=True)
class Answer:
    status: int
    document: Any

    @property
    def is_known(self) -> bool:
        """Whoever asked knows what came of it; after any other answer it is asked again."""
        return self.status < SERVER_ERROR


@dataclass(frozen=True)
class _Context:
    function_name: str = "function"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 50_000


class _StepFunctions:
    """The one call of Step Functions that is made. An execution that died, or whose answer is lost, is an error."""

    def __init__(self, machine: StateMachine, fire: Fire) -> None:
        self._machine = machine
        self._fire = fire

    def start_sync_execution(self, *, stateMachineArn: str, name: str, input: str) -> Any:
        self._fire.here("starts the saga")
        try:
            ended = self._machine.run(input)
        except MachineDied as error:
            raise EndpointConnectionError(endpoint_url="states") from error
        told = {"status": "SUCCEEDED" if ended.error is None else "FAILED", "error": ended.error}
        changed = self._fire.at(f"{self._fire.function}: the saga answers")
        return told if changed is None else changed.value


class Functions:
    def __init__(
        self, conninfo: str, engine: Engine, definition: dict[str, Any], committed: Callable[[], None]
    ) -> None:
        self.fire = Fire()
        self.database = FiredDatabase(conninfo, self.fire, committed)
        self.fire.on_death = self.database.close
        self.way = WayToEngine(engine, self.fire, self.database)
        self.sqs: Any = None  # Where the projections put dead letters aside.
        self._step_functions = _StepFunctions(StateMachine(definition, self._step), self.fire)

    def wire(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ORDER_SAGA_ARN", "arn:aws:states:eu-west-1:000000000000:stateMachine:order-saga")
        monkeypatch.setattr(runtime_database, "database", lambda: self.database)
        monkeypatch.setattr(runtime_order_saga, "client", lambda *_, **__: self._step_functions)
        monkeypatch.setattr(runtime_queue, "client", lambda service: self.sqs)
        monkeypatch.setattr(runtime_queue, "note", lambda *_: None)  # Of figures, and no step of an order.
        for app in (orders_app, order_saga_app, reconciler_app, limits_app):
            monkeypatch.setattr(app, "engine_client", lambda: self.way.client)

    def place(self, tenant_id: uuid.UUID, terms: dict[str, Any]) -> Answer | None:
        """None when there was none."""
        return self._request(PLACE, orders_app.handler, tenant_id, "/orders", terms)

    def cancel(self, tenant_id: uuid.UUID, order_id: uuid.UUID) -> Answer | None:
        return self._request(CANCEL, orders_app.handler, tenant_id, f"/orders/{order_id}")

    def replace(self, tenant_id: uuid.UUID, order_id: uuid.UUID, terms: dict[str, Any]) -> Answer | None:
        return self._request(REPLACE, orders_app.handler, tenant_id, f"/orders/{order_id}", terms)

    def kill(self, tenant_id: uuid.UUID, node_id: uuid.UUID) -> Answer | None:
        change = {"node_id": str(node_id), "reason": "the matrix"}
        return self._request(KILL, limits_app.handler, tenant_id, "/limits/kill", change)

    def open_lease(self, tenant_id: uuid.UUID, request: dict[str, Any]) -> Answer | None:
        return self._request(OPEN_LEASE, limits_app.handler, tenant_id, "/limits/leases", request)

    def stop_lease(self, tenant_id: uuid.UUID, lease_id: uuid.UUID) -> Answer | None:
        return self._request(STOP_LEASE, limits_app.handler, tenant_id, f"/limits/leases/{lease_id}")

    def watch(self) -> None:
        """One round of the part that tends leases and carries out kills. The next comes in a quarter of a second."""
        database = self.database
        watch = EngineWatch(
            database.untenanted_transaction, database.tenant_transaction, self.way.client, lambda _: None
        )
        try:
            self.fire.call(WATCH, lambda: watch.run_round(datetime.now(UTC)))
        except (FunctionDied, NoAnswer, DatabaseUnavailable):
            return

    def project(self, records: list[dict[str, Any]]) -> set[str]:
        """The ids of the messages that come again; all of them when the function does not say."""
        everyone = {record["messageId"] for record in records}
        try:
            answer = self.fire.call(PROJECTIONS, lambda: projections_app.handler({"Records": records}, _Context()))
            return {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        except (FunctionDied, NoAnswer, KeyError, TypeError):
            return everyone

    def reconcile(self) -> None:
        """One run. What becomes of it nobody waits for: the next comes in a minute."""
        try:
            self.fire.call(RECONCILER, lambda: reconciler_app.handler({}, _Context()))
        except (FunctionDied, NoAnswer, DatabaseUnavailable):
            return

    def _step(self, state: str, payload: dict[str, Any]) -> Any:
        """One task of the state machine, with the names that Step Functions gives to what goes wrong."""
        try:
            return self.fire.call(state, lambda: order_saga_app.handler(payload, _Context()))
        except TaskFailed:
            raise
        except FunctionDied as error:
            raise TaskFailed("Runtime.ExitError") from error
        except NoAnswer as error:
            raise TaskFailed(TIMED_OUT) from error
        except Exception as error:
            raise TaskFailed(type(error).__name__, str(error)) from error

    def _request(
        self, name: str, handler: Callable[..., Any], tenant_id: uuid.UUID, path: str, body: Any = None
    ) -> Answer | None:
        method = name.partition(" ")[0]
        caller = caller_context("organisation_admin", tenant_id, subject="sub", username="ada", scopes="session")
        event = http_event(method, path, body=body, headers={"x-correlation-id": "matrix"}, caller=caller)
        try:
            answer = self.fire.call(name, lambda: handler(json.loads(json.dumps(event)), _Context()))
        except (FunctionDied, NoAnswer):
            return None
        return Answer(answer["statusCode"], json.loads(answer["body"]))


@contextmanager
def functions_on(
    conninfo: str, engine: Engine, definition: dict[str, Any], committed: Callable[[], None]
) -> Iterator[Functions]:
    functions = Functions(conninfo, engine, definition, committed)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        functions.wire(monkeypatch)
        yield functions
    functions.database.close()
