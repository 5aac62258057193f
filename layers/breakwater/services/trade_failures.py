"""Orders that did not go as they should, told once for each order and stage."""

import uuid
from datetime import datetime, timedelta
from typing import Literal

from breakwater.db.connection import TenantTransaction
from breakwater.domain.times import nanoseconds
from events.trades import TradeFailed

Stage = Literal["SAGA", "UNRESOLVED", "CANCEL"]

SAGA_DURATION_MAX = timedelta(seconds=45)  # It ends after 26 s, a task that it gave up on 10 s later.
# The reconciler runs every minute: of what it could not settle either nobody knows what became.
UNKNOWN_AGE_MAX = timedelta(seconds=90)
CANCEL_AGE_MAX = timedelta(seconds=60)
TOLD_AGAIN_AFTER = timedelta(days=30)
REASONS: dict[Stage, str] = {
    "SAGA": "placing it ended without an answer",
    "UNRESOLVED": "whether it is at the venue could not be found out",
    "CANCEL": "its cancel is not answered",
}


def tell_failed(
    order_id: uuid.UUID,
    account_id: uuid.UUID,
    symbol: str,
    tx: TenantTransaction,
    *,
    stage: Stage,
    reason: str,
    correlation_id: str,
    at: datetime,
) -> None:
    if not tx.conditions.tell(f"order/{order_id}/{stage}", at, again_after=at - TOLD_AGAIN_AFTER):
        return
    event = TradeFailed(order_id=order_id, account_id=account_id, symbol=symbol, stage=stage, reason=reason)
    tx.outbox.add(
        event,
        aggregate_id=order_id,
        account_id=account_id,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def tell_those_that_hang(tx: TenantTransaction, at: datetime) -> None:
    """What has been as it is for longer than anything that works on it can take."""
    failed = tx.conditions.failed_orders(
        placed_before=at - SAGA_DURATION_MAX,
        unknown_before=at - UNKNOWN_AGE_MAX,
        cancel_before=at - CANCEL_AGE_MAX,
        told_after=at - TOLD_AGAIN_AFTER,
    )
    for order in failed:
        tell_failed(
            order.order_id,
            order.account_id,
            order.symbol,
            tx,
            stage=order.stage,
            reason=REASONS[order.stage],
            correlation_id=order.correlation_id,
            at=at,
        )
