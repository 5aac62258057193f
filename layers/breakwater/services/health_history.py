"""How each dependency was: looked at each minute, kept for thirty days."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict

import psycopg
from psycopg.rows import TupleRow

from breakwater.db.health_periods import forget_health, health_periods, note_health
from breakwater.domain.times import TimeText, format_time
from breakwater.services.health import DependencyHealth

LOOKED_EVERY_S = 60
GAP = timedelta(seconds=2.5 * LOOKED_EVERY_S)  # One look may be missed without anybody's saying that nobody looked.
KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE_MAX = 500
PERIODS_MAX = 2_000

type Connection = psycopg.Connection[TupleRow]


class HealthPeriodView(TypedDict):
    """`began_at` and `seen_until`: the first and the last look that found it so. `detail`: what is not well, if any."""

    dependency: str
    state: str
    detail: str
    began_at: TimeText
    seen_until: TimeText


class HealthHistory(TypedDict):
    """The newest first, complete from `since` on. In between nobody looked, or nothing could be written down."""

    since: TimeText
    looked_every_s: int
    items: list[HealthPeriodView]


def keep(connection: Connection, found: Mapping[str, DependencyHealth], at: datetime) -> None:
    """What was found of each, and forget what nobody looks back to any more."""
    for name, health in found.items():
        note_health(connection, name, health.state, said_of(health), at=at, gap=GAP)
    forget_health(connection, at - KEPT, at_most=FORGOTTEN_AT_ONCE_MAX)


def said_of(health: DependencyHealth) -> str:
    """What is not well with it, in words; nothing when it is, or when it did not answer."""
    if health.unserved_shards:
        return "nobody serves the shards " + ", ".join(str(shard) for shard in health.unserved_shards)
    return "late: " + ", ".join(sorted(health.late)) if health.late else ""


def history(connection: Connection, hours: int, at: datetime) -> HealthHistory:
    """Of so many hours. Where that is more than one answer holds, `since` says from when on it is complete."""
    since = at - timedelta(hours=hours)
    rows = health_periods(connection, since, at_most=PERIODS_MAX + 1)
    if len(rows) > PERIODS_MAX:
        rows, since = rows[:PERIODS_MAX], rows[PERIODS_MAX].seen_until
    items: list[HealthPeriodView] = [
        {
            "dependency": row.dependency,
            "state": row.state,
            "detail": row.detail,
            "began_at": format_time(row.began_at),
            "seen_until": format_time(row.seen_until),
        }
        for row in rows
    ]
    return {"since": format_time(since), "looked_every_s": LOOKED_EVERY_S, "items": items}
