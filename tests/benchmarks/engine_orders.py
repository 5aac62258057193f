"""Orders for the engine's figures: as records of the core, and as messages of the API. The same at every run."""

import uuid
from decimal import Decimal

import numpy as np
from matching_core import COMMAND, Kind, SelfTrade, Side, TimeInForce, Type

from breakwater.domain.orders import INTERNAL_VENUE, OrderType, SubmitOrder
from breakwater.domain.orders import Side as OrderSide
from breakwater.domain.orders import TimeInForce as OrderTimeInForce
from fargate_engine.records import FIRST_RECORD_ORDER_ID, Records

RECORDS_SYMBOL = "ETH/USDT"  # Of two shards, so that each has a journal of one kind of orders.
MESSAGES_SYMBOL = "BTC/USDT"
TENANT_ID = uuid.UUID(int=1)
ACCOUNTS = 100

_SEED = 20261121
_MID_TICKS = 200_000
_SPREAD_TICKS = 50


def order_records(count: int, *, first: int = 0, symbol: int = 1) -> Records:
    """GTC limit orders around one price, from the `first`th on: about four in five trade, the others rest."""
    generator = np.random.default_rng([_SEED, first])
    orders = np.zeros(count, COMMAND)
    orders["kind"], orders["type"], orders["time_in_force"] = Kind.SUBMIT, Type.LIMIT, TimeInForce.GTC
    orders["self_trade"] = SelfTrade.CANCEL_NEWEST
    orders["order_id"] = np.arange(first, first + count, dtype=np.uint64) + np.uint64(FIRST_RECORD_ORDER_ID)
    orders["symbol"] = symbol
    orders["account"] = generator.integers(1, ACCOUNTS, count, endpoint=True)
    orders["side"] = np.where(generator.random(count) < 0.5, Side.BUY, Side.SELL)
    orders["price"] = _MID_TICKS + np.rint(generator.normal(0, _SPREAD_TICKS, count)).astype(np.int64)
    orders["quantity"] = generator.integers(1, 1_000, count)
    return orders


def order_messages(count: int, *, first: int = 0) -> list[SubmitOrder]:
    """The same kind of orders, as a function would send them."""
    generator = np.random.default_rng([_SEED, first])
    return [_message(number, generator) for number in range(first, first + count)]


def _message(number: int, generator: np.random.Generator) -> SubmitOrder:
    ticks = _MID_TICKS + round(generator.normal(0, _SPREAD_TICKS))
    return SubmitOrder(
        order_id=uuid.uuid5(TENANT_ID, str(number)),
        tenant_id=TENANT_ID,
        account_id=uuid.UUID(int=int(generator.integers(1, ACCOUNTS, endpoint=True))),
        client_order_id=f"bench-{number}",
        symbol=MESSAGES_SYMBOL,
        side=OrderSide.BUY if generator.random() < 0.5 else OrderSide.SELL,
        type=OrderType.LIMIT,
        time_in_force=OrderTimeInForce.GTC,
        post_only=False,
        reduce_only=False,
        quantity=Decimal(int(generator.integers(1, 1_000))).scaleb(-5),
        price=Decimal(ticks).scaleb(-2),
        price_low=Decimal(1000),
        price_high=Decimal(4000),
        venue=INTERNAL_VENUE,
        correlation_id=f"bench-{number}",
    )
