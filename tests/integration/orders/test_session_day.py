"""Midnight, when two clocks disagree about the day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from breakwater.services import order_saga
from tests.integration.limits.firm import order_of, set_limit, set_reference
from tests.integration.orders.conftest import Desk

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)


def test_a_daily_limit_holds_when_the_engines_clock_is_behind_at_midnight(desk: Desk) -> None:
    """Judged by the new day's empty count, the fill must not be added to the old day's full one."""
    set_limit(desk.urls.admin, desk.firm, desk.firm.firm, "DAILY_TRADED_NOTIONAL", "2000")
    desk.model.now_ns = int((MIDNIGHT - timedelta(seconds=1)).timestamp()) * 10**9
    for at in (MIDNIGHT - timedelta(seconds=2), MIDNIGHT + timedelta(milliseconds=5)):
        set_reference(desk.urls.admin, Decimal(2000), at)
        order = order_of(desk.firm, quantity="1")
        order_saga.reserve_limits(order, desk.transactions, at)
        order_saga.submit_order(order, desk.transactions, desk.engine, at)
        desk.model.fill(order.order_id, Decimal(1))
        desk.project_all()
    assert desk.admin(
        "SELECT session_date, traded_notional FROM limits.exposures WHERE node_id = %s", desk.firm.firm
    ) == [(MIDNIGHT.date(), Decimal(2000))]
    desk.assert_ledger_is_exact()
