"""How the platform is, and what it measures."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Amount, Event


class HealthChanged(Event):
    """system.health: a part of the platform is as it says since `since_ns`, for some seconds at least.

    `component` is a path, such as engine/shards, venue/BINANCE, market_data/BINANCE, dead_letters/alerts.
    """

    topic: ClassVar[str] = "system.HealthChanged.v1"
    component: str
    state: Literal["UP", "DEGRADED", "DOWN"]
    state_before: Literal["UP", "DEGRADED", "DOWN"]
    detail: str
    since_ns: int


class MetricCrossed(Event):
    """A metric that an organisation has a rule about is past its bound (CROSSED), or back (CLEARED), since `since_ns`.

    `labels` name the series; `bound` is what it was held against: of a band, the edge that is nearer.
    """

    topic: ClassVar[str] = "system.MetricCrossed.v1"
    rule_id: uuid.UUID
    rule_name: str
    metric: str
    labels: dict[str, str]
    value: Amount
    bound: Amount
    state: Literal["CROSSED", "CLEARED"]
    severity: Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
    category: Literal[
        "RISK",
        "TRADE_FAILURE",
        "AUTHENTICATION",
        "VENUE",
        "MARKET_DATA",
        "RECONCILIATION",
        "COMMUNICATION",
        "SYSTEM",
        "GOVERNANCE",
    ]
    since_ns: int


class MetricRuleChanged(Event):
    """Somebody made, changed or removed a rule about a metric. `rule` is as it is now; null: it was removed."""

    topic: ClassVar[str] = "system.MetricRuleChanged.v1"
    rule_id: uuid.UUID
    change: Literal["CREATED", "CHANGED", "DELETED"]
    name: str
    rule: dict[str, object] | None
    changed_by: str


class DriftFound(Event):
    """What a venue says and what the engine knows differ. `kinds` counts them, by what they are (docs/venues.md).

    `findings` are their words; empty where the venue's key serves more than one organisation, and they are nobody's.
    """

    topic: ClassVar[str] = "system.DriftFound.v1"
    venue: str
    found_at_ns: int
    kinds: dict[str, int]
    repaired: int
    findings: list[str]
