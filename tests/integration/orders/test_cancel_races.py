"""Cancels that meet their order on its way to the engine."""

import uuid

import pytest

from breakwater.domain.orders import OrderSnapshot, OrdStatus
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.errors import NotFound
from breakwater.services import order_saga, orders
from tests.integration.limits.firm import NOW, order_of
from tests.integration.orders.conftest import Desk


def test_an_order_that_arrives_between_a_cancel_and_its_void_is_cancelled_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    cancel = desk.model.cancel

    def cancel_just_before_it_arrives(order_id: uuid.UUID, *, tenant_id: uuid.UUID) -> OrderSnapshot:
        monkeypatch.setattr(desk.model, "cancel", cancel)
        order_saga.submit_order(order, desk.transactions, desk.engine, NOW)
        raise NotFound("the engine had not heard of it yet")

    monkeypatch.setattr(desk.model, "cancel", cancel_just_before_it_arrives)
    risk = Caller(
        desk.firm.tenant_id, "sub", "ada", Role.ORGANISATION_ADMIN, frozenset({SESSION_SCOPE}), correlation_id="c"
    )
    canceled = orders.cancel(order.order_id, risk, desk.transactions, desk.engine, NOW)
    assert canceled.status is OrdStatus.CANCELED
    assert desk.reserved() == (0, 0, 0, 0)
