"""An example of each contract, made from its schema: the same one each time, for people who write a consumer."""

import uuid
from typing import Any

from events.envelope import Event

_NAMESPACE = uuid.UUID("6f1c0b52-9d0a-4c7e-8a55-2f3b7f0a9c11")
_AT_NS = 1_790_000_000_000_000_000
AMOUNT_BEGINS = "^-?[0-9]+"  # The pattern of a decimal string.
_NAMES: dict[str, Any] = {
    "action": "REJECT",
    "algorithm": "TWAP",
    "api_key_end": "x7Qa",
    "api_key_id": "bw_4f1c2a9d",
    "arrival_cost_px": "2600.40",
    "arrival_px": "2600.10",
    "as_of": "2026-11-29",
    "balances": {"USDT": "100000"},
    "base_currency": "USDT",
    "change": "CHANGED",
    "changed_by": "risk",
    "client_order_id": "bot-1-000042",
    "code": "LIMIT_EXCEEDED",
    "cum_notional": "0",
    "cum_qty": "0",
    "fee": "0.65",
    "fee_currency": "USDT",
    "instrument": "ETH/USDT",
    "kind": "DESK",
    "label": "main",
    "last_px": "2600.00",
    "last_qty": "0.5",
    "leaves_qty": "0.5",
    "limit_type": "LONG_POSITION",
    "liquidity": "TAKER",
    "mode": "CACHED",
    "mode_before": "NORMAL",
    "name": "Desk A",
    "node_name": "Desk A",
    "parameters": {"window_s": 10},
    "parameters_before": {"window_s": 60},
    "permissions_version": 7,
    "price": "2600.00",
    "price_high": "2600.00",
    "price_low": "0",
    "quantity": "0.5",
    "reason": "the market is closed",
    "reduced_qty": "0.1",
    "reject_code": None,
    "reject_reason": None,
    "replace_id": "bot-1-000043",
    "restatement_reason": "SELF_TRADE",
    "role": "trader",
    "role_before": "viewer",
    "roles": {"trader1": "trader"},
    "scopes": ["read", "trade"],
    "sector": "L1",
    "severity": "CRITICAL",
    "side": "BUY",
    "source_ip": "203.0.113.7",
    "state": "KILLED",
    "state_before": "ACTIVE",
    "status": "NEW",
    "symbol": "ETH/USDT",
    "threshold_pct": 90,
    "time_in_force": "GTC",
    "title": "Desk A is KILLED",
    "type": "LIMIT",
    "username": "trader1",
    "venue": "SIM",
    "venues": ["SIM", "BINANCE"],
    "vwap_px": "2600.25",
    "what": "the audit trail",
}


def example(event: type[Event]) -> dict[str, Any]:
    """A payload that the contract accepts."""
    schema = event.model_json_schema()
    payload: dict[str, Any] = _value("", schema, schema.get("$defs", {}))
    return payload


def _value(name: str, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    choices = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if "properties" in schema:
        return {each: _value(each, its, definitions) for each, its in schema["properties"].items()}
    if name in _NAMES and (not choices or _NAMES[name] in choices) and _fits(_NAMES[name], schema):
        return _NAMES[name]
    if choices:
        return choices[0]
    if "anyOf" in schema:
        return _value(name, next(each for each in schema["anyOf"] if each.get("type") != "null"), definitions)
    return _of_type(name, schema, definitions)


def _of_type(name: str, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    match schema:
        case {"type": "integer"}:
            return _AT_NS if name.endswith("_ns") else max(1, schema.get("minimum", 1))
        case {"type": "array"}:
            return [_value(name, schema.get("items", {"type": "string"}), definitions)]
        case {"type": "object", "additionalProperties": {"type": _} as its}:
            return {"key": _value(name, its, definitions)}
        case {"type": "string"}:
            return _text(name, schema)
    return {"number": 1.5, "boolean": True, "object": {}}[schema["type"]]


def _text(name: str, schema: dict[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return str(uuid.uuid5(_NAMESPACE, name))
    if schema.get("pattern", "").startswith(AMOUNT_BEGINS):
        return "100"
    return "risk" if name.endswith("_by") else name.replace("_", " ")


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether it is of a type that the schema names: one name may mean another thing elsewhere."""
    types = {each.get("type") for each in schema.get("anyOf", [schema])}
    known = {str: "string", int: "integer", list: "array", dict: "object", type(None): "null"}
    return known[type(value)] in types
