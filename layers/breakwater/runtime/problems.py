"""RFC 9457 problem details: the one shape in which anything is refused."""

from http import HTTPStatus
from typing import Any, NotRequired, TypedDict

from breakwater.domain.ids import IdText
from breakwater.domain.limits import Refusal
from breakwater.errors import BreakwaterError

CONTENT_TYPE = "application/problem+json"


class FieldError(TypedDict):
    field: str
    message: str


class Problem(TypedDict):
    """RFC 9457, and beyond it: `code` is stable and for programs, `correlation_id` finds the request in our logs.

    The others are there where they say something; a member that is not listed here is to be ignored.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    correlation_id: str
    errors: NotRequired[list[FieldError]]  # Of INVALID_REQUEST: what is wrong where, nested names with dots.
    field: NotRequired[str]  # The one that `detail` is about.
    refusals: NotRequired[list[Refusal]]  # Of LIMIT_EXCEEDED: every limit that refused.
    suggested_action: NotRequired[str]  # Of LIMITS_UNAVAILABLE and POSITIONS_STALE: retry_in_minutes.
    order_id: NotRequired[IdText]
    order_status: NotRequired[str]
    node_state: NotRequired[str]
    current: NotRequired[dict[str, Any] | None]  # Of VERSION_CONFLICT: the limit as it stands, null when it is gone,
    yours: NotRequired[dict[str, Any]]  # and as it was asked for.
    overlaps: NotRequired[dict[str, Any]]  # Of LIMIT_OVERLAPS: the limit that holds at the same time.
    permission: NotRequired[str]
    scope: NotRequired[str]
    challenge: NotRequired[str]


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
