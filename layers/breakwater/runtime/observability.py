"""Logs and metrics: Powertools, made at first use, because importing reads no environment."""

import json
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Breakwater"


@cache
def logger() -> Logger:
    """Service name and level from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""
    # The exception is there as text; twice is too much.
    return Logger(serialize_stacktrace=False, json_serializer=_as_ascii)


def _as_ascii(record: dict[str, Any]) -> str:
    """One line wherever it is shown: readers differ about which characters begin another, or move a cursor."""
    return json.dumps(record, default=str, separators=(",", ":"))


@cache
def _count_cold_start(function_name: str) -> None:
    """Once in the life of an execution environment, which is what makes it a cold start."""
    with single_metric(name="ColdStart", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        metric.add_dimension(name="function_name", value=function_name)


def observed[Answer](handler: Callable[[dict[str, Any], Any], Answer]) -> Callable[[dict[str, Any], Any], Answer]:
    """A Lambda handler that counts its cold start and whose log lines carry the request's id."""

    @wraps(handler)
    def observed_handler(event: dict[str, Any], context: Any) -> Answer:
        _count_cold_start(context.function_name)
        logger().append_keys(request_id=context.aws_request_id)
        return handler(event, context)

    return observed_handler
