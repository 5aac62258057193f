"""What may be said of whom alerts are for."""

from dataclasses import replace
from typing import Any

import pytest

from breakwater.domain.alert_routing import DEFAULT, Members
from breakwater.domain.alerting import AUDIENCES, CATEGORIES, CHANNELS_AT_ONCE, ROUTES
from breakwater.domain.permissions import Role
from breakwater.errors import InvalidRequest

NOBODY = Members(frozenset())


def test_what_holds_by_default_may_be_said() -> None:
    DEFAULT.check()
    assert set(ROUTES) == set(CATEGORIES)


@pytest.mark.parametrize(
    "change",
    [
        {"routes": {**ROUTES, "RISK": frozenset()}},
        {"routes": {**ROUTES, "SYSTEM": frozenset({"ON_CALL", "USER"})}},
        {"audiences": {**DEFAULT.audiences, "SECURITY": NOBODY}},
        {"audiences": dict.fromkeys(AUDIENCES, NOBODY)},
        {"channels": {**CHANNELS_AT_ONCE, "CRITICAL": frozenset({"SMS", "SLACK"})}},
        {"channels": {**CHANNELS_AT_ONCE, "CRITICAL": frozenset()}},
    ],
)
def test_nothing_critical_is_for_nobody(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        replace(DEFAULT, **change).check()


def test_another_role_may_take_the_place_of_one() -> None:
    replace(DEFAULT, audiences={**DEFAULT.audiences, "SECURITY": Members(frozenset({Role.AUDITOR}))}).check()
