"""TWAP, VWAP, POV and ICEBERG: what is due when, how it is sent, and how it ends."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.executions import Iceberg, PercentageOfVolume, Twap, Vwap
from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.routing.moves import Moves, Refused, View
from fargate_engine.routing.slicing import POV_PARTS_MAX, SLICES_MAX, iceberg, percentage_of_volume, twap, vwap
from tests.unit.fargate_engine.routing.views import BEGAN_NS, SECOND_NS, at_s, child, ended, sent, venue, view

IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
BOOK: dict[str, Any] = {"opposite": ((101, 10_000),), "own": ((99, 10_000),)}
VENUES = (venue(**BOOK),)
DAY_S = 24 * 3600
FIRST = uuid.UUID(int=1)


def twap_of(duration_s: int = 300, slices: int | None = 10, **changes: Any) -> Twap:
    return Twap(algorithm="TWAP", duration_s=duration_s, slices=slices, **changes)


def seen(**changes: Any) -> View:
    """Of a purchase of 100 lots up to 110 in a deep market, bid 99, asked 101."""
    defaults: dict[str, Any] = {"side": Side.BUY, "limit_ticks": 110, "venues": VENUES}
    return view(**defaults | changes)


def lots_of(moves: Moves) -> int:
    return sum(each.lots for each in moves.send)


# TWAP --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now_s", "cum_lots", "lots"), [(0, 0, 10), (16, 0, 10), (29.9, 10, 0), (30, 10, 10), (31, 15, 5), (270, 90, 10)]
)
def test_a_slice_is_due_at_its_beginning(now_s: float, cum_lots: int, lots: int) -> None:
    assert lots_of(twap(twap_of(), seen(now_s=now_s, cum_lots=cum_lots))) == lots


def test_it_first_rests_at_the_best_price_of_its_own_side() -> None:
    moves = twap(twap_of(), seen(now_s=0))
    assert sent(moves) == [("A", 10, 99, GTC)]
    assert moves.send[0].post_only
    assert moves.look_at_ns == at_s(15)


def test_then_it_cancels_what_rests_and_takes() -> None:
    resting = (child(1, leaves_lots=6, limit_ticks=99),)
    assert twap(twap_of(), seen(now_s=15, cum_lots=4, children=resting)).cancel == (FIRST,)

    assert sent(twap(twap_of(), seen(now_s=15.1, cum_lots=4))) == [("A", 6, 101, IOC)]


def test_it_takes_no_more_than_is_due_while_children_may_still_fill() -> None:
    going = (child(1, leaves_lots=6, is_being_canceled=True),)
    assert twap(twap_of(), seen(now_s=15, cum_lots=4, children=going)).send == ()


def test_without_a_number_of_slices_each_takes_half_a_minute() -> None:
    assert lots_of(twap(twap_of(slices=None), seen(now_s=0))) == 10
    assert lots_of(twap(twap_of(duration_s=10, slices=None), seen(now_s=0))) == 50


def test_a_week_has_no_more_slices_than_a_client_may_ask_for() -> None:
    week = twap_of(duration_s=7 * DAY_S, slices=None)
    assert lots_of(twap(week, seen(now_s=0, quantity_lots=SLICES_MAX * 7))) == 7


def test_a_begin_in_the_future_is_waited_for() -> None:
    start_at = datetime.fromtimestamp(BEGAN_NS // SECOND_NS, UTC) + timedelta(seconds=60)
    later = twap_of(start_at=start_at)

    assert twap(later, seen(now_s=59.9)) == Moves(look_at_ns=at_s(60))
    assert sent(twap(later, seen(now_s=60))) == [("A", 10, 99, GTC)]
    assert ended(twap(later, seen(now_s=359))) is None
    assert ended(twap(later, seen(now_s=360, venues=(venue(),)))) == "EXECUTION_ENDED"


def test_a_begin_in_the_past_is_now() -> None:
    start_at = datetime.fromtimestamp(BEGAN_NS // SECOND_NS, UTC) - timedelta(seconds=60)
    assert sent(twap(twap_of(start_at=start_at), seen(now_s=0))) == [("A", 10, 99, GTC)]


def test_a_price_beyond_the_limit_is_not_taken_and_is_looked_for_again() -> None:
    moves = twap(twap_of(), seen(now_s=16, limit_ticks=100))
    assert moves.send == ()
    assert moves.look_at_ns is not None
    assert at_s(16) < moves.look_at_ns <= at_s(17)


def test_where_its_own_side_is_dearer_than_its_limit_it_rests_at_the_limit() -> None:
    assert sent(twap(twap_of(), seen(now_s=0, limit_ticks=95))) == [("A", 10, 95, GTC)]


def test_what_the_market_did_not_give_is_caught_up_by_three_slices_in_a_slice() -> None:
    late = twap(twap_of(), seen(now_s=256))
    assert sent(late) == [("A", 30, 101, IOC)]
    assert late.note is not None

    assert twap(twap_of(), seen(now_s=256.1, cum_lots=30, note=late.note)).send == ()
    assert sent(twap(twap_of(), seen(now_s=256.1, cum_lots=12, note=late.note))) == [("A", 18, 101, IOC)]
    assert sent(twap(twap_of(), seen(now_s=270, cum_lots=30, note=late.note))) == [("A", 30, 99, GTC)]


def test_what_rested_and_filled_counts_to_what_is_caught_up_in_its_slice() -> None:
    first = twap(twap_of(), seen(now_s=241))
    assert sent(first) == [("A", 30, 99, GTC)]

    assert sent(twap(twap_of(), seen(now_s=256, cum_lots=20, note=first.note))) == [("A", 10, 101, IOC)]


@pytest.mark.parametrize("now_s", [31, 46])
def test_on_its_line_it_notes_nothing(now_s: float) -> None:
    assert twap(twap_of(), seen(now_s=now_s, cum_lots=10)).note is None


@pytest.mark.parametrize("now_s", [0, 16, 29.9, 250])
def test_post_only_never_takes(now_s: float) -> None:
    moves = twap(twap_of(), seen(now_s=now_s, post_only=True))
    assert [(each.post_only, each.limit_ticks) for each in moves.send] == [(True, 99)]


def test_post_only_ends_with_what_did_not_fill() -> None:
    assert twap(twap_of(), seen(now_s=300, post_only=True, children=(child(1),))).cancel == (FIRST,)
    assert ended(twap(twap_of(), seen(now_s=300, post_only=True))) == "EXECUTION_ENDED"


@pytest.mark.parametrize(("now_s", "ticks", "cancels"), [(29, 97, False), (31, 97, True), (31, 99, False)])
def test_post_only_follows_the_market_from_slice_to_slice(now_s: float, ticks: int, cancels: bool) -> None:
    resting = (child(1, limit_ticks=ticks, sent_at_ns=at_s(1)),)
    assert twap(twap_of(), seen(now_s=now_s, post_only=True, children=resting)).cancel == ((FIRST,) if cancels else ())


def test_at_its_end_it_takes_what_is_left_and_then_ends() -> None:
    assert twap(twap_of(), seen(now_s=300, cum_lots=80, children=(child(1),))).cancel == (FIRST,)
    assert sent(twap(twap_of(), seen(now_s=300, cum_lots=80))) == [("A", 20, 101, IOC)]
    assert ended(twap(twap_of(), seen(now_s=300, cum_lots=80, venues=(venue(),)))) == "EXECUTION_ENDED"


def test_a_rest_that_is_too_small_ends_with_that_reason() -> None:
    few = (venue(lots_min=30, **BOOK),)
    assert ended(twap(twap_of(), seen(now_s=300, cum_lots=80, venues=few))) == "REMAINDER_TOO_SMALL"


def test_slices_below_a_minimum_add_up() -> None:
    few = (venue(lots_min=25, **BOOK),)
    assert [lots_of(twap(twap_of(), seen(now_s=now_s, venues=few))) for now_s in (16, 46, 76)] == [0, 0, 30]


def test_it_rests_where_a_slice_is_enough() -> None:
    venues = (venue("A", lots_min=50, **BOOK), venue("B", maker_fee=Decimal("0.001"), **BOOK))
    assert sent(twap(twap_of(), seen(now_s=0, venues=venues))) == [("B", 10, 99, GTC)]


# VWAP --------------------------------------------------------------------------------------------------------------


def profile(lots_by_slot: dict[int, int]) -> tuple[int, ...]:
    """Of five minutes each, counted from when the order began."""
    first = BEGAN_NS // (300 * SECOND_NS)
    slots = [0] * 288
    for slot, lots in lots_by_slot.items():
        slots[(first + slot) % 288] = lots
    return tuple(slots)


def vwap_of(duration_s: int) -> Vwap:
    return Vwap(algorithm="VWAP", duration_s=duration_s)


@pytest.mark.parametrize(("now_s", "lots"), [(16, 8), (286, 80), (316, 82), (586, 100)])
def test_its_line_is_the_share_of_the_profile(now_s: float, lots: int) -> None:
    volume = profile({0: 800, 1: 200})
    assert lots_of(vwap(vwap_of(600), seen(now_s=now_s, cum_lots=lots - 1, volume_profile=volume))) == 1
    assert lots_of(vwap(vwap_of(600), seen(now_s=now_s, cum_lots=lots, volume_profile=volume))) == 0


def test_without_a_profile_its_line_is_straight() -> None:
    assert sent(vwap(vwap_of(600), seen(now_s=16))) == [("A", 5, 101, IOC)]
    assert vwap(vwap_of(600), seen(now_s=316, cum_lots=55)).send == ()


@pytest.mark.parametrize(
    ("now_s", "cum_lots"), [(DAY_S // 2, 30), (DAY_S, 50), (DAY_S + 1_000, 80), (DAY_S * 1.6, 100)]
)
def test_a_profile_repeats_from_day_to_day(now_s: float, cum_lots: int) -> None:
    volume = profile({0: 600, 144: 400})
    on_line = vwap(vwap_of(2 * DAY_S), seen(now_s=now_s - 400, cum_lots=cum_lots, volume_profile=volume))
    assert on_line.send == ()
    behind = vwap(vwap_of(2 * DAY_S), seen(now_s=now_s + 400, cum_lots=cum_lots - 1, volume_profile=volume))
    assert lots_of(behind) > 0


def test_a_busy_hour_is_not_held_back_by_what_may_be_caught_up() -> None:
    # Nine tenths within the first five minutes of four hours: 90 lots in ten slices.
    volume = profile({0: 900, 40: 100})
    assert sent(vwap(vwap_of(4 * 3600), seen(now_s=16, volume_profile=volume))) == [("A", 9, 101, IOC)]


# POV ---------------------------------------------------------------------------------------------------------------


def pov(percent: int = 10, **changes: Any) -> PercentageOfVolume:
    return PercentageOfVolume(algorithm="POV", percent=Decimal(percent), **changes)


@pytest.mark.parametrize(("market_lots", "cum_lots", "lots"), [(0, 0, 0), (99, 0, 9), (100, 10, 0), (110, 10, 1)])
def test_its_share_of_what_has_traded_counts_its_own_fills(market_lots: int, cum_lots: int, lots: int) -> None:
    assert lots_of(percentage_of_volume(pov(), seen(now_s=6, market_lots=market_lots, cum_lots=cum_lots))) == lots


@given(percent=st.integers(1, 99), quantity_lots=st.integers(1, 10_000), volumes=st.lists(st.integers(0, 500)))
def test_its_part_of_the_volume_never_exceeds_its_percent(percent: int, quantity_lots: int, volumes: list[int]) -> None:
    """Everything that it sends fills at once, and is part of what has traded."""
    own = others = 0
    for number, lots in enumerate(volumes):
        others += lots
        market = seen(
            now_s=number * 10 + 6, quantity_lots=quantity_lots, cum_lots=own, market_lots=own + others, limit_ticks=200
        )
        own += lots_of(percentage_of_volume(pov(percent), market))
        assert own * 100 <= percent * (own + others)
        if own == quantity_lots:
            return


def test_it_works_in_parts_so_that_it_never_needs_more_children_than_an_order_may_have() -> None:
    def due(market_lots: int) -> int:
        shown = seen(now_s=6, quantity_lots=POV_PARTS_MAX * 10, market_lots=market_lots)
        return lots_of(percentage_of_volume(pov(), shown))

    assert [due(99), due(100), due(199), due(200)] == [0, 10, 10, 20]


def test_its_last_part_is_as_small_as_it_is() -> None:
    quantity_lots = POV_PARTS_MAX * 10 + 3
    shown = seen(now_s=6, quantity_lots=quantity_lots, cum_lots=quantity_lots - 3, market_lots=quantity_lots * 10)
    assert lots_of(percentage_of_volume(pov(), shown)) == 3


def test_it_ends_with_its_time_and_takes_nothing_then() -> None:
    execution = pov(duration_s=60)
    assert percentage_of_volume(execution, seen(now_s=60, children=(child(1),))).cancel == (FIRST,)
    over = percentage_of_volume(execution, seen(now_s=60, market_lots=1_000))
    assert (over.send, ended(over)) == ((), "EXECUTION_ENDED")


def test_it_looks_when_its_time_is_over() -> None:
    assert percentage_of_volume(pov(duration_s=61), seen(now_s=60.5)).look_at_ns == at_s(61)


# Iceberg -----------------------------------------------------------------------------------------------------------


def iceberg_of(display: int = 10, **changes: Any) -> Iceberg:
    return Iceberg(algorithm="ICEBERG", display_qty=Decimal(display), **changes)


def test_it_shows_one_part_at_its_own_price_and_the_next_when_that_is_over() -> None:
    assert sent(iceberg(iceberg_of(), seen())) == [("A", 10, 110, GTC)]
    assert iceberg(iceberg_of(), seen(cum_lots=3, children=(child(1, leaves_lots=7),))) == Moves()
    assert sent(iceberg(iceberg_of(), seen(cum_lots=10))) == [("A", 10, 110, GTC)]
    assert sent(iceberg(iceberg_of(), seen(cum_lots=96))) == [("A", 4, 110, GTC)]


def test_it_goes_where_it_was_asked_for_first() -> None:
    venues = (venue("A"), venue("B", maker_fee=Decimal("0.001")))
    assert sent(iceberg(iceberg_of(venues=("B", "A")), seen(venues=venues)))[0][0] == "B"
    assert sent(iceberg(iceberg_of(), seen(venues=venues)))[0][0] == "A"


@pytest.mark.parametrize("named", [(), ("A", "B")])
def test_it_goes_elsewhere_when_its_part_is_too_small_there(named: tuple[str, ...]) -> None:
    venues = (venue("A", lots_min=50), venue("B"))
    assert sent(iceberg(iceberg_of(venues=named), seen(venues=venues))) == [("B", 10, 110, GTC)]


def test_it_comes_back_to_a_venue_that_has_refused() -> None:
    moves = iceberg(iceberg_of(), seen(now_s=1, refused={"A": Refused("FULL", at_s(0.5), 1)}))
    assert moves == Moves(look_at_ns=at_s(2.5))


def test_a_last_part_that_is_too_small_ends_it() -> None:
    assert ended(iceberg(iceberg_of(), seen(cum_lots=96, venues=(venue(lots_min=5),)))) == "REMAINDER_TOO_SMALL"


@pytest.mark.parametrize("post_only", [False, True])
def test_its_parts_are_post_only_when_it_is(post_only: bool) -> None:
    assert [each.post_only for each in iceberg(iceberg_of(), seen(post_only=post_only)).send] == [post_only]
