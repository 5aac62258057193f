"""Every row of the table at its boundary."""

from decimal import Decimal

import pytest

from breakwater.domain.limit_types import LIMIT_TYPES, SELF_TRADE
from tests.unit.domain.limit_boundaries import BOUNDARIES, Boundary
from tests.unit.domain.limit_orders import order_for, refusals, scope_of

# These refuse at a count that was reached before the order came; the others say by how much it would pass the limit.
REACHED_BEFORE = {"REPEAT_EXECUTION", "REJECT_STREAK", "LOSS_STREAK"}
each_boundary = pytest.mark.parametrize(
    "boundary", BOUNDARIES, ids=[f"{number}-{each.limit_type}" for number, each in enumerate(BOUNDARIES)]
)


def test_every_type_of_the_table_has_a_boundary_or_refuses_nothing() -> None:
    assert {boundary.limit_type for boundary in BOUNDARIES} == set(LIMIT_TYPES) - {SELF_TRADE}


@each_boundary
def test_what_is_exactly_at_the_limit_passes(boundary: Boundary) -> None:
    assert boundary.refused(boundary.passes) == []


@each_boundary
def test_one_step_beyond_the_limit_is_refused_and_says_by_how_much(boundary: Boundary) -> None:
    (refusal,) = boundary.refused(boundary.refuses)
    verdict = refusal.verdict
    assert (refusal.limit.limit_type, verdict.missing) == (boundary.limit_type, None)
    assert verdict.in_use >= verdict.used
    reaches = verdict.in_use + verdict.attempted
    assert reaches >= verdict.limit if boundary.limit_type in REACHED_BEFORE else reaches > verdict.limit
    passed = boundary.passes.get("quantity")
    assert verdict.largest_passing_quantity == (0 if passed is None else Decimal(passed))


def test_self_trade_refuses_no_order_here_whatever_its_mode() -> None:
    for mode in ("CANCEL_NEWEST", "CANCEL_OLDEST", "CANCEL_BOTH", "DECREMENT"):
        scope = scope_of(SELF_TRADE, mode=mode)
        assert refusals(scope, order_for(scope)) == []
