"""What the API answers with, as far as the client reads it. Amounts are decimal strings, times RFC 3339 UTC."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Required, TypedDict

FINAL_STATUSES = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED"})
UNRESOLVED_STATUSES = frozenset({"UNKNOWN", "PENDING_NEW"})  # Whether it was taken is not known yet.

type Amount = str | Decimal
type Json = dict[str, Any]


class Execution(TypedDict, total=False):
    """How the router works an order: its algorithm, and what belongs to that. docs/routing.md tells them all."""

    algorithm: Required[str]
    venues: list[str]
    patience_s: int
    duration_s: int
    slices: int | None
    start_at: str | None
    percent: Amount | None
    display_qty: Amount
    trigger_by: str
    after: str | None
    stop_px: Amount
    stop_limit_px: Amount | None
    offset: Amount | None
    entry_px: Amount | None
    target_px: Amount | None


class Order(TypedDict):
    """`execution` is None of an order that the router does not work, `expire_time` of one without an end."""

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
    expire_time: str | None
    venue: str
    is_leased: bool
    execution: Execution | None
    reject_reason: str | None
    created_at: str
    updated_at: str
    correlation_id: str


class Fee(TypedDict):
    currency: str
    amount: str


class Compared(TypedDict):
    """`slippage_bps`: basis points by which the average is worse than the benchmark; below zero, better."""

    benchmark: str
    price: str | None
    slippage_bps: str | None


class VenueShare(TypedDict):
    """What the children at one venue came to. `share` of all that was filled and `maker_share` are fractions."""

    venue: str
    children: int
    quantity: str
    share: str | None
    avg_px: str | None
    maker_share: str | None
    fees: list[Fee]


class ChildOrder(TypedDict):
    order_id: str
    venue: str
    side: str
    type: str
    time_in_force: str
    quantity: str
    price: str | None
    status: str
    cum_qty: str
    leaves_qty: str
    avg_px: str | None
    reject_code: str | None
    reject_reason: str | None
    transact_time: str


class ExecutionReport(TypedDict):
    """What became of an order that the router worked. `children`: those that changed last come first."""

    order_id: str
    symbol: str
    side: str
    status: str
    execution: Execution
    quantity: str
    cum_qty: str
    avg_px: str | None
    began_at: str | None
    ended_at: str | None
    venues: list[str]
    benchmarks: list[Compared]
    vwap_since: str | None
    fees: list[Fee]
    by_venue: list[VenueShare]
    children: list[ChildOrder]
    children_cut: bool


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
