"""Which alert speaks for its group, when, and when a group that goes up and down is left alone."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from breakwater.domain.alerting import Category, Severity

# The first message of a group: a risk is told in seconds, the rest within the minute and with what comes meanwhile.
WAIT = timedelta(seconds=45)
# Then one more as often as this while the group goes on.
WINDOW = timedelta(minutes=5)

FLAP_TURNS_MAX = 5
FLAP_PERIOD = timedelta(minutes=10)


def group_wait(category: Category, severity: Severity) -> timedelta:
    """How long the first alert of a group waits for others."""
    return timedelta(0) if category == "RISK" or severity == "CRITICAL" else WAIT


@dataclass(frozen=True, slots=True)
class Window:
    """Of alerts of one group and severity. `taken_at`: since then the leader's message is written."""

    leader_id: uuid.UUID
    escalated_id: uuid.UUID
    sends_at: datetime
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Of an alert in its group. `leader_id` None: it speaks for itself and for those that follow, at `sends_at`.

    `goes_on`: the group was told of already, and this is what came since.
    """

    leader_id: uuid.UUID | None
    sends_at: datetime
    goes_on: bool


def place_of(window: Window | None, *, wait: timedelta, at: datetime) -> Place:
    """Where an alert of now comes, given the window of its group."""
    if window is not None and window.taken_at is None and at < window.sends_at + WINDOW:
        return Place(window.leader_id, window.sends_at, goes_on=False)
    # A message that nobody took in all that time does not keep the others from being told.
    if window is not None and window.taken_at is not None and at < window.taken_at + WINDOW:
        return Place(None, window.taken_at + WINDOW, goes_on=True)
    return Place(None, at + wait, goes_on=False)


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
    if len(lately) > FLAP_TURNS_MAX:
        return Turns(severity, lately, at), "BEGINS"
    return Turns(severity, lately, None), "STEADY"
