"""What a limit of each type may be set to; InvalidRequest says what is wrong with any other."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import available_timezones

from breakwater.domain.limit_types.exposures import NORMAL_QUANTILES
from breakwater.domain.limit_types.per_order import DAYS
from breakwater.domain.money import parse_amount
from breakwater.domain.orders import OrderType, Side, TimeInForce
from breakwater.errors import InvalidRequest

WINDOW_S_MAX = 86_400
_VENUE = re.compile(r"[A-Z0-9_]{1,16}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

type _Parameters = Mapping[str, Any]
type _CheckParameter = Callable[[Any], bool]


class ParameterKind(StrEnum):
    """How a parameter is written: a JSON number, a decimal string, one word, a list of words, days and times."""

    INTEGER = "INTEGER"
    AMOUNT = "AMOUNT"
    WORD = "WORD"
    WORDS = "WORDS"
    HOURS = "HOURS"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a type takes beside or in the place of its value; `about` is for people."""

    kind: ParameterKind
    about: str
    makes_sense: _CheckParameter
    is_required: bool = False


def _seconds(about: str) -> Parameter:
    return Parameter(ParameterKind.INTEGER, f"{about}, in seconds up to a day", _is_window, is_required=True)


def _one_of(*words: str, is_required: bool = False) -> Parameter:
    def check(told: Any) -> bool:
        return isinstance(told, str) and told in words

    return Parameter(ParameterKind.WORD, " or ".join(words), check, is_required)


def _some_of(*words: str) -> Parameter:
    return Parameter(ParameterKind.WORDS, f"some of {', '.join(words)}", _among(*words))


def _is_window(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and 1 <= told <= WINDOW_S_MAX


def _is_amount(told: Any) -> bool:
    try:
        return parse_amount(told) >= 0
    except ValueError:
        return False


def _is_fraction(told: Any) -> bool:
    return _is_amount(told) and Decimal(told) <= 1


def _is_list(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(word, str) for word in told)


def _among(*words: str) -> _CheckParameter:
    def check(told: Any) -> bool:
        return isinstance(told, list) and 0 < len(told) == len(set(map(str, told))) and all(w in words for w in told)

    return check


def _is_venue_list(told: Any) -> bool:
    """Names that could be of venues: which there are is not for the domain to know."""
    are_names = isinstance(told, list) and all(isinstance(each, str) and _VENUE.fullmatch(each) for each in told)
    return are_names and 0 < len(told) == len(set(told))


def _is_hours(told: Any) -> bool:
    if not isinstance(told, dict) or set(told) != {"days", "from", "until"}:
        return False
    times = [told["from"], told["until"]]
    in_words = all(isinstance(time, str) and _TIME.fullmatch(time) for time in times)
    return in_words and times[0] != times[1] and _among(*DAYS)(told["days"])


_WINDOW = {"window_s": _seconds("how far it looks back")}
_RATIO = _WINDOW | {
    "messages_min": Parameter(ParameterKind.AMOUNT, "messages before a ratio says anything, by default 100", _is_amount)
}
_SYMBOL_LIST = {
    "mode": _one_of("ALLOW", "DENY", is_required=True),
    "symbols": Parameter(ParameterKind.WORDS, "symbols such as ETH/USDT", _is_list, is_required=True),
}
_PERMISSION = {
    "types": _some_of(*OrderType),
    "times_in_force": _some_of(*TimeInForce),
    "sides": _some_of(*Side),
    "venues": Parameter(ParameterKind.WORDS, "names of venues, such as SIM and BOOK", _is_venue_list),
    "hours": Parameter(
        ParameterKind.HOURS, "days, and from when until when in the node's time zone: MON-FRI 09:00-17:30", _is_hours
    ),
}
_CONCENTRATION = {"by": _one_of("INSTRUMENT", "SECTOR", "VENUE")}
_VALUE_AT_RISK = {
    "confidence": _one_of(*NORMAL_QUANTILES),
    "correlation": Parameter(ParameterKind.AMOUNT, "between any two symbols, by default 1", _is_fraction),
}
_DRAWDOWN = {"mode": _one_of("STATIC", "TRAILING", "END_OF_DAY")}
_STREAK = {"cool_down_s": _seconds("how long nothing but reducing passes")}
_SELF_TRADE = {"mode": _one_of("CANCEL_NEWEST", "CANCEL_OLDEST", "CANCEL_BOTH", "DECREMENT", is_required=True)}


def positive(value: Decimal | None, parameters: _Parameters) -> None:
    _take(parameters, {})
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
    _take(parameters, {})
    _above_zero(value)
    if value is not None and value > 1:
        raise InvalidRequest('value is a fraction, such as "0.05" for 5 %', field="value")


def windowed(value: Decimal | None, parameters: _Parameters) -> None:
    _take(parameters, _WINDOW)
    _above_zero(value)


def windowed_count(value: Decimal | None, parameters: _Parameters) -> None:
    windowed(value, parameters)
    _whole(value)


def window_alone(value: Decimal | None, parameters: _Parameters) -> None:
    _no_value(value)
    _take(parameters, _WINDOW)


def ratio(value: Decimal | None, parameters: _Parameters) -> None:
    _take(parameters, _RATIO)
    _above_zero(value)


def symbol_list(value: Decimal | None, parameters: _Parameters) -> None:
    _no_value(value)
    _take(parameters, _SYMBOL_LIST)
    symbols = parameters["symbols"]
    if len(set(symbols)) < len(symbols):  # Every order reads the list, so it must not be longer than it needs to be.
        raise InvalidRequest("symbols has a symbol twice", field=field_of("symbols"))


def permission(value: Decimal | None, parameters: _Parameters) -> None:
    _no_value(value)
    if not parameters:
        raise InvalidRequest(f"parameters say at least one of {', '.join(_PERMISSION)}", field="parameters")
    _take(parameters, _PERMISSION)


def nothing(value: Decimal | None, parameters: _Parameters) -> None:
    _no_value(value)
    _take(parameters, {})


def concentration(value: Decimal | None, parameters: _Parameters) -> None:
    _take(parameters, _CONCENTRATION)
    _above_zero(value)


def value_at_risk(value: Decimal | None, parameters: _Parameters) -> None:
    _take(parameters, _VALUE_AT_RISK)
    _above_zero(value)


def drawdown(value: Decimal | None, parameters: _Parameters) -> None:
    _take(parameters, _DRAWDOWN)
    _above_zero(value)


def streak(value: Decimal | None, parameters: _Parameters) -> None:
    _take(parameters, _STREAK)
    _above_zero(value)
    _whole(value)


def self_trade(value: Decimal | None, parameters: _Parameters) -> None:
    _no_value(value)
    _take(parameters, _SELF_TRADE)


def built_in(_value: Decimal | None, _parameters: _Parameters) -> None:
    raise InvalidRequest("this is a state of the node: use /limits/kill and /limits/rearm", field="limit_type")


# What each of these takes; the others take no parameters.
PARAMETERS: Mapping[Callable[[Decimal | None, _Parameters], None], Mapping[str, Parameter]] = {
    windowed: _WINDOW,
    windowed_count: _WINDOW,
    window_alone: _WINDOW,
    ratio: _RATIO,
    symbol_list: _SYMBOL_LIST,
    permission: _PERMISSION,
    concentration: _CONCENTRATION,
    value_at_risk: _VALUE_AT_RISK,
    drawdown: _DRAWDOWN,
    streak: _STREAK,
    self_trade: _SELF_TRADE,
}


def field_of(parameter: str) -> str:
    """Where a problem with this one stands: at it, and not at all of them."""
    return f"parameters.{parameter}"


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


def _take(parameters: _Parameters, known: Mapping[str, Parameter]) -> None:
    if unknown := set(parameters) - set(known):
        told = f"knows the parameters {', '.join(sorted(known))}" if known else "takes no parameters"
        raise InvalidRequest(f"this limit type {told}, not {', '.join(sorted(unknown))[:100]}", field="parameters")
    for name, parameter in known.items():
        if parameter.is_required and name not in parameters:
            raise InvalidRequest(f"parameters must have {name}: {parameter.about}", field=field_of(name))
        if name in parameters and not parameter.makes_sense(parameters[name]):
            raise InvalidRequest(f"{name} is {parameter.about}", field=field_of(name))
