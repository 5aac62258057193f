"""The client: one method per call of the API.

    with Client("https://api.example.com") as client:
        client.sign_in("trader1", password)
        order = client.place_order(account_id, "ETH/USDT", "BUY", "0.5", price="2684.10")

Every call may raise Problem (the server's no) or ServerUnreachable (no answer). Reads, cancels and orders are retried
by themselves, since a repeated order with the same client_order_id is the same order.
"""

import uuid
from typing import Unpack, cast

from breakwater.client.alerts_api import AlertCalls
from breakwater.client.audit_api import AuditCalls
from breakwater.client.connection import given, segment
from breakwater.client.digests_api import DigestCalls
from breakwater.client.limits_api import LimitCalls
from breakwater.client.metric_rules_api import MetricRuleCalls
from breakwater.client.oauth_api import OAuthCalls
from breakwater.client.operations_api import OperationsCalls
from breakwater.client.order_terms import OrderOptions, order_body
from breakwater.client.people_api import PeopleCalls
from breakwater.client.shapes import Amount, ExecutionReport, Json, Order, Page, amount_text
from breakwater.client.transport import Problem
from breakwater.client.webhooks_api import WebhookCalls


class Client(
    LimitCalls,
    AuditCalls,
    PeopleCalls,
    OAuthCalls,
    OperationsCalls,
    DigestCalls,
    WebhookCalls,
    AlertCalls,
    MetricRuleCalls,
):
    # -- who is calling ------------------------------------------------------------------------------------------

    def me(self) -> Json:
        return self._call("GET", "/me")

    def api_keys(self) -> list[Json]:
        keys: list[Json] = self._call("GET", "/api-keys")["items"]
        return keys

    def create_api_key(
        self,
        name: str,
        scopes: list[str],
        *,
        expires_at: str | None = None,
        account_id: str | None = None,
        ip_allow: list[str] | None = None,
        public_key: str | None = None,
        requests_per_minute_max: int | None = None,
    ) -> Json:
        """The only answer that shows the secret, as `api_key`.

        At the exchange-compatible endpoint the key trades `account_id`; `public_key` is PEM of an Ed25519 pair.
        """
        options = given(
            expires_at=expires_at,
            account_id=account_id,
            ip_allow=ip_allow,
            public_key=public_key,
            requests_per_minute_max=requests_per_minute_max,
        )
        return self._call("POST", "/api-keys", body={"name": name, "scopes": scopes} | options)

    def rotate_api_key(self, key_id: str, *, overlap_s: int | None = None, public_key: str | None = None) -> Json:
        """Another key that may do the same, shown in this answer alone; the old one works for the overlap, a day."""
        body = given(overlap_s=overlap_s, public_key=public_key)
        return self._call("POST", f"/api-keys/{segment(key_id)}/rotate", body=body)

    def exchange_credentials(self) -> list[Json]:
        items: list[Json] = self._call("GET", "/exchange-credentials")["items"]
        return items

    def add_exchange_credential(self, *, account_id: str, venue: str, label: str, api_key: str, secret: str) -> Json:
        """What is kept of it: nobody can read the key or its secret back."""
        body = {"account_id": account_id, "venue": venue, "label": label, "api_key": api_key, "secret": secret}
        return self._call("POST", "/exchange-credentials", body=body)

    def rotate_exchange_credential(
        self, credential_id: str, *, api_key: str, secret: str, overlap_s: int | None = None
    ) -> Json:
        """The next version under the same id; the old one is kept for the overlap, an hour by default."""
        body = {"api_key": api_key, "secret": secret} | given(overlap_s=overlap_s)
        return self._call("POST", f"/exchange-credentials/{segment(credential_id)}/rotate", body=body)

    def grant_exchange_credential(self, credential_id: str, account_id: str) -> None:
        """Let another account of the organisation trade with it."""
        path = f"/exchange-credentials/{segment(credential_id)}/accounts/{segment(account_id)}"
        self._call("PUT", path, repeatable=True)

    def withdraw_exchange_credential(self, credential_id: str, account_id: str) -> None:
        path = f"/exchange-credentials/{segment(credential_id)}/accounts/{segment(account_id)}"
        self._call("DELETE", path, repeatable=True)

    def delete_exchange_credential(self, credential_id: str) -> None:
        self._call("DELETE", f"/exchange-credentials/{segment(credential_id)}")

    def revoke_api_key(self, key_id: str) -> None:
        self._call("DELETE", f"/api-keys/{segment(key_id)}", repeatable=True)

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
        **options: Unpack[OrderOptions],
    ) -> Order:
        """A limit order at `price`, or a market order without one; with an `execution`, one that the router works.

        Status UNKNOWN means that its outcome is not known yet and its limits stay reserved. Problem carries `refusals`
        when limits said no.
        """
        body = order_body(account_id, symbol, side, quantity, price=price, client_order_id=client_order_id, **options)
        return cast("Order", self._call("POST", "/orders", body=body, repeatable=True))

    def preview(
        self,
        account_id: str,
        symbol: str,
        side: str,
        quantity: Amount,
        *,
        price: Amount | None = None,
        **options: Unpack[OrderOptions],
    ) -> Json:
        """The verdict of every limit, fees and expected price; changes nothing."""
        body = order_body(account_id, symbol, side, quantity, price=price, **options)
        return self._call("POST", "/orders/preview", body=body, repeatable=True)

    def replace(
        self,
        order_id: str,
        *,
        quantity: Amount | None = None,
        price: Amount | None = None,
        replace_id: str | None = None,
    ) -> Order:
        """Another whole quantity (with what has traded), another price, or both, for an order that rests.

        The same `replace_id` again is the same replace. An order with its old terms: not decided yet, and the larger
        reservation is held (`replaces` tells what becomes of it). Problem carries `refusals` when limits said no.
        """
        body = given(
            quantity=None if quantity is None else amount_text("quantity", quantity),
            price=None if price is None else amount_text("price", price),
        )
        sent = {"replace_id": replace_id or str(uuid.uuid4()), **body}
        return cast("Order", self._call("PATCH", f"/orders/{segment(order_id)}", body=sent, repeatable=True))

    def replaces(self, order_id: str) -> Json:
        """What was asked of the order beside its cancel, the newest first, and what became of each."""
        return self._call("GET", f"/orders/{segment(order_id)}/replaces")

    def cancel(self, order_id: str) -> Order:
        return cast("Order", self._call("DELETE", f"/orders/{segment(order_id)}", repeatable=True))

    def cancel_all(self, account_id: str) -> Json:
        return self._call("DELETE", "/orders", params={"account_id": account_id}, repeatable=True)

    def order(self, order_id: str) -> Order:
        return cast("Order", self._call("GET", f"/orders/{segment(order_id)}"))

    def saga(self, order_id: str) -> Json:
        return self._call("GET", f"/orders/{segment(order_id)}/saga")

    def execution(self, order_id: str) -> ExecutionReport:
        """What the router made of the order, and what that cost; Problem (404) for one that it did not work."""
        return cast("ExecutionReport", self._call("GET", f"/orders/{segment(order_id)}/execution"))

    def orders(
        self,
        *,
        account_id: str | None = None,
        status: str | None = None,
        open_only: bool = False,
        client_order_id: str | None = None,
        cursor: str | None = None,
    ) -> Page:
        """The newest first; with `open_only` those that may still trade."""
        return self._page(
            "/orders",
            account_id=account_id,
            status=status,
            open_only="true" if open_only else None,
            client_order_id=client_order_id,
            cursor=cursor,
        )

    # -- what became of them -------------------------------------------------------------------------------------

    def trades(self, *, account_id: str | None = None, cursor: str | None = None) -> Page:
        return self._page("/trades", account_id=account_id, cursor=cursor)

    def positions(self, *, account_id: str | None = None) -> Page:
        return self._page("/positions", account_id=account_id)

    def portfolio(self, *, account_id: str | None = None) -> Json:
        """Accounts with their balances, positions and worth as `items`, and `totals` by currency."""
        return self._call("GET", "/portfolio", params=given(account_id=account_id))

    def events(self, since: int = 0, *, account_id: str | None = None, order_id: str | None = None) -> Page:
        """The account's events after a sequence number, oldest first; or those that are about one order."""
        return self._page("/events", since=since, account_id=account_id, order_id=order_id)

    def instruments(self) -> Page:
        return self._page("/instruments")

    # -- the platform --------------------------------------------------------------------------------------------

    def health(self) -> Json:
        """Every dependency, its state and latency, also when one of them is down or degraded."""
        try:
            return self._open("GET", "/health")
        except Problem as problem:
            if problem.status == 503 and "dependencies" in problem.document:
                return problem.document
            raise
