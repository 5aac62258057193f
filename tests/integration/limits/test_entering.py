"""An order's way to its limits in one call: what it locks and reads, and where it comes no further than the gate."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from psycopg.errors import LockNotAvailable

from breakwater.db.connection import Database, TenantTransaction
from breakwater.db.ladders import Entry
from breakwater.domain.degraded import POSITIONS_AGE_MAX
from breakwater.domain.orders import PlaceOrder, Side
from breakwater.domain.times import nanoseconds
from breakwater.errors import NotFound, TreeChanged
from breakwater.services.limits import path_of, reserve_entered
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import (
    NOW,
    Firm,
    create_firm,
    in_transaction,
    order_of,
    reserve_and_record,
    set_limit,
    set_reference,
)

WAIT_MAX_S = 10


def enter(tx: TenantTransaction, order: PlaceOrder, at: datetime = NOW) -> Entry:
    return tx.ladders.enter(order, at=at, unbooked_since_min=at - POSITIONS_AGE_MAX)


@contextmanager
def held_by_somebody(admin: str, node_id: uuid.UUID) -> Iterator[psycopg.Connection]:
    """The node is locked until the block ends, or its connection commits."""
    with psycopg.connect(admin) as holder:
        holder.execute("SELECT 1 FROM limits.nodes WHERE node_id = %s FOR NO KEY UPDATE", (node_id,))
        yield holder
        holder.rollback()


def is_locked(admin: str, node_id: uuid.UUID) -> bool:
    with psycopg.connect(admin) as other:
        try:
            other.execute("SELECT 1 FROM limits.nodes WHERE node_id = %s FOR NO KEY UPDATE NOWAIT", (node_id,))
        except LockNotAvailable:
            return True
    return False


def test_it_reads_what_the_statements_for_leases_and_previews_read(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    set_limit(database_urls.admin, firm, firm.desk, "LONG_POSITION", "100")
    set_limit(database_urls.admin, firm, firm.firm, "REJECT_STREAK", "5")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.limits.count_reject([firm.firm])
        reserve_and_record(tx, order_of(firm, Side.BUY, "3"))
    with database.tenant_transaction(firm.tenant_id) as tx:
        reserve_and_record(tx, order_of(firm, Side.SELL, "2", account=1))
    order = order_of(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        entry = enter(tx, order)
        place = tx.ladders.place(order.terms, None)
        ladder = tx.ladders.lock(path_of(place, order.terms), place.quote, order.terms, order_id=order.order_id, at=NOW)
    assert entry.place == place
    assert entry.ladder == ladder
    assert entry.gate.is_ledger_open
    assert [scope.exposures[0].open_buy_qty for scope in ladder.scopes] == [3, 3, 3, 3]
    assert ladder.scopes[0].standing.reject_streak == 1


def test_all_nodes_on_the_way_are_locked_and_no_others(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        enter(tx, order_of(firm))
        assert [is_locked(database_urls.admin, node_id) for node_id in firm.path] == [True] * 4
        assert not is_locked(database_urls.admin, firm.account_nodes[1])


@pytest.mark.parametrize("mode", ["CACHED", "EMERGENCY", "CLOSED"])
def test_while_the_ledger_is_silent_it_waits_for_no_node(
    database: Database, database_urls: DatabaseUrls, firm: Firm, mode: str
) -> None:
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO trading.degraded_modes VALUES (%s, 'LEDGER', %s, %s, %s)", (firm.tenant_id, mode, NOW, NOW)
        )
    with held_by_somebody(database_urls.admin, firm.firm), database.tenant_transaction(firm.tenant_id) as tx:
        entry = enter(tx, order_of(firm))
        assert entry.ladder is None
        assert entry.gate.ledger is not None
        assert entry.gate.ledger.mode == mode
        assert not is_locked(database_urls.admin, firm.account_nodes[0])


def test_with_a_fill_that_is_too_old_and_not_booked_it_locks_no_node(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    filled_at = NOW - POSITIONS_AGE_MAX
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO trading.events (event_id, topic, tenant_id, account_id, aggregate_id, correlation_id,"
            " occurred_at_ns, payload) VALUES (%s, 'trades.TradeExecuted.v1', %s, %s, %s, 'test', %s, '{}')",
            (uuid.uuid4(), firm.tenant_id, firm.account_ids[0], uuid.uuid4(), nanoseconds(filled_at)),
        )
    with database.tenant_transaction(firm.tenant_id) as tx:
        exactly = enter(tx, order_of(firm))
    assert exactly.ladder is not None
    assert exactly.gate.unbooked_since == filled_at
    with database.tenant_transaction(firm.tenant_id) as tx:
        entry = enter(tx, order_of(firm), NOW + timedelta(microseconds=1))
        assert entry.ladder is None
        assert not is_locked(database_urls.admin, firm.firm)


def test_what_was_committed_while_it_waited_is_what_it_reads(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    """Nodes, exposures and limits: all of them newer than the wait for the lock."""
    entries: list[Entry] = []

    def wait_for_it() -> None:
        with database.tenant_transaction(firm.tenant_id) as tx:
            entries.append(enter(tx, order_of(firm, account=1)))

    set_reference(database_urls.admin, Decimal(2000), NOW)
    with psycopg.connect(database_urls.admin, autocommit=True) as watching:

        def reserve_meanwhile(tx: TenantTransaction) -> threading.Thread:
            reserve_and_record(tx, order_of(firm, Side.BUY, "3"))
            waits = threading.Thread(target=wait_for_it)
            waits.start()
            _until_somebody_waits(watching)
            tx.connection.execute("UPDATE limits.nodes SET state = 'SUSPENDED' WHERE node_id = %s", (firm.desk,))
            return waits

        in_transaction(database_urls.functions, firm, reserve_meanwhile).join(WAIT_MAX_S)
    (entry,) = entries
    assert entry.ladder is not None
    assert entry.ladder.scopes[0].exposures[0].open_buy_qty == Decimal(3)
    assert entry.ladder.scopes[1].node.state == "SUSPENDED"


def test_an_account_that_was_moved_while_it_waited_is_not_judged_by_its_old_place(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    order, raised = order_of(firm), []

    def wait_for_it() -> None:
        with database.tenant_transaction(firm.tenant_id) as tx:
            try:
                reserve_entered(tx, order, enter(tx, order), NOW)
            except TreeChanged as error:
                raised.append(error)

    account = firm.account_nodes[0]
    with (
        psycopg.connect(database_urls.admin, autocommit=True) as watching,
        held_by_somebody(database_urls.admin, account) as mover,
    ):
        waits = threading.Thread(target=wait_for_it)
        waits.start()
        _until_somebody_waits(watching)
        mover.execute(
            "UPDATE limits.nodes SET parent_id = %s, path = %s WHERE node_id = %s",
            (firm.desk, [firm.firm, firm.desk, account], account),
        )
        mover.commit()
        waits.join(WAIT_MAX_S)
    assert len(raised) == 1


def test_another_firm_finds_and_locks_nothing_of_it(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    other, order = create_firm(database_urls.admin, "Other"), order_of(firm)
    with database.tenant_transaction(other.tenant_id) as tx:
        entry = enter(tx, order)
        assert (entry.place.account_path, entry.ladder) == (None, None)
        assert not is_locked(database_urls.admin, firm.firm)
        with pytest.raises(NotFound):
            reserve_entered(tx, order, entry, NOW)


def _until_somebody_waits(watching: psycopg.Connection) -> None:
    for _ in range(WAIT_MAX_S * 100):
        row = watching.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        if row != (0,):
            return
        watching.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits")
