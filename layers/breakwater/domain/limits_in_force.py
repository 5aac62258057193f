"""Which of the limits that are set on a node hold at a moment, and with which value."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from breakwater.domain.exposure import Limit


@dataclass(frozen=True, slots=True)
class ApprovedOverride:
    """It stands in the place of the limit's value while its time lasts. Nobody has ended it."""

    override_id: uuid.UUID
    limit_id: uuid.UUID
    value: Decimal
    starts_at: datetime
    ends_at: datetime
    approved_at: datetime


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """All that is set on one node, of the past and of the future too."""

    limits: Sequence[Limit] = ()
    overrides: Sequence[ApprovedOverride] = ()

    def in_force(self, at: datetime) -> list[Limit]:
        """As the statements of db/limit_statements.py have it: a moment is in [from, until)."""
        holding = [
            limit
            for limit in self.limits
            if (limit.valid_from is None or limit.valid_from <= at)
            and (limit.valid_until is None or limit.valid_until > at)
        ]
        return [self._overridden(limit, at) for limit in holding] if self.overrides else holding

    def counts(self, limit_types: Collection[str]) -> bool:
        """Whether any of these types is set here, for whatever time."""
        return any(limit.limit_type in limit_types for limit in self.limits)

    def _overridden(self, limit: Limit, at: datetime) -> Limit:
        """With the value of the override that was approved last, where one is in force."""
        now = [o for o in self.overrides if o.limit_id == limit.limit_id and o.starts_at <= at < o.ends_at]
        newest = max(now, key=lambda override: override.approved_at, default=None)
        return limit if newest is None else replace(limit, value=newest.value, override_id=newest.override_id)
