"""Orders through the whole platform: one client, then fifty at once, and the books afterwards."""

import asyncio
import itertools
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import psycopg

from breakwater.client import Client
from breakwater.client.order_terms import order_body
from breakwater.client.session import local_password
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.ledger_check import disagreements, open_orders

SYMBOL = "ETH/USDT"
TRADERS = ("trader1", "trader2", "trader3")
WARM_UP_ORDERS = 30
ORDERS_ONE_CLIENT = 300
CLIENTS = 50
LOAD_S = 20
TIMEOUT_S = 30.0
SETTLED_WITHIN_S = 120
RESTING_EVERY = 5  # One order in five rests below the market; the others take what the market gives.


@dataclass
class Trader:
    client: Client
    account_id: str


@dataclass
class Load:
    """What the clients saw."""

    latencies_ms: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    resting: list[tuple[Trader, str]] = field(default_factory=list)


def run(endpoints: dict[str, Any]) -> list[Figure]:
    traders = [_sign_in(endpoints, username) for username in TRADERS]
    with psycopg.connect(endpoints["database_url"], autocommit=True) as connection:
        touch = _touch(endpoints)
        figures = [_one_client(traders[0], touch[0])]
        started_at_ns = time.time_ns()
        load, took_s = asyncio.run(_fifty_clients(endpoints["api_url"], traders, touch))
        settled = _settle(connection, traders)
        figures.append(_sustained(load, took_s))
        figures.append(_books(connection, settled))
        figures.append(_projection_lag(connection, started_at_ns))
    for trader in traders:
        trader.client.close()
    return figures


def _sign_in(endpoints: dict[str, Any], username: str) -> Trader:
    client = Client(endpoints["api_url"])
    client.sign_in(username, local_password(endpoints, username) or "")
    return Trader(client, client.me()["account_ids"][0])


def _touch(endpoints: dict[str, Any]) -> tuple[Decimal, Decimal]:
    book = httpx.get(f"{endpoints['engine_url']}/market/book", params={"symbol": SYMBOL, "depth": 1}, timeout=5).json()
    return Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])


def _one_client(trader: Trader, bid: Decimal) -> Figure:
    """Resting limit orders, since each is accepted and none depends on the market."""
    latencies_ms = []
    price = _ticks(bid * Decimal("0.98"))
    for number in range(WARM_UP_ORDERS + ORDERS_ONE_CLIENT):
        started_at = time.perf_counter()
        trader.client.place_order(trader.account_id, SYMBOL, "BUY", "0.01", price=price)
        if number >= WARM_UP_ORDERS:
            latencies_ms.append((time.perf_counter() - started_at) * 1000)
    trader.client.cancel_all(trader.account_id)
    latencies_ms.sort()
    p50, p99 = percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99)
    return Figure(
        "order accepted, one client",
        "p50 < 60 ms, p99 < 150 ms",
        p50,
        p99,
        f"{ORDERS_ONE_CLIENT} orders, worst {latencies_ms[-1]:.1f} ms",
        p50 < 60 and p99 < 150,
    )


async def _fifty_clients(api_url: str, traders: list[Trader], touch: tuple[Decimal, Decimal]) -> tuple[Load, float]:
    load = Load()
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=api_url, timeout=TIMEOUT_S, limits=limits) as http:
        started_at = time.perf_counter()
        deadline = started_at + LOAD_S
        clients = (
            _one_of_many(http, trader, touch, load, deadline)
            for trader in itertools.islice(itertools.cycle(traders), CLIENTS)
        )
        await asyncio.gather(*clients)
        return load, time.perf_counter() - started_at


async def _one_of_many(
    http: httpx.AsyncClient, trader: Trader, touch: tuple[Decimal, Decimal], load: Load, deadline: float
) -> None:
    assert trader.client.session is not None
    headers = {"Authorization": f"Bearer {trader.client.session.access_token}"}
    for body in _bodies(trader.account_id, *touch):
        started_at = time.perf_counter()
        if started_at >= deadline:
            return
        try:
            response = await http.post("/orders", json=body, headers=headers)
        except httpx.TransportError as error:
            load.answers[type(error).__name__] += 1
            continue
        load.latencies_ms.append((time.perf_counter() - started_at) * 1000)
        load.answers[str(response.status_code)] += 1


def _bodies(account_id: str, bid: Decimal, ask: Decimal) -> Iterator[dict[str, Any]]:
    """Small orders on both sides, so that no position grows."""
    for number in itertools.count():
        is_buy = number % 2 == 0
        rests = number % RESTING_EVERY == 0
        away = Decimal("0.98") if is_buy else Decimal("1.02")
        through = Decimal("1.02") if is_buy else Decimal("0.98")
        price = _ticks((bid if is_buy else ask) * (away if rests else through))
        yield order_body(
            account_id,
            SYMBOL,
            "BUY" if is_buy else "SELL",
            "0.01",
            price=price,
            client_order_id=str(uuid.uuid4()),
            time_in_force="GTC" if rests else "IOC",
        )


def _settle(connection: psycopg.Connection, traders: list[Trader]) -> float | None:
    """Cancel what rests; seconds until every order is final, None if some never were."""
    started_at = time.perf_counter()
    for trader in traders:
        trader.client.cancel_all(trader.account_id)
    while (waited_s := time.perf_counter() - started_at) < SETTLED_WITHIN_S:
        if open_orders(connection) == 0 and not _outbox_waits(connection):
            return waited_s
        time.sleep(0.2)
    return None


def _outbox_waits(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT 1 FROM trading.outbox LIMIT 1").fetchone() is not None


def _sustained(load: Load, took_s: float) -> Figure:
    accepted = load.answers["201"]
    errors = sum(load.answers.values()) - accepted
    rate = accepted / took_s
    latencies_ms = sorted(load.latencies_ms)
    told = ", ".join(f"{answer}: {count}" for answer, count in sorted(load.answers.items()))
    return Figure(
        f"orders through it all, {CLIENTS} clients",
        ">= 30 orders/s, no error",
        percentile(latencies_ms, 0.5),
        percentile(latencies_ms, 0.99),
        f"{rate:.1f} orders/s for {took_s:.0f} s ({told})",
        rate >= 30 and errors == 0,
    )


def _books(connection: psycopg.Connection, settled_s: float | None) -> Figure:
    found = disagreements(connection)
    told = "; ".join(f"{each.check}: {each.rows} rows, such as {each.example[:300]}" for each in found)
    finality = "some orders never final" if settled_s is None else f"every order final {settled_s:.1f} s later"
    return Figure(
        "books at the end",
        "all final, all equal",
        None,
        None,
        f"{finality}; {told or 'ledger, orders, trades and events equal'}",
        settled_s is not None and not found,
    )


def _projection_lag(connection: psycopg.Connection, since_ns: int) -> Figure:
    """From the engine's time of a trade to the transaction that shows it, both by this machine's clock."""
    rows = connection.execute(
        "SELECT extract(epoch FROM i.processed_at) * 1000 - e.occurred_at_ns / 1000000.0 FROM trading.inbox i"
        " JOIN trading.events e USING (event_id)"
        " WHERE e.topic = 'trades.TradeExecuted.v1' AND i.consumer = 'projections' AND e.occurred_at_ns >= %s",
        (since_ns,),
    ).fetchall()
    lags_ms = sorted(float(row[0]) for row in rows)
    if not lags_ms:
        return Figure("projection lag at that load", "p99 < 1 s", None, None, "no trade was projected", False)
    p50, p99 = percentile(lags_ms, 0.5), percentile(lags_ms, 0.99)
    return Figure("projection lag at that load", "p99 < 1 s", p50, p99, f"{len(lags_ms)} trades", p99 < 1000)


def _ticks(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.01"))
