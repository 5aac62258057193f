"""Orders and trades at one venue, and balances, through the control plane: the way of the HTTP API."""

from collections.abc import Iterable
from decimal import Decimal
from http import HTTPStatus
from itertools import dropwhile
from typing import Any

from breakwater.domain.orders import OrderTerms, OrdStatus
from fargate_engine.binance.errors import (
    BinanceError,
    bad_key,
    duplicate_order,
    outcome_unknown,
    too_many_items,
    unavailable,
    unknown_order_to_cancel,
)
from fargate_engine.binance.exchange import ShownOrder, Span
from fargate_engine.firm_exchange.control_plane import Answer, ControlPlane, Function, OutcomeUnknown
from fargate_engine.firm_exchange.order_lists import is_list, names_of_shown
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.refusals import refusal_of_problem
from fargate_engine.firm_exchange.views import milliseconds, order_of_api, trade_of_api

PAGE_MAX = 200
PAGES_MAX = 50
ALL = Span(limit=PAGE_MAX * PAGES_MAX, start_ms=0)
OPEN_STATUSES = (OrdStatus.PENDING_NEW, OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED, OrdStatus.PENDING_CANCEL)


class OrdinaryWay:
    """The API knows an account's orders at every venue: it is asked for those of this one."""

    def __init__(self, control_plane: ControlPlane, venue: str) -> None:
        self._control_plane = control_plane
        self._venue = venue

    async def place(self, owner: Owner, terms: OrderTerms) -> dict[str, Any]:
        """The API's order. BinanceError for a refusal, a client order id that was used, and an unknown outcome."""
        answer = await self._tell(owner, "POST", "/orders", body=terms.model_dump(mode="json", exclude_none=True))
        if answer.status == HTTPStatus.OK:
            raise duplicate_order()
        if answer.status == HTTPStatus.ACCEPTED:
            raise outcome_unknown()
        placed: dict[str, Any] = _document(answer)
        return placed

    async def check(self, owner: Owner, terms: OrderTerms) -> dict[str, Any]:
        """The verdict of every limit, and nothing is placed."""
        body = terms.model_dump(mode="json", exclude_none=True)
        verdict: dict[str, Any] = _document(
            await self._ask(owner, Function.ORDERS, "POST", "/orders/preview", body=body)
        )
        return verdict

    async def cancel(self, owner: Owner, order_id: str) -> ShownOrder:
        answer = await self._tell(owner, "DELETE", f"/orders/{order_id}")
        if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
            raise unknown_order_to_cancel()
        return order_of_api(_document(answer))

    async def order(self, owner: Owner, order_id: str) -> dict[str, Any]:
        """One of the account's own."""
        found: dict[str, Any] = _document(await self._ask(owner, Function.ORDERS, "GET", f"/orders/{order_id}"))
        return found

    async def find(self, owner: Owner, symbol: str | None, **by: Any) -> dict[str, Any] | None:
        """By client_order_id, leg_client_order_id or exchange_order_id; where two have it the one that is open, else
        the newest. Without a symbol: of any.
        """
        query = {"account_id": str(owner.account_id), "symbol": symbol, "venue": self._venue, "limit": 10, **by}
        page = _document(await self._ask(owner, Function.ORDERS, "GET", "/orders", query=query))
        found: list[dict[str, Any]] = page["items"]
        return next((each for each in found if not OrdStatus(each["status"]).is_final), found[0] if found else None)

    async def orders(self, owner: Owner, symbol: str, span: Span) -> list[tuple[ShownOrder, int]]:
        """Of each order that is shown its number, and the platform's order that it is of."""
        found = await self._pages(owner, Function.ORDERS, "/orders", span, symbol=symbol, venue=self._venue)
        shown = [
            (order.created_ms, number, (order, number))
            for order in map(order_of_api, found)
            for number, _ in names_of_shown(order)
        ]
        return within(span, shown)

    async def order_lists(self, owner: Owner, span: Span) -> list[ShownOrder]:
        found = await self._pages(owner, Function.ORDERS, "/orders", span, algorithm="OCO", venue=self._venue)
        shown = [each for each in map(order_of_api, found) if is_list(each.execution)]
        return within(span, [(each.created_ms, each.order_number, each) for each in shown])

    async def open_orders(
        self, owner: Owner, symbols: Iterable[str], *, everywhere: bool = False
    ) -> list[dict[str, Any]]:
        """Of these symbols, as the API has them; `everywhere`: those at other venues as well."""
        wanted, venue = set(symbols), None if everywhere else self._venue
        found: list[dict[str, Any]] = []
        for status in OPEN_STATUSES if wanted else ():
            found += await self._pages(owner, Function.ORDERS, "/orders", ALL, status=status.value, venue=venue)
        return [each for each in found if each["symbol"] in wanted]

    async def trades(self, owner: Owner, symbol: str, span: Span, order_id: str | None) -> list[dict[str, Any]]:
        """As the API has them."""
        by = {"symbol": symbol, "order_id": order_id, "venue": self._venue}
        found = await self._pages(owner, Function.QUERIES, "/trades", span, **by)
        numbered = [(trade_of_api(each), each) for each in found]
        return within(span, [(shown.at_ms, shown.fill.trade_number, each) for shown, each in numbered])

    async def balances(self, owner: Owner) -> dict[str, Decimal]:
        """The totals by asset."""
        query = {"account_id": str(owner.account_id)}
        portfolio = _document(await self._ask(owner, Function.QUERIES, "GET", "/portfolio", query=query))
        return {
            balance["asset"]: Decimal(balance["total"]) for each in portfolio["items"] for balance in each["balances"]
        }

    async def _pages(self, owner: Owner, function: Function, path: str, span: Span, **by: Any) -> list[dict[str, Any]]:
        """Newest first, as far back as the span asks for. Refused where that is too far: a list is never cut unsaid."""
        is_newest = span.start_ms is span.end_ms is span.from_number is None
        limit = min(span.limit, PAGE_MAX) if is_newest else PAGE_MAX
        query: dict[str, Any] = {"account_id": str(owner.account_id), "limit": limit, **by}
        found: list[dict[str, Any]] = []
        for _ in range(PAGES_MAX):
            page = _document(await self._ask(owner, function, "GET", path, query=query))
            found += page["items"]
            query["cursor"] = page["next_cursor"]
            if query["cursor"] is None or (is_newest and len(found) >= span.limit):
                return found
            oldest = found[-1].get("created_at") or found[-1]["transact_time"]
            if span.start_ms is not None and milliseconds(oldest) < span.start_ms:
                return found
        raise too_many_items()

    async def _tell(self, owner: Owner, method: str, path: str, *, body: Any = None) -> Answer:
        try:
            return await self._control_plane.ask(Function.ORDERS, method, path, owner, body=body)
        except OutcomeUnknown as error:
            raise outcome_unknown() from error

    async def _ask(
        self,
        owner: Owner,
        function: Function,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
    ) -> Answer:
        """A question: where it is not answered, nothing has changed."""
        try:
            return await self._control_plane.ask(function, method, path, owner, query=query, body=body)
        except OutcomeUnknown as error:
            raise unavailable(1) from error


def within[Item](span: Span, newest_first: list[tuple[int, int, Item]]) -> list[Item]:
    """Oldest first: the newest `limit`, or with a start the first of them. Each comes with its time and its number.

    Numbers do not grow with time: from a number on means from that item on, and 0 from the first there is.
    """
    found = [
        (number, item)
        for at_ms, number, item in reversed(newest_first)
        if (span.start_ms is None or at_ms >= span.start_ms) and (span.end_ms is None or at_ms <= span.end_ms)
    ]
    if span.from_number:
        found = list(dropwhile(lambda each: each[0] != span.from_number, found))
        if not found:
            raise BinanceError(-1100, "Nothing has this id; list from startTime on.")
    is_from_the_first = span.start_ms is not None or span.from_number is not None
    return [item for _, item in (found[: span.limit] if is_from_the_first else found[-span.limit :])]


def _document(answer: Answer) -> Any:
    if answer.is_done:
        return answer.document
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
        raise bad_key()
    refusal: BinanceError = refusal_of_problem(answer.status, answer.document)
    raise refusal
