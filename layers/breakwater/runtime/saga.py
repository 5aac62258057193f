"""A state machine's task: one function, one step a call."""

import json
from collections.abc import Callable
from typing import Any

from breakwater import errors
from breakwater.runtime.observability import logger, observed


class Rejection(Exception):
    """Step Functions match the bare name of the class: this one ends the saga with a no."""


class Unavailable(Exception):
    """This one is retried a bounded number of times. The message of both is JSON: {code, detail, ...extensions}."""


def saga_handler(steps: dict[str, Callable[[dict[str, Any]], Any]]) -> Callable[[dict[str, Any], Any], Any]:
    """The handler of {"step": name, "order": {...}, ...}: runs the step with this input and answers what it returns.

    A refusal of ours leaves as exactly `Rejection` or `Unavailable`, whatever its subclass; every other exception is a
    broken invariant and leaves as it is, for the machine's catch-all.
    """

    def run(task: dict[str, Any]) -> Any:
        logger().set_correlation_id(task["order"].get("correlation_id"))
        return steps[task["step"]](task)

    return task_handler(run)


def task_handler(run: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], Any], Any]:
    """The handler of one task of a state machine: a refusal of ours leaves under the names that the machine knows."""

    @observed
    def handler(event: dict[str, Any], context: Any) -> Any:
        try:
            return run(event)
        except errors.Rejection as error:
            raise Rejection(_told(error)) from error
        except errors.Unavailable as error:
            logger().warning("step unavailable", step=event.get("step"), code=error.code)
            raise Unavailable(_told(error)) from error

    return handler


def _told(error: errors.BreakwaterError) -> str:
    return json.dumps({**error.extensions, "code": error.code, "detail": error.message})
