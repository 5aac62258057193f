"""The client: one method per call of the API.

    with Client("https://api.example.com") as client:
        client.sign_in("trader1", password)
        order = client.place_order(account_id, "ETH/USDT", "BUY", "0.5", price="2684.10")

Every call may raise Problem (the server's no) or ServerUnreachable (no answer). Reads, cancels and orders are retried
by themselves, since a repeated order with the same client_order_id is the same order.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote

import httpx

from breakwater.client.shapes import Amount, Json, Order, Page, Session, amount_text
from breakwater.client.transport import Problem, Transport, json_object

TIMEOUT = httpx.Timeout(30.0, connect=3.0)  # Longer than the order saga may take.
REFRESH_AHEAD_S = 60
PAGES_MAX = 1000


class Client:
    def __init__(
        self,
        api_url: str,
        *,
        session: Session | None = None,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Signed in by `session` or `sign_in`, or with an `api_key` in place of both."""
        self._http = httpx.Client(base_url=api_url, timeout=TIMEOUT, transport=transport)
        self._transport = Transport(self._http, sleep=sleep)
        self._api_key = api_key
        self._now = now
        self.session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # -- who is calling ------------------------------------------------------------------------------------------

    def sign_in(self, username: str, password: str, code: str | None = None) -> Session:
        body = {"username": username, "password": password} | ({"code": code} if code else {})
        return self._start_session(self._open("POST", "/auth/sign-in", body))

    def sign_out(self) -> None:
        """Ends the session on the server too; harmless when there is none."""
        if self.session is None:
            return
        self._call("POST", "/auth/sign-out")
        self.session = None

    def me(self) -> Json:
        return self._call("GET", "/me")

    def api_keys(self) -> list[Json]:
        keys: list[Json] = self._call("GET", "/api-keys")["items"]
        return keys

    def create_api_key(self, name: str, scopes: list[str], *, expires_at: str | None = None) -> Json:
        """The only answer that shows the secret, as `api_key`."""
        body = {"name": name, "scopes": scopes} | ({"expires_at": expires_at} if expires_at else {})
        return self._call("POST", "/api-keys", body=body)

    def revoke_api_key(self, key_id: str) -> None:
        self._call("DELETE", f"/api-keys/{_segment(key_id)}", repeatable=True)

    # -- orders --------------------------------------------------------------------------------------------------

    def place_order(
        self,
        account_id: str,
        symbol: str,
        side: str,
        quantity: Amount,
        *,
        price: Amount | None = None,
        client_order_id: str | None = None,
        time_in_force: str | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
    ) -> Order:
        """A limit order at `price`, or a market order without one.

        Status UNKNOWN means that its outcome is not known yet and its limits stay reserved. Problem carries `refusals`
        when limits said no.
        """
        body = order_body(
            account_id,
            symbol,
            side,
            quantity,
            price=price,
            client_order_id=client_order_id or str(uuid.uuid4()),
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
        )
        return cast("Order", self._call("POST", "/orders", body=body, repeatable=True))

    def preview(
        self, account_id: str, symbol: str, side: str, quantity: Amount, *, price: Amount | None = None
    ) -> Json:
        """The verdict of every limit, fees and expected price; changes nothing."""
        body = order_body(account_id, symbol, side, quantity, price=price, client_order_id=str(uuid.uuid4()))
        return self._call("POST", "/orders/preview", body=body, repeatable=True)

    def cancel(self, order_id: str) -> Order:
        return cast("Order", self._call("DELETE", f"/orders/{_segment(order_id)}", repeatable=True))

    def cancel_all(self, account_id: str) -> Json:
        return self._call("DELETE", "/orders", params={"account_id": account_id}, repeatable=True)

    def order(self, order_id: str) -> Order:
        return cast("Order", self._call("GET", f"/orders/{_segment(order_id)}"))

    def saga(self, order_id: str) -> Json:
        return self._call("GET", f"/orders/{_segment(order_id)}/saga")

    def orders(self, *, account_id: str | None = None, status: str | None = None, cursor: str | None = None) -> Page:
        return self._page("/orders", account_id=account_id, status=status, cursor=cursor)

    # -- what became of them -------------------------------------------------------------------------------------

    def trades(self, *, account_id: str | None = None, cursor: str | None = None) -> Page:
        return self._page("/trades", account_id=account_id, cursor=cursor)

    def positions(self, *, account_id: str | None = None) -> Page:
        return self._page("/positions", account_id=account_id)

    def portfolio(self, *, account_id: str | None = None) -> Json:
        """Accounts with their balances, positions and worth as `items`, and `totals` by currency."""
        return self._call("GET", "/portfolio", params=_given(account_id=account_id))

    def alerts(self, *, cursor: str | None = None) -> Page:
        return self._page("/alerts", cursor=cursor)

    def events(self, since: int = 0, *, account_id: str | None = None) -> Page:
        """The account's events after a sequence number, oldest first."""
        return self._page("/events", since=since, account_id=account_id)

    def instruments(self) -> Page:
        return self._page("/instruments")

    # -- limits --------------------------------------------------------------------------------------------------

    def limits_tree(self) -> Json:
        return self._call("GET", "/limits/tree")

    def limits_usage(self, node_id: str) -> Json:
        return self._call("GET", "/limits/usage", params={"node_id": node_id})

    def set_limit(
        self,
        node_id: str,
        limit_type: str,
        *,
        value: Amount | None = None,
        instrument: str = "*",
        parameters: Json | None = None,
    ) -> Json:
        """Creates the node's limit of that type and instrument, or changes it."""
        body: Json = {"node_id": node_id, "limit_type": limit_type, "instrument": instrument}
        if value is not None:
            body["value"] = amount_text("value", value)
        if parameters:
            body["parameters"] = parameters
        return self._call("POST", "/limits", body=body)

    def delete_limit(self, limit_id: str) -> None:
        self._call("DELETE", f"/limits/{_segment(limit_id)}")

    def validate(
        self, account_id: str, symbol: str, side: str, quantity: Amount, *, price: Amount | None = None
    ) -> Json:
        """What the limits would say to this order now; reserves nothing."""
        body = order_body(account_id, symbol, side, quantity, price=price, client_order_id=str(uuid.uuid4()))
        return self._call("POST", "/limits/validate", body=body, repeatable=True)

    def kill(self, node_id: str, reason: str) -> Json:
        """Stops new orders at the node and below, and cancels the open ones."""
        return self._call("POST", "/limits/kill", body={"node_id": node_id, "reason": reason})

    def rearm(self, node_id: str, reason: str) -> Json:
        return self._call("POST", "/limits/rearm", body={"node_id": node_id, "reason": reason})

    # -- the platform --------------------------------------------------------------------------------------------

    def health(self) -> Json:
        """Every dependency, its state and latency, also when one of them is down or degraded."""
        try:
            return self._open("GET", "/health")
        except Problem as problem:
            if problem.status == 503 and "dependencies" in problem.document:
                return problem.document
            raise

    # -- inside --------------------------------------------------------------------------------------------------

    def _start_session(self, answer: Json) -> Session:
        self.session = Session(
            access_token=answer["access_token"],
            # A refresh may keep the refresh token it was given.
            refresh_token=answer.get("refresh_token") or (self.session.refresh_token if self.session else ""),
            expires_at=self._now() + int(answer["expires_in"]),
        )
        return self.session

    def _authorization(self) -> dict[str, str]:
        if self._api_key:
            return {"Authorization": f"ApiKey {self._api_key}"}
        if self.session is None:
            raise Problem(401, {"code": "NOT_SIGNED_IN", "detail": "sign in first"})
        if self._now() > self.session.expires_at - REFRESH_AHEAD_S:
            self._start_session(self._open("POST", "/auth/refresh", {"refresh_token": self.session.refresh_token}))
        return {"Authorization": f"Bearer {self.session.access_token}"}

    def _open(self, method: str, path: str, body: Json | None = None) -> Json:
        response = self._transport.send(method, path, headers={}, params=None, body=body, repeatable=False)
        return json_object(response)

    def _call(
        self, method: str, path: str, *, params: Json | None = None, body: Json | None = None, repeatable: bool = False
    ) -> Json:
        response = self._transport.send(
            method,
            path,
            headers=self._authorization(),
            params=params,
            body=body,
            repeatable=repeatable or method == "GET",
        )
        return json_object(response)

    def _page(self, path: str, **params: str | int | None) -> Page:
        return cast("Page", self._call("GET", path, params=_given(**params)))


def every(fetch: Callable[..., Page], **filters: str | None) -> Iterator[Json]:
    """The items of all pages: `every(client.orders, account_id=...)`."""
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = fetch(**filters, cursor=cursor)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def order_body(
    account_id: str,
    symbol: str,
    side: str,
    quantity: Amount,
    *,
    client_order_id: str,
    price: Amount | None = None,
    time_in_force: str | None = None,
    post_only: bool = False,
    reduce_only: bool = False,
) -> Json:
    """The body of POST /orders; TypeError for an amount that is a float."""
    body: Json = {
        "client_order_id": client_order_id,
        "account_id": account_id,
        "symbol": symbol,
        "side": side,
        "type": "MARKET" if price is None else "LIMIT",
        "quantity": amount_text("quantity", quantity),
    }
    if price is not None:
        body["price"] = amount_text("price", price)
    flags = {"post_only": post_only, "reduce_only": reduce_only}
    return body | _given(time_in_force=time_in_force) | {name: True for name, is_set in flags.items() if is_set}


def _segment(part: str) -> str:
    """An id as one segment of a path, whatever is in it: `?account_id=` must not become "cancel all"."""
    return quote(part, safe="")


def _given(**params: str | int | None) -> Json:
    return {name: value for name, value in params.items() if value is not None}
