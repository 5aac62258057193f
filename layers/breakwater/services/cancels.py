"""End every open order below a node, at the engine, and say which may still be open."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from breakwater.db.limits import OpenOrder
from breakwater.domain.orders import OrderSnapshot
from breakwater.errors import BreakwaterError, EngineSilent, EngineUnavailable, NotFound
from breakwater.services.engine_client import EngineClient, FailedCancel


@dataclass(slots=True)
class Ended:
    """What became of the open orders; `is_silent`: the engine let one question go by, and was asked no other.

    `is_unknown`: of orders that nobody could name, those within leases, nothing is known either.
    """

    canceled: list[OrderSnapshot] = field(default_factory=list)
    failed: list[FailedCancel] = field(default_factory=list)
    is_silent: bool = False
    is_unknown: bool = False


def cancel_open(
    account_ids: Sequence[uuid.UUID],
    open_orders: Sequence[OpenOrder],
    *,
    tenant_id: uuid.UUID,
    correlation_id: str,
    engine: EngineClient,
) -> Ended:
    """Every order that was open when the node stopped, either ended by the engine's word or named as failed.

    After the first silence nothing more is asked: each question would wait as long, and whoever asked with them.
    """
    if not account_ids and not open_orders:
        return Ended()
    try:
        told = engine.cancel_all(account_ids, tenant_id=tenant_id, correlation_id=correlation_id)
    except EngineUnavailable as error:
        # The node is stopped all the same: the answer says so, and which orders may still be open.
        failed = [_failed(order, error) for order in open_orders]
        return Ended(failed=failed, is_silent=isinstance(error, EngineSilent), is_unknown=True)
    ended = Ended(list(told.canceled), list(told.failed))
    known = {each.order_id for each in told.canceled} | {each.order_id for each in told.failed}
    # Reserved before the stop and not at the engine when it cancelled: these must not slip in after that.
    unknown = [order for order in open_orders if order.order_id not in known]
    for number, order in enumerate(unknown):
        try:
            snapshot = engine.end(
                order.order_id,
                tenant_id=tenant_id,
                account_id=order.account_id,
                symbol=order.symbol,
                correlation_id=correlation_id,
            )
            ended.canceled.append(snapshot)
        except EngineSilent as error:
            ended.failed += [_failed(each, error) for each in unknown[number:]]
            ended.is_silent = True
            break
        except (EngineUnavailable, NotFound) as error:
            ended.failed.append(_failed(order, error))
    return ended


def _failed(order: OpenOrder, error: BreakwaterError) -> FailedCancel:
    return FailedCancel(order_id=order.order_id, reason=error.message)
