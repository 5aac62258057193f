"""Types 27 to 29: what may be lost. Their boundaries are in limit_boundaries.py."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.exposure import Scope, Standing
from breakwater.domain.limits import watched_losses
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import NOW, exposure_of, order_for, refusals, scope_of

LONG = [exposure_of(filled_qty=Decimal(5))]


def stood(**told: Any) -> Standing:
    amounts: dict[str, Any] = {
        name: Decimal(value) if name.startswith("pnl") else value for name, value in told.items()
    }
    return Standing(**{"observed_at": NOW, **amounts})


@pytest.mark.parametrize(
    ("mode", "lost"),
    [
        # It came up to 80 and closed at most at 30, and stands at -20 now.
        ("STATIC", "20"),
        ("END_OF_DAY", "50"),
        ("TRAILING", "100"),
        (None, "100"),
    ],
)
def test_a_drawdown_counts_from_where_its_mode_says(mode: str | None, lost: str) -> None:
    parameters: dict[str, Any] = {} if mode is None else {"mode": mode}
    standing = stood(pnl="-20", pnl_peak="80", pnl_close_peak="30")
    at_it = scope_of("DRAWDOWN", lost, standing=standing, **parameters)
    assert refusals(at_it, order_for(at_it)) == []
    above = scope_of("DRAWDOWN", str(Decimal(lost) - Decimal("0.01")), standing=standing, **parameters)
    (refusal,) = refusals(above, order_for(above))
    assert refusal.verdict.used == Decimal(lost)


def test_a_daily_loss_counts_from_where_the_session_began() -> None:
    standing = stood(pnl="-500", pnl_open="-450")
    for value, passes in (("50", True), ("49.99", False)):
        scope = scope_of("DAILY_LOSS", value, standing=standing)
        assert (refusals(scope, order_for(scope)) == []) is passes


def test_a_profit_is_no_loss() -> None:
    scope = scope_of("DAILY_LOSS", "0.01", standing=stood(pnl="70", pnl_open="30"))
    assert refusals(scope, order_for(scope)) == []


LOST: list[tuple[str, dict[str, Any]]] = [
    ("DAILY_LOSS", {"standing": stood(pnl="-1000")}),
    ("DRAWDOWN", {"standing": stood(pnl="-1000")}),
    ("LOSS_STREAK", {"standing": Standing(loss_streak=3, cool_until=NOW + timedelta(seconds=1)), "cool_down_s": 900}),
]


@pytest.mark.parametrize(("limit_type", "words"), LOST)
def test_after_a_loss_a_position_can_be_closed_and_no_more(limit_type: str, words: dict[str, Any]) -> None:
    scope = scope_of(limit_type, "3", exposures=LONG, **words)
    assert refusals(scope, order_for(scope, Side.SELL, "5")) == []
    (refusal,) = refusals(scope, order_for(scope, Side.SELL, "5.0001"))
    assert refusal.verdict.largest_passing_quantity == 5
    (refusal,) = refusals(scope, order_for(scope, Side.BUY, "0.01"))
    assert refusal.verdict.largest_passing_quantity == 0


@pytest.mark.parametrize("limit_type", ["DAILY_LOSS", "DRAWDOWN"])
@pytest.mark.parametrize(
    ("observed_at", "is_known"),
    [
        (NOW - timedelta(minutes=10), True),
        (NOW - timedelta(minutes=10, microseconds=1), False),
        (None, False),
    ],
)
def test_a_profit_that_was_observed_more_than_ten_minutes_ago_is_not_known(
    limit_type: str, observed_at: Any, is_known: bool
) -> None:
    scope = scope_of(limit_type, "100", exposures=LONG, standing=stood(pnl="0", observed_at=observed_at))
    found = refusals(scope, order_for(scope))
    assert [finding.verdict.missing for finding in found] == ([] if is_known else ["profit and loss of account"])
    assert refusals(scope, order_for(scope, Side.SELL, "5")) == []


@pytest.mark.parametrize("limit_type", ["DAILY_LOSS", "DRAWDOWN"])
def test_a_node_that_never_traded_has_lost_nothing(limit_type: str) -> None:
    for exposures in ([], [exposure_of(open_buy_qty=Decimal(3))]):
        scope = scope_of(limit_type, "0.01", exposures=exposures)
        assert refusals(scope, order_for(scope)) == []


def test_the_streak_outlasts_the_cool_down_and_does_not_refuse_by_itself() -> None:
    scope = scope_of("LOSS_STREAK", "3", standing=Standing(loss_streak=7), cool_down_s=900)
    assert refusals(scope, order_for(scope)) == []


def crossed(scope: Scope) -> list[tuple[str, Decimal]]:
    return [(limit.limit_type, lost) for limit, lost in watched_losses(scope, NOW) if lost > limit.cap]


@pytest.mark.parametrize("limit_type", ["DAILY_LOSS", "DRAWDOWN"])
def test_the_watch_finds_a_loss_beyond_its_limit_without_any_order(limit_type: str) -> None:
    for pnl, found in (("-100", []), ("-100.01", [(limit_type, Decimal("100.01"))])):
        scope = scope_of(limit_type, "100", standing=stood(pnl=pnl))
        assert crossed(scope) == found
        assert [lost for _, lost in watched_losses(scope, NOW)] == [-Decimal(pnl)]


def test_the_watch_concludes_nothing_from_a_loss_that_is_not_known() -> None:
    standing = stood(pnl="-1000", observed_at=NOW - timedelta(minutes=11))
    assert crossed(scope_of("DAILY_LOSS", "100", exposures=LONG, standing=standing)) == []


def test_the_watch_leaves_the_streak_to_the_fills_that_make_it() -> None:
    standing = Standing(loss_streak=3, cool_until=NOW + timedelta(seconds=1))
    assert crossed(scope_of("LOSS_STREAK", "3", standing=standing, cool_down_s=900)) == []
