"""An order, its saga and its cancels as the API shows them."""

import uuid
from typing import Any, Self, TypedDict

from pydantic import BaseModel, ConfigDict

from breakwater.db.orders import OrderRow
from breakwater.db.replaces import ReplaceRow
from breakwater.domain.executions import Execution
from breakwater.domain.ids import IdText
from breakwater.domain.money import Amount, trim
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce, average_price, exchange_order_id
from breakwater.domain.replaces import ReplaceState
from breakwater.domain.times import Timestamp


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Order(_View):
    """Quantity and price stand as they were sent, with it or a replace; what was computed has no trailing zeros.

    `is_leased`: the engine took it by itself, within a lease. `execution`: how the router works it, null of any other
    order. `expire_time`: when an order that is GTD or DAY ends. `exchange_order_id`: the number under which the
    exchange-compatible endpoint shows it.
    """

    order_id: uuid.UUID
    client_order_id: str
    account_id: uuid.UUID
    symbol: str
    side: Side
    type: OrderType
    status: OrdStatus
    quantity: Amount
    price: Amount | None
    cum_qty: Amount
    leaves_qty: Amount
    avg_px: Amount | None
    cum_notional: Amount
    time_in_force: TimeInForce
    expire_time: Timestamp | None
    post_only: bool
    venue: str
    is_leased: bool
    execution: Execution | None
    exchange_order_id: int
    reject_reason: str | None
    created_at: Timestamp
    updated_at: Timestamp
    correlation_id: str

    @classmethod
    def of(cls, row: OrderRow) -> Self:
        average = average_price(row.cum_notional, row.cum_qty)
        return cls(
            order_id=row.order_id,
            client_order_id=row.client_order_id,
            account_id=row.account_id,
            symbol=row.symbol,
            side=row.side,
            type=row.type,
            status=row.status,
            quantity=row.quantity,
            price=row.price,
            cum_qty=trim(row.cum_qty),
            leaves_qty=trim(row.leaves_qty),
            avg_px=None if average is None else trim(average),
            cum_notional=trim(row.cum_notional),
            time_in_force=row.time_in_force,
            expire_time=row.expire_time,
            post_only=row.post_only,
            venue=row.venue,
            is_leased=row.is_leased,
            execution=row.execution,
            exchange_order_id=exchange_order_id(row.order_id),
            reject_reason=row.reject_reason,
            created_at=row.created_at,
            updated_at=row.updated_at,
            correlation_id=row.correlation_id,
        )


class OrderPage(_View):
    items: list[Order]
    next_cursor: str | None


class SagaStep(_View):
    """`outcome` is DONE, REJECTED or UNAVAILABLE; a step that was retried stands here once for each try."""

    step: str
    outcome: str
    detail: str | None
    started_at: Timestamp
    finished_at: Timestamp
    took_ms: float

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        took = row["finished_at"] - row["started_at"]
        return cls(**row, took_ms=round(took.total_seconds() * 1000, 3))


class Saga(_View):
    order_id: uuid.UUID
    status: OrdStatus
    items: list[SagaStep]


class Replace(_View):
    """What was asked for (null: as it was) and what became of it. `state` is PENDING, REPLACED or REJECTED."""

    replace_no: int
    replace_id: str
    quantity: Amount | None
    price: Amount | None
    state: ReplaceState
    reject_code: str | None
    reject_reason: str | None
    requested_by: str
    requested_at: Timestamp
    decided_at: Timestamp | None

    @classmethod
    def of(cls, row: ReplaceRow) -> Self:
        return cls(
            replace_no=row.replace_no,
            replace_id=row.replace_id,
            quantity=row.asked_quantity,
            price=row.asked_price,
            state=row.state,
            reject_code=row.reject_code,
            reject_reason=row.reject_reason,
            requested_by=row.requested_by,
            requested_at=row.requested_at,
            decided_at=row.decided_at,
        )


class Replaces(_View):
    order_id: uuid.UUID
    items: list[Replace]


class FailedCancelView(TypedDict):
    order_id: IdText
    reason: str


class CanceledOrdersView(_View):
    canceled: list[Order]
    failed: list[FailedCancelView]
