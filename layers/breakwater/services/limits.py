"""The limits ledger in use: hold what an order may consume, follow it until it is final, give the rest back."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from breakwater.db.connection import TenantTransaction
from breakwater.domain.orders import OrderSnapshot, PlaceOrder
from events.limits import LimitBreached


@dataclass(frozen=True, slots=True)
class Reservation:
    """Held for an order until it is final. `warnings`: soft thresholds it crossed, to be put in the outbox."""

    order_id: uuid.UUID
    price_low: Decimal
    price_high: Decimal
    warnings: tuple[LimitBreached, ...]


def reserve_limits(tx: TenantTransaction, order: PlaceOrder, at: datetime) -> Reservation:
    """Hold what the order may consume under every limit above its account, or nothing at all.

    Idempotent by order id: what is held already comes back unchanged, without warnings. Nothing is written when it
    raises: LimitExceeded (`refusals` names every limit that refused), its kind ReferenceUnavailable (`refusals` is
    empty), NotFound (unknown account), InvalidRequest (unknown symbol, off tick, off lot, below the minimum).
    """
    raise NotImplementedError


def refusal_events(order: PlaceOrder, refusals: list[dict[str, Any]]) -> list[LimitBreached]:
    """The events that belong into the transaction that records the order as refused."""
    raise NotImplementedError


def settle(tx: TenantTransaction, snapshot: OrderSnapshot) -> bool:
    """Book what the engine says the order has come to; False when the ledger has heard as much or more already.

    NotFound when nothing was ever reserved for the order.
    """
    raise NotImplementedError


def release(tx: TenantTransaction, order_id: uuid.UUID) -> bool:
    """Give everything back for an order that never reached the engine; False when it is final already."""
    raise NotImplementedError
