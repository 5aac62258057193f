"""The matching core of the execution engine: integer commands in, integer events out, deterministic.

`COMMAND` and `EVENT` are the numpy dtypes of its records (128 and 64 bytes, little endian, as `book/messages.hpp` has
them). A command's first 64 bytes are the same for every kind; the rest is read by kind, so an array may be viewed as
`INSTRUMENT_COMMAND` (LIST_INSTRUMENT), `ACCOUNT_COMMAND` (SET_ACCOUNT), `HOLDING_COMMAND` (SET_HOLDING) or
`LEASE_COMMAND` (SET_LEASE). `LEASE_SET` events say what a lease is in fields of other names: `docs/matching.md`.
`docs/matching.md` has every rule.
"""

from matching_core._core import (
    ACCOUNT_COMMAND,
    COMMAND,
    EVENT,
    EXTENDED,
    FIRM_SELF_TRADE,
    HOLDING_COMMAND,
    INSTRUMENT_COMMAND,
    LEASE_COMMAND,
    LEASED,
    POST_ONLY,
    PRICE_MAX,
    QUANTITY_MAX,
    REDUCE_ONLY,
    SYMBOL_MAX,
    BadSnapshot,
    EventKind,
    Kind,
    LeaseState,
    LiveOrder,
    MatchingCore,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
    TradingState,
    Trigger,
    Type,
    split_cheapest,
)

__all__ = [
    "ACCOUNT_COMMAND",
    "COMMAND",
    "EVENT",
    "EXTENDED",
    "FIRM_SELF_TRADE",
    "HOLDING_COMMAND",
    "INSTRUMENT_COMMAND",
    "LEASED",
    "LEASE_COMMAND",
    "POST_ONLY",
    "PRICE_MAX",
    "QUANTITY_MAX",
    "REDUCE_ONLY",
    "SYMBOL_MAX",
    "BadSnapshot",
    "EventKind",
    "Kind",
    "LeaseState",
    "LiveOrder",
    "MatchingCore",
    "Reason",
    "SelfTrade",
    "Side",
    "TimeInForce",
    "TradingState",
    "Trigger",
    "Type",
    "split_cheapest",
]
