"""Bybit v5 spot, through ccxt, for unified accounts.

It answers a new order and a cancel with ids alone, so what became of them is asked afterwards.
"""

from collections.abc import Mapping
from typing import Any

from breakwater.domain.orders import OrdStatus, TimeInForce
from fargate_engine.terms import Reason
from fargate_engine.venues.dialect import (
    NewOrder,
    Weights,
    amount,
    amount_or_zero,
    raw_of,
    raws_of,
    side_of,
    written,
)
from fargate_engine.venues.failures import NotAtVenue
from fargate_engine.venues.protocol import Acknowledged, Balance, FillAtVenue, OrderAtVenue
from fargate_engine.venues.rate_budget import RateBudget, Window

_STATUSES = {
    "New": OrdStatus.NEW,
    "Created": OrdStatus.NEW,
    "Untriggered": OrdStatus.NEW,
    "Triggered": OrdStatus.NEW,
    "PartiallyFilled": OrdStatus.PARTIALLY_FILLED,
    "Filled": OrdStatus.FILLED,
    "Cancelled": OrdStatus.CANCELED,
    "PartiallyFilledCanceled": OrdStatus.CANCELED,
    "Deactivated": OrdStatus.CANCELED,
    "Rejected": OrdStatus.REJECTED,
}
_PAGE_MAX = 50
_FILLS_MAX = 100


class BybitSpot:
    # It counts requests, not weights: 600 in five seconds for an address, 20 orders a second for an account.
    weights = Weights(place=1, cancel=1, order=1, open_orders=1, open_orders_of_all=1, fills=1, balances=1, markets=1)

    def budget(self) -> RateBudget:
        return RateBudget(
            weight=Window(weight_max=600, window_s=5, kept_for_cancels=60),
            orders=Window(weight_max=20, window_s=1, kept_for_cancels=0),
        )

    async def place(self, exchange: Any, order: NewOrder) -> Acknowledged:
        params: dict[str, Any] = {"orderLinkId": order.client_id}
        if order.post_only:
            params["postOnly"] = True
        else:
            params["timeInForce"] = order.time_in_force.value if order.time_in_force is not TimeInForce.GTC else "GTC"
        side, quantity, price = order.side.lower(), written(order.quantity), written(order.price)
        raw = raw_of(await exchange.create_order(order.symbol, "limit", side, quantity, price, params))
        if raw["orderLinkId"] != order.client_id:
            raise ValueError("the answer is of another order")
        return Acknowledged(raw["orderId"])

    async def cancel(self, exchange: Any, client_id: str, symbol: str) -> OrderAtVenue | None:
        await exchange.cancel_order(None, symbol, {"orderLinkId": client_id})
        return None

    async def cancel_all(self, exchange: Any, symbol: str) -> None:
        await exchange.cancel_all_orders(symbol)

    async def order(self, exchange: Any, client_id: str, symbol: str) -> OrderAtVenue:
        return await self._one(exchange, symbol, "orderLinkId", client_id)

    async def order_of(self, exchange: Any, fill: FillAtVenue) -> OrderAtVenue:
        return await self._one(exchange, fill.symbol, "orderId", fill.venue_order_id)

    async def _one(self, exchange: Any, symbol: str, name: str, wanted: str) -> OrderAtVenue:
        """Asked as it is: ccxt's own question would name an order id beside it that there is none of."""
        question = {"category": "spot", "symbol": exchange.market(symbol)["id"], name: wanted}
        # What ended a while ago is only in the history.
        for ask in (exchange.privateGetV5OrderRealtime, exchange.privateGetV5OrderHistory):
            answer = await ask(question)
            for raw in answer["result"]["list"]:
                if raw[name] == wanted:
                    return _order(symbol, raw)
        raise NotAtVenue("the venue has no such order")

    async def open_orders(self, exchange: Any, symbol: str | None) -> list[OrderAtVenue]:
        answers = await exchange.fetch_open_orders(symbol, None, _PAGE_MAX, {"type": "spot", "paginate": False})
        return [_order(name, raw) for name, raw in raws_of(answers)]

    async def fills_of(self, exchange: Any, symbol: str, client_id: str, venue_order_id: str) -> list[FillAtVenue]:
        params = {"type": "spot", "orderId": venue_order_id}
        return _fills(raws_of(await exchange.fetch_my_trades(symbol, None, _FILLS_MAX, params)))

    async def fills_since(self, exchange: Any, symbol: str, since_ms: int) -> list[FillAtVenue]:
        answers = await exchange.fetch_my_trades(symbol, since_ms, _FILLS_MAX, {"type": "spot"})
        return sorted(_fills(raws_of(answers)), key=lambda fill: fill.at_ms)

    async def balances(self, exchange: Any) -> dict[str, Balance]:
        raw = raw_of(await exchange.fetch_balance({"type": "spot"}))
        balances = {}
        for account in raw["result"]["list"]:
            for coin in account["coin"]:
                locked = amount_or_zero(coin["locked"])
                balances[coin["coin"]] = Balance(amount(coin["walletBalance"]) - locked, locked)
        return {asset: balance for asset, balance in balances.items() if balance.total}

    async def watch_orders(self, exchange: Any) -> list[OrderAtVenue]:
        return [_order(name, raw) for name, raw in raws_of(await exchange.watch_orders())]

    async def watch_fills(self, exchange: Any) -> list[FillAtVenue]:
        return _fills(raws_of(await exchange.watch_my_trades()))


def _order(symbol: str, raw: Mapping[str, Any]) -> OrderAtVenue:
    return OrderAtVenue(
        client_id=raw["orderLinkId"],
        venue_order_id=raw["orderId"],
        symbol=symbol,
        side=side_of(raw["side"]),
        status=_STATUSES[raw["orderStatus"]],
        quantity=amount(raw["qty"]),
        filled=amount_or_zero(raw["cumExecQty"]),
        reason=_reason(raw),
    )


def _fills(raws: Any) -> list[FillAtVenue]:
    """What is charged or delivered comes as an execution too: it is none of an order."""
    return [_fill(symbol, raw) for symbol, raw in raws if raw["execType"] == "Trade"]


def _fill(symbol: str, raw: Mapping[str, Any]) -> FillAtVenue:
    base, _, quote = symbol.partition("/")
    side = side_of(raw["side"])
    return FillAtVenue(
        trade_id=raw["execId"],
        venue_order_id=raw["orderId"],
        client_id=raw.get("orderLinkId") or None,
        symbol=symbol,
        side=side,
        quantity=amount(raw["execQty"]),
        price=amount(raw["execPrice"]),
        liquidity="MAKER" if raw["isMaker"] in {True, "true"} else "TAKER",
        fee=amount_or_zero(raw.get("execFee")),
        fee_currency=raw.get("feeCurrency") or (base if side == "BUY" else quote),
        at_ms=int(raw["execTime"]),
    )


def _reason(raw: Mapping[str, Any]) -> Reason | None:
    words = raw.get("rejectReason") or ""
    if raw["orderStatus"] == "Rejected":
        return Reason("VENUE_REFUSED", f"the venue refused it: {words or 'without a word'}")
    if words == "EC_PostOnlyWillTakeLiquidity":
        return Reason("POST_ONLY_WOULD_TAKE", "a post-only order would have traded at once")
    return None
