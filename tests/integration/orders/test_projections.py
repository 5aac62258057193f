"""The engine's events become read models, once each."""

from decimal import Decimal

import pytest

from breakwater.domain.orders import OrdStatus, Side
from breakwater.errors import NotFound
from breakwater.services.projections import project
from tests.integration.limits.firm import order_of
from tests.integration.orders.conftest import Desk
from tests.support.engine_model import EngineModel


def read_models(desk: Desk) -> dict[str, object]:
    return {
        "trades": desk.admin("SELECT trade_id, last_qty, realised_pnl FROM trading.trades ORDER BY trade_id"),
        "positions": desk.admin("SELECT quantity, average_price, realised_pnl, fees FROM trading.positions"),
        "balances": desk.admin("SELECT asset, total FROM trading.balances ORDER BY asset"),
        "reserved": desk.reserved(),
    }


def test_fills_move_order_position_balances_and_ledger(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.run_saga(order)
    desk.model.fill(order.order_id, Decimal("0.5"))
    desk.model.fill(order.order_id, Decimal("1.5"), Decimal("1990"))
    desk.project_all()
    row = desk.row(order)
    assert row.status is OrdStatus.FILLED
    assert (row.cum_qty, row.leaves_qty, row.cum_notional) == (Decimal(2), Decimal(0), Decimal(3985))
    assert read_models(desk)["positions"] == [(2, Decimal("1992.5"), 0, Decimal("3.985"))]
    assert read_models(desk)["balances"] == [("ETH", 2), ("USDT", Decimal("-3988.985"))]
    assert desk.reserved() == (0, 0, 0, 2)
    desk.assert_ledger_is_exact()


def test_every_event_told_twice_changes_nothing(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.run_saga(order)
    desk.model.fill(order.order_id, Decimal("0.5"))
    desk.model.cancel(order.order_id, tenant_id=desk.firm.tenant_id)
    desk.project_all()
    once = read_models(desk)
    desk.project_all()
    assert read_models(desk) == once
    assert desk.row(order).status is OrdStatus.CANCELED


def test_a_trade_published_again_under_another_event_id_is_still_one_trade(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.run_saga(order)
    desk.model.fill(order.order_id, Decimal("0.5"))
    desk.project_all()
    once = read_models(desk)
    trade = desk.model.events[-1]
    project(trade.model_copy(update={"event_id": order.order_id}), desk.transactions)
    assert read_models(desk) == once


def test_events_in_the_wrong_order_end_in_the_same_state(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.run_saga(order)
    desk.model.fill(order.order_id, Decimal("0.5"))
    desk.model.fill(order.order_id, Decimal("1.5"))
    desk.model.events.reverse()
    desk.project_all()
    assert desk.row(order).status is OrdStatus.FILLED
    assert desk.reserved() == (0, 0, 0, 2)
    assert read_models(desk)["positions"] == [(2, 2000, 0, 4)]


def test_selling_what_was_bought_realises_profit(desk: Desk) -> None:
    bought, sold = order_of(desk.firm, quantity="1"), order_of(desk.firm, Side.SELL, "1", "2050")
    desk.run_saga(bought)
    desk.model.fill(bought.order_id, Decimal(1))
    desk.run_saga(sold)
    desk.model.fill(sold.order_id, Decimal(1))
    desk.project_all()
    assert read_models(desk)["positions"] == [(0, 0, 50, Decimal("4.05"))]
    assert desk.reserved() == (0, 0, 0, 0)


def test_an_event_of_an_order_nobody_placed_fails_and_leaves_nothing(desk: Desk) -> None:
    stranger = EngineModel()
    order = order_of(desk.firm)
    desk.run_saga(order)
    strange = desk.model.orders[order.order_id].order.model_copy(update={"order_id": order_of(desk.firm).order_id})
    stranger.submit(strange)
    stranger.fill(strange.order_id, Decimal(1))
    for envelope in stranger.events:
        with pytest.raises(NotFound):
            project(envelope, desk.transactions)
    assert desk.admin("SELECT count(*) FROM trading.inbox") == [(0,)]
    assert desk.admin("SELECT count(*) FROM trading.trades") == [(0,)]
