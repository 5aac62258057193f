import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.orders import OrderSnapshot, OrdStatus, PlaceOrder, Side
from breakwater.domain.permissions import Caller
from breakwater.errors import (
    EngineUnavailable,
    InvalidRequest,
    LimitExceeded,
    NodeStopped,
    NotFound,
    NotPermitted,
    OrderRefused,
)
from breakwater.services import brakes, limit_settings, limit_tree, order_saga
from breakwater.services.brakes import Brake, StateChange
from breakwater.services.engine_client import CanceledOrders, EngineClient
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.limit_views import LimitTreeNode
from breakwater.services.limits import reserve_limits, settle
from events.limits import LimitChanged
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import (
    NOW,
    SYMBOL,
    Firm,
    create_firm,
    order_of,
    reserve_and_record,
    set_limit,
    snapshot_of,
)

UNKNOWN_SYMBOL = {
    "limit_type": "RESTRICTED_LIST",
    "value": None,
    "parameters": {"mode": "DENY", "symbols": ["XRP/USDT"]},
}


class Engine(EngineClient):
    """Stands in for the engine: it cancels the orders it has, voids those it has not, or does not answer at all."""

    def __init__(self, *orders: PlaceOrder, silent: bool = False) -> None:
        self._orders = orders
        self._silent = silent
        self.voided: list[uuid.UUID] = []

    def cancel_all(
        self, account_ids: Sequence[uuid.UUID], *, tenant_id: uuid.UUID, correlation_id: str
    ) -> CanceledOrders:
        if self._silent:
            raise EngineUnavailable("the engine did not answer")
        mine = [order for order in self._orders if order.terms.account_id in account_ids]
        return CanceledOrders(canceled=[snapshot_of(order, 2, OrdStatus.CANCELED) for order in mine], failed=[])

    def void(
        self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, account_id: uuid.UUID, symbol: str, correlation_id: str
    ) -> OrderSnapshot:
        self.voided.append(order_id)
        return OrderSnapshot(
            order_id=order_id,
            status=OrdStatus.REJECTED,
            quantity=Decimal(1),
            cum_qty=Decimal(0),
            leaves_qty=Decimal(0),
            cum_notional=Decimal(0),
            engine_seq=1,
            transact_time_ns=0,
        )


def node_ids(node: LimitTreeNode) -> set[str]:
    return {node["node_id"]}.union(*(node_ids(child) for child in node["children"]))


def setting(node_id: uuid.UUID, limit_type: str = "LONG_POSITION", value: str = "10", **more: Any) -> LimitSetting:
    return LimitSetting(node_id=node_id, limit_type=limit_type, value=Decimal(value), **more)


def test_setting_a_limit_again_replaces_it_under_the_same_id(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    first = limit_settings.set_limit(setting(firm.desk), risk, tx, NOW)
    second = limit_settings.set_limit(setting(firm.desk, value="12.50"), risk, tx, NOW)
    assert (first["limit_id"], first["warnings"]) == (second["limit_id"], [])
    assert second["value"] == "12.50"
    assert len(limit_tree.usage(firm.desk, risk, tx, NOW)["items"]) == 1


def test_a_limit_that_has_no_effect_or_is_below_use_is_answered_with_a_warning(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    limit_settings.set_limit(setting(firm.firm), risk, tx, NOW)
    reserve_and_record(tx, order_of(firm, quantity="3"))
    looser = limit_settings.set_limit(setting(firm.desk, value="11", instrument=SYMBOL), risk, tx, NOW)
    offset = "it has no effect, unless others below Firm firm offset it: Firm firm allows 10"
    assert (looser["warnings"], looser["stricter_above"]) == ([offset], str(firm.firm))
    lower = limit_settings.set_limit(setting(firm.trader, value="2"), risk, tx, NOW)
    assert lower["warnings"] == ["it is below what is in use: 3; Firm trader only reduces until it is re-armed"]
    node = tx.limits.node(firm.trader, NOW)
    assert node is not None
    assert node.state == "REDUCE_ONLY"
    assert (lower["used"], lower["reserved"], lower["usage_pct"]) == ("0", "3", "150")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("limit_type", {"limit_type": "NO_SUCH_TYPE"}),
        ("limit_type", {"limit_type": "DEAD_MAN", "value": Decimal(1)}),  # Of accounts, and not of desks.
        ("instrument", {"instrument": "XRP/USDT"}),
        ("instrument", {"instrument": "venue:NYSE"}),
        ("instrument", {"instrument": "class:BOND"}),
        ("instrument", {"instrument": "symbol:ETH/USDT"}),
        ("instrument", {"instrument": ""}),
        ("currency", {"currency": "XRP"}),
        ("currency", {"limit_type": "DAILY_LOSS", "currency": "ETH"}),  # Listed; but it would hold as so many USDT.
        ("currency", {"limit_type": "DRAWDOWN", "currency": "ETH"}),
        ("value", {"value": Decimal(0), "limit_type": "MAX_ORDER_QTY"}),
        ("parameters.symbols", UNKNOWN_SYMBOL),
        ("parameters.venues", {"value": None, "limit_type": "ORDER_PERMISSION", "parameters": {"venues": ["NYSE"]}}),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_at_its_field_and_not_stored(
    tx: TenantTransaction, firm: Firm, risk: Caller, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        limit_settings.set_limit(setting(firm.desk).model_copy(update=changes), risk, tx, NOW)
    assert refusal.value.extensions["field"] == field
    assert limit_tree.usage(firm.desk, risk, tx, NOW)["items"] == []


def test_a_deleted_limit_no_longer_holds(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    limit = limit_settings.set_limit(setting(firm.desk, value="0.5"), risk, tx, NOW)
    limit_settings.delete_limit(uuid.UUID(limit["limit_id"]), risk, tx, NOW)
    reserve_and_record(tx, order_of(firm))
    with pytest.raises(NotFound):
        limit_settings.delete_limit(uuid.UUID(limit["limit_id"]), risk, tx, NOW)


def test_every_change_of_a_limit_is_told_with_what_it_was_before(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    limit = limit_settings.set_limit(setting(firm.desk), risk, tx, NOW)
    limit_settings.set_limit(setting(firm.desk, value="12.50"), risk, tx, NOW)
    limit_settings.delete_limit(uuid.UUID(limit["limit_id"]), risk, tx, NOW)
    told = tx.connection.execute(
        "SELECT payload FROM trading.events JOIN trading.outbox USING (event_id) WHERE topic = %s ORDER BY id",
        (LimitChanged.topic,),
    ).fetchall()
    changes = [LimitChanged.model_validate(payload) for (payload,) in told]
    assert [(each.value_before, each.value) for each in changes] == [(None, "10"), ("10", "12.50"), ("12.50", None)]
    assert {(each.node_id, each.changed_by) for each in changes} == {(firm.desk, "risk")}
    assert changes[-1].parameters is None


def test_another_organisations_node_is_not_found(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls
) -> None:
    stranger = create_firm(database_urls.admin, "Stranger")
    set_limit(database_urls.admin, stranger, stranger.desk, "LONG_POSITION", "1")
    with pytest.raises(NotFound):
        limit_settings.set_limit(setting(stranger.desk), risk, tx, NOW)
    with pytest.raises(NotFound):
        limit_tree.usage(stranger.desk, risk, tx, NOW)
    with pytest.raises(NotFound):
        brakes.rearm(StateChange(node_id=stranger.desk, reason="no"), risk, tx, NOW)
    assert [root["name"] for root in limit_tree.tree(risk, tx, NOW)["items"]] == ["Firm firm"]


def test_a_trader_sees_the_way_to_his_accounts_and_nobody_elses(
    tx: TenantTransaction, firm: Firm, risk: Caller, trader: Caller
) -> None:
    (whole,) = limit_tree.tree(risk, tx, NOW)["items"]
    (his,) = limit_tree.tree(trader, tx, NOW)["items"]
    assert node_ids(whole) - node_ids(his) == {str(firm.account_nodes[1])}
    with pytest.raises(NotFound):
        limit_tree.usage(firm.account_nodes[1], trader, tx, NOW)
    with pytest.raises(NotFound):
        limit_tree.validate(order_of(firm, account=1).terms, trader, tx, NOW)
    with pytest.raises(NotPermitted):
        limit_settings.set_limit(setting(firm.desk), trader, tx, NOW)
    with pytest.raises(NotPermitted):
        brakes.rearm(StateChange(node_id=firm.desk, reason="no"), trader, tx, NOW)


def test_a_trader_sees_no_orders_of_others_where_he_sees_a_node_above_them(
    database: Database, firm: Firm, risk: Caller, trader: Caller
) -> None:
    his, other = (order_of(firm, account=account) for account in (0, 1))
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit_settings.set_limit(setting(firm.firm, "MAX_ORDER_QTY", "5"), risk, tx, NOW)
        reserve_and_record(tx, his)
        reserve_and_record(tx, other)
    for account in (0, 1):
        with pytest.raises(OrderRefused):
            order_saga.reserve_limits(order_of(firm, quantity="6", account=account), database.tenant_transaction, NOW)
    with database.tenant_transaction(firm.tenant_id) as tx:
        for node_id in (firm.firm, None):
            held = limit_tree.reservations(trader, tx, NOW, node_id=node_id, cursor=None, limit=10)
            assert [item["order_id"] for item in held["items"]] == [str(his.order_id)]
            heard = limit_tree.breaches(trader, tx, NOW, node_id=node_id, cursor=None, limit=10)
            assert len(heard["items"]) == 1
            for order, seen in ((his, [str(his.order_id)]), (other, [])):
                of_one = limit_tree.reservations(
                    *(trader, tx, NOW), node_id=node_id, order_id=order.order_id, cursor=None, limit=10
                )
                assert [item["order_id"] for item in of_one["items"]] == seen
        everything = limit_tree.reservations(risk, tx, NOW, node_id=firm.firm, cursor=None, limit=10)
        assert {item["order_id"] for item in everything["items"]} == {str(his.order_id), str(other.order_id)}
        assert len(limit_tree.breaches(risk, tx, NOW, node_id=None, cursor=None, limit=10)["items"]) == 2


def test_the_reservation_of_one_order_is_found_when_it_has_ended_too(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    order, other = order_of(firm), order_of(firm)
    for each in (order, other):
        reserve_and_record(tx, each)
    settle(tx, snapshot_of(order, 1, OrdStatus.CANCELED))

    def held(order_id: uuid.UUID | None) -> list[tuple[str, str, str]]:
        page = limit_tree.reservations(risk, tx, NOW, node_id=None, order_id=order_id, cursor=None, limit=10)
        return [(each["order_id"], each["state"], each["open_qty"]) for each in page["items"]]

    assert held(order.order_id) == [(str(order.order_id), "FINAL", "0")]
    assert [order_id for order_id, _, _ in held(None)] == [str(other.order_id)]
    assert held(uuid.uuid4()) == []


def test_validating_says_what_every_limit_thinks_and_reserves_nothing(
    tx: TenantTransaction, firm: Firm, risk: Caller, trader: Caller
) -> None:
    limit_settings.set_limit(setting(firm.desk, value="2"), risk, tx, NOW)
    limit_settings.set_limit(setting(firm.firm, "MAX_ORDER_QTY", "5"), risk, tx, NOW)
    answer = limit_tree.validate(order_of(firm, quantity="3").terms, trader, tx, NOW)
    assert (answer["passes"], answer["largest_passing_quantity"]) == (False, "2")
    passes = {verdict["limit_type"]: verdict["passes"] for verdict in answer["verdicts"]}
    assert passes == {"KILL_SWITCH": True, "MAX_ORDER_QTY": True, "LONG_POSITION": False}
    assert tx.limits.scopes(NOW)[0].exposures == []


def test_killing_stops_new_orders_and_cancels_the_open_ones_and_arming_lets_them_in_again(
    database: Database, firm: Firm, risk: Caller
) -> None:
    order = order_of(firm, Side.SELL)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
    change = StateChange(node_id=firm.desk, reason="an exercise")
    answer = brakes.kill(change, risk, database.tenant_transaction, Engine(order), NOW)
    assert (answer["state"], answer["canceled"], answer["failed"]) == ("KILLED", [str(order.order_id)], [])
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.open_orders(firm.desk) == []
        with pytest.raises(LimitExceeded) as refusal:
            reserve_limits(tx, order_of(firm), NOW)
        (refused,) = refusal.value.extensions["refusals"]
        assert (refused["limit_type"], refused["node_name"]) == ("KILL_SWITCH", "Firm desk")
        assert brakes.rearm(change, risk, tx, NOW)["state"] == "ACTIVE"
        reserve_limits(tx, order_of(firm), NOW)
        events = tx.connection.execute(
            "SELECT payload ->> 'state' FROM trading.events ORDER BY occurred_at_ns"
        ).fetchall()
        assert {event[0] for event in events if event[0]} == {"KILLED", "ACTIVE"}


def test_a_brake_tightens_and_never_lets_go(database: Database, firm: Firm, risk: Caller) -> None:
    def brake(state: Literal["REDUCE_ONLY", "SUSPENDED"]) -> str:
        with database.tenant_transaction(firm.tenant_id) as tx:
            return brakes.brake(Brake(node_id=firm.desk, reason="slower", state=state), risk, tx, NOW)["state"]

    assert [brake("REDUCE_ONLY"), brake("SUSPENDED"), brake("SUSPENDED")] == ["REDUCE_ONLY", "SUSPENDED", "SUSPENDED"]
    with pytest.raises(NodeStopped) as refused:
        brake("REDUCE_ONLY")
    assert refused.value.extensions == {"node_state": "SUSPENDED"}
    brakes.kill(StateChange(node_id=firm.desk, reason="stop"), risk, database.tenant_transaction, Engine(), NOW)
    # What has killed the node waits for a person, and a key that may brake is none.
    with pytest.raises(NodeStopped):
        brake("SUSPENDED")


def test_killing_voids_what_was_reserved_and_had_not_reached_the_engine(
    database: Database, firm: Firm, risk: Caller
) -> None:
    known, on_its_way = order_of(firm), order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, known)
        reserve_and_record(tx, on_its_way)
    engine = Engine(known)
    change = StateChange(node_id=firm.firm, reason="an exercise")
    answer = brakes.kill(change, risk, database.tenant_transaction, engine, NOW)
    assert engine.voided == [on_its_way.order_id]
    assert set(answer["canceled"]) == {str(known.order_id), str(on_its_way.order_id)}
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.open_orders(firm.firm) == []
        assert tx.limits.ledger_differences() == []


def test_with_the_engine_silent_the_node_is_killed_all_the_same_and_what_may_be_open_is_named(
    database: Database, firm: Firm, risk: Caller
) -> None:
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order)
    change = StateChange(node_id=firm.firm, reason="an exercise")
    answer = brakes.kill(change, risk, database.tenant_transaction, Engine(silent=True), NOW)
    assert answer["failed"] == [{"order_id": str(order.order_id), "reason": "the engine did not answer"}]
    with database.tenant_transaction(firm.tenant_id) as tx:
        node = tx.limits.node(firm.firm, NOW)
        assert node is not None
        assert node.state == "KILLED"
