"""Read models that are wrong are made again from the events, and what is right stays as it is."""

import threading
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from breakwater.db.connection import Database
from breakwater.db.organisation import OrganisationRows
from breakwater.domain.orders import Side
from breakwater.domain.permissions import Caller
from breakwater.errors import NotFound, NotPermitted
from breakwater.services import rebuild
from breakwater.services.external_fills import ExternalFill, book_external_fill
from breakwater.services.projections import project
from tests.integration.limits.firm import create_firm, order_of
from tests.integration.operations.store import operator, store
from tests.integration.orders.conftest import Desk

AT = datetime(2026, 11, 1, tzinfo=UTC)
TABLES = {
    "trades": "SELECT * FROM trading.trades ORDER BY trade_id",
    "positions": """SELECT symbol, quantity, average_price, realised_pnl, fees, flat_pnl FROM trading.positions
                    ORDER BY symbol""",
    "balances": "SELECT asset, total FROM trading.balances ORDER BY asset",
    "orders": """SELECT order_id, status, quantity, cum_qty, leaves_qty, cum_notional, reject_code, engine_seq
                 FROM trading.orders ORDER BY order_id""",
}


def read_models(desk: Desk) -> dict[str, list[Any]]:
    return {name: desk.admin(query) for name, query in TABLES.items()}


def traded(desk: Desk) -> uuid.UUID:
    """An account that began with money, bought, sold some of it, and has an order that rests; its id."""
    account_id = desk.firm.account_ids[0]
    with desk.transactions(desk.firm.tenant_id) as tx:
        OrganisationRows(tx.connection, tx.tenant_id).add_balance(account_id, "USDT", Decimal(100_000))
    bought, sold = order_of(desk.firm, quantity="2"), order_of(desk.firm, Side.SELL, "1", "2050")
    rests = order_of(desk.firm, quantity="3")
    for order in (bought, sold, rests):
        desk.run_saga(order)
    desk.model.fill(bought.order_id, Decimal("0.5"))
    desk.model.fill(bought.order_id, Decimal("1.5"), Decimal("1990"))
    desk.model.fill(sold.order_id, Decimal(1))
    desk.model.fill(rests.order_id, Decimal(1))
    store(desk.urls.admin, desk.model.events)
    desk.project_all()
    return account_id


def made_again(desk: Desk, account_id: uuid.UUID, caller: Caller | None = None) -> rebuild.Rebuilt:
    return rebuild.rebuild(account_id, caller or operator(desk.firm.tenant_id), desk.transactions, AT)


def corrected(told: rebuild.Rebuilt) -> dict[str, int]:
    return {name: len(told[name]) for name in ("trades", "positions", "balances", "orders")}


def test_what_is_right_stays_as_it_is(desk: Desk) -> None:
    account_id = traded(desk)
    before = read_models(desk)
    told = made_again(desk, account_id)
    assert corrected(told) == {"trades": 0, "positions": 0, "balances": 0, "orders": 0}
    assert told["events"] >= 4
    assert read_models(desk) == before


def test_what_is_wrong_is_made_as_the_events_say(desk: Desk) -> None:
    account_id = traded(desk)
    before = read_models(desk)
    desk.admin("UPDATE trading.positions SET quantity = 7, realised_pnl = realised_pnl + 1 RETURNING 1")
    desk.admin("UPDATE trading.balances SET total = total - 5 WHERE asset = 'USDT' RETURNING 1")
    desk.admin("UPDATE trading.orders SET status = 'NEW', cum_qty = 0 WHERE status = 'FILLED' RETURNING 1")
    lost, *_ = before["trades"]
    desk.admin(f"DELETE FROM trading.trades WHERE trade_id = '{lost[0]}' RETURNING 1")
    desk.admin("UPDATE trading.trades SET realised_pnl = realised_pnl + 3 WHERE side = 'SELL' RETURNING 1")
    told = made_again(desk, account_id)
    assert read_models(desk) == before
    assert told["positions"][0]["quantity_before"] == "7"
    assert told["balances"][0]["asset"] == "USDT"
    assert str(lost[0]) in told["trades"]
    assert corrected(told)["orders"] == 2
    assert corrected(made_again(desk, account_id)) == {"trades": 0, "positions": 0, "balances": 0, "orders": 0}


def test_who_had_it_made_stands_in_the_trail(desk: Desk) -> None:
    account_id = traded(desk)
    made_again(desk, account_id)
    (payload,) = desk.admin("SELECT payload FROM trading.events WHERE topic = 'operations.ReadModelsRebuilt.v1'")
    assert (payload[0]["account_id"], payload[0]["rebuilt_by"]) == (str(account_id), "operator")


def test_what_the_projections_have_not_taken_is_left_to_them(desk: Desk) -> None:
    account_id = traded(desk)
    late = order_of(desk.firm, quantity="1")
    desk.run_saga(late)
    desk.model.fill(late.order_id, Decimal(1))
    store(desk.urls.admin, desk.model.events)
    before = read_models(desk)
    made_again(desk, account_id)
    assert read_models(desk) == before
    desk.project_all()
    assert desk.row(late).cum_qty == Decimal(1)
    after = read_models(desk)
    assert corrected(made_again(desk, account_id)) == {"trades": 0, "positions": 0, "balances": 0, "orders": 0}
    assert read_models(desk) == after


def test_a_fill_from_elsewhere_counts_whether_or_not_the_relay_has_numbered_it(desk: Desk) -> None:
    account_id = traded(desk)
    risk = Caller(
        tenant_id=desk.firm.tenant_id,
        subject="s",
        username="risk",
        role="risk_manager",
        scopes=frozenset({"session"}),
        correlation_id="c",
    )
    fill = ExternalFill.model_validate(
        {
            "account_id": account_id,
            "external_id": "venue-7",
            "symbol": "ETH/USDT",
            "side": "BUY",
            "quantity": "0.5",
            "price": "2000",
            "transact_time": AT,
        }
    )
    with desk.transactions(desk.firm.tenant_id) as tx:
        book_external_fill(fill, risk, tx, datetime.now(UTC))
    before = read_models(desk)
    assert corrected(made_again(desk, account_id))["positions"] == 0
    desk.admin(
        """INSERT INTO trading.account_feed (account_id, sequence, event_id, tenant_id)
           SELECT account_id, 1000, event_id, tenant_id FROM trading.events
           WHERE topic = 'limits.ExternalFillBooked.v1' RETURNING 1"""
    )
    assert corrected(made_again(desk, account_id))["positions"] == 0
    assert read_models(desk) == before


def test_a_trade_without_an_event_is_named_and_left(desk: Desk) -> None:
    account_id = traded(desk)
    stray = uuid.uuid4()
    desk.admin(
        f"""INSERT INTO trading.trades (trade_id, tenant_id, account_id, order_id, symbol, side, last_qty, last_px,
              liquidity, fee, fee_currency, realised_pnl, venue, engine_seq, transact_time)
            SELECT '{stray}', tenant_id, account_id, order_id, symbol, side, last_qty, last_px, liquidity, fee,
              fee_currency, realised_pnl, venue, engine_seq, transact_time FROM trading.trades LIMIT 1 RETURNING 1"""
    )
    assert made_again(desk, account_id)["unknown_trades"] == [str(stray)]


def test_fills_that_come_while_it_is_made_are_all_booked_once(desk: Desk) -> None:
    account_id = traded(desk)
    orders = [order_of(desk.firm, quantity="1") for _ in range(6)]
    for order in orders:
        desk.run_saga(order)
        desk.model.fill(order.order_id, Decimal(1))
    store(desk.urls.admin, desk.model.events)
    desk.admin("UPDATE trading.positions SET quantity = 7 RETURNING 1")

    def project_them() -> None:
        database = Database(lambda: desk.urls.functions)
        for envelope in desk.model.events:
            project(envelope, database.tenant_transaction)
        database.close()

    others = threading.Thread(target=project_them)
    others.start()
    while others.is_alive():
        made_again(desk, account_id)
    others.join(timeout=30)
    made_again(desk, account_id)
    assert desk.admin("SELECT quantity FROM trading.positions") == [(Decimal(8),)]
    assert corrected(made_again(desk, account_id)) == {"trades": 0, "positions": 0, "balances": 0, "orders": 0}
    desk.assert_ledger_is_exact()


def test_an_account_of_another_organisation_is_not_there(desk: Desk) -> None:
    account_id = traded(desk)
    with pytest.raises(NotFound):
        made_again(desk, account_id, operator(create_firm(desk.urls.admin, "Others").tenant_id))


def test_whoever_runs_no_platform_makes_nothing_again(desk: Desk) -> None:
    account_id = traded(desk)
    admin = Caller(
        tenant_id=desk.firm.tenant_id,
        subject="s",
        username="admin",
        role="organisation_admin",
        scopes=frozenset({"session"}),
        correlation_id="c",
    )
    with pytest.raises(NotPermitted):
        made_again(desk, account_id, admin)
