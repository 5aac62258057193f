"""What an account has done and what it is worth, and whether the platform is well."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import AwareDatetime, BaseModel

from breakwater.runtime.api import PUBLIC, Caller, create_api, lambda_handler, needs
from breakwater.runtime.database import caller_transaction, untenanted_transaction
from breakwater.runtime.engine import engine_client
from breakwater.services import consumers, engine_view, equity_history, health, health_history, queries, sagas
from breakwater.services.cursors import LIMIT_DEFAULT, LIMIT_MAX
from breakwater.services.engine_view import EngineView
from breakwater.services.equity_history import Interval
from breakwater.services.health_history import HealthHistory
from breakwater.services.portfolio_views import (
    EquityHistory,
    EventPage,
    InstrumentPage,
    Portfolio,
    PositionPage,
    TradePage,
)
from breakwater.services.sagas import SagaPage, SagaState

api = create_api(service="queries")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=200)]
Symbol = Annotated[str | None, Query(max_length=41)]
Hours = Annotated[int, Query(ge=1, le=720)]
From = Annotated[AwareDatetime | None, Query(alias="from")]
Since = Annotated[int, Query(ge=0, le=2**63 - 1, json_schema_extra={"format": "int64"})]


class Health(BaseModel):
    status: health.HealthState
    dependencies: dict[str, health.DependencyHealth]


@api.get("/trades", dependencies=[needs("portfolio:read")])
def list_trades(
    caller: Caller,
    *,
    account_id: uuid.UUID | None = None,
    symbol: Symbol = None,
    order_id: uuid.UUID | None = None,
    venue: Annotated[str | None, Query(max_length=16)] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> TradePage:
    with caller_transaction(caller) as tx:
        return queries.trades(
            *(caller, tx),
            account_id=account_id,
            symbol=symbol,
            order_id=order_id,
            venue=venue,
            cursor=cursor,
            limit=limit,
        )


@api.get("/positions", dependencies=[needs("portfolio:read")])
def list_positions(caller: Caller, account_id: uuid.UUID | None = None) -> PositionPage:
    with caller_transaction(caller) as tx:
        return queries.positions(caller, tx, account_id=account_id, at=datetime.now(UTC))


@api.get("/portfolio", dependencies=[needs("portfolio:read")])
def get_portfolio(caller: Caller, account_id: uuid.UUID | None = None) -> Portfolio:
    with caller_transaction(caller) as tx:
        return queries.portfolio(caller, tx, account_id=account_id, at=datetime.now(UTC))


@api.get("/portfolio/history", dependencies=[needs("portfolio:read")])
def get_portfolio_history(
    caller: Caller,
    *,
    account_id: uuid.UUID | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    interval: Interval = "5m",
) -> EquityHistory:
    with caller_transaction(caller) as tx:
        return equity_history.history(
            *(caller, tx),
            account_id=account_id,
            since=since,
            until=until,
            interval=interval,
            at=datetime.now(UTC),
        )


@api.get("/events", dependencies=[needs("orders:read")])
def list_events(
    caller: Caller,
    *,
    account_id: uuid.UUID | None = None,
    order_id: uuid.UUID | None = None,
    since: Since = 0,
    limit: Limit = LIMIT_DEFAULT,
) -> EventPage:
    with caller_transaction(caller) as tx:
        return queries.events(caller, tx, account_id=account_id, order_id=order_id, since=since, limit=limit)


@api.get("/instruments", dependencies=[needs("orders:read")])
def list_instruments(caller: Caller) -> InstrumentPage:
    with caller_transaction(caller) as tx:
        return queries.instruments(caller, tx, at=datetime.now(UTC))


@api.get(
    "/health",
    responses={503: {"model": Health, "description": "One that an order needs is down or degraded"}},
    dependencies=[PUBLIC],
)
def get_health(response: Response) -> Health:
    """Open to all: states and times only. 503 unless database and engine are up, because an order needs them both.

    A consumer that is late makes the platform DEGRADED, and refuses nobody's order.
    """
    found = health.check({"database": _ask_database, "engine": engine_client().unserved_shards})
    response.status_code = 200 if health.worst(found) == health.UP else 503
    found["delivery"] = health.check_delivery(_late)
    return Health(status=health.worst(found), dependencies=found)


@api.get("/health/history", dependencies=[needs("system:monitor")])
def get_health_history(caller: Caller, hours: Hours = 24) -> HealthHistory:
    with untenanted_transaction() as connection:
        return health_history.history(connection, hours, datetime.now(UTC))


@api.get("/engine", dependencies=[needs("system:monitor")])
def get_engine(caller: Caller) -> EngineView:
    """200 also where no engine answers: that is said in it."""
    return engine_view.look(engine_client(), datetime.now(UTC))


@api.get("/sagas", dependencies=[needs("orders:read")])
def list_sagas(
    caller: Caller,
    *,
    state: SagaState | None = None,
    from_at: From = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> SagaPage:
    with caller_transaction(caller) as tx:
        return sagas.page(caller, tx, state=state, from_at=from_at, cursor=cursor, limit=limit, at=datetime.now(UTC))


def _late() -> list[str]:
    with untenanted_transaction() as connection:
        return consumers.late(connection, datetime.now(UTC))


def _ask_database() -> tuple[int, ...]:
    with untenanted_transaction():
        return ()  # It has answered the statement that opens a transaction.


handler = lambda_handler(api)
