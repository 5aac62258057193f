"""Which of the limits that are set on a node hold at a moment, and with which value."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from breakwater.domain.exposure import Limit


@dataclass(frozen=True, slots=True)
class ApprovedOverride:
    """It stands in the place of the limit's value, of its parameters or of both while its time lasts, or lets the limit
    not hold. Nobody has ended it."""

    override_id: uuid.UUID
    limit_id: uuid.UUID
    value: Decimal | None
    parameters: Mapping[str, Any] | None
    is_exempt: bool
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
        if not self.overrides:
            return holding
        overridden = (self._overridden(limit, at) for limit in holding)
        return [limit for limit in overridden if limit is not None]

    def counts(self, limit_types: Collection[str]) -> bool:
        """Whether any of these types is set here, for whatever time."""
        return any(limit.limit_type in limit_types for limit in self.limits)

    def _overridden(self, limit: Limit, at: datetime) -> Limit | None:
        """As the override that was approved last has it, where one is in force. None where that exempts from it."""
        now = [o for o in self.overrides if o.limit_id == limit.limit_id and o.starts_at <= at < o.ends_at]
        newest = max(now, key=lambda override: override.approved_at, default=None)
        if newest is None:
            return limit
        if newest.is_exempt:
            return None
        value = limit.value if newest.value is None else newest.value
        parameters = limit.parameters if newest.parameters is None else newest.parameters
        return replace(limit, value=value, parameters=parameters, override_id=newest.override_id)
