"""What a lease holds in the ledger: at each change the room that none of its orders has taken is booked anew."""

from dataclasses import replace
from datetime import datetime

from breakwater.db.connection import TenantTransaction
from breakwater.db.leases import side_id
from breakwater.domain.exposure import ZERO
from breakwater.domain.leases import Lease
from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side
from breakwater.domain.settlement import HeldReservation, ReservationState, change_between


def rebook(tx: TenantTransaction, before: Lease, after: Lease, at: datetime) -> None:
    """Write the lease and hold what is free of it now. Its nodes and its row are locked."""
    tx.leases.put(after)
    if after.price_held > before.price_held:
        tx.leases.raise_price(after.lease_id, after.price_held)
    for side in Side:
        held = tx.limits.lock_reservation(side_id(after.lease_id, side))
        if held is None:
            raise RuntimeError(f"lease {after.lease_id} holds nothing on its {side} side")
        free = after.free(side)
        wanted = replace(
            held,
            quantity=free,
            open_qty=free,
            valuation_price=after.price_held,
            order_count=after.free_orders if side is Side.BUY else 0,
            state=ReservationState.FINAL if after.is_over else ReservationState.CONFIRMED,
        )
        if wanted != held:
            tx.limits.settle(wanted, change_between(held, wanted), at)


def follow(tx: TenantTransaction, before: HeldReservation, after: HeldReservation, at: datetime) -> None:
    """An order of a lease has come from one state to the next: what it gives back is the lease's again."""
    if before.lease_id is None:
        raise ValueError(f"order {before.order_id} is of no lease")
    lease = tx.leases.lock(before.lease_id)
    if lease is None:
        raise RuntimeError(f"there is no lease {before.lease_id}")
    changed = with_order(lease, before, after)
    if changed != lease:
        rebook(tx, lease, changed, at)


def with_order(lease: Lease, before: HeldReservation | None, after: HeldReservation) -> Lease:
    """What is taken of the lease, with the order as it is after instead of before; None: it was not known."""
    filled = EXACT.subtract(after.cum_qty, before.cum_qty if before else ZERO)
    opened = EXACT.subtract(after.open_qty, before.open_qty if before else ZERO)
    live = lease.live_orders + after.is_open - (before is not None and before.is_open)
    if after.side is Side.BUY:
        taken = EXACT.add(lease.buy_taken, EXACT.add(filled, opened))
        return replace(lease, buy_taken=taken, buy_filled=EXACT.add(lease.buy_filled, filled), live_orders=live)
    taken = EXACT.add(lease.sell_taken, EXACT.add(filled, opened))
    return replace(lease, sell_taken=taken, sell_filled=EXACT.add(lease.sell_filled, filled), live_orders=live)
