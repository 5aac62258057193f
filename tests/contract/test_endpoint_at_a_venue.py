"""The exchange-compatible endpoint at an outside exchange: orders of a lease, answered with the venue's own word."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from breakwater.domain.executions import Execution
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce, leased_order_id_of
from breakwater.domain.permissions import Principal
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import Client, NewOrder, OrderRef
from fargate_engine.binance.market_documents import best_levels
from fargate_engine.firm_exchange.control_plane import ControlPlane
from fargate_engine.firm_exchange.exchange import FirmExchange, Platform
from fargate_engine.firm_exchange.lease_cover import submission_under_lease
from fargate_engine.firm_exchange.order_terms import terms_of
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.gateway import routing
from fargate_engine.gateway.state import EngineState
from fargate_engine.market_data.hub import MarketHub
from tests.support.exchange_scene import VENUE, Shard, Simulated, connected, fed, simulated_exchange, until
from tests.unit.fargate_engine.leases import lease
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT

KEY = "0123456789abcdef"
OWNER = Owner(cast(Principal, SimpleNamespace(tenant_id=TENANT, username="bot", actor="bot")), ACCOUNT)
CLIENT = Client(KEY, cast(Any, None), frozenset(), OWNER)


class NoFunctions:
    """What is asked of the ledger here is a mistake."""


@dataclass
class Endpoint:
    """`firm` shows the venue, `sim` the simulated one of the same engine."""

    firm: FirmExchange
    sim: FirmExchange
    there: Simulated
    shard: Shard

    def price(self, side: Side, percent: int) -> Decimal:
        """So far beyond the best one that an order of this side could take."""
        market = self.there.exchange.market(ETH.symbol)
        [(ticks, _)] = best_levels(market, Side.SELL if side is Side.BUY else Side.BUY, 1)
        return ETH.price(ticks * (100 + side.sign * percent) // 100)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    hub = MarketHub()
    async with (
        simulated_exchange() as there,
        connected(there.base_url) as connection,
        Shard(connection).served() as shard,
        fed(hub, [connection]),
    ):
        engine = cast(
            EngineState,
            SimpleNamespace(instruments=(ETH,), hub=hub, exchanges=[connection], term=lambda _: shard),
        )
        await shard.inbox.ask(lease(venue=VENUE, api_key_id=KEY, expires_at_ns=2**61 - 1))
        firm, sim = FirmExchange(engine, VENUE), FirmExchange(engine)
        for each in (firm, sim):
            each.connect(
                Platform(cast(Any, None), cast(Any, None), ControlPlane({}, cast(Any, NoFunctions())), cast(Any, None))
            )
        await until(lambda: hub.get(VENUE, ETH.symbol) is not None and firm.market(ETH.symbol).update_id > 0)
        yield Endpoint(firm, sim, there, shard)


def order(name: str, **changes: Any) -> NewOrder:
    terms: dict[str, Any] = {
        "instrument": ETH,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "quantity": Decimal("0.5"),
        "quote_quantity": None,
        "price": Decimal("1500.00"),
        "client_order_id": name,
        "valid_until_ms": 1_900_000_000_000,
        "execution": cast(Execution | None, None),
    }
    return NewOrder(**terms | changes)


async def test_an_order_rests_at_the_venue_and_is_found_there_alone(endpoint: Endpoint) -> None:
    placed = await endpoint.firm.place(CLIENT, order("one"))
    assert (placed.status, placed.price) == (OrdStatus.NEW, Decimal("1500.00"))
    assert [each.quantity for each in endpoint.there.account.orders.values()] == [Decimal("0.5")]
    [shown] = await endpoint.firm.open_orders(CLIENT, ETH)
    assert shown.order_number == placed.order_number
    for ref in (OrderRef(ETH, placed.order_number, None), OrderRef(ETH, None, "one")):
        assert (await endpoint.firm.order(CLIENT, ref)).status is OrdStatus.NEW
        assert endpoint.sim._orders.find(OWNER, ref) is None
    assert endpoint.sim._orders.open_orders_of(cast(Any, endpoint.shard), OWNER) == []


async def test_a_market_order_is_answered_with_all_of_its_fills(endpoint: Endpoint) -> None:
    market = order("one", type=OrderType.MARKET, time_in_force=TimeInForce.IOC, price=None)
    placed = await endpoint.firm.place(CLIENT, market)
    assert (placed.status, placed.cum_qty) == (OrdStatus.FILLED, Decimal("0.5"))
    assert sum(each.quantity for each in placed.fills) == Decimal("0.5")


async def test_an_order_that_must_not_rest_is_answered_when_it_has_ended_though_its_fills_come_late(
    endpoint: Endpoint,
) -> None:
    """The exchange's answer is lost: what became of it is told by the stream or asked for, one after the other."""
    endpoint.there.switch(lost_reply=1)
    taking = order("one", time_in_force=TimeInForce.IOC, price=endpoint.price(Side.BUY, 1))
    placed = await endpoint.firm.place(CLIENT, taking)
    assert placed.status is OrdStatus.FILLED
    assert sum(each.quantity for each in placed.fills) == Decimal("0.5")
    assert len(endpoint.there.account.orders) == 1


async def test_what_the_venue_refuses_is_refused_in_its_words(endpoint: Endpoint) -> None:
    taking = order("one", post_only=True, price=endpoint.price(Side.BUY, 1))
    with pytest.raises(BinanceError, match="would immediately match and take") as raised:
        await endpoint.firm.place(CLIENT, taking)
    assert raised.value.code == -2010
    endpoint.there.account.free["USDT"] = Decimal(0)
    with pytest.raises(BinanceError, match="insufficient balance") as raised:
        await endpoint.firm.place(CLIENT, order("two"))
    assert raised.value.code == -2010
    endpoint.there.switch(reject=1)
    with pytest.raises(BinanceError, match="VENUE_") as raised:
        await endpoint.firm.place(CLIENT, order("three"))
    assert raised.value.code == -2010


async def test_an_order_whose_outcome_is_not_known_in_time_is_found_and_never_placed_twice(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "ANSWER_TIMEOUT_S", 0.2)
    endpoint.there.switch(slow_reply_ms=60_000, silent_streams=True)
    with pytest.raises(BinanceError) as raised:
        await endpoint.firm.place(CLIENT, order("one"))
    assert raised.value.code == -1007
    endpoint.there.switch()
    shown = await endpoint.firm.order(CLIENT, OrderRef(ETH, None, "one"))
    assert shown.status in {OrdStatus.PENDING_NEW, OrdStatus.NEW}
    with pytest.raises(BinanceError, match="Duplicate order sent"):
        await endpoint.firm.place(CLIENT, order("one"))
    order_id = leased_order_id_of(TENANT, ACCOUNT, ETH.symbol, "one")
    await until(endpoint.shard.has(order_id, "NEW"))
    assert len(endpoint.there.account.orders) == 1


async def test_a_lease_of_another_venue_covers_nothing_here(endpoint: Endpoint) -> None:
    term = cast(Any, endpoint.shard)
    elsewhere = terms_of(OWNER, order("one"), endpoint.sim._venue)
    assert submission_under_lease(term, CLIENT, uuid.uuid4(), elsewhere) is None
    here = submission_under_lease(term, CLIENT, uuid.uuid4(), terms_of(OWNER, order("one"), endpoint.firm._venue))
    assert here is not None
    assert here.venue == VENUE


async def test_nobody_hears_of_an_order_before_it_is_in_the_journal(endpoint: Endpoint) -> None:
    """The engine has it while its commit is under way, and would forget it if that failed."""
    journal = endpoint.shard.journal
    journal.may_write.clear()
    placing = asyncio.create_task(endpoint.firm.place(CLIENT, order("one")))
    order_id = leased_order_id_of(TENANT, ACCOUNT, ETH.symbol, "one")
    await until(lambda: endpoint.shard.state.knows(order_id))
    finding = asyncio.create_task(endpoint.firm.order(CLIENT, OrderRef(ETH, None, "one")))
    listing = asyncio.create_task(endpoint.firm.open_orders(CLIENT, ETH))
    done, _ = await asyncio.wait([finding, listing], timeout=0.1)
    assert not done
    journal.may_write.set()
    await placing
    found, [shown] = await asyncio.gather(finding, listing)
    assert found.order_number == shown.order_number
