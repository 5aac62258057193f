"""What people are shown of limits beyond their use."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Caller
from breakwater.services import limit_settings, limit_tree, nodes, overrides
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.nodes import NewNode, NodeChange
from breakwater.services.overrides import OverrideRequest
from tests.integration.limits.firm import NOW, Firm, order_of, reserve_and_record


def setting(node_id: uuid.UUID, limit_type: str, value: str, **more: Any) -> LimitSetting:
    return LimitSetting(node_id=node_id, limit_type=limit_type, value=Decimal(value), **more)


def in_force(firm: Firm, caller: Caller, tx: TenantTransaction, node_id: uuid.UUID) -> dict[str, Any]:
    (item,) = limit_tree.usage(node_id, caller, tx, NOW)["items"]
    return dict(item)


def test_while_an_override_holds_both_its_value_and_what_was_set_are_shown(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    limit = limit_settings.set_limit(setting(firm.desk, "MAX_ORDER_QTY", "5"), risk, tx, NOW)
    request = OverrideRequest(
        limit_id=uuid.UUID(limit["limit_id"]), value=Decimal(9), ends_at=NOW + timedelta(hours=1), reason="a block"
    )
    override = overrides.request_override(request, risk, tx, NOW)
    asked = in_force(firm, risk, tx, firm.desk)
    assert (asked["value"], asked["set_value"], asked["override_id"]) == ("5", "5", None)
    other = Caller(risk.tenant_id, "other", "other", risk.role, risk.scopes, correlation_id="c")
    overrides.approve_override(uuid.UUID(override["override_id"]), other, tx, NOW)
    held = in_force(firm, risk, tx, firm.desk)
    assert (held["value"], held["set_value"], held["override_id"]) == ("9", "5", override["override_id"])


def test_an_override_says_which_limit_it_is_of_and_ends_with_it_and_then_says_nothing_of_it(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    limit = limit_settings.set_limit(setting(firm.desk, "MAX_ORDER_NOTIONAL", "5", currency="BTC"), risk, tx, NOW)
    limit_id = uuid.UUID(limit["limit_id"])
    request = OverrideRequest(limit_id=limit_id, value=Decimal(9), ends_at=NOW + timedelta(hours=1), reason="a block")
    asked = overrides.request_override(request, risk, tx, NOW)
    about = {"node_id": str(firm.desk), "node_name": "Firm desk", "limit_type": "MAX_ORDER_NOTIONAL"}
    assert asked.items() >= (about | {"instrument": "*", "currency": "BTC", "set_value": "5", "value": "9"}).items()
    assert overrides.list_overrides(risk, tx, NOW, open_only=True)["items"] == [asked]
    limit_settings.delete_limit(limit_id, risk, tx, NOW)
    assert overrides.list_overrides(risk, tx, NOW, open_only=True)["items"] == []
    (left,) = overrides.list_overrides(risk, tx, NOW, open_only=False)["items"]
    assert (left["node_name"], left["limit_type"], left["set_value"], left["value"]) == (None, None, None, "9")
    assert (left["state"], left["ended_by"]) == ("ENDED", risk.username)


def test_a_trader_sees_overrides_on_his_way_and_nobody_elses(
    tx: TenantTransaction, firm: Firm, risk: Caller, trader: Caller
) -> None:
    for node_id in (firm.desk, firm.account_nodes[1]):
        limit = limit_settings.set_limit(setting(node_id, "MAX_ORDER_QTY", "5"), risk, tx, NOW)
        ends_at = NOW + timedelta(hours=1)
        request = OverrideRequest(
            limit_id=uuid.UUID(limit["limit_id"]), value=Decimal(9), ends_at=ends_at, reason="a block"
        )
        overrides.request_override(request, risk, tx, NOW)
    for caller, names in ((risk, {"Firm desk", "account 1"}), (trader, {"Firm desk"})):
        seen = overrides.list_overrides(caller, tx, NOW, open_only=True)["items"]
        assert {override["node_name"] for override in seen} == names


def test_nodes_are_found_by_name_and_by_the_beginning_of_their_id_among_those_the_caller_sees(
    tx: TenantTransaction, firm: Firm, risk: Caller, trader: Caller
) -> None:
    def found(told: str | None, caller: Caller) -> list[str]:
        return [node["name"] for node in limit_tree.find_nodes(told, caller, tx, NOW)["items"]]

    assert found("firm DESK", trader) == ["Firm desk"]
    assert found(str(firm.desk)[:13].upper(), risk) == ["Firm desk"]
    assert found(None, risk) == ["Firm firm", "Firm desk", "Firm trader", "account 0", "account 1"]
    assert found(None, trader) == ["Firm firm", "Firm desk", "Firm trader", "account 0"]
    assert found("account 1", trader) == []
    assert found("%", risk) == []


def test_a_node_that_is_asked_for_by_itself_knows_what_stands_above_it(
    tx: TenantTransaction, firm: Firm, risk: Caller, trader: Caller
) -> None:
    limit_settings.set_limit(setting(firm.firm, "MAX_ORDER_QTY", "5"), risk, tx, NOW)
    limit_settings.set_limit(setting(firm.trader, "MAX_ORDER_QTY", "6"), risk, tx, NOW)
    for caller in (risk, trader):
        (root,) = limit_tree.tree(caller, tx, NOW, node_id=firm.trader)["items"]
        assert root["node_id"] == str(firm.trader)
        assert [limit["stricter_above"] for limit in root["limits"]] == [str(firm.firm)]
        assert in_force(firm, caller, tx, firm.trader)["stricter_above"] == str(firm.firm)


def test_a_limit_that_is_a_part_of_the_equity_shows_what_it_allows_now(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    tx.connection.execute(
        "INSERT INTO trading.balances (account_id, asset, tenant_id, total) VALUES (%s, 'USDT', %s, 10000)",
        (firm.account_ids[0], firm.tenant_id),
    )
    limit_settings.set_limit(setting(firm.account_nodes[0], "LEVERAGE", "2"), risk, tx, NOW)
    reserve_and_record(tx, order_of(firm))
    shown = in_force(firm, risk, tx, firm.account_nodes[0])
    assert (shown["value"], shown["allowed"], shown["reserved"], shown["usage_pct"]) == ("2", "20000", "2000", "10")


def test_a_limit_that_is_still_to_come_is_planned_and_not_in_force(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    today = setting(firm.desk, "MAX_ORDER_QTY", "5", valid_until=NOW + timedelta(days=1))
    tomorrow = setting(firm.desk, "MAX_ORDER_QTY", "9", valid_from=NOW + timedelta(days=1))
    limit_settings.set_limit(today, risk, tx, NOW)
    limit_settings.set_limit(tomorrow, risk, tx, NOW)
    shown = limit_tree.usage(firm.desk, risk, tx, NOW)
    assert [limit["value"] for limit in shown["items"]] == ["5"]
    assert [(limit["value"], limit["usage_pct"]) for limit in shown["planned"]] == [("9", None)]


def test_a_node_shows_its_calendar_and_hands_it_to_those_below(tx: TenantTransaction, firm: Firm, risk: Caller) -> None:
    change = NodeChange(time_zone="Asia/Tokyo", session_start="08:30")
    changed = nodes.change_node(firm.desk, change, risk, tx, NOW)
    assert (changed["time_zone"], changed["session_start"]) == ("Asia/Tokyo", "08:30")
    new = NewNode(parent_id=firm.desk, kind="TRADER", name="New")
    assert nodes.create_node(new, risk, tx, NOW)["session_start"] == "08:30"
    (below,) = limit_tree.tree(risk, tx, NOW, node_id=firm.trader)["items"]
    assert (below["time_zone"], below["session_start"]) == ("Asia/Tokyo", "08:30")


def test_a_limit_set_below_what_was_lost_makes_its_node_only_reduce(
    tx: TenantTransaction, firm: Firm, risk: Caller
) -> None:
    tx.connection.execute(
        "INSERT INTO limits.standings (node_id, tenant_id, pnl, observed_at) VALUES (%s, %s, -700, %s)",
        (firm.desk, firm.tenant_id, NOW),
    )
    limit = limit_settings.set_limit(setting(firm.desk, "DAILY_LOSS", "1000"), risk, tx, NOW)
    assert (limit["used"], limit["usage_pct"], limit["warnings"]) == ("700", "70", [])
    lower = limit_settings.set_limit(setting(firm.desk, "DAILY_LOSS", "500"), risk, tx, NOW)
    assert lower["warnings"] == ["it is below what is in use: 700; Firm desk only reduces until it is re-armed"]
