"""An order at an exchange, and what the task that follows it waits for."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fargate_engine.messages import VenueReport
from fargate_engine.venues.tracked_order import TrackedOrder

LOOK_PAUSE_S = 0.25  # Before it is asked about again: this long the first time, then twice as long each time.


@dataclass(slots=True, eq=False)
class Followed:
    """`never_after`: from then on (monotonic) nothing that was sent arrives. So "not found" means "never arrived"."""

    order: TrackedOrder
    reports_to: Callable[["Followed", Sequence[VenueReport]], None]
    never_after: float
    is_sent: bool
    is_settled: bool = False  # Its outcome was known once.
    pause_s: float = LOOK_PAUSE_S
    timer: asyncio.TimerHandle | None = None  # Of the next look.
    look: asyncio.Timeout | None = None  # Of the one that is under way: a cancel ends it.
    is_asking: bool = False  # That look waits for the venue's word on the order.
    wants_look: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def may_cancel(self) -> bool:
        """It is there, or was: of one whose outcome is not known that is asked first."""
        return self.order.has_arrived or self.is_settled

    def take(self, reports: Sequence[VenueReport]) -> None:
        self.reports_to(self, reports)
