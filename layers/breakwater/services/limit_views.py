"""Limits as the API shows them, ready for JSON."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any, TypedDict

from breakwater.domain.exposure import Limit, Node, NodeState, Scope
from breakwater.domain.ids import IdText
from breakwater.domain.limit_types import LimitType, settings
from breakwater.domain.limits import Refusal, stricter_above, use_of
from breakwater.domain.market import Market
from breakwater.domain.money import EXACT, AmountText, format_amount, trim
from breakwater.domain.times import TimeText, format_time
from breakwater.services.order_views import FailedCancelView


class Verdict(Refusal):
    """What one limit says to an order: in the words of a refusal, also where it passes."""

    passes: bool


class LimitView(TypedDict):
    """`used`, `reserved` and `usage_pct` are null for types that judge each order by itself.

    `allowed`: what they are measured against, the value itself but for types whose value is a part of the equity or a
    credit line. `missing`: what the use could not be told without. `override_id`: of the override that `value` and
    `parameters` are of now; `set_value` and `set_parameters` are what was set. `stricter_above`: the node above whose
    limit of this type allows less.
    """

    limit_id: IdText
    node_id: IdText
    limit_type: str
    instrument: str
    value: AmountText | None
    set_value: AmountText | None
    parameters: dict[str, Any]
    set_parameters: dict[str, Any]
    currency: str
    action: str
    thresholds_pct: list[int]
    valid_from: TimeText | None
    valid_until: TimeText | None
    version: int
    override_id: IdText | None
    stricter_above: IdText | None
    allowed: AmountText | None
    used: AmountText | None
    reserved: AmountText | None
    usage_pct: AmountText | None
    missing: str | None


class LimitParameterView(TypedDict):
    """`kind` says how it is written: INTEGER, AMOUNT (a decimal string), WORD, WORDS (a list), or HOURS.

    HOURS is `{"days": ["MON", "TUE"], "from": "09:00", "until": "17:30"}`.
    """

    name: str
    kind: str
    about: str
    is_required: bool


class LimitTypeView(TypedDict):
    """`action` is what a limit does when none is asked for. `node_kinds`: where it may be set; empty: anywhere.

    `is_built_in`: it is a state of the node or a word of the order, and cannot be set.
    """

    number: int
    limit_type: str
    unit: str
    about: str
    action: str
    node_kinds: list[str]
    parameters: list[LimitParameterView]
    is_built_in: bool


class LimitTypeList(TypedDict):
    items: list[LimitTypeView]


class SetLimit(LimitView):
    """`warnings` are sentences for people."""

    warnings: list[str]


class NodeView(TypedDict):
    """One scope of the tree. `account_id` is null for all but those of kind ACCOUNT.

    Daily limits count from `session_start` (HH:MM) in the `time_zone`; `session_day` is the day that runs now.
    """

    node_id: IdText
    parent_id: IdText | None
    name: str
    kind: str
    account_id: IdText | None
    state: NodeState
    state_reason: str | None
    time_zone: str
    session_start: str
    session_day: str


class ChangedNodeView(NodeView):
    """`warnings` are sentences for people: of limits above its new place that are below what is in use now."""

    warnings: list[str]


class OverrideView(TypedDict):
    """`state`: REQUESTED, APPROVED (its time is still to come), ACTIVE or ENDED.

    `value` and `parameters` null: as they are set. `is_exempt`: the limit does not hold meanwhile. What the limit is,
    and what was set, are null once it was deleted: no override of it counts then.
    """

    override_id: IdText
    limit_id: IdText
    node_id: IdText | None
    node_name: str | None
    limit_type: str | None
    instrument: str | None
    currency: str | None
    set_value: AmountText | None
    set_parameters: dict[str, Any] | None
    value: AmountText | None
    parameters: dict[str, Any] | None
    is_exempt: bool
    state: str
    starts_at: TimeText
    ends_at: TimeText
    reason: str
    requested_by: str
    requested_at: TimeText
    approved_by: str | None
    approved_at: TimeText | None
    ended_by: str | None
    ended_at: TimeText | None


class ChangedOverrideView(OverrideView):
    """`warnings` are sentences for people."""

    warnings: list[str]


class OverridePage(TypedDict):
    """To whoever sees only some accounts a page may have fewer items than asked for, and yet not be the last."""

    items: list[OverrideView]
    next_cursor: str | None


class RiskTermsView(TypedDict):
    symbol: str
    average_daily_qty: AmountText | None
    initial_margin: AmountText | None
    sector: str | None
    daily_volatility: AmountText | None
    as_of: str | None


class RiskTermsPage(TypedDict):
    items: list[RiskTermsView]


class ReservationView(TypedDict):
    """What an order holds: `open_qty` may still trade, at `valuation_price` a unit at most.

    `state` is HELD until the engine has answered, then CONFIRMED, and FINAL once nothing is held any more.
    """

    order_id: IdText
    account_id: IdText
    node_ids: list[IdText]
    symbol: str
    venue: str
    side: str
    quantity: AmountText
    open_qty: AmountText
    cum_qty: AmountText
    valuation_price: AmountText
    open_notional: AmountText
    state: str
    created_at: TimeText
    updated_at: TimeText


class ReservationPage(TypedDict):
    items: list[ReservationView]
    next_cursor: str | None


class LeaseView(TypedDict):
    """What the engine may trade by itself. `buy_free` and `sell_free` are held for orders that may come, each unit at
    `valuation_price`; what its orders have filled or open is taken. `is_answered`: the engine goes by these terms.
    """

    lease_id: IdText
    account_id: IdText
    symbol: str
    venue: str
    strategy_id: IdText | None
    api_key_id: str | None
    state: str
    state_reason: str
    changed_by: str
    buy_max: AmountText
    sell_max: AmountText
    orders_max: int
    buy_free: AmountText
    sell_free: AmountText
    buy_taken: AmountText
    sell_taken: AmountText
    live_orders: int
    price_low: AmountText
    price_high: AmountText
    valuation_price: AmountText
    version: int
    is_answered: bool
    expires_at: TimeText | None


class LeaseList(TypedDict):
    items: list[LeaseView]


class Heartbeat(TypedDict):
    """`expires_at`: without another heartbeat until then all open orders of the node are cancelled."""

    node_id: IdText
    heartbeat_at: TimeText
    expires_at: TimeText


class ExternalFillBookedView(TypedDict):
    """`is_new` is false when it had been booked before; `reduce_only` are the nodes that only reduce for it."""

    order_id: IdText
    is_new: bool
    reduce_only: list[IdText]


class LimitTreeNode(NodeView):
    limits: list[LimitView]
    children: "list[LimitTreeNode]"


class LimitTree(TypedDict):
    items: list[LimitTreeNode]


class NodeList(TypedDict):
    items: list[NodeView]


class LimitUsage(NodeView):
    """`items` are in force; `planned` are those whose time is still to come, or that an override exempts from now.

    These have no use.
    """

    items: list[LimitView]
    planned: list[LimitView]


class LimitValidation(TypedDict):
    passes: bool
    price_low: AmountText
    price_high: AmountText
    largest_passing_quantity: AmountText | None
    verdicts: list[Verdict]


class KilledNode(NodeView):
    """`canceled` are order ids; `failed` names every order that may still be open.

    `leases_not_stopped`: the leases that the engine may still go by, until they run out, or within which orders may
    still be open that nobody has heard of.
    """

    canceled: list[IdText]
    leases_not_stopped: list[IdText]
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


def node_json(node: Node) -> NodeView:
    hours, minutes = divmod(node.session_start // timedelta(minutes=1), 60)
    return {
        "node_id": str(node.node_id),
        "parent_id": None if node.parent_id is None else str(node.parent_id),
        "name": node.name,
        "kind": node.kind,
        "account_id": None if node.account_id is None else str(node.account_id),
        "state": NodeState(node.state),
        "state_reason": node.state_reason,
        "time_zone": node.time_zone,
        "session_start": f"{hours:02d}:{minutes:02d}",
        "session_day": node.session_day.isoformat(),
    }


def limit_type_json(name: str, limit_type: LimitType) -> LimitTypeView:
    parameters = settings.PARAMETERS.get(limit_type.check_setting, {})
    return {
        "number": limit_type.number,
        "limit_type": name,
        "unit": limit_type.unit,
        "about": limit_type.about,
        "action": limit_type.action,
        "node_kinds": sorted(limit_type.kinds),
        "parameters": [
            {"name": name, "kind": known.kind, "about": known.about, "is_required": known.is_required}
            for name, known in parameters.items()
        ],
        "is_built_in": limit_type.check_setting is settings.built_in,
    }


def limit_json(scope: Scope, limit: Limit, market: Market, above: Iterable[Scope]) -> LimitView:
    """`above`: the scopes between the root and this one."""
    use = use_of(scope, limit, market)
    known = None if use is None or use.missing is not None else use
    stricter = stricter_above(limit, above)
    return {
        **planned_json(limit),
        "stricter_above": None if stricter is None else str(stricter[0].node.node_id),
        "allowed": None if known is None else format_amount(trim(known.limit)),
        "used": None if known is None else format_amount(trim(known.used)),
        "reserved": None if known is None else format_amount(trim(known.reserved)),
        "usage_pct": None if known is None else _percent(known.in_use, known.limit),
        "missing": None if use is None else use.missing,
    }


def planned_json(limit: Limit) -> LimitView:
    """A limit as it is set, without what stands against it."""
    set_value = limit.value if limit.override_id is None else limit.set_value
    set_parameters = limit.parameters if limit.override_id is None else limit.set_parameters
    return {
        "limit_id": str(limit.limit_id),
        "node_id": str(limit.node_id),
        "limit_type": limit.limit_type,
        "instrument": limit.instrument,
        "value": None if limit.value is None else format_amount(limit.value),
        "set_value": None if set_value is None else format_amount(set_value),
        "parameters": dict(limit.parameters),
        "set_parameters": dict(set_parameters or {}),
        "currency": limit.currency,
        "action": limit.action,
        "thresholds_pct": list(limit.thresholds_pct),
        "valid_from": None if limit.valid_from is None else format_time(limit.valid_from),
        "valid_until": None if limit.valid_until is None else format_time(limit.valid_until),
        "version": limit.version,
        "override_id": None if limit.override_id is None else str(limit.override_id),
        "stricter_above": None,
        "allowed": None,
        "used": None,
        "reserved": None,
        "usage_pct": None,
        "missing": None,
    }


def _percent(part: Decimal, whole: Decimal) -> str:
    """To two decimals, for the eye. A limit of zero is always full."""
    if whole <= 0:
        return "100"
    with localcontext(EXACT):
        return format_amount(trim((max(part, Decimal(0)) * 100 / whole).quantize(Decimal("0.01"))))
