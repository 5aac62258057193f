"""What a limit of each type may be set to; InvalidRequest says what is wrong with any other."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from breakwater.domain.limit_types.exposures import NORMAL_QUANTILES
from breakwater.domain.limit_types.per_order import DAYS
from breakwater.domain.money import parse_amount
from breakwater.domain.orders import VENUES, OrderType, Side, TimeInForce
from breakwater.errors import InvalidRequest

WINDOW_S_MAX = 86_400
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

type _Parameters = Mapping[str, Any]
type _CheckParameter = Callable[[Any], bool]


def positive(value: Decimal | None, parameters: _Parameters) -> None:
    _only(parameters, {})
    _above_zero(value)


def not_negative(value: Decimal | None, parameters: _Parameters) -> None:
    """Zero says "none at all": no short positions, no open orders."""
    positive(Decimal(1) if value == 0 else value, parameters)


def whole_number(value: Decimal | None, parameters: _Parameters) -> None:
    not_negative(value, parameters)
    _whole(value)


def streak_length(value: Decimal | None, parameters: _Parameters) -> None:
    """At zero of them the node would stop before the first."""
    positive(value, parameters)
    _whole(value)


def fraction(value: Decimal | None, parameters: _Parameters) -> None:
    _only(parameters, {})
    _above_zero(value)
    if value is not None and value > 1:
        raise InvalidRequest('value is a fraction, such as "0.05" for 5 %', field="value")


def windowed(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"window_s": 60}`"""
    _require(parameters, "window_s")
    _only(parameters, {"window_s": _is_window})
    _above_zero(value)


def windowed_count(value: Decimal | None, parameters: _Parameters) -> None:
    windowed(value, parameters)
    _whole(value)


def window_alone(value: Decimal | None, parameters: _Parameters) -> None:
    _no_value(value)
    _require(parameters, "window_s")
    _only(parameters, {"window_s": _is_window})


def ratio(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"window_s": 60, "messages_min": "100"}`"""
    _require(parameters, "window_s")
    _only(parameters, {"window_s": _is_window, "messages_min": _is_amount})
    _above_zero(value)


def symbol_list(value: Decimal | None, parameters: _Parameters) -> None:
    symbols = parameters.get("symbols")
    _no_value(value)
    if set(parameters) != {"mode", "symbols"} or parameters["mode"] not in ("ALLOW", "DENY"):
        raise InvalidRequest('parameters are {"mode": "ALLOW" or "DENY", "symbols": [...]}', field="parameters")
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        raise InvalidRequest("symbols is a list of symbols", field="parameters")
    if len(set(symbols)) < len(symbols):  # Every order reads the list, so it must not be longer than it needs to be.
        raise InvalidRequest("symbols has a symbol twice", field="parameters")


def permission(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"types": [...], "times_in_force": [...], "sides": [...], "venues": [...], "hours": {...}}`, at least one."""
    _no_value(value)
    if not parameters:
        raise InvalidRequest("parameters say at least one of types, times_in_force, sides, venues, hours")
    _only(
        parameters,
        {
            "types": _among(*OrderType),
            "times_in_force": _among(*TimeInForce),
            "sides": _among(*Side),
            "venues": _among(*VENUES),
            "hours": _is_hours,
        },
    )


def nothing(value: Decimal | None, parameters: _Parameters) -> None:
    _no_value(value)
    _only(parameters, {})


def concentration(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"by": "INSTRUMENT" or "SECTOR" or "VENUE"}`"""
    _only(parameters, {"by": lambda told: told in ("INSTRUMENT", "SECTOR", "VENUE")})
    _above_zero(value)


def value_at_risk(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"confidence": "0.99", "correlation": "0.5"}`"""
    _only(
        parameters,
        {
            "confidence": lambda told: isinstance(told, str) and told in NORMAL_QUANTILES,
            "correlation": lambda told: _is_amount(told) and 0 <= Decimal(told) <= 1,
        },
    )
    _above_zero(value)


def drawdown(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"mode": "STATIC" or "TRAILING" or "END_OF_DAY"}`"""
    _only(parameters, {"mode": lambda told: told in ("STATIC", "TRAILING", "END_OF_DAY")})
    _above_zero(value)


def streak(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"cool_down_s": 900}`"""
    _require(parameters, "cool_down_s")
    _only(parameters, {"cool_down_s": _is_window})
    _above_zero(value)
    _whole(value)


def self_trade(value: Decimal | None, parameters: _Parameters) -> None:
    """`{"mode": "CANCEL_NEWEST" or "CANCEL_OLDEST" or "CANCEL_BOTH" or "DECREMENT"}`"""
    _no_value(value)
    _require(parameters, "mode")
    modes = ("CANCEL_NEWEST", "CANCEL_OLDEST", "CANCEL_BOTH", "DECREMENT")
    _only(parameters, {"mode": lambda told: told in modes})


def built_in(_value: Decimal | None, _parameters: _Parameters) -> None:
    raise InvalidRequest("this is a state of the node: use /limits/kill and /limits/rearm", field="limit_type")


def check_time_zone(name: str) -> None:
    """InvalidRequest for what is no name of the IANA time zone database."""
    if name not in available_timezones():
        raise InvalidRequest(f"unknown time zone {name[:60]}", field="time_zone")


def _above_zero(value: Decimal | None) -> None:
    if value is None or value <= 0:
        raise InvalidRequest("value must be greater than zero", field="value")


def _whole(value: Decimal | None) -> None:
    if value is not None and value != value.to_integral_value():
        raise InvalidRequest("value must be a whole number", field="value")


def _no_value(value: Decimal | None) -> None:
    if value is not None:
        raise InvalidRequest("this limit type takes parameters and no value", field="value")


def _require(parameters: _Parameters, name: str) -> None:
    if name not in parameters:
        raise InvalidRequest(f"parameters must have {name}", field="parameters")


def _only(parameters: _Parameters, known: Mapping[str, _CheckParameter]) -> None:
    if unknown := set(parameters) - set(known):
        told = f"knows the parameters {', '.join(sorted(known))}" if known else "takes no parameters"
        raise InvalidRequest(f"this limit type {told}, not {', '.join(sorted(unknown))[:100]}", field="parameters")
    for name, value in parameters.items():
        if not known[name](value):
            raise InvalidRequest(f"{name} is not one that makes sense", field="parameters")


def _is_window(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and 1 <= told <= WINDOW_S_MAX


def _is_amount(told: Any) -> bool:
    try:
        return parse_amount(told) >= 0
    except ValueError:
        return False


def _among(*words: str) -> _CheckParameter:
    def check(told: Any) -> bool:
        return isinstance(told, list) and 0 < len(told) == len(set(map(str, told))) and all(w in words for w in told)

    return check


def _is_hours(told: Any) -> bool:
    if not isinstance(told, dict) or set(told) != {"days", "from", "until"}:
        return False
    times = [told["from"], told["until"]]
    in_words = all(isinstance(time, str) and _TIME.fullmatch(time) for time in times)
    return in_words and times[0] != times[1] and _among(*DAYS)(told["days"])
