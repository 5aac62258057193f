"""What happens to an order. Each carries the whole order as the engine knew it then, so one event is enough."""

import uuid
from typing import ClassVar

from events.envelope import Amount, Event


class OrderState(Event):
    """Shared by the events below; FIX names. `engine_seq` orders the states of one order."""

    topic: ClassVar[str] = ""
    order_id: uuid.UUID
    client_order_id: str
    account_id: uuid.UUID
    symbol: str
    side: str
    type: str
    time_in_force: str
    venue: str
    status: str
    quantity: Amount
    price: Amount | None
    cum_qty: Amount
    leaves_qty: Amount
    cum_notional: Amount
    reject_code: str | None
    reject_reason: str | None
    engine_seq: int
    transact_time_ns: int


class OrderPlaced(Event):
    """The order is recorded and its limits are reserved; the engine has not heard of it yet."""

    topic: ClassVar[str] = "orders.OrderPlaced.v1"
    is_of_account: ClassVar[bool | None] = True
    order: OrderState


class OrderEndSet(Event):
    """When an order that is GTD or DAY ends, told with its OrderPlaced: OrderState, being frozen, cannot."""

    topic: ClassVar[str] = "orders.OrderEndSet.v1"
    is_of_account: ClassVar[bool | None] = True
    order_id: uuid.UUID
    expire_time_ns: int


class OrderLeased(Event):
    """The engine took the order, or refused it, by itself, within a lease: nobody has recorded it before.

    It comes before any other event of the order; its terms are what the others do not repeat.
    """

    topic: ClassVar[str] = "orders.OrderLeased.v1"
    is_of_account: ClassVar[bool | None] = True
    order: OrderState
    placed_by: str
    strategy_id: uuid.UUID | None
    api_key_id: str | None
    post_only: bool
    price_low: Amount
    price_high: Amount


class OrderRefused(Event):
    """Limits refused it: it never reached the engine."""

    topic: ClassVar[str] = "orders.OrderRefused.v1"
    is_of_account: ClassVar[bool | None] = True
    order: OrderState


class OrderAccepted(Event):
    topic: ClassVar[str] = "orders.OrderAccepted.v1"
    is_of_account: ClassVar[bool | None] = True
    order: OrderState


class OrderRejected(Event):
    """The engine or the venue said no."""

    topic: ClassVar[str] = "orders.OrderRejected.v1"
    is_of_account: ClassVar[bool | None] = True
    order: OrderState


class OrderCanceled(Event):
    topic: ClassVar[str] = "orders.OrderCanceled.v1"
    is_of_account: ClassVar[bool | None] = True
    order: OrderState


class OrderReplaced(Event):
    """It has the quantity and price that this replace asked for. `replace_no` counts the replaces of the order."""

    topic: ClassVar[str] = "orders.OrderReplaced.v1"
    is_of_account: ClassVar[bool | None] = True
    replace_id: str
    replace_no: int
    order: OrderState


class OrderReplaceRejected(Event):
    """The engine or the venue said no to a replace: the order keeps the terms that it had."""

    topic: ClassVar[str] = "orders.OrderReplaceRejected.v1"
    is_of_account: ClassVar[bool | None] = True
    replace_id: str
    replace_no: int
    code: str
    reason: str
    order: OrderState


class OrderRestated(Event):
    """By nobody's replace it is for `reduced_qty` less than before (FIX: ExecType Restated): `order` says what it is.

    `restatement_reason` is SELF_TRADE: it met an order of its own firm, and both lost what would have traded.
    """

    topic: ClassVar[str] = "orders.OrderRestated.v1"
    is_of_account: ClassVar[bool | None] = True
    restatement_reason: str
    reduced_qty: Amount
    order: OrderState


class OrderExpired(Event):
    topic: ClassVar[str] = "orders.OrderExpired.v1"
    is_of_account: ClassVar[bool | None] = True
    order: OrderState


class TradeExecuted(Event):
    """One fill, and the order after it."""

    topic: ClassVar[str] = "trades.TradeExecuted.v1"
    is_of_account: ClassVar[bool | None] = True
    trade_id: uuid.UUID
    last_qty: Amount
    last_px: Amount
    liquidity: str  # MAKER or TAKER
    fee: Amount
    fee_currency: str
    order: OrderState


class ChildOrderChanged(Event):
    """An order that the router made of another one was accepted, rejected, cancelled, or has expired."""

    topic: ClassVar[str] = "orders.ChildOrderChanged.v1"
    is_of_account: ClassVar[bool | None] = True
    parent_order_id: uuid.UUID
    order: OrderState


class ChildOrderFilled(Event):
    """One fill of a child. Its parent's TradeExecuted tells of it, too: that one is what is booked."""

    topic: ClassVar[str] = "orders.ChildOrderFilled.v1"
    is_of_account: ClassVar[bool | None] = True
    parent_order_id: uuid.UUID
    trade_id: uuid.UUID
    last_qty: Amount
    last_px: Amount
    liquidity: str  # MAKER or TAKER
    fee: Amount
    fee_currency: str
    order: OrderState


class ExecutionMeasured(Event):
    """What the market was when the router began an order, and what it had been when that ended.

    All are prices in quote currency; None where the market did not show it. `arrival_px` is the middle of the best bid
    and ask over its venues, `arrival_cost_px` the average at which the whole quantity could have been taken at that
    moment from all of their books together, fees not counted, `vwap_px` the volume-weighted average of all that traded
    at its venues, None before it ended. Measured since `vwap_since_ns`: an engine that was restarted begins anew.
    """

    topic: ClassVar[str] = "orders.ExecutionMeasured.v1"
    is_of_account: ClassVar[bool | None] = True
    order_id: uuid.UUID
    algorithm: str
    venues: tuple[str, ...]
    began_at_ns: int
    arrival_px: Amount | None
    arrival_cost_px: Amount | None
    ended_at_ns: int | None
    vwap_px: Amount | None
    vwap_since_ns: int | None
