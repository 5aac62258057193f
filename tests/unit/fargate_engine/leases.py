"""Leases of the orders' account, and orders of theirs."""

import uuid
from datetime import UTC, datetime
from typing import Any

from breakwater.domain.lease_messages import LeaseWords, SetLease
from breakwater.domain.orders import LeasedTo, OrderTerms, OrderType, OrdStatus, PlaceOrder, Side, SubmitOrder
from fargate_engine.shard_state import ShardState
from tests.unit.fargate_engine.driven import Driven
from tests.unit.fargate_engine.orders import ACCOUNT, TENANT, submit

FOR_EVER_NS = 10**18
PERSON = LeasedTo(placed_by="trader", strategy_id=None, api_key_id=None)


def lease(**changes: Any) -> SetLease:
    """10 ETH either way on the internal book, from 1,000 to 4,000, 5 orders of up to 5 ETH, until further notice."""
    terms: dict[str, Any] = {
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "symbol": "ETH/USDT",
        "venue": "BOOK",
        "strategy_id": None,
        "api_key_id": None,
        "version": 1,
        "buy_granted": "10",
        "sell_granted": "10",
        "price_low": "1000",
        "price_high": "4000",
        "orders_max": 5,
        "order_qty_max": "5",
        "self_trade": None,
        "expires_at_ns": FOR_EVER_NS,
        "correlation_id": "correlation",
    }
    return SetLease.model_validate(terms | changes)


def leased(number: int, **changes: Any) -> SubmitOrder:
    return submit(number, leased=PERSON, **changes)


def place_order(client_order_id: str = "client-1", *, tenant_id: uuid.UUID = TENANT, **changes: Any) -> PlaceOrder:
    """A limit order on the internal book, 1 ETH at 2,000, as a client sends it."""
    terms: dict[str, Any] = {
        "client_order_id": client_order_id,
        "account_id": ACCOUNT,
        "symbol": "ETH/USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": "1",
        "price": "2000",
        "venue": "BOOK",
    }
    return PlaceOrder.of(
        OrderTerms.model_validate(terms | changes),
        tenant_id=tenant_id,
        placed_by="trader",
        correlation_id="correlation",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    ).of_lease()


def words(state: ShardState, account_id: uuid.UUID = ACCOUNT) -> LeaseWords:
    told = state.lease_words(account_id, "ETH/USDT")
    assert told is not None
    return LeaseWords.model_validate_json(told)


def verdict(driven: Driven, order: SubmitOrder) -> tuple[OrdStatus, str | None]:
    driven.apply(order)
    said = driven.snapshot(order.order_id)
    return said.status, said.reject_code
