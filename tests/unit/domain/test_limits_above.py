"""Limits of one type on one way up the tree, what is told of a type, and the use of limits that no order moves."""

import re
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.exposure import Limit, Scope, Standing
from breakwater.domain.limit_types import LIMIT_TYPES, settings
from breakwater.domain.limits import stricter_above, use_of
from breakwater.errors import InvalidRequest
from tests.unit.domain.limit_orders import market_of, scope_of


def above(limit_type: str, value: str, **told: Any) -> Scope:
    return scope_of(limit_type, value, **told)


def below(limit_type: str, value: str, instrument: str = "*", **told: Any) -> Limit:
    parameters = told.pop("parameters", {})
    return Limit(uuid.UUID(int=9), uuid.UUID(int=8), limit_type, instrument, Decimal(value), parameters, **told)


@pytest.mark.parametrize(
    ("limit", "higher", "is_stricter"),
    [
        (below("MAX_ORDER_QTY", "5"), above("MAX_ORDER_QTY", "4"), True),
        (below("MAX_ORDER_QTY", "5"), above("MAX_ORDER_QTY", "5"), False),
        (below("MAX_ORDER_QTY", "5", "ETH/USDT"), above("MAX_ORDER_QTY", "4"), True),
        (below("MAX_ORDER_QTY", "5", "ETH/USDT"), above("MAX_ORDER_QTY", "4", instrument="ETH/USDT"), True),
        (below("MAX_ORDER_QTY", "5"), above("MAX_ORDER_QTY", "4", instrument="ETH/USDT"), False),
        (below("MAX_ORDER_QTY", "5"), above("MAX_ORDER_QTY", "4", setting={"action": "WARN"}), False),
        (below("MAX_ORDER_NOTIONAL", "1000"), above("MAX_ORDER_NOTIONAL", "2", setting={"currency": "BTC"}), False),
        (below("MESSAGE_RATE", "9", parameters={"window_s": 10}), above("MESSAGE_RATE", "8", window_s=10), True),
        (below("MESSAGE_RATE", "9", parameters={"window_s": 10}), above("MESSAGE_RATE", "8", window_s=60), True),
        (below("MESSAGE_RATE", "9", parameters={"window_s": 10}), above("MESSAGE_RATE", "8", window_s=1), False),
        (below("LONG_POSITION", "5"), above("LONG_POSITION", "4"), True),
        (below("LEVERAGE", "5"), above("LEVERAGE", "4"), False),
        (below("REJECT_STREAK", "5"), above("REJECT_STREAK", "4"), False),
        (below("INCREMENTAL_VAR", "5"), above("INCREMENTAL_VAR", "4", confidence="0.95"), False),
    ],
)
def test_a_limit_is_looser_than_one_above_that_refuses_and_looks_at_no_less(
    limit: Limit, higher: Scope, is_stricter: bool
) -> None:
    assert (stricter_above(limit, [higher]) is not None) is is_stricter


def test_of_several_limits_above_the_strictest_is_told() -> None:
    scopes = [above("MAX_ORDER_QTY", "4"), above("MAX_ORDER_QTY", "2"), above("MAX_ORDER_QTY", "3")]
    found = stricter_above(below("MAX_ORDER_QTY", "5"), scopes)
    assert found is not None
    assert found[0] is scopes[1]


def test_a_limit_on_losses_shows_what_is_lost_of_what_may_be() -> None:
    standing = Standing(pnl=Decimal(-300), pnl_open=Decimal(100), pnl_peak=Decimal(150))
    scope = scope_of("DAILY_LOSS", "1000", standing=standing)
    use = use_of(scope, scope.limits[0], market_of())
    assert use is not None
    assert (use.in_use, use.limit) == (400, 1000)
    drawdown = replace(scope.limits[0], limit_type="DRAWDOWN")
    fallen = use_of(scope, drawdown, market_of())
    assert fallen is not None
    assert fallen.in_use == 450


def test_a_profit_uses_nothing_of_a_limit_on_losses() -> None:
    scope = scope_of("DAILY_LOSS", "1000", standing=Standing(pnl=Decimal(300)))
    use = use_of(scope, scope.limits[0], market_of())
    assert use is not None
    assert use.in_use == 0


@pytest.mark.parametrize("name", sorted(LIMIT_TYPES))
def test_what_is_told_of_a_types_parameters_is_what_it_takes(name: str) -> None:
    limit_type = LIMIT_TYPES[name]
    if limit_type.check_setting is settings.built_in:
        return
    value = None if limit_type.unit in ("parameters", "none") else Decimal(1)
    with pytest.raises(InvalidRequest) as refused:
        limit_type.check_setting(value, {"nonsense": 1})
    takes = re.search(r"knows the parameters (.*), not nonsense", refused.value.message)
    told = settings.PARAMETERS.get(limit_type.check_setting, {})
    assert (takes[1].split(", ") if takes else []) == sorted(told)


@pytest.mark.parametrize(
    ("limit_type", "value", "parameters", "told"),
    [
        ("MESSAGE_RATE", "5", {}, "parameters must have window_s: how far it looks back, in seconds up to a day"),
        ("MESSAGE_RATE", "5", {"window_s": "60"}, "window_s is how far it looks back, in seconds up to a day"),
        ("SELF_TRADE", None, {"mode": "CANCEL"}, "mode is CANCEL_NEWEST or CANCEL_OLDEST or CANCEL_BOTH or DECREMENT"),
        ("ORDER_PERMISSION", None, {"sides": ["BOTH"]}, "sides is some of BUY, SELL"),
        ("MAX_ORDER_QTY", "5", {"window_s": 60}, "this limit type takes no parameters, not window_s"),
    ],
)
def test_a_wrong_parameter_is_answered_with_what_a_right_one_is(
    limit_type: str, value: str | None, parameters: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        LIMIT_TYPES[limit_type].check_setting(None if value is None else Decimal(value), parameters)
    assert refused.value.message == told
