"""The state machine of escalations as it is deployed: its waits, what a stage is told, and that it does not give up."""

from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra_cdk.constructs.alert_escalation import MACHINE_TIMEOUT
from infra_cdk.constructs.functions import TIMEOUTS
from tests.simulation.escalation_machine import synthesized_definition
from tests.simulation.fault_matrix.state_machine import definition_in

WAIT_S_MAX = 4 * 3600  # As domain/escalation.py has it.


@pytest.fixture(scope="session")
def escalation(control: Template) -> dict[str, Any]:
    return definition_in(control, name="alert-escalation")


def test_it_is_a_standard_machine_with_a_log_that_shows_no_alerts(control: Template) -> None:
    control.has_resource_properties(
        "AWS::StepFunctions::StateMachine",
        {
            "StateMachineName": "alert-escalation",
            "StateMachineType": "STANDARD",
            "TracingConfiguration": {"Enabled": True},
            "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": False},
        },
    )


def test_the_simulation_runs_the_definition_that_is_deployed(escalation: dict[str, Any]) -> None:
    assert synthesized_definition() == escalation


def test_it_waits_tells_asks_whether_it_is_over_waits_and_tells_more(escalation: dict[str, Any]) -> None:
    states = escalation["States"]
    assert escalation["StartAt"] == "Wait"
    assert [states[name]["SecondsPath"] for name in ("Wait", "WaitLonger")] == ["$.waits_s[0]", "$.waits_s[1]"]
    assert [states[name]["Parameters"]["stage"] for name in ("TellOthers", "TellMore")] == [15, 30]
    way = [states[name]["Next"] for name in ("Wait", "TellOthers", "WaitLonger", "TellMore")]
    assert way == ["TellOthers", "IsItOver", "TellMore", "Over"]
    assert states["IsItOver"]["Default"] == "WaitLonger"
    assert states["IsItOver"]["Choices"] == [{"Variable": "$.done.is_over", "BooleanEquals": True, "Next": "Over"}]


@pytest.mark.parametrize(("name", "instead"), [("TellOthers", "WaitLonger"), ("TellMore", "Unfinished")])
def test_a_stage_outlasts_a_failover_and_gives_way_to_the_next(
    escalation: dict[str, Any], name: str, instead: str
) -> None:
    state = escalation["States"][name]
    (retry,), (catch,) = state["Retry"], state["Catch"]
    assert retry["IntervalSeconds"] * retry["MaxAttempts"] >= 5 * 60
    assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], instead)
    # The function says itself what went wrong, before the machine loses patience.
    assert state["TimeoutSeconds"] > TIMEOUTS["alert_escalation"].to_seconds()


def test_the_longest_way_through_ends_before_the_machine_is_ended(escalation: dict[str, Any]) -> None:
    stages = [escalation["States"][name] for name in ("TellOthers", "TellMore")]
    longest_s = WAIT_S_MAX + sum(
        state["TimeoutSeconds"]
        + sum(each["MaxAttempts"] * (each["IntervalSeconds"] + state["TimeoutSeconds"]) for each in state["Retry"])
        for state in stages
    )
    assert longest_s < MACHINE_TIMEOUT.to_seconds() == escalation["TimeoutSeconds"]
