"""The engine's gateway as functions see it: kept-alive HTTP, short time-outs, and never a second try by itself."""

import ssl
import uuid
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from itertools import batched
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from breakwater.domain.lease_messages import LeaseWords, SetLease
from breakwater.domain.orders import OrderSnapshot, PlaceOrder, ReplaceOrder, SubmitOrder, VoidReplace
from breakwater.errors import EngineForgot, EngineSilent, EngineUnavailable, NotFound, OrderForgotten

TIMEOUT = Timeout(connect=1.0, total=3.0)  # Within the saga's 4 s for a step, so that the step says so and is retried.
HEALTH_TIMEOUT = Timeout(connect=0.5, read=1.0)
ACCOUNTS_A_CALL_MAX = 1_000  # The engine refuses a cancel of more, and a firm that is killed may have more.


class FailedCancel(BaseModel):
    model_config = ConfigDict(frozen=True)

    order_id: uuid.UUID
    reason: str


class CanceledOrders(BaseModel):
    """What became of the open orders of some accounts: the snapshots of those cancelled, and those that were not."""

    model_config = ConfigDict(frozen=True)

    canceled: list[OrderSnapshot]
    failed: list[FailedCancel]


class EngineHealth(BaseModel):
    """What `GET /health` says of the sixteen shards, whichever engine serves them."""

    model_config = ConfigDict(frozen=True)

    status: Literal["READY", "DEGRADED", "WAITING"]
    unserved: list[int] = []


class _AnyDocument(RootModel[dict[str, Any]]):
    """Read by whoever asked for it."""


class EngineClient:
    """Calls raise EngineUnavailable when the answer is not known: failing, unreadable, mixed up; and its kind
    EngineSilent where there was none: refused, timed out; EngineForgot where the order ended so long ago that the
    engine keeps only its id. Whatever it held stays held: only the engine's own word frees that.

    Every call is idempotent by order id, so whoever needs certainty may repeat it; this client does not.
    `base_url`, `token` and `tls` are asked at each call, because all change while a function lives. With `tls` nothing
    is sent in clear, whatever the URL says.
    """

    def __init__(
        self,
        base_url: Callable[[], str],
        token: Callable[[], str],
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._tls = tls
        self._shown: ssl.SSLContext | None = None
        self._pool = PoolManager(num_pools=2, maxsize=2)

    def submit(self, order: SubmitOrder) -> OrderSnapshot:
        """The order as the engine has it, also when it had it before."""
        # An engine from before these fields refuses them: while a deploy is under way only orders that need it wait.
        unused = {name for name in ("self_trade", "leased", "expire_at_ns") if getattr(order, name) is None}
        body = order.model_dump(mode="json", exclude=unused)
        return self._ask_about(order.order_id, "POST", "/internal/orders", order.correlation_id, body)

    def cancel(self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, correlation_id: str) -> OrderSnapshot:
        """The order after the cancel, a final one unchanged; NotFound when the engine never heard of it."""
        path = f"/internal/orders/{order_id}?tenant_id={tenant_id}"
        return self._ask_about(order_id, "DELETE", path, correlation_id)

    def get(self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, correlation_id: str) -> OrderSnapshot:
        """NotFound when the engine never heard of it."""
        path = f"/internal/orders/{order_id}?tenant_id={tenant_id}"
        return self._ask_about(order_id, "GET", path, correlation_id)

    def void(
        self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, account_id: uuid.UUID, symbol: str, correlation_id: str
    ) -> OrderSnapshot:
        """The order as it is, or REJECTED for ever if the engine never heard of it: a late submit finds it so."""
        body = {
            "tenant_id": str(tenant_id),
            "account_id": str(account_id),
            "symbol": symbol,
            "correlation_id": correlation_id,
        }
        path = f"/internal/orders/{order_id}/void"
        return self._ask_about(order_id, "POST", path, correlation_id, body)

    def replace(self, asked: ReplaceOrder) -> OrderSnapshot:
        """The order after the replace is decided, or as it is if it was decided before; NotFound as of `get`."""
        body = asked.model_dump(mode="json")
        path = f"/internal/orders/{asked.order_id}/replace"
        return self._ask_about(asked.order_id, "PUT", path, asked.correlation_id, body)

    def void_replace(self, asked: VoidReplace, *, correlation_id: str) -> OrderSnapshot:
        """The order with the replace decided: refused for ever if the engine never heard of it."""
        path = f"/internal/orders/{asked.order_id}/replace/void"
        return self._ask_about(asked.order_id, "PUT", path, correlation_id, asked.model_dump(mode="json"))

    def end(
        self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, account_id: uuid.UUID, symbol: str, correlation_id: str
    ) -> OrderSnapshot:
        """Final, whether or not it had arrived: voided, so that it never can, or cancelled where it did meanwhile."""
        snapshot = self.void(
            order_id, tenant_id=tenant_id, account_id=account_id, symbol=symbol, correlation_id=correlation_id
        )
        if snapshot.status.is_final:
            return snapshot
        return self.cancel(order_id, tenant_id=tenant_id, correlation_id=correlation_id)

    def cancel_all(
        self, account_ids: Sequence[uuid.UUID], *, tenant_id: uuid.UUID, correlation_id: str
    ) -> CanceledOrders:
        """Every open order of these accounts, in as many calls as the engine needs; raises where one of them fails."""
        outcome = CanceledOrders(canceled=[], failed=[])
        for asked in batched(account_ids, ACCOUNTS_A_CALL_MAX, strict=False):
            body = {
                "tenant_id": str(tenant_id),
                "account_ids": [str(account_id) for account_id in asked],
                "correlation_id": correlation_id,
            }
            answer = self._call("POST", "/internal/cancel-all", correlation_id, CanceledOrders, body)
            outcome.canceled.extend(answer.canceled)
            outcome.failed.extend(answer.failed)
        return outcome

    def submit_leased(self, order: PlaceOrder) -> OrderSnapshot:
        """An order that nobody reserved for, within the lease of its account and symbol.

        EngineUnavailable also where it has none.
        """
        unused = {"terms": {"expire_time"}} if order.terms.expire_time is None else None  # As in `submit`.
        body = order.model_dump(mode="json", exclude=unused)
        return self._ask_about(order.order_id, "POST", "/internal/leased-orders", order.correlation_id, body)

    def set_lease(self, lease: SetLease) -> LeaseWords:
        """The lease as the engine has it, whether or not it was told of this version before."""
        body = lease.model_dump(mode="json")
        words = self._call("POST", "/internal/leases", lease.correlation_id, LeaseWords, body)
        if (words.account_id, words.symbol) != (lease.account_id, lease.symbol):
            raise EngineUnavailable("the engine's answer is about another lease")
        return words

    def unserved_shards(self) -> list[int]:
        """Those whose orders no engine takes, none when all is well; EngineUnavailable when no order is taken."""
        answer = self._send("GET", "/health", headers={}, body=None, timeout=HEALTH_TIMEOUT)
        health = _read(answer, EngineHealth)
        if health.status == "WAITING":
            raise EngineUnavailable("no engine serves any shard")
        return health.unserved

    def health(self) -> dict[str, Any]:
        """What the engine that answers says of itself, in the words of `GET /health`. EngineUnavailable: none does."""
        answer = self._send("GET", "/health", headers={}, body=None, timeout=HEALTH_TIMEOUT)
        return _read(answer, _AnyDocument).root

    def metrics(self) -> str:
        """As Prometheus reads them, of the engine that answers. EngineUnavailable: none does."""
        answer = self._send("GET", "/metrics", headers={}, body=None, timeout=HEALTH_TIMEOUT)
        if answer.status != HTTPStatus.OK:
            raise EngineUnavailable(f"the engine answered {answer.status}")
        return answer.data.decode("utf-8", errors="replace")

    def _ask_about(
        self,
        order_id: uuid.UUID,
        method: str,
        path: str,
        correlation_id: str,
        body: Mapping[str, object] | None = None,
    ) -> OrderSnapshot:
        snapshot = self._call(method, path, correlation_id, OrderSnapshot, body)
        if snapshot.order_id != order_id:
            # True of some other order, perhaps, but not the answer: taken for it, a cancel would seem done.
            raise EngineUnavailable("the engine's answer is about another order")
        return snapshot

    def _call[Answer: BaseModel](
        self,
        method: str,
        path: str,
        correlation_id: str,
        model: type[Answer],
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._token()}", "X-Correlation-ID": correlation_id}
        answer = self._send(method, path, headers=headers, body=body, timeout=TIMEOUT)
        # A POST names no order that must exist: 404 there is a wrong address, which says nothing about the order.
        if answer.status == HTTPStatus.NOT_FOUND and method != "POST":
            raise NotFound("the engine does not know this order")
        if answer.status == OrderForgotten.status:
            raise EngineForgot("the engine has forgotten how this order ended")
        return _read(answer, model)

    def _send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: Mapping[str, object] | None, timeout: Timeout
    ) -> BaseHTTPResponse:
        url = self._base_url().rstrip("/") + path
        try:
            return self._connections(url).request(
                method, url, headers=headers, json=body, timeout=timeout, retries=False, redirect=False
            )
        except HTTPError as error:
            raise EngineSilent("the engine did not answer") from error

    def _connections(self, url: str) -> PoolManager:
        """Those that show the certificate of now: a connection keeps the one that it was opened with."""
        shown = self._tls()
        if shown is not None and not url.startswith("https://"):
            raise EngineUnavailable("the engine's address is not https, and nothing is sent in clear")
        if shown is not self._shown:
            self._pool, self._shown = PoolManager(num_pools=2, maxsize=2, ssl_context=shown), shown
        return self._pool


def _read[Answer: BaseModel](answer: BaseHTTPResponse, model: type[Answer]) -> Answer:
    if answer.status != HTTPStatus.OK:
        # Our own mistakes too: a request the engine cannot read says nothing about the order.
        raise EngineUnavailable(f"the engine answered {answer.status}")
    try:
        return model.model_validate_json(answer.data)
    except ValidationError as error:
        raise EngineUnavailable("the engine's answer could not be read") from error
