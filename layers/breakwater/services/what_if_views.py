"""What a recorded day would have been under other limits, as the API shows it."""

from typing import TypedDict

from breakwater.domain.ids import IdText
from breakwater.domain.limits import Refusal
from breakwater.domain.money import AmountText
from breakwater.domain.orders import Side
from breakwater.domain.times import TimeText


class JudgedOrderView(TypedDict):
    """An order of the recorded day. `price` null: at market."""

    order_id: IdText
    client_order_id: str
    account_id: IdText
    symbol: str
    side: Side
    quantity: AmountText
    price: AmountText | None
    placed_at: TimeText


class RefusedOrderView(JudgedOrderView):
    """One that the limits would have refused: which of them, or what it could not be judged without."""

    refusals: list[Refusal]
    missing: str | None


class PeakView(TypedDict):
    """The most that a node would have held of a symbol during the day, and that its open orders could have cost."""

    node_id: IdText
    node_name: str
    symbol: str
    peak_position: AmountText
    peak_open_notional: AmountText


class WhatIfPnl(TypedDict):
    """Of the day, in the base currency: as it was, and as it would have been. Null where no price of the day leads from
    what was earned into it."""

    account_id: IdText
    node_id: IdText
    actual: AmountText | None
    what_if: AmountText | None


class WhatIfAnswer(TypedDict):
    """`refused` and `passed` are the first of as many as the counts say; `pnl` is in `currency`."""

    day: str
    judged_count: int
    refused_count: int
    refused: list[RefusedOrderView]
    passed_count: int
    passed: list[JudgedOrderView]
    exposure: list[PeakView]
    pnl: list[WhatIfPnl]
    currency: str
    assumptions: list[str]
