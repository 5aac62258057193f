"""What went wrong with an order, beyond what the order's own events say."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Event


class TradeFailed(Event):
    """trade.failed: an order did not go as it should, and nobody had refused it. Once for each order and stage.

    SAGA: placing it ended without an answer. UNRESOLVED: long after that nobody knows what became of it. CANCEL: it was
    to be cancelled, and was not. What venue or engine refuse is told by orders.OrderRejected.
    """

    topic: ClassVar[str] = "trades.TradeFailed.v1"
    order_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    stage: Literal["SAGA", "UNRESOLVED", "CANCEL"]
    reason: str
