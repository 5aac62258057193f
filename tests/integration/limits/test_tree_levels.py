"""All six levels of the tree on the way of an order: firm, desk, trader, account, strategy, API key."""

import uuid
from dataclasses import dataclass, replace

import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.domain.orders import OrdStatus
from breakwater.domain.permissions import Caller
from breakwater.errors import NotFound, NotPermitted
from breakwater.services import limit_tree
from breakwater.services.limits import reserve_limits, settle
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import Firm, create_firm, order_of, reserve_and_record, snapshot_of
from tests.integration.limits.people import API_KEY, add_api_key, exposure_at, limit, node, refused_by

LEVELS = ("FIRM", "DESK", "TRADER", "ACCOUNT", "STRATEGY", "API_KEY")


@dataclass(frozen=True)
class Branch:
    """The first account with a strategy below it, and a key below that."""

    strategy: uuid.UUID
    key: uuid.UUID
    path: tuple[uuid.UUID, ...]  # The root first, the key last.


@pytest.fixture
def branch(tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls) -> Branch:
    add_api_key(database_urls.admin, firm)
    strategy = node(tx, risk, firm.account_nodes[0], "STRATEGY", "momentum")
    key = node(tx, risk, strategy, "API_KEY", "bot", api_key_id=API_KEY)
    return Branch(strategy, key, (*firm.path, strategy, key))


def test_an_order_of_a_key_counts_at_all_six_levels(tx: TenantTransaction, firm: Firm, branch: Branch) -> None:
    order = order_of(firm, quantity="2", api_key_id=API_KEY, strategy_id=branch.strategy)
    reserve_and_record(tx, order)
    assert [exposure_at(tx, node_id).open_buy_qty for node_id in branch.path] == [2] * 6
    settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, "2"))
    assert [exposure_at(tx, node_id).filled_qty for node_id in branch.path] == [2] * 6
    assert tx.limits.ledger_differences() == []


@pytest.mark.parametrize("level", range(6), ids=LEVELS)
def test_a_limit_at_any_level_holds_exactly_there(
    tx: TenantTransaction, firm: Firm, risk: Caller, branch: Branch, level: int
) -> None:
    limit(tx, risk, branch.path[level], "LONG_POSITION", "1")
    assert refused_by(tx, order_of(firm, api_key_id=API_KEY)) == []
    assert refused_by(tx, order_of(firm, quantity="0.0025", api_key_id=API_KEY)) == ["LONG_POSITION"]
    # A person's order in the other account meets what lies above it, and nothing beside it.
    above = level < LEVELS.index("ACCOUNT")
    assert refused_by(tx, order_of(firm, quantity="0.0025", account=1)) == (["LONG_POSITION"] if above else [])


def test_an_order_counts_to_a_strategy_only_if_it_names_it_or_its_key_stands_there(
    tx: TenantTransaction, firm: Firm, branch: Branch
) -> None:
    reserve_and_record(tx, order_of(firm))
    assert [exposure_at(tx, node_id).open_buy_qty for node_id in branch.path] == [1, 1, 1, 1, 0, 0]
    reserve_and_record(tx, order_of(firm, strategy_id=branch.strategy))
    assert [exposure_at(tx, node_id).open_buy_qty for node_id in branch.path] == [2, 2, 2, 2, 1, 0]
    reserve_and_record(tx, order_of(firm, api_key_id=API_KEY))
    assert [exposure_at(tx, node_id).open_buy_qty for node_id in branch.path] == [3, 3, 3, 3, 2, 1]


def test_a_key_that_has_a_place_trades_nowhere_else(
    tx: TenantTransaction, firm: Firm, risk: Caller, branch: Branch
) -> None:
    other = node(tx, risk, firm.account_nodes[0], "STRATEGY", "carry")
    for elsewhere in (
        order_of(firm, account=1, api_key_id=API_KEY),
        order_of(firm, strategy_id=other, api_key_id=API_KEY),
    ):
        with pytest.raises(NotPermitted):
            reserve_limits(tx, elsewhere, elsewhere.placed_at)
    assert exposure_at(tx, firm.firm).open_order_count == 0


def test_a_key_directly_below_an_account_does_not_trade_for_its_strategies(
    tx: TenantTransaction, firm: Firm, risk: Caller, database_urls: DatabaseUrls
) -> None:
    add_api_key(database_urls.admin, firm)
    node(tx, risk, firm.account_nodes[0], "API_KEY", "bot", api_key_id=API_KEY)
    strategy = node(tx, risk, firm.account_nodes[0], "STRATEGY")
    reserve_and_record(tx, order_of(firm, api_key_id=API_KEY))
    with pytest.raises(NotPermitted):
        reserve_and_record(tx, order_of(firm, api_key_id=API_KEY, strategy_id=strategy))


def test_a_key_without_a_place_counts_to_the_accounts_it_trades_for(tx: TenantTransaction, firm: Firm) -> None:
    for account in (0, 1):
        reserve_and_record(tx, order_of(firm, account=account, api_key_id="fedcba9876543210"))
    assert [exposure_at(tx, node_id).open_order_count for node_id in firm.account_nodes] == [1, 1]


def test_a_strategy_that_is_not_below_the_account_is_not_found(
    tx: TenantTransaction, firm: Firm, branch: Branch, database_urls: DatabaseUrls
) -> None:
    stranger = create_firm(database_urls.admin, "Stranger")
    for order in (
        order_of(firm, strategy_id=uuid.uuid4()),
        order_of(firm, account=1, strategy_id=branch.strategy),
        order_of(firm, strategy_id=branch.key),  # A key is no strategy.
        order_of(firm, strategy_id=firm.desk),
        order_of(firm, strategy_id=stranger.account_nodes[0]),
    ):
        with pytest.raises(NotFound, match="strategy"):
            reserve_limits(tx, order, order.placed_at)


def test_what_is_tried_out_with_a_key_meets_the_limits_of_the_key(
    tx: TenantTransaction, firm: Firm, risk: Caller, branch: Branch
) -> None:
    limit(tx, risk, branch.key, "MAX_ORDER_QTY", "0.5")
    terms = order_of(firm).terms
    assert limit_tree.validate(terms, risk, tx, order_of(firm).placed_at)["passes"]
    asked = limit_tree.validate(terms, replace(risk, api_key_id=API_KEY), tx, order_of(firm).placed_at)
    assert (asked["passes"], asked["largest_passing_quantity"]) == (False, "0.5")


def test_the_tree_shows_strategies_and_keys_below_their_account(
    tx: TenantTransaction, firm: Firm, risk: Caller, branch: Branch
) -> None:
    (told,) = limit_tree.tree(risk, tx, order_of(firm).placed_at)["items"]
    kinds = [told["kind"]]
    while told["children"]:
        told = next(child for child in told["children"] if child["name"] != "account 1")
        kinds.append(told["kind"])
    assert kinds == list(LEVELS)
    assert told["node_id"] == str(branch.key)
