"""What a limit of each type may be set to, and what makes no sense."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.domain.limit_types.settings import check_time_zone
from breakwater.errors import InvalidRequest
from tests.unit.domain.limit_boundaries import NOT_SETTABLE

type Setting = tuple[str | None, Mapping[str, Any]]

WINDOW = {"window_s": 60}
HOURS = {"days": ["MON"], "from": "09:00", "until": "17:30"}
# A value and parameters that each type takes.
SENSIBLE: Mapping[str, list[Setting]] = {
    "PRICE_COLLAR": [("0.05", {}), ("1", {})],
    "MAX_ORDER_QTY": [("0.0001", {}), ("999999999999999999", {})],
    "MAX_ORDER_NOTIONAL": [("10000", {})],
    "ADV_PCT": [("0.01", {}), ("1", {})],
    "RESTRICTED_LIST": [
        (None, {"mode": "ALLOW", "symbols": ["ETH/USDT", "BTC/USDT"]}),
        (None, {"mode": "DENY", "symbols": []}),
    ],
    "ORDER_PERMISSION": [
        (None, {"types": ["LIMIT"]}),
        (None, {"times_in_force": ["GTC", "IOC", "FOK"]}),
        (None, {"sides": ["SELL"], "venues": ["SIM", "BOOK"]}),
        (None, {"hours": HOURS}),
        (None, {"hours": {**HOURS, "from": "22:00", "until": "06:00"}}),
    ],
    "SHORT_SALE": [(None, {})],
    "STALE_DATA": [("0.5", {})],
    "MESSAGE_RATE": [("100", WINDOW), ("1", {"window_s": 1}), ("1", {"window_s": 86400})],
    "DUPLICATE_ORDER": [(None, WINDOW)],
    "REPEAT_EXECUTION": [("3", WINDOW)],
    "REJECT_STREAK": [("1", {})],
    "ORDER_TO_TRADE": [("10", WINDOW), ("0.5", {**WINDOW, "messages_min": "0"})],
    "WINDOW_VOLUME": [("0.5", WINDOW)],
    "OPEN_ORDER_COUNT": [("0", {}), ("10", {})],
    "DAILY_ORDER_COUNT": [("0", {}), ("10", {})],
    "LONG_POSITION": [("0", {}), ("0.5", {})],
    "SHORT_POSITION": [("0", {}), ("0.5", {})],
    "NET_NOTIONAL": [("0", {}), ("0.5", {})],
    "GROSS_NOTIONAL": [("0", {}), ("0.5", {})],
    "OPEN_ORDER_NOTIONAL": [("0", {}), ("0.5", {})],
    "CREDIT": [("0", {}), ("0.5", {})],
    "DAILY_TRADED_NOTIONAL": [("0", {}), ("0.5", {})],
    "MARGIN": [("0.5", {}), ("1.5", {})],
    "LEVERAGE": [("3", {})],
    "CONCENTRATION": [("0.25", {}), ("2", {"by": "SECTOR"}), ("1", {"by": "VENUE"}), ("1", {"by": "INSTRUMENT"})],
    "INCREMENTAL_VAR": [("1000", {}), ("1", {"confidence": "0.975", "correlation": "0"}), ("1", {"correlation": "1"})],
    "DAILY_LOSS": [("0.01", {})],
    "DRAWDOWN": [("1", {}), ("1", {"mode": "STATIC"}), ("1", {"mode": "TRAILING"}), ("1", {"mode": "END_OF_DAY"})],
    "LOSS_STREAK": [("1", {"cool_down_s": 1})],
    "SELF_TRADE": [(None, {"mode": mode}) for mode in ("CANCEL_NEWEST", "CANCEL_OLDEST", "CANCEL_BOTH", "DECREMENT")],
    "DEAD_MAN": [("30", {}), ("0.5", {})],
}
ZERO_IS_NONE_AT_ALL = {name for name, settings in SENSIBLE.items() if settings[0][0] == "0"}
WHOLE = {
    *("MESSAGE_RATE", "REPEAT_EXECUTION", "REJECT_STREAK", "OPEN_ORDER_COUNT", "DAILY_ORDER_COUNT", "LOSS_STREAK"),
}
WINDOWED = {name for name, settings in SENSIBLE.items() if "window_s" in settings[0][1]}
# Beyond what every type refuses.
SENSELESS: list[tuple[str, str | None, Mapping[str, Any]]] = [
    ("PRICE_COLLAR", "1.0001", {}),
    ("ADV_PCT", "1.0001", {}),
    ("RESTRICTED_LIST", None, {"mode": "SOME", "symbols": []}),
    ("RESTRICTED_LIST", None, {"mode": "ALLOW"}),
    ("RESTRICTED_LIST", None, {"symbols": []}),
    ("RESTRICTED_LIST", None, {"mode": "ALLOW", "symbols": "ETH/USDT"}),
    ("RESTRICTED_LIST", None, {"mode": ["ALLOW"], "symbols": ["ETH/USDT"]}),
    ("RESTRICTED_LIST", None, {"mode": "ALLOW", "symbols": ["ETH/USDT", "ETH/USDT"]}),
    ("RESTRICTED_LIST", None, {"mode": "ALLOW", "symbols": [1]}),
    ("ORDER_PERMISSION", None, {"types": []}),
    ("ORDER_PERMISSION", None, {"types": ["STOP"]}),
    ("ORDER_PERMISSION", None, {"types": "LIMIT"}),
    ("ORDER_PERMISSION", None, {"types": ["LIMIT", "LIMIT"]}),
    ("ORDER_PERMISSION", None, {"sides": ["BUY", 1]}),
    ("ORDER_PERMISSION", None, {"times_in_force": ["GTX"]}),
    ("ORDER_PERMISSION", None, {"venues": ["nyse"]}),
    ("ORDER_PERMISSION", None, {"hours": "09:00"}),
    ("ORDER_PERMISSION", None, {"hours": {**HOURS, "days": []}}),
    ("ORDER_PERMISSION", None, {"hours": {**HOURS, "days": ["MONDAY"]}}),
    ("ORDER_PERMISSION", None, {"hours": {**HOURS, "from": "9:00"}}),
    ("ORDER_PERMISSION", None, {"hours": {**HOURS, "until": "24:00"}}),
    ("ORDER_PERMISSION", None, {"hours": {**HOURS, "until": 1730}}),
    ("ORDER_PERMISSION", None, {"hours": {**HOURS, "from": "17:30"}}),
    ("ORDER_PERMISSION", None, {"hours": {"days": ["MON"], "from": "09:00"}}),
    ("ORDER_TO_TRADE", "1", {**WINDOW, "messages_min": 100}),
    ("ORDER_TO_TRADE", "1", {**WINDOW, "messages_min": "-1"}),
    ("CONCENTRATION", "1", {"by": "COUNTRY"}),
    ("INCREMENTAL_VAR", "1", {"confidence": "0.9"}),
    ("INCREMENTAL_VAR", "1", {"confidence": 0.99}),
    ("INCREMENTAL_VAR", "1", {"correlation": "1.01"}),
    ("INCREMENTAL_VAR", "1", {"correlation": "-0.1"}),
    ("INCREMENTAL_VAR", "1", {"correlation": 1}),
    ("DRAWDOWN", "1", {"mode": "DAILY"}),
    ("LOSS_STREAK", "3", {}),
    ("LOSS_STREAK", "3", {"cool_down_s": 0}),
    ("LOSS_STREAK", "3", {"cool_down_s": "900"}),
    ("SELF_TRADE", None, {}),
    ("SELF_TRADE", None, {"mode": "ALLOW"}),
]


def check(limit_type: str, value: str | None, parameters: Mapping[str, Any]) -> None:
    LIMIT_TYPES[limit_type].check_setting(None if value is None else Decimal(value), parameters)


def refuses(limit_type: str, value: str | None, parameters: Mapping[str, Any]) -> bool:
    try:
        check(limit_type, value, parameters)
    except InvalidRequest:
        return True
    return False


def test_every_type_that_can_be_set_is_tried_here() -> None:
    assert set(SENSIBLE) == set(LIMIT_TYPES) - NOT_SETTABLE


@pytest.mark.parametrize("limit_type", SENSIBLE)
def test_a_setting_that_makes_sense_is_taken(limit_type: str) -> None:
    for value, parameters in SENSIBLE[limit_type]:
        check(limit_type, value, parameters)


@pytest.mark.parametrize("limit_type", SENSIBLE)
def test_no_value_below_zero_and_none_where_one_is_needed_or_the_other_way_round(limit_type: str) -> None:
    value, parameters = SENSIBLE[limit_type][0]
    assert refuses(limit_type, "1" if value is None else None, parameters)
    assert refuses(limit_type, "-0.0001", parameters)
    assert refuses(limit_type, "0", parameters) is (limit_type not in ZERO_IS_NONE_AT_ALL)


@pytest.mark.parametrize("limit_type", SENSIBLE)
def test_a_parameter_that_the_type_does_not_know_is_refused(limit_type: str) -> None:
    value, parameters = SENSIBLE[limit_type][0]
    assert refuses(limit_type, value, {**parameters, "surprise": "1"})


@pytest.mark.parametrize("limit_type", sorted(WHOLE))
def test_a_count_is_a_whole_number(limit_type: str) -> None:
    assert refuses(limit_type, "1.5", SENSIBLE[limit_type][0][1])
    check(limit_type, "2.0", SENSIBLE[limit_type][0][1])


@pytest.mark.parametrize("limit_type", sorted(WINDOWED))
@pytest.mark.parametrize("window_s", [0, -1, 86_401, 1.5, "60", None, True])
def test_a_window_is_a_whole_number_of_seconds_up_to_a_day(limit_type: str, window_s: object) -> None:
    value, parameters = SENSIBLE[limit_type][0]
    assert refuses(limit_type, value, {**parameters, "window_s": window_s})
    assert refuses(limit_type, value, {})


@pytest.mark.parametrize(
    ("limit_type", "value", "parameters", "field"),
    [
        ("MESSAGE_RATE", "100", {"window_s": 0}, "parameters.window_s"),
        ("MESSAGE_RATE", "100", {}, "parameters.window_s"),
        ("MESSAGE_RATE", "0", {"window_s": 60}, "value"),
        ("RESTRICTED_LIST", None, {"mode": "DENY", "symbols": ["ETH/USDT"] * 2}, "parameters.symbols"),
        ("RESTRICTED_LIST", None, {"mode": "SOME", "symbols": []}, "parameters.mode"),
        ("ORDER_PERMISSION", None, {"hours": {"days": ["MON"]}}, "parameters.hours"),
        ("ORDER_PERMISSION", None, {}, "parameters"),  # It is about none of them alone.
        ("MESSAGE_RATE", "100", {"window_s": 60, "surprise": 1}, "parameters"),
    ],
)
def test_what_is_wrong_is_told_at_the_parameter(
    limit_type: str, value: str | None, parameters: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check(limit_type, value, parameters)
    assert refusal.value.extensions["field"] == field


@pytest.mark.parametrize(("limit_type", "value", "parameters"), SENSELESS)
def test_a_setting_that_makes_no_sense_is_refused(
    limit_type: str, value: str | None, parameters: Mapping[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        check(limit_type, value, parameters)


@pytest.mark.parametrize("limit_type", sorted(NOT_SETTABLE))
def test_a_state_of_a_node_is_no_limit_that_can_be_set(limit_type: str) -> None:
    for value, parameters in (("1", {}), (None, {}), (None, {"state": "KILLED"})):
        with pytest.raises(InvalidRequest, match="/limits/kill"):
            check(limit_type, value, parameters)


@pytest.mark.parametrize(
    ("name", "is_known"),
    [("UTC", True), ("America/New_York", True), ("Moon/Base", False), ("", False), ("../x", False)],
)
def test_a_time_zone_is_one_of_the_iana_database(name: str, is_known: bool) -> None:
    if is_known:
        check_time_zone(name)
    else:
        with pytest.raises(InvalidRequest):
            check_time_zone(name)
