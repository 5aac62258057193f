"""Limits as they are set: their versions and dates, their history, and the overrides of them."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import TupleRow, class_row, dict_row
from psycopg.types.json import Jsonb

from breakwater.db import limit_statements as statements
from breakwater.db.limits import fields_of
from breakwater.domain.exposure import Limit
from breakwater.domain.market import RiskTerms

_USES_AT_ONCE_MAX = 1_000  # The longest waiting first: the others have their turn in the next round.
_OVERRIDE = """override_id, limit_id, value, parameters, is_exempt, starts_at, ends_at, reason, requested_by,
  requested_at, approved_by, approved_at, ended_by, ended_at"""


@dataclass(frozen=True, slots=True)
class Override:
    """Another value or other parameters for a limit, or none of it, for a while: once it is approved by somebody else,
    until its time or its end. What it does not say stays as it was set."""

    override_id: uuid.UUID
    limit_id: uuid.UUID
    value: Decimal | None
    parameters: Mapping[str, Any] | None
    is_exempt: bool
    starts_at: datetime
    ends_at: datetime
    reason: str
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None


class LimitSettingRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def get(self, limit_id: uuid.UUID) -> Limit | None:
        """As it was set: no override is looked at."""
        with self._connection.cursor(row_factory=class_row(Limit)) as cursor:
            return cursor.execute(statements.LIMIT, {"limit_id": limit_id}).fetchone()

    def of_node(self, node_id: uuid.UUID) -> list[Limit]:
        """All that were ever set on the node and not deleted: those of the past and of the future, too."""
        with self._connection.cursor(row_factory=class_row(Limit)) as cursor:
            return cursor.execute(statements.NODE_LIMITS_EVER, {"node_id": node_id}).fetchall()

    def save(self, limit: Limit, changed_by: str, at: datetime) -> None:
        """Write this version of it, and the version into the history. The node is locked."""
        statement = statements.INSERT_LIMIT if limit.version == 1 else statements.UPDATE_LIMIT
        values = self._values(limit, changed_by, at)
        self._connection.execute(statement, values)
        self._connection.execute(statements.RECORD_LIMIT, {**values, "is_deleted": False})

    def delete(self, limit: Limit, changed_by: str, at: datetime) -> None:
        """`limit` is its last version, one above what stands. The node is locked."""
        values = self._values(limit, changed_by, at)
        self._connection.execute(statements.DELETE_LIMIT, values)
        self._connection.execute(statements.RECORD_LIMIT, {**values, "is_deleted": True})

    def history(self, limit_id: uuid.UUID) -> list[dict[str, Any]]:
        """Every version it had, the first one first."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statements.LIMIT_HISTORY, {"limit_id": limit_id}).fetchall()

    def add_override(self, override: Override) -> None:
        values = {name: getattr(override, name) for name in Override.__slots__}
        values["parameters"] = None if override.parameters is None else Jsonb(override.parameters)
        self._connection.execute(
            f"""INSERT INTO limits.overrides (tenant_id, {_OVERRIDE}) VALUES (
                  %(tenant_id)s, %(override_id)s, %(limit_id)s, %(value)s, %(parameters)s, %(is_exempt)s,
                  %(starts_at)s, %(ends_at)s, %(reason)s, %(requested_by)s, %(requested_at)s, %(approved_by)s,
                  %(approved_at)s, %(ended_by)s, %(ended_at)s)""",  # noqa: S608  # A constant.
            {**values, "tenant_id": self._tenant_id},
        )

    def node_of_override(self, override_id: uuid.UUID) -> uuid.UUID | None:
        """The node of its limit; None where there is no such override, or its limit is gone."""
        row = self._connection.execute(
            "SELECT l.node_id FROM limits.overrides JOIN limits.limits l USING (limit_id) WHERE override_id = %s",
            (override_id,),
        ).fetchone()
        return None if row is None else row[0]

    def lock_override(self, override_id: uuid.UUID) -> Override | None:
        with self._connection.cursor(row_factory=class_row(Override)) as cursor:
            return cursor.execute(
                f"SELECT {_OVERRIDE} FROM limits.overrides WHERE override_id = %s FOR UPDATE",  # noqa: S608  # A constant.
                (override_id,),
            ).fetchone()

    def approve_override(self, override_id: uuid.UUID, approved_by: str, at: datetime) -> None:
        self._connection.execute(
            "UPDATE limits.overrides SET approved_by = %s, approved_at = %s WHERE override_id = %s",
            (approved_by, at, override_id),
        )

    def end_override(self, override_id: uuid.UUID, ended_by: str | None, at: datetime) -> None:
        """`ended_by` None: its time was over."""
        self._connection.execute(
            "UPDATE limits.overrides SET ended_by = %s, ended_at = %s WHERE override_id = %s",
            (ended_by, at, override_id),
        )

    def end_overrides_of(self, limit_id: uuid.UUID, ended_by: str, at: datetime) -> None:
        """All that are open: with their limit they end."""
        self._connection.execute(
            "UPDATE limits.overrides SET ended_by = %s, ended_at = %s WHERE limit_id = %s AND ended_at IS NULL",
            (ended_by, at, limit_id),
        )

    def overrides(self, *, open_only: bool, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[Override]:
        """The newest first."""
        before_at, before_id = before or (None, None)
        with self._connection.cursor(row_factory=class_row(Override)) as cursor:
            return cursor.execute(
                f"""SELECT {_OVERRIDE} FROM limits.overrides WHERE (NOT %(open_only)s OR ended_at IS NULL)
                    AND (%(before_at)s::timestamptz IS NULL
                         OR (requested_at, override_id) < (%(before_at)s, %(before_id)s::uuid))
                    ORDER BY requested_at DESC, override_id DESC LIMIT %(limit)s""",  # noqa: S608  # A constant.
                {"open_only": open_only, "before_at": before_at, "before_id": before_id, "limit": limit},
            ).fetchall()

    def overridden(self, limit_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[Limit, str]]:
        """These limits as they were set, each with the name of its node; one that was deleted is not among them."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(statements.OVERRIDDEN, {"limit_ids": list(limit_ids)}).fetchall()
        return {
            row["limit_id"]: (Limit(**{name: row[name] for name in Limit.__slots__}), row["node_name"]) for row in rows
        }

    def add_use_due(self, limit_id: uuid.UUID, due_at: datetime) -> None:
        self._connection.execute(
            "INSERT INTO limits.uses_due (limit_id, due_at, tenant_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (limit_id, due_at, self._tenant_id),
        )

    def is_use_due(self, limit_id: uuid.UUID, after: datetime, until: datetime) -> bool:
        """Whether somebody looks at it anyway, later than `after` and until then."""
        query = "SELECT FROM limits.uses_due WHERE limit_id = %s AND due_at > %s AND due_at <= %s LIMIT 1"
        return self._connection.execute(query, (limit_id, after, until)).fetchone() is not None

    def drop_use_due(self, limit_id: uuid.UUID, due_at: datetime) -> bool:
        """Whether it was there."""
        return (
            self._connection.execute(
                "DELETE FROM limits.uses_due WHERE limit_id = %s AND due_at = %s", (limit_id, due_at)
            ).rowcount
            > 0
        )

    def uses_due(self, at: datetime) -> list[tuple[uuid.UUID, datetime]]:
        """(limit, when it was to be looked at), the longest waiting first."""
        return self._connection.execute(
            "SELECT limit_id, due_at FROM limits.uses_due WHERE due_at <= %s ORDER BY due_at, limit_id LIMIT %s",
            (at, _USES_AT_ONCE_MAX),
        ).fetchall()

    def put_risk_terms(self, terms: RiskTerms, updated_by: str) -> None:
        """Replace what the firm says of the instrument."""
        values: Mapping[str, Any] = {name: getattr(terms, name) for name in RiskTerms.__slots__}
        self._connection.execute(
            """INSERT INTO limits.risk_terms (tenant_id, symbol, average_daily_qty, initial_margin, sector,
                 daily_volatility, as_of, updated_by)
               VALUES (%(tenant_id)s, %(symbol)s, %(average_daily_qty)s, %(initial_margin)s, %(sector)s,
                 %(daily_volatility)s, %(as_of)s, %(updated_by)s)
               ON CONFLICT (tenant_id, symbol) DO UPDATE SET average_daily_qty = excluded.average_daily_qty,
                 initial_margin = excluded.initial_margin, sector = excluded.sector,
                 daily_volatility = excluded.daily_volatility, as_of = excluded.as_of,
                 updated_by = excluded.updated_by""",
            {**values, "tenant_id": self._tenant_id, "updated_by": updated_by},
        )

    def _values(self, limit: Limit, changed_by: str, at: datetime) -> dict[str, Any]:
        return {
            **fields_of(limit),
            "parameters": Jsonb(limit.parameters),
            "thresholds_pct": list(limit.thresholds_pct),
            "tenant_id": self._tenant_id,
            "changed_by": changed_by,
            "at": at,
        }
