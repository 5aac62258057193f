"""The inputs of a shard that are not records. `SubmitOrder` (breakwater.domain.orders) is one of them."""

import uuid
from typing import Literal

from pydantic import BaseModel, ConfigDict

from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import SetLease
from breakwater.domain.money import Amount
from breakwater.domain.orders import ReplaceOrder, SubmitOrder, VoidReplace

Liquidity = Literal["MAKER", "TAKER"]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ListInstrument(_Input):
    """Reference data is an input too, or a replay after a change of tick size would end elsewhere."""

    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: Amount
    lot_size: Amount
    notional_min: Amount

    @classmethod
    def of(cls, instrument: Instrument) -> "ListInstrument":
        return cls(
            symbol=instrument.symbol,
            base_asset=instrument.base_asset,
            quote_asset=instrument.quote_asset,
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            notional_min=instrument.notional_min,
        )

    def instrument(self) -> Instrument:
        return Instrument(
            self.symbol, self.base_asset, self.quote_asset, self.tick_size, self.lot_size, self.notional_min
        )


class CancelOrder(_Input):
    order_id: uuid.UUID
    tenant_id: uuid.UUID


class VoidOrder(_Input):
    """If the order is unknown it shall stay so for ever: a late submit is refused."""

    order_id: uuid.UUID
    tenant_id: uuid.UUID
    account_id: uuid.UUID


class VenueAccepted(_Input):
    order_id: uuid.UUID


class VenueRejected(_Input):
    order_id: uuid.UUID
    code: str
    reason: str


class VenueFilled(_Input):
    """`trade_id` is the venue's own: a fill that is told again is known by it. None, and in journals from before it:
    each is told once.
    """

    order_id: uuid.UUID
    quantity_lots: int
    price_ticks: int
    liquidity: Liquidity
    fee: Amount
    fee_currency: str
    trade_id: str | None = None


class VenueCanceled(_Input):
    """`code` and `reason` are None when the cancel was asked for."""

    order_id: uuid.UUID
    code: str | None = None
    reason: str | None = None


class VenueExpired(_Input):
    order_id: uuid.UUID


class VenueReplaced(_Input):
    """The terms that it was asked for, from here on."""

    order_id: uuid.UUID
    quantity_lots: int
    price_ticks: int


class VenueReplaceRejected(_Input):
    """The order is as it was."""

    order_id: uuid.UUID
    code: str
    reason: str


class WorkNoted(_Input):
    """What the router must still know of an order after a restart. Nobody else reads it; nothing else changes."""

    order_id: uuid.UUID
    note: str


VenueReport = (
    VenueAccepted
    | VenueRejected
    | VenueFilled
    | VenueCanceled
    | VenueExpired
    | VenueReplaced
    | VenueReplaceRejected
    | WorkNoted
)
type LeaseJson = bytes  # A LeaseWords.

Command = SubmitOrder | CancelOrder | ReplaceOrder | VoidReplace | VoidOrder
CoreInput = Command | VenueReport | ListInstrument | SetLease
