"""Orders for the engine's tests, in amounts and in ticks and lots."""

import uuid
from decimal import Decimal
from typing import Any

from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrderType, ReplaceOrder, Side, SubmitOrder, TimeInForce
from fargate_engine.terms import WorkingTerms

ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
TENANT = uuid.UUID(int=1)
ACCOUNT = uuid.UUID(int=2)


def submit(number: int, **changes: Any) -> SubmitOrder:
    """A GTC limit order on the internal book, 1 ETH at 2,000; its id follows from `number`."""
    terms: dict[str, Any] = {
        "order_id": uuid.UUID(int=1000 + number),
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "client_order_id": f"client-{number}",
        "symbol": "ETH/USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "reduce_only": False,
        "quantity": Decimal(1),
        "price": Decimal(2000),
        "price_low": Decimal(1000),
        "price_high": Decimal(4000),
        "venue": "BOOK",
        "correlation_id": "correlation",
    }
    return SubmitOrder(**terms | changes)


def replace_of(order_id: uuid.UUID, quantity: str, price: str, *, number: int) -> ReplaceOrder:
    """The order's replace of this number, within a band that does not bind."""
    return ReplaceOrder(
        order_id=order_id,
        tenant_id=TENANT,
        replace_no=number,
        replace_id=f"replace-{number}",
        quantity=Decimal(quantity),
        price=Decimal(price),
        price_low=Decimal("0.01"),
        price_high=Decimal(9000),
        correlation_id="correlation",
    )


def terms(number: int, **changes: Any) -> WorkingTerms:
    """A GTC buy of 10 lots at 100 ticks with a band so wide that it does not bind; account `number` of its own."""
    fields: dict[str, Any] = {
        "order_id": uuid.UUID(int=1000 + number),
        "account_id": uuid.UUID(int=number),
        "symbol": "ETH/USDT",
        "side": Side.BUY,
        "quantity_lots": 10,
        "limit_ticks": 100,
        "low_ticks": 1,
        "high_ticks": 10_000,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "is_market": False,
    }
    return WorkingTerms(**fields | changes)
