"""The exchange that the firm's bots see: the platform's own engine and limits, in the dialect of Binance.

One for each venue that can be traded at (decision 134). An order that fits into a lease goes through the core alone;
every other one takes the way of the API (decision 93).
"""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from pydantic import ValidationError

from breakwater.db.channels import applied_sequence
from breakwater.db.engine_connection import EnginePool, pooled
from breakwater.domain.executions import ROUTER_VENUE, Execution
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.orders import (
    EXCHANGE_ORDER_ID_BITS,
    SIMULATED_VENUE,
    OrderTerms,
    OrdStatus,
    Side,
    SubmitOrder,
    TimeInForce,
    order_id_of,
)
from breakwater.domain.shards import shard_of
from breakwater.errors import EngineUnavailable, Rejection, Unavailable
from fargate_engine.binance.errors import (
    BinanceError,
    duplicate_order,
    filter_failure,
    no_such_order,
    no_such_order_list,
    not_supported,
    outcome_unknown,
    outside_of_window,
    unavailable,
    unknown_list_to_cancel,
    unknown_order_to_cancel,
)
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
from fargate_engine.binance.market_documents import best_levels
from fargate_engine.binance.order_lists import check_against_market
from fargate_engine.binance.orders import affordable_quantity
from fargate_engine.firm_exchange.as_shown import AsShown
from fargate_engine.firm_exchange.control_plane import ControlPlane
from fargate_engine.firm_exchange.key_uses import KeyUses
from fargate_engine.firm_exchange.keys import Keys
from fargate_engine.firm_exchange.known_orders import KnownOrders, order_ids
from fargate_engine.firm_exchange.order_lists import is_list, is_meant, names_of_shown, other_number
from fargate_engine.firm_exchange.ordinary_way import OrdinaryWay
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.refusals import refusal_of_code, refusal_of_problem
from fargate_engine.firm_exchange.trail import cancel_requested
from fargate_engine.firm_exchange.user_stream import UserStream
from fargate_engine.firm_exchange.venue import ShownVenue
from fargate_engine.firm_exchange.views import fill_of_event, order_of_api, order_of_snapshot, updated
from fargate_engine.gateway.routing import ask, committed
from fargate_engine.gateway.state import EngineState
from fargate_engine.inbox import EngineBusy, FindOrder
from fargate_engine.leased_orders import leased_submission
from fargate_engine.market_data.market import Market
from fargate_engine.messages import CancelOrder
from fargate_engine.orders import EngineOrder
from fargate_engine.risk import NO_LEASE, within_collar
from fargate_engine.term import Term

CANCELS_AT_ONCE = 200
CANCELS_ELSEWHERE_AT_ONCE = 4  # Each takes a place at the control plane.
LEVELS_MAX = 500
ENDS_WITHIN_S, ENDED_LOOK_S, ENDED_LOOK_ELSEWHERE_S = 2.0, 0.01, 0.25  # Of an order that must not rest.
LAG_EVENTS_MAX = 1_000  # Further behind than this the balances are not waited for.
_OF_THE_LEASE = frozenset({"LEASE_EXHAUSTED", "LEASE_EXPIRED", NO_LEASE.code})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        self._as_shown = AsShown(self._orders, lambda: self._ordinary)
        self._placing: set[tuple[uuid.UUID, str]] = set()  # Client ids that are on their way, by account.

    def connect(self, platform: Platform) -> None:
        self._platform = platform
        self._ordinary_way = OrdinaryWay(platform.control_plane, self._venue.name)

    @property
    def _connected(self) -> Platform:
        if self._platform is None:
            raise unavailable(1)
        return self._platform

    @property
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
        owner: Owner = client.owner
        with self._on_its_way(owner, (order.client_order_id,)):
            if self._orders.is_in_list(owner, order.client_order_id):
                raise duplicate_order()
            return await self._place_one(client, order)

    async def _place_one(self, client: Client, order: NewOrder) -> ShownOrder:
        owner: Owner = client.owner
        terms = self._terms(owner, order)
        term = self._orders.term(order.instrument.symbol)
        if term is None:
            placed = order_of_api(await self._ordinary.place(owner, terms))
            order_id = order_id_of(owner.tenant_id, owner.account_id, terms.client_order_id)
            return await self._until_ended(owner, order_id, placed)
        leased_id, order_id = order_ids(owner, terms.symbol, terms.client_order_id)
        if term.state.has_taken(leased_id) or term.state.has_taken(order_id):
            await committed(term)
            raise duplicate_order()
        is_plain = order.execution is None and not term.state.knows(leased_id)
        submitted = self._leased(term, client, leased_id, terms) if is_plain else None
        placed_within = None if submitted is None else await self._place_leased(term, owner, submitted)
        if placed_within is not None:
            return placed_within
        with term.sequencer.watching_fills(order_id) as fills:
            placed = order_of_api(await self._ordinary.place(owner, terms))
            placed = await self._until_ended(owner, order_id, placed)
        shown = replace(placed, fills=[fill_of_event(each["payload"]) for each in fills])
        self._orders.remember(owner, order_id, shown)
        return shown

    async def place_list(self, client: Client, order: NewOrder, told_ids: Collection[str]) -> ShownOrderList:
        """One order at the router: what is reserved is enough for either half."""
        owner: Owner = client.owner
        market = self._venue.find_market(order.instrument.symbol)
        if market is not None:  # Where it is another engine's, the platform judges the list alone.
            check_against_market(order, market)
        with self._on_its_way(owner, told_ids):
            refs = [OrderRef(order.instrument, None, each) for each in told_ids]
            if any(await asyncio.gather(*(self._find(owner, each) for each in refs))):
                raise duplicate_order()
            terms = self._terms(owner, order)
            order_id = order_id_of(owner.tenant_id, owner.account_id, order.client_order_id)
            term = self._orders.term(terms.symbol)
            if term is not None and term.state.has_taken(order_id):
                await committed(term)
                raise duplicate_order()
            placed = order_of_api(await self._ordinary.place(owner, terms))
            self._orders.remember(owner, order_id, placed)
        return await self._as_shown.changed_list(owner, placed)

    @contextmanager
    def _on_its_way(self, owner: Owner, client_order_ids: Collection[str]) -> Iterator[None]:
        """Refused while another one with such an id is: neither is found yet, so that they would pass each other."""
        placing = {(owner.account_id, each) for each in client_order_ids}
        if placing & self._placing:
            raise duplicate_order()
        self._placing |= placing
        try:
            yield
        finally:
            self._placing -= placing

    async def check(self, client: Client, order: NewOrder) -> None:
        owner: Owner = client.owner
        verdict = await self._ordinary.check(owner, self._terms(owner, order))
        if not verdict["passes"]:
            raise refusal_of_problem(422, verdict)

    async def _place_leased(self, term: Term, owner: Owner, submitted: SubmitOrder) -> ShownOrder | None:
        """None when another order has taken what was left of the lease: the ledger may still have room for this one."""
        if self.now_ms() * 1_000_000 > (submitted.valid_until_ns or 0):
            raise outside_of_window()
        with term.sequencer.watching_fills(submitted.order_id) as fills:
            snapshot = await _snapshot(ask(term, submitted))
            if snapshot["reject_code"] in _OF_THE_LEASE:
                return None
            if snapshot["status"] == OrdStatus.REJECTED:
                raise refusal_of_code(snapshot["reject_code"], snapshot["reject_reason"])
            placed = await self._until_ended(owner, submitted.order_id, order_of_snapshot(snapshot, submitted))
        shown = replace(placed, fills=[fill_of_event(each["payload"]) for each in fills])
        self._orders.remember(owner, submitted.order_id, shown)
        return shown

    async def _until_ended(self, owner: Owner, order_id: uuid.UUID, order: ShownOrder) -> ShownOrder:
        """One that must not rest, as it ends: an exchange may tell that after it has taken it. As it is by then.

        Never a failure, which says that nothing was done.
        """
        if order.execution is not None or order.time_in_force is TimeInForce.GTC:
            return order
        deadline = time.monotonic() + ENDS_WITHIN_S
        while not order.status.is_final and time.monotonic() < deadline:
            term = self._orders.term(order.symbol)
            if term is not None:
                await asyncio.sleep(ENDED_LOOK_S)
                try:
                    known = await ask(term, FindOrder(order_id, owner.tenant_id))
                except Unavailable:
                    return order
                order = updated(order, orjson.loads(known)) if isinstance(known, bytes) else order
                continue
            await asyncio.sleep(ENDED_LOOK_ELSEWHERE_S)
            try:
                order = order_of_api(await self._ordinary.order(owner, str(order_id)))
            except (BinanceError, Unavailable):
                return order
        return order

    def _terms(self, owner: Owner, order: NewOrder) -> OrderTerms:
        try:
            return OrderTerms(
                client_order_id=order.client_order_id,
                account_id=owner.account_id,
                symbol=order.instrument.symbol,
                side=order.side,
                type=order.type,
                quantity=self._quantity(order),
                price=order.price,
                time_in_force=order.time_in_force,
                post_only=order.post_only,
                **self._venue.destination(order),
                valid_until=_EPOCH + timedelta(milliseconds=order.valid_until_ms),
            )
        except ValidationError as error:
            raise BinanceError(-1100, "Illegal parameter: an amount has too many digits.") from error

    def _quantity(self, order: NewOrder) -> Decimal:
        if order.quantity is not None:
            if order.price is None:
                self._check_market_notional(order, order.quantity)
            return order.quantity
        opposite = Side.SELL if order.side is Side.BUY else Side.BUY
        market, lot = self.market(order.instrument.symbol), order.instrument.lot_size
        levels = list(best_levels(market, opposite, LEVELS_MAX))
        affordable = affordable_quantity(market.instrument, levels, order.quote_quantity or Decimal(0))
        quantity = EXACT.multiply(EXACT.divide_int(affordable, lot), lot)  # The venue's lot may be the larger one.
        if quantity == 0:
            raise filter_failure("LOT_SIZE")
        self._check_market_notional(order, quantity)
        return quantity

    def _check_market_notional(self, order: NewOrder, quantity: Decimal) -> None:
        """Where its market is another engine's, the platform judges it alone."""
        market = self._venue.find_market(order.instrument.symbol)
        if market is None:
            return
        quote = market.quote()
        ticks = quote.ask_ticks if order.side is Side.BUY else quote.bid_ticks
        if ticks and market.instrument.price(ticks) * quantity < order.instrument.notional_min:
            raise filter_failure("NOTIONAL")

    def _leased(self, term: Term, client: Client, order_id: uuid.UUID, terms: OrderTerms) -> SubmitOrder | None:
        """The order for the core alone; None when no lease covers it."""
        owner: Owner = client.owner
        lease = term.state.registry.leases.get((terms.account_id, terms.symbol))
        if lease is None or lease.strategy_id is not None or lease.api_key_id != client.key_id:
            return None
        if lease.venue != terms.venue or terms.quantity > lease.order_qty_max:
            return None
        if terms.price is not None and not within_collar(terms.side, terms.price, lease):
            return None  # What is beyond its band is for the limits to judge, which name themselves.
        try:
            lots = term.state.instruments[terms.symbol].quantity_lots(terms.quantity)
            if not term.state.has_lease_for(terms.account_id, terms.symbol, terms.side, lots, time.time_ns()):
                return None
            return leased_submission(
                term.state,
                terms,
                order_id=order_id,
                tenant_id=owner.tenant_id,
                correlation_id=str(uuid.uuid4()),
                placed_by=owner.principal.username,
                api_key_id=client.key_id,
            )
        except Rejection:
            return None  # The ledger knows orders that no lease can cover, or says why not.

    # What became of them ----------------------------------------------------------------------------------------------

    async def cancel(self, client: Client, order: OrderRef) -> ShownOrder | ShownOrderList:
        owner: Owner = client.owner
        found = self._orders.find_live(owner, order)
        if found is not None:
            return await self._as_shown.changed(owner, await self._cancel_here(owner, *found))
        if self._orders.find(owner, order) is not None:
            await committed(self._orders.term(order.instrument.symbol))
            raise unknown_order_to_cancel()  # It is final, whatever the API has heard of it so far.
        return await self._as_shown.changed(
            owner, await self._cancel_elsewhere(owner, await self._find_at_api(owner, order))
        )

    # `amends_orders` says that it does neither.

    async def cancel_only(self, client: Client, order: OrderRef, status: OrdStatus) -> ShownOrder:
        raise not_supported()

    async def amend(self, client: Client, amendment: Amendment) -> ShownOrder:
        raise not_supported()

    async def cancel_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        owner: Owner = client.owner
        found = self._orders.find_live_list(owner, order_list)
        if found is not None:
            return await self._as_shown.changed_list(owner, await self._cancel_here(owner, *found))
        final = self._orders.find_list(owner, order_list)
        if final is not None:
            await committed(self._orders.term(final.symbol))
            raise unknown_list_to_cancel()  # As above.
        known = await self._find_list_at_api(owner, order_list)
        if known is None:
            raise unknown_list_to_cancel()
        return await self._as_shown.changed_list(owner, await self._cancel_elsewhere(owner, known))

    async def cancel_all(self, client: Client, instrument: Instrument) -> list[ShownOrder | ShownOrderList]:
        owner: Owner = client.owner
        term = self._orders.term(instrument.symbol)
        if term is None:
            found = await self._ordinary.open_orders(owner, [instrument.symbol])
            work = [self._ordinary.cancel(owner, each["order_id"]) for each in found]
            at_once = CANCELS_ELSEWHERE_AT_ONCE
        else:
            at_once = CANCELS_AT_ONCE
            orders = self._orders.open_orders_of(term, owner)
            work = [
                self._cancel_here(owner, term, each) for each in orders if each.submitted.symbol == instrument.symbol
            ]
        room = asyncio.Semaphore(at_once)

        async def in_turn(cancel: Awaitable[ShownOrder]) -> ShownOrder:
            async with room:
                return await cancel

        outcomes = await asyncio.gather(*map(in_turn, work), return_exceptions=True)
        canceled = [each for each in outcomes if isinstance(each, ShownOrder)]
        for failure in outcomes:
            if isinstance(failure, BinanceError) and failure.code == -2011:
                continue  # One that ended by itself meanwhile is not open any more, which is what was asked for.
            if isinstance(failure, BinanceError | Unavailable):
                # What it says of one order, nothing done perhaps, is not so of all.
                raise outcome_unknown() if canceled else failure
            if isinstance(failure, BaseException):
                raise failure
        return [await self._as_shown.changed(owner, each) for each in canceled]

    async def order(self, client: Client, order: OrderRef) -> ShownOrder:
        owner: Owner = client.owner
        found = await self._find(owner, order)
        if found is None:
            raise no_such_order()
        return await self._as_shown.order(owner, found, order)

    async def order_list(self, client: Client, order_list: OrderListRef) -> ShownOrderList:
        owner: Owner = client.owner
        found = self._orders.find_list(owner, order_list)
        if found is None:
            known = await self._find_list_at_api(owner, order_list)
            if known is None:
                raise no_such_order_list()
            found = order_of_api(known)
        else:
            await committed(self._orders.term(found.symbol))
        return await self._as_shown.order_list(owner, found)

    async def open_orders(self, client: Client, instrument: Instrument | None) -> list[ShownOrder]:
        return await self._as_shown.orders(client.owner, await self._open_orders(client.owner, instrument))

    async def open_order_lists(self, client: Client) -> list[ShownOrderList]:
        owner: Owner = client.owner
        found = await self._open_orders(owner, None)
        return [await self._as_shown.order_list(owner, each) for each in found if is_list(each.execution)]

    async def orders(self, client: Client, instrument: Instrument, span: Span) -> list[ShownOrder]:
        owner: Owner = client.owner
        found = await self._ordinary.orders(owner, instrument.symbol, span)
        return [await self._as_shown.order(owner, each, OrderRef(instrument, number, None)) for each, number in found]

    async def order_lists(self, client: Client, span: Span) -> list[ShownOrderList]:
        owner: Owner = client.owner
        return [await self._as_shown.order_list(owner, each) for each in await self._ordinary.order_lists(owner, span)]

    async def trades(
        self, client: Client, instrument: Instrument, span: Span, order_number: int | None
    ) -> list[ShownTrade]:
        owner: Owner = client.owner
        order_id = None
        if order_number is not None:
            known = await self._find_at_api(owner, OrderRef(instrument, order_number, None))
            if known is None:
                return []
            order_id = known["order_id"]
        found = await self._ordinary.trades(owner, instrument.symbol, span, order_id)
        shown = await self._as_shown.trades(owner, found)
        return [each for each in shown if order_number in {None, each.order_number}]

    async def balances(self, client: Client) -> list[Balance]:
        totals, open_orders = await asyncio.gather(
            self._ordinary.balances(client.owner), self._open_orders(client.owner, None, everywhere=True)
        )
        asked: defaultdict[str, Decimal] = defaultdict(Decimal)
        for order in open_orders:
            asset, amount = _locked_by(order)
            asked[asset] += amount
        # Balances are read a moment later than orders: no more is shown as locked than there is.
        locked = {asset: min(asked[asset], max(total, Decimal(0))) for asset, total in totals.items()}
        return [Balance(asset, total - locked[asset], locked[asset]) for asset, total in sorted(totals.items())]

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
            return order_of_api(await self._ordinary.order(owner, order["order_id"])).execution

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

    async def _open_orders(
        self, owner: Owner, instrument: Instrument | None, *, everywhere: bool = False
    ) -> list[ShownOrder]:
        """As the platform has them: a list is one. `everywhere`: those at other venues as well."""
        symbols = [each.symbol for each in ([instrument] if instrument else self._engine.instruments)]
        elsewhere = [symbol for symbol in symbols if self._orders.term(symbol) is None]
        wanted, terms = set(symbols), {shard_of(each): self._orders.term(each) for each in symbols}
        here = [
            self._orders.shown(order)
            for term in terms.values()
            if term is not None
            for order in (
                term.state.open_orders_of(owner.account_id) if everywhere else self._orders.open_orders_of(term, owner)
            )
            if order.submitted.symbol in wanted
        ]
        await committed(*terms.values())
        found = await self._ordinary.open_orders(owner, elsewhere, everywhere=everywhere)
        return here + [order_of_api(each) for each in found]

    async def _find(self, owner: Owner, order: OrderRef) -> ShownOrder | None:
        """Here or at the API. Of a list the one order that it is."""
        found = self._orders.find(owner, order)
        if found is not None:
            await committed(self._orders.term(found.symbol))
            return found
        known = await self._find_at_api(owner, order)
        return None if known is None else order_of_api(known)

    async def _find_at_api(self, owner: Owner, order: OrderRef) -> dict[str, Any] | None:
        """By its own number and client id, or as one of a list by that of the limit or the stop."""
        symbol, number, client_order_id = order.instrument.symbol, order.order_number, order.client_order_id
        if number is not None and number >> EXCHANGE_ORDER_ID_BITS:
            return None  # None has so high a number.
        other = None if number is None else other_number(number)
        ways: list[dict[str, Any]] = [{"client_order_id": client_order_id, "exchange_order_id": number}]
        if client_order_id is not None:
            ways.append({"leg_client_order_id": client_order_id, "exchange_order_id": number})
        if other is not None:
            ways.append({"leg_client_order_id": client_order_id, "exchange_order_id": other})
        for way in ways:
            known = await self._ordinary.find(owner, symbol, **way)
            if known is not None and is_meant(order, symbol, names_of_shown(order_of_api(known))):
                return known
        return None

    async def _find_list_at_api(self, owner: Owner, order_list: OrderListRef) -> dict[str, Any] | None:
        number = order_list.list_number
        if number is not None and number >> EXCHANGE_ORDER_ID_BITS:
            return None
        symbol = None if order_list.instrument is None else order_list.instrument.symbol
        by = {"client_order_id": order_list.list_client_order_id, "exchange_order_id": number, "algorithm": "OCO"}
        known = await self._ordinary.find(owner, symbol, **by)
        return known if known is not None and is_list(order_of_api(known).execution) else None

    async def _cancel_elsewhere(self, owner: Owner, known: dict[str, Any] | None) -> ShownOrder:
        """What the API has found."""
        if known is None or OrdStatus(known["status"]).is_final:
            raise unknown_order_to_cancel()
        return await self._ordinary.cancel(owner, known["order_id"])

    async def _cancel_here(self, owner: Owner, term: Term, order: EngineOrder) -> ShownOrder:
        submitted = order.submitted
        message = CancelOrder(order_id=submitted.order_id, tenant_id=submitted.tenant_id)
        snapshot = await _snapshot(ask(term, message, telling=cancel_requested(submitted, owner.principal)))
        if snapshot["status"] in {OrdStatus.FILLED, OrdStatus.EXPIRED, OrdStatus.REJECTED}:
            raise unknown_order_to_cancel()
        if snapshot["status"] != OrdStatus.CANCELED:
            raise outcome_unknown()
        shown = order_of_snapshot(snapshot, submitted, self._orders.created_ms(submitted))
        self._orders.remember(owner, submitted.order_id, shown)
        return shown


def _locked_by(order: ShownOrder) -> tuple[str, Decimal]:
    base, _, quote = order.symbol.partition("/")
    left, price = order.quantity - order.cum_qty, order.price or Decimal(0)
    if is_list(order.execution):  # The half that costs more.
        price = max(price, order.execution.stop_limit_px or order.execution.stop_px)
    return (quote, EXACT.multiply(left, price)) if order.side is Side.BUY else (base, left)


async def _snapshot(answer: Awaitable[Any]) -> dict[str, Any]:
    """The engine's answer. -1001 where it did not take the question, -1007 where it may have."""
    try:
        snapshot: dict[str, Any] = orjson.loads(await answer)
    except EngineBusy as error:
        raise unavailable(error.retry_after_s) from error
    except EngineUnavailable as error:
        raise outcome_unknown() from error
    except Rejection as error:
        raise refusal_of_code(error.code, error.message) from error
    return snapshot
