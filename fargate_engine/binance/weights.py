"""How much one address may ask, and how many orders one key may send: counted in windows, as Binance counts."""

from collections import Counter
from typing import Any

from fargate_engine.binance.errors import too_many_orders, too_many_requests

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
WEIGHT_A_MINUTE_MAX = 60_000  # Of one address. Ten times Binance's: many bots of a firm stand behind one.
ORDERS_IN_10S_MAX = 50_000  # Of one key. What a firm allows its bots is said by its limits, this bounds the engine.
REFUSALS_BEFORE_BAN = 1_000
BAN_S = 120

RATE_LIMITS: list[dict[str, Any]] = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_A_MINUTE_MAX},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_IN_10S_MAX},
]


class Weights:
    """Windows begin with the clock's minutes and ten seconds; what they counted is forgotten with them."""

    def __init__(self) -> None:
        self._weights: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._orders: Counter[str] = Counter()
        self._minute = self._ten_seconds = -1
        self._banned_until_ms: dict[str, int] = {}

    def take(self, address: str, weight: int, now_ms: int) -> int:
        """What the address has used of its minute. 429 beyond it, and 418 for one that goes on and on."""
        if now_ms // MINUTE_MS != self._minute:
            self._minute = now_ms // MINUTE_MS
            self._weights.clear()
            self._refusals.clear()
            self._banned_until_ms = {each: until for each, until in self._banned_until_ms.items() if until > now_ms}
        if self._banned_until_ms and self._banned_until_ms.get(address, 0) > now_ms:
            raise too_many_requests(self._seconds(self._banned_until_ms[address] - now_ms), is_banned=True)
        used = self._weights[address] + weight
        if used > WEIGHT_A_MINUTE_MAX:
            self._refuse(address, now_ms)
        self._weights[address] = used
        return used

    def take_order(self, key_id: str, now_ms: int) -> int:
        """How many the key has sent in its ten seconds. -1015 beyond them."""
        if now_ms // TEN_SECONDS_MS != self._ten_seconds:
            self._ten_seconds = now_ms // TEN_SECONDS_MS
            self._orders.clear()
        sent = self._orders[key_id] + 1
        if sent > ORDERS_IN_10S_MAX:
            raise too_many_orders()
        self._orders[key_id] = sent
        return sent

    def _refuse(self, address: str, now_ms: int) -> None:
        self._refusals[address] += 1
        if self._refusals[address] > REFUSALS_BEFORE_BAN:
            self._banned_until_ms[address] = now_ms + BAN_S * 1000
            raise too_many_requests(BAN_S, is_banned=True)
        raise too_many_requests(self._seconds(MINUTE_MS - now_ms % MINUTE_MS))

    def _seconds(self, span_ms: int) -> int:
        return -(-span_ms // 1000)
