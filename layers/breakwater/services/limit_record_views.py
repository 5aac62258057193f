"""What limits were and what they said, as the API shows it: versions, refusals, warnings, stopped nodes."""

from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

from breakwater.domain.ids import IdText
from breakwater.domain.money import AmountText
from breakwater.domain.times import TimeText


class LimitVersionView(TypedDict):
    """A limit as it was set once, by whom; `is_deleted`: with this version it went."""

    limit_id: IdText
    version: int
    node_id: IdText
    limit_type: str
    instrument: str
    value: AmountText | None
    parameters: dict[str, Any]
    currency: str
    action: str
    thresholds_pct: list[int]
    valid_from: TimeText | None
    valid_until: TimeText | None
    is_deleted: bool
    changed_by: str
    changed_at: TimeText


class LimitHistory(TypedDict):
    items: list[LimitVersionView]


class _EventView(TypedDict):
    event_id: IdText
    occurred_at: TimeText
    correlation_id: str
    node_id: IdText
    node_name: str


class LimitBreachView(_EventView):
    """A limit refused an order, or its use passed a threshold: the event of that name.

    `limit_id` null: the node itself was stopped, and no limit was asked. `order_id` and `symbol` null, in version 2:
    prices and fills took a loss there, and no order was asked; at 100 the limit is crossed.
    """

    topic: Literal["limits.LimitBreached.v1", "limits.LimitBreached.v2"]
    limit_id: IdText | None
    limit_type: str
    instrument: str
    action: Literal["WARN", "REJECT"]
    threshold_pct: int
    limit: AmountText | None
    used: AmountText | None
    reserved: AmountText | None
    attempted: AmountText | None
    order_id: IdText | None
    symbol: str | None


class NodeStateChangeView(_EventView):
    """A node was stopped, or armed again: the event of that name."""

    topic: Literal["limits.NodeStateChanged.v1"]
    state_before: str
    state: str
    reason: str
    changed_by: str


class BreachPage(TypedDict):
    """Events of limits: refusals, warnings, and changes of a node's state."""

    items: list[Annotated[LimitBreachView | NodeStateChangeView, Field(discriminator="topic")]]
    next_cursor: str | None
