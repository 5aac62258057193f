"""Scopes, exposures and orders for tests of limit types: what a test does not name is zero, or at 2,000 in ETH/USDT."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from breakwater.domain.exposure import ZERO, Activity, Exposure, Limit, Node, NodeState, Scope, Standing
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import ProposedOrder
from breakwater.domain.limits import Finding, evaluate, refused
from breakwater.domain.market import Market, Quote, RiskTerms
from breakwater.domain.orders import Side
from breakwater.domain.valuation import PriceBand

ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5))
EUR = Instrument("EUR/USDT", "EUR", "USDT", Decimal("0.0001"), Decimal("0.01"), Decimal(1), "FX")
TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # A Monday.
NODE_ID = uuid.UUID(int=1)


def market_of(
    prices: Mapping[str, str] | None = None, *, at: datetime = NOW, observed_at: datetime | None = None, **terms: Any
) -> Market:
    """ETH at 2000, BTC at 60000 and EUR at 1.25 unless told otherwise; `terms` are the firm's own of ETH/USDT."""
    marks = {"ETH/USDT": "2000", "BTC/USDT": "60000", "EUR/USDT": "1.25"} | dict(prices or {})
    quotes = {i.symbol: Quote(i, Decimal(marks[i.symbol]), observed_at or at) for i in (ETH, BTC, EUR)}
    risk = {"ETH/USDT": RiskTerms("ETH/USDT", **({"as_of": TODAY} | terms))} if terms else {}
    return Market(at, quotes, risk)


def scope_of(
    limit_type: str | None = None,
    value: str | None = None,
    *,
    instrument: str = "*",
    state: NodeState = NodeState.ACTIVE,
    exposures: Sequence[Exposure] = (),
    setting: Mapping[str, Any] | None = None,
    standing: Standing | None = None,
    activity: Sequence[Activity] = (),
    cash: Mapping[str, Decimal] | None = None,
    time_zone: str = "UTC",
    **parameters: Any,
) -> Scope:
    """`setting`: further fields of the limit, such as its currency or action."""
    node = Node(NODE_ID, None, "ACCOUNT", "account", uuid.UUID(int=2), [NODE_ID], state, None, TODAY, time_zone)
    amount = None if value is None else Decimal(value)
    limits = (
        [Limit(uuid.UUID(int=3), NODE_ID, limit_type, instrument, amount, parameters, **(setting or {}))]
        if limit_type
        else []
    )
    return Scope(node, limits, list(exposures), standing or Standing(), activity, cash or {})


def exposure_of(symbol: str = "ETH/USDT", day: date = TODAY, **fields: Any) -> Exposure:
    amounts = (
        *("filled_qty", "open_buy_qty", "open_sell_qty", "open_notional", "open_buy_notional", "traded_notional"),
        *("open_order_count", "session_order_count"),
    )
    values: dict[str, Any] = {name: 0 if name.endswith("count") else ZERO for name in amounts}
    about = {"node_id": NODE_ID, "symbol": symbol, "venue": "SIM", "asset_class": "SPOT", "session_date": day}
    return Exposure(**{**about, "quote_asset": symbol.partition("/")[2], **values, **fields})


def activity_of(at: datetime = NOW, symbol: str = "ETH/USDT", **fields: Any) -> Activity:
    """What happened at the node within the second that begins at `at`."""
    counts = ("new_count", "replace_count", "cancel_count", "fill_count", "automated_fill_count")
    values: dict[str, Any] = {**dict.fromkeys(counts, 0), "traded_notional": ZERO}
    about = {"at": at, "symbol": symbol, "venue": "SIM", "asset_class": "SPOT"}
    return Activity(**{**about, "quote_asset": symbol.partition("/")[2], **values, **fields})


def order_for(
    scope: Scope,
    side: Side = Side.BUY,
    quantity: str | Decimal = "1",
    price: str | None = "2000",
    *,
    market: Market | None = None,
    fee_rates: Mapping[str, Decimal] | None = None,
    **known: Any,
) -> ProposedOrder:
    """`fee_rates`: by venue; none of what is not told."""
    limit_price = None if price is None else Decimal(price)
    market = replace(market or market_of(), fee_rates=fee_rates or {})
    about: dict[str, Any] = {"venue": "SIM", "at": NOW, "market": market, "reference": Decimal(2000)}
    return ProposedOrder(
        instrument=ETH,
        side=side,
        quantity=Decimal(quantity),
        limit_price=limit_price,
        band=PriceBand(Decimal("0.01"), limit_price or Decimal(2100)),
        reducible_qty=scope.position("ETH/USDT").reducible_qty(side),
        **(about | known),
    )


def refusals(scope: Scope, order: ProposedOrder, *, reduce_only: bool = False) -> list[Finding]:
    return refused(evaluate([scope], order, reduce_only=reduce_only))
