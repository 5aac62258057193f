"""What accounts were worth: noted once a minute, kept as long as it is said, shown to those who may see the account."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.db.equity import EquitySample
from breakwater.errors import DatabaseUnavailable
from breakwater.runtime import database as runtime_database
from breakwater.services import equity_history
from breakwater.services.equity_history import HOURS_KEPT, MINUTES_KEPT, EquitySampler
from functions.queries import app as queries_app
from tests.integration.limits.firm import NOW
from tests.integration.orders.conftest import Desk
from tests.integration.orders.test_orders_api import Api

MINUTE = NOW.replace(second=0, microsecond=0)


@pytest.fixture
def queries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("DATABASE_URL", desk.urls.functions)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "test")
    runtime_database.database.cache_clear()
    yield Api(queries_app.handler, desk.firm.tenant_id)
    runtime_database.database().close()
    runtime_database.database.cache_clear()


def sampler_of(desk: Desk, told: list[str] | None = None) -> EquitySampler:
    tell = (told if told is not None else []).append
    return EquitySampler(desk.database.untenanted_transaction, desk.database.tenant_transaction, tell)


def give(desk: Desk, asset: str, total: str) -> None:
    desk.admin(
        "INSERT INTO trading.balances VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (account_id, asset) DO UPDATE SET total = excluded.total",
        *(desk.firm.account_ids[0], asset, desk.firm.tenant_id, Decimal(total)),
    )


def history(desk: Desk, queries: Api, minutes: int = 60, **asked: Any) -> list[dict[str, Any]]:
    until = MINUTE + timedelta(minutes=minutes)
    params = {"since": MINUTE.isoformat(), "until": until.isoformat(), "interval": "1m"} | asked
    status, answer, _ = queries.call("GET", "/portfolio/history", account_id=desk.firm.account_ids[0], **params)
    assert status == 200, answer
    items: list[dict[str, Any]] = answer["items"]
    return items


def test_an_account_has_one_sample_a_minute_with_every_digit(desk: Desk, queries: Api) -> None:
    give(desk, "USDT", "100000.000000000000000001")
    give(desk, "ETH", "2")
    sampler = sampler_of(desk)
    for second in (0, 1, 59):
        sampler.run_round(MINUTE + timedelta(seconds=second))
    (point,) = history(desk, queries)
    assert point["equity"] == "104000.000000000000000001"  # 2 ETH at 2000.
    assert (point["realised_pnl"], point["unrealised_pnl"], point["fees"], point["stale"]) == ("0", "0", "0", False)
    give(desk, "ETH", "3")
    sampler_of(desk).run_round(MINUTE + timedelta(seconds=59))  # Another watch: the first one's word stands.
    assert history(desk, queries) == [point]


def test_an_old_price_is_told_and_one_that_is_not_known_leaves_a_gap(desk: Desk, queries: Api) -> None:
    give(desk, "ETH", "2")
    sampler = sampler_of(desk)
    sampler.run_round(MINUTE + timedelta(minutes=5))
    assert [point["stale"] for point in history(desk, queries)] == [True]
    give(desk, "DOGE", "1000")
    sampler.run_round(MINUTE + timedelta(minutes=6))
    assert len(history(desk, queries)) == 1


def test_a_step_has_its_last_sample_and_one_without_is_left_out(desk: Desk, queries: Api) -> None:
    sampler = sampler_of(desk)
    for minute in (0, 4, 5, 17):
        give(desk, "USDT", str(minute + 1))
        sampler.run_round(MINUTE + timedelta(minutes=minute))
    shown = history(desk, queries, interval="5m")
    assert [point["equity"] for point in shown] == ["5", "6", "18"]
    assert len(history(desk, queries, minutes=5, interval="5m")) == 1  # `until` itself is outside.


def test_minutes_go_after_a_week_and_the_first_of_each_hour_after_two_years(desk: Desk) -> None:
    give(desk, "USDT", "1")
    hour = MINUTE.replace(minute=0)
    add(desk, hour, hour + timedelta(minutes=1), hour + timedelta(hours=1, minutes=30))
    sampler_of(desk).run_round(hour + MINUTES_KEPT + timedelta(hours=2))
    assert kept(desk) == [hour, hour + timedelta(hours=1, minutes=30), hour + MINUTES_KEPT + timedelta(hours=2)]
    sampler_of(desk).run_round(hour + HOURS_KEPT + timedelta(minutes=1))
    assert hour not in kept(desk)
    assert len(kept(desk)) == 3


def test_an_organisation_that_fails_keeps_no_other_from_its_samples(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(desk, "USDT", "1")
    told: list[str] = []
    sampler = sampler_of(desk, told)
    broken = uuid.uuid4()
    monkeypatch.setattr(equity_history, "organisations", lambda _: [broken, desk.firm.tenant_id])
    monkeypatch.setattr(sampler, "transactions", failing_for(desk, broken))
    sampler.run_round(MINUTE)
    assert kept(desk) == [MINUTE]
    assert told == [f"equity of {broken}: it is away"]


def test_what_is_asked_wrongly_is_refused_by_its_name(desk: Desk, queries: Api) -> None:
    account_id = desk.firm.account_ids[0]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "interval": "1m"}, "interval"),
    ]
    for asked, name in wrong:
        status, problem, _ = queries.call("GET", "/portfolio/history", account_id=account_id, **asked)
        assert (status, problem["field"]) == (422, name)
    assert queries.call("GET", "/portfolio/history", account_id=account_id, interval="2m")[0] == 422
    assert queries.call("GET", "/portfolio/history", account_id=uuid.uuid4())[0] == 404


def add(desk: Desk, *moments: datetime) -> None:
    sample = EquitySample(MINUTE, "USDT", Decimal(1), Decimal(0), Decimal(0), Decimal(0), False)
    for moment in moments:
        with desk.transactions(desk.firm.tenant_id) as tx:
            tx.equity.add([(desk.firm.account_ids[0], sample)], at=moment)


def kept(desk: Desk) -> list[datetime]:
    rows = desk.admin(
        "SELECT at FROM trading.equity_samples WHERE account_id = %s ORDER BY at", desk.firm.account_ids[0]
    )
    return [row[0] for row in rows]


def failing_for(desk: Desk, broken: uuid.UUID) -> Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]:
    def transactions(tenant_id: uuid.UUID) -> AbstractContextManager[TenantTransaction]:
        if tenant_id == broken:
            raise DatabaseUnavailable("it is away")
        return desk.transactions(tenant_id)

    return transactions
