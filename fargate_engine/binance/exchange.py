"""What the dialect asks of the exchange behind it: the firm's own engine, or the simulated exchange."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from breakwater.domain.executions import Execution
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from fargate_engine.binance.signing import SigningKey
from fargate_engine.market_data.market import Market

type Scope = Literal["read", "orders", "trade", "cancel"]  # Balances and trades, orders, placing, cancelling.
type UserEvent = dict[str, Any]  # As the user data stream carries it.

NO_LIST = -1


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever an API key stands for. `owner` is the exchange's own word for them and means nothing to the dialect."""

    key_id: str
    signing_key: SigningKey
    scopes: frozenset[Scope]
    owner: Any = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is taken at least and at most, besides whole steps. None: nothing is said of it."""

    quantity_min: Decimal | None = None
    quantity_max: Decimal | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class BoundedInstrument(Instrument):
    """As an outside venue lists it."""

    bounds: Bounds = UNBOUNDED


def bounds_of(instrument: Instrument) -> Bounds:
    return instrument.bounds if isinstance(instrument, BoundedInstrument) else UNBOUNDED


@dataclass(frozen=True, slots=True)
class NewOrder:
    """Quantity, or what shall be spent or earned in the quote asset. `valid_until_ms`: not to reach a book later."""

    instrument: Instrument
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    quantity: Decimal | None
    quote_quantity: Decimal | None
    price: Decimal | None
    client_order_id: str
    valid_until_ms: int
    execution: Execution | None = None  # A stop, an iceberg or an order list: worked by the exchange behind.


@dataclass(frozen=True, slots=True)
class OrderRef:
    """One order of the client: by the number it was shown under, or by its client order id."""

    instrument: Instrument
    order_number: int | None
    client_order_id: str | None


@dataclass(frozen=True, slots=True)
class Amendment:
    """A smaller quantity, of the whole order, and the client order id that it has from then on."""

    order: OrderRef
    quantity: Decimal
    client_order_id: str
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class OrderListRef:
    """One order list of the client, by its number or by its own client id. No instrument: whichever it is of."""

    instrument: Instrument | None
    list_number: int | None
    list_client_order_id: str | None


@dataclass(frozen=True, slots=True)
class Fill:
    trade_number: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str


@dataclass(frozen=True, slots=True)
class ShownOrder:
    order_number: int
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    status: OrdStatus
    quantity: Decimal
    price: Decimal | None
    cum_qty: Decimal
    cum_notional: Decimal
    created_ms: int
    updated_ms: int
    reject_reason: str | None = None
    execution: Execution | None = None
    fills: Sequence[Fill] = field(default=())
    list_number: int = NO_LIST


@dataclass(frozen=True, slots=True)
class ShownOrderList:
    """Two orders of which one cancels the other: the stop and the limit. `status` is that of the whole."""

    list_number: int
    list_client_order_id: str
    symbol: str
    status: OrdStatus
    updated_ms: int
    orders: tuple[ShownOrder, ShownOrder]


@dataclass(frozen=True, slots=True)
class ShownTrade:
    symbol: str
    order_number: int
    fill: Fill
    at_ms: int
    side: Side
    is_maker: bool
    list_number: int = NO_LIST


@dataclass(frozen=True, slots=True)
class Balance:
    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a list: the newest `limit`, or the first of them from `start_ms` or `from_number` on."""

    limit: int
    start_ms: int | None = None
    end_ms: int | None = None
    from_number: int | None = None


class UserEvents(Protocol):
    """Ends when the client falls behind, or its key is not believed any more."""

    def __aiter__(self) -> AsyncIterator[UserEvent]: ...

    def close(self) -> None:
        """Nobody listens any more, or ever has."""
        ...


class Exchange(Protocol):
    """Every call may raise BinanceError. What is refused for its terms is -2010 or -1013; what is not known, -1007."""

    @property
    def works_orders(self) -> bool:
        """Whether it takes stops, icebergs and order lists."""
        ...

    @property
    def amends_orders(self) -> bool:
        """Whether it makes an order smaller in its place, and cancels one only in the status that is asked for."""
        ...

    @property
    def fee_rate(self) -> Decimal:
        """Of the notional, at most."""
        ...

    def now_ms(self) -> int: ...

    async def client(self, key_id: str, address: str) -> Client:
        """-2015 when nobody has this key, or it may not be used from this address."""
        ...

    def note_use(self, client: Client, address: str) -> None:
        """The client has signed a request that is in its window, from there. Waits for nothing."""
        ...

    def instruments(self) -> Sequence[Instrument]:
        """The same sequence as long as nothing changes."""
        ...

    def market(self, symbol: str) -> Market:
        """-1121 for one without a market."""
        ...

    async def place(self, client: Client, order: NewOrder) -> ShownOrder: ...

    async def check(self, client: Client, order: NewOrder) -> None:
        """All that `place` would refuse, and nothing is placed."""
        ...

    async def cancel(self, client: Client, order: OrderRef) -> ShownOrder | ShownOrderList:
        """-2011 when it is unknown or final. With an order of a list its list is cancelled."""
        ...

    async def cancel_only(self, client: Client, order: OrderRef, status: OrdStatus) -> ShownOrder:
        """-2011 also when it has another status."""
        ...

    async def amend(self, client: Client, amendment: Amendment) -> ShownOrder:
        """-2038 when it is unknown or final, or the quantity not less than it was and more than what has traded."""
        ...

    async def cancel_all(self, client: Client, instrument: Instrument) -> list[ShownOrder | ShownOrderList]: ...

    async def order(self, client: Client, order: OrderRef) -> ShownOrder:
        """-2013 when it is unknown."""
        ...

    async def open_orders(self, client: Client, instrument: Instrument | None) -> list[ShownOrder]: ...

    async def orders(self, client: Client, instrument: Instrument, span: Span) -> list[ShownOrder]: ...

    async def place_list(self, client: Client, order: NewOrder, told_ids: Collection[str]) -> ShownOrderList:
        """`order` is an Oco by the list's client id. `told_ids`: those of its orders that the client chose itself."""
        ...

    async def cancel_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        """-2011 when it is unknown or done."""
        ...

    async def order_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        """-2013 when it is unknown."""
        ...

    async def open_order_lists(self, client: Client) -> list[ShownOrderList]: ...

    async def order_lists(self, client: Client, span: Span) -> list[ShownOrderList]: ...

    async def trades(
        self, client: Client, instrument: Instrument, span: Span, order_number: int | None
    ) -> list[ShownTrade]: ...

    async def balances(self, client: Client) -> list[Balance]: ...

    async def user_events(self, client: Client) -> UserEvents:
        """What happens to the client's orders and balances from this answer on."""
        ...
