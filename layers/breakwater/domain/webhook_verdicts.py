"""What follows from an answer: for the delivery, for its lane, and for the endpoint."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from breakwater.domain.webhooks import SLOW_MS, Answer, next_try


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it was before the call: the delivery's tries, and its endpoint's."""

    attempts: int
    first_attempt_at: datetime | None
    failures: int
    failing_since: datetime | None
    last_delivered_at: datetime | None
    is_ping: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`lane_due_at`: when the lane goes on; None: at once. `retry_at`: when the endpoint is called again at all."""

    state: Literal["WAITING", "DELIVERED", "DEAD"]
    lane_due_at: datetime | None = None
    endpoint: Literal["WELL", "SLOW", "FAILED", "AS_IT_WAS"] = "AS_IT_WAS"
    retry_at: datetime | None = None
    pause: Literal["GAVE_UP", "GONE"] | None = None

    @property
    def is_given_up(self) -> bool:
        """An event that is, by an endpoint that goes on."""
        return self.state == "DEAD" and self.pause is None


def judge(answer: Answer, before: Standing, *, at: datetime, jitter: float, is_careful: bool) -> Verdict:
    """`is_careful`: the call had the longer time, apart from the endpoints that answer soon."""
    if answer.is_delivered:
        return Verdict(state="DELIVERED", endpoint="SLOW" if answer.latency_ms > SLOW_MS else "WELL")
    if before.is_ping or answer.outcome == "NO_EVENT":
        return Verdict(state="DEAD")
    if answer.is_gone:
        return Verdict(state="WAITING", pause="GONE")
    if answer.outcome == "TIMED_OUT" and not is_careful:
        # It may only be slow: it has its proper time now, where nobody waits behind it.
        return Verdict(state="WAITING", endpoint="SLOW")
    return _failure(answer, before, at, jitter)


def _failure(answer: Answer, before: Standing, at: datetime, jitter: float) -> Verdict:
    first_attempt_at = before.first_attempt_at or at
    lane_due_at = next_try(first_attempt_at, before.attempts + 1, jitter, at)
    failing_since = before.failing_since or at
    retry_at = None if answer.blames_event else next_try(failing_since, before.failures + 1, jitter, at)
    is_endpoint_over = not answer.blames_event and retry_at is None
    if lane_due_at is None:
        took_others = before.last_delivered_at is not None and before.last_delivered_at >= first_attempt_at
        pause = is_endpoint_over or not took_others
        return Verdict(
            state="DEAD",
            endpoint="AS_IT_WAS" if answer.blames_event or pause else "FAILED",
            retry_at=retry_at,
            pause="GAVE_UP" if pause else None,
        )
    if is_endpoint_over:
        # Of another lane's making: this event has not had its day yet, and waits for whoever resumes the endpoint.
        return Verdict(state="WAITING", pause="GAVE_UP")
    if answer.blames_event:
        return Verdict(state="WAITING", lane_due_at=lane_due_at)
    return Verdict(state="WAITING", lane_due_at=lane_due_at, endpoint="FAILED", retry_at=retry_at)
