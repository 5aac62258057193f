"""The state machine of an alert's escalation as its definition says it, under a clock that jumps from wait to wait.

The definition is what CDK synthesizes from infra_cdk/constructs/alert_escalation.py. What this interpreter does not
know it refuses.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import aws_cdk
from aws_cdk import aws_lambda
from aws_cdk.assertions import Template

from infra_cdk.constructs.alert_escalation import AlertEscalation
from infra_cdk.constructs.function import PlatformFunction
from tests.simulation.fault_matrix.state_machine import TaskFailed, definition_in

_TASK = {"Type", "Resource", "Parameters", "TimeoutSeconds", "Retry", "Catch", "Next", "ResultPath"}
_KNOWN = {
    "Wait": {"Type", "SecondsPath", "Next"},
    "Task": _TASK,
    "Choice": {"Type", "Choices", "Default"},
    "Succeed": {"Type"},
    "Fail": {"Type", "Error", "Cause"},
}


def synthesized_definition() -> dict[str, Any]:
    stack = aws_cdk.Stack(aws_cdk.App(analytics_reporting=False), "Alone")
    function = aws_lambda.Function(
        stack,
        "Function",
        code=aws_lambda.Code.from_inline("pass"),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
    )
    AlertEscalation(stack, "Escalation", function=cast(PlatformFunction, SimpleNamespace(function=function)))
    return definition_in(Template.from_stack(stack), name="alert-escalation")


@dataclass
class Clock:
    """What is planned for an instant happens when the clock passes it, before whatever else happens then."""

    now: datetime
    planned: list[tuple[datetime, Callable[[datetime], None]]] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        due = sorted((each for each in self.planned if each[0] <= until), key=lambda each: each[0])
        self.planned = [each for each in self.planned if each[0] > until]
        for at, do in due:
            self.now = at
            do(at)
        self.now = until


@dataclass
class EscalationMachine:
    """`invoke` is the function: its payload to its answer; TaskFailed when it has none."""

    definition: dict[str, Any]
    clock: Clock
    invoke: Callable[[dict[str, Any]], Any]

    def run(self, given: dict[str, Any]) -> str:
        """The state that it ends in."""
        name = self.definition["StartAt"]
        while True:
            state = self.definition["States"][name]
            unknown = set(state) - _KNOWN[state["Type"]]
            assert not unknown, f"state {name} has what this interpreter does not know: {unknown}"
            if state["Type"] in {"Succeed", "Fail"}:
                return str(name)
            if state["Type"] == "Wait":
                self.clock.wait(at_path(given, state["SecondsPath"]))
                name = state["Next"]
            elif state["Type"] == "Choice":
                name = next((each["Next"] for each in state["Choices"] if _holds(each, given)), state["Default"])
            else:
                name, given = self._task(state, given)

    def _task(self, state: dict[str, Any], given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        payload = {
            key.removesuffix(".$"): at_path(given, value) if key.endswith(".$") else value
            for key, value in state["Parameters"].items()
        }
        (retrier,), (catcher,) = state["Retry"], state["Catch"]
        assert retrier["ErrorEquals"] == catcher["ErrorEquals"] == ["States.ALL"]
        assert retrier["BackoffRate"] == 1
        for _ in range(retrier["MaxAttempts"] + 1):
            try:
                answer = json.loads(json.dumps(self.invoke(json.loads(json.dumps(payload)))))
            except TaskFailed:
                self.clock.wait(retrier["IntervalSeconds"])
            else:
                return state["Next"], {**given, state["ResultPath"].removeprefix("$."): answer}
        return catcher["Next"], given


def at_path(given: dict[str, Any], path: str) -> Any:
    """Such as $.waits_s[0]: the names and places that lead to a value."""
    found: Any = given
    for part in path.removeprefix("$.").replace("]", "").replace("[", ".").split("."):
        found = found[int(part)] if part.isdigit() else found[part]
    return found


def _holds(choice: dict[str, Any], given: dict[str, Any]) -> bool:
    assert choice.keys() == {"Variable", "BooleanEquals", "Next"}
    return at_path(given, choice["Variable"]) is choice["BooleanEquals"]
