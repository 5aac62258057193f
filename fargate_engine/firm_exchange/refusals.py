"""What the platform refuses, in the words that a client of the dialect acts upon."""

from collections.abc import Callable
from typing import Any

from fargate_engine.binance.errors import (
    BinanceError,
    bad_key,
    bad_symbol,
    duplicate_order,
    filter_failure,
    not_permitted,
    outcome_unknown,
    outside_of_window,
    refused,
    unavailable,
    unknown_failure,
)

INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action."
WOULD_TAKE = "Order would immediately match and take."
_BALANCE_LIMITS = frozenset({"CREDIT"})
_BY_CODE: dict[str, Callable[[], BinanceError]] = {
    "POST_ONLY_WOULD_TAKE": lambda: refused(WOULD_TAKE),
    "INSUFFICIENT_FUNDS": lambda: refused(INSUFFICIENT_BALANCE),  # At the venue, in its own words.
    "CAME_TOO_LATE": outside_of_window,
    "ORDER_ID_REUSED": duplicate_order,
    "DUPLICATE_ORDER_ID": duplicate_order,
    "NOT_PERMITTED": not_permitted,
    "NODE_STOPPED": not_permitted,
    "NOT_AUTHENTICATED": bad_key,
    "UNKNOWN_SYMBOL": bad_symbol,
    "INVALID_QUANTITY": lambda: filter_failure("LOT_SIZE"),
    "INVALID_PRICE": lambda: filter_failure("PRICE_FILTER"),
    "PRICE_OUTSIDE_BAND": lambda: filter_failure("PERCENT_PRICE_BY_SIDE"),
    "COLLAR": lambda: filter_failure("PERCENT_PRICE_BY_SIDE"),
}
TEXT_LENGTH_MAX = 500


def refusal_of_code(code: str, reason: str) -> BinanceError:
    """Of an order that the engine or the venue refused."""
    made = _BY_CODE.get(code)
    return made() if made is not None else refused(f"{code}: {reason}"[:TEXT_LENGTH_MAX])


def refusal_of_problem(status: int, problem: Any) -> BinanceError:
    """Of an order that the control plane did not place: its problem document."""
    if not isinstance(problem, dict):
        return unknown_failure()
    if status >= 500:
        return unavailable(5) if problem.get("code") == "UNAVAILABLE" else outcome_unknown()
    refusals = problem.get("refusals")
    if refusals:
        return _refused_by_limits(refusals)
    code, detail = str(problem.get("code", "REJECTED")), str(problem.get("detail", ""))
    if code == "INVALID_REQUEST":
        return _invalid(problem, detail)
    return refusal_of_code(code, detail)


def _refused_by_limits(refusals: list[dict[str, Any]]) -> BinanceError:
    """Each limit by its name, whose it is, and what would still pass."""
    if all(each.get("limit_type") in _BALANCE_LIMITS for each in refusals):
        return refused(INSUFFICIENT_BALANCE)
    return refused("; ".join(map(_limit_text, refusals))[:TEXT_LENGTH_MAX])


def _limit_text(refusal: dict[str, Any]) -> str:
    text = f"Limit {refusal.get('limit_type')} of {refusal.get('node_name')} refused it"
    if refusal.get("limit") is not None:
        text += f": {refusal['limit']}, used {refusal.get('used')}, reserved {refusal.get('reserved')}"
    passing = refusal.get("largest_passing_quantity")
    return text if passing is None else f"{text}; largest passing quantity {passing}"


def _invalid(problem: dict[str, Any], detail: str) -> BinanceError:
    if "below the minimum" in detail:
        return filter_failure("NOTIONAL")
    errors = problem.get("errors") or []
    said = ", ".join(f"{each.get('field')}: {each.get('message')}" for each in errors) or detail
    return BinanceError(-1100, f"Illegal parameter: {said}"[:TEXT_LENGTH_MAX])
