"""What is measured, as series of numbers: Prometheus' text read, counters as rates, histograms as percentiles. Pure."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from breakwater.domain.metric_rules import Labels, labels_of

SERIES_MAX = 1_000  # Of one look: whoever makes up more labels is not followed further.
PERCENTILE = 0.99
DIGITS = 6
EXPONENT_MAX = 30
_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"\s*(?:,\s*|$)')
_ESCAPED = re.compile(r"\\(.)")

type Series = tuple[str, Labels]
type Readings = Mapping[Series, Decimal]


@dataclass(frozen=True, slots=True)
class Exposition:
    """One page of Prometheus' text: `types` by the name of the metric."""

    at: datetime
    types: Mapping[str, str]
    values: Readings


def parse_exposition(text: str, at: datetime) -> Exposition:
    """What is no number, or no line of this format, is left out."""
    types: dict[str, str] = {}
    values: dict[Series, Decimal] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(maxsplit=3)
            types[name] = kind
            continue
        matched = None if line.startswith("#") else _LINE.fullmatch(line.strip())
        if matched is None:
            continue
        value = _number(matched[3])
        if value is not None:
            labels = {name: _ESCAPED.sub(_unescaped, told) for name, told in _LABEL.findall(matched[2] or "")}
            values[matched[1], labels_of(labels)] = value
    return Exposition(at, types, values)


def _number(text: str) -> Decimal | None:
    """None for NaN, for what is infinite, and for what nobody measures."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= EXPONENT_MAX else None


def _unescaped(matched: re.Match[str]) -> str:
    return "\n" if matched[1] == "n" else matched[1]


def readings_of(now: Exposition, before: Exposition | None) -> dict[Series, Decimal]:
    """Gauges as they are, counters as `…_per_minute`, histograms as `…_p99` and `…_per_minute` since the page before.

    A counter that is lower than it was has begun anew at zero: what it counts now is what has come since. `_created`,
    and whatever is neither of the three, is left out.
    """
    found: dict[Series, Decimal] = {}
    for name, kind in now.types.items():
        if name.endswith("_created"):
            continue
        if kind == "gauge":
            found.update({series: value for series, value in now.values.items() if series[0] == name})
        elif before is not None and now.at > before.at:
            if kind == "counter":
                found.update(_rates(_plain_name(name), name, now, before))
            elif kind == "histogram":
                found.update(_rates(name, f"{name}_count", now, before))
                found.update(_percentiles(name, now, before))
    return dict(list(found.items())[:SERIES_MAX])


def _plain_name(counter: str) -> str:
    return counter.removesuffix("_total")


def increase(now: Decimal, before: Decimal | None) -> Decimal:
    """Of a counter. One that was not there before began at zero, and so did one that is lower than it was."""
    return now if before is None or now < before else now - before


def _rates(name: str, counted: str, now: Exposition, before: Exposition) -> dict[Series, Decimal]:
    minutes = Decimal(str((now.at - before.at).total_seconds())) / 60
    return {
        (f"{name}_per_minute", series[1]): _readable(increase(value, before.values.get(series)) / minutes)
        for series, value in now.values.items()
        if series[0] == counted
    }


def _percentiles(name: str, now: Exposition, before: Exposition) -> dict[Series, Decimal]:
    """The upper bound of the bucket that holds the 99th of a hundred; nothing where nothing was observed meanwhile."""
    buckets: dict[Labels, list[tuple[float, Decimal]]] = defaultdict(list)
    for series, value in now.values.items():
        if series[0] == f"{name}_bucket":
            labels = dict(series[1])
            bound = float(labels.pop("le"))
            buckets[labels_of(labels)].append((bound, increase(value, before.values.get(series))))
    found: dict[Series, Decimal] = {}
    for labels_left, counted in buckets.items():
        bound_reached = _percentile(sorted(counted))
        if bound_reached is not None:
            found[f"{name}_p99", labels_left] = bound_reached
    return found


def _percentile(cumulative: list[tuple[float, Decimal]]) -> Decimal | None:
    total = cumulative[-1][1]
    if total <= 0:
        return None
    wanted = total * Decimal(str(PERCENTILE))
    finite = [bound for bound, _ in cumulative if math.isfinite(bound)]
    for bound, count in cumulative:
        if count >= wanted:
            # Beyond the last bucket it is known only that it is not within it.
            return _readable(Decimal(str(bound if math.isfinite(bound) else finite[-1] if finite else 0)))
    return None


def _readable(value: Decimal) -> Decimal:
    return Decimal(f"{value:.{DIGITS}g}")


# What they measure is how the platform is, and no sum of what all organisations do on it.
_OF_EVERYBODY = re.compile(
    r"outbox_.*|queue_.*|dead_letters|engine_shard_served|engine_venue_(breaker_open|stream_up|weight_used|weight_max)"
    r"|engine_market_age_seconds|engine_outbox_backlog|engine_.*_p99|process_.*|python_.*"
)


def of_everybody(readings: Readings) -> dict[Series, Decimal]:
    """Those that may be shown to one of several organisations."""
    return {series: value for series, value in readings.items() if _OF_EVERYBODY.fullmatch(series[0])}


def merged(pages: Iterable[Readings]) -> dict[Series, Decimal]:
    """Later ones count where two tell of the same series."""
    found: dict[Series, Decimal] = {}
    for page in pages:
        found.update(page)
    return found
