"""The exchange that the firm's bots see: the platform's own engine and limits, in the dialect of Binance.

One for each venue that can be traded at (decision 134). An order that fits into a lease goes through the core alone;
every other one takes the way of the API (decision 93).
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from breakwater.db.channels import applied_sequence
from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.executions import ROUTER_VENUE, Execution
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import SIMULATED_VENUE, OrdStatus
from fargate_engine.binance.errors import no_such_order, no_such_order_list, not_supported, unavailable
from fargate_engine.binance.exchange import (
    Amendment,
    Balance,
    Client,
    NewOrder,
    OrderListRef,
    OrderRef,
    ShownOrder,
    ShownOrderList,
    ShownTrade,
    Span,
    UserEvents,
)
from fargate_engine.firm_exchange.as_shown import AsShown
from fargate_engine.firm_exchange.balances import balances_of
from fargate_engine.firm_exchange.cancelling import Cancelling
from fargate_engine.firm_exchange.control_plane import ControlPlane
from fargate_engine.firm_exchange.finding import Finding
from fargate_engine.firm_exchange.key_uses import KeyUses
from fargate_engine.firm_exchange.keys import Keys
from fargate_engine.firm_exchange.known_orders import KnownOrders
from fargate_engine.firm_exchange.order_lists import is_list
from fargate_engine.firm_exchange.ordinary_way import OrdinaryWay
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.placing import Placing
from fargate_engine.firm_exchange.user_stream import UserStream
from fargate_engine.firm_exchange.venue import ShownVenue
from fargate_engine.firm_exchange.views import order_of_api
from fargate_engine.gateway.state import EngineState
from fargate_engine.market_data.market import Market

LAG_EVENTS_MAX = 1_000  # Further behind than this the balances are not waited for.


@dataclass(frozen=True, slots=True)
class Platform:
    """What is behind the exchange: who its clients are, the way of the API, and the database for small questions."""

    keys: Keys
    uses: KeyUses
    control_plane: ControlPlane
    questions: EnginePool


class FirmExchange:
    """Shows a venue's market at once, and knows clients once it is connected to what knows them."""

    def __init__(self, engine: EngineState, venue: str = SIMULATED_VENUE) -> None:
        self._engine = engine
        self._venue = ShownVenue(engine, venue)
        self._platform: Platform | None = None
        self._ordinary_way: OrdinaryWay | None = None
        self._orders = KnownOrders(engine, venue)
        self._as_shown = AsShown(self._orders, self._ordinary)
        self._finding = Finding(engine, self._orders, self._ordinary)
        self._placing = Placing(self._venue, self._orders, self._finding, self._ordinary)
        self._cancelling = Cancelling(self._orders, self._finding, self._ordinary)

    def connect(self, platform: Platform) -> None:
        self._platform = platform
        self._ordinary_way = OrdinaryWay(platform.control_plane, self._venue.name)

    @property
    def _connected(self) -> Platform:
        if self._platform is None:
            raise unavailable(1)
        return self._platform

    def _ordinary(self) -> OrdinaryWay:
        if self._ordinary_way is None:
            raise unavailable(1)
        return self._ordinary_way

    @property
    def works_orders(self) -> bool:
        return True

    @property
    def amends_orders(self) -> bool:
        return False

    @property
    def fee_rate(self) -> Decimal:
        return self._venue.fee_rate

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def client(self, key_id: str, address: str) -> Client:
        return await self._connected.keys.client(key_id, address)

    def note_use(self, client: Client, address: str) -> None:
        self._connected.uses.note(client.key_id, address)

    def instruments(self) -> Sequence[Instrument]:
        return self._venue.instruments()

    def market(self, symbol: str) -> Market:
        return self._venue.market(symbol)

    # Orders -----------------------------------------------------------------------------------------------------------

    async def place(self, client: Client, order: NewOrder) -> ShownOrder:
        return await self._placing.order(client, order)

    async def place_list(self, client: Client, order: NewOrder, told_ids: Collection[str]) -> ShownOrderList:
        owner: Owner = client.owner
        return await self._as_shown.changed_list(owner, await self._placing.order_list(owner, order, told_ids))

    async def check(self, client: Client, order: NewOrder) -> None:
        await self._placing.check(client.owner, order)

    async def cancel(self, client: Client, order: OrderRef) -> ShownOrder | ShownOrderList:
        owner: Owner = client.owner
        return await self._as_shown.changed(owner, await self._cancelling.order(owner, order))

    async def cancel_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        owner: Owner = client.owner
        return await self._as_shown.changed_list(owner, await self._cancelling.order_list(owner, order_list))

    async def cancel_all(self, client: Client, instrument: Instrument) -> list[ShownOrder | ShownOrderList]:
        owner: Owner = client.owner
        canceled = await self._cancelling.all_of(owner, instrument)
        return [await self._as_shown.changed(owner, each) for each in canceled]

    # `amends_orders` says that it does neither.

    async def cancel_only(self, client: Client, order: OrderRef, status: OrdStatus) -> ShownOrder:
        raise not_supported()

    async def amend(self, client: Client, amendment: Amendment) -> ShownOrder:
        raise not_supported()

    # What became of them ----------------------------------------------------------------------------------------------

    async def order(self, client: Client, order: OrderRef) -> ShownOrder:
        owner: Owner = client.owner
        found = await self._finding.order(owner, order)
        if found is None:
            raise no_such_order()
        return await self._as_shown.order(owner, found, order)

    async def order_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        owner: Owner = client.owner
        found = await self._finding.order_list(owner, order_list)
        if found is None:
            raise no_such_order_list()
        return await self._as_shown.order_list(owner, found)

    async def open_orders(self, client: Client, instrument: Instrument | None) -> list[ShownOrder]:
        return await self._as_shown.orders(client.owner, await self._finding.open_orders(client.owner, instrument))

    async def open_order_lists(self, client: Client) -> list[ShownOrderList]:
        owner: Owner = client.owner
        found = await self._finding.open_orders(owner, None)
        return [await self._as_shown.order_list(owner, each) for each in found if is_list(each.execution)]

    async def orders(self, client: Client, instrument: Instrument, span: Span) -> list[ShownOrder]:
        owner: Owner = client.owner
        found = await self._ordinary().orders(owner, instrument.symbol, span)
        return [await self._as_shown.order(owner, each, OrderRef(instrument, number, None)) for each, number in found]

    async def order_lists(self, client: Client, span: Span) -> list[ShownOrderList]:
        owner: Owner = client.owner
        return [
            await self._as_shown.order_list(owner, each) for each in await self._ordinary().order_lists(owner, span)
        ]

    async def trades(
        self, client: Client, instrument: Instrument, span: Span, order_number: int | None
    ) -> list[ShownTrade]:
        owner: Owner = client.owner
        order_id = None
        if order_number is not None:
            known = await self._finding.at_api(owner, OrderRef(instrument, order_number, None))
            if known is None:
                return []
            order_id = known["order_id"]
        found = await self._ordinary().trades(owner, instrument.symbol, span, order_id)
        shown = await self._as_shown.trades(owner, found)
        return [each for each in shown if order_number in {None, each.order_number}]

    async def balances(self, client: Client) -> list[Balance]:
        totals, open_orders = await asyncio.gather(
            self._ordinary().balances(client.owner),
            self._finding.open_orders(client.owner, None, everywhere=True),
        )
        return balances_of(totals, open_orders)

    async def user_events(self, client: Client) -> UserEvents:
        if self._engine.feed is None:
            raise unavailable(1)
        owner: Owner = client.owner
        feed = await self._engine.feed.subscribe(owner.tenant_id, owner.account_id, None)

        async def is_booked(sequence: int) -> bool:
            async with pooled(self._connected.questions) as connection:
                applied = await applied_sequence(connection, owner.tenant_id, owner.account_id, LAG_EVENTS_MAX)
            return applied is not None and applied >= sequence

        async def is_believed() -> bool:
            return await self._connected.keys.is_believed(client)

        async def execution_of(order: dict[str, Any]) -> Execution | None:
            here = self._orders.execution(owner, order["symbol"], order["order_id"])
            if here is not None or order["venue"] != ROUTER_VENUE:
                return here
            # It has ended already, or another engine works it.
            return order_of_api(await self._ordinary().order(owner, order["order_id"])).execution

        async def list_of(order: ShownOrder) -> ShownOrderList:
            return await self._as_shown.order_list(owner, order)

        return UserStream(
            feed,
            balances=lambda: self.balances(client),
            is_booked=is_booked,
            is_believed=is_believed,
            execution_of=execution_of,
            list_of=list_of,
            venue=self._venue.name,
        )
