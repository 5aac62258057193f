"""Stops, take profits, trailing stops and OCO: when they go, what they send, and what they must not forget."""

import uuid
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.executions import Oco, Stop, TakeProfit, TrailingStop
from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.routing.exits import Kept, oco, stop, stop_ticks_of, take_profit, trailing_stop
from fargate_engine.routing.moves import Algorithm, Entry, Moves, Refused, Send, VenueView
from tests.unit.fargate_engine.routing.views import BEGAN_NS, SECOND_NS, at_s, child, ended, sent, trades, venue, view

BUY, SELL = Side.BUY, Side.SELL
IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
ENTRY = uuid.UUID(int=7)
BOOK: dict[str, Any] = {"opposite": ((95, 1_000),), "own": ((97, 1_000),)}


def stop_at(ticks: int, **changes: Any) -> Stop:
    return Stop(algorithm="STOP", stop_px=Decimal(ticks), **changes)


def profit_at(ticks: int, **changes: Any) -> TakeProfit:
    return TakeProfit(algorithm="TAKE_PROFIT", stop_px=Decimal(ticks), **changes)


def trailing(**changes: Any) -> TrailingStop:
    amounts: dict[str, Any] = {name: Decimal(each) if isinstance(each, int) else each for name, each in changes.items()}
    return TrailingStop(algorithm="TRAILING_STOP", **amounts)


def oco_at(ticks: int, limit: int | None = None, **changes: Any) -> Oco:
    limit_px = None if limit is None else Decimal(limit)
    return Oco(algorithm="OCO", stop_px=Decimal(ticks), stop_limit_px=limit_px, **changes)


def traded(*prices: int, **changes: Any) -> tuple[VenueView, ...]:
    return (venue(trades=trades(*prices), **changes),)


# Stop and take profit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "goes"),
    [(SELL, 91, False), (SELL, 90, True), (SELL, 89, True), (BUY, 89, False), (BUY, 90, True), (BUY, 91, True)],
)
def test_a_stop_goes_when_a_trade_reaches_it_against_the_order(side: Side, price: int, goes: bool) -> None:
    moves = stop(stop_at(90), view(side=side, is_market=True, venues=traded(price, **BOOK)))

    assert (moves.note is not None, bool(moves.send)) == (goes, goes)


@pytest.mark.parametrize(
    ("side", "price", "goes"),
    [(SELL, 109, False), (SELL, 110, True), (SELL, 111, True), (BUY, 111, False), (BUY, 110, True), (BUY, 109, True)],
)
def test_a_take_profit_goes_when_a_trade_reaches_it_in_favour_of_the_order(side: Side, price: int, goes: bool) -> None:
    moves = take_profit(profit_at(110), view(side=side, is_market=True, venues=traded(price, **BOOK)))

    assert (moves.note is not None, bool(moves.send)) == (goes, goes)


def test_one_trade_that_reached_it_is_enough_when_the_price_is_back() -> None:
    assert stop(stop_at(90), view(is_market=True, venues=traded(100, 90, 100, **BOOK))).send


def test_a_trade_at_any_of_its_venues_reaches_it() -> None:
    venues = (venue("A", **BOOK), venue("B", trades=trades(100, 90)))
    assert stop(stop_at(90), view(is_market=True, venues=venues)).send


@pytest.mark.parametrize("since_s", [-10, -0.001])
def test_trades_from_before_it_began_do_not_reach_it(since_s: float) -> None:
    before = (venue(trades=trades(90, since_s=since_s), **BOOK),)
    assert stop(stop_at(90), view(is_market=True, venues=before)) == Moves()


@pytest.mark.parametrize(
    ("side", "best", "goes"), [(SELL, 91, False), (SELL, 90, True), (BUY, 89, False), (BUY, 90, True)]
)
def test_by_the_best_price_it_goes_when_the_best_of_all_venues_is_there(side: Side, best: int, goes: bool) -> None:
    worse = best + side.sign * 5
    venues = (venue("A", opposite=((worse, 5),)), venue("B", opposite=((best, 5),), trades=trades(1, 999)))

    moves = stop(stop_at(90, trigger_by="BEST"), view(side=side, is_market=True, venues=venues))

    assert bool(moves.send) is goes


def test_by_the_best_price_a_market_that_shows_nothing_reaches_nothing() -> None:
    assert stop(stop_at(90, trigger_by="BEST"), view(is_market=True, venues=traded(1))) == Moves()


def test_what_was_triggered_stays_so_when_the_price_is_back_and_nobody_remembers_the_trade() -> None:
    triggered = stop(stop_at(90), view(is_market=True, venues=traded(90)))
    assert triggered.note is not None

    after_a_restart = view(is_market=True, note=triggered.note, now_s=3, venues=traded(120, **BOOK))

    assert sent(stop(stop_at(90), after_a_restart)) == [("A", 100, 95, IOC)]


def test_it_notes_once_that_it_was_triggered_and_what_it_found_a_few_times_in_a_second() -> None:
    triggered = stop(stop_at(90), view(is_market=True, now_s=2, venues=traded(90, **BOOK)))
    assert triggered.note is not None

    def again(seconds: float) -> Moves:
        return stop(stop_at(90), view(is_market=True, now_s=seconds, note=triggered.note, venues=(venue(**BOOK),)))

    assert again(2.2).note is None
    assert again(2.25).note is not None


def test_a_market_order_takes_within_its_band_only() -> None:
    shown = (venue(opposite=((95, 30), (94, 30), (80, 30)), trades=trades(90)),)
    moves = stop(stop_at(90), view(is_market=True, limit_ticks=94, venues=shown))
    assert sent(moves) == [("A", 60, 94, IOC)]


def test_nothing_is_sent_where_the_best_price_lies_beyond_the_good_edge_of_the_band() -> None:
    shown = (venue(opposite=((150, 30),), trades=trades(90)),)
    assert stop(stop_at(90), view(is_market=True, limit_ticks=50, high_ticks=120, venues=shown)).send == ()


def test_a_limit_order_takes_down_to_its_price_and_rests_with_the_rest() -> None:
    shown = (venue(opposite=((95, 30), (80, 30)), trades=trades(90)),)
    takes = stop(stop_at(90), view(limit_ticks=88, venues=shown))
    assert (sent(takes), takes.note is not None) == ([("A", 30, 95, IOC)], True)

    taken = view(limit_ticks=88, cum_lots=30, note=takes.note, venues=(venue(opposite=((80, 30),)),))
    rests = stop(stop_at(90), taken)
    assert (sent(rests), rests.note) == ([("A", 70, 88, GTC)], None)


def test_a_market_order_that_finds_nothing_for_a_minute_ends() -> None:
    triggered = stop(stop_at(90), view(is_market=True, now_s=2, venues=traded(90)))
    assert (triggered.send, triggered.ends) == ((), None)
    assert triggered.look_at_ns is not None

    def later(seconds: float) -> str | None:
        return ended(stop(stop_at(90), view(is_market=True, now_s=seconds, note=triggered.note)))

    assert (later(61.9), later(62)) == (None, "NO_LIQUIDITY")


def test_the_minute_counts_from_what_it_found_last() -> None:
    triggered = stop(stop_at(90), view(is_market=True, now_s=2, venues=traded(90)))
    found = stop(stop_at(90), view(is_market=True, now_s=50, note=triggered.note, venues=(venue(**BOOK),)))
    assert found.send

    def later(seconds: float) -> str | None:
        note = found.note or triggered.note
        return ended(stop(stop_at(90), view(is_market=True, cum_lots=10, now_s=seconds, note=note)))

    assert (later(109), later(110)) == (None, "NO_LIQUIDITY")


def test_an_order_too_small_for_every_venue_ends_when_it_is_triggered() -> None:
    moves = stop(stop_at(90), view(is_market=True, venues=traded(90, lots_min=101, **BOOK)))
    assert ended(moves) == "REMAINDER_TOO_SMALL"


def test_what_is_too_little_at_the_far_edge_of_the_band_only_waits_for_the_book() -> None:
    # 100 lots make 100 at the edge, and 9,500 where the market is.
    assert stop(stop_at(90), view(is_market=True, venues=traded(90, notional_min_steps=5_000))).ends is None


# Trailing stop -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "prices", "goes"),
    [
        (SELL, (100, 91), False),
        (SELL, (100, 90), True),
        (SELL, (100, 110, 101), False),
        (SELL, (100, 110, 100), True),
        (SELL, (100, 110, 100, 110), True),
        (BUY, (100, 109), False),
        (BUY, (100, 110), True),
        (BUY, (100, 90, 99), False),
        (BUY, (100, 90, 100), True),
    ],
)
def test_it_stops_an_offset_behind_the_best_price_since_it_began(
    side: Side, prices: tuple[int, ...], goes: bool
) -> None:
    moves = trailing_stop(trailing(offset=10), view(side=side, is_market=True, venues=traded(*prices, **BOOK)))
    assert bool(moves.send) is goes


@pytest.mark.parametrize(
    ("side", "peak", "stops"), [(SELL, 101, 97), (SELL, 100, 97), (BUY, 101, 105), (BUY, 100, 103)]
)
def test_a_percent_is_rounded_away_from_the_market(side: Side, peak: int, stops: int) -> None:
    # 3 % of 101 is 3.03: a sale stops at 97.97, so at 97, and a purchase at 104.03, so at 105.
    assert stop_ticks_of(trailing(percent=3), view(side=side), peak) == stops


@pytest.mark.parametrize(
    ("peak", "stops"), [(100, 90), (115, 105), (119, 109), (120, 110), (130, 120), (139, 129), (140, 132), (160, 150)]
)
def test_profit_is_locked_in_steps_as_the_example_says(peak: int, stops: int) -> None:
    execution = trailing(offset=10, entry_px=100, target_px=140)
    assert stop_ticks_of(execution, view(side=SELL), peak) == stops


@pytest.mark.parametrize(("peak", "stops"), [(119, 79), (120, 110), (139, 119), (140, 132), (161, 148)])
def test_a_lock_closer_than_the_offset_holds_for_a_sale(peak: int, stops: int) -> None:
    assert stop_ticks_of(trailing(offset=40, entry_px=100, target_px=140), view(side=SELL), peak) == stops


@pytest.mark.parametrize(("peak", "stops"), [(81, 121), (80, 90), (61, 81), (60, 68), (39, 52)])
def test_a_lock_closer_than_the_offset_holds_for_a_purchase(peak: int, stops: int) -> None:
    assert stop_ticks_of(trailing(offset=40, entry_px=100, target_px=60), view(side=BUY), peak) == stops


def test_prices_are_told_in_the_ticks_of_the_instrument() -> None:
    seen = view(side=SELL, tick_size=Decimal("0.01"))
    assert stop_ticks_of(trailing(offset=Decimal("0.10")), seen, 2_000) == 1_990


@given(
    side=st.sampled_from(Side),
    one=st.integers(1, 1_000),
    other=st.integers(1, 1_000),
    execution=st.sampled_from([trailing(offset=10), trailing(percent=Decimal("2.5")), trailing(percent=Decimal(99))]),
    to_target=st.none() | st.integers(1, 400),
)
def test_a_better_peak_never_loosens_the_stop(
    side: Side, one: int, other: int, execution: TrailingStop, to_target: int | None
) -> None:
    if to_target is not None:
        way = {"entry_px": Decimal(500), "target_px": Decimal(500 - side.sign * to_target)}
        execution = execution.model_copy(update=way)
    worse, better = sorted((one, other), key=lambda each: -side.sign * each)
    stops = [side.sign * stop_ticks_of(execution, view(side=side), peak) for peak in (worse, better)]
    assert stops[1] <= stops[0]


class Path:
    """A trailing stop that is asked after each trade, and when it wants to be. The market remembers a second."""

    def __init__(self, side: Side) -> None:
        self.side, self.note, self.noted_ns, self.now_ms = side, "", 0, 1_000
        self.told: list[tuple[int, int]] = []

    def trade(self, price: int, gap_ms: int) -> bool:
        """Whether it goes now."""
        self.now_ms += gap_ms
        self.told.append((self.now_ms, price))
        note = self._look()
        return note is not None and note.split()[2] != "0"

    def _look(self) -> str | None:
        seen = tuple(trades(price, since_s=ms / 1_000)[0] for ms, price in self.told if ms > self.now_ms - 1_000)
        now = view(
            side=self.side, is_market=True, now_s=self.now_ms / 1_000, note=self.note, venues=(venue(trades=seen),)
        )
        moves = trailing_stop(trailing(offset=10), now)
        if moves.note is not None:
            assert moves.note.split()[2] != "0" or now.now_ns - self.noted_ns >= SECOND_NS // 4
            self.note, self.noted_ns = moves.note, now.now_ns
        elif moves.look_at_ns is not None:
            assert moves.look_at_ns == self.noted_ns + SECOND_NS // 4
            self.now_ms = (moves.look_at_ns - BEGAN_NS) // 1_000_000
            return self._look()
        return moves.note


@given(
    side=st.sampled_from(Side),
    prices=st.lists(st.tuples(st.integers(60, 140), st.integers(1, 700)), min_size=1, max_size=40),
)
def test_over_any_path_it_stops_where_one_that_forgets_nothing_would(side: Side, prices: list[tuple[int, int]]) -> None:
    path, best = Path(side), prices[0][0]
    for price, gap_ms in prices:
        best = side.sign * min(side.sign * best, side.sign * price)
        is_reached = side.sign * (price - best) >= 10
        assert path.trade(price, gap_ms) is is_reached
        if is_reached:
            return


def test_a_peak_that_does_not_move_the_stop_is_not_noted() -> None:
    noted = trailing_stop(trailing(percent=10), view(now_s=2, venues=traded(100)))
    assert noted.note is not None
    assert trailing_stop(trailing(percent=10), view(now_s=9, note=noted.note, venues=traded(100, 99))) == Moves()


def test_after_a_restart_it_stops_where_its_note_says() -> None:
    noted = trailing_stop(trailing(offset=10), view(now_s=2, venues=traded(100, 150)))
    assert noted.note is not None

    restarted = view(is_market=True, now_s=9, note=noted.note, venues=(venue(trades=trades(140, since_s=8), **BOOK),))

    assert trailing_stop(trailing(offset=10), restarted).send


def test_by_the_best_price_it_trails_what_is_shown() -> None:
    execution = trailing(offset=10, trigger_by="BEST")
    noted = trailing_stop(execution, view(now_s=2, venues=(venue(opposite=((100, 5),)),)))
    higher = trailing_stop(execution, view(now_s=3, note=noted.note, venues=(venue(opposite=((120, 5),)),)))
    assert higher.note is not None

    def later(best: int) -> Moves:
        shown = (venue(opposite=((best, 5),)),)
        return trailing_stop(execution, view(is_market=True, now_s=4, note=higher.note, venues=shown))

    assert not later(111).send
    assert later(110).send


# One cancels the other ---------------------------------------------------------------------------------------------


def test_it_rests_at_its_price_where_that_costs_least() -> None:
    venues = (venue("A", maker_fee=Decimal("0.001")), venue("B"))
    assert oco(oco_at(90), view(limit_ticks=120, venues=venues)).send == (Send("B", 100, 120, GTC),)


def test_it_rests_where_the_quantity_is_enough() -> None:
    venues = (venue("A", maker_fee=Decimal("0.001")), venue("B", lots_min=500))
    assert sent(oco(oco_at(90), view(limit_ticks=120, venues=venues))) == [("A", 100, 120, GTC)]


def test_it_waits_for_a_venue_that_has_refused() -> None:
    seen = view(limit_ticks=120, now_s=2, refused={"A": Refused("FULL", at_s(1.5), 1)})
    assert oco(oco_at(90), seen) == Moves(look_at_ns=at_s(3.5))


def test_while_it_rests_it_sends_no_more() -> None:
    assert oco(oco_at(90), view(limit_ticks=120, children=(child(leaves_lots=100),), venues=traded(95))) == Moves()


def test_at_its_stop_it_first_cancels_what_rests() -> None:
    seen = view(limit_ticks=120, children=(child(1, leaves_lots=100),), venues=traded(90, **BOOK))
    moves = oco(oco_at(90), seen)
    assert (moves.cancel, moves.send) == ((uuid.UUID(int=1),), ())
    assert moves.note is not None


def test_the_stop_is_not_sent_while_the_other_half_may_still_fill() -> None:
    going = (child(1, leaves_lots=30, cum_lots=40, is_being_canceled=True),)
    seen = view(
        limit_ticks=120, low_ticks=50, cum_lots=40, children=going, note=triggered_oco(), venues=(venue(**BOOK),)
    )
    assert oco(oco_at(90), seen) == Moves()


def test_the_stop_sends_what_the_other_half_has_left() -> None:
    seen = view(limit_ticks=120, low_ticks=50, cum_lots=40, note=triggered_oco(), venues=traded(110, **BOOK))
    assert sent(oco(oco_at(90), seen)) == [("A", 60, 95, IOC)]


def test_the_stop_trades_no_worse_than_its_own_limit() -> None:
    shown = (venue(opposite=((95, 20), (93, 20), (92, 20))),)
    seen = view(limit_ticks=120, low_ticks=50, note=triggered_oco(), venues=shown)
    assert sent(oco(oco_at(90, limit=93), seen)) == [("A", 40, 93, IOC)]


def test_a_limit_of_the_stop_beyond_the_band_is_the_edge_of_the_band() -> None:
    shown = (venue(opposite=((95, 20), (45, 20))),)
    seen = view(limit_ticks=120, low_ticks=50, note=triggered_oco(), venues=shown)
    assert sent(oco(oco_at(90, limit=40), seen)) == [("A", 20, 95, IOC)]


def test_a_purchase_stops_above_and_rests_below() -> None:
    assert sent(oco(oco_at(110), view(side=BUY, limit_ticks=80))) == [("A", 100, 80, GTC)]

    shown = (venue(opposite=((111, 1_000),), trades=trades(110)),)
    reached = view(side=BUY, limit_ticks=80, high_ticks=200, venues=shown)
    assert sent(oco(oco_at(110), reached)) == [("A", 100, 111, IOC)]


def test_a_rest_that_no_venue_takes_either_way_ends() -> None:
    moves = oco(oco_at(90), view(limit_ticks=120, cum_lots=99, venues=(venue(lots_min=2),)))
    assert ended(moves) == "REMAINDER_TOO_SMALL"


def triggered_oco() -> str:
    seen = view(limit_ticks=120, children=(child(1, leaves_lots=100),), venues=traded(90))
    note = oco(oco_at(90), seen).note
    assert note is not None
    return note


# After an entry ----------------------------------------------------------------------------------------------------


def test_it_waits_for_its_entry_and_looks_again() -> None:
    moves = stop(stop_at(90, after=ENTRY), view(is_market=True, entry=Entry(0, False), venues=traded(90, **BOOK)))
    assert (moves.send, moves.ends, moves.note) == ((), None, None)
    assert moves.look_at_ns is not None


def test_it_ends_with_an_entry_that_never_filled() -> None:
    assert ended(stop(stop_at(90, after=ENTRY), view(entry=Entry(0, True)))) == "ENTRY_NOT_FILLED"


def test_it_ends_when_all_that_its_entry_filled_is_exited() -> None:
    assert ended(stop(stop_at(90, after=ENTRY), view(cum_lots=40, entry=Entry(40, True)))) == "EXITED"


@pytest.mark.parametrize(
    ("side", "exit_of"),
    [
        (SELL, partial(stop, stop_at(90, after=ENTRY))),
        (SELL, partial(take_profit, profit_at(140, after=ENTRY))),
        (SELL, partial(trailing_stop, trailing(offset=1, after=ENTRY))),
        (SELL, partial(oco, oco_at(90, after=ENTRY))),
        (BUY, partial(take_profit, profit_at(90, after=ENTRY))),
        (BUY, partial(trailing_stop, trailing(offset=1, after=ENTRY))),
    ],
)
def test_what_traded_before_its_entry_filled_does_not_trigger_it(side: Side, exit_of: Algorithm) -> None:
    shown: dict[str, Any] = {"is_market": True, "entry": Entry(10, False), "venues": traded(150, 80, 150, 80, **BOOK)}
    first = exit_of(view(side=side, now_s=5, **shown))
    assert first.note is not None

    second = exit_of(view(side=side, now_s=6, note=first.note, **shown))

    assert not any(each.time_in_force is IOC for each in (*first.send, *second.send))


def after_entry(filled: int, **changes: Any) -> Moves:
    """A stop that was triggered, of an entry that has filled so much."""
    execution, entry = stop_at(90, after=ENTRY), Entry(filled, False)
    begun = stop(execution, view(now_s=0.5, entry=entry))
    going = stop(execution, view(entry=entry, note=begun.note or "", is_market=True, venues=traded(90)))
    assert going.note is not None
    defaults: dict[str, Any] = {"entry": entry, "is_market": True, "venues": (venue(**BOOK),)}
    return stop(execution, view(note=going.note, **defaults | changes))


def test_it_sends_no_more_than_its_entry_has_filled() -> None:
    assert sent(after_entry(40)) == [("A", 40, 95, IOC)]


def test_it_grows_with_its_entry_less_what_it_did_and_does() -> None:
    under_way = (child(1, venue="B", leaves_lots=15, rests=False),)
    assert sent(after_entry(70, cum_lots=40, children=under_way)) == [("A", 15, 95, IOC)]


def test_it_leaves_what_other_exits_have_traded_and_have_under_way() -> None:
    assert sent(after_entry(40, entry=Entry(40, True, exited_lots=10, under_way_lots=5))) == [("A", 25, 95, IOC)]


def test_it_waits_while_another_exit_may_give_up_what_it_has_under_way() -> None:
    for more in ({}, {"is_market": False, "limit_ticks": 88}):
        moves = after_entry(40, entry=Entry(40, True, under_way_lots=40), now_s=100, **more)
        assert (moves.send, moves.ends) == ((), None)
        assert moves.look_at_ns is not None
    assert ended(after_entry(40, entry=Entry(40, True, exited_lots=40))) == "EXITED"


def test_it_waits_while_its_entry_may_fill_more() -> None:
    moves = after_entry(40, cum_lots=40, now_s=100)
    assert (moves.send, moves.ends) == ((), None)
    assert moves.look_at_ns is not None


def test_a_limit_order_after_an_entry_waits_with_what_is_too_small() -> None:
    few = (venue(lots_min=50),)
    assert after_entry(40, is_market=False, limit_ticks=88, venues=few).ends is None
    alone = after_entry(40, is_market=False, limit_ticks=88, venues=few, entry=Entry(40, True))
    assert ended(alone) == "REMAINDER_TOO_SMALL"


def test_an_oco_rests_with_more_when_its_entry_fills_more() -> None:
    begun = oco(oco_at(90, after=ENTRY), view(limit_ticks=120, now_s=0.5, entry=Entry(40, False)))
    resting = (child(1, leaves_lots=40),)
    seen = view(limit_ticks=120, entry=Entry(70, False), note=begun.note or "", children=resting)
    moves = oco(oco_at(90, after=ENTRY), seen)
    assert sent(moves) == [("A", 30, 120, GTC)]
    assert moves.look_at_ns is not None


def test_an_oco_that_stops_with_a_limit_waits_there_and_one_without_gives_up() -> None:
    """Nothing has been within reach for a minute since it was triggered."""
    note = Kept(triggered_ns=at_s(1), noted_ns=at_s(1), found_ns=at_s(1)).written()
    seen = view(limit_ticks=110, low_ticks=80, note=note, now_s=62, venues=(venue(opposite=((84, 500),)),))

    assert ended(oco(oco_at(90, limit=85), seen)) is None
    assert ended(oco(oco_at(90), replace(seen, venues=(venue(),)))) == "NO_LIQUIDITY"
