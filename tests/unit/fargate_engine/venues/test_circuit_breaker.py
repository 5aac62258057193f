"""Five failures in a row open it, 30 seconds later one probe decides."""

from hypothesis import given
from hypothesis import strategies as st

from fargate_engine.venues.circuit_breaker import FAILURES_MAX, OPEN_S, BreakerState, CircuitBreaker


def opened(at: float = 100.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(FAILURES_MAX):
        breaker.failed(at)
    return breaker


def test_four_failures_leave_it_closed_and_a_success_between_starts_the_count_again() -> None:
    breaker = CircuitBreaker()
    for _ in range(FAILURES_MAX - 1):
        breaker.failed(100.0)
    breaker.succeeded()
    for _ in range(FAILURES_MAX - 1):
        breaker.failed(100.0)
    assert breaker.state(100.0) is BreakerState.CLOSED
    breaker.failed(100.0)
    assert breaker.state(100.0) is BreakerState.OPEN


def test_it_lets_nothing_through_until_its_time_is_over_and_then_one_probe() -> None:
    breaker = opened()
    assert not breaker.may_ask(100.0 + OPEN_S - 0.001)
    assert breaker.may_ask(100.0 + OPEN_S)
    assert not breaker.may_ask(100.0 + OPEN_S + 1)


def test_the_probe_decides() -> None:
    breaker = opened()
    assert breaker.may_ask(130.0)
    breaker.failed(131.0)
    assert breaker.state(131.0) is BreakerState.OPEN
    assert not breaker.may_ask(160.0)
    assert breaker.may_ask(161.0)
    breaker.succeeded()
    assert breaker.state(161.0) is BreakerState.CLOSED


def test_a_probe_that_nobody_heard_of_again_does_not_keep_the_venue_away() -> None:
    breaker = opened()
    assert breaker.may_ask(130.0)
    assert breaker.may_ask(130.0 + OPEN_S)


def test_a_probe_that_was_never_sent_lets_the_next_one_try_at_once() -> None:
    breaker = opened()
    assert breaker.may_ask(130.0)
    breaker.left(130.0)
    assert breaker.may_ask(130.5)
    breaker.left(130.0)  # That one is done already, and is not the probe of now.
    assert not breaker.may_ask(131.0)
    breaker.failed(131.0)
    breaker.left(130.5)
    assert not breaker.may_ask(160.9)


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=300))
def test_while_it_is_open_at_most_one_request_in_its_time_passes(events: list[tuple[float, bool]]) -> None:
    breaker, now = opened(0.0), 0.0
    passed_at = -OPEN_S
    for pause_s, fails in events:
        now += pause_s
        if not breaker.may_ask(now):
            continue
        assert now - passed_at >= OPEN_S
        passed_at = now
        if fails:
            breaker.failed(now)
        # Else nothing is ever heard of it.
