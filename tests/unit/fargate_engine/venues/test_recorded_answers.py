"""Answers that Binance gave to ccxt, as the engine takes them: exactly what was written there, in ticks and lots."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import Side
from fargate_engine.venues.dialect import instruments
from fargate_engine.venues.market_client import PublicTrade
from fargate_engine.venues.market_streams import Steps

BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))


@pytest.fixture
def recorded(market_data_folder: Path) -> Any:
    def read(method: str) -> tuple[Any, Any]:
        """What the exchange answered, and what ccxt made of it."""
        file = market_data_folder / "api" / f"ccxt_live_binance_{method}.json"
        if not file.is_file():
            pytest.skip(f"no recorded answer at {file}")
        told = json.loads(file.read_text())
        return told["http_response"], told["parsed_response"]

    return read


def whole(text: str, step: Decimal) -> int:
    steps = Decimal(text) / step
    assert steps == int(steps)
    return int(steps)


def test_a_book_is_what_the_exchange_wrote(recorded: Any) -> None:
    answered, _ = recorded("fetch_order_book_BTC_USDT")
    book = ccxt.binance().parse_order_book(answered, "BTC/USDT")
    for side in ("bids", "asks"):
        written = [(whole(price, BTC.tick_size), whole(size, BTC.lot_size)) for price, size in answered[side]]
        assert list(Steps(BTC).levels(book[side])) == written
        assert written


def test_trades_are_what_the_exchange_wrote(recorded: Any) -> None:
    answered, parsed = recorded("fetch_trades_BTC_USDT")
    taken = [PublicTrade.of(each, now_ms=answered[-1]["T"]) for each in parsed]
    assert len(taken) == len(answered) > 0
    for trade, written in zip(taken, answered, strict=True):
        assert trade is not None
        told = Steps(BTC).trade(trade)
        assert told is not None
        assert (trade.at_ms, told.trade_id) == (written["T"], written["a"])
        assert told.price_ticks == whole(written["p"], BTC.tick_size)
        assert told.quantity_lots == whole(written["q"], BTC.lot_size)
        assert told.taker is (Side.SELL if written["m"] else Side.BUY)


def test_of_the_markets_those_that_are_spot_are_taken_with_the_steps_that_the_exchange_wrote(recorded: Any) -> None:
    _, parsed = recorded("fetch_markets")
    taken = instruments({each["symbol"]: each for each in parsed})
    assert taken.keys() == {each["symbol"] for each in parsed if each["spot"] and each["active"]}
    assert taken
    assert instruments({each["symbol"]: each | {"spot": False} for each in parsed}) == {}
    for each in parsed:
        if each["symbol"] not in taken:
            continue
        filters = {one["filterType"]: one for one in each["info"]["filters"]}
        at = taken[each["symbol"]]
        assert at.tick_size == Decimal(filters["PRICE_FILTER"]["tickSize"])
        assert at.lot_size == Decimal(filters["LOT_SIZE"]["stepSize"])
        assert at.quantity_min == Decimal(filters["LOT_SIZE"]["minQty"])
        assert at.quantity_max == Decimal(filters["LOT_SIZE"]["maxQty"])
        assert at.notional_min == Decimal(filters["NOTIONAL"]["minNotional"])
