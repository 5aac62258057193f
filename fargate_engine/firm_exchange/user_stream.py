"""The user data stream: the account's feed in the dialect's events, of its orders at one venue."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from breakwater.domain.executions import ROUTER_VENUE, Execution
from breakwater.domain.orders import FINAL_STATUSES, OrdStatus
from breakwater.domain.permissions import PERMISSIONS_KNOWN_S
from breakwater.errors import Unavailable
from events.orders import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderLeased,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
    OrderRestated,
    TradeExecuted,
)
from fargate_engine.account_feed import AccountSubscription, FeedClosed, FeedEvent
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import Balance, ShownOrder, ShownOrderList, ShownTrade, UserEvent
from fargate_engine.binance.user_documents import account_position, execution_report, list_status
from fargate_engine.firm_exchange.order_lists import is_list, trade_in_list
from fargate_engine.firm_exchange.venue import is_at
from fargate_engine.firm_exchange.views import order_of_event, trade_of_event

KNOWN_MAX = 20_000
WAITING_MAX = 1_000
ASKED_S = 2.0  # For what an order is. All reports wait behind it: a client is sooner told by a stream that ends.
BOOKED_TRIES, BOOKED_PAUSE_S = 40, 0.05  # A fill is in the balances some tens of milliseconds after its event.
_NS_PER_MS = 1_000_000
_TOLD = frozenset(
    event.topic
    for event in (
        OrderAccepted,
        OrderRejected,
        OrderRefused,
        OrderCanceled,
        OrderExpired,
        OrderReplaced,
        OrderRestated,
        TradeExecuted,
    )
)

_LOG = logging.getLogger(__name__)

type IsBooked = Callable[[int], Awaitable[bool]]
type OrderState = dict[str, Any]  # events/orders.py, as JSON has it.


class UserStream:
    """Balances come in events of their own, when the fill before is in them: reports never wait for those."""

    def __init__(
        self,
        feed: AccountSubscription,
        *,
        balances: Callable[[], Awaitable[list[Balance]]],
        is_booked: IsBooked,
        is_believed: Callable[[], Awaitable[bool]],
        execution_of: Callable[[OrderState], Awaitable[Execution | None]],
        list_of: Callable[[ShownOrder], Awaitable[ShownOrderList]],
        venue: str,
    ) -> None:
        """`is_booked`: whether all up to a sequence of the feed is in the balances. `execution_of` an event's order.
        `list_of`: the two orders that such a one is.
        """
        self._feed = feed
        self._balances = balances
        self._is_booked = is_booked
        self._is_believed = is_believed
        self._execution_of = execution_of
        self._list_of = list_of
        self._venue = venue
        self._executions: dict[str, Execution] = {}  # By order id, of those that were seen open.
        self._placed: dict[str, tuple[int, bool]] = {}  # By order id: when, and whether post-only.
        self._told: asyncio.Queue[UserEvent | None] = asyncio.Queue(WAITING_MAX)
        self._newest: FeedEvent | None = None  # What balances are still to be told after.
        self._has_moved = asyncio.Event()
        work = (self._follow(), self._tell_positions(), self._ask_for_its_key())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def __aiter__(self) -> AsyncIterator[UserEvent]:
        while (event := await self._told.get()) is not None:
            yield event

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._feed.close()

    def _end(self) -> None:
        while self._told.full():
            self._told.get_nowait()
        self._told.put_nowait(None)

    async def _follow(self) -> None:
        try:
            async for event in self._feed:
                reports = await self._reports(event)
                for report in reports:
                    await self._told.put(report)
                if event.topic in _TOLD:  # Also at another venue: the balances are the account's.
                    self._newest = event
                    self._has_moved.set()
        except FeedClosed:
            return  # Told by the end.
        except (BinanceError, Unavailable, TimeoutError) as error:
            _LOG.warning(
                "a user data stream ended, for an order could not be asked for: %s", str(error) or "no answer in time"
            )
        finally:
            self._end()

    async def _ask_for_its_key(self) -> None:
        """Until it is not believed any more: revoked, expired, or its user has lost the account."""
        try:
            while True:
                await asyncio.sleep(PERMISSIONS_KNOWN_S)
                try:
                    if not await self._is_believed():
                        break
                except Unavailable:
                    continue  # Nobody can tell; the feed stands still as well.
        finally:
            self._end()  # Whatever has gone wrong: a stream whose key is not asked any more does not go on.

    async def _tell_positions(self) -> None:
        """For ever. Without an answer nothing is told: the client asks for its balances when it needs them."""
        while True:
            await self._has_moved.wait()
            self._has_moved.clear()
            if self._newest is None:
                continue
            event = self._newest
            try:
                if event.topic == TradeExecuted.topic:
                    await self._until_booked(event.sequence)
                position = account_position(await self._balances(), event.occurred_at_ns // _NS_PER_MS)
            except (BinanceError, Unavailable):
                continue
            await self._told.put(position)

    async def _until_booked(self, sequence: int) -> None:
        for _ in range(BOOKED_TRIES):
            if await self._is_booked(sequence):
                return
            await asyncio.sleep(BOOKED_PAUSE_S)

    async def _reports(self, event: FeedEvent) -> list[UserEvent]:
        """None for what says nothing new, a lease's first word or a reservation, and for orders at another venue."""
        payload = event.payload
        if "order" not in payload or payload["order"]["venue"] not in {self._venue, ROUTER_VENUE}:
            return []
        order_id, at_ms = payload["order"]["order_id"], event.occurred_at_ns // _NS_PER_MS
        if event.topic in {OrderLeased.topic, OrderPlaced.topic}:
            self._placed[order_id] = (at_ms, bool(payload.get("post_only", False)))
            if len(self._placed) > KNOWN_MAX:
                del self._placed[next(iter(self._placed))]
        if event.topic not in _TOLD:
            return []
        created_ms, post_only = self._placed.get(order_id, (None, False))
        execution = self._executions.get(order_id)
        if execution is None:
            async with asyncio.timeout(ASKED_S):
                execution = await self._execution_of(payload["order"])
        if execution is not None:
            self._executions[order_id] = execution
        if not is_at(self._venue, payload["order"]["venue"], execution):
            if payload["order"]["status"] in FINAL_STATUSES:
                self._forget(order_id)
            return []
        order = order_of_event(payload["order"], post_only=post_only, created_ms=created_ms, execution=execution)
        trade = trade_of_event(payload, order) if event.topic == TradeExecuted.topic else None
        if order.status.is_final:
            self._forget(order_id)
        if not is_list(execution):
            has_new_terms = event.topic in {OrderReplaced.topic, OrderRestated.topic}
            return [execution_report(order, trade, at_ms, is_replaced=has_new_terms)]
        async with asyncio.timeout(ASKED_S):
            shown = await self._list_of(order)
        return _reports_of_list(shown, None if trade is None else trade_in_list(trade, order), at_ms)

    def _forget(self, order_id: str) -> None:
        self._placed.pop(order_id, None)
        self._executions.pop(order_id, None)


def _reports_of_list(shown: ShownOrderList, trade: ShownTrade | None, at_ms: int) -> list[UserEvent]:
    """What happened to its two orders, and when it begins and ends to the list."""
    stop, limit = shown.orders
    status, is_done = list_status(shown, at_ms), shown.status.is_final
    if trade is None:
        reports = [execution_report(each, None, at_ms) for each in shown.orders if not _has_given_way(shown, each)]
        return [*reports, status] if is_done else [status, *reports]
    if trade.order_number == limit.order_number:
        reports = [execution_report(limit, trade, at_ms)]
        given_way = stop if is_done else None
    else:
        reports = [execution_report(stop, trade, at_ms)]
        # The limit gives way once: with the first fill of the stop.
        given_way = limit if stop.cum_qty == trade.fill.quantity else None
    if given_way is not None:
        reports = [execution_report(given_way, None, at_ms), *reports]
    return [*reports, status] if is_done else reports


def _has_given_way(shown: ShownOrderList, order: ShownOrder) -> bool:
    """It has expired before the list ended otherwise."""
    return order.status is OrdStatus.EXPIRED and shown.status is not OrdStatus.EXPIRED
