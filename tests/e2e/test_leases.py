"""A lease on the running platform: opened by the risk manager, used at the engine, taken over by the ledger."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from breakwater.client import Client
from breakwater.domain.orders import OrderTerms, OrderType, OrdStatus, PlaceOrder, Side
from breakwater.services.engine_client import EngineClient
from local_cloud.platform import REGION
from tests.e2e.desk import SYMBOL, Desk, eventually


@pytest.fixture
def engine(endpoints: dict[str, Any]) -> EngineClient:
    """As a gateway of the engine's own speaks to it: with a service token, and without the ledger."""
    options: dict[str, Any] = {
        "endpoint_url": endpoints["aws_endpoint_url"],
        "region_name": REGION,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    functions = boto3.client("lambda", **options).get_paginator("list_functions").paginate()
    variables = [each.get("Environment", {}).get("Variables", {}) for page in functions for each in page["Functions"]]
    key_id = next(each["SERVICE_TOKEN_KEY_ID"] for each in variables if "SERVICE_TOKEN_KEY_ID" in each)
    kms = boto3.client("kms", **options)
    now_s = int(time.time())
    claims = {"iss": "breakwater", "aud": "breakwater-engine", "sub": "test", "iat": now_s, "exp": now_s + 600}
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims))
    answer = kms.sign(KeyId=key_id, Message=signed.encode(), MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")
    r, s = decode_dss_signature(answer["Signature"])
    token = f"{signed}.{_base64url(r.to_bytes(32) + s.to_bytes(32))}"
    return EngineClient(lambda: str(endpoints["engine_url"]), lambda: token)


@pytest.fixture
def lease(desk: Desk, sign_in: Callable[[str], Client]) -> Iterator[dict[str, Any]]:
    """Of 8 ETH each way at the simulated venue."""
    risk = sign_in("risk")
    lease = risk.open_lease(desk.account_id, SYMBOL, buy_max="8", sell_max="8", orders_max=20)
    yield lease
    risk.stop_lease(lease["lease_id"])


def order_of(desk: Desk, quantity: str, price: str) -> PlaceOrder:
    terms = OrderTerms(
        client_order_id=uuid.uuid4().hex,
        account_id=uuid.UUID(desk.account_id),
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        price=Decimal(price),
    )
    tenant_id = uuid.UUID(desk.client.me()["tenant_id"])
    order = PlaceOrder.of(terms, tenant_id=tenant_id, placed_by="bot", correlation_id="e2e", at=datetime.now(UTC))
    return order.of_lease()


def test_orders_of_a_lease_reach_the_books_without_the_ledger_on_their_way(
    desk: Desk, sign_in: Callable[[str], Client], engine: EngineClient, lease: dict[str, Any]
) -> None:
    assert (lease["state"], lease["is_answered"], lease["buy_free"]) == ("OPEN", True, "1")
    resting = order_of(desk, "0.4", desk.price_below())
    assert engine.submit_leased(resting).status is OrdStatus.NEW
    beyond = engine.submit_leased(order_of(desk, "100", desk.price_below()))
    assert (beyond.status, beyond.reject_code) in {
        (OrdStatus.REJECTED, "LEASE_EXHAUSTED"),
        (OrdStatus.REJECTED, "ORDER_TOO_LARGE"),
    }

    def accepted() -> dict[str, Any] | None:
        orders = desk.client.orders()["items"]
        return next((o for o in orders if (o["order_id"], o["status"]) == (str(resting.order_id), "NEW")), None)

    assert eventually(accepted)["leaves_qty"] == "0.4"
    desk.client.cancel(str(resting.order_id))
    risk = sign_in("risk")

    def lease_now() -> dict[str, Any]:
        return next(each for each in risk.leases() if each["lease_id"] == lease["lease_id"])

    eventually(lambda: (lease_now()["live_orders"], lease_now()["buy_taken"]) == (0, "0") or None)


def test_a_brake_above_it_stops_a_lease_within_a_second(
    desk: Desk, sign_in: Callable[[str], Client], engine: EngineClient, lease: dict[str, Any]
) -> None:
    risk = sign_in("risk")
    node_id = next(each["node_id"] for each in risk.nodes("Trader 2"))
    began_at = time.monotonic()
    risk.brake(node_id, "SUSPENDED", "a test of leases")
    try:
        eventually(lambda: _is_refused(engine, order_of(desk, "0.01", desk.price_below())) or None)
        assert time.monotonic() - began_at < 5
    finally:
        risk.rearm(node_id, "a test of leases is over")


def _is_refused(engine: EngineClient, order: PlaceOrder) -> bool:
    return engine.submit_leased(order).status is OrdStatus.REJECTED


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
