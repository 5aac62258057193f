"""Commands and events of the matching core, as docs/matching.md and messages.hpp have them, and their bytes.

A command's enumerations are plain integers here: a hostile caller may send any. `command_from_bytes` and
`command_bytes` are about the 128 bytes of one command, `event_bytes` about the 64 of an event, little endian.
"""

import struct
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import Final

PRICE_MAX: Final = 2**61 - 1
QUANTITY_MAX: Final = 2**48
SYMBOL_MAX: Final = 65_535
INT64_MAX: Final = 2**63 - 1
ICEBERG_PARTS_MAX: Final = 100

POST_ONLY: Final = 1
REDUCE_ONLY: Final = 2
FIRM_SELF_TRADE: Final = 4
EXTENDED: Final = 8
LEASED: Final = 16
ALL_FLAGS: Final = POST_ONLY | REDUCE_ONLY | FIRM_SELF_TRADE | EXTENDED | LEASED


class Kind(IntEnum):
    SUBMIT = 1
    CANCEL = 2
    REPLACE = 3
    MASS_CANCEL = 4
    REFUSE = 5
    VENUE_ACCEPTED = 6
    VENUE_REJECTED = 7
    VENUE_FILLED = 8
    VENUE_CANCELED = 9
    VENUE_EXPIRED = 10
    VENUE_REPLACED = 11
    REFUSE_REPLACE = 12
    LIST_INSTRUMENT = 16
    SET_ACCOUNT = 17
    SET_HOLDING = 18
    SET_MARK = 19
    HALT = 20
    RESUME = 21
    START_AUCTION = 22
    UNCROSS = 23
    ADVANCE_TIME = 24
    SET_LEASE = 25


class Side(IntEnum):
    BUY = 1
    SELL = 2

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class Type(IntEnum):
    LIMIT = 1
    MARKET = 2
    STOP = 3
    STOP_LIMIT = 4
    TAKE_PROFIT = 5
    TAKE_PROFIT_LIMIT = 6
    TRAILING_STOP = 7

    @property
    def is_dormant(self) -> bool:
        """It waits for its trigger before it becomes a market or a limit order."""
        return self not in {Type.LIMIT, Type.MARKET}

    @property
    def needs_price(self) -> bool:
        return self in {Type.LIMIT, Type.STOP_LIMIT, Type.TAKE_PROFIT_LIMIT}


class TimeInForce(IntEnum):
    GTC = 1
    IOC = 2
    FOK = 3
    GTD = 4


class SelfTrade(IntEnum):
    ALLOW = 0
    CANCEL_NEWEST = 1
    CANCEL_OLDEST = 2
    CANCEL_BOTH = 3
    DECREMENT = 4


class Trigger(IntEnum):
    LAST = 0
    MARK = 1


class Reason(IntEnum):
    NONE = 0
    UNKNOWN_SYMBOL = 1
    UNKNOWN_ACCOUNT = 2
    DUPLICATE_ORDER_ID = 3
    UNKNOWN_ORDER = 4
    INVALID_TERMS = 5
    INVALID_QUANTITY = 6
    INVALID_PRICE = 7
    OVERFLOW = 8
    CORE_FULL = 9
    PRICE_OUTSIDE_BAND = 16
    ORDER_TOO_LARGE = 17
    NOTIONAL_TOO_LARGE = 18
    COLLAR = 19
    POSITION_LIMIT = 20
    TOO_MANY_OPEN_ORDERS = 21
    RATE_LIMIT = 22
    NO_REFERENCE_PRICE = 23
    REDUCE_ONLY = 24
    HALTED = 25
    NOT_IN_AUCTION = 26
    POST_ONLY_WOULD_TAKE = 27
    TOO_LATE = 28
    LEASE_EXHAUSTED = 29
    LEASE_EXPIRED = 30
    NO_LIQUIDITY = 40
    FOK_NOT_FILLABLE = 41
    MIN_QUANTITY = 42
    PRICE_BAND = 43
    SELF_TRADE = 44
    MASS_CANCEL = 45
    VENUE = 46


class EventKind(IntEnum):
    ACCEPTED = 1
    REJECTED = 2
    TRADED = 3
    CANCELED = 4
    EXPIRED = 5
    REPLACED = 6
    REDUCED = 7
    TRIGGERED = 8
    ROUTED = 9
    CANCEL_REQUESTED = 10
    CANCEL_REJECTED = 11
    REPLACE_REJECTED = 12
    VENUE_FILLED = 13
    HALTED = 14
    RESUMED = 15
    AUCTION_STARTED = 16
    UNCROSSED = 17
    UPDATED = 18
    LEASE_SET = 19
    REPLACE_REQUESTED = 20


class TradingState(IntEnum):
    CONTINUOUS = 0
    HALTED = 1
    AUCTION = 2


@dataclass(frozen=True, slots=True)
class OrderTerms:
    stop_price: int = 0
    display_quantity: int = 0
    min_quantity: int = 0
    expire_at_ns: int = 0
    price_bound: int = 0


@dataclass(frozen=True, slots=True)
class InstrumentTerms:
    tick: int = 1
    lot: int = 1
    price_low: int = 0
    price_high: int = 0
    quantity_min: int = 0
    quantity_max: int = 0
    collar_bps: int = 0


@dataclass(frozen=True, slots=True)
class AccountTerms:
    firm: int = 0
    order_quantity_max: int = 0
    order_notional_max: int = 0
    open_orders_max: int = 0
    rate_max: int = 0
    rate_window_ns: int = 0


@dataclass(frozen=True, slots=True)
class HoldingTerms:
    position: int = 0
    position_max: int = 0


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    version: int = 0
    buy_granted: int = 0
    sell_granted: int = 0
    price_high: int = 0
    orders_max: int = 0
    expires_at_ns: int = 0


type Terms = OrderTerms | InstrumentTerms | AccountTerms | HoldingTerms | LeaseTerms

_TERMS_OF_KIND: Final[dict[int, type[Terms]]] = {
    Kind.SUBMIT: OrderTerms,
    Kind.REPLACE: OrderTerms,
    Kind.LIST_INSTRUMENT: InstrumentTerms,
    Kind.SET_ACCOUNT: AccountTerms,
    Kind.SET_HOLDING: HoldingTerms,
    Kind.SET_LEASE: LeaseTerms,
}


@dataclass(frozen=True, slots=True)
class Command:
    """`terms` is the second line of the record, of the class that belongs to `kind`; None counts as all zeros."""

    kind: int
    order_id: int = 0
    symbol: int = 0
    account: int = 0
    session: int = 0
    side: int = 0
    type: int = 0
    time_in_force: int = 0
    price: int = 0
    quantity: int = 0
    flags: int = 0
    self_trade: int = 0
    trigger: int = 0
    venue: int = 0
    reason: int = 0
    at_ns: int = 0
    seq: int = 0
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    order_id: int
    maker_id: int
    price: int
    quantity: int
    leaves: int
    maker_leaves: int
    command: int
    symbol: int
    kind: EventKind
    reason: int


_FIRST_LINE: Final = struct.Struct("<QqQqqIII9B3x")
_SECOND_LINE: Final = struct.Struct("<8q")
_EVENT: Final = struct.Struct("<QQQqqqqIHBB")


def command_bytes(command: Command) -> bytes:
    first = _FIRST_LINE.pack(
        command.seq,
        command.at_ns,
        command.order_id,
        command.price,
        command.quantity,
        command.symbol,
        command.account,
        command.session,
        command.kind,
        command.side,
        command.type,
        command.time_in_force,
        command.flags,
        command.self_trade,
        command.trigger,
        command.venue,
        command.reason,
    )
    numbers = () if command.terms is None else astuple(command.terms)
    return first + _SECOND_LINE.pack(*numbers, *(0,) * (8 - len(numbers)))


def command_from_bytes(record: bytes) -> Command:
    """ValueError unless these are 128 bytes. Spare fields are forgotten."""
    if len(record) != _FIRST_LINE.size + _SECOND_LINE.size:
        raise ValueError(f"a command has 128 bytes, not {len(record)}")
    (seq, at_ns, order_id, price, quantity, symbol, account, session, *small) = _FIRST_LINE.unpack_from(record)
    kind, side, type_, time_in_force, flags, self_trade, trigger, venue, reason = small
    numbers = _SECOND_LINE.unpack_from(record, _FIRST_LINE.size)
    terms_class = _TERMS_OF_KIND.get(kind)
    terms = None if terms_class is None else terms_class(*numbers[: len(terms_class.__slots__)])
    return Command(
        seq=seq,
        at_ns=at_ns,
        order_id=order_id,
        price=price,
        quantity=quantity,
        symbol=symbol,
        account=account,
        session=session,
        kind=kind,
        side=side,
        type=type_,
        time_in_force=time_in_force,
        flags=flags,
        self_trade=self_trade,
        trigger=trigger,
        venue=venue,
        reason=reason,
        terms=terms,
    )


def event_bytes(event: Event) -> bytes:
    return _EVENT.pack(*astuple(event))


def order_terms(command: Command) -> OrderTerms:
    """The second line of a submit or a replace; without kExtended every field there counts as 0."""
    if command.flags & EXTENDED and isinstance(command.terms, OrderTerms):
        return command.terms
    return OrderTerms()
