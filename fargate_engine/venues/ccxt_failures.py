"""What each of ccxt's exceptions means for the request that met it."""

import asyncio
from collections.abc import Awaitable
from functools import cache
from typing import Any

import orjson

from fargate_engine.venues.failures import ClockRefused, KeyRefused, NotAtVenue, NotSent, OutcomeUnknown, VenueRefused

_WORDS_MAX = 300
# Refused before it was looked at, says the table of the API's conventions.
_NOT_SENT = ("DDoSProtection", "RateLimitExceeded")
# Of an id that we send once: some hop between has sent it again, and the first one may be there. And what the exchange
# itself has waited for in vain: ccxt takes Bybit's "Order creation timeout" for a refusal. And Bybit's 170035,
# "Submitted to the system for processing!": that is under way, and a bad request to ccxt.
_MAY_BE_DONE = ("duplicate", "timeout", "for processing", '"retcode":170035')
_NOT_THERE = ("OrderNotFound", "OrderNotCached")
_CODES = {
    "InsufficientFunds": "INSUFFICIENT_FUNDS",
    "OrderImmediatelyFillable": "POST_ONLY_WOULD_TAKE",
    "OrderNotFillable": "FOK_NOT_FILLABLE",
    "InvalidOrder": "VENUE_INVALID_ORDER",
    "BadSymbol": "UNKNOWN_SYMBOL",
    "BadRequest": "VENUE_BAD_REQUEST",
    "ArgumentsRequired": "VENUE_BAD_REQUEST",
    "MarketClosed": "VENUE_CLOSED",
    "OperationRejected": "VENUE_REFUSED",
    "PermissionDenied": "VENUE_NOT_PERMITTED",
    "AccountSuspended": "VENUE_NOT_PERMITTED",
    "AuthenticationError": "VENUE_NOT_PERMITTED",
    "NotSupported": "VENUE_NOT_SUPPORTED",
}


def failure_of(error: BaseException) -> VenueRefused | NotAtVenue | NotSent | OutcomeUnknown:
    """Only what is known to be a refusal is one. Everything else, ccxt's or not, leaves the outcome open."""
    words = _words(error)
    if any(sign in words.lower() for sign in _MAY_BE_DONE):
        return OutcomeUnknown(words)
    if isinstance(error, _classes(_NOT_THERE)):
        return NotAtVenue(words)
    if isinstance(error, _classes(("InvalidNonce",))):
        return ClockRefused(words)
    if isinstance(error, _classes(_NOT_SENT)):
        return NotSent(words)
    for kind in type(error).__mro__:  # The nearest of its classes that has a code.
        code = _CODES.get(kind.__name__)
        if code is not None and isinstance(error, _classes((kind.__name__,))):
            refused = KeyRefused if kind.__name__ == "AuthenticationError" else VenueRefused
            return refused(words, code=code)
    return OutcomeUnknown(words)


async def heard_of[Word](stream: Awaitable[Word]) -> Word:
    """What a stream tells next. OutcomeUnknown when it is lost."""
    try:
        return await stream
    except asyncio.CancelledError:
        raise
    except Exception as error:  # ccxt's, and whatever its parsing of a strange message raises.
        raise OutcomeUnknown(failure_of(error).message) from error


def _words(error: BaseException) -> str:
    """Without the query string: it has the signature."""
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "the venue did not answer in time"
    told = _of_half(str(error)) or str(error)
    words = " ".join(part.partition("?")[0] if "://" in part else part for part in told.split())
    return f"{type(error).__name__}: {words}"[:_WORDS_MAX]


def _of_half(text: str) -> str | None:
    """What Binance says of the half of a cancelReplace that failed. None for anything else.

    It stands behind all that is said of the order that was cancelled.
    """
    try:
        document = orjson.loads(text[text.index("{") :])
        halves = [document["data"][half] for half in ("newOrderResponse", "cancelResponse")]
        return next((f"{document['msg']} {half['msg']}" for half in halves if half and "code" in half), None)
    except (ValueError, LookupError, TypeError):
        return None


@cache
def _classes(names: tuple[str, ...]) -> tuple[type[BaseException], ...]:
    from ccxt.base import errors  # noqa: PLC0415 - seconds, and only where a venue is configured

    module: Any = errors
    return tuple(getattr(module, name) for name in names)
