"""What components of the platform are, by what the engine says of itself, and how long that has to last."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakwater.domain.conditions import (
    Backlog,
    Condition,
    Confirming,
    QueueDepth,
    category_of,
    of_audit_trail,
    of_engine,
    of_outbox,
    of_queues,
    severity_of,
    worst,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VENUE: dict[str, Any] = {
    "status": "UP",
    "key_refused": False,
    "stream": "UP",
    "breaker": "CLOSED",
    "failure": None,
    "weight_used": 10,
    "weight_max": 1200,
    "blocked_s": 0.0,
}
HEALTHY: dict[str, Any] = {
    "status": "READY",
    "engine_id": "one",
    "unserved": [],
    "dependencies": {
        "service_token_key": {"status": "UP"},
        "database": {"status": "UP", "latency_ms": 1.0},
        "lease": {"status": "UP"},
        "journal": {"status": "UP", "commit_latency_ms": 3.0},
        "instruments": {"status": "UP", "failure": None},
        "venue": {"status": "UP"},
        "venue_BINANCE": VENUE,
        "market_data": {
            "status": "UP",
            "age_ms": {"BINANCE BTC/USDT": 20, "BINANCE ETH/USDT": 30, "BOOK BTC/USDT": 5},
            "book_age_ms": {"BINANCE BTC/USDT": 20, "BINANCE ETH/USDT": 30_000, "BOOK BTC/USDT": 5},
        },
        "relay": {"status": "UP", "failure": None},
        "snapshots": {"status": "NOT_CONFIGURED"},
    },
}


def health(**changes: Any) -> dict[str, Any]:
    """`dependency__field=value` changes one field of one dependency."""
    document = copy.deepcopy(HEALTHY)
    for name, value in changes.items():
        if "__" in name:
            dependency, field = name.split("__")
            document["dependencies"][dependency][field] = value
        else:
            document[name] = value
    return document


def not_well(document: dict[str, Any]) -> dict[str, str]:
    return {each.component: each.state for each in of_engine(document) if each.state != "UP"}


def test_a_healthy_engine_is_well_in_every_component() -> None:
    assert not_well(HEALTHY) == {}
    assert {each.component for each in of_engine(HEALTHY)} == {
        *("engine/shards", "engine/service_token_key", "engine/database", "engine/lease", "engine/relay"),
        *(
            "engine/snapshots",
            "engine/journal",
            "engine/instruments",
            "venue/BINANCE",
            "venue/BINANCE/key",
            "venue/BINANCE/rate_limit",
        ),
        *("market_data/BINANCE", "market_data/BOOK"),
    }


def test_an_engine_from_before_a_dependency_says_nothing_of_it() -> None:
    document = copy.deepcopy(HEALTHY)
    del document["dependencies"]["instruments"]
    assert not_well(document) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"unserved": [3], "status": "DEGRADED"}, {"engine/shards": "DEGRADED"}),
        ({"unserved": list(range(16)), "status": "WAITING"}, {"engine/shards": "DOWN"}),
        ({"database__status": "DOWN"}, {"engine/database": "DOWN"}),
        ({"lease__status": "DOWN"}, {"engine/lease": "DOWN"}),
        ({"lease__status": "FOLLOWING"}, {}),
        ({"relay__status": "LATE"}, {"engine/relay": "DEGRADED"}),
        ({"relay__status": "DOWN"}, {"engine/relay": "DOWN"}),
        ({"snapshots__status": "DOWN", "snapshots__failure": "no bucket"}, {"engine/snapshots": "DOWN"}),
        ({"instruments__status": "LATE", "instruments__failure": "ETH/USDT"}, {"engine/instruments": "DEGRADED"}),
        ({"journal__status": "DOWN"}, {"engine/journal": "DOWN"}),
        ({"journal__commit_latency_ms": 251.0}, {"engine/journal": "DEGRADED"}),
        ({"journal__commit_latency_ms": 250.0}, {}),
        ({"venue_BINANCE__status": "DOWN", "venue_BINANCE__breaker": "OPEN"}, {"venue/BINANCE": "DOWN"}),
        ({"venue_BINANCE__status": "DOWN", "venue_BINANCE__breaker": "HALF_OPEN"}, {"venue/BINANCE": "DOWN"}),
        ({"venue_BINANCE__status": "STARTING"}, {"venue/BINANCE": "DOWN"}),
        ({"venue_BINANCE__stream": "DOWN"}, {"venue/BINANCE": "DEGRADED"}),
        ({"venue_BINANCE__key_refused": True, "venue_BINANCE__failure": "no"}, {"venue/BINANCE/key": "DOWN"}),
        ({"venue_BINANCE__weight_used": 1140}, {"venue/BINANCE/rate_limit": "DEGRADED"}),
        ({"venue_BINANCE__weight_used": 1139}, {}),
        ({"venue_BINANCE__blocked_s": 12.0}, {"venue/BINANCE/rate_limit": "DEGRADED"}),
        (
            {"market_data__age_ms": {"BINANCE BTC/USDT": 10_001, "BINANCE ETH/USDT": 10_000}},
            {"market_data/BINANCE": "DEGRADED"},
        ),
        (
            {"market_data__age_ms": {"BINANCE BTC/USDT": 10_001, "BINANCE ETH/USDT": None}},
            {"market_data/BINANCE": "DOWN"},
        ),
        (
            {"market_data__book_age_ms": {"BINANCE BTC/USDT": 5, "BINANCE ETH/USDT": 30_001, "BOOK BTC/USDT": 5}},
            {"market_data/BINANCE": "DEGRADED"},
        ),
        (
            {"market_data__book_age_ms": {"BINANCE BTC/USDT": None, "BINANCE ETH/USDT": 5, "BOOK BTC/USDT": 5}},
            {"market_data/BINANCE": "DEGRADED"},
        ),
    ],
)
def test_each_trouble_is_one_component(changes: dict[str, Any], expected: dict[str, str]) -> None:
    document = health(**changes)
    assert not_well(document) == expected
    assert all(each.detail for each in of_engine(document) if each.state != "UP")
    assert all(not each.detail for each in of_engine(document) if each.state == "UP")


def test_a_queue_lags_and_messages_end_apart() -> None:
    found = {each.component: each.state for each in of_queues({"a": QueueDepth(501, 3, 1), "b": QueueDepth(500, 0, 0)})}
    assert found == {
        "queue/a": "DEGRADED",
        "dead_letters/a": "DEGRADED",
        "queue/b": "UP",
        "dead_letters/b": "UP",
    }


def test_events_that_wait_and_a_trail_that_does_not_go_on_are_down() -> None:
    assert (of_outbox(Backlog(3, 10.0)).state, of_outbox(Backlog(3, 10.1)).state) == ("UP", "DOWN")
    assert (of_audit_trail(300.0).state, of_audit_trail(301.0).state) == ("UP", "DOWN")


@pytest.mark.parametrize(
    ("component", "state", "category", "severity"),
    [
        ("engine/shards", "DOWN", "SYSTEM", "CRITICAL"),
        ("engine/shards", "DEGRADED", "SYSTEM", "WARNING"),
        ("engine", "UP", "SYSTEM", "INFO"),
        ("venue/BINANCE/key", "DOWN", "VENUE", "ERROR"),
        ("market_data/BINANCE", "DOWN", "MARKET_DATA", "ERROR"),
        ("audit_trail", "DOWN", "AUTHENTICATION", "CRITICAL"),
        ("dead_letters/alerts", "DEGRADED", "SYSTEM", "WARNING"),
    ],
)
def test_each_component_has_a_category_and_its_states_a_severity(
    component: str, state: Any, category: str, severity: str
) -> None:
    assert (category_of(component), severity_of(component, state)) == (category, severity)


def test_of_several_engines_the_worst_word_counts() -> None:
    found = worst(
        [Condition("venue/A", "UP"), Condition("venue/A", "DOWN", "x"), Condition("venue/A", "DEGRADED", "y")]
    )
    assert found == {"venue/A": Condition("venue/A", "DOWN", "x")}


def test_a_state_is_believed_when_it_has_lasted_and_since_it_began() -> None:
    confirming = Confirming()
    up, down = {"a": Condition("a", "UP")}, {"a": Condition("a", "DOWN", "x")}

    def at(seconds: float, conditions: dict[str, Condition]) -> list[tuple[str, float]]:
        found = confirming.confirmed(conditions, NOW + timedelta(seconds=seconds))
        return [(condition.state, (since - NOW).total_seconds()) for condition, since in found]

    assert at(0, up) == []
    assert at(5, up) == [("UP", 0)]
    assert at(6, down) == []
    assert at(10, up) == []  # A moment was no trouble.
    assert at(11, down) == []
    assert at(15.9, down) == []
    assert at(16, down) == [("DOWN", 11)]
    assert at(17, {}) == []
    assert at(18, down) == []  # Nobody said anything meanwhile: it begins anew.
