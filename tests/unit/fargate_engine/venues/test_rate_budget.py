"""The firm's share of a venue's rate limit: never more than the venue counts, and always something for cancels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargate_engine.venues.binance_spot import BinanceSpot
from fargate_engine.venues.bybit_spot import BybitSpot
from fargate_engine.venues.rate_budget import RETRY_AFTER_S, RateBudget, RateWord, Window

WEIGHT_MAX, WINDOW_S, KEPT = 60, 10.0, 6


def window() -> Window:
    return Window(weight_max=WEIGHT_MAX, window_s=WINDOW_S, kept_for_cancels=KEPT)


@given(
    st.lists(st.tuples(st.floats(0, 3, allow_nan=False), st.integers(1, 20), st.booleans()), min_size=1, max_size=200)
)
def test_no_stretch_of_a_windows_length_holds_more_than_the_limit(asked: list[tuple[float, int, bool]]) -> None:
    """Whoever waits as long as he is told has room then, and nobody waits longer than two windows."""
    counted, now = window(), 1_000.0
    taken: list[tuple[float, int]] = []
    for pause_s, weight, is_cancel in asked:
        now += pause_s
        wait_s = counted.wait_s(weight, now, is_cancel=is_cancel)
        assert 0 <= wait_s <= 2 * WINDOW_S
        now += wait_s
        assert counted.wait_s(weight, now, is_cancel=is_cancel) == 0
        counted.take(weight, now)
        taken.append((now, weight))
    for started, _ in taken:
        within = sum(weight for at, weight in taken if started <= at < started + WINDOW_S)
        assert within <= WEIGHT_MAX


def test_the_last_of_a_window_is_for_cancels_alone() -> None:
    counted = window()
    counted.take(WEIGHT_MAX - KEPT, 100.0)
    assert counted.wait_s(1, 100.0, is_cancel=False) > 0
    assert counted.wait_s(KEPT, 100.0, is_cancel=True) == 0
    with pytest.raises(ValueError, match="more than the 54"):
        counted.wait_s(WEIGHT_MAX, 100.0, is_cancel=False)


def test_what_the_venue_counts_beyond_ours_counts_here_too() -> None:
    counted = window()
    counted.take(5, 100.0)
    counted.learn(50, 100.0)
    assert counted.used(100.0) == 50
    counted.learn(20, 100.0)  # Older, or of another window.
    assert counted.used(100.0) == 50
    assert counted.used(100.0 + 2 * WINDOW_S) == 0


def test_a_clock_that_steps_back_frees_nothing() -> None:
    counted = window()
    counted.take(WEIGHT_MAX, 100.0)
    counted.take(0, 90.0)
    assert counted.wait_s(1, 95.0, is_cancel=True) > 0


def test_orders_have_a_window_of_their_own_and_cancels_do_not_count_there() -> None:
    budget = RateBudget(window(), Window(weight_max=2, window_s=10.0, kept_for_cancels=0))
    for _ in range(2):
        assert budget.wait_s(1, 100.0, is_order=True) == 0
        budget.take(1, 100.0, is_order=True)
    assert budget.wait_s(1, 100.0, is_order=True) > 0
    assert budget.wait_s(1, 100.0, is_cancel=True) == 0


def test_retry_after_holds_for_everything_and_a_shorter_word_does_not_shorten_it() -> None:
    budget = RateBudget(window(), window())
    budget.blocked(30.0, 100.0)
    budget.blocked(1.0, 101.0)
    assert budget.wait_s(1, 110.0, is_cancel=True) == 20.0
    assert budget.wait_s(1, 130.0) == 0


def test_what_is_blocked_for_one_request_is_not_for_another() -> None:
    budget = RateBudget(window(), window())
    budget.blocked(5.0, 100.0, request="place")
    budget.blocked(1.0, 101.0, request="place")
    assert budget.wait_s(1, 102.0, request="place", is_order=True) == 3.0
    assert budget.wait_s(1, 102.0, request="cancel", is_cancel=True) == 0
    budget.blocked(10.0, 102.0)
    assert budget.wait_s(1, 102.0, request="cancel", is_cancel=True) == 10.0
    assert budget.wait_s(1, 112.0, request="place", is_order=True) == 0


@pytest.mark.parametrize(
    ("status", "headers", "word"),
    [
        (200, {"x-mbx-used-weight-1m": "17"}, RateWord(used=17)),
        (429, {"x-mbx-used-weight-1m": "6001", "retry-after": "7"}, RateWord(used=6_001, wait_s=7.0)),
        (418, {}, RateWord(wait_s=RETRY_AFTER_S)),
        (200, {"x-mbx-used-weight-1m": "x", "retry-after": "7"}, RateWord()),
    ],
)
def test_binance_tells_what_it_has_counted_and_how_long_to_wait(
    status: int, headers: dict[str, str], word: RateWord
) -> None:
    assert BinanceSpot().rate_word(status, headers, "", 0) == word


@pytest.mark.parametrize(
    ("status", "body", "left", "reset_ms", "word"),
    [
        (200, '{"retCode":0,"result":{}}', "19", "101500", RateWord(is_of_request=True)),
        (200, '{"retCode":0,"result":{}}', "0", "101500", RateWord(wait_s=1.5, is_of_request=True)),
        (200, '{"retCode":0,"result":{}}', "0", "99000", RateWord(is_of_request=True)),  # It is over already.
        (
            200,
            '{"retCode": 10006,"retMsg":"Too many visits!"}',
            "0",
            "101500",
            RateWord(wait_s=1.5, is_of_request=True),
        ),
        (200, '{"retCode":10006,"retMsg":"Too many visits!"}', "", "", RateWord(wait_s=1.0, is_of_request=True)),
        (200, '{"retCode":10006}', "", "9" * 400, RateWord(wait_s=RETRY_AFTER_S, is_of_request=True)),
        (200, '{"retCode":10018,"retMsg":"Exceeded the IP Rate Limit."}', "5", "", RateWord(wait_s=RETRY_AFTER_S)),
        (429, "", "", "", RateWord(wait_s=RETRY_AFTER_S)),
        (403, "access too frequent", "", "", RateWord(wait_s=600.0)),
        (200, "<html>", "", "x", RateWord(is_of_request=True)),
    ],
)
def test_bybit_tells_it_of_each_kind_of_request_and_of_the_address(
    status: int, body: str, left: str, reset_ms: str, word: RateWord
) -> None:
    headers = {"x-bapi-limit-status": left, "x-bapi-limit-reset-timestamp": reset_ms}
    assert BybitSpot().rate_word(status, headers, body, 100_000) == word
