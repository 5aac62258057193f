"""The market as the dialect shows it: books, trades, bars, the day's figures."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from breakwater.domain.orders import Side
from fargate_engine.binance.documents import amount_text, pair_name
from fargate_engine.binance.errors import BinanceError, bad_symbol, illegal
from fargate_engine.binance.exchange import Exchange
from fargate_engine.binance.orders import read_instrument
from fargate_engine.market_data.bars import Bar
from fargate_engine.market_data.day import DayFigures
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import Levels
from fargate_engine.market_data.market import Market
from fargate_engine.market_data.updates import Trade

if TYPE_CHECKING:
    from fargate_engine.binance.operations import Call

type Document = dict[str, Any]

DEPTH, DEPTH_MAX = 100, 5_000
TRADES, BARS, LIMIT_MAX = 500, 500, 1_000
NAMES_MAX = 100
AVERAGE_MINUTES = 5
_NS_PER_MS = 1_000_000
_ZERO = "0.00000000"


# Shapes ---------------------------------------------------------------------------------------------------------------


def price_text(market: Market, ticks: int | None) -> str:
    return amount_text(market.instrument.price(ticks)) if ticks else _ZERO


def quantity_text(market: Market, lots: int) -> str:
    return amount_text(market.instrument.quantity(lots)) if lots else _ZERO


def quote_text(market: Market, ticks_lots: int) -> str:
    return amount_text(market.instrument.notional(ticks_lots)) if ticks_lots else _ZERO


def level_texts(market: Market, levels: Iterable[tuple[int, int]]) -> list[list[str]]:
    return [[price_text(market, ticks), quantity_text(market, lots)] for ticks, lots in levels]


def book_document(market: Market, depth: int) -> Document:
    state = market.state(depth)
    bids, asks = level_texts(market, state.bids), level_texts(market, state.asks)
    return {"lastUpdateId": state.update_id, "bids": bids, "asks": asks}


def trade_document(market: Market, trade: Trade) -> Document:
    return {
        "id": trade.trade_id,
        "price": price_text(market, trade.price_ticks),
        "qty": quantity_text(market, trade.quantity_lots),
        "quoteQty": quote_text(market, trade.price_ticks * trade.quantity_lots),
        "time": trade.at_ns // _NS_PER_MS,
        "isBuyerMaker": trade.taker is Side.SELL,
        "isBestMatch": True,
    }


def agg_trade_document(market: Market, trade: Trade) -> Document:
    """Each trade is an aggregate of its own."""
    return {
        "a": trade.trade_id,
        "p": price_text(market, trade.price_ticks),
        "q": quantity_text(market, trade.quantity_lots),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.at_ns // _NS_PER_MS,
        "m": trade.taker is Side.SELL,
        "M": True,
    }


def bar_row(market: Market, bar: Bar, interval: Interval) -> list[Any]:
    """Binance's twelve columns."""
    return [
        bar.open_ms,
        price_text(market, bar.open_ticks),
        price_text(market, bar.high_ticks),
        price_text(market, bar.low_ticks),
        price_text(market, bar.close_ticks),
        quantity_text(market, bar.volume_lots),
        interval.close_ms(bar.open_ms),
        quote_text(market, bar.volume_ticks_lots),
        bar.trades,
        quantity_text(market, bar.taker_buy_lots),
        quote_text(market, bar.taker_buy_ticks_lots),
        "0",
    ]


def day_document(market: Market) -> Document:
    figures, quote = market.day(), market.quote()
    return {
        "symbol": pair_name(market.instrument.symbol),
        **_changes(market, figures),
        "prevClosePrice": price_text(market, figures.previous_close_ticks or figures.open_ticks),
        "lastPrice": price_text(market, figures.last_ticks),
        "lastQty": quantity_text(market, market.trades[-1].quantity_lots if market.trades else 0),
        "bidPrice": price_text(market, quote.bid_ticks),
        "bidQty": quantity_text(market, quote.bid_lots),
        "askPrice": price_text(market, quote.ask_ticks),
        "askQty": quantity_text(market, quote.ask_lots),
        "openPrice": price_text(market, figures.open_ticks),
        "highPrice": price_text(market, figures.high_ticks),
        "lowPrice": price_text(market, figures.low_ticks),
        "volume": quantity_text(market, figures.volume_lots),
        "quoteVolume": quote_text(market, figures.volume_ticks_lots),
        "openTime": figures.open_ms,
        "closeTime": figures.close_ms,
        "firstId": figures.first_trade_id,
        "lastId": figures.last_trade_id,
        "count": figures.trades,
    }


def _changes(market: Market, figures: DayFigures) -> Document:
    open_ticks, last_ticks = figures.open_ticks or 0, figures.last_ticks or 0
    change_ticks = last_ticks - open_ticks if open_ticks else 0
    percent = round(100 * change_ticks / open_ticks, 3) if open_ticks else 0.0  # Shown, never traded on.
    average = figures.weighted_average_price(market.instrument)
    return {
        "priceChange": amount_text(market.instrument.price(change_ticks)),
        "priceChangePercent": f"{percent:.3f}",
        "weightedAvgPrice": _ZERO if average is None else amount_text(average),
    }


def quote_document(market: Market) -> Document:
    quote = market.quote()
    return {
        "symbol": pair_name(market.instrument.symbol),
        "bidPrice": price_text(market, quote.bid_ticks),
        "bidQty": quantity_text(market, quote.bid_lots),
        "askPrice": price_text(market, quote.ask_ticks),
        "askQty": quantity_text(market, quote.ask_lots),
    }


def price_document(market: Market) -> Document:
    """The last trade's price, or before the first one the best bid: some price, so that nobody divides by none."""
    ticks = market.trades[-1].price_ticks if market.trades else market.quote().bid_ticks
    return {"symbol": pair_name(market.instrument.symbol), "price": price_text(market, ticks)}


# Operations -----------------------------------------------------------------------------------------------------------


async def depth(call: "Call") -> Any:
    market, limit = _market(call), call.parameters.integer("limit", least=1, most=DEPTH_MAX) or DEPTH
    call.parameters.finish()
    return book_document(market, limit)


async def trades(call: "Call") -> Any:
    market, limit = _market(call), call.parameters.integer("limit", least=1, most=LIMIT_MAX) or TRADES
    call.parameters.finish()
    return [trade_document(market, each) for each in list(market.trades)[-limit:]]


async def agg_trades(call: "Call") -> Any:
    market, limit = _market(call), call.parameters.integer("limit", least=1, most=LIMIT_MAX) or TRADES
    from_id = call.parameters.integer("fromId")
    start_ms, end_ms = call.parameters.integer("startTime"), call.parameters.integer("endTime")
    call.parameters.finish()
    found = [
        each
        for each in market.trades
        if (from_id is None or each.trade_id >= from_id)
        and (start_ms is None or each.at_ns // _NS_PER_MS >= start_ms)
        and (end_ms is None or each.at_ns // _NS_PER_MS <= end_ms)
    ]
    is_from_the_first = from_id is not None or start_ms is not None
    return [agg_trade_document(market, each) for each in (found[:limit] if is_from_the_first else found[-limit:])]


async def klines(call: "Call") -> Any:
    market, name = _market(call), call.parameters.required("interval")
    start_ms, end_ms = call.parameters.integer("startTime"), call.parameters.integer("endTime")
    limit = call.parameters.integer("limit", least=1, most=LIMIT_MAX) or BARS
    if call.parameters.text("timeZone") not in {None, "0", "00:00", "+00:00"}:
        raise BinanceError(-1100, "Illegal characters found in parameter 'timeZone'; legal range is '0'.")
    call.parameters.finish()
    interval = read_interval(name)
    return [bar_row(market, bar, interval) for bar in market.bars.recent(interval, limit, start_ms, end_ms)]


async def average_price(call: "Call") -> Any:
    market = _market(call)
    call.parameters.finish()
    bars = market.bars.recent(Interval.MINUTE_1, AVERAGE_MINUTES)
    lots, ticks_lots = sum(bar.volume_lots for bar in bars), sum(bar.volume_ticks_lots for bar in bars)
    ticks = ticks_lots // lots if lots else (bars[-1].close_ticks if bars else market.quote().bid_ticks)
    closed_ms = market.at_ns // _NS_PER_MS
    return {"mins": AVERAGE_MINUTES, "price": price_text(market, ticks), "closeTime": closed_ms}


async def ticker_day(call: "Call") -> Any:
    mini = call.parameters.text("type")
    if mini not in {None, "FULL", "MINI"}:
        raise illegal("type", "FULL, MINI")
    return _for_each(call, day_document)


async def ticker_price(call: "Call") -> Any:
    return _for_each(call, price_document)


async def book_ticker(call: "Call") -> Any:
    return _for_each(call, quote_document)


def _for_each(call: "Call", document: Any) -> Any:
    """An object for one symbol, a list for several or for all."""
    one, several = call.parameters.text("symbol"), call.parameters.text("symbols")
    call.parameters.text("symbolStatus")
    call.parameters.finish()
    names = read_names(one, several)
    if names is None:
        return [document(market) for market in markets_here(call.exchange)]
    shown = [document(call.exchange.market(_symbol(call, name))) for name in names]
    return shown[0] if one is not None else shown


def markets_here(exchange: Exchange) -> Iterator[Market]:
    """Of all that is listed: those that this engine serves."""
    try:
        instruments = exchange.instruments()
    except BinanceError:
        return  # Its venue has not been reached yet.
    for instrument in instruments:
        try:
            yield exchange.market(instrument.symbol)
        except BinanceError:
            continue


def read_names(one: str | None, several: str | None) -> list[str] | None:
    """From `symbol` or from `symbols`, a JSON list."""
    if one is not None and several is not None:
        raise BinanceError(-1128, "Combination of optional parameters invalid.")
    if one is not None:
        return [one]
    if several is None:
        return None
    try:
        names = orjson.loads(several)
    except orjson.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not 0 < len(names) <= NAMES_MAX or not all(isinstance(n, str) for n in names):
        raise illegal("symbols", '["BTCUSDT","ETHUSDT"]')
    return names


def read_interval(name: str) -> Interval:
    try:
        return Interval(name)
    except ValueError as error:
        raise BinanceError(-1120, "Invalid interval.") from error


def _market(call: "Call") -> Market:
    return call.exchange.market(read_instrument(call.parameters, call.instruments).symbol)


def _symbol(call: "Call", name: str) -> str:
    instrument = call.instruments.get(name)
    if instrument is None:
        raise bad_symbol()
    return instrument.symbol


def best_levels(market: Market, side: Side, depth: int) -> Levels:
    state = market.state(depth)
    return state.asks if side is Side.SELL else state.bids
