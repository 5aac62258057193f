"""However large a firm is: what is judged by is read whole, and what is too much to be shown is refused, not cut."""

import re
from decimal import Decimal

import pytest

from breakwater.db import leases, limit_statements, recorded_day, watch
from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Caller
from breakwater.errors import AnswerTooLarge
from breakwater.services import limit_tree, what_if
from breakwater.services.what_if import WhatIf
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, order_of, reserve_and_record, set_reference

AT_MOST = re.compile(r"LIMIT\s+(?!1\b|%\()\S+")  # A number: what is asked for in pages says how much in a parameter.


def test_no_statement_of_the_ledger_cuts_off_what_orders_are_judged_by() -> None:
    found = {name for name, told in vars(limit_statements).items() if isinstance(told, str) and AT_MOST.search(told)}
    assert found == {"SILENT_NODES"}  # The others have their turn in the next round.
    for told in (watch._HOLDINGS, watch._TOLD_LOSSES, leases._BELOW, recorded_day._OPENING):
        assert "LIMIT" not in told


def test_what_is_too_much_to_be_shown_is_refused_and_its_parts_are_shown(
    tx: TenantTransaction, firm: Firm, risk: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_tree, "NODES_SHOWN_MAX", 3)
    for node_id in (None, firm.desk):
        with pytest.raises(AnswerTooLarge, match="and 3 at most are shown: ask for a part of the tree"):
            limit_tree.tree(risk, tx, NOW, node_id=node_id)
    (trader,) = limit_tree.tree(risk, tx, NOW, node_id=firm.trader)["items"]
    assert len(trader["children"]) == 2
    with pytest.raises(AnswerTooLarge, match="say which"):
        limit_tree.find_nodes(None, risk, tx, NOW)
    assert len(limit_tree.find_nodes("Firm desk", risk, tx, NOW)["items"]) == 1


def test_a_day_with_more_orders_or_fills_than_can_be_tried_is_refused_and_not_tried_in_part(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_reference(database_urls.admin, Decimal(2000), NOW)
    reserve_and_record(tx, order_of(firm))
    tx.connection.execute(
        "INSERT INTO trading.trades (trade_id, tenant_id, order_id, account_id, symbol, side, last_qty, last_px,"
        " liquidity, fee, fee_currency, realised_pnl, engine_seq, venue, transact_time)"
        " SELECT gen_random_uuid(), tenant_id, order_id, account_id, symbol, side, 1, 2000, 'TAKER', 0, 'USDT', 0, 1,"
        " venue, %s FROM trading.orders",
        (NOW,),
    )
    change = {"node_id": firm.desk, "limit_type": "MAX_ORDER_QTY", "value": "1"}
    question = WhatIf.model_validate({"day": NOW.date(), "changes": [change]})
    monkeypatch.setattr(what_if, "FILLS_MAX", 1)
    assert what_if.what_if(question, risk, tx, NOW)["judged_count"] >= 0
    for bound in ("FILLS_MAX", "ORDERS_MAX"):
        with monkeypatch.context() as bounded:
            bounded.setattr(what_if, bound, 0)
            with pytest.raises(AnswerTooLarge, match="more than 0"):
                what_if.what_if(question, risk, tx, NOW)
