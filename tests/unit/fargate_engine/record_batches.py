"""Batches of the core's own commands, as a gateway of records would send them."""

from collections.abc import Sequence

import matching_core
import numpy as np
from matching_core import Kind, Side, TimeInForce, Type

from fargate_engine.records import FIRST_RECORD_ORDER_ID, Records


def limit_orders(orders: Sequence[tuple[int, int, int]], *, symbol: int = 1, quantity: int = 10) -> Records:
    """GTC limit orders (number, side, price), in an account that the core does not know."""
    records = np.zeros(len(orders), matching_core.COMMAND)
    records["kind"] = Kind.SUBMIT
    records["order_id"] = [FIRST_RECORD_ORDER_ID + number for number, _, _ in orders]
    records["side"] = [side for _, side, _ in orders]
    records["price"] = [price for _, _, price in orders]
    records["symbol"] = symbol
    records["quantity"] = quantity
    records["type"] = Type.LIMIT
    records["time_in_force"] = TimeInForce.GTC
    return records


def cancels(numbers: Sequence[int]) -> Records:
    records = np.zeros(len(numbers), matching_core.COMMAND)
    records["kind"] = Kind.CANCEL
    records["order_id"] = [FIRST_RECORD_ORDER_ID + number for number in numbers]
    return records


BUY, SELL = int(Side.BUY), int(Side.SELL)
