"""Types 9 to 16: windows and counts. Their boundaries are in limit_boundaries.py."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.exposure import Activity, Scope, Standing
from breakwater.domain.orders import Side
from tests.unit.domain.limit_orders import NOW, activity_of, exposure_of, market_of, order_for, refusals, scope_of

COUNTS = ["new_count", "replace_count", "cancel_count"]


def rate_of_one(*activity: Activity, instrument: str = "*") -> Scope:
    """Refuses as soon as one message lies in the window of a minute."""
    return scope_of("MESSAGE_RATE", "1", instrument=instrument, activity=activity, window_s=60)


@pytest.mark.parametrize(
    ("at", "second", "counts"),
    [
        ("12:00:00", "11:59:00", True),  # Exactly as old as the window is long.
        ("12:00:00", "11:58:59", False),
        ("12:00:00.5", "11:59:00", True),  # What is in that second may be from its end.
        ("12:00:00.5", "11:58:59", False),
        ("12:00:00.999999", "11:59:00", True),
        ("12:00:01", "11:59:00", False),
    ],
)
def test_a_window_is_counted_in_whole_seconds(at: str, second: str, counts: bool) -> None:
    now, then = (datetime.fromisoformat(f"2026-03-02T{time}").replace(tzinfo=UTC) for time in (at, second))
    scope = rate_of_one(activity_of(then, new_count=1))
    assert bool(refusals(scope, order_for(scope, at=now))) is counts


@given(age_us=st.integers(0, 63_000_000), offset_us=st.integers(0, 999_999))
def test_a_window_is_never_shorter_than_it_says_and_at_most_a_second_longer(age_us: int, offset_us: int) -> None:
    now = NOW + timedelta(microseconds=offset_us)
    then = now - timedelta(microseconds=age_us)
    scope = rate_of_one(activity_of(then.replace(microsecond=0), new_count=1))
    counts = bool(refusals(scope, order_for(scope, at=now)))
    if age_us <= 60_000_000:
        assert counts
    if age_us > 61_000_000:
        assert not counts


@pytest.mark.parametrize("count", COUNTS)
def test_new_orders_replaces_and_cancels_are_messages(count: str) -> None:
    counts: dict[str, Any] = {count: 1}
    scope = rate_of_one(activity_of(**counts))
    assert len(refusals(scope, order_for(scope))) == 1


def test_fills_are_no_messages() -> None:
    scope = rate_of_one(activity_of(fill_count=9, automated_fill_count=9))
    assert refusals(scope, order_for(scope)) == []


@pytest.mark.parametrize(
    ("instrument", "counts"),
    [("*", True), ("ETH/USDT", True), ("BTC/USDT", False), ("venue:BOOK", True), ("venue:SIM", False)],
)
def test_a_window_holds_what_the_filter_of_its_limit_matches(instrument: str, counts: bool) -> None:
    scope = rate_of_one(activity_of(new_count=1, venue="BOOK"), instrument=instrument)
    # The order itself is matched by all of the filters but the one of the other symbol.
    order = order_for(scope, venue="SIM" if instrument == "venue:SIM" else "BOOK")
    assert bool(refusals(scope, order)) is counts


def test_a_second_limit_with_a_longer_window_looks_further_back() -> None:
    past = activity_of(NOW - timedelta(seconds=90), new_count=5)
    short, long = (scope_of("MESSAGE_RATE", "5", activity=[past], window_s=window_s) for window_s in (60, 90))
    assert refusals(short, order_for(short)) == []
    assert len(refusals(long, order_for(long))) == 1


def test_the_first_order_of_its_terms_is_no_duplicate() -> None:
    scope = scope_of("DUPLICATE_ORDER", window_s=60)
    assert refusals(scope, order_for(scope)) == []
    (refusal,) = refusals(scope, order_for(scope, same_terms_at=NOW))
    assert refusal.verdict.largest_passing_quantity == 0


def test_only_fills_of_automated_orders_are_repeated_executions() -> None:
    scope = scope_of("REPEAT_EXECUTION", "1", activity=[activity_of(fill_count=5)], window_s=60)
    assert refusals(scope, order_for(scope)) == []


@pytest.mark.parametrize(("rearmed", "passes"), [(None, False), (-1, False), (0, True), (1, True)])
def test_a_rearm_begins_the_window_of_fills_anew(rearmed: int | None, passes: bool) -> None:
    fills = [activity_of(NOW - timedelta(seconds=10), automated_fill_count=3)]
    at = None if rearmed is None else NOW + timedelta(seconds=rearmed - 10)
    scope = scope_of("REPEAT_EXECUTION", "3", activity=fills, standing=Standing(rearmed_at=at), window_s=60)
    assert (refusals(scope, order_for(scope)) == []) is passes


def test_a_ratio_says_nothing_until_there_were_enough_messages() -> None:
    for messages, passes in ((99, True), (100, False)):
        scope = scope_of("ORDER_TO_TRADE", "4", activity=[activity_of(new_count=messages)], window_s=60)
        assert (refusals(scope, order_for(scope)) == []) is passes


def test_a_ratio_is_compared_as_a_product_so_that_nothing_is_rounded() -> None:
    for messages, passes in ((10, True), (11, False)):  # 3.67 messages for each of three fills are eleven.
        activity = [activity_of(new_count=messages, fill_count=3)]
        scope = scope_of("ORDER_TO_TRADE", "3.67", activity=activity, window_s=60, messages_min="1")
        assert (refusals(scope, order_for(scope)) == []) is passes


@pytest.mark.parametrize(
    ("value", "currency", "passes"),
    [("6000", "USDT", True), ("5999.99", "USDT", False), ("4800", "EUR", True), ("4799.99", "EUR", False)],
)
def test_the_volume_of_a_window_is_what_traded_is_open_and_may_come(value: str, currency: str, passes: bool) -> None:
    scope = scope_of(
        "WINDOW_VOLUME",
        value,
        activity=[activity_of(traded_notional=Decimal(3000))],
        exposures=[exposure_of(open_notional=Decimal(1000))],
        setting={"currency": currency},
        window_s=60,
    )
    assert (refusals(scope, order_for(scope)) == []) is passes


def test_a_window_of_volume_without_a_rate_refuses_and_names_it() -> None:
    activity = [activity_of(symbol="BTC/JPY", traded_notional=Decimal(1))]
    scope = scope_of("WINDOW_VOLUME", "1000000", activity=activity, window_s=60)
    (refusal,) = refusals(scope, order_for(scope, market=market_of()))
    assert refusal.verdict.missing == "a rate from JPY to USDT"


def test_a_spent_window_of_volume_lets_a_position_be_closed_and_no_more() -> None:
    scope = scope_of(
        "WINDOW_VOLUME",
        "100",
        activity=[activity_of(traded_notional=Decimal(100))],
        exposures=[exposure_of(filled_qty=Decimal(5), open_sell_qty=Decimal(2))],
        window_s=60,
    )
    assert refusals(scope, order_for(scope, Side.SELL, "3")) == []
    (refusal,) = refusals(scope, order_for(scope, Side.SELL, "3.0001"))
    assert refusal.verdict.largest_passing_quantity == 3


def test_open_orders_are_counted_over_the_symbols_the_limit_matches() -> None:
    held = [exposure_of(open_order_count=2), exposure_of("BTC/USDT", open_order_count=3)]
    for instrument, value, passes in (
        ("*", "6", True),
        ("*", "5", False),
        ("ETH/USDT", "3", True),
        ("ETH/USDT", "2", False),
        ("class:SPOT", "5", False),
        ("venue:SIM", "5", False),
    ):
        scope = scope_of("OPEN_ORDER_COUNT", value, instrument=instrument, exposures=held)
        assert (refusals(scope, order_for(scope)) == []) is passes


def test_orders_of_a_day_that_is_over_do_not_count() -> None:
    held = [
        exposure_of(day=date(2026, 3, 1), session_order_count=9),
        exposure_of("BTC/USDT", session_order_count=1),
        # The node's calendar was changed, and its day begins later now: what was counted still counts.
        exposure_of(day=date(2026, 3, 3), venue="BOOK", session_order_count=1),
    ]
    for value, passes in (("3", True), ("2", False)):
        scope = scope_of("DAILY_ORDER_COUNT", value, exposures=held)
        assert (refusals(scope, order_for(scope)) == []) is passes


@pytest.mark.parametrize(
    ("limit_type", "value", "words"),
    [
        ("MESSAGE_RATE", "1", {"activity": [activity_of(new_count=1)], "window_s": 60}),
        ("REPEAT_EXECUTION", "1", {"activity": [activity_of(automated_fill_count=1)], "window_s": 60}),
        ("REJECT_STREAK", "1", {"standing": Standing(reject_streak=1)}),
        ("ORDER_TO_TRADE", "1", {"messages_min": "0", "window_s": 60}),
        ("OPEN_ORDER_COUNT", "0", {}),
        ("DAILY_ORDER_COUNT", "0", {}),
    ],
)
def test_an_order_that_only_reduces_meets_the_limits_on_conduct(
    limit_type: str, value: str, words: dict[str, Any]
) -> None:
    scope = scope_of(limit_type, value, exposures=[exposure_of(filled_qty=Decimal(5))], **words)
    order = order_for(scope, Side.SELL, "1")
    assert order.only_reduces
    assert [finding.limit.limit_type for finding in refusals(scope, order)] == [limit_type]
