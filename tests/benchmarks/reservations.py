"""Reservations on one hot firm node over 5 nodes with 20 limits: 32 connections with random crashes, and one alone.

The 32 are of one process, and again of 32, as functions are: on few cores each of those finds the caches cold.

With `BREAKWATER_BENCH_TRIES=100000` as many orders are tried as there; a tenth of them by default.
"""

import json
import logging
import multiprocessing
import os
import random
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from breakwater.domain.degraded import EmergencyLimits
from breakwater.errors import DatabaseUnavailable, LimitExceeded
from breakwater.services import degraded
from breakwater.services.limits import read_ladder
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import own_postgres
from tests.integration.limits.firm import NOW, Firm, create_firm, database_of, order_of, set_limit

CONNECTIONS = 32
TRIES = int(os.environ.get("BREAKWATER_BENCH_TRIES", "10000"))
ORDERS_EACH = TRIES // CONNECTIONS
CRASHES = 0.01  # Of the transactions: the connection is cut after the work and before the commit.
HELD_MAX = CONNECTIONS * ORDERS_EACH * 9 // 10  # The last tenth meets a full limit.
ALONE = 500
EMERGENCY = EmergencyLimits()
WARM_UP_ORDERS = 10  # Each; they open the connection and prepare the statements.
TIMEOUT_S = 600
SWITCH_S = 0.0005  # Whoever has the node's lock waits no longer for the interpreter of his process.
P50_GOAL_MS, P99_GOAL_MS, RATE_GOAL = 4, 15, 800


@dataclass(frozen=True)
class Measured:
    """`spans` are begin and end of each reservation that was held; `crashed` transactions were cut off."""

    spans: list[tuple[float, float]]
    crashed: int
    within_limit: bool

    @property
    def rate(self) -> float:
        return len(self.spans) / (max(end for _, end in self.spans) - min(begin for begin, _ in self.spans))

    def latency_ms(self, share: float) -> float:
        return percentile(sorted((end - begin) * 1000 for begin, end in self.spans), share)


def run() -> list[Figure]:
    with own_postgres() as postgres:
        alone = _measure(
            postgres.create_database("alone").admin, connections=1, processes=1, orders_each=ALONE, crashes=0.0
        )
        hot = {
            processes: _measure(
                postgres.create_database(f"reservations_of_{processes}").admin,
                connections=CONNECTIONS,
                processes=processes,
                orders_each=ORDERS_EACH,
                crashes=CRASHES,
            )
            for processes in (1, CONNECTIONS)
        }
    return [
        Figure(
            "reserve over 5 nodes with 20 limits, one connection",
            f"p50 < {P50_GOAL_MS} ms, p99 < {P99_GOAL_MS} ms",
            alone.latency_ms(0.5),
            alone.latency_ms(0.99),
            f"{alone.rate:.0f}/s",
            alone.latency_ms(0.5) < P50_GOAL_MS and alone.latency_ms(0.99) < P99_GOAL_MS,
        ),
        *(_hot_figure(processes, measured) for processes, measured in hot.items()),
    ]


def _hot_figure(processes: int, hot: Measured) -> Figure:
    return Figure(
        f"the same on one hot firm node, {CONNECTIONS} connections of {processes} process{'es' * (processes > 1)}, "
        "random crashes",
        f">= {RATE_GOAL}/s, never over",
        hot.latency_ms(0.5),
        hot.latency_ms(0.99),
        f"{hot.rate:.0f}/s, {CONNECTIONS * ORDERS_EACH:,} tries, {hot.crashed} cut off before their commit, "
        f"{'never over the limit' if hot.within_limit else 'OVER THE LIMIT'}",
        hot.rate >= RATE_GOAL and hot.within_limit,
    )


def _measure(conninfo: str, *, connections: int, processes: int, orders_each: int, crashes: float) -> Measured:
    held_max = connections * orders_each * 9 // 10
    firm = create_firm(conninfo, accounts=connections)
    _set_limits(conninfo, firm, held_max)
    functions = make_conninfo(conninfo, user="breakwater_functions", password="breakwater_functions")
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(connections + 1)
    answers: multiprocessing.Queue[tuple[list[tuple[float, float]], int]] = context.Queue()
    workers = [
        context.Process(
            target=_reserve_over,
            args=(range(number, connections, processes), functions, firm),
            kwargs={"orders_each": orders_each, "crashes": crashes, "start": start, "answers": answers},
            daemon=True,
        )
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    start.wait(TIMEOUT_S)
    stop, observed = threading.Event(), [Decimal(0)]
    observer = threading.Thread(target=_observe, args=(conninfo, firm, stop, observed))
    observer.start()
    told = [answers.get(timeout=TIMEOUT_S) for _ in range(connections)]
    stop.set()
    observer.join(TIMEOUT_S)
    for worker in workers:
        worker.join(TIMEOUT_S)
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT count(*) FROM limits.reservations").fetchone()
    reserved = row[0] if row else 0
    return Measured(
        spans=[span for spans, _ in told for span in spans],
        crashed=sum(crashed for _, crashed in told),
        within_limit=observed[0] <= held_max and reserved <= held_max and not _differences(functions, firm),
    )


def _set_limits(conninfo: str, firm: Firm, held_max: int) -> None:
    """Twenty on the way of every order: fifteen on firm, desk and trader, five on the account and its strategy."""
    set_limit(conninfo, firm, firm.firm, "LONG_POSITION", str(held_max))
    for node_id in (firm.firm, firm.desk, firm.trader):
        set_limit(conninfo, firm, node_id, "MAX_ORDER_QTY", "100")
        set_limit(conninfo, firm, node_id, "MAX_ORDER_NOTIONAL", "1000000")
        set_limit(conninfo, firm, node_id, "PRICE_COLLAR", "0.05")
        set_limit(conninfo, firm, node_id, "DAILY_TRADED_NOTIONAL", "1000000000000")
    for node_id in (firm.desk, firm.trader):
        set_limit(conninfo, firm, node_id, "OPEN_ORDER_COUNT", "100000000")
    for node_id in firm.account_nodes:
        for limit_type in ("MAX_ORDER_QTY", "OPEN_ORDER_COUNT", "DAILY_ORDER_COUNT"):
            set_limit(conninfo, firm, node_id, limit_type, "100000000")
    for strategy_id in _add_strategies(conninfo, firm):
        for limit_type in ("MAX_ORDER_QTY", "OPEN_ORDER_COUNT"):
            set_limit(conninfo, firm, strategy_id, limit_type, "100000000")


def _reserve_over(numbers: range, *args: Any, **kwargs: Any) -> None:
    """As many connections as there are numbers, each on a thread of its own."""
    sys.setswitchinterval(SWITCH_S)
    threads = [threading.Thread(target=_reserve_many, args=(*args, number), kwargs=kwargs) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)


def _reserve_many(
    conninfo: str, firm: Firm, number: int, *, orders_each: int, crashes: float, start: Any, answers: Any
) -> None:
    """Each order buys one unit; the answer is when each that was held began and ended, and how many were cut off."""
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # It warns of each connection that is cut here on purpose.
    database, chance, held, crashed = database_of(conninfo), random.Random(number), [], 0  # noqa: S311  # A seed, so that each run is the same.
    orders = [order_of(firm, account=number) for _ in range(orders_each)]
    strategy_id = strategy_of(firm, number)
    orders = [o.model_copy(update={"terms": o.terms.model_copy(update={"strategy_id": strategy_id})}) for o in orders]
    with database.tenant_transaction(firm.tenant_id) as tx:
        for _ in range(WARM_UP_ORDERS):
            read_ladder(tx, orders[0].terms, None, NOW)
    start.wait(TIMEOUT_S)
    for order in orders:
        begin = time.monotonic()
        try:
            with database.tenant_transaction(firm.tenant_id) as tx:
                degraded.reserve(tx, order, EMERGENCY, NOW)
                if chance.random() < crashes:
                    tx.connection.close()  # As when the function dies here: the server rolls back.
        except LimitExceeded:
            continue
        except (DatabaseUnavailable, psycopg.OperationalError):
            crashed += 1
            database.close()
            continue
        held.append((begin, time.monotonic()))
    answers.put((held, crashed))


def strategy_of(firm: Firm, number: int) -> uuid.UUID:
    """The id of the strategy below the account of that number: told, so that spawned processes know it."""
    return uuid.uuid5(firm.account_nodes[number], "strategy")


def _add_strategies(conninfo: str, firm: Firm) -> list[uuid.UUID]:
    ids = [strategy_of(firm, number) for number in range(len(firm.account_nodes))]
    with psycopg.connect(conninfo) as connection:
        for node_id, account_node in zip(ids, firm.account_nodes, strict=True):
            connection.execute(
                "INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, path)"
                " SELECT %(id)s, tenant_id, node_id, 'STRATEGY', 'strategy', path || %(id)s::uuid FROM limits.nodes"
                " WHERE node_id = %(account)s",
                {"id": node_id, "account": account_node},
            )
    return ids


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
    for figure in run():
        print(json.dumps(figure.__dict__, indent=2))
