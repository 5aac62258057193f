"""Who is on call: people who take turns, handed over at a time of day where they live, and overrides for a while.

At every instant there is exactly one, unless nobody is left. Time is divided by handovers, one for each number from
minus infinity on, so that there is neither a beginning nor a gap.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PEOPLE_MAX = 50
TURN_DAYS_MAX = 28
SHIFTS_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Rota:
    """`people` take turns of `turn_days` each; the first one's began on `starts_on` at `handover_at` in `time_zone`.

    A handover is at its local time, so a turn in which clocks change is an hour longer or shorter. Where clocks skip
    that time, it is so much later as they skip: 02:30 is 03:30 then. Where they show it twice, it is the first time.
    """

    people: tuple[uuid.UUID, ...]
    starts_on: date
    handover_at: time
    time_zone: str
    turn_days: int

    def handover(self, number: int) -> datetime:
        """When turn `number` begins, in UTC. Later turns never begin earlier."""
        on = self.starts_on + timedelta(days=number * self.turn_days)
        # fold=0 reads a time that is skipped with the offset from before, and one that comes twice as the first.
        local = datetime.combine(on, self.handover_at.replace(tzinfo=None, fold=0), ZoneInfo(self.time_zone))
        return local.astimezone(UTC)

    def turn_at(self, at: datetime) -> int:
        """The last one that has begun."""
        today = at.astimezone(ZoneInfo(self.time_zone)).date()
        number = (today - self.starts_on).days // self.turn_days + 2  # More than enough, whatever clocks do.
        while self.handover(number) > at:
            number -= 1
        return number

    def whose_turn(self, number: int, available: Collection[uuid.UUID]) -> uuid.UUID | None:
        """Who is not available is skipped, and the next in the list stands in; None when nobody is left."""
        count = len(self.people)
        in_order = (self.people[(number + skipped) % count] for skipped in range(count))
        return next((person for person in in_order if person in available), None)


@dataclass(frozen=True, slots=True)
class Override:
    """That person and nobody else from `starts_at` until before `ends_at`. Of two at a time the later made holds."""

    user_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    made_at: datetime

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Shift:
    """`user_id` None: nobody is left. `turn_of`: whose turn it is by the rota, where another one stands in."""

    user_id: uuid.UUID | None
    starts_at: datetime
    ends_at: datetime
    turn_of: uuid.UUID
    is_override: bool


def shift_at(rota: Rota, overrides: Sequence[Override], available: Collection[uuid.UUID], at: datetime) -> Shift:
    """Who is on call at that instant, and from when to when nothing changes. Overrides hold for who is available."""
    counting = [each for each in overrides if each.user_id in available]
    number = rota.turn_at(at)
    edges = [edge for each in counting for edge in (each.starts_at, each.ends_at)]
    starts_at = max([rota.handover(number), *(edge for edge in edges if edge <= at)])
    ends_at = min([rota.handover(number + 1), *(edge for edge in edges if edge > at)])
    holding = max(
        (each for each in counting if each.holds(at)), key=lambda each: (each.made_at, each.user_id), default=None
    )
    on_call = rota.whose_turn(number, available) if holding is None else holding.user_id
    turn_of = rota.people[number % len(rota.people)]
    return Shift(on_call, starts_at, ends_at, turn_of, holding is not None)


def shifts(
    rota: Rota, overrides: Sequence[Override], available: Collection[uuid.UUID], at: datetime
) -> Iterator[Shift]:
    """The one at that instant and those that follow, without end: each begins where the one before it ends."""
    while True:
        shift = shift_at(rota, overrides, available, at)
        yield shift
        at = shift.ends_at
