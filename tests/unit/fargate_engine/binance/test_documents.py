"""What the dialect writes: held against examples of Binance's own documentation, where they are at hand."""

import json
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from breakwater.domain.executions import Execution, Route, Stop, TakeProfit, TrailingStop
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from fargate_engine.binance import documents, market_documents, user_documents
from fargate_engine.binance.exchange import Balance, Fill, ShownOrder, ShownTrade
from fargate_engine.market_data.intervals import Interval
from fargate_engine.market_data.l2_book import DepthDiff, DepthSnapshot, MarketTrade
from fargate_engine.market_data.market import Market
from tests.unit.fargate_engine.binance.instruments import BTC, ETH

# Of what is not here, or not of an order without a stop: smart routing of its own, marks of expired reports.
NOT_OURS = {"stopPrice", "sors", "eR"}
FILL = Fill(28, Decimal("2000.10"), Decimal("0.25"), Decimal("0.500025"), "USDT")
ORDER = ShownOrder(
    order_number=4_503_599_627_370_495,
    client_order_id="mine",
    symbol="ETH/USDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    status=OrdStatus.PARTIALLY_FILLED,
    quantity=Decimal("0.5"),
    price=Decimal("2000.10"),
    cum_qty=Decimal("0.25"),
    cum_notional=Decimal("500.025"),
    created_ms=1_700_000_000_000,
    updated_ms=1_700_000_000_100,
    fills=[FILL],
)
STOP = Stop(algorithm="STOP", stop_px=Decimal(1900))
TRAILING = TrailingStop(algorithm="TRAILING_STOP", percent=Decimal("1.5"))
TRADE = ShownTrade("ETH/USDT", 12, FILL, 1_700_000_000_100, Side.BUY, is_maker=True)


@pytest.fixture
def market() -> Market:
    market = Market("SIM", ETH)
    at_ns = time.time_ns()
    market.apply(DepthSnapshot(((200_000, 5_000), (199_990, 1)), ((200_010, 20_000),)), at_ns)
    market.apply(MarketTrade(Side.SELL, 200_000, 1_000), at_ns)
    market.apply(MarketTrade(Side.BUY, 200_010, 3_000), at_ns)
    return market


@pytest.fixture
def examples(market_data_folder: Path) -> Path:
    folder = market_data_folder / "api" / "nautilus_binance" / "spot"
    if not folder.is_dir():
        pytest.skip(f"no examples of the dialect at {folder}")
    return folder


def example(examples: Path, name: str) -> Any:
    return json.loads((examples / f"{name}.json").read_text())


def assert_has_all_of(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Each field of the example, of the same JSON type."""
    missing = theirs.keys() - ours.keys() - NOT_OURS
    assert not missing
    for name in theirs.keys() & ours.keys():
        if theirs[name] is not None and ours[name] is not None:
            assert type(ours[name]) is type(theirs[name]), name


def test_an_order_is_answered_with_every_field_of_the_example(examples: Path) -> None:
    placed = documents.placed(ORDER, "FULL")
    theirs = example(examples, "http_json/new_order_full_response")
    assert_has_all_of(placed, theirs)
    assert_has_all_of(placed["fills"][0], theirs["fills"][0])
    assert_has_all_of(documents.queried(ORDER), example(examples, "http_json/order_response"))
    assert_has_all_of(documents.canceled(ORDER, "cancel"), example(examples, "http_json/cancel_order_response"))
    assert_has_all_of(documents.trade(TRADE), example(examples, "http_json/account_trades_response")[0])


def test_an_account_and_the_exchange_have_every_field_of_the_examples(examples: Path) -> None:
    balances = [Balance("ETH", Decimal(1), Decimal("0.5"))]
    account = documents.account(balances, can_trade=True, now_ms=1, uid=1, fee_rate=Decimal("0.001"))
    theirs = example(examples, "http_json/account_response")
    assert_has_all_of(account, theirs)
    assert_has_all_of(account["balances"][0], theirs["balances"][0])
    exchange = documents.exchange_info([ETH, BTC], 1, [], works_orders=True)
    theirs = example(examples, "http_json/exchange_info_response")
    assert_has_all_of(exchange, theirs)
    assert_has_all_of(exchange["symbols"][0], theirs["symbols"][0])


def test_the_market_has_every_field_of_the_examples(examples: Path, market: Market) -> None:
    ours = {
        "depth_response": market_documents.book_document(market, 5),
        "ticker_24hr_response": market_documents.day_document(market),
        "ticker_price_response": market_documents.price_document(market),
        "book_ticker_response": market_documents.quote_document(market),
        "trades_response": market_documents.trade_document(market, market.trades[-1]),
    }
    for name, document in ours.items():
        theirs = example(examples, f"http_json/{name}")
        assert_has_all_of(document, theirs[0] if isinstance(theirs, list) else theirs)
    [bar] = market.bars.recent(Interval.MINUTE_1, 1)
    row = market_documents.bar_row(market, bar, Interval.MINUTE_1)
    theirs = example(examples, "http_json/klines_response")[0]
    assert [type(each) for each in row] == [type(each) for each in theirs]


def test_the_market_has_every_field_of_what_the_exchange_answers(market_data_folder: Path, market: Market) -> None:
    def answered(method: str) -> Any:
        file = market_data_folder / "api" / f"ccxt_live_binance_{method}.json"
        if not file.is_file():
            pytest.skip(f"no recorded answer at {file}")
        return json.loads(file.read_text())["http_response"]

    assert_has_all_of(market_documents.day_document(market), answered("fetch_ticker_ETH_USDT"))
    assert_has_all_of(market_documents.day_document(market), answered("fetch_tickers_BTC_ETH")[0])
    assert_has_all_of(market_documents.book_document(market, 5), answered("fetch_order_book_BTC_USDT"))
    trade = market_documents.agg_trade_document(market, market.trades[-1])
    assert_has_all_of(trade, answered("fetch_trades_BTC_USDT")[0])
    [bar] = market.bars.recent(Interval.MINUTE_1, 1)
    row = market_documents.bar_row(market, bar, Interval.MINUTE_1)
    assert [type(each) for each in row] == [type(each) for each in answered("fetch_ohlcv_BTC_USDT")[0]]


def test_the_events_of_the_user_stream_have_every_field_of_the_examples(examples: Path) -> None:
    for name, trade in (("new", None), ("canceled", None), ("expired", None), ("trade", TRADE)):
        report = user_documents.execution_report(ORDER, trade, 1)
        theirs = example(examples, f"user_data_json/execution_report_{name}")
        assert_has_all_of(report, theirs)
    position = user_documents.account_position([Balance("ETH", Decimal(1), Decimal(0))], 1)
    theirs = example(examples, "user_data_json/account_position")
    assert_has_all_of(position, theirs)
    assert_has_all_of(position["B"][0], theirs["B"][0])


@pytest.mark.parametrize(
    ("status", "time_in_force", "shown"),
    [
        (OrdStatus.PENDING_NEW, TimeInForce.GTC, "NEW"),
        (OrdStatus.UNKNOWN, TimeInForce.GTC, "PENDING_NEW"),
        (OrdStatus.CANCELED, TimeInForce.GTC, "CANCELED"),
        (OrdStatus.CANCELED, TimeInForce.IOC, "EXPIRED"),
        (OrdStatus.CANCELED, TimeInForce.FOK, "EXPIRED"),
        (OrdStatus.FILLED, TimeInForce.IOC, "FILLED"),
    ],
)
def test_a_status_is_told_in_the_dialects_words(status: OrdStatus, time_in_force: TimeInForce, shown: str) -> None:
    fields = {name: getattr(ORDER, name) for name in ShownOrder.__slots__}
    assert documents.order_status(ShownOrder(**{**fields, "status": status, "time_in_force": time_in_force})) == shown


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.5", "0.50000000"), ("0", "0.00000000"), ("1E+3", "1000.00000000"), ("0.123456789", "0.123456789")],
)
def test_an_amount_has_eight_decimals_and_more_only_where_it_needs_them(amount: str, text: str) -> None:
    assert documents.amount_text(Decimal(amount)) == text


def test_a_market_in_which_nothing_traded_has_zeros_and_a_price(market: Market) -> None:
    silent = Market("SIM", ETH)
    silent.apply(DepthSnapshot(((200_000, 5_000),), ((200_010, 20_000),)), 1)
    assert market_documents.day_document(silent)["openPrice"] == "0.00000000"
    assert market_documents.price_document(silent)["price"] == "2000.00000000"
    assert market_documents.price_document(market)["price"] == "2000.10000000"


def test_a_book_shows_as_many_levels_as_were_asked_for_with_its_update_id(market: Market) -> None:
    market.apply(DepthDiff(((199_990, 7),), ()), time.time_ns())
    book = market_documents.book_document(market, 1)
    assert book["bids"] == [["2000.00000000", "0.50000000"]]
    assert book["lastUpdateId"] == market.update_id


@pytest.mark.parametrize(
    ("execution", "type_", "shown"),
    [
        (Stop(algorithm="STOP", stop_px=Decimal(1900)), OrderType.MARKET, ("STOP_LOSS", "1900.00000000")),
        (Stop(algorithm="STOP", stop_px=Decimal(1900)), OrderType.LIMIT, ("STOP_LOSS_LIMIT", "1900.00000000")),
        (
            TakeProfit(algorithm="TAKE_PROFIT", stop_px=Decimal(2100)),
            OrderType.MARKET,
            ("TAKE_PROFIT", "2100.00000000"),
        ),
        (
            TrailingStop(algorithm="TRAILING_STOP", percent=Decimal("1.5")),
            OrderType.MARKET,
            ("STOP_LOSS", "0.00000000"),
        ),
        (Route(), OrderType.LIMIT, ("LIMIT", "0.00000000")),
    ],
)
def test_an_order_that_is_worked_is_shown_as_what_binance_calls_it(
    execution: Execution, type_: OrderType, shown: tuple[str, str]
) -> None:
    order = replace(ORDER, execution=execution, type=type_)

    queried, report = documents.queried(order), user_documents.execution_report(order, None, 1)

    assert (queried["type"], queried["stopPrice"]) == shown
    assert (report["o"], report["P"]) == shown


def test_the_distance_of_a_trailing_stop_is_shown_as_it_was_asked_for() -> None:
    assert documents.queried(replace(ORDER, execution=TRAILING))["trailingDelta"] == 150


@pytest.mark.parametrize("works_orders", [True, False])
def test_stops_are_offered_where_they_are_worked(works_orders: bool) -> None:
    (symbol,) = documents.exchange_info([ETH], 1, [], works_orders=works_orders)["symbols"]

    assert ("STOP_LOSS" in symbol["orderTypes"]) is works_orders
    assert symbol["icebergAllowed"] is symbol["allowTrailingStop"] is symbol["ocoAllowed"] is works_orders


def test_a_stop_that_was_cancelled_is_so_and_what_a_market_order_left_has_expired() -> None:
    ended = replace(ORDER, status=OrdStatus.CANCELED, type=OrderType.MARKET, time_in_force=TimeInForce.IOC)

    assert documents.queried(ended)["status"] == "EXPIRED"
    assert documents.queried(replace(ended, execution=STOP))["status"] == "CANCELED"


@pytest.mark.parametrize("time_in_force", [TimeInForce.GTD, TimeInForce.DAY])
def test_an_order_of_the_api_that_ends_at_a_time_is_shown_as_spot_knows_it(time_in_force: TimeInForce) -> None:
    order = replace(ORDER, time_in_force=time_in_force, status=OrdStatus.EXPIRED)
    document = documents.placed(order, "RESULT")
    assert (document["timeInForce"], document["status"]) == ("GTC", "EXPIRED")
    report = user_documents.execution_report(order, None, 0)
    assert (report["f"], report["x"], report["X"]) == ("GTC", "EXPIRED", "EXPIRED")
