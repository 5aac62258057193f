"""What every refusal looks like, whatever was asked and whatever is broken."""

import re
from typing import Any

import httpx

INTERNALS = re.compile(
    r"traceback|psycopg|sqlstate|select |insert |\.py\b|pydantic|botocore|arn:aws|127\.0\.0\.1", re.I
)


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document, once it is seen to be one that tells nothing about the inside."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "correlation_id"} <= document.keys()
    assert document["status"] == status
    assert document["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert not INTERNALS.search(answer.text), answer.text
    return document
