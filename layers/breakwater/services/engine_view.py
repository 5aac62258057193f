"""The engine as those who run the platform see it: shards and who holds them, journals, queues, markets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict, ValidationError

from breakwater.domain.metric_readings import Exposition, parse_exposition
from breakwater.domain.metric_rules import labels_of
from breakwater.errors import EngineUnavailable
from breakwater.services.engine_client import EngineClient
from breakwater.services.health import DEGRADED, DOWN, UP, HealthState

_STATES: Mapping[str, HealthState] = {"READY": UP, "DEGRADED": DEGRADED}


class EngineShard(TypedDict):
    """As the engine sees it that answers. `holder`: the engine that has the lease; null: nobody.

    `last_seq` is how far it has the shard's journal. `inbox_depth`, commands that wait, and `open_orders` are null
    where another engine serves the shard, and where nobody could tell.
    """

    shard: int
    status: str
    holder: str | None
    epoch: int
    last_seq: int
    inbox_depth: int | None
    open_orders: int | None
    failure: str | None


class EngineDependency(TypedDict):
    """`detail`: its figures and failures by name, as the engine says them."""

    name: str
    status: str
    detail: dict[str, str]


class EngineMarket(TypedDict):
    """How long ago something was heard of it, and of its book; null: nothing yet."""

    market: str
    age_ms: int | None
    book_age_ms: int | None


class EngineView(TypedDict):
    """`said`: how it is, in words. Where no engine answers the lists are empty."""

    state: HealthState
    said: str
    engine_id: str | None
    shards: list[EngineShard]
    dependencies: list[EngineDependency]
    markets: list[EngineMarket]


class _Told(BaseModel):
    """Of what an engine says more than is shown here, what is shown."""

    model_config = ConfigDict(frozen=True)


class _Shard(_Told):
    shard: int
    status: str
    holder: str | None
    epoch: int
    last_seq: int
    failure: str | None


class _Engine(_Told):
    status: str
    engine_id: str
    waiting_for: str | None
    dependencies: dict[str, dict[str, Any]]
    shards: list[_Shard]


def look(engine: EngineClient, at: datetime) -> EngineView:
    """Two questions, each of a second and a half at most. What fails is said in the answer: it is asked for then."""
    try:
        told = _Engine.model_validate(engine.health())
    except (EngineUnavailable, ValidationError) as error:
        said = error.message if isinstance(error, EngineUnavailable) else "the engine's answer could not be read"
        return _view(DOWN, said)
    try:
        measured = parse_exposition(engine.metrics(), at)
    except EngineUnavailable:
        measured = Exposition(at, {}, {})
    return _view(_STATES.get(told.status, DOWN), _said(told), told, measured)


def _view(state: HealthState, said: str, told: _Engine | None = None, measured: Exposition | None = None) -> EngineView:
    if told is None or measured is None:
        return {"state": state, "said": said, "engine_id": None, "shards": [], "dependencies": [], "markets": []}
    return {
        "state": state,
        "said": said,
        "engine_id": told.engine_id,
        "shards": [_shard(each, measured) for each in told.shards],
        "dependencies": [_dependency(name, details) for name, details in told.dependencies.items()],
        "markets": _markets(told.dependencies.get("market_data", {})),
    }


def _said(told: _Engine) -> str:
    if told.waiting_for is not None:
        return f"waiting for {told.waiting_for}"
    return "every shard is served"


def _shard(told: _Shard, measured: Exposition) -> EngineShard:
    is_here = _gauge(measured, "engine_shard_served", told.shard) == 1
    return {
        "shard": told.shard,
        "status": told.status,
        "holder": told.holder,
        "epoch": told.epoch,
        "last_seq": told.last_seq,
        "inbox_depth": _gauge(measured, "engine_inbox_depth", told.shard) if is_here else None,
        "open_orders": _gauge(measured, "engine_open_orders", told.shard) if is_here else None,
        "failure": told.failure,
    }


def _gauge(measured: Exposition, name: str, shard: int) -> int | None:
    value = measured.values.get((name, labels_of({"shard": str(shard)})))
    return None if value is None else int(value)


def _dependency(name: str, told: Mapping[str, Any]) -> EngineDependency:
    """What is a map by market is shown with the markets."""
    detail = {
        each: str(value)
        for each, value in told.items()
        if each != "status" and value is not None and not isinstance(value, dict)
    }
    return {"name": name, "status": str(told.get("status", "")), "detail": detail}


def _markets(told: Mapping[str, Any]) -> list[EngineMarket]:
    ages, book_ages = told.get("age_ms") or {}, told.get("book_age_ms") or {}
    return [{"market": name, "age_ms": ages[name], "book_age_ms": book_ages.get(name)} for name in sorted(ages)]
