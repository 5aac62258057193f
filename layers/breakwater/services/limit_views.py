"""Limits as the API shows them, ready for JSON."""

from typing import Any, TypedDict

from breakwater.domain.exposure import NodeState
from breakwater.domain.ids import IdText
from breakwater.domain.limits import Refusal
from breakwater.domain.money import AmountText
from breakwater.services.order_views import FailedCancelView


class Verdict(Refusal):
    """What one limit says to an order: in the words of a refusal, also where it passes."""

    passes: bool


class LimitView(TypedDict):
    """`used`, `reserved` and `usage_pct` are null for types that judge each order by itself."""

    limit_id: IdText
    node_id: IdText
    limit_type: str
    instrument: str
    value: AmountText | None
    parameters: dict[str, Any]
    used: AmountText | None
    reserved: AmountText | None
    usage_pct: AmountText | None


class SetLimit(LimitView):
    """`warnings` are sentences for people."""

    warnings: list[str]


class NodeView(TypedDict):
    """One scope of the tree. `account_id` is null for all but those of kind ACCOUNT."""

    node_id: IdText
    parent_id: IdText | None
    name: str
    kind: str
    account_id: IdText | None
    state: NodeState
    state_reason: str | None


class LimitTreeNode(NodeView):
    limits: list[LimitView]
    children: "list[LimitTreeNode]"


class LimitTree(TypedDict):
    items: list[LimitTreeNode]


class LimitUsage(NodeView):
    items: list[LimitView]


class LimitValidation(TypedDict):
    passes: bool
    price_low: AmountText
    price_high: AmountText
    largest_passing_quantity: AmountText | None
    verdicts: list[Verdict]


class KilledNode(NodeView):
    """`canceled` are order ids; `failed` names every order that may still be open."""

    canceled: list[IdText]
    failed: list[FailedCancelView]


class OrderPreview(TypedDict):
    """`refusals` as a refusal would list them; amounts that need a price are null without one."""

    passes: bool
    refusals: list[Refusal]
    verdicts: list[Verdict]
    price_low: AmountText
    price_high: AmountText
    expected_price: AmountText | None
    expected_notional: AmountText | None
    expected_fee: AmountText | None
    fee_currency: str
