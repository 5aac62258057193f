"""Many writers at once, with duplicates, reordering and crashes: the ledger never passes a limit and always adds up."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import psycopg
import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.exposure import Exposure
from breakwater.domain.orders import OrdStatus, PlaceOrder, Side
from breakwater.errors import LimitExceeded, NotFound
from breakwater.services.limits import settle
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import (
    NOW,
    Firm,
    create_firm,
    database_of,
    in_transaction,
    order_of,
    reserve_and_record,
    set_limit,
    snapshot_of,
)
from tests.unit.domain.limit_orders import exposure_of

WRITERS = 8
ORDERS = 240
POSITION_MAX = Decimal(12)
OPEN_ORDERS_MAX = 15

type Step = Callable[[TenantTransaction], object]


class Crash(Exception):
    """The process dies before its transaction commits."""


@pytest.mark.parametrize("seed", [1, 2])
def test_under_concurrency_no_limit_is_passed_and_exposures_equal_reservations(
    database_urls: DatabaseUrls, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  # A seeded test, not a secret.
    firm = create_firm(database_urls.admin, accounts=4)
    set_limit(database_urls.admin, firm, firm.firm, "LONG_POSITION", str(POSITION_MAX))
    set_limit(database_urls.admin, firm, firm.firm, "SHORT_POSITION", str(POSITION_MAX))
    set_limit(database_urls.admin, firm, firm.desk, "OPEN_ORDER_COUNT", str(OPEN_ORDERS_MAX))
    steps = _steps(firm, chance)
    breaches: list[Exposure] = []
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(database_urls.functions, firm, stop, breaches))
    watcher.start()
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            shares = [(steps[number::WRITERS], random.Random(seed + number)) for number in range(WRITERS)]  # noqa: S311
            refusals = sum(pool.map(lambda share: _write(database_urls.functions, firm, *share), shares))
    finally:
        stop.set()
        watcher.join(10)
    assert breaches == []
    assert refusals > 0, "the limits were never reached, so nothing was tried"
    assert in_transaction(database_urls.functions, firm, lambda tx: tx.limits.ledger_differences()) == []


def test_the_check_of_the_ledger_finds_a_wrong_exposure_and_a_lost_one(database_urls: DatabaseUrls) -> None:
    firm = create_firm(database_urls.admin)
    in_transaction(database_urls.functions, firm, lambda tx: reserve_and_record(tx, order_of(firm)))
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "UPDATE limits.exposures SET open_notional = open_notional + 0.000000000000000001 WHERE node_id = %s",
            (firm.firm,),
        )
        connection.execute("DELETE FROM limits.exposures WHERE node_id = %s", (firm.desk,))
    differences = in_transaction(database_urls.functions, firm, lambda tx: tx.limits.ledger_differences())
    assert {difference["node_id"] for difference in differences} == {firm.firm, firm.desk}


def test_a_reservation_without_its_order_or_with_another_fill_is_found(database_urls: DatabaseUrls) -> None:
    firm = create_firm(database_urls.admin)
    order = order_of(firm)

    def place_and_fill(tx: TenantTransaction) -> None:
        reserve_and_record(tx, order)
        assert tx.limits.order_differences() == []
        settle(tx, snapshot_of(order, 1, OrdStatus.FILLED, "1"))

    in_transaction(database_urls.functions, firm, place_and_fill)
    differences = in_transaction(database_urls.functions, firm, lambda tx: tx.limits.order_differences())
    assert [difference["order_id"] for difference in differences] == [order.order_id]


def _steps(firm: Firm, chance: random.Random) -> list[Step]:
    """The lives of all orders, each word told up to twice, neighbours mixed."""
    told: list[tuple[float, Step]] = []
    for number in range(ORDERS):
        side = chance.choice([Side.BUY, Side.SELL])
        order = order_of(firm, side, f"{chance.randint(1, 40) / 10}", account=chance.randrange(4))
        for step in _life(order, chance):
            told += [(number + chance.random() * 12, step) for _ in range(chance.randint(1, 2))]
        told.append((number, lambda tx, order=order: reserve_and_record(tx, order)))  # type: ignore[misc]
    return [step for _, step in sorted(told, key=lambda entry: entry[0])]


def _life(order: PlaceOrder, chance: random.Random) -> list[Step]:
    if chance.random() < 0.15:
        return [lambda tx: settle(tx, snapshot_of(order, 1, OrdStatus.REJECTED))]
    half = str(order.terms.quantity / 2)
    words = [
        snapshot_of(order, 1, OrdStatus.NEW),
        snapshot_of(order, 2, OrdStatus.PARTIALLY_FILLED, half, "1999.99"),
        chance.choice(
            [
                snapshot_of(order, 3, OrdStatus.CANCELED, half, "1999.99"),
                snapshot_of(order, 3, OrdStatus.FILLED, str(order.terms.quantity), "1999.99"),
            ]
        ),
    ]
    return [lambda tx, word=word: settle(tx, word) for word in words]  # type: ignore[misc]


def _write(conninfo: str, firm: Firm, steps: list[Step], chance: random.Random) -> int:
    """How many orders were refused. A crashed step is done again, as its caller would."""
    database = database_of(conninfo)
    refusals = 0
    for step in steps:
        if chance.random() < 0.15:
            with suppress(Crash, NotFound, LimitExceeded):
                _do(database, firm, step, crash=True)
        try:
            _do(database, firm, step, crash=False)
        except LimitExceeded:
            refusals += 1
        except NotFound:
            continue  # A word about an order that was refused, or is not reserved yet.
    database.close()
    return refusals


def _do(database: Database, firm: Firm, step: Step, *, crash: bool) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        step(tx)
        if crash:
            raise Crash


def _watch(conninfo: str, firm: Firm, stop: threading.Event, breaches: list[Exposure]) -> None:
    database = database_of(conninfo)
    while not stop.wait(0.005):
        with database.tenant_transaction(firm.tenant_id) as tx:
            scopes = {scope.node.node_id: next(iter(scope.exposures), exposure_of()) for scope in tx.limits.scopes(NOW)}
        in_firm, in_desk = scopes[firm.firm], scopes[firm.desk]
        long_qty = in_firm.filled_qty + in_firm.open_buy_qty
        short_qty = in_firm.open_sell_qty - in_firm.filled_qty
        if max(long_qty, short_qty) > POSITION_MAX or in_desk.open_order_count > OPEN_ORDERS_MAX:
            breaches.append(in_firm)
    database.close()
