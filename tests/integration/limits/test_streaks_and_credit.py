"""What the trades of an account do to its limits: streaks of losses, and the cash that buys are paid from."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.orders import PlaceOrder, Side
from breakwater.domain.times import nanoseconds
from breakwater.services import brakes, order_saga, overrides
from breakwater.services.brakes import StateChange
from breakwater.services.external_fills import ExternalFill, book_external_fill
from tests.integration.limits.firm import NOW, SYMBOL, order_of, set_reference
from tests.integration.limits.people import limit, node, override, refused_by, risk_manager
from tests.integration.orders import conftest as orders
from tests.integration.orders.conftest import Desk

desk = orders.desk
COOL_DOWN: dict[str, Any] = {"parameters": {"cool_down_s": 900}}


class Trader:
    """Sends orders of one unit to the engine, has them filled, and hears of it, all at a moment that it is told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.firm = desk.firm
        self.told = 0

    def trade(self, side: Side, price: str, at: datetime, *, account: int = 0, **more: Any) -> PlaceOrder:
        desk = self.desk
        set_reference(desk.urls.admin, Decimal(price), at)
        desk.model.now_ns = nanoseconds(at)
        order = order_of(self.firm, side, "1", price, at=at, account=account, **more)
        order_saga.reserve_limits(order, desk.transactions, at)
        order_saga.submit_order(order, desk.transactions, desk.engine, at)
        desk.model.fill(order.order_id, Decimal(1), Decimal(price))
        desk.project_all()
        return order

    def round_trip(self, opened: str, closed: str, at: datetime, **more: Any) -> None:
        self.trade(Side.BUY, opened, at, **more)
        self.trade(Side.SELL, closed, at, **more)

    def refused(self, at: datetime, quantity: str = "0.01", price: str = "2000", **more: Any) -> list[str]:
        set_reference(self.desk.urls.admin, Decimal(2000), at)
        with self.desk.transactions(self.firm.tenant_id) as tx:
            return refused_by(tx, order_of(self.firm, quantity=quantity, price=price, at=at, **more))

    def limit(self, node_id: uuid.UUID, limit_type: str, value: str, **more: Any) -> str:
        with self.desk.transactions(self.firm.tenant_id) as tx:
            return limit(tx, risk_manager(self.firm), node_id, limit_type, value, **more)["limit_id"]


@pytest.fixture
def trader(desk: Desk) -> Trader:
    return Trader(desk)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_so_many_losing_round_trips_in_a_row_begin_a_cool_down_that_ends_by_itself(trader: Trader) -> None:
    trader.limit(trader.firm.desk, "LOSS_STREAK", "2", **COOL_DOWN)
    trader.round_trip("2000", "1990", NOW)
    assert trader.refused(after(1), account=1) == []
    trader.round_trip("2000", "1990", after(2))
    for seconds, refused in ((3, ["LOSS_STREAK"]), (901.9, ["LOSS_STREAK"]), (902, [])):
        assert trader.refused(after(seconds)) == refused
        assert trader.refused(after(seconds), account=1) == refused  # A loss of one is a loss of the desk.
    with trader.desk.transactions(trader.firm.tenant_id) as tx:
        found = tx.limits.node(trader.firm.desk, after(902))
    assert found is not None
    assert found.state == "ACTIVE"


def test_a_loss_after_the_cool_down_begins_the_next_one_and_a_profit_ends_the_streak(trader: Trader) -> None:
    trader.limit(trader.firm.desk, "LOSS_STREAK", "2", **COOL_DOWN)
    for _ in range(2):
        trader.round_trip("2000", "1990", NOW)
    trader.round_trip("2000", "1990", after(1000))  # The third in a row.
    assert trader.refused(after(1001)) == ["LOSS_STREAK"]
    trader.round_trip("2000", "2100", after(2000))
    trader.round_trip("2000", "1990", after(2001))
    assert trader.refused(after(2002)) == []


def test_a_round_trip_that_only_its_fees_make_a_loss_is_one(trader: Trader) -> None:
    trader.limit(trader.firm.desk, "LOSS_STREAK", "1", **COOL_DOWN)
    trader.round_trip("2000", "2004.01", NOW)  # Fees of 2 and of 2.00401.
    assert trader.refused(after(1)) == []
    trader.round_trip("2000", "2004", after(2))
    assert trader.refused(after(3)) == ["LOSS_STREAK"]


def test_what_is_open_can_be_closed_while_it_cools_down_and_a_loss_then_does_not_end_it(trader: Trader) -> None:
    trader.trade(Side.BUY, "2000", NOW, account=1)
    trader.limit(trader.firm.desk, "LOSS_STREAK", "2", **COOL_DOWN)
    for _ in range(2):
        trader.round_trip("2000", "1990", NOW)
    trader.trade(Side.SELL, "2100", after(10), account=1)  # A profit: the streak is over, the cool-down is not.
    assert trader.refused(after(11)) == ["LOSS_STREAK"]
    trader.desk.admin("UPDATE limits.standings SET loss_streak = 0")
    with trader.desk.transactions(trader.firm.tenant_id) as tx:
        tx.limits.count_round_trip(trader.firm.account_ids[0], lost=True, at=after(12))
    assert trader.refused(after(13)) == ["LOSS_STREAK"]
    assert trader.refused(after(900)) == []


def test_a_strategy_below_the_account_cools_down_by_the_round_trips_of_the_account(trader: Trader) -> None:
    with trader.desk.transactions(trader.firm.tenant_id) as tx:
        strategy = node(tx, risk_manager(trader.firm), trader.firm.account_nodes[0], "STRATEGY")
    trader.limit(strategy, "LOSS_STREAK", "1", **COOL_DOWN)
    trader.round_trip("2000", "1990", NOW)
    assert trader.refused(after(1), strategy_id=strategy) == ["LOSS_STREAK"]
    assert trader.refused(after(1)) == []
    assert trader.refused(after(900), strategy_id=strategy) == []


def test_a_rearm_ends_a_cool_down(trader: Trader) -> None:
    trader.limit(trader.firm.desk, "LOSS_STREAK", "1", **COOL_DOWN)
    trader.round_trip("2000", "1990", NOW)
    assert trader.refused(after(1)) == ["LOSS_STREAK"]
    with trader.desk.transactions(trader.firm.tenant_id) as tx:
        change = StateChange(node_id=trader.firm.desk, reason="talked to")
        brakes.rearm(change, risk_manager(trader.firm), tx, after(2))
    assert trader.refused(after(3)) == []


def test_an_override_and_the_dates_of_a_streak_count_for_the_loss_too(trader: Trader) -> None:
    limit_id = trader.limit(trader.firm.desk, "LOSS_STREAK", "1", **COOL_DOWN)
    with trader.desk.transactions(trader.firm.tenant_id) as tx:
        told = override(tx, risk_manager(trader.firm), limit_id, "2")
        ada = risk_manager(trader.firm, "ada")
        overrides.approve_override(uuid.UUID(told["override_id"]), ada, tx, NOW)
    trader.limit(trader.firm.trader, "LOSS_STREAK", "1", valid_until=after(1), **COOL_DOWN)
    trader.round_trip("2000", "1990", after(2))
    assert trader.refused(after(3)) == []
    trader.round_trip("2000", "1990", after(4))
    assert trader.refused(after(5)) == ["LOSS_STREAK"]


def pay_in(desk: Desk, amount: str, *, account: int = 0, asset: str = "USDT") -> None:
    desk.admin(
        "INSERT INTO trading.balances (account_id, asset, tenant_id, total) VALUES (%s, %s, %s, %s)",
        desk.firm.account_ids[account],
        asset,
        desk.firm.tenant_id,
        Decimal(amount),
    )


def test_credit_is_what_the_balance_holds_less_open_buys_with_their_fees(trader: Trader) -> None:
    pay_in(trader.desk, "5000")
    trader.limit(trader.firm.account_nodes[0], "CREDIT", "0")
    assert trader.refused(NOW, "2.4976") == ["CREDIT"]
    assert trader.refused(NOW, "1") == []  # It holds 2002 now.
    assert trader.refused(NOW, "1.4976") == ["CREDIT"]
    assert trader.refused(NOW, "1.4975") == []
    assert trader.refused(NOW, "0.0025") == ["CREDIT"]
    assert trader.refused(NOW, "9", side=Side.SELL) == []


def test_a_buy_at_an_exchange_holds_the_fee_that_the_exchange_is_configured_with(trader: Trader) -> None:
    trader.desk.admin(
        "INSERT INTO market.venues (name, exchange, taker_fee, is_enabled) VALUES ('BINANCE', 'binance', 0.002, true)"
    )
    pay_in(trader.desk, "2004")
    trader.limit(trader.firm.desk, "CREDIT", "0")
    for venue in ("BINANCE", "SOR"):  # The router may take it there.
        assert trader.refused(NOW, "1.0001", venue=venue) == ["CREDIT"]
    assert trader.refused(NOW, "1", venue="BINANCE") == []
    assert trader.refused(NOW, "0.003", venue="BOOK") == ["CREDIT"]  # It holds all of 2004.
    trader.desk.admin("UPDATE trading.balances SET total = 4004")
    assert trader.refused(NOW, "1", venue="BOOK") == []  # No fee there.


def test_credit_is_spent_by_a_fill_and_comes_back_with_a_sale(trader: Trader) -> None:
    pay_in(trader.desk, "2002")
    trader.limit(trader.firm.account_nodes[0], "CREDIT", "0")
    trader.trade(Side.BUY, "2000", NOW)
    assert trader.desk.admin("SELECT total FROM trading.balances WHERE asset = 'USDT'") == [(Decimal(0),)]
    assert trader.refused(NOW, "0.0025") == ["CREDIT"]
    trader.trade(Side.SELL, "2000", after(1))  # 2000 less a fee of 2.
    assert trader.refused(after(2), "0.9981") == ["CREDIT"]
    assert trader.refused(after(2), "0.998") == []


def test_a_fill_that_the_balance_has_not_heard_of_is_spent_all_the_same(trader: Trader) -> None:
    """The saga settles the ledger with the engine's answer; the trade comes to the balances a moment later."""
    pay_in(trader.desk, "4004")
    trader.limit(trader.firm.desk, "CREDIT", "0")
    desk, model = trader.desk, trader.desk.model
    model.now_ns = nanoseconds(NOW)
    model.arrival = lambda model, live: model.fill(live.order.order_id, live.order.quantity)
    desk.run_saga(order_of(trader.firm, Side.BUY, "1", "2000"))
    assert desk.admin("SELECT total FROM trading.balances WHERE asset = 'USDT'") == [(Decimal(4004),)]
    for times_told in range(3):
        if times_told:
            desk.project_all()
        assert trader.refused(NOW, "1.0001") == ["CREDIT"]
    assert desk.admin("SELECT total FROM trading.balances WHERE asset = 'USDT'") == [(Decimal(2002),)]
    desk.run_saga(order_of(trader.firm, Side.SELL, "0.5", "2000"))  # 1000 less a fee of one.
    assert trader.refused(NOW, "1.4991") == ["CREDIT"]
    assert trader.refused(NOW, "1.499") == []
    desk.project_all()
    desk.assert_ledger_is_exact()


def test_a_fill_from_elsewhere_is_in_the_balance_at_once(trader: Trader) -> None:
    pay_in(trader.desk, "4004")
    trader.limit(trader.firm.desk, "CREDIT", "0")
    firm = trader.firm
    fill = ExternalFill(
        account_id=firm.account_ids[0],
        external_id="e1",
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(2000),
        venue="SIM",
        fee=Decimal(2),
        transact_time=NOW,
    )
    with trader.desk.transactions(firm.tenant_id) as tx:
        book_external_fill(fill, risk_manager(firm), tx, NOW)
        brakes.rearm(StateChange(node_id=firm.account_nodes[0], reason="known"), risk_manager(firm), tx, NOW)
    assert trader.refused(NOW, "1.0001") == ["CREDIT"]
    assert trader.refused(NOW, "1") == []


def test_credit_of_a_desk_is_what_all_its_accounts_hold_and_that_of_a_strategy_what_its_account_does(
    trader: Trader,
) -> None:
    pay_in(trader.desk, "2002")
    pay_in(trader.desk, "1001", account=1)
    pay_in(trader.desk, "99", asset="EUR")
    trader.limit(trader.firm.desk, "CREDIT", "0")
    with trader.desk.transactions(trader.firm.tenant_id) as tx:
        strategy = node(tx, risk_manager(trader.firm), trader.firm.account_nodes[0], "STRATEGY")
    trader.limit(strategy, "CREDIT", "0")
    assert trader.refused(NOW, "1.5001") == ["CREDIT"]
    assert trader.refused(NOW, "1.0001", strategy_id=strategy) == ["CREDIT"]
    assert trader.refused(NOW, "1", strategy_id=strategy) == []
    assert trader.refused(NOW, "0.5001", account=1) == ["CREDIT"]
    assert trader.refused(NOW, "0.5", account=1) == []


def test_leverage_is_of_all_that_the_account_owns_at_its_price(trader: Trader) -> None:
    pay_in(trader.desk, "1000")
    pay_in(trader.desk, "0.5", asset=SYMBOL.partition("/")[0])
    trader.limit(trader.firm.account_nodes[0], "LEVERAGE", "2")
    assert trader.refused(NOW, "2.0001") == ["LEVERAGE"]
    assert trader.refused(NOW, "2") == []
