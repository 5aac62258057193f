"""When a metric is worth an alert: past a bound for so long, or outside of what it usually is. Pure: time is told.

Values are exact decimals, for profit and loss is among them. A mean and its deviation are statistics and no money: they
are floats, and the band that comes of them is rounded to what can be read.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from breakwater.domain.alerting import Category, Severity

Direction = Literal["ABOVE", "BELOW", "BOTH"]
CrossingState = Literal["CROSSED", "CLEARED"]

SAMPLES_MAX = 240  # Of a series, that its band is made of: a longer window keeps one in several.
SAMPLES_MIN_LEAST = 10
WINDOW_S_MIN, WINDOW_S_MAX = 60, 24 * 3600
FOR_S_MAX = 24 * 3600
SIGMAS_MAX = Decimal(20)
# A rule that waits for a crossing to last has not seen it last while nothing was heard.
SILENCE_S_MAX = 60
CLEARS_AT = 0.8  # Of the band's width: a value at its edge does not cross it every few seconds.
BAND_DIGITS = 6

type Labels = tuple[tuple[str, str], ...]  # Sorted by name.


@dataclass(frozen=True, slots=True)
class Threshold:
    """Crossed when the value is ABOVE, or BELOW, the bound. Cleared when it is back at `clear_bound`, or beyond it."""

    direction: Literal["ABOVE", "BELOW"]
    bound: Decimal
    clear_bound: Decimal


@dataclass(frozen=True, slots=True)
class Band:
    """Crossed when the value is more than `sigmas` deviations away from the mean of the last `window_s`.

    Nothing is said with fewer than `samples_min` samples before it, nor of a series that never moves and whose rule
    names no `deviation_min`: how far it usually strays is not known then.
    """

    direction: Direction
    sigmas: Decimal
    window_s: int
    samples_min: int
    deviation_min: Decimal = Decimal(0)

    @property
    def sample_every(self) -> timedelta:
        return timedelta(seconds=self.window_s / SAMPLES_MAX)


@dataclass(frozen=True, slots=True)
class MetricRule:
    """`labels`: which series of the metric are looked at, all that have these. `for_s`: how long it has to last."""

    rule_id: uuid.UUID
    name: str
    metric: str
    labels: Labels
    condition: Threshold | Band
    for_s: int
    severity: Severity
    category: Category
    is_enabled: bool = True

    def concerns(self, labels: Labels) -> bool:
        return set(self.labels) <= set(labels)


@dataclass(frozen=True, slots=True)
class Sample:
    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class SeriesState:
    """What is known of one series of one rule. `pending_since`: since when its value would change `state`."""

    state: CrossingState = "CLEARED"
    since: datetime | None = None
    pending_since: datetime | None = None
    heard_at: datetime | None = None
    samples: Sequence[Sample] = field(default=())


@dataclass(frozen=True, slots=True)
class Crossing:
    """To be told: the series has crossed what its rule says, or is back. `since`: when that began."""

    state: CrossingState
    value: Decimal
    bound: Decimal
    since: datetime


def evaluate(rule: MetricRule, known: SeriesState, value: Decimal, at: datetime) -> tuple[SeriesState, Crossing | None]:
    """What is known after this value, and what is to be told of it.

    A value that is no number says nothing, as silence does: what was crossed stays so, and no time passes for it.
    """
    if not value.is_finite():
        return known, None
    bound = _bound_of(rule.condition, known, value, at)
    heard = replace(known, heard_at=at, samples=_sampled(rule.condition, known.samples, value, at))
    if bound is None or not _would_change(rule.condition, known.state, value, bound):
        return replace(heard, pending_since=None), None
    since = known.pending_since
    if since is None or _was_silent(known, at):
        since = at
    if at - since < timedelta(seconds=rule.for_s):
        return replace(heard, pending_since=since), None
    state: CrossingState = "CROSSED" if known.state == "CLEARED" else "CLEARED"
    changed = replace(heard, state=state, since=since, pending_since=None)
    return changed, Crossing(state, value, bound.told, since)


@dataclass(frozen=True, slots=True)
class _Bound:
    """Crossed outside of [low, high]; cleared within [clear_low, clear_high]. `told` is the one that matters."""

    low: Decimal | None
    high: Decimal | None
    clear_low: Decimal | None
    clear_high: Decimal | None
    told: Decimal


def _would_change(condition: Threshold | Band, state: CrossingState, value: Decimal, bound: _Bound) -> bool:
    if state == "CLEARED":
        return (bound.high is not None and value > bound.high) or (bound.low is not None and value < bound.low)
    return (bound.clear_high is None or value <= bound.clear_high) and (
        bound.clear_low is None or value >= bound.clear_low
    )


def _bound_of(condition: Threshold | Band, known: SeriesState, value: Decimal, at: datetime) -> _Bound | None:
    if isinstance(condition, Threshold):
        if condition.direction == "ABOVE":
            return _Bound(None, condition.bound, None, condition.clear_bound, condition.bound)
        return _Bound(condition.bound, None, condition.clear_bound, None, condition.bound)
    begin = at - timedelta(seconds=condition.window_s)
    values = [float(sample.value) for sample in known.samples if sample.at >= begin]
    if len(values) < condition.samples_min:
        return None
    mean = math.fsum(values) / len(values)
    deviation = max(
        math.sqrt(math.fsum((each - mean) ** 2 for each in values) / len(values)), float(condition.deviation_min)
    )
    if not math.isfinite(deviation) or deviation <= abs(mean) * 1e-12:  # A series that never moves, but for rounding.
        return None
    reach = float(condition.sigmas) * deviation
    high = _readable(mean + reach) if condition.direction != "BELOW" else None
    low = _readable(mean - reach) if condition.direction != "ABOVE" else None
    clear_high = _readable(mean + reach * CLEARS_AT) if high is not None else None
    clear_low = _readable(mean - reach * CLEARS_AT) if low is not None else None
    nearest = high if low is None or (high is not None and float(value) >= mean) else low
    return None if nearest is None else _Bound(low, high, clear_low, clear_high, nearest)


def _sampled(condition: Threshold | Band, samples: Sequence[Sample], value: Decimal, at: datetime) -> Sequence[Sample]:
    """With this one, where the last was long enough ago, and without those before the window.

    What is unusual counts as well: a level that stays is what is usual after a while.
    """
    if isinstance(condition, Threshold):
        return ()
    if samples and at - samples[-1].at < condition.sample_every:
        return samples
    begin = at - timedelta(seconds=condition.window_s)
    return (*(sample for sample in samples if sample.at >= begin), Sample(at, value))[-SAMPLES_MAX:]


def _was_silent(known: SeriesState, at: datetime) -> bool:
    return known.heard_at is None or at - known.heard_at > timedelta(seconds=SILENCE_S_MAX)


def _readable(value: float) -> Decimal:
    return Decimal(f"{value:.{BAND_DIGITS}g}")


def labels_of(told: Mapping[str, str]) -> Labels:
    return tuple(sorted(told.items()))
