"""The engine dies in the middle of orders: nothing acknowledged is lost, nothing is doubled, the books agree."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg

from breakwater.client import Order, Problem, ServerUnreachable
from tests.benchmarks.ledger_check import disagreements, open_orders
from tests.e2e.desk import Desk, eventually, final, new_id

ORDERS = 12
ENGINE_BACK_WITHIN_S = 30
BOOKS_WITHIN_S = 100


def kill_engine(endpoints_file: Path) -> None:
    os.kill(int((endpoints_file.parent / "engine.pid").read_text()), signal.SIGKILL)


def wait_for_engine(endpoints: dict[str, Any]) -> None:
    def look() -> bool | None:
        try:
            return httpx.get(f"{endpoints['engine_url']}/health/ready", timeout=2).is_success or None
        except httpx.TransportError:
            return None

    eventually(look, ENGINE_BACK_WITHIN_S)


def place_until_answered(desk: Desk, side: str) -> Order:
    """As a careful program does: the same id until there is an answer, and another order where prices were too old.

    On a busy machine the engine may be away for longer than a price is fresh.
    """
    client_order_id = new_id()

    def ask() -> Order | None:
        nonlocal client_order_id
        try:
            return desk.place(side, "0.01", client_order_id=client_order_id)
        except ServerUnreachable:
            return None
        except Problem as problem:
            if problem.code == "REFERENCE_UNAVAILABLE":
                client_order_id = new_id()
            elif problem.status != 503:
                raise
            return None

    return eventually(ask, BOOKS_WITHIN_S)


def test_orders_caught_by_a_dying_engine_end_once_and_the_books_agree(
    desk: Desk,
    endpoints: dict[str, Any],
    endpoints_file: Path,
    database: psycopg.Connection,
    reconcile: Callable[[], None],
) -> None:
    resting = desk.rest()
    with ThreadPoolExecutor(ORDERS) as pool:
        placing = [pool.submit(place_until_answered, desk, "SELL" if n % 2 else "BUY") for n in range(ORDERS)]
        time.sleep(0.05)
        kill_engine(endpoints_file)
        placed = [each.result() for each in placing]
    wait_for_engine(endpoints)

    assert desk.client.order(resting["order_id"])["status"] == "NEW"
    for order in placed:
        ended = final(desk.client, order["order_id"], meanwhile=reconcile)
        trades = desk.filled_of(order["order_id"])
        assert sum(Decimal(trade["last_qty"]) for trade in trades) == Decimal(ended["cum_qty"])
    desk.client.cancel_all(desk.account_id)
    eventually(lambda: open_orders(database) == 0 or None, BOOKS_WITHIN_S)
    eventually(lambda: not disagreements(database) or None, BOOKS_WITHIN_S)


def test_a_resting_order_survives_and_can_be_cancelled_after_a_restart(
    desk: Desk, endpoints: dict[str, Any], endpoints_file: Path
) -> None:
    order_id = desk.rest()["order_id"]
    kill_engine(endpoints_file)
    wait_for_engine(endpoints)
    assert desk.client.cancel(order_id)["status"] == "CANCELED"


def test_while_the_engine_is_down_reads_go_on_and_an_order_is_either_unavailable_or_unknown(
    desk: Desk, endpoints: dict[str, Any], endpoints_file: Path, reconcile: Callable[[], None]
) -> None:
    client_order_id = new_id()
    price = desk.price_below()

    def ask() -> str:
        try:
            return desk.place("BUY", "0.01", price=price, client_order_id=client_order_id)["status"]
        except Problem as problem:
            return str(problem.status)

    kill_engine(endpoints_file)
    # NEW, when the retries outlasted the restart.
    assert ask() in {"503", "UNKNOWN", "PENDING_NEW", "NEW"}
    assert desk.client.me()["username"] == "trader2"
    wait_for_engine(endpoints)
    settled = {"NEW", "422"}  # 422: voided by the reconciler before it arrived, so it never will.

    def look() -> bool | None:
        reconcile()
        return ask() in settled or None

    eventually(look, BOOKS_WITHIN_S)
