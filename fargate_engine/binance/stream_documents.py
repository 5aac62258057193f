"""What each market stream carries, and how often."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from breakwater.domain.orders import Side
from fargate_engine.binance import market_documents
from fargate_engine.binance.documents import pair_name
from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.market_documents import level_texts, price_text, quantity_text, quote_text
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.market import Market
from fargate_engine.market_data.updates import BarsUpdate, BookChange, Quote, Subject, Topic, Trades, Update

type Encoder = Callable[[Market, Update], Iterable[Any]]

_NS_PER_MS = 1_000_000
_NAME = re.compile(r"([a-z0-9]{1,40})@([a-zA-Z]+?)(5|10|20)?(?:_([0-9]{1,2}[smhdwM]))?(?:@(100ms|1000ms))?")


@dataclass(frozen=True, slots=True)
class Kind:
    """`period_s`: not more often. `form` names the documents, so that they are made once for all who get the same."""

    form: str
    subject: Subject
    period_s: float
    encode: Encoder


def read_stream(name: str) -> tuple[str, Kind]:
    """The pair's name and the kind of a stream such as `ethusdt@depth@100ms`."""
    match = _NAME.fullmatch(name)
    kind = None if match is None else _kind(match[2], match[3], match[4], match[5])
    if match is None or kind is None:
        raise BinanceError(2, f"Invalid request: no such stream: {name[:60]}")
    return match[1].upper(), kind


def texts(kind: Kind, market: Market, update: Update) -> bytes:
    """The documents of an update, one to a line: their wire form, shared by all who hear of it."""
    return update.wire(kind.form, lambda: b"\n".join(orjson.dumps(each) for each in kind.encode(market, update)))


def _kind(word: str, depth: str | None, interval: str | None, speed: str | None) -> Kind | None:
    if word == "kline" and interval is not None and depth is None and speed is None:
        return _kline(interval)
    if interval is not None:
        return None
    if word == "depth":
        period_s = 0.1 if speed == "100ms" else 1.0
        if depth is None:
            return Kind("depth", Topic.BOOK, period_s, _depth_change)
        return Kind(f"depth{depth}", Topic.BOOK, period_s, lambda market, _: [_partial(market, int(depth))])
    return _KINDS.get(word) if depth is None and speed is None else None


def _kline(name: str) -> Kind | None:
    try:
        interval = Interval(name)
    except ValueError:
        return None
    return Kind(f"kline_{name}", interval, 1.0, _bars)


def _depth_change(market: Market, update: Update) -> Iterable[Any]:
    """Nothing for a whole book: what comes next then shows the gap, and the client asks for a snapshot."""
    if isinstance(update, BookChange):
        yield {
            **_head("depthUpdate", market),
            "U": update.first_id,
            "u": update.last_id,
            "b": level_texts(market, update.bids),
            "a": level_texts(market, update.asks),
        }


def _partial(market: Market, depth: int) -> Any:
    return market_documents.book_document(market, depth)


def _trades(market: Market, update: Update) -> Iterable[Any]:
    if isinstance(update, Trades):
        for trade in update.trades:
            yield {
                **_head("trade", market),
                "t": trade.trade_id,
                "p": price_text(market, trade.price_ticks),
                "q": quantity_text(market, trade.quantity_lots),
                "T": trade.at_ns // _NS_PER_MS,
                "m": trade.taker is Side.SELL,
                "M": True,
            }


def _agg_trades(market: Market, update: Update) -> Iterable[Any]:
    if isinstance(update, Trades):
        for trade in update.trades:
            yield {**_head("aggTrade", market), **market_documents.agg_trade_document(market, trade)}


def _quote(market: Market, update: Update) -> Iterable[Any]:
    if isinstance(update, Quote):
        yield {
            "u": update.update_id,
            "s": pair_name(market.instrument.symbol),
            "b": price_text(market, update.bid_ticks),
            "B": quantity_text(market, update.bid_lots),
            "a": price_text(market, update.ask_ticks),
            "A": quantity_text(market, update.ask_lots),
        }


def mini_ticker(market: Market) -> Any:
    figures = market.day()
    return {
        **_head("24hrMiniTicker", market),
        "c": price_text(market, figures.last_ticks),
        "o": price_text(market, figures.open_ticks),
        "h": price_text(market, figures.high_ticks),
        "l": price_text(market, figures.low_ticks),
        "v": quantity_text(market, figures.volume_lots),
        "q": quote_text(market, figures.volume_ticks_lots),
    }


def ticker(market: Market) -> Any:
    day = market_documents.day_document(market)
    return {
        **_head("24hrTicker", market),
        "p": day["priceChange"],
        "P": day["priceChangePercent"],
        "w": day["weightedAvgPrice"],
        "x": day["prevClosePrice"],
        "c": day["lastPrice"],
        "Q": day["lastQty"],
        "b": day["bidPrice"],
        "B": day["bidQty"],
        "a": day["askPrice"],
        "A": day["askQty"],
        "o": day["openPrice"],
        "h": day["highPrice"],
        "l": day["lowPrice"],
        "v": day["volume"],
        "q": day["quoteVolume"],
        "O": day["openTime"],
        "C": day["closeTime"],
        "F": day["firstId"],
        "L": day["lastId"],
        "n": day["count"],
    }


def _bars(market: Market, update: Update) -> Iterable[Any]:
    if not isinstance(update, BarsUpdate):
        return
    for bar in update.bars:
        row = market_documents.bar_row(market, bar, update.interval)
        yield {
            **_head("kline", market),
            "k": {
                "t": row[0],
                "T": row[6],
                "s": pair_name(market.instrument.symbol),
                "i": update.interval.value,
                "f": bar.first_trade_id,
                "L": bar.last_trade_id,
                "o": row[1],
                "c": row[4],
                "h": row[2],
                "l": row[3],
                "v": row[5],
                "n": row[8],
                "x": bar is not update.bars[-1],
                "q": row[7],
                "V": row[9],
                "Q": row[10],
                "B": "0",
            },
        }


def _head(event: str, market: Market) -> dict[str, Any]:
    return {"e": event, "E": market.at_ns // _NS_PER_MS, "s": pair_name(market.instrument.symbol)}


_KINDS = {
    "trade": Kind("trade", Topic.TRADES, 0.0, _trades),
    "aggTrade": Kind("aggTrade", Topic.TRADES, 0.0, _agg_trades),
    "bookTicker": Kind("bookTicker", Topic.QUOTE, 0.0, _quote),
    "miniTicker": Kind("miniTicker", Topic.DAY, 1.0, lambda market, _: [mini_ticker(market)]),
    "ticker": Kind("ticker", Topic.DAY, 1.0, lambda market, _: [ticker(market)]),
}
# Of every market: one list of those that changed.
OF_ALL_MARKETS = {"!miniTicker@arr": mini_ticker, "!ticker@arr": ticker}
ALL_PERIOD_S = 1.0
