"""What became of an order that the router worked, and what that cost."""

import uuid

from breakwater.db.connection import TenantTransaction
from breakwater.domain.permissions import Caller
from breakwater.errors import NotFound
from breakwater.services import orders
from breakwater.services.execution_views import ExecutionReport

CHILDREN_MAX = 1_000


def report(order_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> ExecutionReport:
    """NotFound as for the order itself, and for one that the router did not work."""
    order = orders.order(order_id, caller, tx)
    if order.execution is None:
        raise NotFound("this order has no execution: the router did not work it")
    rows = tx.executions
    return ExecutionReport.of(
        order,
        order.execution,
        measured=rows.measured(order_id),
        fees=tx.portfolio.fees_of(order_id),
        venues=rows.by_venue(order_id),
        traded=rows.traded(order_id),
        children=rows.children(order_id, limit=CHILDREN_MAX + 1),
        children_max=CHILDREN_MAX,
    )
