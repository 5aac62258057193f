"""Every algorithm in a market that moves: what it must never do, and that it comes to an end."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.executions import Execution, Oco, Stop, read_execution
from breakwater.domain.orders import Side, TimeInForce
from tests.unit.fargate_engine.routing.paper_market import SHOWN_S, PaperMarket, Shown

DURATION_S = 90
SLICED: list[Execution] = [
    read_execution({"algorithm": "TWAP", "duration_s": DURATION_S, "slices": 9}),
    read_execution({"algorithm": "TWAP", "duration_s": DURATION_S}),
    read_execution({"algorithm": "VWAP", "duration_s": DURATION_S}),
    read_execution({"algorithm": "POV", "percent": "25", "duration_s": DURATION_S}),
]
WAITING: list[Execution] = [
    read_execution({"algorithm": "ICEBERG", "display_qty": "30"}),
    read_execution({"algorithm": "STOP", "stop_px": "100"}),
    read_execution({"algorithm": "TAKE_PROFIT", "stop_px": "100"}),
    read_execution({"algorithm": "TRAILING_STOP", "offset": "8"}),
    read_execution({"algorithm": "TRAILING_STOP", "percent": "5", "trigger_by": "BEST"}),
]
SHOWN = st.builds(
    Shown,
    middle=st.integers(80, 120),
    spread=st.integers(1, 4),
    lots=st.tuples(st.integers(0, 200), st.integers(0, 200)),
    traded=st.integers(0, 400),
)
PATHS = st.lists(SHOWN, min_size=20, max_size=40)
RULES = st.fixed_dictionaries(
    {
        "tick_step": st.sampled_from([1, 5]),
        "lot_step": st.sampled_from([1, 10]),
        "lots_min": st.sampled_from([1, 25]),
        "notional_min_steps": st.sampled_from([0, 3_000]),
    }
)
ORDERS = st.fixed_dictionaries(
    {"side": st.sampled_from(Side), "quantity_lots": st.integers(1, 2_000), "limit_ticks": st.integers(80, 120)}
)
FLAGS = st.fixed_dictionaries({"post_only": st.booleans(), "cancels_wait": st.booleans()})


@given(execution=st.sampled_from(SLICED), path=PATHS, rules=RULES, order=ORDERS, flags=FLAGS)
def test_an_order_over_time_ends_filled_or_with_a_reason(
    execution: Execution, path: list[Shown], rules: dict[str, Any], order: dict[str, Any], flags: dict[str, bool]
) -> None:
    worked = PaperMarket(execution, path, rules, **order, **flags).run()

    assert worked.is_over
    assert worked.cum_lots == worked.quantity_lots or worked.ends is not None


@given(execution=st.sampled_from(WAITING), path=PATHS, rules=RULES, order=ORDERS, is_market=st.booleans())
def test_an_order_that_waits_trades_no_more_than_it_may(
    execution: Execution, path: list[Shown], rules: dict[str, Any], order: dict[str, Any], is_market: bool
) -> None:
    """What it may is asserted by the market, at each child."""
    terms: dict[str, Any] = {"is_market": is_market, "time_in_force": TimeInForce.IOC if is_market else TimeInForce.GTC}
    worked = PaperMarket(execution, path, rules, **order, **terms).run()

    assert worked.cum_lots + worked.open_lots <= worked.quantity_lots


@given(
    path=PATHS, rules=RULES, side=st.sampled_from(Side), quantity_lots=st.integers(1, 2_000), cancels_wait=st.booleans()
)
def test_an_oco_never_has_both_halves_in_the_market(
    path: list[Shown], rules: dict[str, Any], side: Side, quantity_lots: int, cancels_wait: bool
) -> None:
    execution = Oco(algorithm="OCO", stop_px=Decimal(100 + side.sign * 8))
    order: dict[str, Any] = {"limit_ticks": 100 - side.sign * 8, "low_ticks": 1, "high_ticks": 1_000, "side": side}

    worked = PaperMarket(execution, path, rules, quantity_lots=quantity_lots, cancels_wait=cancels_wait, **order).run()

    assert worked.cum_lots + worked.open_lots <= worked.quantity_lots


@pytest.mark.parametrize("side", Side)
@given(quantity_lots=st.integers(1, 500), middles=st.lists(st.integers(95, 105), min_size=20, max_size=20))
def test_a_twap_is_within_a_slice_of_its_line_while_the_market_gives_enough(
    side: Side, quantity_lots: int, middles: list[int]
) -> None:
    path = [Shown(middle, 1, (10_000, 10_000)) for middle in middles]
    free: dict[str, Any] = {"tick_step": 1}

    worked = PaperMarket(SLICED[0], path, free, side=side, quantity_lots=quantity_lots).run()

    a_slice = -(-quantity_lots // 9)
    for done in worked.done:
        line = quantity_lots * done.now_s / DURATION_S
        assert line - a_slice - 1 <= done.lots <= line + a_slice + 1
    assert worked.cum_lots == quantity_lots


@given(path=PATHS, percent=st.integers(1, 99), order=ORDERS)
def test_its_share_of_the_volume_holds_at_every_time(path: list[Shown], percent: int, order: dict[str, Any]) -> None:
    execution = read_execution({"algorithm": "POV", "percent": str(percent), "duration_s": DURATION_S})
    worked = PaperMarket(execution, path, {"tick_step": 1}, **order).run()

    assert all(each.lots * 100 <= percent * each.market_lots for each in worked.done)


@pytest.mark.parametrize("side", Side)
def test_a_market_stop_that_is_reached_sells_all_as_it_comes(side: Side) -> None:
    quiet, reached = Shown(100, 1, (50, 50)), Shown(100 + side.sign * 10, 1, (20, 20))
    stop = Stop(algorithm="STOP", stop_px=Decimal(100 + side.sign * 8))

    worked = PaperMarket(
        stop, [quiet] * 3 + [reached] + [quiet] * 10, {"tick_step": 1}, side=side, quantity_lots=300, is_market=True
    ).run()

    assert worked.cum_lots == 300
    assert {each.lots for each in worked.done if each.now_s < 3 * SHOWN_S} == {0}
