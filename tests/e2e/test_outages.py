"""Database away, engine hung, while orders are sent: no false answer, and afterwards the books agree."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from breakwater.client import Order
from breakwater.client.shapes import FINAL_STATUSES
from local_cloud.postgres import SUPERUSER
from tests.benchmarks.ledger_check import disagreements
from tests.e2e.answers import INTERNALS, assert_problem
from tests.e2e.desk import SYMBOL, Desk, eventually, new_id

SENDERS = 6
ORDERS_HUNG = 4
ANSWERED_WITHIN_S = 29.0  # Then API Gateway gives up.
DATABASE_AWAY_S = 8.0
HELD_UP_S = 5.0  # No cold start takes that long.
ENGINE_HUNG_S = 12.0  # Longer than its lease of 10 s, and than a saga tries.
READY_WITHIN_S = 30
SETTLED_WITHIN_S = 80  # An order whose saga died with the database is left to it for 40 s.
KNOWN = FINAL_STATUSES | {"NEW", "PARTIALLY_FILLED"}

Ask = Callable[..., httpx.Response]


@dataclass(frozen=True)
class Sent:
    body: dict[str, Any]
    answer: httpx.Response
    took_s: float


@pytest.fixture
def superuser(endpoints: dict[str, Any], endpoints_file: Path) -> Iterator[psycopg.Connection]:
    """Beside the product's database, so that it stays when that one is away."""
    password = (endpoints_file.parent / "postgres.password").read_text().strip()
    conninfo = make_conninfo(endpoints["database_url"], dbname="postgres", user=SUPERUSER, password=password)
    with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as connection:
        yield connection


@contextmanager
def database_closed(superuser: psycopg.Connection) -> Iterator[None]:
    """Nobody is let in, and whoever was in is thrown out."""
    superuser.execute("ALTER DATABASE breakwater ALLOW_CONNECTIONS false")
    try:
        superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'breakwater'")
        yield
    finally:
        superuser.execute("ALTER DATABASE breakwater ALLOW_CONNECTIONS true")


@contextmanager
def database_frozen(endpoints_file: Path) -> Iterator[None]:
    """It takes connections and answers nothing."""
    server = psutil.Process(json.loads((endpoints_file.parent / "run" / "postgres.json").read_text())["pid"])
    server.suspend()  # First, so that it starts no other.
    processes = [server, *server.children()]
    try:
        for process in processes[1:]:
            process.suspend()
        yield
    finally:
        for process in processes:
            process.resume()


@contextmanager
def engine_hung(endpoints_file: Path) -> Iterator[None]:
    pid = int((endpoints_file.parent / "engine.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def order_of(desk: Desk, price: str | None) -> dict[str, Any]:
    body = {"client_order_id": new_id(), "account_id": desk.account_id, "symbol": SYMBOL, "quantity": "0.01"}
    if price is None:
        return body | {"side": "SELL", "type": "MARKET"}
    return body | {"side": "BUY", "type": "LIMIT", "price": price}


def send(ask: Ask, desk: Desk, body: dict[str, Any]) -> Sent:
    started_at = time.monotonic()
    return Sent(body, ask(desk.client, "POST", "/orders", body), time.monotonic() - started_at)


def send_all_through(
    outage: AbstractContextManager[None], ask: Ask, desk: Desk, seen: Callable[[], None]
) -> list[Sent]:
    """Several senders, one order after the other, from before the outage to its end; `seen` is called within it."""
    price = desk.price_below()
    under_way, is_over = threading.Semaphore(0), threading.Event()

    def send_one_after_the_other() -> list[Sent]:
        sent: list[Sent] = []
        while not is_over.is_set():
            sent.append(send(ask, desk, order_of(desk, price if len(sent) % 2 else None)))
            under_way.release()
            is_over.wait(0.1)
        return sent

    with ThreadPoolExecutor(SENDERS) as pool:
        sending = [pool.submit(send_one_after_the_other) for _ in range(SENDERS)]
        try:
            for _ in sending:  # Some functions have to start first.
                assert under_way.acquire(timeout=ANSWERED_WITHIN_S)
            with outage:
                began_at = time.monotonic()
                seen()
                time.sleep(max(0, began_at + DATABASE_AWAY_S - time.monotonic()))
        finally:
            is_over.set()
        return [each for sender in sending for each in sender.result()]


@pytest.fixture
def aftermath(desk: Desk, ask: Ask, endpoints: dict[str, Any], reconcile: Callable[[], None]) -> "Aftermath":
    return Aftermath(desk, ask, endpoints, reconcile)


@dataclass(frozen=True)
class Aftermath:
    """What is to be true once everything is back."""

    desk: Desk
    ask: Ask
    endpoints: dict[str, Any]
    reconcile: Callable[[], None]

    def wait_for_engine(self) -> None:
        def is_ready() -> bool | None:
            try:
                return httpx.get(f"{self.endpoints['engine_url']}/health/ready", timeout=2).is_success or None
            except httpx.TransportError:
                return None

        def is_priced() -> bool | None:
            return not any(each["stale"] for each in self.desk.client.instruments()["items"]) or None

        eventually(is_ready, READY_WITHIN_S)
        eventually(is_priced, READY_WITHIN_S)  # A moment later; until then orders are refused.

    def settled(self, sent: Sent) -> Order:
        """The order once its state is known, asked for as a careful program does: by sending it again."""

        def look() -> Order | None:
            answer = self.ask(self.desk.client, "POST", "/orders", sent.body)
            if answer.status_code == 422:
                return self.desk.client.order(answer.json()["order_id"])
            assert answer.status_code in {200, 201, 202, 503}, answer.text
            if answer.status_code < 202 and answer.json()["status"] in KNOWN:
                order: Order = answer.json()
                return order
            self.reconcile()
            time.sleep(0.5)
            return None

        return eventually(look, SETTLED_WITHIN_S)

    def assert_books_agree(self) -> None:
        """Every order known, none doubled, and the ledger equal to journal and orders to the last digit."""
        self.desk.client.cancel_all(self.desk.account_id)
        with psycopg.connect(self.endpoints["database_url"], autocommit=True, connect_timeout=5) as database:

            def agree() -> bool | None:
                self.reconcile()
                return not disagreements(database) or None

            eventually(agree, SETTLED_WITHIN_S)
            doubled = database.execute(
                """SELECT aggregate_id, topic FROM trading.events WHERE topic IN ('orders.OrderPlaced.v1',
                   'orders.OrderAccepted.v1', 'orders.OrderCanceled.v1') GROUP BY 1, 2 HAVING count(*) > 1"""
            ).fetchall()
            unknown = database.execute(
                "SELECT order_id, status FROM trading.orders WHERE status <> ALL(%s)", [sorted(KNOWN)]
            ).fetchall()
        assert (doubled, unknown) == ([], [])


def assert_honest(each: Sent) -> None:
    """What may be said of an order while the database is away."""
    assert each.took_s < ANSWERED_WITHIN_S
    assert not INTERNALS.search(each.answer.text)
    if each.answer.status_code == 201:
        assert each.answer.json()["status"] in KNOWN
    elif each.answer.status_code == 202:
        assert each.answer.json()["status"] in {"PENDING_NEW", "UNKNOWN"}
    elif each.answer.status_code == 422:  # The database was back before the first price was.
        assert each.answer.json()["code"] == "REFERENCE_UNAVAILABLE"
    else:
        assert_problem(each.answer, 503)
    assert (int(each.answer.headers.get("Retry-After", 0)) > 0) == (each.answer.status_code in {202, 503})


@pytest.fixture
def database_outages(
    superuser: psycopg.Connection, endpoints_file: Path
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return database_closed(superuser), database_frozen(endpoints_file)


def test_while_the_database_is_away_nothing_is_promised_and_afterwards_the_books_agree(
    desk: Desk,
    ask: Ask,
    endpoints: dict[str, Any],
    database_outages: tuple[AbstractContextManager[None], ...],
    aftermath: Aftermath,
) -> None:
    resting = desk.rest()
    sent: list[Sent] = []

    def seen() -> None:
        health = httpx.get(f"{endpoints['api_url']}/health", timeout=ANSWERED_WITHIN_S)
        assert (health.status_code, health.json()["dependencies"]["database"]["state"]) == (503, "DOWN")

    # One after the other, so that the time for which a dead saga's order is left to it passes once for both.
    for outage in database_outages:
        caught = send_all_through(outage, ask, desk, seen)
        for each in caught:
            assert_honest(each)
        assert any(each.answer.status_code == 201 for each in caught)
        # Refused, left unknown, or carried over the outage by the saga's retries: but held up.
        assert any(each.answer.status_code != 201 or each.took_s > HELD_UP_S for each in caught)
        aftermath.wait_for_engine()
        sent.extend(caught)

    for each in sent:
        order = aftermath.settled(each)
        if each.answer.status_code in {201, 202}:
            assert order["order_id"] == each.answer.json()["order_id"]
        if each.answer.status_code == 201:
            assert order["status"] != "REJECTED"
    assert desk.client.order(resting["order_id"])["status"] == "NEW"
    aftermath.assert_books_agree()


def test_orders_sent_to_a_hung_engine_are_unknown_until_the_reconciler_has_asked(
    desk: Desk, ask: Ask, endpoints: dict[str, Any], endpoints_file: Path, aftermath: Aftermath
) -> None:
    price = desk.price_below()
    bodies = [order_of(desk, price if n % 2 else None) for n in range(2 * ORDERS_HUNG)]
    with ThreadPoolExecutor(ORDERS_HUNG) as pool:
        # Functions that had to start first would come when the last price is too old for any order.
        before = list(pool.map(lambda body: send(ask, desk, body), bodies[ORDERS_HUNG:]))
        assert {each.answer.status_code for each in before} == {201}
        with engine_hung(endpoints_file):
            hung_at = time.monotonic()
            sending = [pool.submit(send, ask, desk, body) for body in bodies[:ORDERS_HUNG]]
            assert desk.client.me()["username"] == "trader2"
            health = httpx.get(f"{endpoints['api_url']}/health", timeout=ANSWERED_WITHIN_S).json()["dependencies"]
            sent = [each.result() for each in sending]
            time.sleep(max(0, hung_at + ENGINE_HUNG_S - time.monotonic()))

    assert {name: health[name]["state"] for name in ("database", "engine")} == {"database": "UP", "engine": "DOWN"}
    for each in sent:
        assert each.took_s < ANSWERED_WITHIN_S
        assert (each.answer.status_code, each.answer.json()["status"]) == (202, "UNKNOWN"), each.answer.text
        assert int(each.answer.headers["Retry-After"]) > 0
        steps = desk.client.saga(each.answer.json()["order_id"])["items"]
        assert [(step["step"], step["outcome"]) for step in steps] == [
            ("reserve_limits", "DONE"),
            ("submit_order", "UNAVAILABLE"),
            ("submit_order", "UNAVAILABLE"),
            ("mark_unknown", "DONE"),
        ]

    aftermath.wait_for_engine()
    for each in sent:
        assert aftermath.settled(each)["order_id"] == each.answer.json()["order_id"]
    aftermath.assert_books_agree()
