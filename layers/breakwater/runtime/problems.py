"""RFC 9457 problem details: the one shape in which anything is refused."""

from http import HTTPStatus
from typing import Any

from breakwater.errors import BreakwaterError

CONTENT_TYPE = "application/problem+json"


def problem(status: int, code: str, detail: str, correlation_id: str, /, **extensions: Any) -> dict[str, Any]:
    """`code` is stable and for programs; `detail` is for people. Extensions never replace a member of the standard."""
    return {
        **extensions,
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "correlation_id": correlation_id,
    }


def problem_of(error: BreakwaterError, correlation_id: str) -> dict[str, Any]:
    return problem(error.status, error.code, error.message, correlation_id, **error.extensions)
