"""Whatever goes wrong between ledger and engine, no lease passes a limit and none leaks."""

import random
from decimal import Decimal

import pytest

from breakwater.domain.orders import PlaceOrder, Side
from tests.integration.limits.firm import SYMBOL
from tests.integration.limits.lease_scene import LeaseScene, stop


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_lost_late_or_begun_anew_no_limit_is_passed_and_the_books_agree(
    scene: LeaseScene, seed: int
) -> None:
    """Leases of two accounts under the same limits, and everything that can go wrong between ledger and engine.

    Every other run nothing trades: an order that closes a position may pass a limit on notional, as closing always may.
    """
    trades = seed % 2 == 1
    chance = random.Random(seed)  # noqa: S311  # A seed, so that each run is the same.
    scene.limit(scene.firm.desk, "LONG_POSITION", "30")
    scene.limit(scene.firm.desk, "SHORT_POSITION", "30")
    scene.limit(scene.firm.desk, "OPEN_ORDER_NOTIONAL", "50000")
    for account in (0, 1):
        scene.open("40", "40", account=account)
    sent: list[PlaceOrder] = []
    for _ in range(40):
        engine = scene.engine
        engine.is_silent, engine.loses_answers = chance.random() < 0.1, chance.random() < 0.2
        engine.answers_late = chance.random() < 0.2
        _do_something(scene, chance, sent, trades=trades)
        _check_invariant(scene)
        assert trades or scene.exposure(scene.firm.desk)[4] <= 50_000
    scene.engine.is_silent = scene.engine.loses_answers = scene.engine.answers_late = False
    scene.told.clear()
    for order in sent:
        scene.engine.cancel(order.order_id, tenant_id=scene.firm.tenant_id, correlation_id="test")
    for account in (0, 1):
        stop(scene, scene.lease(account))
    scene.project()
    for _ in range(3):
        scene.go_on(3)
        scene.project()
    assert scene.exposure(scene.firm.firm)[1:] == (0, 0, 0, 0)


def _do_something(scene: LeaseScene, chance: random.Random, sent: list[PlaceOrder], *, trades: bool) -> None:
    what = chance.choice(["send", "send", "send", "cancel", "project", "project", "time", "restart", "open"])
    account, side = chance.randrange(2), chance.choice(list(Side))
    if what == "send" and not scene.engine.is_silent:
        price = str(2000 + (chance.randrange(-20, 20) if trades else -20 * side.sign))
        sent.append(scene.send(side, str(chance.randrange(1, 8)), price, account=account))
    elif what == "cancel" and sent and not scene.engine.is_silent:
        order = chance.choice(sent)
        scene.engine.cancel(order.order_id, tenant_id=scene.firm.tenant_id, correlation_id="test")
    elif what == "project":
        scene.project(chance.randrange(1, 6))
    elif what == "time":
        scene.go_on(chance.choice([0.25, 2, 3]), price=str(2000 + chance.randrange(-30, 30)))
    elif what == "restart":
        scene.engine.restart()
    elif what == "open":
        if chance.random() < 0.5:
            stop(scene, scene.lease(account))
        else:
            scene.open("40", "40", account=account)


def _check_invariant(scene: LeaseScene) -> None:
    """What the ledger holds covers whatever the engine may still do, and is within the limits."""
    scene.books()
    could_buy = could_sell = Decimal(0)
    for account_id in scene.firm.account_ids:
        words = scene.engine.words(account_id, SYMBOL)
        could_buy += words.buy_granted
        could_sell += words.sell_granted
    filled, buys, sells, *_ = scene.exposure(scene.firm.desk)
    assert filled + buys <= 30
    assert sells - filled <= 30
    used_buys, used_sells = _traded(scene)
    assert used_buys + buys >= could_buy
    assert used_sells + sells >= could_sell


def _traded(scene: LeaseScene) -> tuple[Decimal, Decimal]:
    """What the ledger knows was bought and sold."""
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        rows = tx.connection.execute(
            "SELECT side, sum(cum_qty) FROM limits.reservations WHERE is_of_order GROUP BY side"
        ).fetchall()
    traded: dict[str, Decimal] = dict(rows)
    return traded.get("BUY", Decimal(0)), traded.get("SELL", Decimal(0))
