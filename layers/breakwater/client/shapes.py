"""What the API answers with, as far as the client reads it. Amounts are decimal strings, times RFC 3339 UTC."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypedDict

FINAL_STATUSES = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED"})

type Amount = str | Decimal
type Json = dict[str, Any]


class Order(TypedDict):
    order_id: str
    client_order_id: str
    account_id: str
    symbol: str
    side: str
    type: str
    status: str
    quantity: str
    price: str | None
    cum_qty: str
    leaves_qty: str
    avg_px: str | None
    time_in_force: str
    venue: str
    is_leased: bool
    created_at: str
    updated_at: str
    correlation_id: str


class Refusal(TypedDict):
    """One limit that said no; `largest_passing_quantity` is what this limit would let through."""

    node_id: str
    node_name: str
    limit_type: str
    limit: str | None
    used: str | None
    reserved: str | None
    attempted: str | None
    largest_passing_quantity: str | None


class Page(TypedDict):
    """One page of a list; `next_cursor` is None on the last."""

    items: list[Json]
    next_cursor: str | None


@dataclass(frozen=True)
class Session:
    """Who is signed in. `expires_at` is in seconds of the Unix epoch."""

    access_token: str
    refresh_token: str
    expires_at: float


def amount_text(name: str, amount: Amount) -> str:
    """The decimal string of an amount, in plain notation; TypeError for a float, which cannot hold 0.1."""
    if isinstance(amount, Decimal):
        return format(amount, "f")
    if isinstance(amount, str):
        return amount
    raise TypeError(f'{name} is a decimal string or a Decimal such as "0.5", not a {type(amount).__name__}')
