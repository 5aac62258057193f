"""Events as API Gateway's HTTP API sends them (payload 2.0), for tests that call a handler."""

import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from breakwater.domain.caller_context import to_context
from breakwater.domain.permissions import Principal

TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")


@dataclass(frozen=True)
class LambdaContext:
    function_name: str = "function"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def caller_context(role: str = "trader", tenant_id: uuid.UUID = TENANT, **changes: str) -> dict[str, str]:
    """What the authorizer answers for a signed-in user."""
    principal = Principal(tenant_id, "subject-1", "trader1", role, frozenset({"session"}))
    return to_context(principal) | changes


def http_event(
    method: str,
    path: str,
    *,
    body: object = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    caller: dict[str, str] | None = None,
) -> dict[str, Any]:
    """`body`: a str is sent as it is, anything else as JSON; `caller`: the authorizer's context, None for none."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    request_context: dict[str, Any] = {
        "accountId": "000000000000",
        "apiId": "api",
        "domainName": "localhost",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
        "requestId": "request",
        "routeKey": "$default",
        "stage": "$default",
        "timeEpoch": 0,
    }
    if caller is not None:
        request_context["authorizer"] = {"lambda": caller}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {"content-type": "application/json", "host": "localhost"} | (headers or {}),
        "requestContext": request_context,
        "body": text,
        "isBase64Encoded": False,
    }


def answer_of(answer: dict[str, Any]) -> Any:
    """The JSON a handler answered with."""
    return json.loads(answer["body"])
