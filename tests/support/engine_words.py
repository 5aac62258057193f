"""What the engine's own words mean, as whoever reads them takes them."""

import uuid

from breakwater.domain.orders import OrderSnapshot
from fargate_engine.inbox import Answer
from fargate_engine.orders import Order
from fargate_engine.shard_state import ShardState


def kept(state: ShardState, order_id: uuid.UUID) -> Order:
    """An order that the engine knows and has not forgotten."""
    order = state.order(order_id)
    assert isinstance(order, Order), f"order {order_id} is forgotten"
    return order


def snapshot_in_state(state: ShardState, order_id: uuid.UUID) -> OrderSnapshot:
    return snapshot_of(kept(state, order_id))


def snapshot_of(order: Order) -> OrderSnapshot:
    return snapshot_in(order.answer())


def snapshot_in(answer: Answer) -> OrderSnapshot:
    """Of an answer that is one."""
    assert isinstance(answer, bytes), f"{answer} is no snapshot"
    return OrderSnapshot.model_validate_json(answer)
