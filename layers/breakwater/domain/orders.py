"""An order: its words (FIX's), the commands about it, and the engine's word on it."""

import hashlib
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from breakwater.domain.executions import (
    EXITS,
    ROUTER_VENUE,
    Execution,
    Iceberg,
    Oco,
    Route,
    TrailingStop,
    execution_fields,
)
from breakwater.domain.ids import ClientOrderId, named_uuid
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, Amount, format_amount
from breakwater.domain.times import format_time
from breakwater.domain.wrong_fields import wrong_field
from breakwater.errors import InvalidRequest

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,20}/[A-Z0-9]{1,20}$")]
CorrelationId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]  # As the API's edge makes them.
_ORDER_NAMESPACE = uuid.UUID("6f9619ff-8b86-5d01-b42d-00c04fc964ff")


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"  # Until its `expire_time`.
    DAY = "DAY"  # Until the end of its account's day.

    @property
    def may_rest(self) -> bool:
        return self not in {TimeInForce.IOC, TimeInForce.FOK}

    @property
    def has_end(self) -> bool:
        return self in {TimeInForce.GTD, TimeInForce.DAY}


class SelfTrade(StrEnum):
    """What is done where an order would meet one of the same firm."""

    CANCEL_NEWEST = "CANCEL_NEWEST"
    CANCEL_OLDEST = "CANCEL_OLDEST"
    CANCEL_BOTH = "CANCEL_BOTH"
    DECREMENT = "DECREMENT"


class OrdStatus(StrEnum):
    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED})

Venue = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,16}$")]
SIMULATED_VENUE = "SIM"
INTERNAL_VENUE = "BOOK"
BUILT_IN_VENUES = (SIMULATED_VENUE, INTERNAL_VENUE, ROUTER_VENUE)  # What else there is stands in market.venues.

_PRICES_OF_EXECUTIONS = ("stop_px", "stop_limit_px", "offset", "entry_px", "target_px")

EXPIRES_WITHIN = timedelta(days=366)
VOIDED = "VOIDED"  # The reject code of an order that was given up before the engine heard of it.


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OrderTerms(_Message):
    """What the client asks for: the body of POST /orders, and all that its fingerprint covers.

    An order with an execution is one at SOR, and one at SOR that names none is routed at once (`BEST`).
    """

    client_order_id: ClientOrderId
    account_id: uuid.UUID
    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Amount
    price: Amount | None = None
    time_in_force: TimeInForce | None = None  # None: GTC for limit orders, IOC for market orders.
    expire_time: AwareDatetime | None = None  # When an order that is GTD ends (FIX ExpireTime, 126).
    post_only: bool = False
    reduce_only: bool = False
    venue: Venue = SIMULATED_VENUE
    strategy_id: uuid.UUID | None = None  # The STRATEGY node below the account that it counts to as well.
    located: bool = False  # A short sale of what was borrowed or located beforehand.
    valid_until: AwareDatetime | None = None  # It reaches no book later: whoever has heard nothing by then may be sure.
    execution: Execution | None = None

    @model_validator(mode="before")
    @classmethod
    def _at_the_router(cls, told: Any) -> Any:
        if not isinstance(told, dict):
            return told
        if told.get("execution") is not None:
            return {"venue": ROUTER_VENUE, **told}
        return {**told, "execution": Route()} if told.get("venue") == ROUTER_VENUE else told

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.type is OrderType.LIMIT and self.price is None:
            raise wrong_field("price", "a LIMIT order needs a price")
        if self.type is OrderType.MARKET and self.price is not None:
            raise wrong_field("price", "a MARKET order has no price")
        if self.type is OrderType.MARKET and self.effective_time_in_force.may_rest:
            raise wrong_field("time_in_force", "a MARKET order is IOC or FOK")
        if (self.expire_time is not None) != (self.time_in_force is TimeInForce.GTD):
            raise wrong_field("expire_time", "an order that is GTD has an expire_time, and no other has one")
        if self.post_only and not self.effective_time_in_force.may_rest:
            raise wrong_field("post_only", "post_only needs a LIMIT order that may rest: GTC, GTD or DAY")
        return self

    @model_validator(mode="after")
    def _workable(self) -> Self:
        """What the router could make nothing of."""
        execution = self.execution
        if execution is None:
            return self
        algorithm = execution.algorithm
        if self.venue != ROUTER_VENUE:
            told = f"an order with an execution goes to {ROUTER_VENUE}: name its venues in execution.venues"
            raise wrong_field("venue", told)
        if self.time_in_force is TimeInForce.FOK:
            told = f"no order at {ROUTER_VENUE} is FOK: several venues cannot fill it all or nothing"
            raise wrong_field("time_in_force", told)
        if isinstance(execution, Iceberg | Oco) and not self.effective_time_in_force.may_rest:
            told = f"{algorithm} rests at its own price: a LIMIT order that is GTC, GTD or DAY"
            raise wrong_field("time_in_force", told)
        if self.post_only and (isinstance(execution, EXITS) or algorithm == "SEEK"):
            raise wrong_field("post_only", f"{algorithm} takes what rests: it cannot be post_only")
        if isinstance(execution, Oco):
            for stop_px in (execution.stop_px, execution.stop_limit_px):
                if not self._gains(stop_px, self.price):
                    told = "price must lie beyond where it stops: above that for a SELL, below it for a BUY"
                    raise wrong_field("price", told)
        if isinstance(execution, TrailingStop) and not self._gains(execution.entry_px, execution.target_px):
            told = "target_px must lie beyond entry_px: above it for a SELL, below it for a BUY"
            raise wrong_field("execution.target_px", told)
        return self

    def _gains(self, before: Decimal | None, after: Decimal | None) -> bool:
        """Whether `after` is the better price for this order; also true of prices that are not told."""
        if before is None or after is None:
            return True
        return after > before if self.side is Side.SELL else after < before

    @property
    def effective_time_in_force(self) -> TimeInForce:
        return self.time_in_force or (TimeInForce.IOC if self.type is OrderType.MARKET else TimeInForce.GTC)

    def check_against(self, instrument: Instrument) -> None:
        """InvalidRequest unless its amounts are whole ticks and lots and the order is worth the minimum."""
        instrument.quantity_lots(self.quantity)
        for name in _PRICES_OF_EXECUTIONS:
            price = getattr(self.execution, name, None)
            if price is not None:
                instrument.price_ticks(price, name)
        if isinstance(self.execution, Iceberg):
            instrument.quantity_lots(self.execution.display_qty, "display_qty")
            if self.execution.display_qty > self.quantity:
                raise InvalidRequest("display_qty is more than the quantity", field="display_qty")
        if self.price is None:
            return
        instrument.price_ticks(self.price)
        if EXACT.multiply(self.quantity, self.price) < instrument.notional_min:
            message = f"quantity times price is below the minimum of {format_amount(instrument.notional_min)}"
            raise InvalidRequest(f"{message} {instrument.quote_asset}", field="quantity")

    def check_expiry(self, at: datetime) -> None:
        """InvalidRequest unless an order that is GTD ends in the future, and within EXPIRES_WITHIN."""
        if self.expire_time is None:
            return
        if self.expire_time <= at:
            raise InvalidRequest("expire_time lies in the past", field="expire_time")
        if self.expire_time - at > EXPIRES_WITHIN:
            raise InvalidRequest(f"expire_time is within {EXPIRES_WITHIN.days} days", field="expire_time")

    def fingerprint(self) -> str:
        """Equal for equal requests, however their amounts are written: 0.5 and 0.50 are one quantity."""
        told = self.model_dump(mode="json", exclude={"valid_until"})  # About the sending, not about the order.
        told["quantity"] = format_amount(self.quantity.normalize(EXACT))
        told["price"] = None if self.price is None else format_amount(self.price.normalize(EXACT))
        told["time_in_force"] = self.effective_time_in_force
        told["expire_time"] = None if self.expire_time is None else format_time(self.expire_time)
        for later, default in (("strategy_id", None), ("located", False), ("expire_time", None)):
            if told[later] == default:  # So that orders from before these fields keep their fingerprints.
                del told[later]
        del told["execution"]  # As above.
        if self.execution is not None:
            told["execution"] = execution_fields(self.execution)
        return hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()


class PlaceOrder(_Message):
    """The command the saga carries. A retry is the same order: its id follows from tenant, account and client id."""

    order_id: uuid.UUID
    tenant_id: uuid.UUID
    correlation_id: str
    placed_by: str
    placed_at: datetime
    terms: OrderTerms
    api_key_id: str | None = None  # None: a person sent it.
    day_ends_at: datetime | None = None  # Of an order that is DAY: looked up once, when it is taken.

    @property
    def expire_time(self) -> datetime | None:
        return self.day_ends_at if self.terms.time_in_force is TimeInForce.DAY else self.terms.expire_time

    @classmethod
    def of(
        cls,
        terms: OrderTerms,
        *,
        tenant_id: uuid.UUID,
        placed_by: str,
        correlation_id: str,
        at: datetime,
        api_key_id: str | None = None,
    ) -> Self:
        order_id = order_id_of(tenant_id, terms.account_id, terms.client_order_id)
        return cls(
            order_id=order_id,
            tenant_id=tenant_id,
            correlation_id=correlation_id,
            placed_by=placed_by,
            placed_at=at,
            terms=terms,
            api_key_id=api_key_id,
        )

    def of_lease(self) -> Self:
        """The same for the engine to take by itself: another order, with another id."""
        terms = self.terms
        order_id = leased_order_id_of(self.tenant_id, terms.account_id, terms.symbol, terms.client_order_id)
        return self.model_copy(update={"order_id": order_id})


EXCHANGE_ORDER_ID_BITS = 52  # Below 2^53, so that JavaScript keeps them whole.


def exchange_order_id(id_: uuid.UUID) -> int:
    """The number that stands for an order's or a trade's id where clients want one (decision 93)."""
    return id_.int & ((1 << EXCHANGE_ORDER_ID_BITS) - 1)


def order_id_of(tenant_id: uuid.UUID, account_id: uuid.UUID, client_order_id: str) -> uuid.UUID:
    return named_uuid(_ORDER_NAMESPACE, f"{tenant_id}/{account_id}/{client_order_id}")


def leased_order_id_of(tenant_id: uuid.UUID, account_id: uuid.UUID, symbol: str, client_order_id: str) -> uuid.UUID:
    """Of an order that the engine takes by itself: no other order has it, also where a client id is used by both ways.

    Engines look for an id that is known only in the symbol's shard, so the symbol is in it.
    """
    return named_uuid(_ORDER_NAMESPACE, f"{tenant_id}/{account_id}/leased/{symbol}/{client_order_id}")


class LeasedTo(_Message):
    """Whose order of a lease it is: the lease is for the orders of this strategy and key alone."""

    placed_by: str
    strategy_id: uuid.UUID | None
    api_key_id: str | None


class SubmitOrder(_Message):
    """What the engine is sent. It trades only inside [price_low, price_high], which is what was reserved."""

    order_id: uuid.UUID
    tenant_id: uuid.UUID
    account_id: uuid.UUID
    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    quantity: Amount
    price: Amount | None
    price_low: Amount
    price_high: Amount
    venue: Venue
    correlation_id: CorrelationId
    # None, and in journals from before it: CANCEL_NEWEST.
    self_trade: SelfTrade | None = None
    valid_until_ns: int | None = None  # Refused by the engine when its turn comes later.
    # When an order that is GTD or DAY ends. No venue is told of it: to them it is GTC, and the engine ends it.
    expire_at_ns: Annotated[int, Field(gt=0, lt=2**63)] | None = None
    # None: its limits were reserved for it alone. Else it has to fit into the lease of its account and symbol.
    leased: LeasedTo | None = None
    # How the router works it; None for an order of any other venue.
    execution: Execution | None = None
    # The order at the router that this one is a child of: it is within that one's reservation.
    parent_id: uuid.UUID | None = None


ReplaceNumber = Annotated[int, Field(ge=1, lt=2**31)]


class ReplaceOrder(_Message):
    """Other terms for an order that rests: its new whole quantity, with what has traded, and its new price.

    `replace_no` counts the replaces of one order from 1; the next is asked only once this one is decided. The order
    trades only inside [price_low, price_high], for which the larger of its old and new terms is reserved meanwhile.
    """

    order_id: uuid.UUID
    tenant_id: uuid.UUID
    replace_no: ReplaceNumber
    replace_id: ClientOrderId
    quantity: Amount
    price: Amount
    price_low: Amount
    price_high: Amount
    correlation_id: CorrelationId


class VoidReplace(_Message):
    """If this replace is not known it shall come to nothing for ever: one that arrives late is refused."""

    order_id: uuid.UUID
    tenant_id: uuid.UUID
    replace_no: ReplaceNumber
    replace_id: ClientOrderId


class OrderSnapshot(_Message):
    """The engine's word on an order. A snapshot replaces every one of the same order with a lower `engine_seq`.

    `replace_no` is the last of its replaces that is decided, `terms_no` that whose terms it has (0: as it was placed);
    both are None where nothing is said of them. `price` is told with them.
    """

    order_id: uuid.UUID
    status: OrdStatus
    quantity: Amount
    cum_qty: Amount
    leaves_qty: Amount  # Zero once the status is final.
    cum_notional: Amount  # Sum of last_qty * last_px: exact where an average price would be rounded.
    reject_code: str | None = None
    reject_reason: str | None = None
    engine_seq: int
    transact_time_ns: int
    price: Amount | None = None
    replace_no: int | None = None
    terms_no: int | None = None
    replace_code: str | None = None  # Why the last one was refused.
    replace_reason: str | None = None


def average_price(cum_notional: Decimal, cum_qty: Decimal) -> Decimal | None:
    """avg_px, rounded half even to 8 decimals; None before the first fill."""
    if cum_qty == 0:
        return None
    return EXACT.divide(cum_notional, cum_qty).quantize(Decimal("1e-8"), context=EXACT)
