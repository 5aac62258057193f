"""How Postgres finds orders and what is told of them: by an index, however many there are."""

import psycopg
import pytest

from breakwater.db import portfolio, recorded_day
from tests.integration.orders.conftest import Desk


@pytest.mark.parametrize(
    ("role", "asked"),
    [
        ("functions", "SELECT FROM trading.events WHERE aggregate_id = '00000000-0000-0000-0000-000000000001'"),
        (
            "functions",
            "SELECT FROM trading.orders WHERE account_id = ANY ('{00000000-0000-0000-0000-000000000001}')"
            " AND status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED') ORDER BY created_at DESC LIMIT 9",
        ),
        ("functions", "SELECT FROM limits.reservations WHERE order_id = '00000000-0000-0000-0000-000000000001'"),
        ("admin", "SELECT FROM trading.events WHERE topic = 'limits.LimitBreached.v1' AND payload ->> 'order_id' = ''"),
    ],
)
def test_what_is_of_an_order_is_found_by_an_index(desk: Desk, role: str, asked: str) -> None:
    """However many events there are, and behind the fence: every look at an order asks for them."""
    with psycopg.connect(getattr(desk.urls, role), autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(f"EXPLAIN {asked}").fetchall()  # Of constants.
    assert any("Index Cond: " in line and "_id" in line for (line,) in plan), plan


def test_what_grows_for_ever_is_not_read_whole(desk: Desk) -> None:
    """Trades of a venue, the exits of an entry, and what the firm has said of instruments."""
    nothing = {"account_ids": [], "tenant_id": desk.firm.tenant_id, "begin_ns": 1, "end_ns": 2, "limit": 1}
    of_venue = dict.fromkeys(("symbol", "order_id", "before_at", "before_id")) | {"venue": "SIM"}
    for role, asked, expected in (
        ("functions", portfolio._TRADES_PAGE, "orders_pkey"),
        (
            "admin",
            "SELECT FROM trading.orders WHERE execution ->> 'after' = 'x' AND %(tenant_id)s = tenant_id",
            "order_exits",
        ),
        ("functions", recorded_day._RISK_TERMS, "events_tenant_id_occurred_at_ns_idx2"),
    ):
        with psycopg.connect(getattr(desk.urls, role), autocommit=True) as connection:
            connection.execute("SET enable_seqscan = off")
            plan = connection.execute(f"EXPLAIN {asked}", nothing | of_venue).fetchall()
        told = "\n".join(line for (line,) in plan)
        assert expected in told, told
        assert "hashed" not in told, told
