"""Bybit v5 spot, through ccxt, for unified accounts.

It answers a new order and a cancel with ids alone, so what became of them is asked afterwards.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from breakwater.domain.orders import OrdStatus, TimeInForce
from fargate_engine.terms import Reason
from fargate_engine.venues.dialect import (
    ChangedOrder,
    NewOrder,
    Page,
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
from fargate_engine.venues.rate_budget import RETRY_AFTER_S, RateBudget, RateWord, Window

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
_WINDOW_MS = 15 * 60 * 1000  # Of fills. It tells the newest first: what is older is whole only when a window is.


_RET_CODE = re.compile(r'"retCode"\s*:\s*(\d+)')
_HEAD = 200  # Of a body, which it begins with.
_TOO_MANY_VISITS = "10006"  # Of a kind of request, in a second.
_SECOND_S = 1.0
_ADDRESS_ASKS_TOO_MUCH = "10018"
_BANNED_S = 600.0  # "Terminate all HTTP sessions and wait for at least 10 minutes", says its page on rate limits.
_MS_DIGITS = 15

_PAGES_OF_FEW = 2  # The first, which may be all, and an empty one: where its cursor leads.


class _NextFills(NamedTuple):
    start_ms: int  # Of the window,
    length_ms: int
    cursor: str = ""  # and where in it.
    page: int = 1


class BybitSpot:
    # It counts requests, not weights: 600 in five seconds for an address, 20 orders a second for an account.
    weights = Weights(
        place=1,
        cancel=1,
        order=1,
        amend=1,
        replace=1,
        open_orders=1,
        open_orders_of_all=1,
        fills=1,
        balances=1,
        markets=1,
    )
    renames = False
    amends_as_order = True
    private_path = "/v5/private"

    def budget(self) -> RateBudget:
        return RateBudget(
            weight=Window(weight_max=600, window_s=5, kept_for_cancels=60),
            orders=Window(weight_max=20, window_s=1, kept_for_cancels=0),
        )

    def rate_word(self, status: int, headers: Mapping[str, str], body: str, now_ms: int) -> RateWord:
        """It counts each kind of request by itself and tells what is left of it. The address has one limit for all."""
        if status == HTTPStatus.FORBIDDEN:
            return RateWord(wait_s=_BANNED_S)
        found = _RET_CODE.search(body[:_HEAD])
        code = "" if found is None else found[1]
        if status == HTTPStatus.TOO_MANY_REQUESTS or code == _ADDRESS_ASKS_TOO_MUCH:
            return RateWord(wait_s=RETRY_AFTER_S)
        left, reset_ms = headers.get("x-bapi-limit-status", ""), headers.get("x-bapi-limit-reset-timestamp", "")
        reset_s = (int(reset_ms[:_MS_DIGITS]) - now_ms) / 1000 if reset_ms.isdecimal() else 0.0
        reset_s = min(max(reset_s, 0.0), RETRY_AFTER_S)
        if code == _TOO_MANY_VISITS:
            return RateWord(wait_s=max(reset_s, _SECOND_S), is_of_request=True)
        return RateWord(wait_s=reset_s if left == "0" else 0.0, is_of_request=True)

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

    async def cancel_all(self, exchange: Any, symbol: str) -> Sequence[OrderAtVenue]:
        """Plain orders alone: those with a trigger are nobody's here."""
        asked = {"category": "spot", "symbol": exchange.market(symbol)["id"], "orderFilter": "Order"}
        await exchange.privatePostV5OrderCancelAll(asked)
        return []

    def is_amended(self, change: ChangedOrder) -> bool:
        return True

    def unsupported(self, change: ChangedOrder) -> str | None:
        return None

    async def replace(self, exchange: Any, change: ChangedOrder) -> OrderAtVenue | None:
        """Asked as it is: ccxt's own question would name an order id beside the client's."""
        symbol = exchange.market(change.symbol)["id"]
        terms = {"qty": written(change.quantity), "price": written(change.price)}
        asked = {"category": "spot", "symbol": symbol, "orderLinkId": change.client_id, **terms}
        await exchange.privatePostV5OrderAmend(asked)
        return None

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

    async def open_orders(self, exchange: Any, symbol: str | None, page: Any) -> Page[OrderAtVenue]:
        asked = {} if symbol is None else {"symbol": exchange.market(symbol)["id"]}
        raws, cursor = await _listed(exchange.privateGetV5OrderRealtime, asked, _PAGE_MAX, page)
        return Page([_order(_symbol(exchange, raw), raw) for raw in raws], cursor or None)

    async def fills_of(
        self, exchange: Any, symbol: str, client_id: str, venue_order_id: str, page: Any
    ) -> Page[FillAtVenue]:
        """Asked by its id alone: the span of seven days is for questions without one."""
        asked = {"orderId": venue_order_id, "execType": "Trade"}
        raws, cursor = await _listed(exchange.privateGetV5ExecutionList, asked, _FILLS_MAX, page)
        return Page(_fills((symbol, raw) for raw in raws), cursor or None)

    async def fills_since(self, exchange: Any, symbol: str, since_ms: int, page: Any) -> Page[FillAtVenue]:
        """Both ends are said: else it would tell of the first seven days, and of nothing after them."""
        window: _NextFills = page or _NextFills(since_ms, _WINDOW_MS)
        end_ms = window.start_ms + window.length_ms
        narrower = _NextFills(window.start_ms, window.length_ms // 2) if window.length_ms > 1 else None
        asked = {"symbol": exchange.market(symbol)["id"], "execType": "Trade"}
        span = {"startTime": window.start_ms, "endTime": end_ms - 1}
        raws, cursor = await _listed(exchange.privateGetV5ExecutionList, asked | span, _FILLS_MAX, window.cursor)
        fills = _fills((symbol, raw) for raw in raws)
        if cursor:
            return Page(fills, window._replace(cursor=cursor, page=window.page + 1), narrower=narrower)
        if end_ms > exchange.milliseconds():
            return Page(fills)
        # Short after a moment of very many fills, and soon as long again as before it.
        is_quiet = window.page <= _PAGES_OF_FEW
        length_ms = min(window.length_ms * 2, _WINDOW_MS) if is_quiet else window.length_ms
        return Page(fills, _NextFills(end_ms, length_ms), whole_until_ms=end_ms)

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


async def _listed(
    ask: Callable[[dict[str, Any]], Awaitable[Any]], asked: dict[str, Any], limit: int, cursor: str | None
) -> tuple[list[Mapping[str, Any]], str]:
    """A page and the cursor of the next one, empty after the last. It may give one that leads to an empty page.

    Asked as it is: ccxt shows a cursor only where there is something to write it on.
    """
    question = {"category": "spot", "limit": limit, **asked} | ({"cursor": cursor} if cursor else {})
    result = (await ask(question))["result"]
    raws: list[Mapping[str, Any]] = result["list"]
    return raws, (result.get("nextPageCursor") or "") if raws else ""


def _symbol(exchange: Any, raw: Mapping[str, Any]) -> str:
    """ccxt's name of it."""
    return str(exchange.safe_symbol(raw["symbol"], None, None, "spot"))


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
        price=amount_or_zero(raw.get("price")),
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
