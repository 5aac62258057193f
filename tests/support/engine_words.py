"""What the engine's own words mean, as whoever reads them takes them."""

from breakwater.domain.orders import OrderSnapshot
from fargate_engine.inbox import Answer
from fargate_engine.orders import Order


def snapshot_of(order: Order) -> OrderSnapshot:
    return snapshot_in(order.answer())


def snapshot_in(answer: Answer) -> OrderSnapshot:
    """Of an answer that is one."""
    assert isinstance(answer, bytes), f"{answer} is no snapshot"
    return OrderSnapshot.model_validate_json(answer)
