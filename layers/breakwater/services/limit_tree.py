"""Limits as people look at them: the tree with its use, what they would say to an order, and what they have said."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import Scope
from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.domain.limits import refused
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.orders import OrderTerms
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Caller
from breakwater.domain.times import format_time, from_nanoseconds, nanoseconds
from breakwater.errors import AnswerTooLarge, NotFound
from breakwater.services.cursors import decode_cursor, next_cursor
from breakwater.services.limit_record_views import BreachPage, LimitBreachView, NodeStateChangeView
from breakwater.services.limit_views import (
    LimitTree,
    LimitTreeNode,
    LimitTypeList,
    LimitUsage,
    LimitValidation,
    NodeList,
    ReservationPage,
    ReservationView,
    limit_json,
    limit_type_json,
    node_json,
    planned_json,
)
from breakwater.services.limits import judge, read_ladder
from events.limits import LimitBreached, LimitBreachedByLoss, NodeStateChanged

NODES_SHOWN_MAX = 100_000  # At once. What judges orders is read whole, however much it is.
BREACH_TOPICS = (LimitBreached.topic, LimitBreachedByLoss.topic, NodeStateChanged.topic)


def types(caller: Caller) -> LimitTypeList:
    """Every type there is, in the order in which the limits of a node are asked."""
    caller.require("limits:read")
    return {"items": [limit_type_json(name, limit_type) for name, limit_type in LIMIT_TYPES.items()]}


def tree(caller: Caller, tx: TenantTransaction, at: datetime, *, node_id: uuid.UUID | None = None) -> LimitTree:
    """`items`: the topmost scopes the caller may see, each with state, limits and their use, and its `children`.

    With `node_id` that scope and all below it; NotFound for one the caller may not see. AnswerTooLarge above
    NODES_SHOWN_MAX: a tree that lacks a part is not shown.
    """
    market = tx.limits.market(at)
    roots: list[LimitTreeNode] = []
    seen: dict[uuid.UUID, LimitTreeNode] = {}
    visible, read = _visible_scopes(caller, tx, at, node_id)
    _require_few(len(visible), "ask for a part of the tree", "node_id")
    for scope in visible:  # Parents come before their children.
        told = seen[scope.node.node_id] = {
            **node_json(scope.node),
            "limits": [limit_json(scope, limit, market, _way_to(scope, read)) for limit in scope.limits],
            "children": [],
        }
        parent = seen.get(scope.node.parent_id) if scope.node.parent_id else None
        (roots if parent is None else parent["children"]).append(told)
    return {"items": roots}


def find_nodes(told: str | None, caller: Caller, tx: TenantTransaction, at: datetime) -> NodeList:
    """The scopes the caller may see that have this name, in whatever case, or whose id begins so; all for None.

    AnswerTooLarge above NODES_SHOWN_MAX.
    """
    caller.require("limits:read")
    accounts = _own_accounts(caller, tx)
    own = None if accounts is None else tx.limits.node_ids_of_accounts(accounts)
    found = tx.limits.find_nodes(told, at, own)
    _require_few(len(found), "say which", "find")
    return {"items": [node_json(node) for node in found]}


def usage(node_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> LimitUsage:
    """Every limit of one scope with its use, and those that are to come. NotFound for a scope not to be seen."""
    market = tx.limits.market(at)
    (scope, *_), read = _visible_scopes(caller, tx, at, node_id)
    ever, in_force = tx.limit_settings.of_node(node_id), {limit.limit_id for limit in scope.limits}
    lasting = (limit for limit in ever if limit.valid_until is None or limit.valid_until > at)
    return {
        **node_json(scope.node),
        "items": [limit_json(scope, limit, market, _way_to(scope, read)) for limit in scope.limits],
        "planned": [planned_json(limit) for limit in lasting if limit.limit_id not in in_force],
    }


def validate(terms: OrderTerms, caller: Caller, tx: TenantTransaction, at: datetime) -> LimitValidation:
    """What every limit would say to these terms now; reserves nothing. Raises what `judge` raises."""
    caller.require("limits:read")
    tx.identity.require_account(caller.subject, caller.role, terms.account_id)
    ladder = read_ladder(tx, terms, caller.api_key_id, at)
    proposed, findings = judge(ladder, terms)
    largest = [f.verdict.largest_passing_quantity for f in findings if f.verdict.largest_passing_quantity is not None]
    return {
        "passes": not refused(findings),
        "price_low": format_amount(proposed.band.low),
        "price_high": format_amount(proposed.band.high),
        "largest_passing_quantity": format_amount(trim(min(largest))) if largest else None,
        "verdicts": [{**finding.to_json(), "passes": finding.verdict.passes} for finding in findings],
    }


def reservations(
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    node_id: uuid.UUID | None,
    order_id: uuid.UUID | None = None,
    cursor: str | None,
    limit: int,
) -> ReservationPage:
    """What is held now, of one scope or of all, the newest first; what orders of accounts the caller may see hold.

    Of one order also what it has given back since.
    """
    caller.require("limits:read")
    if node_id is not None:
        require_visible(node_id, caller, tx, at)
    accounts = _own_accounts(caller, tx)
    rows = tx.limits.reservations(node_id, accounts, order_id, before=decode_cursor(cursor), limit=limit + 1)
    page, following = next_cursor(rows, limit, lambda row: (row["created_at"], row["order_id"]))
    return {"items": [_reservation_json(row) for row in page], "next_cursor": following}


def breaches(
    caller: Caller, tx: TenantTransaction, at: datetime, *, node_id: uuid.UUID | None, cursor: str | None, limit: int
) -> BreachPage:
    """What limits refused and warned of, and how nodes changed their state, the newest first.

    Whoever sees only some accounts hears of nobody else's orders, also where a node above all of them refused.
    """
    caller.require("limits:read")
    accounts = _own_accounts(caller, tx)
    node_ids: Sequence[uuid.UUID] | None = None
    if node_id is not None or accounts is not None:
        node_ids = [scope.node.node_id for scope in _visible_scopes(caller, tx, at, node_id)[0]]
    place = decode_cursor(cursor)
    before = None if place is None else (nanoseconds(place[0]), place[1])
    rows = tx.limits.breaches(BREACH_TOPICS, node_ids, accounts, before=before, limit=limit + 1)
    page, following = next_cursor(rows, limit, lambda row: (from_nanoseconds(row["occurred_at_ns"]), row["event_id"]))
    return {"items": [_breach_json(row) for row in page], "next_cursor": following}


def require_visible(node_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound for a node that the caller may not see, as for one that there is not."""
    _visible_scopes(caller, tx, at, node_id)


def _require_few(nodes: int, instead: str, field: str) -> None:
    if nodes > NODES_SHOWN_MAX:
        raise AnswerTooLarge(
            f"these are {nodes} nodes, and {NODES_SHOWN_MAX} at most are shown: {instead}", field=field
        )


def _visible_scopes(
    caller: Caller, tx: TenantTransaction, at: datetime, node_id: uuid.UUID | None = None
) -> tuple[list[Scope], dict[uuid.UUID, Scope]]:
    """All of them for who oversees the organisation; otherwise those on the way to the caller's accounts and below.

    With `node_id` that one first, then those below it. NotFound when the caller may not see it. With them all that were
    read, by id: also those above `node_id`.
    """
    caller.require("limits:read")
    accounts = _own_accounts(caller, tx)
    roots = [node_id] if node_id is not None else None
    if accounts is not None:
        roots = tx.limits.node_ids_of_accounts(accounts)
    read = {scope.node.node_id: scope for scope in tx.limits.scopes(at, roots, above=True)}
    if node_id is None:
        return list(read.values()), read
    if node_id not in read:
        raise NotFound("no such node")
    return [scope for scope in read.values() if node_id in scope.node.path], read


def _way_to(scope: Scope, read: Mapping[uuid.UUID, Scope]) -> list[Scope]:
    """The scopes above it."""
    return [read[node_id] for node_id in scope.node.path[:-1]]


def _own_accounts(caller: Caller, tx: TenantTransaction) -> list[uuid.UUID] | None:
    """None: all, for who oversees the organisation."""
    if caller.role in ROLES_WITH_ALL_ACCOUNTS:
        return None
    return tx.identity.accessible_account_ids(caller.subject, caller.role)


def _reservation_json(row: Mapping[str, Any]) -> ReservationView:
    return {
        "order_id": str(row["order_id"]),
        "account_id": str(row["account_id"]),
        "node_ids": [str(node_id) for node_id in row["node_ids"]],
        "symbol": row["symbol"],
        "venue": row["venue"],
        "side": row["side"],
        "quantity": format_amount(row["quantity"]),
        "open_qty": format_amount(row["open_qty"]),
        "cum_qty": format_amount(row["cum_qty"]),
        "valuation_price": format_amount(row["valuation_price"]),
        "open_notional": format_amount(trim(EXACT.multiply(row["open_qty"], row["valuation_price"]))),
        "state": row["state"],
        "created_at": format_time(row["created_at"]),
        "updated_at": format_time(row["updated_at"]),
    }


def _breach_json(row: Mapping[str, Any]) -> LimitBreachView | NodeStateChangeView:
    told = {
        "event_id": str(row["event_id"]),
        "topic": row["topic"],
        "occurred_at": format_time(from_nanoseconds(row["occurred_at_ns"])),
        "correlation_id": row["correlation_id"],
        **row["payload"],
    }
    return cast(LimitBreachView | NodeStateChangeView, told)  # The payload is as its contract has it.
