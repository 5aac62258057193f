"""Binance spot, through ccxt."""

from collections.abc import Mapping, Sequence
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
from fargate_engine.venues.protocol import Balance, FillAtVenue, OrderAtVenue
from fargate_engine.venues.rate_budget import RETRY_AFTER_S, RateBudget, RateWord, Window

_STATUSES = {
    "NEW": OrdStatus.NEW,
    "PENDING_NEW": OrdStatus.NEW,
    "PARTIALLY_FILLED": OrdStatus.PARTIALLY_FILLED,
    "FILLED": OrdStatus.FILLED,
    "CANCELED": OrdStatus.CANCELED,
    "PENDING_CANCEL": OrdStatus.NEW,  # Never used, says its documentation.
    "REJECTED": OrdStatus.REJECTED,
    "EXPIRED": OrdStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrdStatus.EXPIRED,
}
_FILLS_MAX = 1_000
_DAY_MS = 24 * 60 * 60 * 1000  # The longest that one question by time may ask about.
_BY_CLIENT_ID = "origClientOrderId"
_TOO_MANY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.IM_A_TEAPOT})  # The second one is a ban.


class _NextFills(NamedTuple):
    """By time until a fill was found, then by its number: many fills may be of one millisecond."""

    start_ms: int
    from_id: int | None = None


class BinanceSpot:
    weights = Weights(
        place=1,
        cancel=1,
        order=4,
        amend=4,
        replace=1,
        open_orders=6,
        open_orders_of_all=80,
        fills=20,
        balances=20,
        markets=40,
    )
    renames = True
    amends_as_order = False
    private_path = "/ws-api/"

    def budget(self) -> RateBudget:
        """6,000 a minute for an address, 100 orders in ten seconds for an account: the limits it publishes."""
        return RateBudget(
            weight=Window(weight_max=6_000, window_s=60, kept_for_cancels=600),
            orders=Window(weight_max=100, window_s=10, kept_for_cancels=0),
        )

    def rate_word(self, status: int, headers: Mapping[str, str], body: str, now_ms: int) -> RateWord:
        used, told = headers.get("x-mbx-used-weight-1m", ""), headers.get("retry-after", "")
        retry_after_s = float(told) if told.isdecimal() else RETRY_AFTER_S
        wait_s = retry_after_s if status in _TOO_MANY else 0.0
        return RateWord(used=int(used) if used.isdecimal() else None, wait_s=wait_s)

    async def place(self, exchange: Any, order: NewOrder) -> OrderAtVenue:
        params: dict[str, Any] = {"newClientOrderId": order.client_id, "newOrderRespType": "FULL"}
        if order.post_only:
            params["postOnly"] = True
        elif order.time_in_force is not TimeInForce.GTC:
            params["timeInForce"] = order.time_in_force.value
        side, quantity, price = order.side.lower(), written(order.quantity), written(order.price)
        answer = await exchange.create_order(order.symbol, "limit", side, quantity, price, params)
        return _order(order.symbol, raw_of(answer))

    async def cancel(self, exchange: Any, client_id: str, symbol: str) -> OrderAtVenue | None:
        return _order(symbol, raw_of(await exchange.cancel_order(None, symbol, {_BY_CLIENT_ID: client_id})))

    async def cancel_all(self, exchange: Any, symbol: str) -> Sequence[OrderAtVenue]:
        answers = await exchange.privateDeleteOpenOrders({"symbol": exchange.market(symbol)["id"]})
        # An order list has its orders in `orderReports`: none is ours.
        return [_order(symbol, raw) for raw in answers if "orderReports" not in raw]

    def is_amended(self, change: ChangedOrder) -> bool:
        return change.is_less

    def unsupported(self, change: ChangedOrder) -> str | None:
        """The new order needs to know how much is left, and of one that trades meanwhile nobody can say."""
        if change.is_less or not change.filled:
            return None
        return "an order that has traded in part can only be made smaller there, at its price"

    async def replace(self, exchange: Any, change: ChangedOrder) -> OrderAtVenue | None:
        if self.is_amended(change):
            return await self._amend(exchange, change)
        asked = {
            "symbol": exchange.market(change.symbol)["id"],
            "side": change.side.value,
            "type": "LIMIT_MAKER" if change.post_only else "LIMIT",
            "quantity": written(change.quantity),
            "price": written(change.price),
            "newClientOrderId": change.next_client_id,
            "newOrderRespType": "FULL",
            "cancelOrigClientOrderId": change.client_id,
            "cancelReplaceMode": "STOP_ON_FAILURE",
            # One that has traded meanwhile stays: the new one would be too large by that.
            "cancelRestrictions": "ONLY_NEW",
        }
        if not change.post_only:
            asked["timeInForce"] = "GTC"
        answer = await exchange.privatePostOrderCancelReplace(asked)
        return _order(change.symbol, answer["newOrderResponse"])

    async def _amend(self, exchange: Any, change: ChangedOrder) -> OrderAtVenue:
        """It keeps its place and its number there. ccxt has no name for the request."""
        asked = {
            "symbol": exchange.market(change.symbol)["id"],
            "origClientOrderId": change.client_id,
            "newClientOrderId": change.next_client_id,
            "newQty": written(change.quantity),
        }
        answer = await exchange.request("order/amend/keepPriority", ["private"], "PUT", asked)
        raw = answer["amendedOrder"]
        return OrderAtVenue(
            client_id=raw["clientOrderId"],
            venue_order_id=str(raw["orderId"]),
            symbol=change.symbol,
            side=side_of(raw["side"]),
            status=_STATUSES[raw["status"]],
            quantity=amount(raw["qty"]),
            filled=amount(raw["executedQty"]),
        )

    async def order(self, exchange: Any, client_id: str, symbol: str) -> OrderAtVenue:
        return _order(symbol, raw_of(await exchange.fetch_order(None, symbol, {_BY_CLIENT_ID: client_id})))

    async def order_of(self, exchange: Any, fill: FillAtVenue) -> OrderAtVenue:
        return _order(fill.symbol, raw_of(await exchange.fetch_order(fill.venue_order_id, fill.symbol)))

    async def open_orders(self, exchange: Any, symbol: str | None, page: Any) -> Page[OrderAtVenue]:
        """It has no pages of them: its answer is all."""
        return Page([_order(name, raw) for name, raw in raws_of(await exchange.fetch_open_orders(symbol))])

    async def fills_of(
        self, exchange: Any, symbol: str, client_id: str, venue_order_id: str, page: Any
    ) -> Page[FillAtVenue]:
        """The newest, and where these are more than an answer holds all from the first on."""
        asked = {"orderId": venue_order_id} if page is None else {"orderId": venue_order_id, "fromId": page}
        answers = await exchange.fetch_my_trades(symbol, None, _FILLS_MAX, asked)
        fills = [_fill(name, raw, client_id) for name, raw in raws_of(answers)]
        if len(fills) < _FILLS_MAX:
            return Page(fills)
        return Page(fills, next_page=0 if page is None else _number(fills) + 1)

    async def fills_since(self, exchange: Any, symbol: str, since_ms: int, page: Any) -> Page[FillAtVenue]:
        asked: _NextFills = page or _NextFills(since_ms)
        end_ms = asked.start_ms + _DAY_MS - 1
        is_last_day = end_ms >= exchange.milliseconds()
        if asked.from_id is not None:
            answers = await exchange.fetch_my_trades(symbol, None, _FILLS_MAX, {"fromId": asked.from_id})
        else:
            until = {} if is_last_day else {"endTime": end_ms}
            answers = await exchange.fetch_my_trades(symbol, asked.start_ms, _FILLS_MAX, until)
        fills = [_fill(name, raw, None) for name, raw in raws_of(answers)]
        if len(fills) >= _FILLS_MAX or (fills and asked.from_id is None and not is_last_day):
            after = _NextFills(asked.start_ms, _number(fills) + 1)
            return Page(fills, after, whole_until_ms=max(fill.at_ms for fill in fills))
        if not fills and asked.from_id is None and not is_last_day:
            return Page(fills, _NextFills(end_ms + 1), whole_until_ms=end_ms + 1)
        return Page(fills)

    async def balances(self, exchange: Any) -> dict[str, Balance]:
        raw = raw_of(await exchange.fetch_balance())
        told = {each["asset"]: Balance(amount(each["free"]), amount(each["locked"])) for each in raw["balances"]}
        return {asset: balance for asset, balance in told.items() if balance.total}

    async def watch_orders(self, exchange: Any) -> list[OrderAtVenue]:
        return [_reported(name, raw) for name, raw in raws_of(await exchange.watch_orders())]

    async def watch_fills(self, exchange: Any) -> list[FillAtVenue]:
        answers = raws_of(await exchange.watch_my_trades())
        return [_reported_fill(name, raw) for name, raw in answers if raw.get("x", "TRADE") == "TRADE"]


def _order(symbol: str, raw: Mapping[str, Any]) -> OrderAtVenue:
    """As REST has it. A cancel's own id is `clientOrderId`; the order's is `origClientOrderId` then."""
    client_id = raw.get("origClientOrderId") or raw["clientOrderId"]
    status = _STATUSES[raw["status"]]
    order_id = str(raw["orderId"])
    side = side_of(raw["side"])
    fills = tuple(
        FillAtVenue(
            trade_id=str(each["tradeId"]),
            venue_order_id=order_id,
            client_id=client_id,
            symbol=symbol,
            side=side,
            quantity=amount(each["qty"]),
            price=amount(each["price"]),
            liquidity="TAKER",  # What is filled while it is placed takes.
            fee=amount(each["commission"]),
            fee_currency=each["commissionAsset"],
            at_ms=int(raw.get("transactTime", 0)),
        )
        for each in raw.get("fills", ())
        if "tradeId" in each
    )
    return OrderAtVenue(
        client_id=client_id,
        venue_order_id=order_id,
        symbol=symbol,
        side=side,
        status=status,
        quantity=amount(raw["origQty"]),
        filled=amount(raw["executedQty"]),
        reason=_reason(raw["status"]),
        fills=fills,
    )


def _fill(symbol: str, raw: Mapping[str, Any], client_id: str | None) -> FillAtVenue:
    return FillAtVenue(
        trade_id=str(raw["id"]),
        venue_order_id=str(raw["orderId"]),
        client_id=client_id,
        symbol=symbol,
        side=side_of("BUY" if raw["isBuyer"] else "SELL"),
        quantity=amount(raw["qty"]),
        price=amount(raw["price"]),
        liquidity="MAKER" if raw["isMaker"] else "TAKER",
        fee=amount(raw["commission"]),
        fee_currency=raw["commissionAsset"],
        at_ms=int(raw["time"]),
    )


def _number(fills: Sequence[FillAtVenue]) -> int:
    """Of the newest: they are numbered as they happen."""
    return max(int(fill.trade_id) for fill in fills)


def _reported(symbol: str, raw: Mapping[str, Any]) -> OrderAtVenue:
    """An executionReport."""
    return OrderAtVenue(
        client_id=_reported_id(raw),
        venue_order_id=str(raw["i"]),
        symbol=symbol,
        side=side_of(raw["S"]),
        status=_STATUSES[raw["X"]],
        quantity=amount(raw["q"]),
        filled=amount(raw["z"]),
        reason=_reason(raw["X"], raw.get("r")),
    )


def _reported_id(raw: Mapping[str, Any]) -> str:
    """A cancel has its own id in `c` and the order's in `C`; an amended order has its new one in `c`."""
    told: str = raw["c"] if raw.get("x") == "REPLACED" else raw.get("C") or raw["c"]
    return told


def _reported_fill(symbol: str, raw: Mapping[str, Any]) -> FillAtVenue:
    return FillAtVenue(
        trade_id=str(raw["t"]),
        venue_order_id=str(raw["i"]),
        client_id=_reported_id(raw),
        symbol=symbol,
        side=side_of(raw["S"]),
        quantity=amount(raw["l"]),
        price=amount(raw["L"]),
        liquidity="MAKER" if raw["m"] else "TAKER",
        fee=amount_or_zero(raw.get("n")),
        fee_currency=raw.get("N") or symbol.partition("/")[2],
        at_ms=int(raw["T"]),
    )


def _reason(status: str, words: Any = None) -> Reason | None:
    if status == "EXPIRED_IN_MATCH":
        return Reason("SELF_TRADE", "the venue keeps the account from trading with itself")
    if status == "REJECTED":
        return Reason("VENUE_REFUSED", f"the venue refused it: {words or 'without a word'}")
    return None
