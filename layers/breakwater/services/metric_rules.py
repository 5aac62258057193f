"""Rules about metrics: who may set which, what everybody begins with, and what a look at all metrics makes of them."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from breakwater.db.connection import TenantTransaction
from breakwater.db.metric_rules import RULES_MAX, RuleRow
from breakwater.domain.alerting import Category, Severity
from breakwater.domain.metric_readings import Readings, Series
from breakwater.domain.metric_rules import (
    FOR_S_MAX,
    SAMPLES_MAX,
    SAMPLES_MIN_LEAST,
    SIGMAS_MAX,
    WINDOW_S_MAX,
    WINDOW_S_MIN,
    Band,
    Crossing,
    Direction,
    Labels,
    MetricRule,
    Sample,
    SeriesState,
    Threshold,
    evaluate,
    labels_of,
)
from breakwater.domain.money import Amount, format_amount, format_computed, parse_amount
from breakwater.domain.permissions import Caller
from breakwater.domain.times import from_nanoseconds, nanoseconds
from breakwater.domain.wrong_fields import wrong_field
from breakwater.errors import Conflict, InvalidRequest, NotFound
from breakwater.services.conditions import add
from events.envelope import Envelope
from events.system import MetricCrossed, MetricRuleChanged

_NAMESPACE = uuid.UUID("0d5f5f0e-53b5-4c8f-9d55-6f0b0a2c41d7")
BY_DEFAULT = "defaults"
LOOKED_AT_EVERY = timedelta(seconds=5)
SERIES_FORGOTTEN_AFTER = timedelta(days=1)
SERIES_OF_A_RULE_MAX = 50
LABELS_MAX = 10

type LabelText = Annotated[str, StringConstraints(min_length=1, max_length=120)]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$")]


class ThresholdSetting(BaseModel):
    """`clear_bound`: where it is over again; the bound itself when nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    direction: Literal["ABOVE", "BELOW"]
    bound: Amount
    clear_bound: Amount | None = None

    @model_validator(mode="after")
    def _clears_on_the_other_side(self) -> "ThresholdSetting":
        beyond = self.clear_bound is not None and (
            self.clear_bound > self.bound if self.direction == "ABOVE" else self.clear_bound < self.bound
        )
        if beyond:
            raise wrong_field("clear_bound", "clear_bound lies beyond the bound: it would be over before it began")
        return self

    def condition(self) -> Threshold:
        return Threshold(self.direction, self.bound, self.bound if self.clear_bound is None else self.clear_bound)


class BandSetting(BaseModel):
    """Usual is within `sigmas` standard deviations of the mean of the last `window_s`. docs/alert-rules.md"""

    model_config = ConfigDict(extra="forbid", frozen=True)
    direction: Direction = "BOTH"
    sigmas: Annotated[Amount, Field(gt=0, le=SIGMAS_MAX)] = Decimal(4)
    window_s: Annotated[int, Field(ge=WINDOW_S_MIN, le=WINDOW_S_MAX)] = 3600
    samples_min: Annotated[int, Field(ge=SAMPLES_MIN_LEAST, le=SAMPLES_MAX)] = 60
    deviation_min: Annotated[Amount, Field(ge=0)] = Decimal(0)

    def condition(self) -> Band:
        return Band(self.direction, self.sigmas, self.window_s, self.samples_min, self.deviation_min)


class MetricRuleSetting(BaseModel):
    """What is said of a rule. Either `threshold` or `band`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: LabelText
    metric: MetricName
    labels: Annotated[dict[LabelText, LabelText], Field(max_length=LABELS_MAX)] = {}
    threshold: ThresholdSetting | None = None
    band: BandSetting | None = None
    for_s: Annotated[int, Field(ge=0, le=FOR_S_MAX)] = 0
    severity: Severity = "WARNING"
    category: Category | None = None
    is_enabled: bool = True

    @model_validator(mode="after")
    def _says_one_thing(self) -> "MetricRuleSetting":
        if (self.threshold is None) == (self.band is None):
            raise ValueError("a rule has a threshold or a band, and not both")
        return self


class MetricRuleChange(BaseModel):
    """What is not named stays as it is; a threshold takes the place of a band, and a band that of a threshold."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: LabelText | None = None
    metric: MetricName | None = None
    labels: Annotated[dict[LabelText, LabelText], Field(max_length=LABELS_MAX)] | None = None
    threshold: ThresholdSetting | None = None
    band: BandSetting | None = None
    for_s: Annotated[int, Field(ge=0, le=FOR_S_MAX)] | None = None
    severity: Severity | None = None
    category: Category | None = None
    is_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class _Default:
    key: str
    setting: MetricRuleSetting


def _default(key: str, **said: Any) -> _Default:
    return _Default(key, MetricRuleSetting.model_validate(said))


DEFAULT_RULES: tuple[_Default, ...] = (
    _default(
        "slow-orders",
        name="Placing an order takes long",
        metric="order_latency_seconds_p99",
        threshold={"direction": "ABOVE", "bound": "5", "clear_bound": "3"},
        for_s=60,
    ),
    _default(
        "refusals",
        name="Many orders are refused by limits",
        metric="refusals_per_minute",
        threshold={"direction": "ABOVE", "bound": "20", "clear_bound": "10"},
        for_s=30,
    ),
    _default(
        "rejections",
        name="Many orders are rejected",
        metric="rejections_per_minute",
        threshold={"direction": "ABOVE", "bound": "10", "clear_bound": "5"},
        for_s=30,
        severity="ERROR",
    ),
    _default(
        "order-rate",
        name="Orders come at an unusual rate",
        metric="orders_per_minute",
        band={"direction": "ABOVE", "sigmas": "6", "window_s": 3600, "samples_min": 120, "deviation_min": "10"},
        for_s=30,
    ),
    _default(
        "journal",
        name="Commits of the journal are slow",
        metric="engine_journal_commit_seconds_p99",
        threshold={"direction": "ABOVE", "bound": "0.5", "clear_bound": "0.2"},
        for_s=60,
    ),
    _default(
        "outbox",
        name="Events wait to be published",
        metric="outbox_backlog",
        threshold={"direction": "ABOVE", "bound": "1000", "clear_bound": "100"},
        for_s=30,
    ),
    _default(
        "queues",
        name="Messages wait in a queue",
        metric="queue_waiting",
        threshold={"direction": "ABOVE", "bound": "200", "clear_bound": "20"},
        for_s=60,
    ),
)

_CATEGORY_OF_METRIC: tuple[tuple[str, Category], ...] = (
    ("engine_venue_", "VENUE"),
    ("engine_market_", "MARKET_DATA"),
    ("order_latency_", "SYSTEM"),
    ("engine_", "SYSTEM"),
    ("queue_", "SYSTEM"),
    ("dead_letters", "SYSTEM"),
    ("outbox_", "SYSTEM"),
    ("rejections_", "TRADE_FAILURE"),
)


def give_defaults(tx: TenantTransaction, at: datetime) -> None:
    """Once for each organisation: what it changes or removes stays changed or removed."""
    if not tx.metric_rules.lock_for_defaults():
        return
    for default in DEFAULT_RULES:
        rule_id = uuid.uuid5(tx.tenant_id, f"rule/{default.key}")
        tx.metric_rules.add(_row(rule_id, default.setting, by=BY_DEFAULT, at=at))


def rules(tx: TenantTransaction, at: datetime) -> list[RuleRow]:
    give_defaults(tx, at)
    return tx.metric_rules.all()


def create_rule(setting: MetricRuleSetting, caller: Caller, tx: TenantTransaction, at: datetime) -> RuleRow:
    """Conflict beyond RULES_MAX of them."""
    if len(rules(tx, at)) >= RULES_MAX:
        raise Conflict(f"an organisation has at most {RULES_MAX} rules")
    row = _row(uuid.uuid4(), setting, by=caller.actor, at=at)
    tx.metric_rules.add(row)
    _tell_changed(row, "CREATED", caller, tx, at)
    return row


def change_rule(
    rule_id: uuid.UUID, change: MetricRuleChange, caller: Caller, tx: TenantTransaction, at: datetime
) -> RuleRow:
    """NotFound; InvalidRequest for both a threshold and a band. What was known of its series begins anew."""
    row = _found(rule_id, tx)
    if change.threshold is not None and change.band is not None:
        raise InvalidRequest("a rule has a threshold or a band, and not both", field="band")
    said = change.model_dump(exclude_none=True, exclude={"threshold", "band"})
    condition = change.threshold or change.band
    changed = replace(
        row,
        **said,
        condition=row.condition if condition is None else _condition_document(condition),
        version=row.version + 1,
        changed_by=caller.actor,
        changed_at=at,
    )
    tx.metric_rules.save(changed)
    _tell_changed(changed, "CHANGED", caller, tx, at)
    return changed


def delete_rule(rule_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    row = _found(rule_id, tx)
    tx.metric_rules.delete(rule_id)
    _tell_changed(row, "DELETED", caller, tx, at)


def look(readings: Readings, tx: TenantTransaction, at: datetime) -> list[Envelope]:
    """Hold every rule against these readings, and tell of what crossed or came back; what was told."""
    known = tx.metric_rules.series()
    told: list[Envelope] = []
    states: list[tuple[uuid.UUID, str, dict[str, Any]]] = []
    for row in rules(tx, at):
        if not row.is_enabled:
            continue
        rule = _rule(row)
        for labels, value in _series_of(rule, readings):
            text = _labels_text(labels)
            before = known.get((row.rule_id, text))
            state, crossing = evaluate(rule, SeriesState() if before is None else _state(before), value, at)
            states.append((row.rule_id, text, _state_document(state)))
            if crossing is not None:
                told.append(_tell(rule, labels, crossing, tx, at))
    tx.metric_rules.save_series(states, at)
    tx.metric_rules.forget_series(at - SERIES_FORGOTTEN_AFTER)
    tx.metric_rules.save_readings(
        [[metric, dict(labels), format_computed(value)] for (metric, labels), value in readings.items()], at
    )
    return told


def _series_of(rule: MetricRule, readings: Readings) -> Iterator[tuple[Labels, Decimal]]:
    found = ((labels, value) for (metric, labels), value in readings.items() if metric == rule.metric)
    concerned = [(labels, value) for labels, value in found if rule.concerns(labels)]
    yield from concerned[:SERIES_OF_A_RULE_MAX]


def _tell(rule: MetricRule, labels: Labels, crossing: Crossing, tx: TenantTransaction, at: datetime) -> Envelope:
    event = MetricCrossed(
        rule_id=rule.rule_id,
        rule_name=rule.name,
        metric=rule.metric,
        labels=dict(labels),
        value=format_computed(crossing.value),
        bound=format_computed(crossing.bound),
        state=crossing.state,
        severity=rule.severity,
        category=rule.category,
        since_ns=nanoseconds(crossing.since),
    )
    return add(event, uuid.uuid5(rule.rule_id, _labels_text(labels)), tx, at)


def _tell_changed(
    row: RuleRow, change: Literal["CREATED", "CHANGED", "DELETED"], caller: Caller, tx: TenantTransaction, at: datetime
) -> None:
    is_gone = change == "DELETED"
    event = MetricRuleChanged(
        rule_id=row.rule_id,
        change=change,
        name=row.name,
        rule=None if is_gone else _said(row),
        changed_by=caller.actor,
    )
    tx.outbox.add(
        event,
        aggregate_id=row.rule_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _said(row: RuleRow) -> dict[str, object]:
    return {
        "metric": row.metric,
        "labels": row.labels,
        "condition": row.condition,
        "for_s": row.for_s,
        "severity": row.severity,
        "category": row.category,
        "is_enabled": row.is_enabled,
    }


def _found(rule_id: uuid.UUID, tx: TenantTransaction) -> RuleRow:
    row = tx.metric_rules.find(rule_id)
    if row is None:
        raise NotFound("no such rule")
    return row


def category_of_metric(metric: str) -> Category:
    return next((category for prefix, category in _CATEGORY_OF_METRIC if metric.startswith(prefix)), "RISK")


def _row(rule_id: uuid.UUID, setting: MetricRuleSetting, *, by: str, at: datetime) -> RuleRow:
    condition = setting.threshold or setting.band
    if condition is None:
        raise RuntimeError("a rule without a condition was let through")
    return RuleRow(
        rule_id=rule_id,
        name=setting.name,
        metric=setting.metric,
        labels=dict(setting.labels),
        condition=_condition_document(condition),
        for_s=setting.for_s,
        severity=setting.severity,
        category=setting.category or category_of_metric(setting.metric),
        is_enabled=setting.is_enabled,
        version=1,
        changed_by=by,
        changed_at=at,
    )


def _condition_document(setting: ThresholdSetting | BandSetting) -> dict[str, Any]:
    """As it is stored and shown; amounts are decimal strings."""
    if isinstance(setting, ThresholdSetting):
        condition = setting.condition()
        return {
            "kind": "THRESHOLD",
            "direction": condition.direction,
            "bound": format_amount(condition.bound),
            "clear_bound": format_amount(condition.clear_bound),
        }
    return {
        "kind": "BAND",
        "direction": setting.direction,
        "sigmas": format_amount(setting.sigmas),
        "window_s": setting.window_s,
        "samples_min": setting.samples_min,
        "deviation_min": format_amount(setting.deviation_min),
    }


def _rule(row: RuleRow) -> MetricRule:
    told = row.condition
    condition: Threshold | Band
    if told["kind"] == "THRESHOLD":
        condition = Threshold(told["direction"], parse_amount(told["bound"]), parse_amount(told["clear_bound"]))
    else:
        sigmas, deviation_min = parse_amount(told["sigmas"]), parse_amount(told["deviation_min"])
        condition = Band(told["direction"], sigmas, told["window_s"], told["samples_min"], deviation_min)
    return MetricRule(
        rule_id=row.rule_id,
        name=row.name,
        metric=row.metric,
        labels=labels_of(row.labels),
        condition=condition,
        for_s=row.for_s,
        severity=row.severity,
        category=row.category,
        is_enabled=row.is_enabled,
    )


def _labels_text(labels: Labels) -> str:
    return json.dumps(dict(labels), sort_keys=True)


def _state(told: Mapping[str, Any]) -> SeriesState:
    return SeriesState(
        state=told["state"],
        since=_time(told["since_ns"]),
        pending_since=_time(told["pending_ns"]),
        heard_at=_time(told["heard_ns"]),
        samples=tuple(Sample(from_nanoseconds(at_ns), Decimal(value)) for at_ns, value in told["samples"]),
    )


def _state_document(state: SeriesState) -> dict[str, Any]:
    return {
        "state": state.state,
        "since_ns": None if state.since is None else nanoseconds(state.since),
        "pending_ns": None if state.pending_since is None else nanoseconds(state.pending_since),
        "heard_ns": None if state.heard_at is None else nanoseconds(state.heard_at),
        "samples": [[nanoseconds(sample.at), str(sample.value)] for sample in state.samples],
    }


def _time(at_ns: int | None) -> datetime | None:
    return None if at_ns is None else from_nanoseconds(at_ns)


def latest(tx: TenantTransaction) -> tuple[datetime | None, list[tuple[Series, str]]]:
    """When the watch last looked, and each series with its value."""
    read_at, found = tx.metric_rules.readings()
    return read_at, [((metric, labels_of(labels)), value) for metric, labels, value in found]
