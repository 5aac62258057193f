"""Trades, positions, portfolio, events, alerts and instruments as the API shows them."""

import uuid
from typing import Annotated, Any, TypedDict

from pydantic import BaseModel, ConfigDict, WithJsonSchema

from breakwater.domain.ids import IdText
from breakwater.domain.money import AmountText
from breakwater.domain.orders import Side
from breakwater.domain.times import Timestamp, TimeText

# Told, because a generated Java or C# client would take an integer for one of 32 bits.
Int64 = Annotated[int, WithJsonSchema({"type": "integer", "format": "int64"})]


class Trade(TypedDict):
    """`realised_pnl` is before the fee; both are what this one fill did."""

    trade_id: IdText
    order_id: IdText
    account_id: IdText
    symbol: str
    side: Side
    last_qty: AmountText
    last_px: AmountText
    liquidity: str
    fee: AmountText
    fee_currency: str
    realised_pnl: AmountText
    venue: str
    transact_time: TimeText


class TradePage(TypedDict):
    items: list[Trade]
    next_cursor: str | None


class Mark(TypedDict):
    """The price now; null where none was ever observed. `stale` when it is too old to judge an order by."""

    mark_price: AmountText | None
    mark_age_ms: Int64 | None
    stale: bool


class Position(Mark):
    """`quantity` is signed; `realised_pnl` is before fees; profit and fees are in the quote currency."""

    account_id: IdText
    symbol: str
    quantity: AmountText
    average_price: AmountText
    realised_pnl: AmountText
    unrealised_pnl: AmountText | None
    fees: AmountText
    updated_at: TimeText


class PositionPage(TypedDict):
    items: list[Position]
    next_cursor: str | None


class Worth(TypedDict):
    """An amount that needs a price that was never observed is null."""

    equity: AmountText | None
    realised_pnl: AmountText | None
    unrealised_pnl: AmountText | None
    fees: AmountText | None
    net_realised_pnl: AmountText | None


class Balance(TypedDict):
    asset: str
    total: AmountText


class AccountPortfolio(Worth):
    """In its base currency. `stale` says that one of the prices used is old."""

    account_id: IdText
    name: str
    base_currency: str
    stale: bool
    balances: list[Balance]
    positions: list[Position]


class PortfolioTotal(Worth):
    currency: str


class Portfolio(TypedDict):
    items: list[AccountPortfolio]
    totals: list[PortfolioTotal]
    next_cursor: str | None


class EquityPoint(TypedDict):
    """What the account was worth then. `realised_pnl` is before fees; `stale`: one of the prices used was old."""

    at: TimeText
    equity: AmountText
    realised_pnl: AmountText
    unrealised_pnl: AmountText
    fees: AmountText
    stale: bool


class EquityHistory(TypedDict):
    """Oldest first, in the account's base currency. A step without a sample is left out."""

    account_id: IdText
    currency: str
    interval: str
    items: list[EquityPoint]
    next_cursor: str | None


class FeedEvent(BaseModel):
    """`payload` is the event of `topic`; its schema is the file of that name in events/schemas."""

    model_config = ConfigDict(frozen=True)

    sequence: Int64
    event_id: uuid.UUID
    topic: str
    tenant_id: uuid.UUID
    account_id: uuid.UUID
    aggregate_id: uuid.UUID
    correlation_id: str
    occurred_at_ns: Int64
    occurred_at: Timestamp
    payload: dict[str, Any]


class EventPage(TypedDict):
    """`next_since` continues; `next_cursor` is not null where there is more."""

    items: list[FeedEvent]
    next_since: Int64
    next_cursor: str | None


class InstrumentView(Mark):
    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: AmountText
    lot_size: AmountText
    notional_min: AmountText


class InstrumentPage(TypedDict):
    items: list[InstrumentView]
    next_cursor: str | None
