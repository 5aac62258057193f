"""Prometheus' text as numbers: gauges, rates of counters, percentiles of histograms."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from breakwater.domain.metric_readings import Exposition, of_everybody, parse_exposition, readings_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def page(text: str, at: datetime = NOW) -> Exposition:
    return parse_exposition(text, at)


def counted(value: str, at: datetime) -> Exposition:
    return page(f"# TYPE sent_total counter\nsent_total {value}\n", at)


def test_what_prometheus_itself_writes_is_read() -> None:
    registry = CollectorRegistry()
    gauge = Gauge("depth", "Some depth", ["queue"], registry=registry)
    gauge.labels('odd "name"\nof\\it').set(2.5)
    gauge.labels("plain").set(float("nan"))
    counter = Counter("sent", "Sent", registry=registry)
    seconds = Histogram("took_seconds", "Took", ["route"], buckets=(0.1, 1), registry=registry)
    before = page(generate_latest(registry).decode(), NOW)
    counter.inc(30)
    for _ in range(99):
        seconds.labels("/a").observe(0.05)
    seconds.labels("/a").observe(0.5)
    found = readings_of(page(generate_latest(registry).decode(), NOW + MINUTE / 2), before)
    assert found == {
        ("depth", (("queue", 'odd "name"\nof\\it'),)): Decimal("2.5"),
        ("sent_per_minute", ()): Decimal(60),
        ("took_seconds_per_minute", (("route", "/a"),)): Decimal(200),
        ("took_seconds_p99", (("route", "/a"),)): Decimal("0.1"),
    }
    seconds.labels("/a").observe(5)
    later = readings_of(
        page(generate_latest(registry).decode(), NOW + MINUTE),
        page(generate_latest(registry).decode(), NOW + MINUTE / 2),
    )
    assert not [series for series in later if series[0] == "took_seconds_p99"]  # Nothing was observed meanwhile.


@pytest.mark.parametrize(
    ("before", "now", "per_minute"),
    [
        ("100", "160", 60),
        ("100", "100", 0),
        ("100", "25", 25),  # It began anew: what it counts now is what has come since.
        ("100", "0", 0),
    ],
)
def test_a_counter_is_a_rate_also_where_it_began_anew(before: str, now: str, per_minute: int) -> None:
    found = readings_of(counted(now, NOW + MINUTE), counted(before, NOW))
    assert found == {("sent_per_minute", ()): Decimal(per_minute)}


def test_of_a_counter_that_was_seen_once_nothing_is_known() -> None:
    assert readings_of(counted("7", NOW), None) == {}
    assert readings_of(counted("7", NOW), counted("3", NOW)) == {}


@pytest.mark.parametrize(
    "line", ["", "# EOF", "depth", "depth x", "depth NaN", "depth +Inf", "{} 3", "depth 1e999999999"]
)
def test_what_is_no_number_is_left_out(line: str) -> None:
    assert readings_of(page(f"# TYPE depth gauge\n{line}\n"), None) == {}


def test_what_is_slower_than_every_bucket_is_told_as_the_last_one() -> None:
    registry = CollectorRegistry()
    seconds = Histogram("took_seconds", "Took", buckets=(0.1, 1), registry=registry)
    before = page(generate_latest(registry).decode(), NOW)
    seconds.observe(100)
    found = readings_of(page(generate_latest(registry).decode(), NOW + MINUTE), before)
    assert found["took_seconds_p99", ()] == 1


def test_where_several_share_the_platform_nobody_sees_the_sum_of_what_all_do() -> None:
    names = ["outbox_backlog", "engine_open_orders", "engine_events_published_per_minute", "engine_request_seconds_p99"]
    shown = of_everybody({(name, ()): Decimal(1) for name in names})
    assert {name for name, _ in shown} == {"outbox_backlog", "engine_request_seconds_p99"}
