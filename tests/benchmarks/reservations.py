"""Reservations on one hot firm node: 16 processes with a connection each, against a Postgres of their own."""

import json
import multiprocessing
import threading
import time
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from breakwater.errors import LimitExceeded
from breakwater.services.limits import reserve_limits
from tests.benchmarks.figures import percentile
from tests.benchmarks.own_postgres import own_postgres
from tests.integration.limits.firm import NOW, Firm, create_firm, database_of, order_of, set_limit

CONNECTIONS = 16
ORDERS_EACH = 250
HELD_MAX = CONNECTIONS * ORDERS_EACH * 9 // 10  # The last tenth meets a full limit.
WARM_UP_ORDERS = 10  # Each; they open the connection and prepare the statements.
TIMEOUT_S = 120


def run() -> dict[str, Any]:
    """`per_s`, `p50_ms`, `p99_ms` of the reservations that were held, and whether the limit ever was exceeded."""
    with own_postgres() as postgres:
        return _measure(postgres.create_database("reservations").admin)


def _measure(conninfo: str) -> dict[str, Any]:
    firm = create_firm(conninfo, accounts=CONNECTIONS)
    _set_limits(conninfo, firm)
    functions = make_conninfo(conninfo, user="breakwater_functions", password="breakwater_functions")
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(CONNECTIONS + 1)
    answers: multiprocessing.Queue[list[tuple[float, float]]] = context.Queue()
    workers = [
        context.Process(target=_reserve_many, args=(functions, firm, number, start, answers), daemon=True)
        for number in range(CONNECTIONS)
    ]
    for worker in workers:
        worker.start()
    start.wait(TIMEOUT_S)
    stop, observed = threading.Event(), [Decimal(0)]
    observer = threading.Thread(target=_observe, args=(conninfo, firm, stop, observed))
    observer.start()
    held = [span for _ in workers for span in answers.get(timeout=TIMEOUT_S)]
    stop.set()
    observer.join(TIMEOUT_S)
    for worker in workers:
        worker.join(TIMEOUT_S)
    with psycopg.connect(conninfo) as connection:
        differences = _differences(conninfo, firm)
        reserved = connection.execute("SELECT count(*) FROM limits.reservations").fetchone()
    latencies_ms = sorted((end - begin) * 1000 for begin, end in held)
    elapsed_s = max(end for _, end in held) - min(begin for begin, _ in held)
    return {
        "per_s": round(len(held) / elapsed_s, 1),
        "p50_ms": percentile(latencies_ms, 0.5),
        "p99_ms": percentile(latencies_ms, 0.99),
        "held": len(held),
        "within_limit": observed[0] <= HELD_MAX and reserved == (HELD_MAX,) and not differences,
    }


def _set_limits(conninfo: str, firm: Firm) -> None:
    set_limit(conninfo, firm, firm.firm, "LONG_POSITION", str(HELD_MAX))
    for node_id in (firm.firm, firm.desk, firm.trader):
        set_limit(conninfo, firm, node_id, "MAX_ORDER_QTY", "100")
        set_limit(conninfo, firm, node_id, "PRICE_COLLAR", "0.05")
        set_limit(conninfo, firm, node_id, "DAILY_TRADED_NOTIONAL", "1000000000")


def _reserve_many(conninfo: str, firm: Firm, number: int, start: Any, answers: Any) -> None:
    """Each order buys one unit; the answer is when each that was held began and ended."""
    database = database_of(conninfo)
    held = []
    orders = [order_of(firm, account=number) for _ in range(ORDERS_EACH)]
    with database.tenant_transaction(firm.tenant_id) as tx:
        for _ in range(WARM_UP_ORDERS):
            tx.limits.read_ladder(firm.account_ids[number], "ETH/USDT", orders[0].order_id, NOW.date())
    start.wait(TIMEOUT_S)
    for order in orders:
        begin = time.monotonic()
        try:
            with database.tenant_transaction(firm.tenant_id) as tx:
                reserve_limits(tx, order, NOW)
        except LimitExceeded:
            continue
        held.append((begin, time.monotonic()))
    answers.put(held)


def _observe(conninfo: str, firm: Firm, stop: threading.Event, highest: list[Decimal]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while not stop.wait(0.02):
            row = connection.execute(
                "SELECT filled_qty + open_buy_qty FROM limits.exposures WHERE node_id = %s", (firm.firm,)
            ).fetchone()
            highest[0] = max(highest[0], row[0] if row else Decimal(0))


def _differences(conninfo: str, firm: Firm) -> list[dict[str, Any]]:
    database = database_of(conninfo)
    with database.tenant_transaction(firm.tenant_id) as tx:
        differences = tx.limits.ledger_differences()
    database.close()
    return differences


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
