"""The order saga's tasks. Input: {"step", "order"}; `snapshot` too for confirm_order, `error` for mark_unknown."""

from datetime import UTC, datetime
from typing import Any

from breakwater.domain.orders import OrderSnapshot, PlaceOrder
from breakwater.domain.permissions import actor_of
from breakwater.runtime.database import tenant_transaction, transactions_of
from breakwater.runtime.engine import engine_client
from breakwater.runtime.saga import saga_handler
from breakwater.runtime.settings import settings
from breakwater.services import order_saga


def _reserve_limits(task: dict[str, Any]) -> None:
    order = _order(task)
    transactions = transactions_of(actor_of(order.placed_by, order.api_key_id))
    order_saga.reserve_limits(order, transactions, datetime.now(UTC), settings().emergency_limits)


def _submit_order(task: dict[str, Any]) -> dict[str, Any]:
    snapshot = order_saga.submit_order(_order(task), tenant_transaction, engine_client(), datetime.now(UTC))
    return snapshot.model_dump(mode="json")


def _confirm_order(task: dict[str, Any]) -> None:
    snapshot = OrderSnapshot.model_validate(task["snapshot"])
    order_saga.confirm_order(_order(task), snapshot, tenant_transaction, datetime.now(UTC))


def _release_limits(task: dict[str, Any]) -> None:
    order_saga.release_limits(_order(task), tenant_transaction, engine_client(), datetime.now(UTC))


def _mark_unknown(task: dict[str, Any]) -> None:
    order_saga.mark_unknown(_order(task), task["error"]["Error"], tenant_transaction, datetime.now(UTC))


def _order(task: dict[str, Any]) -> PlaceOrder:
    return PlaceOrder.model_validate(task["order"])


handler = saga_handler(
    {
        "reserve_limits": _reserve_limits,
        "submit_order": _submit_order,
        "confirm_order": _confirm_order,
        "release_limits": _release_limits,
        "mark_unknown": _mark_unknown,
    }
)
