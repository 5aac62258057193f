"""One HTTP exchange: time-outs, bounded retries, and problem documents as exceptions."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from breakwater.client.shapes import Json, Refusal
from breakwater.errors import Unavailable

ATTEMPTS_MAX = 4
PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 5.0  # Also the longest Retry-After that is waited for.
_ANSWER_NOT_KNOWN = 500  # From this status on the answer is none: what was asked for may have been done.


class Problem(Exception):
    """The server's no, from its RFC 9457 problem document. `code` is stable and for programs."""

    def __init__(self, status: int, document: Json) -> None:
        self.status = status
        self.code: str = str(document.get("code", f"HTTP_{status}"))
        # API Gateway's own refusals, such as an authorizer's, have only a `message`.
        told = document.get("detail") or document.get("title") or document.get("message")
        self.detail: str = str(told or f"the server answered {status}")
        self.refusals: list[Refusal] = document.get("refusals") or []
        self.correlation_id: str | None = document.get("correlation_id")
        self.document = document
        super().__init__(f"{self.detail} ({self.code})")


class ServerUnreachable(Unavailable):
    """No answer after the last attempt. For an order this means "not known": ask again under the same id."""

    code = "SERVER_UNREACHABLE"


class Transport:
    def __init__(
        self, http: httpx.Client, *, sleep: Callable[[float], None] = time.sleep, attempts_max: int = ATTEMPTS_MAX
    ) -> None:
        self._http = http
        self._sleep = sleep
        self._attempts_max = attempts_max

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        params: Json | None,
        body: Json | None,
        repeatable: bool,
    ) -> httpx.Response:
        """The answer with a status below 400.

        A repeatable request is sent again after 503 or silence. Raises Problem for any other answer and
        ServerUnreachable when the last attempt had none.
        """
        attempts_max = self._attempts_max if repeatable else 1
        for attempt in range(1, attempts_max + 1):
            pause_s = min(PAUSE_FIRST_S * 2 ** (attempt - 1), PAUSE_MAX_S)
            try:
                response = self._http.request(method, path, headers=headers, params=params, json=body)
            except httpx.TransportError as error:
                if attempt == attempts_max:
                    raise ServerUnreachable(f"no answer from {self._http.base_url}: {_reason(error)}") from error
            else:
                if response.status_code < 400:
                    return response
                if response.status_code != 503 or attempt == attempts_max:
                    raise Problem(response.status_code, _document(response))
                pause_s = _retry_after_s(response, default=pause_s)
            self._sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")


@contextmanager
def no_answer_is_unreachable() -> Iterator[None]:
    """503 to the last attempt, or a gateway's time-out, does not say that an order was not taken."""
    try:
        yield
    except Problem as problem:
        if problem.status < _ANSWER_NOT_KNOWN:
            raise
        raise ServerUnreachable(str(problem)) from problem


def json_object(response: httpx.Response) -> Json:
    """The body; Problem when it is no JSON object, as a captive portal or a wrong URL would answer."""
    if response.status_code == 204:
        return {}
    try:
        parsed: Any = response.json()
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Problem(response.status_code, {"code": "NOT_JSON", "detail": "the server's answer is not a JSON object"})
    return parsed


def _document(response: httpx.Response) -> Json:
    try:
        parsed = response.json()
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _retry_after_s(response: httpx.Response, *, default: float) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), PAUSE_MAX_S) if text.isdecimal() else default


def _reason(error: httpx.TransportError) -> str:
    return "it took too long" if isinstance(error, httpx.TimeoutException) else str(error)
