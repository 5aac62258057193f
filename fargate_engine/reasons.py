"""Why the core refused an order or cancelled its rest, in the codes and words of docs/engine.md."""

from matching_core import Reason as CoreReason

from fargate_engine.terms import (
    FOK_NOT_FILLABLE,
    NO_LIQUIDITY,
    POST_ONLY_WOULD_TAKE,
    PRICE_BAND,
    TOO_LATE,
    Reason,
)

TOLD_BY_CALLER = int(CoreReason.CALLER_FIRST)  # The journal's details have the words.

_REASONS = {
    CoreReason.UNKNOWN_SYMBOL: Reason("UNKNOWN_SYMBOL", "the symbol is not traded here"),
    CoreReason.UNKNOWN_ACCOUNT: Reason("UNKNOWN_ACCOUNT", "the account is not known here"),
    CoreReason.DUPLICATE_ORDER_ID: Reason("DUPLICATE_ORDER_ID", "an order of this id lives"),
    CoreReason.INVALID_TERMS: Reason("INVALID_TERMS", "its terms do not fit together"),
    CoreReason.INVALID_QUANTITY: Reason("INVALID_QUANTITY", "its quantity cannot be traded"),
    CoreReason.INVALID_PRICE: Reason("INVALID_PRICE", "its price cannot be traded at"),
    CoreReason.OVERFLOW: Reason("OVERFLOW", "its amounts are beyond what the engine can count"),
    CoreReason.CORE_FULL: Reason("TOO_MANY_OPEN_ORDERS", "the engine holds as many open orders as it may"),
    CoreReason.PRICE_OUTSIDE_BAND: Reason("PRICE_OUTSIDE_BAND", "the price lies outside the instrument's band"),
    CoreReason.ORDER_TOO_LARGE: Reason("ORDER_TOO_LARGE", "the quantity is more than the account may ask for at once"),
    CoreReason.NOTIONAL_TOO_LARGE: Reason("NOTIONAL_TOO_LARGE", "quantity times price is more than the account may"),
    CoreReason.COLLAR: Reason("COLLAR", "the price is too far from the market"),
    CoreReason.POSITION_LIMIT: Reason("POSITION_LIMIT", "the position could become larger than the account may hold"),
    CoreReason.TOO_MANY_OPEN_ORDERS: Reason("TOO_MANY_OPEN_ORDERS", "the account has as many open orders as it may"),
    CoreReason.RATE_LIMIT: Reason("RATE_LIMIT", "the account sends more orders than it may"),
    CoreReason.NO_REFERENCE_PRICE: Reason("NO_REFERENCE_PRICE", "there is no price to judge it by"),
    CoreReason.REDUCE_ONLY: Reason("REDUCE_ONLY", "there is no position that it would make smaller"),
    CoreReason.HALTED: Reason("HALTED", "trading in the symbol is halted"),
    CoreReason.NOT_IN_AUCTION: Reason("NOT_IN_AUCTION", "such an order cannot take part in an auction"),
    CoreReason.POST_ONLY_WOULD_TAKE: POST_ONLY_WOULD_TAKE,
    CoreReason.TOO_LATE: TOO_LATE,
    CoreReason.LEASE_EXHAUSTED: Reason("LEASE_EXHAUSTED", "the account's lease does not cover it"),
    CoreReason.LEASE_EXPIRED: Reason("LEASE_EXPIRED", "the account's lease has run out"),
    CoreReason.NO_LIQUIDITY: NO_LIQUIDITY,
    CoreReason.FOK_NOT_FILLABLE: FOK_NOT_FILLABLE,
    CoreReason.MIN_QUANTITY: Reason("MIN_QUANTITY", "less than its minimum quantity could be filled at once"),
    CoreReason.PRICE_BAND: PRICE_BAND,
    CoreReason.SELF_TRADE: Reason("SELF_TRADE", "it would have traded with an order of the same account or firm"),
    CoreReason.MASS_CANCEL: Reason("MASS_CANCEL", "it was cancelled together with others"),
}


def reason_of(core_reason: int) -> Reason | None:
    """None when there is nothing to say: an order that was cancelled because somebody asked for it."""
    return None if core_reason == CoreReason.NONE else _REASONS[CoreReason(core_reason)]
