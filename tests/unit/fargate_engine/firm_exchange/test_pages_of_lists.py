"""Lists that the API gives in pages: read as far back as is asked for, and never cut unsaid."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, cast

import pytest

from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import Span
from fargate_engine.firm_exchange import ordinary_way
from fargate_engine.firm_exchange.control_plane import Answer, ControlPlane, Function
from fargate_engine.firm_exchange.ordinary_way import OrdinaryWay
from fargate_engine.firm_exchange.owner import Owner
from tests.unit.fargate_engine.firm_exchange.test_lists_elsewhere import CLIENT, order

NEWEST = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE_MS = 60_000
OWNER: Owner = CLIENT.owner


class Pages:
    """An account's orders, the newest first, one a minute."""

    def __init__(self, count: int) -> None:
        self._orders = [
            order(f"o-{number}")
            | {"created_at": (NEWEST - timedelta(minutes=number)).isoformat().replace("+00:00", "Z")}
            for number in range(count)
        ]
        self.limits: list[int] = []

    async def ask(self, function: Function, method: str, path: str, owner: Owner, **how: Any) -> Answer:
        query = how["query"]
        assert query["venue"] == "SIM"
        limit, start = query["limit"], int(query.get("cursor") or 0)
        self.limits.append(limit)
        cursor = str(start + limit) if start + limit < len(self._orders) else None
        return Answer(HTTPStatus.OK, {"items": self._orders[start : start + limit], "next_cursor": cursor})


async def listed(pages: Pages, span: Span) -> list[str]:
    way = OrdinaryWay(cast(ControlPlane, pages), "SIM")
    return [shown.client_order_id for shown, _ in await way.orders(OWNER, "ETH/USDT", span)]


async def test_the_newest_are_those_of_one_page() -> None:
    pages = Pages(500)
    assert await listed(pages, Span(limit=2)) == ["o-1", "o-0"]
    assert pages.limits == [2]


async def test_from_a_time_on_it_reads_page_after_page_and_not_beyond() -> None:
    pages = Pages(900)
    start_ms = int(NEWEST.timestamp() * 1000) - 450 * MINUTE_MS
    assert await listed(pages, Span(limit=2, start_ms=start_ms)) == ["o-450", "o-449"]
    assert pages.limits == [200, 200, 200]


async def test_what_is_further_back_than_is_looked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordinary_way, "PAGES_MAX", 3)
    with pytest.raises(BinanceError) as refused:
        await listed(Pages(900), Span(limit=2, start_ms=0))
    assert refused.value.code == -1127
    assert len(await listed(Pages(600), Span(limit=1000, start_ms=0))) == 600
