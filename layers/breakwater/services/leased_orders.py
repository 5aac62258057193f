"""Orders that the engine took by itself, within a lease: their way into the ledger."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from breakwater.db.connection import TenantTransaction
from breakwater.db.leases import side_id
from breakwater.domain.exposure import ZERO
from breakwater.domain.leases import Lease
from breakwater.domain.orders import PlaceOrder
from breakwater.domain.settlement import HeldReservation, ReservationState, change_between, released
from breakwater.services.lease_ledger import rebook, with_order


def adopt(tx: TenantTransaction, order: PlaceOrder, price_low: Decimal, price_high: Decimal, at: datetime) -> None:
    """Take an order that the engine accepted by itself into the ledger: its part of the lease becomes its own.

    Done once; again it changes nothing.
    """
    terms = order.terms
    lease = tx.leases.of(terms.account_id, terms.symbol)
    lease = tx.leases.lock(lease.lease_id) if lease is not None else None
    if lease is None:
        raise RuntimeError(f"order {order.order_id} is of a lease that was never granted")
    if tx.limits.lock_reservation(order.order_id) is not None:
        return
    tx.orders.mark_leased(order.order_id, price_low, price_high)
    free = tx.limits.lock_reservation(side_id(lease.lease_id, terms.side))
    if free is None:
        raise RuntimeError(f"lease {lease.lease_id} holds nothing")
    nothing = _nothing_held(order, lease, free.node_ids)
    held = replace(nothing, open_qty=terms.quantity, state=ReservationState.HELD)
    tx.limits.hold(held, change_between(nothing, held), terms.account_id, at)
    tx.limits.count_activity(free.node_ids, terms.symbol, terms.venue, at, new_count=1)
    after = with_order(lease, None, held)
    rebook(tx, lease, after, at)


def _nothing_held(order: PlaceOrder, lease: Lease, node_ids: Sequence[uuid.UUID]) -> HeldReservation:
    return released(
        HeldReservation(
            order_id=order.order_id,
            node_ids=node_ids,
            symbol=order.terms.symbol,
            venue=order.terms.venue,
            is_automated=order.api_key_id is not None,
            side=order.terms.side,
            quantity=order.terms.quantity,
            valuation_price=lease.price_held,
            open_qty=ZERO,
            cum_qty=ZERO,
            cum_notional=ZERO,
            engine_seq=0,
            state=ReservationState.HELD,
            lease_id=lease.lease_id,
        )
    )
