"""What is made of an engine's words, of those that cannot be read, and of silence."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from breakwater.errors import EngineUnavailable
from breakwater.services import engine_view
from breakwater.services.engine_client import EngineClient
from breakwater.services.engine_view import EngineView

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SERVED = {"shard": 0, "status": "SERVING", "last_seq": 17, "holder": "a", "epoch": 3, "failure": None}
FOLLOWED = {"shard": 1, "status": "FOLLOWING", "last_seq": 5, "holder": "b", "epoch": 1, "failure": None}
HEALTH: dict[str, Any] = {
    "status": "READY",
    "engine_id": "a",
    "waiting_for": None,
    "unserved": [],
    "dependencies": {
        "relay": {"status": "UP", "failure": None, "backlog": 0},
        "market_data": {"status": "UP", "age_ms": {"SIM ETH/USDT": 24, "SIM BTC/USDT": None}, "book_age_ms": {}},
    },
    "shards": [SERVED, FOLLOWED],
}
METRICS = """# TYPE engine_shard_served gauge
engine_shard_served{shard="0"} 1.0
engine_shard_served{shard="1"} 0.0
# TYPE engine_inbox_depth gauge
engine_inbox_depth{shard="0"} 12.0
engine_inbox_depth{shard="1"} 0.0
# TYPE engine_open_orders gauge
engine_open_orders{shard="0"} 4.0
engine_open_orders{shard="1"} 0.0
"""


class Engine:
    """None: it does not answer."""

    def __init__(self, health: Any, metrics: str | None) -> None:
        self._health, self._metrics = health, metrics

    def health(self) -> Any:
        if self._health is None:
            raise EngineUnavailable("the engine did not answer")
        return self._health

    def metrics(self) -> str:
        if self._metrics is None:
            raise EngineUnavailable("the engine did not answer")
        return self._metrics


def look(health: Any, metrics: str | None = METRICS) -> EngineView:
    return engine_view.look(cast("EngineClient", Engine(health, metrics)), NOW)


def test_depths_are_those_of_the_shards_that_the_engine_itself_serves() -> None:
    found = look(HEALTH)
    assert (found["state"], found["said"], found["engine_id"]) == ("UP", "every shard is served", "a")
    assert [(each["inbox_depth"], each["open_orders"]) for each in found["shards"]] == [(12, 4), (None, None)]
    assert [(each["holder"], each["epoch"], each["last_seq"]) for each in found["shards"]] == [
        ("a", 3, 17),
        ("b", 1, 5),
    ]
    assert found["dependencies"][0] == {"name": "relay", "status": "UP", "detail": {"backlog": "0"}}
    assert found["markets"] == [
        {"market": "SIM BTC/USDT", "age_ms": None, "book_age_ms": None},
        {"market": "SIM ETH/USDT", "age_ms": 24, "book_age_ms": None},
    ]


def test_an_engine_without_figures_is_shown_without_them() -> None:
    assert [each["inbox_depth"] for each in look(HEALTH, metrics=None)["shards"]] == [None, None]


@pytest.mark.parametrize(("status", "state"), [("DEGRADED", "DEGRADED"), ("WAITING", "DOWN"), ("ODD", "DOWN")])
def test_what_it_waits_for_is_said(status: str, state: str) -> None:
    found = look(HEALTH | {"status": status, "waiting_for": "its database"})
    assert (found["state"], found["said"]) == (state, "waiting for its database")


@pytest.mark.parametrize(
    ("health", "said"),
    [(None, "the engine did not answer"), ({"status": "READY"}, "the engine's answer could not be read")],
)
def test_silence_and_what_cannot_be_read_are_said_and_nothing_is_made_up(health: Any, said: str) -> None:
    nothing: dict[str, Any] = {"engine_id": None, "shards": [], "dependencies": [], "markets": []}
    assert look(health) == {"state": "DOWN", "said": said} | nothing
