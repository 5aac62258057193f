"""The events of the user data stream."""

from decimal import Decimal
from typing import Any

from breakwater.domain.money import EXACT
from fargate_engine.binance.documents import (
    amount_text,
    balance,
    list_statuses,
    order_status,
    order_type,
    pair_name,
    stop_price,
    time_in_force,
)
from fargate_engine.binance.exchange import Balance, ShownOrder, ShownOrderList, ShownTrade

_EXECUTION_TYPES = {"NEW": "NEW", "CANCELED": "CANCELED", "REJECTED": "REJECTED", "EXPIRED": "EXPIRED"}
_ZERO = "0.00000000"


def execution_report(
    order: ShownOrder, trade: ShownTrade | None, at_ms: int, *, is_replaced: bool = False, renamed_from: str = ""
) -> dict[str, Any]:
    """What happened to an order: `trade` where it was a fill, `renamed_from` where it was amended."""
    status = order_status(order)
    last_qty = Decimal(0) if trade is None else trade.fill.quantity
    last_px = Decimal(0) if trade is None else trade.fill.price
    return {
        "e": "executionReport",
        "E": at_ms,
        "s": pair_name(order.symbol),
        "c": order.client_order_id,
        "S": order.side.value,
        "o": order_type(order),
        "f": time_in_force(order),
        "q": amount_text(order.quantity),
        "p": amount_text(order.price or Decimal(0)),
        "P": stop_price(order),
        "F": _ZERO,
        "g": order.list_number,
        "C": order.client_order_id if status == "CANCELED" else renamed_from,
        "x": "TRADE" if trade is not None else "REPLACED" if is_replaced else _EXECUTION_TYPES.get(status, "NEW"),
        "X": status,
        "r": order.reject_reason or "NONE",
        "i": order.order_number,
        "l": amount_text(last_qty),
        "z": amount_text(order.cum_qty),
        "L": amount_text(last_px),
        "n": _ZERO if trade is None else amount_text(trade.fill.fee),
        "N": None if trade is None else trade.fill.fee_asset,
        "T": order.updated_ms,
        "t": -1 if trade is None else trade.fill.trade_number,
        "I": order.order_number,
        "w": status in {"NEW", "PARTIALLY_FILLED"},
        "m": trade is not None and trade.is_maker,
        "M": False,
        "O": order.created_ms,
        "Z": amount_text(order.cum_notional),
        "Y": amount_text(EXACT.multiply(last_qty, last_px)),
        "Q": _ZERO,
        "W": order.created_ms,
        "V": "EXPIRE_TAKER",
    }


def list_status(shown: ShownOrderList, at_ms: int) -> dict[str, Any]:
    """That an order list has begun, or is over."""
    list_status_type, list_order_status = list_statuses(shown)
    return {
        "e": "listStatus",
        "E": at_ms,
        "s": pair_name(shown.symbol),
        "g": shown.list_number,
        "c": "OCO",
        "l": list_status_type,
        "L": list_order_status,
        "r": "NONE",
        "C": shown.list_client_order_id,
        "T": shown.updated_ms,
        "O": [
            {"s": pair_name(each.symbol), "i": each.order_number, "c": each.client_order_id} for each in shown.orders
        ],
    }


def account_position(balances: list[Balance], at_ms: int) -> dict[str, Any]:
    shown = [{"a": each["asset"], "f": each["free"], "l": each["locked"]} for each in map(balance, balances)]
    return {"e": "outboundAccountPosition", "E": at_ms, "u": at_ms, "B": shown}
