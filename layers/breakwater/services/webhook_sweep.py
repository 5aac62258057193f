"""Every minute: lanes whose wake-up was lost, or that waited for longer than a queue can, and the end of the log."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from breakwater.db.connection import Connection
from breakwater.db.webhook_sweep import forget_old, overdue_lanes
from breakwater.services.webhook_dispatch import LOG_KEPT, SendWakes, Wake

LATE = timedelta(seconds=15)  # A wake-up that is on its way is left alone.
LANES_AT_ONCE_MAX = 1_000
FORGOTTEN_AT_ONCE_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Swept:
    woken: int
    forgotten: int


def sweep(untenanted: Callable[[], AbstractContextManager[Connection]], send_wakes: SendWakes) -> Swept:
    """The careful sender gets all of them: it hands over what is another's."""
    with untenanted() as connection:
        overdue = overdue_lanes(connection, LATE, LANES_AT_ONCE_MAX)
    wakes = [Wake(tenant_id, *lane, is_careful=True) for tenant_id, lanes in overdue.items() for lane in lanes]
    if wakes:
        send_wakes(wakes)
    with untenanted() as connection:
        forgotten = forget_old(connection, LOG_KEPT, FORGOTTEN_AT_ONCE_MAX)
    return Swept(len(wakes), forgotten)
