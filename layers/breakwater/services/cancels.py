"""End every open order below a node, at the engine, and say which may still be open."""

import uuid
from collections.abc import Sequence

from breakwater.db.limits import OpenOrder
from breakwater.errors import BreakwaterError, EngineUnavailable, NotFound
from breakwater.services.engine_client import CanceledOrders, EngineClient, FailedCancel


def cancel_open(
    account_ids: Sequence[uuid.UUID],
    open_orders: Sequence[OpenOrder],
    *,
    tenant_id: uuid.UUID,
    correlation_id: str,
    engine: EngineClient,
) -> CanceledOrders:
    """Every order that was open when the node stopped, either ended by the engine's word or named as failed."""
    if not account_ids and not open_orders:
        return CanceledOrders(canceled=[], failed=[])
    try:
        outcome = engine.cancel_all(account_ids, tenant_id=tenant_id, correlation_id=correlation_id)
    except EngineUnavailable as error:
        # The node is stopped all the same: the answer says so, and which orders may still be open.
        outcome = CanceledOrders(canceled=[], failed=[_failed(order, error) for order in open_orders])
    told = {snapshot.order_id for snapshot in outcome.canceled} | {failed.order_id for failed in outcome.failed}
    ended, failed = list(outcome.canceled), list(outcome.failed)
    for order in open_orders:
        if order.order_id in told:
            continue
        try:
            # Reserved before the stop and not at the engine when it cancelled: it must not slip in after that.
            snapshot = engine.end(
                order.order_id,
                tenant_id=tenant_id,
                account_id=order.account_id,
                symbol=order.symbol,
                correlation_id=correlation_id,
            )
            ended.append(snapshot)
        except (EngineUnavailable, NotFound) as error:
            failed.append(_failed(order, error))
    return CanceledOrders(canceled=ended, failed=failed)


def _failed(order: OpenOrder, error: BreakwaterError) -> FailedCancel:
    return FailedCancel(order_id=order.order_id, reason=error.message)
