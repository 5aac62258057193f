"""The matching core's command as 128 bytes, and what a gateway of records may send (docs/matching.md, "Records").

An order of the API has the sequence number of its submit for an id. Orders that come as records choose theirs, with the
highest bit set: the two cannot meet, and what an event says of them is told apart without a table.
"""

import struct
from typing import Any, NamedTuple

import matching_core
import numpy as np
from matching_core import LEASED, EventKind, Kind

from breakwater.errors import InvalidRequest

COMMAND_BYTES = 128
RECORDS_MAX = 4_096  # In one batch.
FIRST_RECORD_ORDER_ID = 1 << 63


class CoreEvent(NamedTuple):
    """A record of matching_core.EVENT, field by field."""

    seq: int
    order_id: int
    maker_id: int
    price: int
    quantity: int
    leaves: int
    maker_leaves: int
    command: int
    symbol: int
    kind: int
    reason: int


LOOKED_AT_ONE_BY_ONE_MAX = 32  # Fewer are told apart before numpy has begun.

type Records = np.ndarray[Any, np.dtype[np.void]]  # COMMAND records, or EVENT records where it says so.

# seq, at_ns, order_id, price, quantity, symbol, account, session, then a byte each: kind, side, type, time in force,
# flags, self-trade, trigger, venue, reason; and of the terms of an order the fourth and fifth, its end and price bound.
_COMMAND = struct.Struct("<QqQqqIII9B3x24xqq24x")
_INSTRUMENT = struct.Struct("<qq48x")  # tick, lot: the second line of kListInstrument.
_ACCOUNT = struct.Struct("<q56x")  # firm: the second line of kSetAccount.
_LEASE = struct.Struct("<qqqqqq16x")  # Of kSetLease.
_FIRST_LINE_BYTES = 64

_NAMING_AN_ORDER = [Kind.SUBMIT, Kind.CANCEL, Kind.REPLACE]
_WELCOME = [
    *_NAMING_AN_ORDER,
    Kind.MASS_CANCEL,
    Kind.SET_MARK,
    Kind.HALT,
    Kind.RESUME,
    Kind.START_AUCTION,
    Kind.UNCROSS,
    Kind.ADVANCE_TIME,
]


def command(
    seq: int,
    at_ns: int,
    kind: Kind,
    *,
    order_id: int = 0,
    price: int = 0,
    quantity: int = 0,
    symbol: int = 0,
    account: int = 0,
    side: int = 0,
    type: int = 0,
    time_in_force: int = 0,
    flags: int = 0,
    self_trade: int = 0,
    venue: int = 0,
    reason: int = 0,
    expire_at_ns: int = 0,
    price_bound: int = 0,
) -> bytes:
    """One command; what is not given is 0, which the core reads as "none"."""
    return _COMMAND.pack(
        seq,
        at_ns,
        order_id,
        price,
        quantity,
        symbol,
        account,
        0,
        kind,
        side,
        type,
        time_in_force,
        flags,
        self_trade,
        0,
        venue,
        reason,
        expire_at_ns,
        price_bound,
    )


def listing(seq: int, at_ns: int, symbol: int) -> bytes:
    """The engine speaks in whole ticks and lots already, so the core's tick and lot are 1."""
    first_line = command(seq, at_ns, Kind.LIST_INSTRUMENT, symbol=symbol)[:_FIRST_LINE_BYTES]
    return first_line + _INSTRUMENT.pack(1, 1)


def account_set(seq: int, at_ns: int, account: int, firm: int) -> bytes:
    """The account is known from here on. Its limits are the ledger's, so the core has none of them."""
    first_line = command(seq, at_ns, Kind.SET_ACCOUNT, account=account)[:_FIRST_LINE_BYTES]
    return first_line + _ACCOUNT.pack(firm)


def lease_set(
    seq: int,
    at_ns: int,
    symbol: int,
    account: int,
    *,
    version: int,
    buy_granted: int,
    sell_granted: int,
    price_high: int,
    orders_max: int,
    expires_at_ns: int,
) -> bytes:
    """In lots and ticks."""
    first_line = command(seq, at_ns, Kind.SET_LEASE, symbol=symbol, account=account)[:_FIRST_LINE_BYTES]
    return first_line + _LEASE.pack(version, buy_granted, sell_granted, price_high, orders_max, expires_at_ns)


def check_records(commands: Records) -> None:
    """InvalidRequest unless these may be applied as they are; the sequencer writes their `seq` and `at_ns`."""
    if commands.dtype != matching_core.COMMAND or commands.ndim != 1:
        raise InvalidRequest("records are a one-dimensional array of matching_core.COMMAND")
    if not 1 <= len(commands) <= RECORDS_MAX:
        raise InvalidRequest(f"a batch has 1 to {RECORDS_MAX} records")
    kinds = commands["kind"]
    if not np.isin(kinds, _WELCOME).all():
        raise InvalidRequest("reference data, refusals and a venue's reports do not come as records")
    if (commands["order_id"][np.isin(kinds, _NAMING_AN_ORDER)] < FIRST_RECORD_ORDER_ID).any():
        raise InvalidRequest("the order id of a record has its highest bit set")
    if (commands["flags"][kinds == Kind.SUBMIT] & LEASED).any():
        raise InvalidRequest("orders of a lease come one by one: the ledger is told of each")
    if commands["venue"][kinds == Kind.SUBMIT].any():
        raise InvalidRequest("orders that come as records are for the engine's own book")


def stamped(commands: Records, first_seq: int, at_ns: int) -> Records:
    """A copy of them with sequence numbers and time."""
    copy = commands.copy()
    copy["seq"] = np.arange(first_seq, first_seq + len(copy), dtype=np.uint64)
    copy["at_ns"] = at_ns
    return copy


def of_registered_orders(events: Records) -> list[CoreEvent]:
    """Those that say something of an order of the API."""
    if len(events) <= LOOKED_AT_ONE_BY_ONE_MAX:
        return [event for event in map(CoreEvent._make, events.tolist()) if _is_of_registered_order(event)]
    # 0 is no order, and becomes the highest number here: one comparison sees to both ends.
    is_taker = events["order_id"] - np.uint64(1) < np.uint64(FIRST_RECORD_ORDER_ID - 1)
    is_maker = events["maker_id"] - np.uint64(1) < np.uint64(FIRST_RECORD_ORDER_ID - 1)
    is_maker &= events["kind"] == EventKind.TRADED  # What was set of a lease has its version there.
    return [CoreEvent._make(fields) for fields in events[is_taker | is_maker].tolist()]


def _is_of_registered_order(event: CoreEvent) -> bool:
    if 0 < event.order_id < FIRST_RECORD_ORDER_ID:
        return True
    return event.kind == EventKind.TRADED and 0 < event.maker_id < FIRST_RECORD_ORDER_ID
