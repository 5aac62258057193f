"""A recorded day under other limits, from a real database."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.domain.orders import OrdStatus, PlaceOrder, Side
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.errors import InvalidRequest, NotFound
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.limits import settle
from breakwater.services.what_if import WhatIf, what_if
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, SYMBOL, Firm, create_firm, order_of, reserve_and_record, snapshot_of

LATER = NOW + timedelta(hours=6)


@pytest.fixture
def risk(firm: Firm) -> Caller:
    return Caller(firm.tenant_id, "risk", "risk", Role.RISK_MANAGER, frozenset({SESSION_SCOPE}), correlation_id="c")


class Recorder:
    """Writes orders and their fills as the saga and the projections leave them."""

    def __init__(self, database: Database, urls: DatabaseUrls, firm: Firm) -> None:
        self._database, self._urls, self._firm = database, urls, firm
        self._minutes = 0

    def filled(self, side: Side, quantity: str, price: str) -> PlaceOrder:
        self._minutes += 1
        at = NOW + timedelta(minutes=self._minutes)
        order = order_of(self._firm, side, quantity, price)
        with self._database.tenant_transaction(self._firm.tenant_id) as tx:
            reserve_and_record(tx, order)
            settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, quantity, price))
        with psycopg.connect(self._urls.admin) as connection:
            connection.execute(
                "UPDATE trading.orders SET created_at = %s, updated_at = %s, status = 'FILLED', leaves_qty = 0,"
                " cum_qty = quantity WHERE order_id = %s",
                (at, at + timedelta(seconds=1), order.order_id),
            )
            connection.execute(
                "INSERT INTO trading.trades (trade_id, tenant_id, account_id, order_id, symbol, side, last_qty,"
                " last_px, liquidity, fee, fee_currency, realised_pnl, venue, engine_seq, transact_time)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'TAKER', 0, 'USDT', 0, 'SIM', 1, %s)",
                (
                    *(uuid.uuid4(), self._firm.tenant_id, self._firm.account_ids[0], order.order_id, SYMBOL, side),
                    *(Decimal(quantity), Decimal(price), at + timedelta(milliseconds=500)),
                ),
            )
        return order


@pytest.fixture
def recorder(database: Database, database_urls: DatabaseUrls, firm: Firm) -> Recorder:
    return Recorder(database, database_urls, firm)


def ask(database: Database, firm: Firm, risk: Caller, *changes: dict[str, Any], **about: Any) -> Any:
    settings = [LimitSetting(**({"node_id": firm.desk} | change)) for change in changes]
    with database.tenant_transaction(firm.tenant_id) as tx:
        return what_if(WhatIf(day=about.pop("day", NOW.date()), changes=settings, **about), risk, tx, LATER)


def test_what_a_tighter_limit_would_have_refused_has_not_traded(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.BUY, "1", "2000")
    third = recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.SELL, "1", "1900")
    answer = ask(database, firm, risk, {"limit_type": "LONG_POSITION", "value": Decimal(2)})
    assert (answer["judged_count"], answer["refused_count"], answer["passed_count"]) == (4, 1, 0)
    (refused,) = answer["refused"]
    assert refused["order_id"] == str(third.order_id)
    assert [(r["limit_type"], r["largest_passing_quantity"]) for r in refused["refusals"]] == [("LONG_POSITION", "0")]
    pnl = {told["node_id"]: (told["actual"], told["what_if"]) for told in answer["pnl"]}
    assert pnl[str(firm.account_nodes[0])] == ("-300", "-200")  # One sold at a loss of 100; two, or one, held at 1900.
    peaks = {(told["node_id"], told["symbol"]): told["peak_position"] for told in answer["exposure"]}
    assert peaks[str(firm.desk), SYMBOL] == "2"


def test_at_the_limit_everything_goes_as_it_went(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    recorder.filled(Side.BUY, "1", "2010")
    answer = ask(database, firm, risk, {"limit_type": "LONG_POSITION", "value": Decimal(2)})
    assert answer["refused"] == []
    assert all(told["actual"] == told["what_if"] for told in answer["pnl"])


def test_limits_on_a_node_elsewhere_change_nothing_here(
    database: Database, firm: Firm, risk: Caller, recorder: Recorder
) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    change = {"node_id": firm.account_nodes[1], "limit_type": "LONG_POSITION", "value": Decimal("0.1")}
    assert ask(database, firm, risk, change)["refused_count"] == 0


def test_asking_writes_nothing(database: Database, firm: Firm, risk: Caller, recorder: Recorder) -> None:
    recorder.filled(Side.BUY, "1", "2000")
    with database.tenant_transaction(firm.tenant_id) as tx:
        before = tx.limits.scopes(NOW)
    ask(database, firm, risk, {"limit_type": "MAX_ORDER_QTY", "value": Decimal("0.5")})
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.scopes(NOW) == before
        assert tx.limits.ledger_differences() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"limit_type": "MARGIN", "value": Decimal(1)}, "limit_type"),
        ({"limit_type": "NO_SUCH_TYPE", "value": Decimal(1)}, "limit_type"),
        ({"limit_type": "MAX_ORDER_QTY", "value": Decimal(-1)}, "value"),
        ({"limit_type": "DAILY_LOSS", "value": Decimal(1), "currency": "ETH"}, "currency"),
        ({"limit_type": "MESSAGE_RATE", "value": Decimal(1), "parameters": {"window_s": 0}}, "parameters.window_s"),
        ({"node_id": uuid.uuid4(), "limit_type": "MAX_ORDER_QTY", "value": Decimal(1)}, "node_id"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_at_the_change(
    database: Database, firm: Firm, risk: Caller, *, change: dict[str, Any], field: str
) -> None:
    with pytest.raises((InvalidRequest, NotFound)) as refusal:
        ask(database, firm, risk, change)
    assert refusal.value.extensions["field"] == f"changes.0.{field}"


def test_a_day_to_come_and_another_organisations_node_are_refused(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    change = {"limit_type": "MAX_ORDER_QTY", "value": Decimal(1)}
    with pytest.raises(InvalidRequest):
        ask(database, firm, risk, change, day=NOW.date() + timedelta(days=1))
    stranger = create_firm(database_urls.admin, "Stranger")
    with pytest.raises(NotFound):
        ask(database, firm, risk, change | {"node_id": stranger.desk})
    with pytest.raises(NotFound):
        ask(database, firm, risk, change, node_id=stranger.desk)
