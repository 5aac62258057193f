"""Where BEST, IMPROVE, SEEK and LEAST_COST send what, by hand-made books and by random ones."""

import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakwater.domain.executions import Route
from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.routing.aggregated_book import all_in, average_cost, cheapest
from fargate_engine.routing.moves import Child, Moves, Refused, Send, VenueView, View
from fargate_engine.routing.route import route
from fargate_engine.terms import NO_LIQUIDITY
from tests.unit.fargate_engine.routing import views

SECOND = 1_000_000_000
NOW = 1_000 * SECOND
BEST, IMPROVE, SEEK, LEAST_COST = (Route(algorithm=each) for each in ("BEST", "IMPROVE", "SEEK", "LEAST_COST"))
IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)


def venue(name: str, asks: Any = (), bids: Any = (), **changes: Any) -> VenueView:
    """As a buyer sees it."""
    fees = {"taker_fee": Decimal("0.001"), "maker_fee": Decimal("0.001")}
    return views.venue(name, **{"opposite": tuple(asks), "own": tuple(bids), **fees} | changes)


def view(*venues: VenueView, **changes: Any) -> View:
    """A buyer of 100 lots at 1,000 ticks at most, an hour after it began."""
    terms: dict[str, Any] = {"side": Side.BUY, "limit_ticks": 1_000, "now_ns": NOW, "began_at_ns": NOW - 3600 * SECOND}
    return views.view(**terms | {"venues": venues} | changes)


def resting(order_id: uuid.UUID, at: str, limit_ticks: int, lots: int = 100, **changes: Any) -> Child:
    terms: dict[str, Any] = {"order_id": order_id, "venue": at, "limit_ticks": limit_ticks, "leaves_lots": lots}
    return replace(views.child(), **terms | {"sent_at_ns": NOW - 10 * SECOND} | changes)


def sent(moves: Moves) -> set[Send]:
    return set(moves.send)


# BEST ----------------------------------------------------------------------------------------------------------------


def test_each_part_is_taken_where_it_costs_least() -> None:
    a, b = venue("A", [(990, 30), (995, 50)]), venue("B", [(991, 40), (992, 10), (999, 99)])

    assert sent(route(BEST, view(a, b))) == {Send("A", 50, 995, IOC), Send("B", 50, 992, IOC)}


def test_fees_are_part_of_the_price() -> None:
    a, b = venue("A", [(990, 100)], taker_fee=Decimal("0.002")), venue("B", [(991, 100)], taker_fee=Decimal(0))

    assert sent(route(BEST, view(a, b))) == {Send("B", 100, 991, IOC)}


def test_a_seller_counts_fees_against_what_it_earns() -> None:
    a, b = venue("A", [(991, 100)], taker_fee=Decimal("0.002")), venue("B", [(990, 100)], taker_fee=Decimal(0))
    selling = view(a, b, side=Side.SELL, limit_ticks=900, low_ticks=900, high_ticks=2_000)

    assert sent(route(BEST, selling)) == {Send("B", 100, 990, IOC)}


def test_nothing_is_taken_beyond_the_limit() -> None:
    moves = route(BEST, view(venue("A", [(1_000, 10), (1_001, 90)]), time_in_force=IOC))

    assert sent(moves) == {Send("A", 10, 1_000, IOC)}


def test_the_sooner_answer_wins_where_the_price_is_the_same() -> None:
    a, b = venue("A", [(990, 100)], latency_ms=9.0), venue("B", [(990, 100)], latency_ms=3.0)

    assert sent(route(BEST, view(a, b))) == {Send("B", 100, 990, IOC)}


def test_a_part_that_is_too_small_for_a_venue_goes_to_another() -> None:
    a, b = venue("A", [(990, 4)], lots_min=5), venue("B", [(991, 200)])

    assert sent(route(BEST, view(a, b))) == {Send("B", 100, 991, IOC)}


def test_a_part_is_whole_steps_of_its_venue() -> None:
    moves = route(BEST, view(venue("A", [(990, 200)], lot_step=30)))

    assert sent(moves) == {Send("A", 90, 990, IOC)}


def test_no_venue_is_sent_a_second_child_while_one_takes_there() -> None:
    taking = resting(ONE, "A", 990, 40, rests=False)
    a, b = venue("A", [(990, 100)]), venue("B", [(995, 100)])

    assert sent(route(BEST, view(a, b, children=[taking], unsent_lots=60))) == {Send("B", 60, 995, IOC)}


def test_what_nobody_offers_rests_where_the_maker_pays_least() -> None:
    a, b = venue("A", [(1_010, 1)], [(990, 1)]), venue("B", [(1_010, 1)], [(990, 1)], maker_fee=Decimal(0))

    assert sent(route(BEST, view(a, b))) == {Send("B", 100, 1_000, GTC)}


def test_a_resting_price_is_one_that_the_venue_has() -> None:
    assert sent(route(BEST, view(venue("A", tick_step=7)))) == {Send("A", 100, 994, GTC)}


def test_what_rests_is_pulled_for_what_another_venue_offers() -> None:
    a, b = venue("A", (), [(1_000, 100)]), venue("B", [(999, 50)])
    moves = route(BEST, view(a, b, children=[resting(ONE, "A", 1_000)], unsent_lots=0))

    assert moves == Moves(cancel=(ONE,))


def test_it_is_not_pulled_twice_in_a_second() -> None:
    young = resting(ONE, "A", 1_000, sent_at_ns=NOW - SECOND // 2)
    moves = route(BEST, view(venue("A"), venue("B", [(999, 50)]), children=[young], unsent_lots=0))

    assert moves == Moves(look_at_ns=NOW + SECOND // 2)


def test_what_its_own_venue_offers_fills_it_by_itself() -> None:
    moves = route(BEST, view(venue("A", [(999, 50)]), children=[resting(ONE, "A", 1_000)], unsent_lots=0))

    assert moves == Moves()


def test_an_order_that_may_not_rest_ends_when_nothing_is_there() -> None:
    for changes in ({"time_in_force": IOC}, {"is_market": True, "time_in_force": IOC}):
        assert route(BEST, view(venue("A"), **changes)).ends == NO_LIQUIDITY


def test_it_does_not_end_while_a_child_is_open() -> None:
    taking = resting(ONE, "A", 990, 40, rests=False)

    assert route(BEST, view(venue("A"), time_in_force=IOC, children=[taking], unsent_lots=60)) == Moves()


def test_it_ends_when_every_venue_refuses() -> None:
    refused = {"A": Refused("VENUE_BUSY", NOW, 1)}
    moves = route(BEST, view(venue("A", [(990, 100)]), time_in_force=IOC, refused=refused))

    assert moves.ends is not None
    assert moves.ends.code == "NO_VENUE"


def test_a_venue_that_refused_is_asked_again_later_and_later() -> None:
    for count, seconds in ((1, 2), (2, 4), (9, 64)):
        refused = {"A": Refused("VENUE_BUSY", NOW - SECOND, count)}
        out = view(venue("A", [(990, 100)]), refused=refused)
        assert route(BEST, out) == Moves(look_at_ns=NOW + (seconds - 1) * SECOND)
        assert sent(route(BEST, replace(out, now_ns=NOW + (seconds - 1) * SECOND))) == {Send("A", 100, 990, IOC)}


def test_a_rest_that_no_venue_takes_ends_it() -> None:
    moves = route(BEST, view(venue("A", lots_min=200)))

    assert moves.ends is not None
    assert moves.ends.code == "REMAINDER_TOO_SMALL"


def test_without_a_venue_it_waits() -> None:
    assert route(BEST, view()) == Moves()


def test_post_only_rests_a_step_before_what_is_offered() -> None:
    assert sent(route(BEST, view(venue("A", [(990, 100)]), post_only=True))) == {
        Send("A", 100, 989, GTC, post_only=True)
    }


def test_post_only_follows_what_is_offered_once_in_a_second() -> None:
    old, young = resting(ONE, "A", 989), resting(ONE, "A", 989, sent_at_ns=NOW - SECOND // 4)
    moved = {"post_only": True, "unsent_lots": 0}

    assert route(BEST, view(venue("A", [(995, 100)]), children=[old], **moved)) == Moves(cancel=(ONE,))
    assert route(BEST, view(venue("A", [(995, 100)]), children=[young], **moved)) == Moves(
        look_at_ns=NOW + SECOND * 3 // 4
    )
    assert route(BEST, view(venue("A", [(990, 100)]), children=[old], **moved)) == Moves()


def test_a_venue_that_could_never_take_its_part_leaves_it_to_one_that_can() -> None:
    a, b = venue("A", [(990, 6)], lots_min=8), venue("B", [(991, 50)], lots_min=5)
    asked = {"unsent_lots": 10, "time_in_force": IOC}

    assert sent(route(BEST, view(a, b, **asked))) == {Send("B", 10, 991, IOC)}


def test_of_parts_that_are_too_small_the_smallest_goes_to_the_others() -> None:
    a, b = venue("A", [(990, 6), (995, 50)], lots_min=8), venue("B", [(991, 50)], lots_min=8)
    asked = {"unsent_lots": 10, "time_in_force": IOC}

    assert sent(route(BEST, view(a, b, **asked))) == {Send("A", 10, 995, IOC)}


@pytest.mark.parametrize("execution", [BEST, SEEK])
def test_nothing_is_taken_at_a_better_price_than_was_reserved_for(execution: Route) -> None:
    assert route(execution, view(venue("A", [(499, 100)]), low_ticks=500)).send == ()
    assert sum(each.lots for each in route(execution, view(venue("A", [(500, 100)]), low_ticks=500)).send) == 100


def test_what_rests_stays_where_another_venue_costs_more_with_its_fee() -> None:
    a, dear = venue("A", maker_fee=Decimal(0)), venue("B", [(1_000, 50)], taker_fee=Decimal("0.01"))

    assert route(BEST, view(a, dear, children=[resting(ONE, "A", 1_000)], unsent_lots=0)) == Moves()


def test_a_child_that_takes_is_waited_for_a_moment_and_no_longer() -> None:
    def rests_beside(age_ns: int) -> Moves:
        taking = resting(ONE, "A", 990, 40, rests=False, sent_at_ns=NOW - age_ns)
        return route(BEST, view(venue("A"), children=[taking], unsent_lots=60))

    assert rests_beside(SECOND // 4) == Moves(look_at_ns=NOW + SECOND * 3 // 4)
    assert sent(rests_beside(SECOND)) == {Send("A", 60, 1_000, GTC)}


# The others ----------------------------------------------------------------------------------------------------------


def test_seek_takes_all_that_is_offered_everywhere_down_to_the_limit() -> None:
    a, b = venue("A", [(990, 30), (1_000, 20), (1_001, 50)]), venue("B", [(991, 40)])

    assert sent(route(SEEK, view(a, b))) == {Send("A", 50, 1_000, IOC), Send("B", 40, 1_000, IOC)}


def test_seek_takes_no_more_than_it_wants_the_cheapest_first() -> None:
    a, b = venue("A", [(995, 80)]), venue("B", [(990, 70)])

    assert route(SEEK, view(a, b)).send == (Send("B", 70, 1_000, IOC), Send("A", 30, 1_000, IOC))


def test_seek_begins_where_it_costs_least_with_the_fee() -> None:
    a, b = venue("A", [(990, 100)], taker_fee=Decimal("0.01")), venue("B", [(991, 100)], taker_fee=Decimal(0))

    assert route(SEEK, view(a, b)).send == (Send("B", 100, 1_000, IOC),)


def patient(*venues: VenueView, **changes: Any) -> View:
    return view(*venues, began_at_ns=NOW - SECOND, **changes)


def test_improve_rests_a_step_better_than_the_best_while_it_is_patient() -> None:
    a, b = venue("A", [(990, 100)], [(970, 10)]), venue("B", [(985, 100)], [(975, 10)])

    assert sent(route(IMPROVE, patient(a, b))) == {Send("B", 100, 976, GTC, post_only=True)}


def test_improve_joins_the_best_where_there_is_no_room() -> None:
    assert sent(route(IMPROVE, patient(venue("A", [(976, 100)], [(975, 10)])))) == {
        Send("A", 100, 975, GTC, post_only=True)
    }


def test_improve_follows_the_market_once_in_a_second() -> None:
    a = venue("A", [(990, 100)], [(980, 10)])
    old, young = resting(ONE, "A", 976), resting(ONE, "A", 976, sent_at_ns=NOW - SECOND // 2)

    assert route(IMPROVE, patient(a, children=[old], unsent_lots=0)).cancel == (ONE,)
    assert route(IMPROVE, patient(a, children=[young], unsent_lots=0)).cancel == ()


def test_improve_does_not_outbid_itself() -> None:
    a = venue("A", [(990, 100)], [(976, 100), (975, 10)])

    moves = route(IMPROVE, patient(a, children=[resting(ONE, "A", 976)], unsent_lots=0))

    assert (moves.send, moves.cancel) == ((), ())


def test_improve_takes_when_its_patience_is_over() -> None:
    a = venue("A", [(990, 100)], [(970, 10)])
    over = view(a, began_at_ns=NOW - 5 * SECOND, children=[resting(ONE, "A", 971)], unsent_lots=0)

    assert route(IMPROVE, over).cancel == (ONE,)
    assert sent(route(IMPROVE, view(a, began_at_ns=NOW - 5 * SECOND))) == {Send("A", 100, 990, IOC)}


def test_improve_comes_back_when_its_patience_ends() -> None:
    moves = route(IMPROVE, patient(venue("A", [(990, 100)], [(970, 10)])))

    assert moves.look_at_ns == NOW - SECOND + 5 * SECOND


def test_least_cost_rests_where_that_is_cheaper_and_takes_where_it_is_not() -> None:
    dear, cheap = Decimal("0.05"), Decimal(0)
    spread = {"asks": [(990, 100)], "bids": [(980, 10)]}

    assert sent(route(LEAST_COST, patient(venue("A", **spread)))) == {Send("A", 100, 980, GTC, post_only=True)}
    assert sent(route(LEAST_COST, patient(venue("A", **spread, maker_fee=dear, taker_fee=cheap)))) == {
        Send("A", 100, 990, IOC)
    }


def test_least_cost_compares_with_what_it_could_take_now() -> None:
    here = venue("A", [(990, 100)], [(980, 10)])
    left_out = venue("B", [(970, 100)])
    refused = {"B": Refused("VENUE_BUSY", NOW, 1)}

    assert sent(route(LEAST_COST, patient(here, left_out, refused=refused))) == {
        Send("A", 100, 980, GTC, post_only=True)
    }


def test_least_cost_does_not_change_its_mind_twice_in_a_second() -> None:
    here = venue("A", [(981, 100)], [(980, 10)], maker_fee=Decimal("0.05"))
    young = resting(ONE, "A", 980, sent_at_ns=NOW - SECOND // 4)

    assert route(LEAST_COST, patient(here, children=[young], unsent_lots=0)) == Moves(look_at_ns=NOW + SECOND * 3 // 4)


# Whatever the books --------------------------------------------------------------------------------------------------

levels = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 60)), max_size=6)


@st.composite
def books(draw: st.DrawFn, side: Side) -> list[VenueView]:
    found = []
    for name in draw(st.sampled_from(["", "A", "AB", "ABC"])):
        opposite, own, ticks = [], [], 900
        for step, lots in draw(levels):
            ticks += step
            opposite.append((ticks if side is Side.BUY else 1_900 - ticks, lots))
        for step, lots in draw(levels)[:2]:
            own.append((900 - step if side is Side.BUY else 1_000 + step, lots))
        fees = {each: Decimal(draw(st.integers(0, 3))) / 1000 for each in ("taker_fee", "maker_fee")}
        steps = {
            "lot_step": draw(st.sampled_from([1, 1, 5])),
            "tick_step": draw(st.sampled_from([1, 1, 2])),
            "lots_min": draw(st.sampled_from([1, 1, 10])),
        }
        own.sort(reverse=side is Side.BUY)
        found.append(venue(name, opposite, own, **fees, **steps))
    return found


@given(data=st.data(), side=st.sampled_from(Side), execution=st.sampled_from([BEST, IMPROVE, SEEK, LEAST_COST]))
@settings(max_examples=400)
def test_whatever_is_sent_is_within_the_order_and_takes_the_venue_s_steps(
    data: st.DataObject, side: Side, execution: Route
) -> None:
    venues = data.draw(books(side))
    limit = data.draw(st.integers(880, 1_020))
    asked = view(
        *venues,
        side=side,
        limit_ticks=limit,
        low_ticks=1 if side is Side.BUY else limit,
        high_ticks=limit if side is Side.BUY else 5_000,
        unsent_lots=data.draw(st.integers(0, 100)),
        began_at_ns=NOW - data.draw(st.integers(0, 10)) * SECOND,
        post_only=data.draw(st.booleans()),
    )

    moves = route(execution, asked)

    by_name = {each.venue: each for each in venues}
    assert sum(each.lots for each in moves.send) <= asked.unsent_lots
    for each in moves.send:
        at = by_name[each.venue]
        assert each.lots > 0
        assert each.lots % at.lot_step == 0
        assert each.lots >= at.lots_min
        assert side.sign * (each.limit_ticks - limit) <= 0
        assert not (asked.post_only and not each.post_only)
        if asked.post_only and at.opposite:
            assert side.sign * (each.limit_ticks - at.opposite[0][0]) < 0
        if each.time_in_force is GTC:
            assert each.limit_ticks % at.tick_step == 0


@given(data=st.data(), side=st.sampled_from(Side), lots=st.integers(1, 200))
@settings(max_examples=300)
def test_no_other_split_costs_less(data: st.DataObject, side: Side, lots: int) -> None:
    """Against every unit of every level, sorted by what it costs."""
    venues = data.draw(books(side))
    limit = data.draw(st.integers(880, 1_020))

    takes = cheapest(side, lots, limit, venues)

    units = sorted(
        all_in(side, ticks, each.taker_fee)
        for each in venues
        for ticks, offered in each.opposite
        if side.sign * (ticks - limit) <= 0
        for _ in range(offered)
    )[:lots]
    cost = 0
    for take in takes:
        left = take.lots
        for ticks, offered in take.view.opposite:
            took = min(left, offered)
            cost += took * all_in(side, ticks, take.view.taker_fee)
            left -= took
            if took:
                assert side.sign * (ticks - take.worst_ticks) <= 0
        assert left == 0
    assert sum(take.lots for take in takes) == len(units)
    assert cost == sum(units)


@pytest.mark.parametrize(("lots", "told"), [(10, (9_900, 10)), (50, (49_540, 50)), (500, (99_240, 100))])
def test_the_average_cost_is_over_all_books_and_says_how_far_they_reach(lots: int, told: tuple[int, int]) -> None:
    a, b = venue("A", [(990, 30), (994, 50)]), venue("B", [(992, 20)], taker_fee=Decimal("0.5"))

    assert average_cost(Side.BUY, lots, [a, b]) == told


@pytest.mark.parametrize(
    ("side", "bids_or_asks"), [(Side.BUY, [(990, 30), (995, 50)]), (Side.SELL, [(995, 30), (990, 50)])]
)
def test_a_seller_s_limit_is_the_least_that_it_takes(side: Side, bids_or_asks: list[tuple[int, int]]) -> None:
    bounds = {"low_ticks": 1, "high_ticks": 5_000, "limit_ticks": 993, "time_in_force": IOC}

    moves = route(BEST, view(venue("A", bids_or_asks), side=side, **bounds))

    assert [each.lots for each in moves.send] == [30]
