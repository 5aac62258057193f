"""Orders and people at the tree at the same time."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.orders import OrdStatus
from breakwater.domain.permissions import Caller
from breakwater.errors import LimitExceeded, NodeInUse, NotFound, TreeChanged, VersionConflict
from breakwater.services import limit_settings, nodes, overrides
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.limits import settle
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, in_transaction, order_of, reserve_and_record, snapshot_of
from tests.integration.limits.people import change, exposure_at, limit, node, override, risk_manager

WAITS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class Others:
    """What other connections do meanwhile, each in a transaction of its own."""

    def __init__(self, urls: DatabaseUrls, firm: Firm) -> None:
        self._urls = urls
        self._firm = firm
        self._pool = ThreadPoolExecutor(8)

    def begin[T](self, work: Callable[[TenantTransaction], T]) -> Future[T]:
        return self._pool.submit(in_transaction, self._urls.functions, self._firm, work)

    def wait_until_blocked(self, count: int = 1) -> None:
        with psycopg.connect(self._urls.admin, autocommit=True) as connection:
            for _ in range(500):
                row = connection.execute(WAITS).fetchone()
                if row and row[0] >= count:
                    return
                time.sleep(0.01)
        raise AssertionError("nobody waits for a lock")

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def others(database_urls: DatabaseUrls, firm: Firm) -> Iterator[Others]:
    others = Others(database_urls, firm)
    yield others
    others.close()


def set_up[T](database: Database, firm: Firm, work: Callable[[TenantTransaction], T]) -> T:
    with database.tenant_transaction(firm.tenant_id) as tx:
        return work(tx)


def test_an_order_that_waited_while_its_account_moved_is_judged_where_the_account_is_now(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    other = set_up(database, firm, lambda tx: node(tx, risk, firm.firm, "DESK", "other"))
    set_up(database, firm, lambda tx: limit(tx, risk, other, "MAX_ORDER_QTY", "0.5"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        change(tx, risk, firm.account_nodes[0], parent_id=other)
        placed = others.begin(lambda tx: reserve_and_record(tx, order_of(firm)))
        others.wait_until_blocked()
    with pytest.raises(TreeChanged):
        placed.result(20)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert exposure_at(tx, firm.desk).open_order_count == 0
        with pytest.raises(LimitExceeded):  # Once it is sent again.
            reserve_and_record(tx, order_of(firm))
        reserve_and_record(tx, order_of(firm, quantity="0.5"))
        assert [exposure_at(tx, node_id).open_order_count for node_id in (firm.desk, other)] == [0, 1]


def test_a_node_does_not_move_away_from_under_an_order_that_is_being_placed(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    other = set_up(database, firm, lambda tx: node(tx, risk, firm.firm, "DESK", "other"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order_of(firm))
        moved = others.begin(lambda tx: change(tx, risk, firm.account_nodes[0], parent_id=other))
        others.wait_until_blocked()
    with pytest.raises(NodeInUse):
        moved.result(20)


def test_an_order_of_a_strategy_that_was_deleted_meanwhile_is_not_found(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    strategy = set_up(database, firm, lambda tx: node(tx, risk, firm.account_nodes[0], "STRATEGY"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        nodes.delete_node(strategy, risk, tx, NOW)
        placed = others.begin(lambda tx: reserve_and_record(tx, order_of(firm, strategy_id=strategy)))
        others.wait_until_blocked()
    with pytest.raises(TreeChanged):
        placed.result(20)
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(NotFound):
        reserve_and_record(tx, order_of(firm, strategy_id=strategy))


def test_of_two_moves_at_once_the_second_goes_on_from_where_the_first_has_led(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    first, second = (set_up(database, firm, lambda tx, n=n: node(tx, risk, firm.firm, "DESK", n)) for n in "ab")  # type: ignore[misc]
    order = order_of(firm)
    set_up(database, firm, lambda tx: reserve_and_record(tx, order))
    set_up(database, firm, lambda tx: settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, "1")))
    with database.tenant_transaction(firm.tenant_id) as tx:
        change(tx, risk, firm.account_nodes[0], parent_id=first)
        moved = others.begin(lambda tx: change(tx, risk, firm.account_nodes[0], parent_id=second))
        others.wait_until_blocked()
    moved.result(20)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.ledger_differences() == []
        assert [exposure_at(tx, node_id).filled_qty for node_id in (firm.desk, first, second)] == [0, 0, 1]


def test_of_two_people_who_edit_one_version_the_second_is_told_both(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    first = set_up(database, firm, lambda tx: limit(tx, risk, firm.desk, "LONG_POSITION", "10"))

    def edit(username: str, value: str) -> Callable[[TenantTransaction], Any]:
        by = risk_manager(firm, username)
        return lambda tx: limit(tx, by, firm.desk, "LONG_POSITION", value, version=first["version"])

    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.limits.node(firm.desk, NOW, lock=True)
        edits = [others.begin(edit(username, value)) for username, value in (("ada", "11"), ("bob", "12"))]
        others.wait_until_blocked(2)
    outcomes = [edit.exception(20) for edit in edits]
    (refusal,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(refusal, VersionConflict)
    assert refusal.status == 409
    (written,) = [edit.result() for edit in edits if edit.exception() is None]
    told = refusal.extensions
    assert (told["current"]["version"], told["current"]["value"]) == (2, written["value"])
    assert told["yours"]["version"] == 1
    assert {told["yours"]["value"], written["value"]} == {"11", "12"}


def test_an_override_that_is_approved_while_its_limit_is_deleted_is_not_there_any_more(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    told = set_up(database, firm, lambda tx: limit(tx, risk, firm.desk, "LONG_POSITION", "10"))
    asked = set_up(database, firm, lambda tx: override(tx, risk, told["limit_id"], "20"))
    override_id, ada = uuid.UUID(asked["override_id"]), risk_manager(firm, "ada")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.limits.node(firm.desk, NOW, lock=True)
        approving = others.begin(lambda tx: overrides.approve_override(override_id, ada, tx, NOW))
        others.wait_until_blocked()
        limit_settings.delete_limit(uuid.UUID(told["limit_id"]), risk, tx, NOW)
    with pytest.raises(NotFound):
        approving.result(20)
    with database.tenant_transaction(firm.tenant_id) as tx:
        (listed,) = overrides.list_overrides(risk, tx, NOW, open_only=False)["items"]
        assert (listed["state"], listed["approved_by"]) == ("ENDED", None)


def test_an_override_that_is_asked_for_while_its_limit_is_deleted_is_not_there(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    told = set_up(database, firm, lambda tx: limit(tx, risk, firm.desk, "LONG_POSITION", "10"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit_settings.delete_limit(uuid.UUID(told["limit_id"]), risk, tx, NOW)
        asking = others.begin(lambda tx: override(tx, risk, told["limit_id"], "20"))
        others.wait_until_blocked()
    with pytest.raises(NotFound):
        asking.result(20)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert overrides.list_overrides(risk, tx, NOW, open_only=False)["items"] == []


def test_of_two_losses_at_once_the_one_that_reaches_the_limit_tells_of_it(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    set_up(database, firm, lambda tx: limit(tx, risk, firm.desk, "LOSS_STREAK", "2", parameters={"cool_down_s": 900}))
    one, other = firm.account_ids
    set_up(database, firm, lambda tx: tx.limits.count_round_trip(one, lost=True, at=NOW))
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert [each["losses"] for each in tx.limits.count_round_trip(one, lost=True, at=NOW)] == [2]
        third = others.begin(lambda tx: tx.limits.count_round_trip(other, lost=True, at=NOW))
        others.wait_until_blocked()
    assert third.result(20) == []


def test_of_two_losses_at_once_below_a_desk_each_counts_and_the_second_begins_the_cool_down(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    set_up(database, firm, lambda tx: limit(tx, risk, firm.desk, "LOSS_STREAK", "2", parameters={"cool_down_s": 900}))
    one, other = firm.account_ids
    # As fills of orders that passed beside the ledger: nothing is reserved for them, so no node is locked.
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.limits.count_round_trip(one, lost=True, at=NOW) == []
        second = others.begin(lambda tx: tx.limits.count_round_trip(other, lost=True, at=NOW))
        others.wait_until_blocked()
    assert [(reached["node_id"], reached["losses"]) for reached in second.result(20)] == [(firm.desk, 2)]
    with database.tenant_transaction(firm.tenant_id) as tx:
        (desk,) = tx.limits.scopes_at(NOW, [firm.desk])
        assert (desk.standing.loss_streak, desk.standing.cool_until) == (2, NOW + timedelta(seconds=900))
        tx.limits.count_round_trip(one, lost=False, at=NOW)
        (desk,) = tx.limits.scopes_at(NOW, [firm.desk])
        assert (desk.standing.loss_streak, desk.standing.cool_until) == (0, NOW + timedelta(seconds=900))


def test_of_many_who_set_the_same_new_limit_at_once_one_makes_it_and_the_others_change_it(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.limits.node(firm.desk, NOW, lock=True)
        edits = [others.begin(lambda tx, n=n: limit(tx, risk, firm.desk, "LONG_POSITION", str(n))) for n in range(1, 6)]  # type: ignore[misc]
        others.wait_until_blocked(5)
    told = [edit.result(20) for edit in edits]
    assert len({each["limit_id"] for each in told}) == 1
    assert sorted(each["version"] for each in told) == [1, 2, 3, 4, 5]
    with database.tenant_transaction(firm.tenant_id) as tx:
        history = limit_settings.limit_history(uuid.UUID(told[0]["limit_id"]), risk, tx)["items"]
        assert [version["version"] for version in history] == [1, 2, 3, 4, 5]


def test_a_limit_that_is_lowered_while_an_order_waits_holds_for_that_order(
    database: Database, firm: Firm, risk: Caller, others: Others
) -> None:
    setting = LimitSetting(node_id=firm.desk, limit_type="LONG_POSITION", value=Decimal("0.5"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        limit_settings.set_limit(setting, risk, tx, NOW)
        placed = others.begin(lambda tx: reserve_and_record(tx, order_of(firm)))
        others.wait_until_blocked()
    with pytest.raises(LimitExceeded):
        placed.result(20)
