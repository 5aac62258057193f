"""What ledger and engine say to each other of a lease."""

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from breakwater.domain.money import Amount
from breakwater.domain.orders import CorrelationId, SelfTrade, Symbol, Venue


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SetLease(_Message):
    """The ledger's newest terms. The engine takes them if `version` is above the last one, and answers either way.

    Granted quantities, in base units, are sums over all orders of the lease there ever were. `expires_at_ns` 0: no
    order passes from here on.
    """

    tenant_id: uuid.UUID
    account_id: uuid.UUID
    symbol: Symbol
    venue: Venue
    strategy_id: uuid.UUID | None
    api_key_id: str | None
    version: Annotated[int, Field(ge=1)]
    buy_granted: Annotated[Amount, Field(ge=0)]
    sell_granted: Annotated[Amount, Field(ge=0)]
    price_low: Annotated[Amount, Field(gt=0)]
    price_high: Annotated[Amount, Field(gt=0)]
    orders_max: Annotated[int, Field(ge=0)]
    order_qty_max: Annotated[Amount, Field(ge=0)]
    self_trade: SelfTrade | None
    expires_at_ns: Annotated[int, Field(ge=0)]
    correlation_id: CorrelationId


class LeaseWords(_Message):
    """The engine's word: the lease as it is, what its orders have filled since the first, and what they have open.

    A term below what is in use became what is in use.
    """

    account_id: uuid.UUID
    symbol: str
    version: int
    buy_granted: Amount
    sell_granted: Amount
    price_high: Amount
    orders_max: int
    expires_at_ns: int
    buy_filled: Amount
    sell_filled: Amount
    buy_notional: Amount
    sell_notional: Amount
    buy_open: Amount
    sell_open: Amount
    live_orders: int
