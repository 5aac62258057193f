"""What a client is told went wrong, in the numbers and words that clients of Binance act upon.

Source: "Error codes for Binance" of its spot API, and what ccxt makes of each (docs/bots.md has the table).
"""

from http import HTTPStatus
from typing import Any


class BinanceError(Exception):
    """`code` and `message` go to the client as `{"code": ..., "msg": ...}`."""

    def __init__(
        self, code: int, message: str, status: int = HTTPStatus.BAD_REQUEST, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = int(status)
        self.retry_after_s = retry_after_s

    @property
    def document(self) -> dict[str, Any]:
        return {"code": self.code, "msg": self.message}


def unknown_failure() -> BinanceError:
    return BinanceError(-1000, "An unknown error occurred while processing the request.", 500)


def too_many_requests(retry_after_s: int, *, is_banned: bool = False) -> BinanceError:
    status = 418 if is_banned else HTTPStatus.TOO_MANY_REQUESTS
    message = "Too much request weight used; please use WebSocket Streams for live updates to avoid polling the API."
    return BinanceError(-1003, message, status, retry_after_s=retry_after_s)


def too_many_orders() -> BinanceError:
    return BinanceError(-1015, "Too many new orders; please wait before sending the next.")


def outcome_unknown() -> BinanceError:
    message = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
    return BinanceError(-1007, message, HTTPStatus.GATEWAY_TIMEOUT)


def unavailable(retry_after_s: int) -> BinanceError:
    """Nothing was done: it may be sent again."""
    message = "Internal error; unable to process your request. Please try again."
    return BinanceError(-1001, message, HTTPStatus.SERVICE_UNAVAILABLE, retry_after_s=retry_after_s)


def refused(text: str) -> BinanceError:
    """A new order that was refused, for the reason in the text."""
    return BinanceError(-2010, text)


def duplicate_order() -> BinanceError:
    return refused("Duplicate order sent.")


def not_permitted() -> BinanceError:
    return refused("This account may not place or cancel orders.")


def would_take() -> BinanceError:
    return refused("Order would immediately match and take.")


def wrong_prices() -> BinanceError:
    """Of an order list: its limit, the market and its stop do not follow each other."""
    return refused("The relationship of the prices for the orders is not correct.")


def no_order_lists() -> BinanceError:
    return refused("OCO orders are not supported for this symbol.")


def filter_failure(name: str) -> BinanceError:
    return BinanceError(-1013, f"Filter failure: {name}")


def unknown_order_to_cancel() -> BinanceError:
    return BinanceError(-2011, "Unknown order sent.")


def no_such_order() -> BinanceError:
    return BinanceError(-2013, "Order does not exist.")


def cancel_restricted() -> BinanceError:
    return BinanceError(-2011, "Order was not canceled due to cancel restrictions.")


def not_amended(text: str) -> BinanceError:
    return BinanceError(-2038, text)


def unknown_list_to_cancel() -> BinanceError:
    return BinanceError(-2011, "Unknown order list sent.")


def no_such_order_list() -> BinanceError:
    return BinanceError(-2013, "Order list does not exist.")


def bad_key_format() -> BinanceError:
    return BinanceError(-2014, "API-key format invalid.", HTTPStatus.UNAUTHORIZED)


def bad_key() -> BinanceError:
    return BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", HTTPStatus.UNAUTHORIZED)


def bad_signature() -> BinanceError:
    return BinanceError(-1022, "Signature for this request is not valid.")


def outside_of_window() -> BinanceError:
    return BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")


def ahead_of_time() -> BinanceError:
    return BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def too_many_items() -> BinanceError:
    return BinanceError(-1127, "More lies there than can be listed at once; ask for a later startTime.")


def bad_symbol() -> BinanceError:
    return BinanceError(-1121, "Invalid symbol.")


def missing(name: str) -> BinanceError:
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def too_many_parameters(status: int = HTTPStatus.BAD_REQUEST) -> BinanceError:
    return BinanceError(-1101, "Too many parameters sent for this endpoint.", status)


def not_required(name: str) -> BinanceError:
    return BinanceError(-1106, f"Parameter '{name}' sent when not required.")


def bad_combination(why: str) -> BinanceError:
    return BinanceError(-1128, f"Combination of optional parameters invalid: {why}.")


def illegal(name: str, legal: str) -> BinanceError:
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def no_such_venue() -> BinanceError:
    return BinanceError(-1020, "There is no such venue, or nothing at this path of it.", HTTPStatus.NOT_FOUND)


def not_supported(status: int = HTTPStatus.BAD_REQUEST) -> BinanceError:
    return BinanceError(-1020, "This operation is not supported.", status)
