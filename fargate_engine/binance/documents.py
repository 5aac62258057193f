"""Orders, trades, balances and instruments as the dialect writes them."""

from decimal import Decimal
from typing import Any

from breakwater.domain.executions import Iceberg, Stop, TakeProfit, TrailingStop
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT, format_amount
from breakwater.domain.orders import OrderType, OrdStatus, Side, TimeInForce
from fargate_engine.binance.exchange import (
    Amendment,
    Balance,
    Fill,
    ShownOrder,
    ShownOrderList,
    ShownTrade,
    bounds_of,
)

type Document = dict[str, Any]

PRECISION = 8  # Decimal places that clients expect; an amount with more is written whole.
STOP_TYPES = ["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
MARKET_TYPES = ["MARKET", "STOP_LOSS", "TAKE_PROFIT"]
ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", *STOP_TYPES]
TRAILING_DELTA_MIN, TRAILING_DELTA_MAX = 10, 2_000  # In hundredths of a percent.
_STATUSES = {OrdStatus.UNKNOWN: "PENDING_NEW", OrdStatus.PENDING_NEW: "NEW"}
_IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def amount_text(amount: Decimal) -> str:
    whole, _, decimals = format_amount(amount).partition(".")
    return f"{whole}.{decimals:0<{PRECISION}}"


def order_status(order: ShownOrder) -> str:
    """What is left of an order that must not rest expires, in Binance's words. A stop that waits is cancelled."""
    is_plain = order.execution is None
    if is_plain and order.status is OrdStatus.CANCELED and order.time_in_force in _IMMEDIATE:
        return "EXPIRED"
    return _STATUSES.get(order.status, order.status.value)


def time_in_force(order: ShownOrder) -> str:
    """Spot has no order that ends at a time. One of the API is shown as what it is until then."""
    return (TimeInForce.GTC if order.time_in_force.has_end else order.time_in_force).value


def order_type(order: ShownOrder) -> str:
    """As Binance has it. What else the platform works is shown as what it was sent as."""
    match order.execution:
        case Stop() | TrailingStop():
            return "STOP_LOSS" if order.type is OrderType.MARKET else "STOP_LOSS_LIMIT"
        case TakeProfit():
            return "TAKE_PROFIT" if order.type is OrderType.MARKET else "TAKE_PROFIT_LIMIT"
        case _:
            return "LIMIT_MAKER" if order.post_only else order.type.value


def stop_price(order: ShownOrder) -> str:
    """Zero where it has none."""
    execution = order.execution
    return amount_text(execution.stop_px if isinstance(execution, Stop | TakeProfit) else Decimal(0))


def _trigger(order: ShownOrder) -> Document:
    """What it waits for, where it waits."""
    match order.execution:
        case Stop() | TakeProfit():
            return {"stopPrice": amount_text(order.execution.stop_px)}
        case TrailingStop(percent=Decimal() as percent):
            return {"trailingDelta": int(percent * 100), "stopPrice": amount_text(Decimal(0))}
        case Iceberg():
            return {"icebergQty": amount_text(order.execution.display_qty)}
        case _:
            return {}


def _order_terms(order: ShownOrder) -> Document:
    return {
        "symbol": pair_name(order.symbol),
        "orderId": order.order_number,
        "orderListId": order.list_number,
        "clientOrderId": order.client_order_id,
        "price": amount_text(order.price or Decimal(0)),
        "origQty": amount_text(order.quantity),
        "executedQty": amount_text(order.cum_qty),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": amount_text(order.cum_notional),
        "status": order_status(order),
        "timeInForce": time_in_force(order),
        "type": order_type(order),
        "side": order.side.value,
        **_trigger(order),
        "selfTradePreventionMode": "EXPIRE_TAKER",
    }


def placed(order: ShownOrder, response_type: str) -> Document:
    """newOrderRespType: ACK, RESULT or FULL."""
    if response_type == "ACK":
        return {
            "symbol": pair_name(order.symbol),
            "orderId": order.order_number,
            "orderListId": order.list_number,
            "clientOrderId": order.client_order_id,
            "transactTime": order.updated_ms,
        }
    document = {**_order_terms(order), "transactTime": order.updated_ms, "workingTime": order.created_ms}
    if response_type == "FULL":
        document["fills"] = [_fill(fill) for fill in order.fills]
    return document


def canceled(order: ShownOrder | ShownOrderList, cancel_id: str) -> Document:
    """`clientOrderId` names the cancel, `origClientOrderId` the order. With an order of a list its list is over."""
    if isinstance(order, ShownOrderList):
        reports = [canceled(each, cancel_id) for each in order.orders]
        return {**order_list(order), "orderReports": reports}
    terms = {**_order_terms(order), "clientOrderId": cancel_id, "transactTime": order.updated_ms}
    return {"origClientOrderId": order.client_order_id, **terms}


def amended(order: ShownOrder, amendment: Amendment) -> Document:
    return {
        "transactTime": order.updated_ms,
        "executionId": order.order_number,
        "amendedOrder": {
            "symbol": pair_name(order.symbol),
            "orderId": order.order_number,
            "orderListId": order.list_number,
            "origClientOrderId": amendment.order.client_order_id or amendment.client_order_id,
            "clientOrderId": order.client_order_id,
            "price": amount_text(order.price or Decimal(0)),
            "qty": amount_text(order.quantity),
            "executedQty": amount_text(order.cum_qty),
            "preventedQty": "0.00000000",
            "quoteOrderQty": "0.00000000",
            "cumulativeQuoteQty": amount_text(order.cum_notional),
            "status": order_status(order),
            "timeInForce": time_in_force(order),
            "type": order_type(order),
            "side": order.side.value,
            "workingTime": order.created_ms,
            "selfTradePreventionMode": "EXPIRE_TAKER",
        },
    }


def order_list(shown: ShownOrderList) -> Document:
    list_status_type, list_order_status = list_statuses(shown)
    return {
        "orderListId": shown.list_number,
        "contingencyType": "OCO",
        "listStatusType": list_status_type,
        "listOrderStatus": list_order_status,
        "listClientOrderId": shown.list_client_order_id,
        "transactionTime": shown.updated_ms,
        "symbol": pair_name(shown.symbol),
        "orders": [
            {"symbol": pair_name(each.symbol), "orderId": each.order_number, "clientOrderId": each.client_order_id}
            for each in shown.orders
        ],
    }


def placed_list(shown: ShownOrderList, response_type: str) -> Document:
    return {**order_list(shown), "orderReports": [placed(each, response_type) for each in shown.orders]}


def list_statuses(shown: ShownOrderList) -> tuple[str, str]:
    """listStatusType and listOrderStatus."""
    if shown.status is OrdStatus.REJECTED:
        return "RESPONSE", "REJECT"
    return ("ALL_DONE", "ALL_DONE") if shown.status.is_final else ("EXEC_STARTED", "EXECUTING")


def queried(order: ShownOrder) -> Document:
    return {
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        **_order_terms(order),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.created_ms,
    }


def _fill(fill: Fill) -> Document:
    return {
        "price": amount_text(fill.price),
        "qty": amount_text(fill.quantity),
        "commission": amount_text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "tradeId": fill.trade_number,
    }


def trade(shown: ShownTrade) -> Document:
    fill = shown.fill
    return {
        "symbol": pair_name(shown.symbol),
        "id": fill.trade_number,
        "orderId": shown.order_number,
        "orderListId": shown.list_number,
        "price": amount_text(fill.price),
        "qty": amount_text(fill.quantity),
        "quoteQty": amount_text(EXACT.multiply(fill.price, fill.quantity)),
        "commission": amount_text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": shown.at_ms,
        "isBuyer": shown.side is Side.BUY,
        "isMaker": shown.is_maker,
        "isBestMatch": True,
    }


def account(balances: list[Balance], *, can_trade: bool, now_ms: int, uid: int, fee_rate: Decimal) -> Document:
    return {
        "makerCommission": int(fee_rate * 10_000),
        "takerCommission": int(fee_rate * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": amount_text(fee_rate),
            "taker": amount_text(fee_rate),
            "buyer": "0",
            "seller": "0",
        },
        "canTrade": can_trade,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now_ms,
        "accountType": "SPOT",
        "balances": [balance(each) for each in balances],
        "permissions": ["SPOT"],
        "uid": uid,
    }


def balance(each: Balance) -> Document:
    return {"asset": each.asset, "free": amount_text(each.free), "locked": amount_text(each.locked)}


def pair_name(symbol: str) -> str:
    """ETH/USDT is ETHUSDT there."""
    return symbol.replace("/", "")


def exchange_info(
    instruments: list[Instrument],
    now_ms: int,
    rate_limits: list[Document],
    *,
    works_orders: bool,
    amends_orders: bool = False,
) -> Document:
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": rate_limits,
        "exchangeFilters": [],
        "symbols": [_symbol(each, works_orders, amends_orders) for each in instruments],
    }


def _symbol(instrument: Instrument, works_orders: bool, amends_orders: bool) -> Document:
    return {
        "symbol": pair_name(instrument.symbol),
        "status": "TRADING",
        "baseAsset": instrument.base_asset,
        "baseAssetPrecision": PRECISION,
        "quoteAsset": instrument.quote_asset,
        "quotePrecision": PRECISION,
        "quoteAssetPrecision": PRECISION,
        "baseCommissionPrecision": PRECISION,
        "quoteCommissionPrecision": PRECISION,
        "orderTypes": [each for each in ORDER_TYPES if works_orders or each not in STOP_TYPES],
        "icebergAllowed": works_orders,
        "ocoAllowed": works_orders,
        "otoAllowed": False,
        "opoAllowed": False,
        "amendAllowed": amends_orders,
        "pegInstructionsAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": works_orders,
        "cancelReplaceAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(instrument),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_TAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER"],
    }


def _filters(instrument: Instrument) -> list[Document]:
    tick, lot = amount_text(instrument.tick_size), amount_text(instrument.lot_size)
    most = "9000000000.00000000"
    bounds = bounds_of(instrument)
    price_min = amount_text(bounds.price_min) if bounds.price_min else tick
    price_max = amount_text(bounds.price_max) if bounds.price_max else most
    quantity_min = amount_text(bounds.quantity_min) if bounds.quantity_min else lot
    quantity_max = amount_text(bounds.quantity_max) if bounds.quantity_max else most
    quantities = {"minQty": quantity_min, "maxQty": quantity_max, "stepSize": lot}
    return [
        {"filterType": "PRICE_FILTER", "minPrice": price_min, "maxPrice": price_max, "tickSize": tick},
        {"filterType": "LOT_SIZE", **quantities},
        {"filterType": "MARKET_LOT_SIZE", **quantities},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": TRAILING_DELTA_MIN,
            "maxTrailingAboveDelta": TRAILING_DELTA_MAX,
            "minTrailingBelowDelta": TRAILING_DELTA_MIN,
            "maxTrailingBelowDelta": TRAILING_DELTA_MAX,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": amount_text(instrument.notional_min),
            "applyMinToMarket": True,
            "maxNotional": most,
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
    ]
