"""A consumer notes how far it is, in the database, at most once a second for each environment of it."""

import time
from datetime import datetime

from breakwater.db.consumers import note_progress, note_recovery
from breakwater.domain.delivery import Progress
from breakwater.runtime.database import untenanted_transaction

NOTED_EVERY_S = 1.0

_noted: dict[str, float] = {}  # When, by queue, in seconds of the monotonic clock.


def note(queue: str, progress: Progress, recovered_at: datetime | None) -> None:
    """What fails, or does no longer, at once; how far it is when the last time was a second ago. DatabaseUnavailable.

    `recovered_at`: when the oldest message was sent that had failed before and is done with now.
    """
    is_news = progress.failing_since is not None or recovered_at is not None
    if not is_news and time.monotonic() - _noted.get(queue, -NOTED_EVERY_S) < NOTED_EVERY_S:
        return
    with untenanted_transaction() as connection:
        if recovered_at is not None:
            note_recovery(connection, queue, recovered_at)
        note_progress(connection, queue, progress)
    _noted[queue] = time.monotonic()
