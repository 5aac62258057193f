"""Binance's documents of futures as nautilus_trader keeps them, each by what would read it here: ccxt, and what is ours
behind it. Nothing trades futures yet: that these parse is what the venue protocol needs of them first.
"""

import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.market_data.depth_synchroniser import BinanceDepth
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot
from fargate_engine.venues.market_client import PublicTrade
from fargate_engine.venues.market_streams import Steps

PERPETUAL = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.0001"), Decimal("0.001"), Decimal(5))
# Of each contract what the exchange's list says of it, as far as a parser asks.
CONTRACTS = (
    ("BTCUSDT", "BTC", "USDT", "USDT", "PERPETUAL", 4_133_404_800_000),
    ("BNBUSDT", "BNB", "USDT", "USDT", "PERPETUAL", 4_133_404_800_000),
    ("BTCUSD_240329", "BTC", "USD", "BTC", "CURRENT_QUARTER", 1_711_699_200_000),
)

type Told = dict[str, Any]
type Reader = Callable[[Any, Any], Told]  # Of ccxt's exchange and the document: what was made of it.


def fields(parsed: Any, **names: str) -> Told:
    """Numbers as they would be written, so that they can be held against the document."""
    return {name: written(parsed[of]) for name, of in names.items()}


def written(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, int | float) else value


def order(exchange: Any, raw: Any) -> Told:
    parsed = exchange.parse_order(raw, exchange.market(raw["symbol"]))
    names = {"id": "id", "client_id": "clientOrderId", "side": "side", "quantity": "amount", "status": "status"}
    return fields(parsed, **names, filled="filled")


def told_order(exchange: Any, message: Any) -> Told:
    raw = message["o"]
    parsed = exchange.parse_ws_order(raw, exchange.safe_market(raw["s"], None, None, "contract"))
    names = {"id": "id", "client_id": "clientOrderId", "side": "side", "quantity": "amount", "status": "status"}
    told = fields(parsed, **names, filled="filled")
    if raw.get("x") == "TRADE":
        trade = exchange.parse_ws_trade(raw, exchange.safe_market(raw["s"], None, None, "contract"))
        told |= fields(trade, trade="id", price="price", liquidity="takerOrMaker")
    return told


def algo_order(exchange: Any, message: Any) -> Told:
    parsed = exchange.parse_ws_order(message["o"], exchange.market(message["o"]["s"]))
    names = {"id": "id", "client_id": "clientOrderId", "status": "status", "trigger": "triggerPrice"}
    return fields(parsed, **names)


def balances(exchange: Any, raw: Any) -> Told:
    return {"USDT": written(exchange.parse_balance_custom(raw, "linear")["USDT"]["total"])}


def position(exchange: Any, raw: Any) -> Told:
    parsed = exchange.parse_position_risk(raw[0], exchange.market(raw[0]["symbol"]))
    return fields(parsed, contracts="contracts", side="side", entry="entryPrice", mark="markPrice")


def told_positions(exchange: Any, message: Any) -> Told:
    parsed = [exchange.parse_ws_position(each) for each in message["a"]["P"]]
    return {f"{each['symbol']} {each['side']}": written(each["contracts"]) for each in parsed}


def public_trade(exchange: Any, message: Any) -> Told:
    """In ticks and lots, as the engine has it."""
    parsed = exchange.parse_ws_trade(message, exchange.market(message["s"]))
    trade = PublicTrade.of(parsed, now_ms=message["E"])
    assert trade is not None
    told = Steps(PERPETUAL).trade(trade)
    assert told is not None
    return {"id": told.trade_id, "ticks": told.price_ticks, "lots": told.quantity_lots, "taker": told.taker}


def depth(exchange: Any, message: Any) -> Told:
    """Joined to a snapshot by its ids."""
    book = BinanceDepth(PERPETUAL)
    assert book.diff(message) == []
    snapshot, diff = book.snapshot({"lastUpdateId": message["U"], "bids": [], "asks": []})
    assert isinstance(snapshot, DepthSnapshot)
    assert isinstance(diff, DepthDiff)
    return {"bids": diff.bids, "asks": diff.asks}


def ticker(exchange: Any, message: Any) -> Told:
    parsed = exchange.parse_ws_ticker(message, "swap")
    names = ("symbol", "bid", "ask", "last", "open", "high", "low", "baseVolume", "markPrice", "indexPrice")
    return {name: written(parsed[name]) for name in names if parsed[name] is not None}


def bar(exchange: Any, message: Any) -> Told:
    heard = exchange.client("wss://nowhere.example/ws")
    exchange.handle_message(heard, message)
    (parsed,) = exchange.ohlcvs["BTC/USDT:USDT"]["1m"]
    return dict(zip(("at", "open", "high", "low", "close", "volume"), map(written, parsed), strict=True))


def liquidation(exchange: Any, message: Any) -> Told:
    parsed = exchange.parse_ws_liquidation(message["o"], exchange.market(message["o"]["s"]))
    return fields(parsed, contracts="contracts", side="side", price="price")


def passed_over(exchange: Any, message: Any) -> Told:
    """ccxt keeps nothing of it: ORDER_TRADE_UPDATE says the same, and more."""
    exchange.handle_message(exchange.client("wss://nowhere.example/ws"), message)
    return {"trades": exchange.myTrades, "orders": exchange.orders}


def decimals(**told: str) -> Told:
    return {name: Decimal(text) for name, text in told.items()}


def of_order(order_id: str, client_id: str, side: str, status: str, *, quantity: str, filled: str = "0") -> Told:
    ids = {"id": order_id, "client_id": client_id, "side": side, "status": status}
    return ids | decimals(quantity=quantity, filled=filled)


def of_trade(trade: str, price: str, liquidity: str) -> Told:
    return {"trade": trade, "price": Decimal(price), "liquidity": liquidity}


def of_algo(status: str) -> Told:
    return {"id": "2148719", "client_id": "Q5xaq5EGKgXXa0fD7fs0Ip", "status": status, "trigger": Decimal(750)}


TRADED = {"id": 5_933_014, "ticks": 10, "lots": 100_000, "taker": Side.SELL}
MINUTE = decimals(at="1638747660000", open="0.001", high="0.0025", close="0.002", volume="1000")
DAY = decimals(last="16584.6", open="16716.0", high="16764.89", low="16456.51", baseVolume="122474.816")
DOCUMENTS: dict[str, tuple[Reader, Told]] = {
    "http_json/account_info_v2": (balances, decimals(USDT="23.72469206")),
    "http_json/balance": (balances, decimals(USDT="122.12345678")),
    "http_json/open_algo_orders": (
        lambda exchange, raw: order(exchange, raw[0]),
        of_order("123456789", "test-algo-order-1", "buy", "open", quantity="0.001"),
    ),
    "http_json/order_response": (order, of_order("12345678", "testOrder123", "buy", "open", quantity="0.001")),
    "http_json/position_risk": (
        position,
        decimals(contracts="0.001", entry="50000", mark="51000") | {"side": "long"},
    ),
    "market_data_json/agg_trade_stream": (public_trade, TRADED),
    "market_data_json/book_ticker_stream": (
        ticker,
        {"symbol": "BNB/USDT:USDT"} | decimals(bid="25.3519", ask="25.3652"),
    ),
    "market_data_json/depth_update_stream": (depth, {"bids": ((24, 10_000),), "asks": ((26, 100_000),)}),
    "market_data_json/kline_stream_closed": (bar, MINUTE | decimals(low="0.001")),
    "market_data_json/kline_stream_open": (bar, MINUTE | decimals(low="0.0015")),
    "market_data_json/liquidation_stream": (
        liquidation,
        decimals(contracts="0.014", price="9910.12345678") | {"side": "sell"},
    ),
    "market_data_json/mark_price_stream": (
        ticker,
        {"symbol": "BTC/USDT:USDT"} | decimals(markPrice="11794.15", indexPrice="11784.62659091"),
    ),
    "market_data_json/ticker_stream": (ticker, {"symbol": "BTC/USDT:USDT"} | DAY),
    "market_data_json/trade_stream": (public_trade, TRADED),
    "user_data_json/account_update": (
        told_positions,
        {
            "BTC/USDT:USDT both": Decimal(0),
            "BTC/USDT:USDT long": Decimal(20),
            "BTC/USDT:USDT short": Decimal(10),
        },
    ),
    "user_data_json/account_update_bnfcr": (told_positions, {}),
    "user_data_json/algo_update_canceled": (algo_order, of_algo("canceled")),
    "user_data_json/algo_update_new": (algo_order, of_algo("open")),
    # The exchange's own words, which ccxt has no other for: none of ours ends by them.
    "user_data_json/order_update_adl": (
        told_order,
        of_order("8887001", "adl_autoclose_12345", "buy", "NEW_ADL", quantity="0.005", filled="0.005"),
    ),
    "user_data_json/order_update_calculated": (
        told_order,
        of_order("8886999", "autoclose-1234567890", "sell", "closed", quantity="0.014", filled="0.014"),
    ),
    "user_data_json/order_update_calculated_pending": (
        told_order,
        of_order("8887004", "autoclose-pending-0000", "sell", "open", quantity="0.014"),
    ),
    "user_data_json/order_update_delivery": (
        told_order,
        of_order("8887003", "delivery_autoclose-12345", "sell", "closed", quantity="1", filled="1")
        | of_trade("12346003", "70000", "taker"),
    ),
    "user_data_json/order_update_insurance": (
        told_order,
        of_order("8887003", "autoclose-insurance-5678", "sell", "NEW_INSURANCE", quantity="0.02", filled="0.02"),
    ),
    "user_data_json/order_update_new": (told_order, of_order("8886774", "TEST", "buy", "open", quantity="0.001")),
    "user_data_json/order_update_settlement": (
        told_order,
        of_order("8887002", "settlement_autoclose-9999", "sell", "closed", quantity="0.01", filled="0.01")
        | of_trade("12346002", "50000", "taker"),
    ),
    "user_data_json/order_update_trade": (
        told_order,
        of_order("8886774", "TEST", "buy", "open", quantity="0.001", filled="0.001")
        | of_trade("12345678", "7100.5", "maker"),
    ),
    "user_data_json/order_update_trade_partial": (
        told_order,
        of_order("8886774", "TEST", "buy", "open", quantity="0.002", filled="0.001")
        | of_trade("12345678", "7100.5", "maker"),
    ),
    "user_data_json/trade_lite": (passed_over, {"trades": None, "orders": None}),
}


@pytest.fixture
def folder(market_data_folder: Path) -> Path:
    folder = market_data_folder / "api" / "nautilus_binance" / "futures"
    if not folder.is_dir():
        pytest.skip(f"no documents at {folder}")
    return folder


@pytest.fixture
async def exchange() -> AsyncIterator[Any]:
    pro = ccxt.pro.binance({"options": {"defaultType": "swap"}})
    pro.set_markets([pro.parse_market(_listed(*contract)) for contract in CONTRACTS])
    yield pro
    await pro.close()


def _listed(*contract: Any) -> Told:
    symbol, base, quote, settle, kind, ends_ms = contract
    tick = {"filterType": "PRICE_FILTER", "minPrice": "0.0001", "maxPrice": "1000000", "tickSize": "0.0001"}
    lot = {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"}
    return {
        "symbol": symbol,
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": settle,
        "contractType": kind,
        "deliveryDate": ends_ms,
        "status": "TRADING",
        "contractStatus": "TRADING",
        "contractSize": 100,
        "filters": [tick, lot],
    }


def test_every_document_is_read(folder: Path) -> None:
    there = {file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.json")}
    assert there == DOCUMENTS.keys()


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_says_what_is_written_in_it(name: str, folder: Path, exchange: Any) -> None:
    read, expected = DOCUMENTS[name]
    assert read(exchange, json.loads((folder / f"{name}.json").read_text())) == expected
