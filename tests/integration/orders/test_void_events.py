"""A voided order has told the feed that it was placed: the feed is owed its end, which the engine cannot tell."""

import uuid

import psycopg
import pytest
from psycopg.rows import dict_row

from breakwater.domain.orders import OrdStatus
from breakwater.errors import OrderRefused
from breakwater.services import order_saga
from breakwater.services.projections import project
from events.envelope import Envelope
from events.orders import OrderPlaced, OrderRejected
from tests.integration.limits.firm import NOW, order_of
from tests.integration.orders.conftest import Desk
from tests.support.engine_model import reject

ENVELOPE = ", ".join(Envelope.model_fields)


def events_of(desk: Desk, order_id: uuid.UUID) -> list[Envelope]:
    with psycopg.connect(desk.urls.admin, row_factory=dict_row) as connection:
        rows = connection.execute(
            f"SELECT {ENVELOPE} FROM trading.outbox JOIN trading.events USING (event_id)"  # A constant.
            " WHERE aggregate_id = %s ORDER BY outbox.id",
            (order_id,),
        ).fetchall()
    return [Envelope.model_validate(row) for row in rows]


def test_an_order_that_the_reconciler_voids_is_told_as_rejected_once(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    for _ in range(2):
        desk.grow_old(order, seconds=61)
        desk.reconcile()
    placed, rejected = events_of(desk, order.order_id)
    assert (placed.topic, rejected.topic) == (OrderPlaced.topic, OrderRejected.topic)
    assert (rejected.account_id, rejected.correlation_id) == (order.terms.account_id, order.correlation_id)
    told = OrderRejected.model_validate(rejected.payload).order
    assert (told.status, told.reject_code, told.leaves_qty) == ("REJECTED", "VOIDED", "0")
    assert told.quantity == OrderPlaced.model_validate(placed.payload).order.quantity
    project(rejected, desk.transactions)
    desk.assert_ledger_is_exact()


def test_a_rejection_that_the_engine_tells_itself_is_not_told_twice(desk: Desk) -> None:
    desk.model.arrival = reject
    order = order_of(desk.firm)
    desk.reserve(order)
    with pytest.raises(OrderRefused):
        order_saga.submit_order(order, desk.transactions, desk.engine, NOW)
    order_saga.release_limits(order, desk.transactions, desk.engine, NOW)
    assert desk.row(order).status is OrdStatus.REJECTED
    assert [event.topic for event in events_of(desk, order.order_id)] == [OrderPlaced.topic]
