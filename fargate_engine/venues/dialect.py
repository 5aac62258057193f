"""What differs from exchange to exchange when ccxt has said its part.

Amounts are read from what the exchange wrote (`info`): ccxt makes floats of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.venues.protocol import Acknowledged, Balance, FillAtVenue, OrderAtVenue, VenueInstrument
from fargate_engine.venues.rate_budget import RateBudget, RateWord


@dataclass(frozen=True, slots=True)
class NewOrder:
    """As it is sent: a limit order always. A market order is one at the far edge of its band, which it never leaves."""

    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce
    post_only: bool


@dataclass(frozen=True, slots=True)
class ChangedOrder:
    """An order as it rests there, and as it shall be. Each quantity is the whole, with what has traded.

    `next_client_id` is the one that it has afterwards: `client_id` again, where the venue does not rename it.
    """

    client_id: str
    next_client_id: str
    symbol: str
    side: Side
    post_only: bool
    filled: Decimal  # As far as is known.
    quantity_before: Decimal
    price_before: Decimal
    quantity: Decimal
    price: Decimal

    @property
    def is_less(self) -> bool:
        return self.price == self.price_before and self.quantity < self.quantity_before


@dataclass(frozen=True, slots=True)
class Page[Each]:
    """A part of a list. `next_page` asks for the one after it, and only its dialect reads it; None: this is the last.

    `whole_until_ms`, of a list in time: this page and those before it have everything before that moment. `narrower`
    begins where this part of it did, and is shorter: for when there is too much to read it to its end.
    """

    items: Sequence[Each]
    next_page: Any = None
    whole_until_ms: int | None = None
    narrower: Any = None


@dataclass(frozen=True, slots=True)
class Weights:
    """What each request costs, as the venue counts it: of a list each page."""

    place: int
    cancel: int
    order: int
    amend: int
    replace: int
    open_orders: int
    open_orders_of_all: int
    fills: int
    balances: int
    markets: int


class Dialect(Protocol):
    """Every call may raise whatever ccxt raises, and ValueError for an answer that makes no sense.

    Each is one request, or a few that cost as one. Lists come in pages: `page` is None for the first.
    """

    weights: Weights
    renames: bool  # An order that is replaced goes on under another client id.
    amends_as_order: bool  # An order that is changed in its place counts among the new ones.
    private_path: str  # In the URL of its private stream, and of no other.

    def budget(self) -> RateBudget: ...

    def rate_word(self, status: int, headers: Mapping[str, str], body: str, now_ms: int) -> RateWord:
        """Of any answer, also of one that is no JSON. `headers` in lower case, `now_ms` by the venue's clock."""
        ...

    async def place(self, exchange: Any, order: NewOrder) -> OrderAtVenue | Acknowledged: ...

    async def cancel(self, exchange: Any, client_id: str, symbol: str) -> OrderAtVenue | None:
        """None where the venue does not tell what became of it."""
        ...

    async def cancel_all(self, exchange: Any, symbol: str) -> Sequence[OrderAtVenue]:
        """Whatever the key has open in the symbol; those of them of which the venue tells what became."""
        ...

    def is_amended(self, change: ChangedOrder) -> bool:
        """In its place. Else it is cancelled and placed anew, in one request."""
        ...

    def unsupported(self, change: ChangedOrder) -> str | None:
        """Why the order cannot be replaced so; None where it can."""
        ...

    async def replace(self, exchange: Any, change: ChangedOrder) -> OrderAtVenue | None:
        """None where the venue does not tell what became of it."""
        ...

    async def order(self, exchange: Any, client_id: str, symbol: str) -> OrderAtVenue: ...

    async def order_of(self, exchange: Any, fill: FillAtVenue) -> OrderAtVenue: ...

    async def open_orders(self, exchange: Any, symbol: str | None, page: Any) -> Page[OrderAtVenue]: ...

    async def fills_of(
        self, exchange: Any, symbol: str, client_id: str, venue_order_id: str, page: Any
    ) -> Page[FillAtVenue]:
        """In any order, and some perhaps twice."""
        ...

    async def fills_since(self, exchange: Any, symbol: str, since_ms: int, page: Any) -> Page[FillAtVenue]:
        """In any order until `whole_until_ms` moves on."""
        ...

    async def balances(self, exchange: Any) -> dict[str, Balance]: ...

    async def watch_orders(self, exchange: Any) -> list[OrderAtVenue]: ...

    async def watch_fills(self, exchange: Any) -> list[FillAtVenue]: ...


def instruments(markets: Mapping[str, Any]) -> dict[str, VenueInstrument]:
    """ccxt's markets, where precision is a step: it is so for every exchange here (TICK_SIZE)."""
    return {
        symbol: VenueInstrument(
            symbol=symbol,
            tick_size=step(market["precision"]["price"]),
            lot_size=step(market["precision"]["amount"]),
            quantity_min=bound(market["limits"]["amount"]["min"]),
            quantity_max=bound(market["limits"]["amount"]["max"]),
            price_min=bound(market["limits"]["price"]["min"]),
            price_max=bound(market["limits"]["price"]["max"]),
            notional_min=bound(market["limits"]["cost"]["min"]),
            taker_fee=_fee_rate(market.get("taker")),
            maker_fee=_fee_rate(market.get("maker")),
        )
        for symbol, market in markets.items()
        if market.get("spot") and market.get("active") is not False and market["precision"]["price"] is not None
    }


def _fee_rate(told: Any) -> Decimal:
    """What the exchange charges by default: ccxt has it as a float. Zero where nothing sane is said."""
    rate = bound(told) or Decimal(0)
    return rate if abs(rate) < 1 else Decimal(0)


def step(told: Any) -> Decimal:
    """ccxt has steps as floats: their shortest text is the number that the exchange wrote."""
    return amount(str(told))


def bound(told: Any) -> Decimal | None:
    return None if told is None or not amount(str(told)) else amount(str(told))


def amount(text: Any) -> Decimal:
    """ValueError for what is no number."""
    try:
        number = Decimal(str(text))
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no amount") from error
    if not number.is_finite():
        raise ValueError(f"{text!r} is no amount")
    return number


def amount_or_zero(text: Any) -> Decimal:
    return Decimal(0) if text in {None, ""} else amount(text)


def side_of(text: str) -> Side:
    return Side(text.upper())


def written(number: Decimal) -> str:
    """In full, and without zeros that say nothing: some exchanges count the digits."""
    return format(number.normalize(), "f")


def raw_of(answer: Any) -> Mapping[str, Any]:
    """What the exchange wrote. ValueError when it is not what an order or a trade looks like: not JSON, for one."""
    raw = answer.get("info") if isinstance(answer, dict) else None
    if not isinstance(raw, dict):
        raise ValueError("the answer is not one of an order")
    return raw


def raws_of(answers: Any) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Each with ccxt's name of its symbol."""
    return [(str(answer["symbol"]), raw_of(answer)) for answer in answers]
