"""The user data stream: the account's feed in the dialect's events."""

from collections.abc import AsyncIterator, Awaitable, Callable

from breakwater.domain.orders import OrdStatus
from events.orders import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderLeased,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    TradeExecuted,
)
from fargate_engine.account_feed import FeedClosed, FeedEvent, OwnAccountSubscription
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import Balance, UserEvent
from fargate_engine.binance.user_documents import account_position, execution_report
from fargate_engine.firm_exchange.views import order_of_event, trade_of_event

KNOWN_MAX = 20_000
_NS_PER_MS = 1_000_000
_TOLD = frozenset(
    event.topic for event in (OrderAccepted, OrderRejected, OrderRefused, OrderCanceled, OrderExpired, TradeExecuted)
)


class UserStream:
    def __init__(self, feed: OwnAccountSubscription, balances: Callable[[], Awaitable[list[Balance]]]) -> None:
        self._feed = feed
        self._balances = balances
        self._placed: dict[str, tuple[int, bool]] = {}  # By order id: when, and whether post-only.

    async def events(self) -> AsyncIterator[UserEvent]:
        """Ends when the client is too far behind."""
        with self._feed:
            try:
                async for event in self._feed:
                    report = self._report(event)
                    if report is None:
                        continue
                    yield report
                    if event.topic != OrderAccepted.topic or report["X"] == OrdStatus.NEW:
                        position = await self._position(event.occurred_at_ns // _NS_PER_MS)
                        if position is not None:
                            yield position
            except FeedClosed:
                return

    def _report(self, event: FeedEvent) -> UserEvent | None:
        """None for what says nothing new: a lease's first word, a reservation."""
        payload = event.payload
        if "order" not in payload:
            return None
        order_id, at_ms = payload["order"]["order_id"], event.occurred_at_ns // _NS_PER_MS
        if event.topic in {OrderLeased.topic, OrderPlaced.topic}:
            self._placed[order_id] = (at_ms, bool(payload.get("post_only", False)))
            if len(self._placed) > KNOWN_MAX:
                del self._placed[next(iter(self._placed))]
        if event.topic not in _TOLD:
            return None
        created_ms, post_only = self._placed.get(order_id, (None, False))
        order = order_of_event(payload["order"], post_only=post_only, created_ms=created_ms)
        trade = trade_of_event(payload, order) if event.topic == TradeExecuted.topic else None
        if order.status.is_final:
            self._placed.pop(order_id, None)
        return execution_report(order, trade, at_ms)

    async def _position(self, at_ms: int) -> UserEvent | None:
        """The balances as they are now. Without an answer none is told: the client asks for them when it needs them."""
        try:
            return account_position(await self._balances(), at_ms)
        except BinanceError:
            return None
