"""The engine's client against real HTTP: what is an answer, and what is none."""

import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from urllib3 import Timeout

from breakwater.domain.orders import OrderTerms, OrderType, OrdStatus, PlaceOrder, Side, SubmitOrder, TimeInForce
from breakwater.errors import EngineForgot, EngineUnavailable, NotFound
from breakwater.services import engine_client
from breakwater.services.engine_client import CanceledOrders, EngineClient
from fargate_engine.gateway.routes import ACCOUNTS_MAX
from tests.support.engine_model import EngineModel, serve

TENANT = uuid.uuid4()


def submission() -> SubmitOrder:
    return SubmitOrder(
        order_id=uuid.uuid4(),
        tenant_id=TENANT,
        account_id=uuid.uuid4(),
        client_order_id="first",
        symbol="ETH/USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        reduce_only=False,
        quantity=Decimal("0.50"),
        price=Decimal(2000),
        price_low=Decimal("0.01"),
        price_high=Decimal(2000),
        venue="SIM",
        correlation_id="corr",
    )


@contextmanager
def client_of(
    model: EngineModel, answer: Callable[[str, str], tuple[int, bytes] | None] | None = None
) -> Iterator[EngineClient]:
    with serve(model, answer) as url:
        yield EngineClient(lambda: url, lambda: "test-token")


def test_an_order_is_submitted_found_and_cancelled() -> None:
    order = submission()
    with client_of(EngineModel()) as engine:
        assert engine.submit(order) == engine.submit(order)
        assert engine.get(order.order_id, tenant_id=TENANT, correlation_id="c").leaves_qty == Decimal("0.5")
        canceled = engine.cancel(order.order_id, tenant_id=TENANT, correlation_id="c")
    assert canceled.status is OrdStatus.CANCELED


def test_of_a_plain_order_an_engine_is_told_nothing_that_one_before_a_deploy_would_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(EngineClient, "_ask_about", lambda *about: told.append(about[-1]))
    engine = EngineClient(lambda: "", lambda: "")
    order = submission()
    terms = OrderTerms(
        client_order_id="first",
        account_id=order.account_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
    )
    engine.submit(order)
    engine.submit(order.model_copy(update={"time_in_force": TimeInForce.GTD, "expire_at_ns": 7}))
    engine.submit_leased(
        PlaceOrder.of(terms, tenant_id=TENANT, placed_by="bot", correlation_id="c", at=datetime.now(UTC))
    )
    plain, ends, leased = told
    assert plain.keys().isdisjoint({"expire_at_ns", "self_trade", "leased"})
    assert ends["expire_at_ns"] == 7
    assert "expire_time" not in leased["terms"]


def test_an_unknown_order_is_not_found_until_it_is_voided() -> None:
    order_id = uuid.uuid4()
    with client_of(EngineModel()) as engine:
        with pytest.raises(NotFound):
            engine.get(order_id, tenant_id=TENANT, correlation_id="c")
        voided = engine.void(order_id, tenant_id=TENANT, account_id=uuid.uuid4(), symbol="ETH/USDT", correlation_id="c")
    assert (voided.status, voided.reject_code) == (OrdStatus.REJECTED, "VOIDED")


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (503, b""), (401, b"{}"), (404, b"{}"), (302, b""), (200, b"<html>"), (200, b"{}"), (200, b"")],
)
def test_whatever_is_not_an_order_says_nothing_about_the_order(status: int, body: bytes) -> None:
    with client_of(EngineModel(), lambda *_: (status, body)) as engine, pytest.raises(EngineUnavailable):
        engine.submit(submission())


def test_an_order_that_the_engine_has_forgotten_is_none_that_it_never_knew() -> None:
    order = submission()
    about: dict[str, Any] = {"tenant_id": TENANT, "correlation_id": "c"}
    with client_of(EngineModel(), lambda *_: (410, b"{}")) as engine:
        calls: list[Callable[[], object]] = [
            lambda: engine.submit(order),
            lambda: engine.get(order.order_id, **about),
            lambda: engine.cancel(order.order_id, **about),
            lambda: engine.void(order.order_id, **about, account_id=order.account_id, symbol=order.symbol),
        ]
        for call in calls:
            with pytest.raises(EngineForgot):
                call()


def test_an_answer_about_another_order_says_nothing_about_this_one() -> None:
    model, order, other = EngineModel(), submission(), submission()
    mixed_up = model.submit(other).model_dump_json().encode()
    about: dict[str, Any] = {"tenant_id": TENANT, "correlation_id": "c"}
    with client_of(model, lambda *_: (200, mixed_up)) as engine:
        calls: list[Callable[[], object]] = [
            lambda: engine.submit(order),
            lambda: engine.get(order.order_id, **about),
            lambda: engine.cancel(order.order_id, **about),
            lambda: engine.void(order.order_id, **about, account_id=order.account_id, symbol=order.symbol),
        ]
        for call in calls:
            with pytest.raises(EngineUnavailable, match="another order"):
                call()


def test_a_submit_that_failed_is_never_sent_again_by_the_client() -> None:
    calls: list[str] = []

    def fail(method: str, path: str) -> tuple[int, bytes]:
        calls.append(f"{method} {path}")
        return 503, b"{}"

    with client_of(EngineModel(), fail) as engine, pytest.raises(EngineUnavailable):
        engine.submit(submission())
    assert calls == ["POST /internal/orders"]


def test_an_engine_that_is_silent_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "TIMEOUT", Timeout(connect=0.2, read=0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = EngineClient(lambda: f"http://127.0.0.1:{silent.getsockname()[1]}", lambda: "test-token")
        with pytest.raises(EngineUnavailable):
            engine.submit(submission())


def test_the_orders_of_any_number_of_accounts_are_cancelled_in_calls_the_engine_takes() -> None:
    model, asked = EngineModel(), []
    orders = [submission() for _ in range(ACCOUNTS_MAX + 1)]
    for order in orders:
        model.submit(order)
    cancel_all = model.cancel_all

    def count_accounts(account_ids: list[uuid.UUID], *, tenant_id: uuid.UUID) -> CanceledOrders:
        asked.append(len(account_ids))
        return cancel_all(account_ids, tenant_id=tenant_id)

    model.cancel_all = count_accounts  # type: ignore[method-assign,assignment]
    with client_of(model) as engine:
        outcome = engine.cancel_all([order.account_id for order in orders], tenant_id=TENANT, correlation_id="c")
    assert (asked, len(outcome.canceled), outcome.failed) == ([ACCOUNTS_MAX, 1], ACCOUNTS_MAX + 1, [])


@pytest.mark.parametrize(
    ("told", "unserved"),
    [
        (b'{"status": "READY", "engine_id": "a"}', []),  # An engine of the release before, which names no shards.
        (b'{"status": "READY", "unserved": []}', []),
        (b'{"status": "DEGRADED", "unserved": [3, 7]}', [3, 7]),
    ],
)
def test_the_engines_health_names_the_shards_that_nobody_serves(told: bytes, unserved: list[int]) -> None:
    with client_of(EngineModel(), lambda *_: (200, told)) as engine:
        assert engine.unserved_shards() == unserved


@pytest.mark.parametrize(
    ("status", "told"),
    [(200, b'{"status": "WAITING"}'), (200, b"<html>"), (200, b'{"status": "ELSE"}'), (503, b'{"status": "READY"}')],
)
def test_an_engine_that_waits_or_cannot_be_understood_is_not_well(status: int, told: bytes) -> None:
    with client_of(EngineModel(), lambda *_: (status, told)) as engine, pytest.raises(EngineUnavailable):
        engine.unserved_shards()
