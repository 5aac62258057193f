"""The state machine as it is deployed: names, payloads, retries, catches, and the time it may take."""

from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra_cdk.constructs.functions import API_TIMEOUT
from tests.simulation.fault_matrix.state_machine import definition_in, synthesized_definition

TASKS = {
    "ReserveLimits": "reserve_limits",
    "SubmitOrder": "submit_order",
    "ConfirmOrder": "confirm_order",
    "ReleaseLimits": "release_limits",
    "MarkUnknown": "mark_unknown",
}
READING_THE_ORDER_S = 3


@pytest.fixture(scope="session")
def definition(control: Template) -> dict[str, Any]:
    return definition_in(control)


@pytest.fixture(scope="session")
def states(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition["States"]
    return found


def catches(state: dict[str, Any]) -> list[tuple[list[str], str]]:
    return [(catch["ErrorEquals"], catch["Next"]) for catch in state["Catch"]]


def duration_s_max(state: dict[str, Any]) -> int:
    """Every attempt takes its whole time-out, and every pause its whole length."""
    total = int(state["TimeoutSeconds"])
    for retry in state.get("Retry", []):
        assert retry["BackoffRate"] == 1
        total += retry["MaxAttempts"] * (retry["IntervalSeconds"] + state["TimeoutSeconds"])
    return total


def longest_way_s(states: dict[str, Any], name: str) -> int:
    state = states[name]
    if state["Type"] == "Fail":
        return 0
    following = [catch["Next"] for catch in state["Catch"]] + [state[key] for key in ("Next",) if key in state]
    return duration_s_max(state) + max(longest_way_s(states, other) for other in following)


def test_it_is_an_express_machine_of_the_documented_name(control: Template) -> None:
    control.has_resource_properties(
        "AWS::StepFunctions::StateMachine",
        {"StateMachineName": "order-saga", "StateMachineType": "EXPRESS", "TracingConfiguration": {"Enabled": True}},
    )


def test_orders_do_not_appear_in_its_logs(control: Template) -> None:
    control.has_resource_properties(
        "AWS::StepFunctions::StateMachine", {"LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": False}}
    )


def test_it_has_exactly_the_documented_states(definition: dict[str, Any], states: dict[str, Any]) -> None:
    assert definition["StartAt"] == "ReserveLimits"
    assert states.keys() == TASKS.keys() | {"Rejected", "Unresolved"}


def test_the_fault_matrix_runs_the_definition_that_is_deployed(definition: dict[str, Any]) -> None:
    assert synthesized_definition() == definition


@pytest.mark.parametrize(("name", "step"), TASKS.items())
def test_each_task_names_its_step_and_passes_the_order_as_it_came(states: dict[str, Any], name: str, step: str) -> None:
    state = states[name]
    assert state["Type"] == "Task"
    assert state["Parameters"]["step"] == step
    assert state["Parameters"]["order.$"] == "$$.Execution.Input"


def test_confirming_gets_the_engines_answer_and_compensating_the_error(states: dict[str, Any]) -> None:
    assert states["ConfirmOrder"]["Parameters"]["snapshot.$"] == "$"
    assert states["ReleaseLimits"]["Parameters"]["error.$"] == "$"
    assert states["MarkUnknown"]["Parameters"]["error.$"] == "$"


@pytest.mark.parametrize("name", TASKS)
def test_only_unavailable_is_retried_and_not_for_ever(states: dict[str, Any], name: str) -> None:
    for retry in states[name].get("Retry", []):
        assert retry["ErrorEquals"] == ["Unavailable"]
        assert retry["MaxAttempts"] == 1


def test_reserving_and_submitting_are_retried(states: dict[str, Any]) -> None:
    assert {name for name in TASKS if "Retry" in states[name]} == {"ReserveLimits", "SubmitOrder"}


def test_a_refused_reservation_ends_the_saga_with_nothing_to_release(states: dict[str, Any]) -> None:
    assert catches(states["ReserveLimits"]) == [(["Rejection"], "Rejected"), (["States.ALL"], "MarkUnknown")]


def test_the_engines_refusal_releases_and_anything_else_holds_the_reservation(states: dict[str, Any]) -> None:
    assert catches(states["SubmitOrder"]) == [(["Rejection"], "ReleaseLimits"), (["States.ALL"], "MarkUnknown")]
    assert states["ReleaseLimits"]["Next"] == "Rejected"


@pytest.mark.parametrize("name", ["ConfirmOrder", "ReleaseLimits"])
def test_a_closing_step_that_fails_leaves_the_order_unknown(states: dict[str, Any], name: str) -> None:
    assert catches(states[name]) == [(["States.ALL"], "MarkUnknown")]


def test_an_unknown_order_ends_unresolved_whatever_happens(states: dict[str, Any]) -> None:
    assert catches(states["MarkUnknown"]) == [(["States.ALL"], "Unresolved")]
    assert states["MarkUnknown"]["Next"] == "Unresolved"
    assert states["Unresolved"]["Error"] == "Unavailable"
    assert states["Rejected"]["Error"] == "Rejection"


def test_the_longest_way_through_ends_before_its_caller_gives_up(
    definition: dict[str, Any], states: dict[str, Any]
) -> None:
    longest_s = longest_way_s(states, "ReserveLimits")
    assert longest_s == 24
    assert longest_s < definition["TimeoutSeconds"] <= API_TIMEOUT.to_seconds() - READING_THE_ORDER_S
