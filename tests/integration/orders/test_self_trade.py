"""Two orders of a firm meet and both lose what would have traded: row, ledger and events tell of the same order."""

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from breakwater.db.connection import Database
from breakwater.domain.orders import OrdStatus, PlaceOrder, Side
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import create_firm
from tests.integration.orders.test_replaces import Scene
from tests.unit.fargate_engine.orders import submit


@pytest.fixture
def scene(database_urls: DatabaseUrls) -> Iterator[Scene]:
    firm = create_firm(database_urls.admin)
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            """INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, parameters, created_by)
               VALUES (%s, %s, %s, 'SELF_TRADE', '*', %s, 'test')""",
            (uuid.uuid4(), firm.tenant_id, firm.firm, Jsonb({"mode": "DECREMENT"})),
        )
    database = Database(lambda: database_urls.functions)
    yield Scene(firm, database, database_urls)
    database.close()


def met(scene: Scene) -> PlaceOrder:
    """A buy of 10 that has met 4 of its own firm."""
    scene.place(Side.SELL, "4")
    order = scene.place(Side.BUY, "10")
    scene.project()
    return order


def held(scene: Scene) -> tuple[Decimal, ...]:
    scene.assert_books()
    return scene.held()


def told(scene: Scene, order: PlaceOrder) -> tuple[Any, ...]:
    row = scene.row(order)
    return row.status, row.quantity, row.cum_qty, row.leaves_qty


def test_what_an_order_lost_is_held_no_longer_and_its_end_is_of_what_was_left(scene: Scene) -> None:
    order = met(scene)
    assert told(scene, order) == (OrdStatus.NEW, 6, 0, 6)
    assert held(scene) == (6, 0, 6 * 2000, 0)

    stranger = {"tenant_id": uuid.uuid4(), "account_id": uuid.uuid4(), "side": Side.SELL, "symbol": order.terms.symbol}
    scene.engine.submit(submit(1, quantity=Decimal(6), **stranger))
    scene.engine.events = [each for each in scene.engine.events if each.tenant_id == scene.firm.tenant_id]
    scene.project()
    assert told(scene, order) == (OrdStatus.FILLED, 6, 6, 0)
    assert held(scene) == (0, 0, 0, 6)


def test_a_cancel_that_answers_before_the_event_tells_the_same(scene: Scene) -> None:
    scene.place(Side.SELL, "4")
    order = scene.place(Side.BUY, "10")
    scene.cancel(order)
    assert told(scene, order) == (OrdStatus.CANCELED, 6, 0, 0)
    scene.project()
    assert told(scene, order) == (OrdStatus.CANCELED, 6, 0, 0)
    assert held(scene) == (0, 0, 0, 0)


@pytest.mark.parametrize(("quantity", "expected"), [("8", 8), ("5", 5)])
def test_a_replace_gives_it_what_it_asks_for(scene: Scene, quantity: str, expected: int) -> None:
    order = met(scene)
    scene.replace(order, quantity)
    scene.project()
    assert told(scene, order) == (OrdStatus.NEW, expected, 0, expected)
    assert held(scene) == (expected, 0, expected * 2000, 0)


@pytest.mark.parametrize("quantity", ["12", "8"])
def test_a_replace_that_is_heard_of_after_the_restatement_leaves_no_more_held_than_the_order_has(
    scene: Scene, quantity: str
) -> None:
    """Its event was put aside as a dead letter, and is told again when a later word has been heard."""
    order = scene.place(Side.BUY, "10")
    scene.project()
    scene.engine.loses_answers = True
    assert not scene.replace(order, quantity).is_decided
    scene.engine.loses_answers = False
    (replaced,) = scene.engine.events
    scene.engine.events = []
    scene.place(Side.SELL, "4")
    scene.project()
    left = Decimal(quantity) - 4
    assert told(scene, order) == (OrdStatus.NEW, left, 0, left)

    scene.engine.events = [replaced]
    scene.project()
    assert told(scene, order) == (OrdStatus.NEW, left, 0, left)
    assert held(scene) == (left, 0, left * 2000, 0)
