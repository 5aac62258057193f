"""What leaves a saga step."""

import json
from typing import Any

import pytest

from breakwater.errors import EngineUnavailable, LimitExceeded
from breakwater.runtime.saga import saga_handler
from tests.unit.runtime.http_events import LambdaContext


def run_step(step: Any) -> Any:
    event = {"step": "reserve_limits", "order": {"order_id": "o-1", "correlation_id": "c-1"}}
    return saga_handler({"reserve_limits": step})(event, LambdaContext())


def test_a_step_is_given_its_whole_input_and_its_answer_goes_back() -> None:
    assert run_step(lambda told: {"seen": told["order"]["order_id"]}) == {"seen": "o-1"}


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (LimitExceeded("no", refusals=[{"limit": "1"}]), "Rejection"),
        (EngineUnavailable("later"), "Unavailable"),
        (KeyError("bug"), "KeyError"),
    ],
)
def test_step_functions_see_the_two_names_they_match(error: Exception, name: str) -> None:
    def step(told: dict[str, Any]) -> None:
        raise error

    with pytest.raises(Exception, match=r"no|later|bug") as left:
        run_step(step)
    assert type(left.value).__name__ == name


def test_a_rejection_tells_its_code_and_refusals_as_json() -> None:
    def step(told: dict[str, Any]) -> None:
        raise LimitExceeded("no", refusals=[{"limit": "1"}])

    with pytest.raises(Exception, match="LIMIT_EXCEEDED") as left:
        run_step(step)
    assert json.loads(str(left.value)) == {"code": "LIMIT_EXCEEDED", "detail": "no", "refusals": [{"limit": "1"}]}
