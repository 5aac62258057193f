"""The watch against a real database: what happens although nobody asks."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.db.watch import WatchRows
from breakwater.domain.exposure import NodeState
from breakwater.domain.orders import OrdStatus, Side
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.errors import CancelsOutstanding, LimitExceeded
from breakwater.services import brakes, limit_settings, overrides
from breakwater.services.brakes import StateChange
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.limits import reserve_limits, settle
from breakwater.services.overrides import OverrideRequest
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, SYMBOL, Firm, order_of, reserve_and_record, set_reference, snapshot_of
from tests.integration.limits.test_limit_settings import Engine
from tests.integration.limits.watches import Watches


def watch_of(database: Database, engine: Engine | None = None, told: list[str] | None = None) -> Watches:
    tell: Callable[[str], None] = (told if told is not None else []).append
    return Watches(database.untenanted_transaction, database.tenant_transaction, engine or Engine(), tell)


def hold(urls: DatabaseUrls, firm: Firm, quantity: str, price: str, realised: str = "0") -> None:
    """The account's position, as its fills would have left it."""
    with psycopg.connect(urls.admin) as connection:
        connection.execute(
            "INSERT INTO trading.positions (account_id, symbol, tenant_id, quantity, average_price, realised_pnl,"
            " updated_at) VALUES (%s, %s, %s, %s, %s, %s, now())"
            " ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = excluded.quantity,"
            " average_price = excluded.average_price, realised_pnl = excluded.realised_pnl",
            (firm.account_ids[0], SYMBOL, firm.tenant_id, Decimal(quantity), Decimal(price), Decimal(realised)),
        )


def limit(database: Database, risk: Caller, node_id: uuid.UUID, limit_type: str, value: str, **more: Any) -> None:
    with database.tenant_transaction(risk.tenant_id) as tx:
        setting = LimitSetting(node_id=node_id, limit_type=limit_type, value=Decimal(value), **more)
        limit_settings.set_limit(setting, risk, tx, NOW)


def state_of(database: Database, firm: Firm, node_id: uuid.UUID) -> str:
    with database.tenant_transaction(firm.tenant_id) as tx:
        node = tx.limits.node(node_id, NOW)
    assert node is not None
    return node.state


def topics(urls: DatabaseUrls) -> list[str]:
    with psycopg.connect(urls.admin) as connection:
        return [row[0] for row in connection.execute("SELECT topic FROM trading.events ORDER BY occurred_at_ns")]


def at_price(urls: DatabaseUrls, price: str, at: datetime) -> datetime:
    set_reference(urls.admin, Decimal(price), at)
    return at


def test_a_loss_that_reaches_the_limit_passes_and_one_cent_more_lets_the_node_only_reduce(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    limit(database, risk, firm.desk, "DAILY_LOSS", "100")
    hold(database_urls, firm, "1", "2000")
    watch = watch_of(database)
    watch.run_round(at_price(database_urls, "2000", NOW - timedelta(seconds=1)))
    watch.run_round(at_price(database_urls, "1900", NOW))
    assert state_of(database, firm, firm.desk) == NodeState.ACTIVE
    watch.run_round(at_price(database_urls, "1899.99", NOW + timedelta(seconds=1)))
    assert state_of(database, firm, firm.desk) == NodeState.REDUCE_ONLY
    changes = topics(database_urls).count("limits.NodeStateChanged.v1")
    watch.run_round(at_price(database_urls, "1800", NOW + timedelta(seconds=2)))
    assert topics(database_urls).count("limits.NodeStateChanged.v1") == changes == 1


def test_a_new_session_begins_with_no_loss(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    limit(database, risk, firm.desk, "DAILY_LOSS", "100")
    hold(database_urls, firm, "1", "2000")
    watch = watch_of(database)
    watch.run_round(at_price(database_urls, "1950", NOW))
    tomorrow = NOW + timedelta(days=1)
    watch.run_round(at_price(database_urls, "1880", tomorrow))
    assert state_of(database, firm, firm.desk) == NodeState.ACTIVE  # 70 of today, though 120 in all.
    watch.run_round(at_price(database_urls, "1849", tomorrow + timedelta(seconds=1)))
    assert state_of(database, firm, firm.desk) == NodeState.REDUCE_ONLY


@pytest.mark.parametrize(("mode", "stops_at"), [("STATIC", "1899"), ("TRAILING", "1999"), ("END_OF_DAY", "1899")])
def test_a_drawdown_counts_from_where_its_mode_says(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller, *, mode: str, stops_at: str
) -> None:
    limit(database, risk, firm.desk, "DRAWDOWN", "100", parameters={"mode": mode})
    hold(database_urls, firm, "1", "2000")
    watch = watch_of(database)
    watch.run_round(at_price(database_urls, "2100", NOW))
    just_above = str(Decimal(stops_at) + 1)
    watch.run_round(at_price(database_urls, just_above, NOW + timedelta(seconds=1)))
    assert state_of(database, firm, firm.desk) == NodeState.ACTIVE
    watch.run_round(at_price(database_urls, stops_at, NOW + timedelta(seconds=2)))
    assert state_of(database, firm, firm.desk) == NodeState.REDUCE_ONLY


def test_without_a_fresh_mark_nothing_is_concluded_and_ten_minutes_later_orders_are_refused(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    limit(database, risk, firm.desk, "DAILY_LOSS", "100")
    hold(database_urls, firm, "1", "2000")
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
        settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, "1"))
    watch = watch_of(database)
    watch.run_round(at_price(database_urls, "1990", NOW))
    set_reference(database_urls.admin, Decimal(1), NOW - timedelta(minutes=1))
    watch.run_round(NOW + timedelta(seconds=10))
    assert state_of(database, firm, firm.desk) == NodeState.ACTIVE
    for minutes, is_refused in ((9, False), (11, True)):
        at = at_price(database_urls, "2000", NOW + timedelta(minutes=minutes))
        with database.tenant_transaction(firm.tenant_id) as tx:
            if not is_refused:
                reserve_and_record(tx, order_of(firm))
                continue
            with pytest.raises(LimitExceeded) as refusal:
                reserve_limits(tx, order_of(firm), at)
            (refused,) = refusal.value.extensions["refusals"]
            assert refused["missing"] == "profit and loss of Firm desk"


def test_a_silence_cancels_once_and_the_next_heartbeat_sets_the_switch_again(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    node_id = firm.account_nodes[0]
    limit(database, risk, node_id, "DEAD_MAN", "10")
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
        tx.limits.heartbeat(node_id, NOW)
    watch = watch_of(database, Engine(order))
    watch.run_round(NOW + timedelta(seconds=10))
    assert "limits.DeadManExpired.v1" not in topics(database_urls)
    watch.run_round(NOW + timedelta(seconds=11))
    watch.run_round(NOW + timedelta(seconds=13))
    assert topics(database_urls).count("limits.DeadManExpired.v1") == 1
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.open_orders(node_id) == []
        with pytest.raises(LimitExceeded) as refusal:
            reserve_limits(tx, order_of(firm), NOW + timedelta(seconds=4 + 10))
        assert [refused["limit_type"] for refused in refusal.value.extensions["refusals"]] == ["DEAD_MAN"]
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.limits.heartbeat(node_id, NOW + timedelta(seconds=20))
    watch.run_round(NOW + timedelta(seconds=31))
    assert topics(database_urls).count("limits.DeadManExpired.v1") == 2


def test_a_limit_that_kills_has_the_open_orders_cancelled_and_tries_again_until_the_engine_answers(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    limit(database, risk, firm.desk, "MAX_ORDER_QTY", "5", action="KILL")
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(LimitExceeded):
        reserve_limits(tx, order_of(firm, quantity="5.0001"), NOW)
    assert state_of(database, firm, firm.desk) == NodeState.KILLED
    told: list[str] = []
    watch_of(database, Engine(silent=True), told).run_round(NOW)
    assert told == [f"1 orders below {firm.desk} may still be open: the engine did not answer"]
    again = StateChange(node_id=firm.desk, reason="too early")
    with pytest.raises(CancelsOutstanding), database.tenant_transaction(firm.tenant_id) as tx:
        brakes.rearm(again, risk, tx, NOW)
    assert state_of(database, firm, firm.desk) == NodeState.KILLED
    watch = watch_of(database, Engine(order))
    watch.run_round(NOW + timedelta(seconds=2))
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.open_orders(firm.desk) == []
        assert tx.watch.nodes_to_cancel() == []
        assert brakes.rearm(again, risk, tx, NOW)["state"] == NodeState.ACTIVE


def test_a_watch_that_comes_late_to_a_kill_cancels_nothing_placed_since_the_node_was_armed_again(
    database: Database, firm: Firm, risk: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(database, risk, firm.desk, "DAILY_LOSS", "100")  # It has a tenant to look at.
    change = StateChange(node_id=firm.desk, reason="an exercise")
    order = order_of(firm)
    requested = WatchRows.nodes_to_cancel

    def read_before_all_this(rows: WatchRows) -> list[tuple[uuid.UUID, datetime]]:
        brakes.kill(change, risk, database.tenant_transaction, Engine(), NOW)
        assert requested(rows) == []
        with database.tenant_transaction(firm.tenant_id) as tx:
            brakes.rearm(change, risk, tx, NOW)
            reserve_and_record(tx, order)
        return [(firm.desk, NOW)]

    monkeypatch.setattr(WatchRows, "nodes_to_cancel", read_before_all_this)
    watch_of(database, Engine(order)).run_round(NOW)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert [each.order_id for each in tx.limits.open_orders(firm.desk)] == [order.order_id]


def test_the_end_of_an_override_is_told_once(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    limit(database, risk, firm.desk, "MAX_ORDER_QTY", "5")
    other = Caller(firm.tenant_id, "two", "two", Role.RISK_MANAGER, frozenset({SESSION_SCOPE}), correlation_id="c")
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit_id = tx.limit_settings.of_node(firm.desk)[0].limit_id
        assert limit_id is not None
        request = OverrideRequest(
            limit_id=limit_id, value=Decimal(9), ends_at=NOW + timedelta(minutes=5), reason="a client"
        )
        override = overrides.request_override(request, risk, tx, NOW)
        overrides.approve_override(uuid.UUID(override["override_id"]), other, tx, NOW)
        reserve_and_record(tx, order_of(firm, quantity="9"))
    watch = watch_of(database)
    after = NOW + timedelta(minutes=5)
    set_reference(database_urls.admin, Decimal(2000), after)
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(LimitExceeded):
        reserve_limits(tx, order_of(firm, quantity="9"), after)  # It has ended, whether or not anybody was told.
    watch.run_round(after)
    watch.run_round(after + timedelta(seconds=1))
    assert topics(database_urls).count("limits.OverrideChanged.v1") == 3


def test_a_rearmed_node_that_is_still_beyond_its_loss_only_reduces_again(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    limit(database, risk, firm.desk, "DAILY_LOSS", "100")
    hold(database_urls, firm, "1", "2000")
    watch = watch_of(database)
    watch.run_round(at_price(database_urls, "2000", NOW - timedelta(seconds=1)))
    watch.run_round(at_price(database_urls, "1800", NOW))
    with database.tenant_transaction(firm.tenant_id) as tx:
        brakes.rearm(StateChange(node_id=firm.desk, reason="looked at"), risk, tx, NOW)
    watch.run_round(at_price(database_urls, "1801", NOW + timedelta(seconds=1)))
    assert state_of(database, firm, firm.desk) == NodeState.REDUCE_ONLY
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(LimitExceeded):
        reserve_limits(tx, order_of(firm, Side.BUY), NOW)


def test_what_was_opened_in_this_session_had_no_profit_when_it_began(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    hold(database_urls, firm, "1", "2000", realised="-30")
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO trading.trades (trade_id, tenant_id, account_id, order_id, symbol, side, last_qty, last_px,"
            " liquidity, fee, fee_currency, realised_pnl, venue, engine_seq, transact_time)"
            " VALUES (%s, %s, %s, %s, %s, 'BUY', 1, 2000, 'TAKER', 0, 'USDT', -30, 'SIM', 1, %s)",
            (uuid.uuid4(), firm.tenant_id, firm.account_ids[0], uuid.uuid4(), SYMBOL, NOW),
        )
    limit(database, risk, firm.desk, "DAILY_LOSS", "100")
    watch = watch_of(database)
    watch.run_round(at_price(database_urls, "1930", NOW))  # 30 realised and 70 open, all of today.
    assert state_of(database, firm, firm.desk) == NodeState.ACTIVE
    watch.run_round(at_price(database_urls, "1929", NOW + timedelta(seconds=1)))
    assert state_of(database, firm, firm.desk) == NodeState.REDUCE_ONLY
