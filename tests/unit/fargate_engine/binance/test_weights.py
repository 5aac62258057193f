"""What an address and a key may ask for, in windows of the clock."""

import pytest

from fargate_engine.binance import weights
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.weights import ORDERS_IN_10S_MAX, WEIGHT_A_MINUTE_MAX, Weights

MINUTE = 60_000 * 1_000


def test_an_address_that_asks_too_much_waits_for_the_next_minute_and_nobody_else() -> None:
    used = Weights()
    assert used.take("a", WEIGHT_A_MINUTE_MAX, MINUTE) == WEIGHT_A_MINUTE_MAX
    with pytest.raises(BinanceError) as raised:
        used.take("a", 1, MINUTE + 15_500)
    assert (raised.value.status, raised.value.code, raised.value.retry_after_s) == (429, -1003, 45)
    used.take("b", 1, MINUTE + 15_500)
    used.take("a", 1, MINUTE + 60_000)


def test_one_that_goes_on_is_banned_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "REFUSALS_BEFORE_BAN", 3)
    used = Weights()
    used.take("a", WEIGHT_A_MINUTE_MAX, MINUTE)
    statuses = []
    for _ in range(5):
        with pytest.raises(BinanceError) as raised:
            used.take("a", 1, MINUTE)
        statuses.append(raised.value.status)
    assert statuses == [429, 429, 429, 418, 418]
    with pytest.raises(BinanceError) as raised:
        used.take("a", 1, MINUTE + 60_000)
    assert (raised.value.status, raised.value.retry_after_s) == (418, 60)
    used.take("a", 1, MINUTE + 120_000)


def test_a_key_that_sends_too_many_orders_waits_for_the_next_ten_seconds() -> None:
    used = Weights()
    for _ in range(ORDERS_IN_10S_MAX):
        used.take_order("key", MINUTE)
    with pytest.raises(BinanceError) as raised:
        used.take_order("key", MINUTE + 9_999)
    assert (raised.value.status, raised.value.code) == (400, -1015)
    used.take_order("other", MINUTE + 9_999)
    used.take_order("key", MINUTE + 10_000)
