"""The order saga's state machine as its definition says it: tasks, retries, catches, and only JSON between the states.

The definition is what CDK synthesizes from infra_cdk/constructs/order_saga.py. What this interpreter does not know it
refuses, so a definition that grows a feature cannot be run as if it had not.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import aws_cdk
from aws_cdk import aws_lambda
from aws_cdk.assertions import Template

from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.constructs.order_saga import OrderSaga

ALL_ERRORS = "States.ALL"
TIMED_OUT = "States.Timeout"
_KNOWN_FIELDS = {
    "Task": {"Type", "Resource", "Parameters", "TimeoutSeconds", "Retry", "Catch", "Next", "End"},
    "Fail": {"Type", "Error", "Cause"},
}
_KNOWN_RETRY = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate"}
_KNOWN_CATCH = {"ErrorEquals", "Next"}


class TaskFailed(Exception):
    """`error` is the name that Retry and Catch are matched against."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.cause = cause


class MachineDied(BaseException):
    """The execution is gone: no state of it runs any more."""


@dataclass(frozen=True)
class Ended:
    """`error` is None for an execution that succeeded."""

    state: str
    error: str | None


# A state's name and the payload of its function to what the function answers; TaskFailed when it does not.
type Invoke = Callable[[str, dict[str, Any]], Any]


def synthesized_definition() -> dict[str, Any]:
    """From the construct itself: the whole app takes half a minute, and tests/infra compares the two."""
    stack = aws_cdk.Stack(aws_cdk.App(analytics_reporting=False), "Alone")
    function = aws_lambda.Function(
        stack,
        "Function",
        code=aws_lambda.Code.from_inline("pass"),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
    )
    OrderSaga(stack, "OrderSaga", function=cast(PlatformFunction, SimpleNamespace(function=function)))
    return definition_in(Template.from_stack(stack))


def definition_in(template: Template, name: str = "order-saga") -> dict[str, Any]:
    """The definition of the state machine of this name, its function's ARN shortened to "arn"."""
    named = {"Properties": {"StateMachineName": name}}
    (machine,) = template.find_resources("AWS::StepFunctions::StateMachine", named).values()
    joined = machine["Properties"]["DefinitionString"]["Fn::Join"][1]
    document: dict[str, Any] = json.loads("".join(part if isinstance(part, str) else "arn" for part in joined))
    return document


class StateMachine:
    def __init__(self, definition: dict[str, Any], invoke: Invoke) -> None:
        self._start = definition["StartAt"]
        self._states: dict[str, dict[str, Any]] = definition["States"]
        self._invoke = invoke
        for name, state in self._states.items():
            _check(name, state)

    def run(self, execution_input: str) -> Ended:
        """One execution, from its start to its end."""
        name, given = self._start, json.loads(execution_input)
        while True:
            state = self._states[name]
            if state["Type"] == "Fail":
                return Ended(name, state["Error"])
            try:
                answer = self._task(name, state, {"$": given, "$$.Execution.Input": json.loads(execution_input)})
            except TaskFailed as failure:
                name = _caught(state, failure)
                given = {"Error": failure.error, "Cause": failure.cause}
                continue
            if state.get("End"):
                return Ended(name, None)
            name, given = state["Next"], answer

    def _task(self, name: str, state: dict[str, Any], paths: dict[str, Any]) -> Any:
        """What its function answers, after as many attempts as its retriers give it."""
        payload = {
            key.removesuffix(".$"): paths[value] if key.endswith(".$") else value
            for key, value in state["Parameters"].items()
        }
        retries_left = [(retrier, retrier["MaxAttempts"]) for retrier in state.get("Retry", [])]
        while True:
            try:
                return json.loads(json.dumps(self._invoke(name, json.loads(json.dumps(payload)))))
            except TaskFailed as failure:
                for index, (retrier, left) in enumerate(retries_left):
                    if _matches(retrier["ErrorEquals"], failure) and left > 0:
                        retries_left[index] = (retrier, left - 1)
                        break
                else:
                    raise


def _caught(state: dict[str, Any], failure: TaskFailed) -> str:
    for catcher in state["Catch"]:
        if _matches(catcher["ErrorEquals"], failure):
            return str(catcher["Next"])
    raise failure  # Every task of this machine catches everything; tests/infra says so.


def _matches(names: list[str], failure: TaskFailed) -> bool:
    return failure.error in names or ALL_ERRORS in names


def _check(name: str, state: dict[str, Any]) -> None:
    unknown = set(state) - _KNOWN_FIELDS.get(state["Type"], set())
    for retrier in state.get("Retry", []):
        unknown |= set(retrier) - _KNOWN_RETRY
    for catcher in state.get("Catch", []):
        unknown |= set(catcher) - _KNOWN_CATCH
    assert not unknown, f"state {name} has what this interpreter does not know: {unknown}"
