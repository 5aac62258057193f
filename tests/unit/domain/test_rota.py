"""Exactly one person is on call at every instant: no gap, no overlap, and overrides win. Whatever clocks do."""

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breakwater.domain.rota import Override, Rota, shift_at, shifts

ANNA, BEN, CLEO = (uuid.UUID(int=number) for number in (1, 2, 3))
EVERYBODY = {ANNA, BEN, CLEO}
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"),
    *("America/Sao_Paulo", "Africa/Casablanca"),
)
A_YEAR_S = 366 * 86_400
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

instants = st.integers(-A_YEAR_S, 2 * A_YEAR_S).map(lambda seconds: BEGINNING + timedelta(seconds=seconds))
rotas = st.builds(
    Rota,
    people=st.lists(st.sampled_from(sorted(EVERYBODY)), min_size=1, max_size=3, unique=True).map(tuple),
    starts_on=st.dates(date(2009, 1, 1), date(2027, 12, 31)),
    handover_at=st.times().map(lambda at: at.replace(microsecond=0)),
    time_zone=st.sampled_from(ZONES),
    turn_days=st.integers(1, 28),
)


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    starts_at = draw(instants)
    lasts = timedelta(seconds=draw(st.integers(1, 90 * 86_400)))
    made_at = BEGINNING + timedelta(seconds=draw(st.integers(0, 1000)))
    return Override(draw(st.sampled_from(sorted(EVERYBODY))), starts_at, starts_at + lasts, made_at)


def weekly(zone: str = "Europe/Berlin", at: time = time(9), days: int = 7, on: date = date(2026, 1, 5)) -> Rota:
    return Rota((ANNA, BEN, CLEO), on, at, zone, days)


def who(rota: Rota, at: datetime, over: Sequence[Override] = (), available: set[uuid.UUID] = EVERYBODY) -> object:
    return shift_at(rota, over, available, at).user_id


@given(rotas, instants)
@example(Rota((ANNA, BEN), date(2011, 12, 29), time(9), "Pacific/Apia", 1), datetime(2011, 12, 30, 19, tzinfo=UTC))
def test_every_instant_lies_in_the_turn_that_began_last(rota: Rota, at: datetime) -> None:
    number = rota.turn_at(at)
    assert rota.handover(number) <= at < rota.handover(number + 1)


@given(rotas, st.lists(overrides(), max_size=4), st.sets(st.sampled_from(sorted(EVERYBODY))), instants)
def test_each_shift_begins_where_the_one_before_it_ends_and_nothing_changes_within(
    rota: Rota, over: list[Override], available: set[uuid.UUID], at: datetime
) -> None:
    coming = list(islice(shifts(rota, over, available, at), 6))
    assert coming[0].starts_at <= at < coming[0].ends_at
    for before, after in pairwise(coming):
        assert before.ends_at == after.starts_at
    for shift in coming:
        middle = shift.starts_at + (shift.ends_at - shift.starts_at) / 2
        for instant in (shift.starts_at, middle, shift.ends_at - timedelta(microseconds=1)):
            assert shift_at(rota, over, available, instant) == shift


@given(rotas, st.lists(overrides(), max_size=4), st.sets(st.sampled_from(sorted(EVERYBODY))), instants)
def test_an_override_wins_and_else_whose_turn_it_is_or_the_next_who_is_there(
    rota: Rota, over: list[Override], available: set[uuid.UUID], at: datetime
) -> None:
    shift = shift_at(rota, over, available, at)
    holding = [each for each in over if each.starts_at <= at < each.ends_at and each.user_id in available]
    there = [person for person in rota.people if person in available]
    assert shift.is_override == bool(holding)
    if holding:
        latest = max(each.made_at for each in holding)
        assert shift.user_id in {each.user_id for each in holding if each.made_at == latest}
    elif there:
        assert shift.user_id in there
        assert shift.turn_of not in available or shift.user_id == shift.turn_of
    else:
        assert shift.user_id is None


def test_people_take_turns_in_their_order_and_begin_again() -> None:
    nine = datetime(2026, 1, 5, 8, tzinfo=UTC)  # Monday, 09:00 in Berlin.
    assert who(weekly(), nine - timedelta(microseconds=1)) == CLEO  # There is no beginning.
    told = [who(weekly(), nine + timedelta(weeks=week)) for week in range(4)]
    assert told == [ANNA, BEN, CLEO, ANNA]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25), (date(2026, 6, 1), 24)],
    ids=["clocks go forward", "clocks go back", "an ordinary day"],
)
def test_a_turn_of_a_day_is_as_long_as_the_day_is_there(day: date, hours: int) -> None:
    rota = weekly(days=1, on=date(2026, 1, 1))
    nine = datetime.combine(day, time(9), ZoneInfo("Europe/Berlin"))
    shift = shift_at(rota, [], EVERYBODY, nine)
    assert shift.starts_at == nine
    assert shift.ends_at - shift.starts_at == timedelta(hours=hours)
    assert shift.ends_at.astimezone(ZoneInfo("Europe/Berlin")).time() == time(9)


def test_a_handover_at_a_time_that_clocks_skip_comes_as_much_later() -> None:
    rota = weekly(at=time(2, 30), days=1, on=date(2026, 1, 1))
    number = (date(2026, 3, 29) - date(2026, 1, 1)).days
    at = rota.handover(number)
    assert at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert at.astimezone(ZoneInfo("Europe/Berlin")).time() == time(3, 30)
    assert who(rota, at) != who(rota, at - timedelta(microseconds=1))
    assert rota.handover(number + 1) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)  # 02:30 again.


def test_a_handover_at_a_time_that_comes_twice_is_the_first_of_them() -> None:
    rota = weekly(at=time(2, 30), days=1, on=date(2026, 1, 1))
    number = (date(2026, 10, 25) - date(2026, 1, 1)).days
    assert rota.handover(number) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # And not at 01:30, which is 02:30 again.
    assert rota.turn_at(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == number


def test_where_a_whole_day_is_skipped_the_turn_of_that_day_is_nobodys() -> None:
    rota = Rota((ANNA, BEN, CLEO), date(2011, 12, 29), time(9), "Pacific/Apia", 1)
    assert rota.handover(1) == rota.handover(2)  # There was no 30 December 2011.
    told = [who(rota, rota.handover(0) + timedelta(hours=each)) for each in (0, 23, 24)]
    assert told == [ANNA, ANNA, CLEO]


def test_an_override_that_ends_gives_back_to_whose_turn_it_is_by_then() -> None:
    rota, handover = weekly(), datetime(2026, 1, 12, 8, tzinfo=UTC)  # From Anna to Ben.
    for_both = Override(CLEO, handover - timedelta(hours=1), handover + timedelta(hours=1), BEGINNING)
    coming = list(islice(shifts(rota, [for_both], EVERYBODY, handover - timedelta(hours=2)), 4))
    assert [shift.user_id for shift in coming] == [ANNA, CLEO, CLEO, BEN]
    assert [shift.is_override for shift in coming] == [False, True, True, False]


def test_who_is_gone_is_skipped_and_so_is_his_override() -> None:
    rota, at = weekly(), datetime(2026, 1, 6, tzinfo=UTC)
    shift = shift_at(rota, [Override(ANNA, at, at + timedelta(days=1), at)], {BEN, CLEO}, at)
    assert (shift.user_id, shift.turn_of, shift.is_override) == (BEN, ANNA, False)
    assert who(rota, at, available={CLEO}) == CLEO
    assert who(rota, at, available=set()) is None
