"""How much of what an account has is free: the rest is asked for by its open orders."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side
from fargate_engine.binance.exchange import Balance, ShownOrder
from fargate_engine.firm_exchange.order_lists import is_list


def balances_of(totals: Mapping[str, Decimal], open_orders: Iterable[ShownOrder]) -> list[Balance]:
    """By asset. A list is one order."""
    asked: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in open_orders:
        asset, amount = _locked_by(order)
        asked[asset] += amount
    # Balances are read a moment later than orders: no more is shown as locked than there is.
    locked = {asset: min(asked[asset], max(total, Decimal(0))) for asset, total in totals.items()}
    return [Balance(asset, total - locked[asset], locked[asset]) for asset, total in sorted(totals.items())]


def _locked_by(order: ShownOrder) -> tuple[str, Decimal]:
    base, _, quote = order.symbol.partition("/")
    left, price = order.quantity - order.cum_qty, order.price or Decimal(0)
    if is_list(order.execution):  # The half that costs more.
        price = max(price, order.execution.stop_limit_px or order.execution.stop_px)
    return (quote, EXACT.multiply(left, price)) if order.side is Side.BUY else (base, left)
