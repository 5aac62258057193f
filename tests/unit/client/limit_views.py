"""Nodes, limits and types as the API shows them."""

from typing import Any

LIMIT_ID = "1c5e1d0a-0000-4000-8000-000000000001"
TYPES = [
    {
        "number": 9,
        "limit_type": "MESSAGE_RATE",
        "unit": "messages in the window",
        "about": "new orders, replaces and cancels",
        "action": "REJECT",
        "node_kinds": [],
        "parameters": [{"name": "window_s", "kind": "INTEGER", "about": "how far it looks back", "is_required": True}],
        "is_built_in": False,
    },
    {
        "number": 6,
        "limit_type": "ORDER_PERMISSION",
        "unit": "parameters",
        "about": "among those allowed",
        "action": "REJECT",
        "node_kinds": [],
        "parameters": [
            {"name": "sides", "kind": "WORDS", "about": "some of BUY, SELL", "is_required": False},
            {"name": "hours", "kind": "HOURS", "about": "days and times", "is_required": False},
        ],
        "is_built_in": False,
    },
    {
        "number": 17,
        "limit_type": "LONG_POSITION",
        "unit": "base units, in each symbol",
        "about": "F + B + quantity of a buy",
        "action": "REJECT",
        "node_kinds": [],
        "parameters": [],
        "is_built_in": False,
    },
    {
        "number": 24,
        "limit_type": "LEVERAGE",
        "unit": "times the equity",
        "about": "gross notional",
        "action": "REJECT",
        "node_kinds": [],
        "parameters": [],
        "is_built_in": False,
    },
    {
        "number": 1,
        "limit_type": "PRICE_COLLAR",
        "unit": "fraction of the reference price",
        "about": "within the collar",
        "action": "REJECT",
        "node_kinds": [],
        "parameters": [],
        "is_built_in": False,
    },
]


def type_named(name: str) -> dict[str, Any]:
    return next(known for known in TYPES if known["limit_type"] == name)


def limit_of(limit_type: str = "LONG_POSITION", value: str | None = "10", **changes: Any) -> dict[str, Any]:
    """For ETH/USDT and half used, unless told otherwise."""
    limit = {
        "limit_id": LIMIT_ID,
        "node_id": "n-a",
        "limit_type": limit_type,
        "instrument": "ETH/USDT",
        "value": value,
        "set_value": value,
        "parameters": {},
        "set_parameters": changes.get("parameters", {}),
        "currency": "USDT",
        "action": "REJECT",
        "thresholds_pct": [70, 90],
        "valid_from": None,
        "valid_until": None,
        "version": 1,
        "override_id": None,
        "stricter_above": None,
        "allowed": value,
        "used": "2.5",
        "reserved": "2.5",
        "usage_pct": "50",
        "missing": None,
    }
    return limit | changes


def unmeasured(limit_type: str, value: str | None, **changes: Any) -> dict[str, Any]:
    """A limit that judges each order by itself."""
    return limit_of(limit_type, value, used=None, reserved=None, usage_pct=None, **changes)


def node_of(name: str, node_id: str = "n-a", **changes: Any) -> dict[str, Any]:
    """An active desk without limits and without anything below it."""
    node: dict[str, Any] = {
        "node_id": node_id,
        "parent_id": None,
        "name": name,
        "kind": "DESK",
        "account_id": None,
        "state": "ACTIVE",
        "state_reason": None,
        "time_zone": "UTC",
        "session_start": "00:00",
        "session_day": "2026-11-28",
        "limits": [],
        "children": [],
    }
    return node | changes
