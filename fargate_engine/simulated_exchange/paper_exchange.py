"""An exchange behind the dialect of `fargate_engine/binance`: paper accounts in a simulated market.

It remembers its orders as long as it runs, the newest 100,000 of them.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from matching_core import PRICE_MAX

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import SIMULATED_VENUE, OrdStatus, Side, TimeInForce
from fargate_engine.binance.errors import (
    bad_key,
    bad_symbol,
    cancel_restricted,
    duplicate_order,
    no_order_lists,
    no_such_order,
    no_such_order_list,
    not_amended,
    outside_of_window,
    refused,
    unknown_list_to_cancel,
    unknown_order_to_cancel,
)
from fargate_engine.binance.exchange import (
    Amendment,
    Balance,
    Client,
    Fill,
    NewOrder,
    OrderListRef,
    OrderRef,
    ShownOrder,
    ShownOrderList,
    ShownTrade,
    Span,
    UserEvent,
    UserEvents,
)
from fargate_engine.binance.orders import affordable_quantity
from fargate_engine.binance.signing import SigningKey
from fargate_engine.binance.user_documents import account_position, execution_report
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.market import Market
from fargate_engine.messages import (
    VenueAccepted,
    VenueCanceled,
    VenueFilled,
    VenueRejected,
    VenueReplaced,
    VenueReport,
)
from fargate_engine.simulated_exchange.accounts import (
    EVENTS_WAITING_MAX,
    ZERO,
    InsufficientBalance,
    PaperAccount,
    PaperOrder,
)
from fargate_engine.simulated_exchange.switches import Chance
from fargate_engine.terms import POST_ONLY_WOULD_TAKE, WorkingTerms
from fargate_engine.venues.simulated import EventSource, SimulatedVenue
from fargate_engine.venues.simulated_market import FEE_RATE

ORDERS_MAX = 100_000
BOOK_LEVELS_MAX = 1_000
NO_BALANCE = "Account has insufficient balance for requested action."
NO_CHANGE = "The requested action would change no state; rejecting."
NOT_LESS = "Order amend (quantity increase) is not supported."
WOULD_TAKE = "Order would immediately match and take."


class PaperEvents:
    """What happens to one account, until it is closed or its reader is too far behind."""

    def __init__(self, account: PaperAccount) -> None:
        self._account = account
        self._queue: asyncio.Queue[UserEvent | None] = asyncio.Queue(EVENTS_WAITING_MAX)
        account.streams.add(self._queue)

    async def __aiter__(self) -> AsyncIterator[UserEvent]:
        while (event := await self._queue.get()) is not None:
            yield event

    def close(self) -> None:
        self._account.streams.discard(self._queue)


class PaperExchange:
    """The market's reports come to it as an engine's come to an inbox; they are true at once."""

    has_room = True
    works_orders = False
    amends_orders = True
    fee_rate = FEE_RATE

    def __init__(
        self,
        instruments: Sequence[Instrument],
        sources: Mapping[str, EventSource],
        accounts: Iterable[PaperAccount],
        chance: Chance,
        *,
        speed: float = 1.0,
    ) -> None:
        self.accounts = {account.key_id: account for account in accounts}
        self._instruments = tuple(instruments)
        self._chance = chance
        self._hub = MarketHub()
        self._venue = SimulatedVenue(self, instruments, sources, hub=self._hub, speed=speed)
        self._orders: dict[uuid.UUID, PaperOrder] = {}
        self._last_order = self._last_trade = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._venue.run())
            tasks.create_task(self._hub.run())

    async def opened(self) -> None:
        await self._venue.opened()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def client(self, key_id: str, address: str) -> Client:
        account = self.accounts.get(key_id)
        if account is None:
            raise bad_key()
        return Client(
            key_id, SigningKey(secret=account.secret), frozenset({"read", "orders", "trade", "cancel"}), account
        )

    def note_use(self, client: Client, address: str) -> None:
        """Nobody asks for it."""

    def instruments(self) -> Sequence[Instrument]:
        return self._instruments

    def market(self, symbol: str) -> Market:
        market = self._hub.get(SIMULATED_VENUE, symbol)
        if market is None:
            raise bad_symbol()
        return market

    async def place(self, client: Client, order: NewOrder) -> ShownOrder:
        await asyncio.sleep(self._chance.up_to_s(self._chance.switches.latency_ms))
        # Again, right before the book: so "not found" after the window means "never".
        if self.now_ms() > order.valid_until_ms:
            raise outside_of_window()
        account: PaperAccount = client.owner
        if order.client_order_id in account.by_client_id:
            raise duplicate_order()
        if self._chance.hits("reject"):
            raise refused("This account may not place or cancel orders.")
        placed = self._new(account, order)
        try:
            self._lock(placed)
        except InsufficientBalance as error:
            raise refused(NO_BALANCE) from error
        self._keep(placed)
        self._venue.submit(_terms(placed))
        if placed.status is OrdStatus.REJECTED:
            self._forget(placed)
            raise refused(WOULD_TAKE)
        return placed.shown()

    async def check(self, client: Client, order: NewOrder) -> None:
        """Filters were checked before; what a balance allows is said when it is placed."""
        if order.client_order_id in client.owner.by_client_id:
            raise duplicate_order()

    async def cancel(self, client: Client, order: OrderRef) -> ShownOrder:
        found = self._find(client, order)
        if found is None or found.status.is_final:
            raise unknown_order_to_cancel()
        self._venue.cancel(uuid.UUID(int=found.number), found.asked.instrument.symbol)
        return found.shown()

    async def cancel_only(self, client: Client, order: OrderRef, status: OrdStatus) -> ShownOrder:
        found = self._find(client, order)
        if found is not None and not found.status.is_final and found.status is not status:
            raise cancel_restricted()
        return await self.cancel(client, order)

    async def amend(self, client: Client, amendment: Amendment) -> ShownOrder:
        await asyncio.sleep(self._chance.up_to_s(self._chance.switches.latency_ms))
        if self.now_ms() > amendment.valid_until_ms:
            raise outside_of_window()
        account: PaperAccount = client.owner
        found = self._find(client, amendment.order)
        if found is None or found.status.is_final:
            raise not_amended("Unknown order sent.")
        if self._chance.hits("reject"):
            raise not_amended("This action is disabled on this account.")
        if not found.cum_qty < amendment.quantity < found.quantity:
            same = amendment.quantity == found.quantity
            raise not_amended(NO_CHANGE if same else NOT_LESS)
        if account.by_client_id.get(amendment.client_order_id, found) is not found:
            raise not_amended("Duplicate order sent.")
        before = found.asked.client_order_id
        found.amend(amendment.quantity, amendment.client_order_id)
        self._venue.replace(_terms(found), 0)
        account.by_client_id[amendment.client_order_id] = account.by_client_id.pop(before)
        self._tell(found, None, renamed_from=before)
        return found.shown()

    async def cancel_all(self, client: Client, instrument: Instrument) -> list[ShownOrder | ShownOrderList]:
        found = self._open(client, instrument)
        if not found:
            raise unknown_order_to_cancel()
        for each in found:
            self._venue.cancel(uuid.UUID(int=each.number), instrument.symbol)
        return [each.shown() for each in found]

    async def order(self, client: Client, order: OrderRef) -> ShownOrder:
        found = self._find(client, order)
        if found is None:
            raise no_such_order()
        return found.shown()

    async def open_orders(self, client: Client, instrument: Instrument | None) -> list[ShownOrder]:
        return [each.shown() for each in self._open(client, instrument)]

    async def orders(self, client: Client, instrument: Instrument, span: Span) -> list[ShownOrder]:
        shown = [each.shown() for each in client.owner.orders.values() if each.asked.instrument is instrument]
        return _part(shown, span, lambda each: each.created_ms, lambda each: each.order_number)

    async def trades(
        self, client: Client, instrument: Instrument, span: Span, order_number: int | None
    ) -> list[ShownTrade]:
        orders = client.owner.orders.values()
        if order_number is not None:
            orders = [each for each in orders if each.number == order_number]
        trades = [trade for each in orders if each.asked.instrument is instrument for trade in each.trades]
        trades.sort(key=lambda trade: trade.fill.trade_number)
        return _part(trades, span, lambda each: each.at_ms, lambda each: each.fill.trade_number)

    # It works no stops, and so has no order lists: `works_orders` says so, and these find none.

    async def place_list(self, client: Client, order: NewOrder, told_ids: Collection[str]) -> ShownOrderList:
        raise no_order_lists()

    async def cancel_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        raise unknown_list_to_cancel()

    async def order_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        raise no_such_order_list()

    async def open_order_lists(self, client: Client) -> list[ShownOrderList]:
        return []

    async def order_lists(self, client: Client, span: Span) -> list[ShownOrderList]:
        return []

    async def balances(self, client: Client) -> list[Balance]:
        return _balances(client.owner)

    async def user_events(self, client: Client) -> UserEvents:
        return PaperEvents(client.owner)

    def report(self, report: VenueReport) -> None:
        """What the market says of one of its orders."""
        order = self._orders.get(report.order_id)
        if order is None:
            return
        order.updated_ms = self.now_ms()
        match report:
            case VenueAccepted():
                order.status = OrdStatus.NEW
                self._tell(order, None)
            case VenueFilled():
                self._fill(order, report)
            case VenueCanceled():
                order.end(OrdStatus.CANCELED)
                self._tell(order, None)
            case VenueReplaced():
                pass  # It was amended: whoever asked for that knows.
            case VenueRejected():
                if report.code != POST_ONLY_WOULD_TAKE.code:
                    raise AssertionError(f"the market refused an order for {report.code}")
                order.end(OrdStatus.REJECTED)
            case _:
                raise AssertionError(f"the market never says {report}")

    def _fill(self, order: PaperOrder, report: VenueFilled) -> None:
        self._last_trade += 1
        instrument = order.asked.instrument
        price, quantity = instrument.price(report.price_ticks), instrument.quantity(report.quantity_lots)
        trade = ShownTrade(
            symbol=instrument.symbol,
            order_number=order.number,
            fill=Fill(self._last_trade, price, quantity, report.fee, report.fee_currency),
            at_ms=order.updated_ms,
            side=order.asked.side,
            is_maker=report.liquidity == "MAKER",
        )
        order.fill(trade)
        self._tell(order, trade)

    def _tell(self, order: PaperOrder, trade: ShownTrade | None, *, renamed_from: str = "") -> None:
        """As it is now, however late it is told."""
        if not order.account.streams:
            return
        events = [
            execution_report(
                order.shown(), trade, order.updated_ms, is_replaced=bool(renamed_from), renamed_from=renamed_from
            ),
            account_position(_balances(order.account), order.updated_ms),
        ]
        loop = asyncio.get_running_loop()
        for event in events:
            for after_s in self._chance.deliveries_s():
                loop.call_later(after_s, order.account.tell, event) if after_s else order.account.tell(event)

    def _new(self, account: PaperAccount, order: NewOrder) -> PaperOrder:
        self._last_order += 1
        quantity = order.quantity if order.quantity is not None else self._affordable(order)
        now_ms = self.now_ms()
        return PaperOrder(self._last_order, account, order, quantity, created_ms=now_ms, updated_ms=now_ms)

    def _affordable(self, order: NewOrder) -> Decimal:
        levels = self._shown_to(order)
        quantity = affordable_quantity(order.instrument, levels, order.quote_quantity or ZERO)
        if quantity <= 0:
            raise refused(NO_BALANCE)
        return quantity

    def _shown_to(self, order: NewOrder) -> list[tuple[int, int]]:
        opposite = Side.SELL if order.side is Side.BUY else Side.BUY
        return self._venue.markets[order.instrument.symbol].shown(opposite, BOOK_LEVELS_MAX)

    def _lock(self, order: PaperOrder) -> None:
        """A market order is over in the same moment: it is only asked whether there is enough for it."""
        asked = order.asked
        if asked.side is Side.SELL:
            needed = order.quantity
        elif asked.price is not None:
            needed = EXACT.multiply(order.quantity, asked.price)
        else:
            needed = self._cost(order)
        order.account.lock(order.lock_asset, needed)
        if asked.price is None:
            order.account.unlock(order.lock_asset, needed)
        else:
            order.locked = needed

    def _cost(self, order: PaperOrder) -> Decimal:
        """Of a market order that buys, at the prices that are shown; what they do not reach is not bought."""
        instrument, left, cost = order.asked.instrument, order.quantity, ZERO
        for price_ticks, lots in self._shown_to(order.asked):
            taken = min(left, instrument.quantity(lots))
            cost = EXACT.add(cost, EXACT.multiply(taken, instrument.price(price_ticks)))
            left = EXACT.subtract(left, taken)
            if not left:
                break
        return cost

    def _keep(self, order: PaperOrder) -> None:
        self._orders[uuid.UUID(int=order.number)] = order
        order.account.orders[order.number] = order
        order.account.by_client_id[order.asked.client_order_id] = order
        if len(self._orders) > ORDERS_MAX:
            oldest = next((each for each in self._orders.values() if each.status.is_final), None)
            if oldest is not None:
                self._forget(oldest)

    def _forget(self, order: PaperOrder) -> None:
        del self._orders[uuid.UUID(int=order.number)]
        del order.account.orders[order.number]
        del order.account.by_client_id[order.asked.client_order_id]

    def _find(self, client: Client, ref: OrderRef) -> PaperOrder | None:
        account: PaperAccount = client.owner
        if ref.order_number is not None:
            found = account.orders.get(ref.order_number)
        else:
            found = account.by_client_id.get(ref.client_order_id or "")
        return found if found is not None and found.asked.instrument is ref.instrument else None

    def _open(self, client: Client, instrument: Instrument | None) -> list[PaperOrder]:
        orders: Iterable[PaperOrder] = client.owner.orders.values()
        return [
            each
            for each in orders
            if not each.status.is_final and (instrument is None or each.asked.instrument is instrument)
        ]


def _terms(order: PaperOrder) -> WorkingTerms:
    """The market knows no account and no band: a paper order trades at whatever it meets."""
    asked, instrument = order.asked, order.asked.instrument
    is_buy = asked.side is Side.BUY
    far_ticks = PRICE_MAX if is_buy else 1
    limit_ticks = far_ticks if asked.price is None else instrument.price_ticks(asked.price)
    return WorkingTerms(
        order_id=uuid.UUID(int=order.number),
        account_id=uuid.UUID(int=0),
        symbol=instrument.symbol,
        side=asked.side,
        quantity_lots=instrument.quantity_lots(order.quantity),
        limit_ticks=limit_ticks,
        low_ticks=1 if is_buy else limit_ticks,
        high_ticks=limit_ticks if is_buy else PRICE_MAX,
        time_in_force=TimeInForce.IOC if asked.price is None else asked.time_in_force,
        post_only=asked.post_only,
        is_market=asked.price is None,
    )


def _balances(account: PaperAccount) -> list[Balance]:
    assets = sorted({*account.free, *account.locked})
    return [Balance(each, account.free.get(each, ZERO), account.locked.get(each, ZERO)) for each in assets]


def _part[Each](
    every: list[Each], span: Span, at_ms: Callable[[Each], int], number: Callable[[Each], int]
) -> list[Each]:
    if span.from_number is not None:
        return [each for each in every if number(each) >= (span.from_number or 0)][: span.limit]
    within = every
    if span.start_ms is not None:
        within = [each for each in within if at_ms(each) >= (span.start_ms or 0)]
    if span.end_ms is not None:
        within = [each for each in within if at_ms(each) <= (span.end_ms or 0)]
    return within[: span.limit] if span.start_ms is not None else within[-span.limit :]
