"""Two organisations in one database: what is one's own, the other neither sees, changes nor approves."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.orders import OrdStatus
from breakwater.domain.permissions import Caller
from breakwater.errors import NotFound
from breakwater.services import brakes, limit_settings, limit_tree, nodes, overrides
from breakwater.services.brakes import Beat, Brake, StateChange
from breakwater.services.limit_settings import RiskTermsSetting
from breakwater.services.limits import settle
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import (
    NOW,
    SYMBOL,
    Firm,
    create_firm,
    in_transaction,
    order_of,
    reserve_and_record,
    snapshot_of,
)
from tests.integration.limits.people import (
    API_KEY,
    add_api_key,
    change,
    limit,
    node,
    override,
    refused_by,
    risk_manager,
    state_of,
)

TABLES = (
    "nodes", "limits", "limit_history", "overrides", "exposures", "reservations", "activity", "activity_blocks",
    "standings", "risk_terms",
)  # fmt: skip


@dataclass(frozen=True)
class Theirs:
    """What the other organisation has."""

    firm: Firm
    limit_id: uuid.UUID
    override_id: uuid.UUID
    strategy: uuid.UUID


@pytest.fixture
def theirs(database_urls: DatabaseUrls) -> Theirs:
    """Made on a connection of its own: one that is shared would leave the tests with no tenant at all."""
    firm = create_firm(database_urls.admin, "Stranger")
    add_api_key(database_urls.admin, firm)
    return in_transaction(database_urls.functions, firm, lambda tx: _furnish(firm, tx))


def _furnish(firm: Firm, tx: TenantTransaction) -> Theirs:
    by = risk_manager(firm)
    told = limit(tx, by, firm.desk, "MESSAGE_RATE", "10", parameters={"window_s": 60})
    limit(tx, by, firm.desk, "MAX_ORDER_QTY", "5")
    limit(tx, by, firm.desk, "REJECT_STREAK", "9")
    limit(tx, by, firm.account_nodes[0], "DEAD_MAN", "60")
    asked = override(tx, by, told["limit_id"], "99")
    strategy = node(tx, by, firm.account_nodes[0], "STRATEGY")
    node(tx, by, strategy, "API_KEY", api_key_id=API_KEY)
    limit_settings.set_risk_terms(RiskTermsSetting(symbol=SYMBOL, sector="coins"), by, tx, NOW)
    order = order_of(firm)
    reserve_and_record(tx, order)
    settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, "1"))
    assert refused_by(tx, order_of(firm, quantity="0.1", account=1)) == []
    assert refused_by(tx, order_of(firm, quantity="6")) == ["MAX_ORDER_QTY"]
    return Theirs(firm, uuid.UUID(told["limit_id"]), uuid.UUID(asked["override_id"]), strategy)


type Attempt = Callable[[Theirs, Caller, TenantTransaction], Any]

ATTEMPTS: dict[str, Attempt] = {
    "set a limit": lambda theirs, by, tx: limit(tx, by, theirs.firm.desk, "MAX_ORDER_QTY", "1"),
    "change a limit by its id": lambda theirs, by, tx: limit(
        tx, by, theirs.firm.desk, "MESSAGE_RATE", "1", parameters={"window_s": 60}, limit_id=theirs.limit_id
    ),
    "delete a limit": lambda theirs, by, tx: limit_settings.delete_limit(theirs.limit_id, by, tx, NOW),
    "read a history": lambda theirs, by, tx: limit_settings.limit_history(theirs.limit_id, by, tx),
    "ask for an override": lambda theirs, by, tx: override(tx, by, str(theirs.limit_id), "99"),
    "approve an override": lambda theirs, by, tx: overrides.approve_override(theirs.override_id, by, tx, NOW),
    "end an override": lambda theirs, by, tx: overrides.end_override(theirs.override_id, by, tx, NOW),
    "read a use": lambda theirs, by, tx: limit_tree.usage(theirs.firm.desk, by, tx, NOW),
    "read a tree": lambda theirs, by, tx: limit_tree.tree(by, tx, NOW, node_id=theirs.firm.firm),
    "read reservations": lambda theirs, by, tx: limit_tree.reservations(
        by, tx, NOW, node_id=theirs.firm.desk, cursor=None, limit=10
    ),
    "read breaches": lambda theirs, by, tx: limit_tree.breaches(
        by, tx, NOW, node_id=theirs.firm.desk, cursor=None, limit=10
    ),
    "try an order out": lambda theirs, by, tx: limit_tree.validate(order_of(theirs.firm).terms, by, tx, NOW),
    "build below a node": lambda theirs, by, tx: node(tx, by, theirs.firm.desk, "TRADER"),
    "rename a node": lambda theirs, by, tx: change(tx, by, theirs.firm.desk, name="ours"),
    "delete a node": lambda theirs, by, tx: nodes.delete_node(theirs.strategy, by, tx, NOW),
    "brake a node": lambda theirs, by, tx: brakes.brake(
        Brake(node_id=theirs.firm.desk, state="SUSPENDED", reason="no"), by, tx, NOW
    ),
    "rearm a node": lambda theirs, by, tx: brakes.rearm(
        StateChange(node_id=theirs.firm.desk, reason="no"), by, tx, NOW
    ),
    "beat for an account": lambda theirs, by, tx: brakes.heartbeat(
        Beat(account_id=theirs.firm.account_ids[0]), by, tx, NOW
    ),
    "place an order": lambda theirs, by, tx: reserve_and_record(tx, order_of(theirs.firm)),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_what_belongs_to_another_organisation_is_not_found(
    tx: TenantTransaction, firm: Firm, risk: Caller, theirs: Theirs, attempt: str
) -> None:
    with pytest.raises(NotFound):
        ATTEMPTS[attempt](theirs, risk, tx)
    assert tx.limits.node(firm.firm, NOW) is not None  # While one's own is there.


def test_a_node_moves_neither_to_another_organisation_nor_from_it(
    tx: TenantTransaction, firm: Firm, risk: Caller, theirs: Theirs
) -> None:
    for node_id, parent_id in ((firm.trader, theirs.firm.desk), (theirs.firm.trader, firm.desk)):
        with pytest.raises(NotFound):
            change(tx, risk, node_id, parent_id=parent_id)


def test_an_order_names_no_strategy_of_another_organisation_and_its_keys_mean_nothing_here(
    tx: TenantTransaction, firm: Firm, theirs: Theirs
) -> None:
    with pytest.raises(NotFound):
        reserve_and_record(tx, order_of(firm, strategy_id=theirs.strategy))
    reserve_and_record(tx, order_of(firm, api_key_id=API_KEY))  # It has no place in our tree.


def test_lists_hold_what_is_ones_own(tx: TenantTransaction, firm: Firm, risk: Caller, theirs: Theirs) -> None:
    assert overrides.list_overrides(risk, tx, NOW, open_only=False)["items"] == []
    assert limit_settings.risk_terms(risk, tx, NOW)["items"] == []
    assert limit_tree.reservations(risk, tx, NOW, node_id=None, cursor=None, limit=10)["items"] == []
    assert limit_tree.breaches(risk, tx, NOW, node_id=None, cursor=None, limit=10)["items"] == []
    assert [root["node_id"] for root in limit_tree.tree(risk, tx, NOW)["items"]] == [str(firm.firm)]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_of_the_ledger_shows_its_rows_to_their_organisation_alone(
    database: Database, firm: Firm, theirs: Theirs, table: str
) -> None:
    counts = []
    for tenant_id in (theirs.firm.tenant_id, firm.tenant_id):
        with database.tenant_transaction(tenant_id) as tx:
            row = tx.connection.execute(
                f"SELECT count(*), count(*) FILTER (WHERE tenant_id = %s) FROM limits.{table}", (tenant_id,)
            ).fetchone()
            assert row is not None
            counts.append(row)
    theirs_seen, ours_seen = counts
    assert theirs_seen[0] == theirs_seen[1]
    assert theirs_seen[0] > 0
    assert ours_seen[0] == ours_seen[1]


def test_what_one_organisation_does_leaves_the_other_as_it_was(
    database: Database, firm: Firm, risk: Caller, theirs: Theirs
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        brakes.brake(Brake(node_id=firm.firm, state="SUSPENDED", reason="test"), risk, tx, NOW)
        limit_settings.set_risk_terms(RiskTermsSetting(symbol=SYMBOL, sector="ours"), risk, tx, NOW)
    with database.tenant_transaction(theirs.firm.tenant_id) as tx:
        assert state_of(tx, theirs.firm.firm) == "ACTIVE"
        (terms,) = limit_settings.risk_terms(risk_manager(theirs.firm), tx, NOW)["items"]
        assert terms["sector"] == "coins"
