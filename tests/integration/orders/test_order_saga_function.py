"""The saga's tasks through their handler, with the input the state machine gives them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from breakwater.domain.orders import OrdStatus, PlaceOrder
from breakwater.runtime import database as runtime_database
from breakwater.runtime import saga
from functions.order_saga import app
from tests.integration.limits.firm import order_of, set_reference
from tests.integration.orders.conftest import Desk

CONTEXT = SimpleNamespace(function_name="order-saga", aws_request_id="request")


@pytest.fixture(autouse=True)
def wired(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", desk.urls.functions)
    runtime_database.database.cache_clear()
    monkeypatch.setattr(app, "engine_client", lambda: desk.engine)
    yield
    runtime_database.database().close()
    runtime_database.database.cache_clear()


def task(step: str, order: PlaceOrder, **context: Any) -> Any:
    """What crosses the state machine is JSON, both ways."""
    event = {"step": step, "order": json.loads(order.model_dump_json()), **context}
    return json.loads(json.dumps(app.handler(json.loads(json.dumps(event)), CONTEXT)))


def fresh_order(desk: Desk, quantity: str) -> PlaceOrder:
    """The function asks the real clock, so the reference price must be of now."""
    set_reference(desk.urls.admin, Decimal(2000), datetime.now(UTC))
    return order_of(desk.firm, quantity=quantity)


def test_the_answer_of_submit_is_what_confirm_is_given(desk: Desk) -> None:
    order = fresh_order(desk, "2")
    task("reserve_limits", order)
    snapshot = task("submit_order", order)
    task("confirm_order", order, snapshot=snapshot)
    assert desk.row(order).status is OrdStatus.NEW


def test_a_refusal_leaves_as_exactly_rejection_with_its_code(desk: Desk) -> None:
    with pytest.raises(saga.Rejection) as refused:
        task("reserve_limits", fresh_order(desk, "101"))
    assert json.loads(str(refused.value))["code"] == "LIMIT_EXCEEDED"


def test_a_silent_engine_leaves_as_exactly_unavailable_and_the_order_is_marked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = fresh_order(desk, "2")
    task("reserve_limits", order)
    monkeypatch.setattr(desk.engine, "_base_url", lambda: "http://127.0.0.1:9")
    with pytest.raises(saga.Unavailable):
        task("submit_order", order)
    task("mark_unknown", order, error={"Error": "Unavailable", "Cause": "{}"})
    assert desk.row(order).status is OrdStatus.UNKNOWN
