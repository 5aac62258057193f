"""Orders: place, preview, list, follow, replace, cancel."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query, Response

from breakwater.db.orders import OrderFilter
from breakwater.domain.orders import EXCHANGE_ORDER_ID_BITS, OrderTerms, OrdStatus
from breakwater.domain.replaces import ReplaceTerms
from breakwater.errors import Unavailable
from breakwater.runtime.api import RETRY_AFTER, Caller, create_api, lambda_handler, needs
from breakwater.runtime.database import caller_transaction, transactions_of
from breakwater.runtime.engine import engine_client
from breakwater.runtime.order_saga import start_order_saga
from breakwater.services import execution_reports, orders, previews, replaces
from breakwater.services.cursors import LIMIT_DEFAULT, LIMIT_MAX
from breakwater.services.execution_views import ExecutionReport
from breakwater.services.limit_views import OrderPreview
from breakwater.services.order_views import (
    CanceledOrdersView,
    FailedCancelView,
    Order,
    OrderPage,
    Replace,
    Replaces,
    Saga,
    SagaStep,
)

api = create_api(service="orders")


PLACED_OTHERWISE: dict[int | str, dict[str, Any]] = {
    200: {"model": Order, "description": "The same order again"},
    202: {"model": Order, "description": "UNKNOWN: taken, and not resolved yet; ask again", "headers": RETRY_AFTER},
}


@api.post("/orders", status_code=201, responses=PLACED_OTHERWISE, dependencies=[needs("orders:create")])
def place_order(terms: OrderTerms, caller: Caller, response: Response) -> Order:
    placed = orders.place(terms, caller, transactions_of(caller.actor), start_order_saga, datetime.now(UTC))
    if placed.order.status in orders.UNRESOLVED:
        response.status_code = 202
        response.headers["Retry-After"] = str(Unavailable.retry_after_s)
    elif not placed.is_new:
        response.status_code = 200
    return Order.of(placed.order)


@api.post("/orders/preview", dependencies=[needs("orders:create")])
def preview_order(terms: OrderTerms, caller: Caller) -> OrderPreview:
    with caller_transaction(caller) as tx:
        return previews.preview(terms, caller, tx, datetime.now(UTC))


@api.get("/orders", dependencies=[needs("orders:read")])
def list_orders(
    caller: Caller,
    *,
    account_id: uuid.UUID | None = None,
    status: OrdStatus | None = None,
    open_only: bool = False,
    symbol: Annotated[str | None, Query(max_length=41)] = None,
    client_order_id: Annotated[str | None, Query(max_length=36)] = None,
    exchange_order_id: Annotated[int | None, Query(ge=0, lt=2**EXCHANGE_ORDER_ID_BITS)] = None,
    algorithm: Annotated[str | None, Query(max_length=16)] = None,
    leg_client_order_id: Annotated[str | None, Query(max_length=36)] = None,
    venue: Annotated[str | None, Query(max_length=16)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> OrderPage:
    with caller_transaction(caller) as tx:
        wanted = OrderFilter(
            *(status, symbol, client_order_id, exchange_order_id, algorithm, leg_client_order_id),
            open_only=open_only,
            venue=venue,
        )
        rows, next_cursor = orders.page(caller, tx, account_id=account_id, wanted=wanted, cursor=cursor, limit=limit)
    return OrderPage(items=[Order.of(row) for row in rows], next_cursor=next_cursor)


@api.get("/orders/{order_id}", dependencies=[needs("orders:read")])
def get_order(order_id: uuid.UUID, caller: Caller) -> Order:
    with caller_transaction(caller) as tx:
        return Order.of(orders.order(order_id, caller, tx))


@api.get("/orders/{order_id}/execution", dependencies=[needs("orders:read")])
def get_execution(order_id: uuid.UUID, caller: Caller) -> ExecutionReport:
    with caller_transaction(caller) as tx:
        return execution_reports.report(order_id, caller, tx)


REPLACED_LATER: dict[int | str, dict[str, Any]] = {
    202: {
        "model": Order,
        "description": "Not decided yet: the larger reservation is held; ask again",
        "headers": RETRY_AFTER,
    },
}


@api.patch("/orders/{order_id}", responses=REPLACED_LATER, dependencies=[needs("orders:create")])
def replace_order(order_id: uuid.UUID, terms: ReplaceTerms, caller: Caller, response: Response) -> Order:
    transactions, engine = transactions_of(caller.actor), engine_client()
    replaced = replaces.replace_order(order_id, terms, caller, transactions, engine, at=datetime.now(UTC))
    if not replaced.is_decided:
        response.status_code = 202
        response.headers["Retry-After"] = str(Unavailable.retry_after_s)
    return Order.of(replaced.order)


@api.get("/orders/{order_id}/replaces", dependencies=[needs("orders:read")])
def get_replaces(order_id: uuid.UUID, caller: Caller) -> Replaces:
    with caller_transaction(caller) as tx:
        rows = replaces.replaces_of(order_id, caller, tx)
    return Replaces(order_id=order_id, items=[Replace.of(row) for row in rows])


@api.get("/orders/{order_id}/saga", dependencies=[needs("orders:read")])
def get_saga(order_id: uuid.UUID, caller: Caller) -> Saga:
    with caller_transaction(caller) as tx:
        order = orders.order(order_id, caller, tx)
        steps = tx.orders.saga_steps(order_id)
    return Saga(order_id=order_id, status=order.status, items=[SagaStep.of(step) for step in steps])


@api.delete("/orders/{order_id}", dependencies=[needs("orders:cancel")])
def cancel_order(order_id: uuid.UUID, caller: Caller) -> Order:
    return Order.of(orders.cancel(order_id, caller, transactions_of(caller.actor), engine_client(), datetime.now(UTC)))


@api.delete("/orders", dependencies=[needs("orders:cancel")])
def cancel_orders(account_id: uuid.UUID, caller: Caller) -> CanceledOrdersView:
    canceled, failed = orders.cancel_all(
        account_id, caller, transactions_of(caller.actor), engine_client(), datetime.now(UTC)
    )
    return CanceledOrdersView(
        canceled=[Order.of(row) for row in canceled],
        failed=[FailedCancelView(order_id=str(each.order_id), reason=each.reason) for each in failed],
    )


handler = lambda_handler(api)
