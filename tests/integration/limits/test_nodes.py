"""The scope tree as people build it: nodes come, move with all that has filled below them, and go."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.domain.orders import OrdStatus, Side
from breakwater.domain.permissions import Caller
from breakwater.errors import InvalidRequest, NodeInUse, NotFound
from breakwater.services import limit_settings, limit_tree, nodes
from breakwater.services.limits import settle
from events.limits import ScopeChanged
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, order_of, reserve_and_record, set_reference, snapshot_of
from tests.integration.limits.people import (
    API_KEY,
    add_api_key,
    change,
    events_of,
    exposure_at,
    limit,
    node,
    refused_by,
)

STANDS = ("filled_qty", "traded_notional", "session_order_count")


def fill(tx: TenantTransaction, firm: Firm, quantity: str = "1", side: Side = Side.BUY, *, account: int = 0) -> None:
    order = order_of(firm, side, quantity, account=account)
    reserve_and_record(tx, order)
    assert settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, quantity))


def stands(tx: TenantTransaction, node_id: uuid.UUID) -> tuple[object, ...]:
    exposure = exposure_at(tx, node_id)
    return tuple(getattr(exposure, name) for name in STANDS)


def path_of(tx: TenantTransaction, node_id: uuid.UUID) -> list[uuid.UUID]:
    found = tx.limits.node(node_id, NOW)
    assert found is not None
    return list(found.path)


def test_a_new_node_stands_below_its_parent_with_its_calendar(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    change(tx, risk, firm.desk, time_zone="Asia/Tokyo", session_start="06:30")
    trader = node(tx, risk, firm.desk, "TRADER", "  Ada ")
    assert path_of(tx, trader) == [firm.firm, firm.desk, trader]
    found = tx.limits.node(trader, NOW)
    assert found is not None
    assert (found.name, found.state, found.time_zone) == ("Ada", "ACTIVE", "Asia/Tokyo")
    assert found.session_start == timedelta(hours=6, minutes=30)
    told = events_of(tx, ScopeChanged.topic)
    assert [(each["node_name"], each["change"], each["changed_by"]) for each in told] == [
        ("Firm desk", "CHANGED", "risk"),
        ("Ada", "CREATED", "risk"),
    ]


@pytest.mark.parametrize(
    ("parent", "kind"),
    [
        ("desk", "DESK"),
        ("trader", "DESK"),
        ("trader", "TRADER"),
        ("account", "TRADER"),
        ("firm", "STRATEGY"),
        ("trader", "STRATEGY"),
        ("desk", "API_KEY"),
        ("strategy", "STRATEGY"),
    ],
)
def test_a_kind_out_of_its_place_is_refused(
    tx: TenantTransaction, firm: Firm, risk: Caller, parent: str, kind: str
) -> None:
    parents = {"firm": firm.firm, "desk": firm.desk, "trader": firm.trader, "account": firm.account_nodes[0]}
    parents["strategy"] = node(tx, risk, firm.account_nodes[0], "STRATEGY")
    with pytest.raises(InvalidRequest):
        node(tx, risk, parents[parent], kind, api_key_id=API_KEY if kind == "API_KEY" else None)


def test_a_level_may_be_left_out(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    trader = node(tx, risk, firm.firm, "TRADER")
    assert path_of(tx, trader) == [firm.firm, trader]


def test_a_key_has_one_place_and_is_one_that_exists(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls
) -> None:
    account = firm.account_nodes[0]
    with pytest.raises(NotFound, match="no such API key"):
        node(tx, risk, account, "API_KEY", api_key_id=API_KEY)
    add_api_key(database_urls.admin, firm)
    node(tx, risk, account, "API_KEY", api_key_id=API_KEY)
    for parent in firm.account_nodes:
        with pytest.raises(InvalidRequest, match="already"):
            node(tx, risk, parent, "API_KEY", api_key_id=API_KEY)
    with pytest.raises(InvalidRequest):
        node(tx, risk, account, "API_KEY")
    with pytest.raises(InvalidRequest):
        node(tx, risk, account, "STRATEGY", api_key_id=API_KEY)


def test_a_node_that_moves_takes_along_what_filled_below_it(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    other = node(tx, risk, firm.firm, "DESK", "other")
    fill(tx, firm, "3")
    fill(tx, firm, "1", Side.SELL)
    fill(tx, firm, "5", account=1)
    assert tx.limits.ledger_differences() == []
    moved, stays = firm.account_nodes
    change(tx, risk, moved, parent_id=other)
    assert tx.limits.ledger_differences() == []
    assert path_of(tx, moved) == [firm.firm, other, moved]
    assert stands(tx, firm.firm) == (Decimal(7), Decimal(18000), 3)
    assert stands(tx, other) == stands(tx, moved) == (Decimal(2), Decimal(8000), 2)
    assert stands(tx, firm.desk) == stands(tx, firm.trader) == stands(tx, stays) == (Decimal(5), Decimal(10000), 1)
    change(tx, risk, moved, parent_id=firm.trader)
    assert tx.limits.ledger_differences() == []
    assert stands(tx, firm.trader) == (Decimal(7), Decimal(18000), 3)
    assert stands(tx, other) == (0, 0, 0)


def test_the_only_account_of_a_desk_leaves_nothing_behind(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    other = node(tx, risk, firm.firm, "DESK", "other")
    fill(tx, firm)
    change(tx, risk, firm.trader, parent_id=other)
    assert tx.limits.ledger_differences() == []
    assert stands(tx, firm.desk) == (0, 0, 0)
    assert stands(tx, other) == (Decimal(1), Decimal(2000), 1)
    assert path_of(tx, firm.account_nodes[1]) == [firm.firm, other, firm.trader, firm.account_nodes[1]]


def test_a_node_that_has_moved_meets_the_limits_of_its_new_place(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    other = node(tx, risk, firm.firm, "DESK", "other")
    limit(tx, risk, firm.desk, "DAILY_TRADED_NOTIONAL", "2000")
    limit(tx, risk, other, "DAILY_TRADED_NOTIONAL", "4000")
    fill(tx, firm)
    assert refused_by(tx, order_of(firm, quantity="0.0025")) == ["DAILY_TRADED_NOTIONAL"]
    change(tx, risk, firm.account_nodes[0], parent_id=other)
    assert refused_by(tx, order_of(firm, quantity="1.0001")) == ["DAILY_TRADED_NOTIONAL"]
    assert refused_by(tx, order_of(firm, quantity="1")) == []
    assert refused_by(tx, order_of(firm, quantity="1", account=1)) == []  # The old desk is free of it.


def test_a_node_moves_between_desks_whose_days_begin_at_other_hours(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls
) -> None:
    """It is noon in London on Monday, and in Auckland it is Tuesday already."""
    other = node(tx, risk, firm.firm, "DESK", "Auckland")
    change(tx, risk, other, time_zone="Pacific/Auckland")
    guest, host = firm.account_nodes
    change(tx, risk, host, parent_id=other)
    change(tx, risk, host, time_zone="Pacific/Auckland")
    fill(tx, firm, "3", account=0)
    fill(tx, firm, "5", account=1)
    change(tx, risk, guest, parent_id=other)
    assert tx.limits.ledger_differences() == []
    assert stands(tx, other) == (Decimal(8), Decimal(16000), 2)
    assert stands(tx, firm.desk) == (0, 0, 0)
    fill(tx, firm, "1", account=0)
    change(tx, risk, guest, parent_id=firm.trader)
    assert tx.limits.ledger_differences() == []
    assert stands(tx, other) == (Decimal(5), Decimal(10000), 1)
    assert stands(tx, firm.desk) == (Decimal(4), Decimal(8000), 2)
    change(tx, risk, host, parent_id=firm.trader)
    assert tx.limits.ledger_differences() == []
    assert stands(tx, firm.desk) == (Decimal(9), Decimal(18000), 3)
    assert stands(tx, other) == (0, 0, 0)


def test_what_traded_on_a_day_that_is_over_does_not_come_along_into_this_one(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls
) -> None:
    other = node(tx, risk, firm.firm, "DESK", "other")
    fill(tx, firm, "3")
    # As if its fill had been told when it came.
    tx.connection.execute("UPDATE limits.reservations SET updated_at = created_at")
    tomorrow = NOW + timedelta(days=1)
    set_reference(database_urls.admin, Decimal(2000), tomorrow)
    change(tx, risk, firm.account_nodes[0], at=tomorrow, parent_id=other)
    limit(tx, risk, other, "DAILY_TRADED_NOTIONAL", "2000", at=tomorrow)
    assert refused_by(tx, order_of(firm, quantity="1", at=tomorrow)) == []
    assert tx.limits.ledger_differences() == []
    assert exposure_at(tx, other, tomorrow).filled_qty == 3


def test_an_order_that_rested_over_midnight_counts_whole_on_the_day_it_filled_at_the_new_place(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    """Nobody knows which part of it traded after midnight: too much is on the safe side."""
    other = node(tx, risk, firm.firm, "DESK", "other")
    order, tomorrow = order_of(firm, quantity="4"), NOW + timedelta(days=1)
    reserve_and_record(tx, order)
    settle(tx, snapshot_of(order, 1, OrdStatus.PARTIALLY_FILLED, "1"))
    settle(tx, snapshot_of(order, 2, OrdStatus.FILLED, "4", at=tomorrow))
    assert exposure_at(tx, firm.desk, tomorrow).traded_notional == 6000
    change(tx, risk, firm.account_nodes[0], at=tomorrow, parent_id=other)
    assert tx.limits.ledger_differences() == []
    assert exposure_at(tx, other, tomorrow).traded_notional == 8000
    assert exposure_at(tx, other, tomorrow).session_order_count == 0
    assert exposure_at(tx, firm.desk, tomorrow).traded_notional == 0


def test_a_node_below_itself_is_a_cycle_and_refused(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    for node_id, parent_id in (
        (firm.desk, firm.trader),
        (firm.desk, firm.desk),
        (firm.firm, firm.account_nodes[0]),
        (firm.trader, firm.account_nodes[0]),
    ):
        with pytest.raises(InvalidRequest, match="below"):
            change(tx, risk, node_id, parent_id=parent_id)
    assert path_of(tx, firm.account_nodes[0]) == list(firm.path)


def test_a_strategy_stays_with_its_account(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    strategy = node(tx, risk, firm.account_nodes[0], "STRATEGY")
    with pytest.raises(InvalidRequest, match="stays with its account"):
        change(tx, risk, strategy, parent_id=firm.account_nodes[1])
    with pytest.raises(InvalidRequest):
        change(tx, risk, strategy, parent_id=firm.trader)


def test_nothing_moves_while_orders_below_it_are_open(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    other = node(tx, risk, firm.firm, "DESK", "other")
    order = order_of(firm)
    reserve_and_record(tx, order)
    for moving in (firm.account_nodes[0], firm.trader):
        with pytest.raises(NodeInUse):
            change(tx, risk, moving, parent_id=other)
    change(tx, risk, firm.account_nodes[1], parent_id=other)  # Nothing is open below that one.
    settle(tx, snapshot_of(order, 1, OrdStatus.CANCELED))
    change(tx, risk, firm.account_nodes[0], parent_id=other)
    assert tx.limits.ledger_differences() == []


def test_another_name_changes_nothing_else(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    limit(tx, risk, firm.desk, "LONG_POSITION", "1")
    assert change(tx, risk, firm.desk, name="Desk B")["name"] == "Desk B"
    assert path_of(tx, firm.trader) == [firm.firm, firm.desk, firm.trader]
    (usage,) = limit_tree.usage(firm.desk, risk, tx, NOW)["items"]
    assert usage["value"] == "1"


def test_a_node_goes_only_while_nothing_was_ever_reserved_set_or_built_on_it(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    desk = node(tx, risk, firm.firm, "DESK")
    trader = node(tx, risk, desk, "TRADER")
    with pytest.raises(NodeInUse):
        nodes.delete_node(desk, risk, tx, NOW)
    nodes.delete_node(trader, risk, tx, NOW)
    limit_id = limit(tx, risk, desk, "LONG_POSITION", "1")["limit_id"]
    with pytest.raises(NodeInUse):
        nodes.delete_node(desk, risk, tx, NOW)
    limit_settings.delete_limit(uuid.UUID(limit_id), risk, tx, NOW)
    nodes.delete_node(desk, risk, tx, NOW)
    with pytest.raises(NotFound):
        nodes.delete_node(desk, risk, tx, NOW)
    strategy = node(tx, risk, firm.account_nodes[0], "STRATEGY")
    order = order_of(firm, strategy_id=strategy)
    reserve_and_record(tx, order)
    settle(tx, snapshot_of(order, 1, OrdStatus.CANCELED))
    with pytest.raises(NodeInUse):
        nodes.delete_node(strategy, risk, tx, NOW)
    for stays in (firm.firm, firm.account_nodes[1]):
        with pytest.raises(InvalidRequest):
            nodes.delete_node(stays, risk, tx, NOW)
