"""The one rule that settles everything: an order and its reservation take the engine's newest word."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

from breakwater.db.connection import TenantTransaction
from breakwater.domain.orders import OrderSnapshot
from breakwater.services import limits

# Opens a tenant's transaction: commits when its block ends, rolls back when it raises.
TenantTransactions = Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]


def settle(tx: TenantTransaction, snapshot: OrderSnapshot) -> None:
    """Book the snapshot on order and ledger; each keeps what it has where it has heard as much or more already.

    The order's row is locked before the ledger's nodes, here and in reserve_limits, so that the two never deadlock.
    NotFound when nothing was ever reserved for the order.
    """
    tx.orders.apply(snapshot)
    limits.settle(tx, snapshot)
