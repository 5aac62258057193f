"""The watch beside an engine that takes every connection and never answers, on a real database and real sockets."""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from urllib3 import Timeout

from breakwater.db.connection import Database
from breakwater.domain.exposure import NodeState
from breakwater.domain.permissions import Caller
from breakwater.runtime import watch as runtime
from breakwater.services import engine_client
from breakwater.services.engine_client import EngineClient
from breakwater.services.engine_watch import EngineWatch
from breakwater.services.loss_watch import LossWatch
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, create_firm, order_of, reserve_and_record, set_reference
from tests.integration.limits.lease_scene import LeaseScene
from tests.integration.limits.people import risk_manager
from tests.integration.limits.test_watch import at_price, hold, limit, state_of

ACCOUNTS = 12  # Each with a lease: to wait for the engine's time-out for all of them takes half a minute.
ACTED_WITHIN_S = 1.5  # Half of one time-out.


class HungEngine(EngineClient):
    """Over real sockets; `asked` has the correlation id of each request, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        super().__init__(lambda: url, lambda: "test-token")
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            self._taken.append(taken)
            headers = taken.recv(1_000_000).decode()
            self.asked.append(headers.partition("X-Correlation-ID: ")[2].partition("\r\n")[0])

    def close(self) -> None:
        self._socket.close()
        for taken in self._taken:
            taken.close()


@pytest.fixture
def hung() -> Iterator[HungEngine]:
    engine = HungEngine()
    yield engine
    engine.close()


@pytest.fixture
def many(database_urls: DatabaseUrls) -> Firm:
    return create_firm(database_urls.admin, accounts=ACCOUNTS)


@pytest.fixture
def owed(database_urls: DatabaseUrls, database: Database, many: Firm) -> Firm:
    """Its accounts' leases all wait for the engine's answer."""
    scene = LeaseScene(database_urls, database, many, risk_manager(many))
    for account in range(ACCOUNTS):
        assert scene.open("1", "1", account=account)["is_answered"]
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE limits.leases SET version = version + 1")
    return many


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "TIMEOUT", Timeout(total=0.2))


@contextmanager
def locked(urls: DatabaseUrls, *node_ids: uuid.UUID) -> Iterator[None]:
    with psycopg.connect(urls.admin) as connection:
        connection.execute("SELECT FROM limits.nodes WHERE node_id = ANY (%s) FOR UPDATE", (list(node_ids),))
        yield
        connection.rollback()


def seconds_until(is_so: Callable[[], bool], at_most: float = 20) -> float:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < at_most
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_loss_stops_its_node_at_once_while_an_engine_that_hangs_is_owed_many_leases(
    database: Database, database_urls: DatabaseUrls, owed: Firm, hung: HungEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(database, risk_manager(owed), owed.desk, "DAILY_LOSS", "100")
    hold(database_urls, owed, "1", "2000")
    monkeypatch.setattr(runtime, "new_database", lambda: Database(lambda: database_urls.functions))
    monkeypatch.setattr(runtime, "new_engine_client", lambda: hung)
    told_to_stop = threading.Event()
    threads = [
        threading.Thread(target=each, args=(told_to_stop,))
        for each in (runtime.watch_losses, runtime.watch_ledger, runtime.watch_engine)
    ]
    set_reference(database_urls.admin, Decimal(2000), datetime.now(UTC))
    for thread in threads:
        thread.start()
    try:
        seconds_until(lambda: bool(hung.asked) and _is_observed(database_urls, owed))
        set_reference(database_urls.admin, Decimal(1899), datetime.now(UTC))
        assert seconds_until(lambda: state_of(database, owed, owed.desk) == NodeState.REDUCE_ONLY) < ACTED_WITHIN_S
    finally:
        told_to_stop.set()
        for thread in threads:
            thread.join(20)


def _is_observed(urls: DatabaseUrls, firm: Firm) -> bool:
    with psycopg.connect(urls.admin) as connection:
        return (
            connection.execute("SELECT FROM limits.standings WHERE node_id = %s", (firm.desk,)).fetchone() is not None
        )


@pytest.mark.usefixtures("short")
def test_a_round_asks_an_engine_that_hangs_once_and_the_next_one_asks_for_another_lease(
    database: Database, owed: Firm, hung: HungEngine
) -> None:
    told: list[str] = []
    watch = EngineWatch(database.untenanted_transaction, database.tenant_transaction, hung, told.append)
    for number in range(1, ACCOUNTS + 1):
        watch.run_round(NOW + timedelta(milliseconds=number))
        assert len(hung.asked) == number
    with database.tenant_transaction(owed.tenant_id) as tx:
        assert sorted(hung.asked) == sorted(str(lease.lease_id) for lease in tx.leases.page())
    watch.run_round(NOW + timedelta(seconds=1))
    assert hung.asked[-1] == hung.asked[0]  # The one that has waited longest.
    assert all(line.endswith("the engine did not answer") for line in told)


@pytest.mark.usefixtures("short")
def test_a_kill_asks_an_engine_that_hangs_once_and_names_every_order(
    database: Database, database_urls: DatabaseUrls, firm: Firm, hung: HungEngine
) -> None:
    orders = [order_of(firm) for _ in range(5)]
    with database.tenant_transaction(firm.tenant_id) as tx:
        for order in orders:
            reserve_and_record(tx, order)
        tx.watch.request_cancels(firm.desk, NOW)
    told: list[str] = []
    EngineWatch(database.untenanted_transaction, database.tenant_transaction, hung, told.append).run_round(NOW)
    assert told == [f"5 orders below {firm.desk} may still be open: the engine did not answer"]
    assert len(hung.asked) == 1


def watching(database: Database, urls: DatabaseUrls, tell: Callable[[str], None]) -> LossWatch:
    """It has looked at what is held once, at what that cost."""
    watch = LossWatch(database.untenanted_transaction, database.tenant_transaction, tell)
    watch.run_round(at_price(urls, "2000", NOW - timedelta(seconds=1)))
    return watch


def test_a_node_that_somebody_holds_does_not_keep_the_losses_of_others(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    held = [firm.firm, firm.desk, firm.trader]
    for node_id in (*held, firm.account_nodes[0]):
        limit(database, risk, node_id, "DAILY_LOSS", "100")
    hold(database_urls, firm, "1", "2000")
    told: list[str] = []
    watch = watching(database, database_urls, told.append)
    with locked(database_urls, *held):
        began = time.monotonic()
        watch.run_round(at_price(database_urls, "1899", NOW))
        assert time.monotonic() - began < ACTED_WITHIN_S
        assert state_of(database, firm, firm.account_nodes[0]) == NodeState.REDUCE_ONLY
        assert len(told) == len(held)
    watch.run_round(at_price(database_urls, "1899", NOW + timedelta(seconds=1)))
    assert {state_of(database, firm, node_id) for node_id in held} == {NodeState.REDUCE_ONLY}


def test_a_limit_that_whoever_holds_its_node_sets_higher_stops_nothing(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    limit(database, risk, firm.desk, "DAILY_LOSS", "100")
    hold(database_urls, firm, "1", "2000")
    told: list[str] = []
    watch = watching(database, database_urls, told.append)
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("SELECT FROM limits.nodes WHERE node_id = %s FOR UPDATE", (firm.desk,))
        connection.execute("UPDATE limits.limits SET value = 200 WHERE node_id = %s", (firm.desk,))
        release = threading.Timer(0.1, connection.commit)
        release.start()
        watch.run_round(at_price(database_urls, "1880", NOW))
        release.join()
    assert (state_of(database, firm, firm.desk), told) == (NodeState.ACTIVE, [])


def test_what_nobody_foresaw_in_one_organisation_does_not_keep_the_losses_of_another(
    database: Database, database_urls: DatabaseUrls, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, look = create_firm(database_urls.admin, "Other"), LossWatch._look
    for each in (firm, other):
        limit(database, risk_manager(each), each.desk, "DAILY_LOSS", "100")
        hold(database_urls, each, "1", "2000")
    watch = watching(database, database_urls, pytest.fail)

    def fail_for_one(self: LossWatch, tenant_id: uuid.UUID, at: datetime) -> Any:
        if tenant_id == firm.tenant_id:
            raise ZeroDivisionError
        return look(self, tenant_id, at)

    monkeypatch.setattr(LossWatch, "_look", fail_for_one)
    watch.run_round(at_price(database_urls, "1899", NOW))
    assert state_of(database, other, other.desk) == NodeState.REDUCE_ONLY
    monkeypatch.undo()
    watch.run_round(at_price(database_urls, "1899", NOW + timedelta(seconds=1)))
    assert state_of(database, firm, firm.desk) == NodeState.REDUCE_ONLY


def test_a_standing_that_somebody_holds_does_not_keep_the_losses_of_another_organisation(
    database: Database, database_urls: DatabaseUrls, firm: Firm, risk: Caller
) -> None:
    other = create_firm(database_urls.admin, "Other")
    for each in (firm, other):
        limit(database, risk_manager(each), each.desk, "DAILY_LOSS", "100")
        hold(database_urls, each, "1", "2000")
    told: list[str] = []
    watch = watching(database, database_urls, told.append)
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("SELECT FROM limits.standings WHERE node_id = %s FOR UPDATE", (firm.desk,))
        began = time.monotonic()
        watch.run_round(at_price(database_urls, "1899", NOW))
        assert time.monotonic() - began < ACTED_WITHIN_S
        assert state_of(database, other, other.desk) == NodeState.REDUCE_ONLY
        connection.rollback()
    watch.run_round(at_price(database_urls, "1899", NOW + timedelta(seconds=1)))
    assert state_of(database, firm, firm.desk) == NodeState.REDUCE_ONLY
