"""How each dependency was, as times in which nothing changed. Kept and read by no tenant."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import TupleRow, class_row

# The newest row goes on while the same is seen soon enough after it: otherwise nobody knows what was between.
_NOTE = """
WITH newest AS (
  SELECT began_at FROM trading.health_periods WHERE dependency = %(dependency)s ORDER BY began_at DESC LIMIT 1
), extended AS (
  UPDATE trading.health_periods period SET seen_until = greatest(period.seen_until, %(at)s)
  FROM newest
  WHERE period.dependency = %(dependency)s AND period.began_at = newest.began_at
    AND period.state = %(state)s AND period.detail = %(detail)s AND period.seen_until > %(at)s - %(gap)s::interval
  RETURNING 1
)
INSERT INTO trading.health_periods (dependency, began_at, seen_until, state, detail)
SELECT %(dependency)s, %(at)s, %(at)s, %(state)s, %(detail)s WHERE NOT EXISTS (SELECT FROM extended)
ON CONFLICT DO NOTHING
"""
_FORGET = """
DELETE FROM trading.health_periods WHERE (dependency, began_at) IN (
  SELECT dependency, began_at FROM trading.health_periods WHERE seen_until < %s LIMIT %s)
"""


@dataclass(frozen=True, slots=True)
class HealthPeriod:
    """From the first look that found it so to the last one. `detail`: what is not well, in words; empty when it is."""

    dependency: str
    state: str
    detail: str
    began_at: datetime
    seen_until: datetime


def note_health(
    connection: psycopg.Connection[TupleRow], dependency: str, state: str, detail: str, *, at: datetime, gap: timedelta
) -> None:
    """Seen at that time. It goes on with what was seen before unless that was other, or longer ago than `gap`."""
    connection.execute(_NOTE, {"dependency": dependency, "state": state, "detail": detail, "at": at, "gap": gap})


def health_periods(connection: psycopg.Connection[TupleRow], since: datetime, *, at_most: int) -> list[HealthPeriod]:
    """Those that were seen after that, the newest first."""
    with connection.cursor(row_factory=class_row(HealthPeriod)) as cursor:
        return cursor.execute(
            """SELECT dependency, state, detail, began_at, seen_until FROM trading.health_periods
               WHERE seen_until > %s ORDER BY seen_until DESC, dependency LIMIT %s""",
            (since, at_most),
        ).fetchall()


def forget_health(connection: psycopg.Connection[TupleRow], before: datetime, *, at_most: int) -> int:
    """How many are gone."""
    return connection.execute(_FORGET, (before, at_most)).rowcount
