"""What can be asked, once for REST and the WebSocket API: a table from names to functions, with what each costs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from http import HTTPStatus
from typing import Any

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrdStatus
from breakwater.errors import Unavailable
from fargate_engine.binance import documents, market_documents
from fargate_engine.binance.errors import (
    BinanceError,
    bad_symbol,
    no_order_lists,
    not_supported,
    outcome_unknown,
    unavailable,
)
from fargate_engine.binance.exchange import Client, Exchange, NewOrder, OrderRef, ShownOrder, ShownOrderList, Span
from fargate_engine.binance.order_lists import (
    NewOrderList,
    read_newer_list,
    read_older_list,
    read_order_list_ref,
)
from fargate_engine.binance.orders import (
    new_client_order_id,
    read_amendment,
    read_cancel_restriction,
    read_instrument,
    read_new_order,
    read_order_ref,
)
from fargate_engine.binance.parameters import Parameters
from fargate_engine.binance.weights import RATE_LIMITS

LIST_LIMIT, LIST_LIMIT_MAX = 500, 1_000
DAY_MS = 24 * 60 * 60 * 1000


class Security(Enum):
    """What a request needs: nothing, a key, or a key with this scope and a signature."""

    NONE = "none"
    KEY = "key"
    READ = "read"
    ORDERS = "orders"
    TRADE = "trade"
    CANCEL = "cancel"

    @property
    def is_signed(self) -> bool:
        return self not in {Security.NONE, Security.KEY}


@dataclass(slots=True)
class Listed:
    """The instruments by their pair's name, made once and again when they change."""

    exchange: Exchange
    _of: Any = None
    _by_name: dict[str, Instrument] | None = None

    @property
    def by_name(self) -> dict[str, Instrument]:
        instruments = self.exchange.instruments()
        if self._by_name is None or self._of is not instruments:
            self._of, self._by_name = instruments, {documents.pair_name(each.symbol): each for each in instruments}
        return self._by_name


@dataclass
class Call:
    """One request that passed its checks. `client` and `valid_until_ms` are of signed ones."""

    exchange: Exchange
    listed: Listed
    parameters: Parameters
    signed_by: Client | None = None
    valid_until_ms: int = 0

    @property
    def client(self) -> Client:
        if self.signed_by is None:
            raise AssertionError("a signed operation without its client")
        return self.signed_by

    @cached_property
    def instruments(self) -> dict[str, Instrument]:
        return self.listed.by_name


type Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """`weight` counts towards the address's requests; `is_order` towards the key's orders.

    `is_of_market`: of one symbol's market, wherever that is.
    """

    handle: Handler
    security: Security = Security.NONE
    weight: int = 1
    is_order: bool = False
    is_of_market: bool = False


# Orders --------------------------------------------------------------------------------------------------------------


def _read_new_order(call: Call) -> tuple[NewOrder, str]:
    order, response_type = read_new_order(call.parameters, call.instruments, call.valid_until_ms)
    if order.execution is not None and not call.exchange.works_orders:
        raise BinanceError(-1116, "Invalid orderType.")
    return order, response_type


async def place_order(call: Call) -> Any:
    order, response_type = _read_new_order(call)
    call.parameters.finish()
    return documents.placed(await call.exchange.place(call.client, order), response_type)


async def test_order(call: Call) -> Any:
    order, _ = _read_new_order(call)
    call.parameters.text("computeCommissionRates")
    call.parameters.finish()
    await call.exchange.check(call.client, order)
    return {}


async def cancel_order(call: Call) -> Any:
    ref = read_order_ref(call.parameters, call.instruments)
    cancel_id = call.parameters.client_order_id("newClientOrderId") or new_client_order_id()
    only = _read_restriction(call)
    call.parameters.finish()
    return documents.canceled(await _cancel(call, ref, only), cancel_id)


def _read_restriction(call: Call) -> OrdStatus | None:
    return read_cancel_restriction(call.parameters) if call.exchange.amends_orders else None


async def _cancel(call: Call, ref: OrderRef, only: OrdStatus | None) -> ShownOrder | ShownOrderList:
    if only is None:
        return await call.exchange.cancel(call.client, ref)
    return await call.exchange.cancel_only(call.client, ref, only)


async def amend_order(call: Call) -> Any:
    if not call.exchange.amends_orders:
        raise not_supported()
    amendment = read_amendment(call.parameters, call.instruments, call.valid_until_ms)
    call.parameters.finish()
    return documents.amended(await call.exchange.amend(call.client, amendment), amendment)


async def cancel_open_orders(call: Call) -> Any:
    instrument = read_instrument(call.parameters, call.instruments)
    call.parameters.finish()
    canceled = await call.exchange.cancel_all(call.client, instrument)
    if not canceled:
        raise BinanceError(-2011, "Unknown order sent.")
    return [documents.canceled(each, new_client_order_id()) for each in canceled]


async def cancel_replace(call: Call) -> Any:
    """The cancel first; unless ALLOW_FAILURE was asked for, no new order when it failed."""
    mode = call.parameters.required("cancelReplaceMode")
    if mode not in {"STOP_ON_FAILURE", "ALLOW_FAILURE"}:
        raise BinanceError(-1100, "Illegal characters found in parameter 'cancelReplaceMode'.")
    order, response_type = _read_new_order(call)
    ref = read_order_ref(call.parameters, call.instruments, number="cancelOrderId", client_id="cancelOrigClientOrderId")
    cancel_id = call.parameters.client_order_id("cancelNewClientOrderId") or new_client_order_id()
    only = _read_restriction(call)
    call.parameters.finish()

    async def cancel() -> Any:
        return documents.canceled(await _cancel(call, ref, only), cancel_id)

    async def place() -> Any:
        return documents.placed(await call.exchange.place(call.client, order), response_type)

    outcome: dict[str, Any] = {"newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
    outcome["cancelResult"], outcome["cancelResponse"] = await _half(cancel)
    if outcome["cancelResult"] == "SUCCESS" or mode == "ALLOW_FAILURE":
        outcome["newOrderResult"], outcome["newOrderResponse"] = await _half(place)
    succeeded = [outcome["cancelResult"], outcome["newOrderResult"]].count("SUCCESS")
    if succeeded == 2:
        return outcome
    raise ReplaceFailed(outcome, is_partial=succeeded == 1)


async def _half(work: Callable[[], Awaitable[Any]]) -> tuple[str, Any]:
    """What became of it, and what is said of it. Where nobody knows, nothing is known of the whole."""
    try:
        return "SUCCESS", await work()
    except Unavailable as error:
        return "FAILURE", unavailable(error.retry_after_s).document
    except BinanceError as error:
        if error.code == outcome_unknown().code:
            raise
        return "FAILURE", error.document


class ReplaceFailed(BinanceError):
    """Says of both halves what became of them."""

    def __init__(self, outcome: dict[str, Any], *, is_partial: bool) -> None:
        if is_partial:
            super().__init__(-2021, "Order cancel-replace partially failed.", HTTPStatus.CONFLICT)
        else:
            super().__init__(-2022, "Order cancel-replace failed.")
        self.outcome = outcome

    @property
    def document(self) -> dict[str, Any]:
        return {**super().document, "data": self.outcome}


async def place_older_list(call: Call) -> Any:
    return await _place_list(call, read_older_list)


async def place_newer_list(call: Call) -> Any:
    return await _place_list(call, read_newer_list)


async def _place_list(call: Call, read: Callable[[Parameters, Mapping[str, Instrument], int], NewOrderList]) -> Any:
    if not call.exchange.works_orders:
        raise no_order_lists()
    told = read(call.parameters, call.instruments, call.valid_until_ms)
    call.parameters.finish()
    placed = await call.exchange.place_list(call.client, told.order, told.told_ids)
    return documents.placed_list(placed, told.response_type)


async def cancel_order_list(call: Call) -> Any:
    ref = read_order_list_ref(call.parameters, call.instruments, client_id="listClientOrderId")
    cancel_id = call.parameters.client_order_id("newClientOrderId") or new_client_order_id()
    call.parameters.finish()
    return documents.canceled(await call.exchange.cancel_list(call.client, ref), cancel_id)


async def query_order_list(call: Call) -> Any:
    ref = read_order_list_ref(call.parameters, client_id="origClientOrderId")
    call.parameters.finish()
    return documents.order_list(await call.exchange.order_list(call.client, ref))


async def open_order_lists(call: Call) -> Any:
    call.parameters.finish()
    return [documents.order_list(each) for each in await call.exchange.open_order_lists(call.client)]


async def all_order_lists(call: Call) -> Any:
    span = _span(call.parameters, "fromId")
    call.parameters.finish()
    return [documents.order_list(each) for each in await call.exchange.order_lists(call.client, span)]


async def query_order(call: Call) -> Any:
    ref = read_order_ref(call.parameters, call.instruments)
    call.parameters.finish()
    return documents.queried(await call.exchange.order(call.client, ref))


async def open_orders(call: Call) -> Any:
    instrument = read_instrument(call.parameters, call.instruments) if call.parameters.text("symbol") else None
    call.parameters.finish()
    return [documents.queried(each) for each in await call.exchange.open_orders(call.client, instrument)]


async def all_orders(call: Call) -> Any:
    instrument = read_instrument(call.parameters, call.instruments)
    span = _span(call.parameters, "orderId")
    call.parameters.finish()
    return [documents.queried(each) for each in await call.exchange.orders(call.client, instrument, span)]


async def my_trades(call: Call) -> Any:
    instrument = read_instrument(call.parameters, call.instruments)
    span = _span(call.parameters, "fromId")
    order_number = call.parameters.integer("orderId")
    call.parameters.finish()
    trades = await call.exchange.trades(call.client, instrument, span, order_number)
    return [documents.trade(each) for each in trades]


async def account(call: Call) -> Any:
    omit_zero = call.parameters.text("omitZeroBalances") == "true"
    call.parameters.finish()
    balances = await call.exchange.balances(call.client)
    return documents.account(
        [each for each in balances if not omit_zero or each.free + each.locked > 0],
        can_trade="trade" in call.client.scopes,
        now_ms=call.exchange.now_ms(),
        uid=int(call.client.key_id[:8], 16),
        fee_rate=call.exchange.fee_rate,
    )


async def commission_rates(call: Call) -> Any:
    instrument = read_instrument(call.parameters, call.instruments)
    call.parameters.finish()
    rate = documents.amount_text(call.exchange.fee_rate)
    standard = {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"}
    return {"symbol": documents.pair_name(instrument.symbol), "standardCommission": standard}


def _span(parameters: Parameters, number: str) -> Span:
    start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        raise BinanceError(-1127, "More than 0 hours between startTime and endTime.")
    limit = parameters.integer("limit", least=1, most=LIST_LIMIT_MAX)
    return Span(limit or LIST_LIMIT, start_ms, end_ms, parameters.integer(number))


# The exchange and its market ------------------------------------------------------------------------------------------


async def ping(call: Call) -> Any:
    call.parameters.finish()
    return {}


async def server_time(call: Call) -> Any:
    call.parameters.finish()
    return {"serverTime": call.exchange.now_ms()}


async def exchange_info(call: Call) -> Any:
    one, several = call.parameters.text("symbol"), call.parameters.text("symbols")
    for name in ("permissions", "showPermissionSets", "symbolStatus"):
        call.parameters.text(name)
    call.parameters.finish()
    names = market_documents.read_names(one, several) or list(call.instruments)
    instruments = [_named(call, name) for name in names]
    return documents.exchange_info(
        instruments,
        call.exchange.now_ms(),
        RATE_LIMITS,
        works_orders=call.exchange.works_orders,
        amends_orders=call.exchange.amends_orders,
    )


def _named(call: Call, name: str) -> Instrument:
    instrument = call.instruments.get(name)
    if instrument is None:
        raise bad_symbol()
    return instrument


async def system_status(call: Call) -> Any:
    return {"status": 0, "msg": "normal"}


async def trade_fees(call: Call) -> Any:
    name, rate = call.parameters.text("symbol"), documents.amount_text(call.exchange.fee_rate)
    return [
        {"symbol": each, "makerCommission": rate, "takerCommission": rate}
        for each in ([name] if name else call.instruments)
    ]


async def nothing_of_it(call: Call) -> Any:
    """Of what clients without options ask for as well, and spot trading has none."""
    return []


async def no_instruments(call: Call) -> Any:
    now_ms = call.exchange.now_ms()
    return {"timezone": "UTC", "serverTime": now_ms, "rateLimits": [], "exchangeFilters": [], "symbols": []}


REST: dict[tuple[str, str], Operation] = {
    ("GET", "/api/v3/ping"): Operation(ping),
    ("GET", "/api/v3/time"): Operation(server_time),
    ("GET", "/api/v3/exchangeInfo"): Operation(exchange_info, weight=20),
    ("GET", "/api/v3/depth"): Operation(market_documents.depth, weight=5, is_of_market=True),
    ("GET", "/api/v3/trades"): Operation(market_documents.trades, weight=25, is_of_market=True),
    ("GET", "/api/v3/aggTrades"): Operation(market_documents.agg_trades, weight=4, is_of_market=True),
    ("GET", "/api/v3/klines"): Operation(market_documents.klines, weight=2, is_of_market=True),
    ("GET", "/api/v3/uiKlines"): Operation(market_documents.klines, weight=2, is_of_market=True),
    ("GET", "/api/v3/avgPrice"): Operation(market_documents.average_price, weight=2, is_of_market=True),
    ("GET", "/api/v3/ticker/24hr"): Operation(market_documents.ticker_day, weight=2, is_of_market=True),
    ("GET", "/api/v3/ticker/price"): Operation(market_documents.ticker_price, weight=2, is_of_market=True),
    ("GET", "/api/v3/ticker/bookTicker"): Operation(market_documents.book_ticker, weight=2, is_of_market=True),
    ("POST", "/api/v3/order"): Operation(place_order, Security.TRADE, weight=0, is_order=True),
    ("POST", "/api/v3/order/test"): Operation(test_order, Security.TRADE),
    ("POST", "/api/v3/order/cancelReplace"): Operation(cancel_replace, Security.TRADE, weight=0, is_order=True),
    ("PUT", "/api/v3/order/amend/keepPriority"): Operation(amend_order, Security.TRADE, weight=4),
    ("POST", "/api/v3/order/oco"): Operation(place_older_list, Security.TRADE, weight=0, is_order=True),
    ("POST", "/api/v3/orderList/oco"): Operation(place_newer_list, Security.TRADE, weight=0, is_order=True),
    ("DELETE", "/api/v3/orderList"): Operation(cancel_order_list, Security.CANCEL, weight=0),
    ("GET", "/api/v3/orderList"): Operation(query_order_list, Security.ORDERS, weight=4),
    ("GET", "/api/v3/openOrderList"): Operation(open_order_lists, Security.ORDERS, weight=6),
    ("GET", "/api/v3/allOrderList"): Operation(all_order_lists, Security.ORDERS, weight=20),
    ("DELETE", "/api/v3/order"): Operation(cancel_order, Security.CANCEL, weight=0),
    ("DELETE", "/api/v3/openOrders"): Operation(cancel_open_orders, Security.CANCEL, weight=0),
    ("GET", "/api/v3/order"): Operation(query_order, Security.ORDERS, weight=4),
    ("GET", "/api/v3/openOrders"): Operation(open_orders, Security.ORDERS, weight=6),
    ("GET", "/api/v3/allOrders"): Operation(all_orders, Security.ORDERS, weight=20),
    ("GET", "/api/v3/myTrades"): Operation(my_trades, Security.READ, weight=20),
    ("GET", "/api/v3/account"): Operation(account, Security.READ, weight=20),
    ("GET", "/api/v3/account/commission"): Operation(commission_rates, Security.READ, weight=20),
    ("GET", "/sapi/v1/system/status"): Operation(system_status),
    ("GET", "/sapi/v1/asset/tradeFee"): Operation(trade_fees, Security.READ),
    ("GET", "/sapi/v1/capital/config/getall"): Operation(nothing_of_it, Security.READ),
    ("GET", "/sapi/v1/margin/allPairs"): Operation(nothing_of_it, Security.KEY),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Operation(nothing_of_it, Security.KEY),
    ("GET", "/fapi/v1/exchangeInfo"): Operation(no_instruments),
    ("GET", "/dapi/v1/exchangeInfo"): Operation(no_instruments),
}

# The same under the names of the WebSocket API.
WEBSOCKET: dict[str, Operation] = {
    "ping": REST["GET", "/api/v3/ping"],
    "time": REST["GET", "/api/v3/time"],
    "exchangeInfo": REST["GET", "/api/v3/exchangeInfo"],
    "depth": REST["GET", "/api/v3/depth"],
    "trades.recent": REST["GET", "/api/v3/trades"],
    "trades.aggregate": REST["GET", "/api/v3/aggTrades"],
    "klines": REST["GET", "/api/v3/klines"],
    "avgPrice": REST["GET", "/api/v3/avgPrice"],
    "ticker.24hr": REST["GET", "/api/v3/ticker/24hr"],
    "ticker.price": REST["GET", "/api/v3/ticker/price"],
    "ticker.book": REST["GET", "/api/v3/ticker/bookTicker"],
    "order.place": REST["POST", "/api/v3/order"],
    "order.test": REST["POST", "/api/v3/order/test"],
    "order.cancel": REST["DELETE", "/api/v3/order"],
    "order.cancelReplace": REST["POST", "/api/v3/order/cancelReplace"],
    "order.amend.keepPriority": REST["PUT", "/api/v3/order/amend/keepPriority"],
    "order.status": REST["GET", "/api/v3/order"],
    "orderList.place": REST["POST", "/api/v3/order/oco"],
    "orderList.place.oco": REST["POST", "/api/v3/orderList/oco"],
    "orderList.cancel": REST["DELETE", "/api/v3/orderList"],
    "orderList.status": REST["GET", "/api/v3/orderList"],
    "openOrderLists.status": REST["GET", "/api/v3/openOrderList"],
    "allOrderLists": REST["GET", "/api/v3/allOrderList"],
    "openOrders.status": REST["GET", "/api/v3/openOrders"],
    "openOrders.cancelAll": REST["DELETE", "/api/v3/openOrders"],
    "allOrders": REST["GET", "/api/v3/allOrders"],
    "myTrades": REST["GET", "/api/v3/myTrades"],
    "account.status": REST["GET", "/api/v3/account"],
    "account.commission": REST["GET", "/api/v3/account/commission"],
}
