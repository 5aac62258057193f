"""Which alert speaks for its group, when, and when a group that goes up and down is left alone."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from breakwater.domain.alerting import Category, Severity

# The first message of a group: a risk is told in seconds, the rest within the minute and with what comes meanwhile.
WAIT = timedelta(seconds=45)
# While the group goes on another follows after this, and each later one after twice the time, up to the longest.
WINDOW_AT_ONCE, WINDOW = timedelta(minutes=1), timedelta(minutes=5)
WINDOW_LONGEST = timedelta(minutes=15)

FLAP_TURNS_MAX = 5
FLAP_PERIOD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the first alert of a group waits for others, and its second message for the first."""

    wait: timedelta
    window: timedelta

    def window_behind(self, message_no: int) -> timedelta:
        """How long after its message of this number, from 1, another may follow."""
        doubled = self.window
        for _ in range(message_no - 1):
            doubled = min(2 * doubled, WINDOW_LONGEST)
        return doubled


def pace_of(category: Category, severity: Severity) -> Pace:
    is_at_once = category == "RISK" or severity == "CRITICAL"
    return Pace(timedelta(0), WINDOW_AT_ONCE) if is_at_once else Pace(WAIT, WINDOW)


@dataclass(frozen=True, slots=True)
class Window:
    """Of alerts of one group and severity. `taken_at`: since then the leader's message, of that number, is written."""

    leader_id: uuid.UUID
    escalated_id: uuid.UUID
    sends_at: datetime
    taken_at: datetime | None
    message_no: int


@dataclass(frozen=True, slots=True)
class Place:
    """Of an alert in its group. `leader_id` None: it speaks for itself and for those that follow, at `sends_at`.

    `message_no`: which one of the group its message is; behind the first it tells of what came since the one before.
    """

    leader_id: uuid.UUID | None
    sends_at: datetime
    message_no: int

    @property
    def goes_on(self) -> bool:
        return self.message_no > 1


def place_of(window: Window | None, pace: Pace, at: datetime) -> Place:
    """Where an alert of now comes, given the window of its group."""
    if window is not None:
        length = pace.window_behind(window.message_no)
        # A message that nobody took in all that time does not keep the others from being told.
        if window.taken_at is None and at < window.sends_at + length:
            return Place(window.leader_id, window.sends_at, window.message_no)
        if window.taken_at is not None and at < window.taken_at + length:
            return Place(None, window.taken_at + length, window.message_no + 1)
    return Place(None, at + pace.wait, 1)


@dataclass(frozen=True, slots=True)
class Turns:
    """When a group's severity changed lately."""

    severity: Severity
    turned_at: Sequence[datetime]
    flapping_since: datetime | None


def turn(before: Turns | None, severity: Severity, at: datetime) -> tuple[Turns, Literal["STEADY", "BEGINS", "FLAPS"]]:
    """What is known of the group with this alert, and whether it goes up and down too often.

    Too often is more than FLAP_TURNS_MAX times within FLAP_PERIOD; it is over when it has turned fewer times than half
    of that in the same period, so that it does not flap between flapping and not.
    """
    if before is None:
        return Turns(severity, (), None), "STEADY"
    lately = [each for each in before.turned_at if at - each < FLAP_PERIOD]
    if severity != before.severity:
        lately = [*lately, at][-(FLAP_TURNS_MAX + 1) :]
    if before.flapping_since is not None and len(lately) > FLAP_TURNS_MAX // 2:
        return Turns(severity, lately, before.flapping_since), "FLAPS"
    if len(lately) > FLAP_TURNS_MAX and severity != "INFO":  # Most have INFO told to nobody: it would begin unheard.
        return Turns(severity, lately, at), "BEGINS"
    return Turns(severity, lately, None), "STEADY"
