"""One venue at the endpoint: its steps and bounds, and where it is served."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from breakwater.domain.executions import Stop
from breakwater.domain.orders import OrderType, Side, TimeInForce
from breakwater.domain.permissions import Principal
from fargate_engine.binance import market_streams, weights
from fargate_engine.binance.documents import exchange_info
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.exchange import NewOrder
from fargate_engine.binance.orders import check_filters
from fargate_engine.firm_exchange.exchange import FirmExchange
from fargate_engine.firm_exchange.order_terms import terms_of
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.venue import ShownVenue, listed
from fargate_engine.gateway.peers import Peers
from fargate_engine.gateway.routes import ENGINE, create_gateway
from fargate_engine.gateway.state import EngineState
from fargate_engine.market_data.hub import MarketHub
from fargate_engine.market_data.l2_book import DepthSnapshot
from fargate_engine.venues.exchange_connection import ExchangeConnection
from fargate_engine.venues.protocol import VenueInstrument
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT

BTC = replace(ETH, symbol="BTC/USDT", base_asset="BTC")
SOL = replace(ETH, symbol="SOL/USDT", base_asset="SOL")
# Ten of our ticks and lots each; of BTC half a tick of ours, which cannot be booked here.
AT_VENUE = {
    "ETH/USDT": VenueInstrument(
        "ETH/USDT",
        tick_size=Decimal("0.10"),
        lot_size=Decimal("0.001"),
        quantity_min=Decimal("0.005"),
        quantity_max=Decimal(100),
        price_min=Decimal(10),
        price_max=Decimal(90_000),
        notional_min=Decimal(10),
    ),
    "BTC/USDT": VenueInstrument("BTC/USDT", tick_size=Decimal("0.005"), lot_size=Decimal("0.001")),
}
[AS_LISTED] = listed((ETH, BTC, SOL), AT_VENUE)
OWNER = Owner(cast(Principal, SimpleNamespace(tenant_id=TENANT)), ACCOUNT)


def order(**changes: Any) -> NewOrder:
    terms: dict[str, Any] = {
        "instrument": AS_LISTED,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "quantity": Decimal("0.5"),
        "quote_quantity": None,
        "price": Decimal(2000),
        "client_order_id": "one",
        "valid_until_ms": 1_900_000_000_000,
    }
    return NewOrder(**terms | changes)


class Connection:
    """What an exchange lists, once it is reached."""

    name = "PAPER"
    taker_fee = Decimal("0.002")
    is_ready = True

    def __init__(self) -> None:
        self.client = SimpleNamespace(markets=AT_VENUE)


def engine(connection: Connection, hub: MarketHub | None = None) -> EngineState:
    parts = {"instruments": (ETH, BTC, SOL), "exchanges": [connection], "hub": MarketHub() if hub is None else hub}
    return cast(EngineState, SimpleNamespace(**parts, term=lambda _: None))


def test_clients_see_what_the_venue_trades_in_its_steps_and_bounds() -> None:
    connection = Connection()
    firm = FirmExchange(engine(connection), "PAPER")
    instruments = firm.instruments()
    assert instruments is firm.instruments()  # Made once.
    assert [each.symbol for each in instruments] == ["ETH/USDT"]
    [symbol] = exchange_info(list(instruments), 0, [], works_orders=True)["symbols"]
    filters = {each["filterType"]: each for each in symbol["filters"]}
    price = {name: Decimal(filters["PRICE_FILTER"][name]) for name in ("minPrice", "maxPrice", "tickSize")}
    assert price == {"minPrice": 10, "maxPrice": 90_000, "tickSize": Decimal("0.1")}
    for name in ("LOT_SIZE", "MARKET_LOT_SIZE"):
        lot = {each: Decimal(filters[name][each]) for each in ("minQty", "maxQty", "stepSize")}
        assert lot == {"minQty": Decimal("0.005"), "maxQty": 100, "stepSize": Decimal("0.001")}
    assert Decimal(filters["NOTIONAL"]["minNotional"]) == 10
    assert firm.fee_rate == Decimal("0.002")
    connection.client.markets = {}  # As after an hour, when it is read again.
    assert firm.instruments() == ()


def test_a_venue_that_was_not_reached_yet_is_unavailable_and_not_empty() -> None:
    connection = Connection()
    connection.is_ready = False
    for each in (FirmExchange(engine(connection), "PAPER"), FirmExchange(engine(connection), "OTHER")):
        for ask in (each.instruments, lambda firm=each: firm.market("ETH/USDT")):
            with pytest.raises(BinanceError) as raised:
                ask()
            assert raised.value.code == -1001


def test_a_symbol_without_a_market_there_is_told_from_one_that_is_not_traded_there() -> None:
    firm = FirmExchange(engine(Connection()), "PAPER")
    for symbol, code in (("ETH/USDT", -1001), ("BTC/USDT", -1121)):
        with pytest.raises(BinanceError) as raised:
            firm.market(symbol)
        assert raised.value.code == code


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"price": Decimal("2000.05")}, "PRICE_FILTER"),
        ({"price": Decimal(9)}, "PRICE_FILTER"),
        ({"price": Decimal(90_001)}, "PRICE_FILTER"),
        ({"quantity": Decimal("0.5005")}, "LOT_SIZE"),
        ({"quantity": Decimal("0.004")}, "LOT_SIZE"),
        ({"quantity": Decimal(101)}, "LOT_SIZE"),
        ({"quantity": Decimal("0.005"), "price": Decimal(1900)}, "NOTIONAL"),
    ],
)
def test_what_the_venue_would_refuse_is_refused_by_its_filter(changes: dict[str, Any], name: str) -> None:
    check_filters(order())
    with pytest.raises(BinanceError, match=f"Filter failure: {name}") as raised:
        check_filters(order(**changes))
    assert raised.value.code == -1013


def test_what_a_quote_amount_buys_is_counted_in_the_markets_steps_and_rounded_to_the_venues_lots() -> None:
    hub = MarketHub()
    venue = ShownVenue(engine(Connection(), hub), "PAPER")
    hub.open("PAPER", ETH).apply(DepthSnapshot(((199_000, 10_000),), ((200_000, 10_000),)), 1)
    spending = order(type=OrderType.MARKET, quantity=None, price=None, quote_quantity=Decimal(101))
    terms = terms_of(OWNER, replace(spending, time_in_force=TimeInForce.IOC), venue)
    assert (terms.quantity, terms.venue) == (Decimal("0.050"), "PAPER")  # 0.0505 of it, in lots of 0.001.
    too_little = order(type=OrderType.MARKET, quantity=None, price=None, quote_quantity=Decimal("9.99"))
    with pytest.raises(BinanceError, match="Filter failure"):
        terms_of(OWNER, replace(too_little, time_in_force=TimeInForce.IOC), venue)


def test_a_stop_is_worked_at_the_venue_alone() -> None:
    stop = order(execution=Stop(algorithm="STOP", stop_px=Decimal(2100)))
    terms = terms_of(OWNER, stop, ShownVenue(engine(Connection()), "PAPER"))
    assert terms.venue == "SOR"
    assert terms.execution is not None
    assert terms.execution.venues == ("PAPER",)


@pytest.fixture
async def gateway() -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    async with aiohttp.ClientSession() as session:
        state = EngineState("engine", Peers(session))
        state.instruments = (ETH, BTC)
        state.exchanges = [cast(ExchangeConnection, Connection())]
        exchanges = {name: FirmExchange(state, name) for name in ("SIM", "PAPER")}
        async with TestClient(TestServer(create_gateway(state, exchanges))) as client:
            yield client


@pytest.mark.parametrize(
    ("base", "symbols"),
    [("", ["ETHUSDT", "BTCUSDT"]), ("/venues/SIM", ["ETHUSDT", "BTCUSDT"]), ("/venues/PAPER", ["ETHUSDT"])],
)
async def test_the_url_names_the_venue(gateway: TestClient, base: str, symbols: list[str]) -> None:  # type: ignore[type-arg]
    answer = await gateway.get(f"{base}/api/v3/exchangeInfo")
    assert [each["symbol"] for each in (await answer.json())["symbols"]] == symbols
    for path in ("/sapi/v1/system/status", "/fapi/v1/exchangeInfo", "/api/v3/ping"):
        assert (await gateway.get(base + path)).status == 200
    assert (await gateway.post(f"{base}/api/v3/order")).status == 401
    answer = await gateway.get(f"{base}/api/v3/nothing")
    assert (answer.status, (await answer.json())["code"]) == (404, -1020)
    async with gateway.ws_connect(f"{base}/ws-api/v3") as socket:
        await socket.send_json({"id": 1, "method": "exchangeInfo", "params": {}})
        told = await socket.receive_json(timeout=5)
        assert [each["symbol"] for each in told["result"]["symbols"]] == symbols
    for path in ("/ws", "/ws/ethusdt@trade", "/stream?streams=ethusdt@trade"):
        async with gateway.ws_connect(base + path) as socket:
            await socket.send_json({"id": 2, "method": "LIST_SUBSCRIPTIONS"})
            assert (await socket.receive_json(timeout=5))["id"] == 2


async def test_a_stream_that_is_asked_for_before_its_venue_is_reached_is_told_from_then_on(
    gateway: TestClient,  # type: ignore[type-arg]
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(market_streams, "AWAITED_LOOK_S", 0.01)
    state = gateway.app[ENGINE]
    connection = cast(Any, state.exchanges[0])
    connection.is_ready = False
    async with gateway.ws_connect("/venues/PAPER/ws/ethusdt@bookTicker/nonsense@bookTicker") as socket:

        async def subscriptions() -> list[str]:
            await socket.send_json({"id": 1, "method": "LIST_SUBSCRIPTIONS"})
            return cast(list[str], (await socket.receive_json(timeout=5))["result"])

        assert await subscriptions() == []
        connection.is_ready = True
        market = state.hub.open("PAPER", ETH)
        async with asyncio.timeout(5):
            while not (told := await subscriptions()):
                await asyncio.sleep(0.01)
        assert told == ["ethusdt@bookTicker"]
        market.apply(DepthSnapshot(((200_000, 10_000),), ((200_100, 10_000),)), time.time_ns())
        assert (await socket.receive_json(timeout=5))["b"].startswith("2000.0")


@pytest.mark.parametrize(
    "path", ["", "/", "/BOOK/api/v3/ping", "/paper/api/v3/ping", "/NONE/ws", "/PAPER/internal/orders"]
)
async def test_no_venue_of_that_name_is_told_in_words_that_a_client_reads(gateway: TestClient, path: str) -> None:  # type: ignore[type-arg]
    for method in ("GET", "POST", "DELETE"):
        answer = await gateway.request(method, f"/venues{path}")
        document = await answer.json()
        assert (answer.status, document["code"]) == (404, -1020)
        assert "no such venue" in document["msg"]


async def test_what_an_address_asks_is_counted_over_all_venues(
    gateway: TestClient,  # type: ignore[type-arg]
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weights, "WEIGHT_A_MINUTE_MAX", 40)  # Two of these questions.
    monkeypatch.setattr(FirmExchange, "now_ms", lambda _: 1_900_000_000_000)
    bases = ("/venues/PAPER", "", "/venues/SIM", "/venues/PAPER")
    answers = [await gateway.get(f"{base}/api/v3/exchangeInfo") for base in bases]
    assert [each.status for each in answers] == [200, 200, 429, 429]
