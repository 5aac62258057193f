"""The limit tree: set, see, try out, override, stop."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from breakwater.domain.orders import OrderTerms
from breakwater.runtime.api import Caller, create_api, lambda_handler, needs
from breakwater.runtime.database import caller_transaction, transactions_of
from breakwater.runtime.engine import engine_client
from breakwater.services import brakes, external_fills, leases, limit_settings, limit_tree, nodes, overrides, what_if
from breakwater.services.brakes import Beat, Brake, StateChange
from breakwater.services.cursors import LIMIT_DEFAULT, LIMIT_MAX
from breakwater.services.external_fills import ExternalFill
from breakwater.services.leases import LeaseRequest
from breakwater.services.limit_record_views import BreachPage, LimitHistory
from breakwater.services.limit_settings import LimitSetting, RiskTermsSetting
from breakwater.services.limit_views import (
    ChangedNodeView,
    ChangedOverrideView,
    ExternalFillBookedView,
    Heartbeat,
    KilledNode,
    LeaseList,
    LeaseView,
    LimitTree,
    LimitTypeList,
    LimitUsage,
    LimitValidation,
    NodeList,
    NodeView,
    OverridePage,
    OverrideView,
    ReservationPage,
    RiskTermsPage,
    RiskTermsView,
    SetLimit,
)
from breakwater.services.nodes import NewNode, NodeChange
from breakwater.services.overrides import OverrideRequest
from breakwater.services.what_if import WhatIf
from breakwater.services.what_if_views import WhatIfAnswer

api = create_api(service="limits")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Find = Annotated[str | None, Query(min_length=1, max_length=120)]
Cursor = Annotated[str | None, Query(max_length=200)]


def _now() -> datetime:
    return datetime.now(UTC)


@api.post("/limits", dependencies=[needs("limits:manage")])
def set_limit(setting: LimitSetting, caller: Caller) -> SetLimit:
    with caller_transaction(caller) as tx:
        return limit_settings.set_limit(setting, caller, tx, _now())


@api.delete("/limits/{limit_id}", status_code=204, dependencies=[needs("limits:manage")])
def delete_limit(limit_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        limit_settings.delete_limit(limit_id, caller, tx, _now())


@api.get("/limits/{limit_id}/history", dependencies=[needs("limits:history")])
def get_limit_history(limit_id: uuid.UUID, caller: Caller) -> LimitHistory:
    with caller_transaction(caller) as tx:
        return limit_settings.limit_history(limit_id, caller, tx)


@api.get("/limits/types", dependencies=[needs("limits:read")])
def list_limit_types(caller: Caller) -> LimitTypeList:
    return limit_tree.types(caller)


@api.get("/limits/tree", dependencies=[needs("limits:read")])
def get_limit_tree(caller: Caller, node_id: uuid.UUID | None = None) -> LimitTree:
    with caller_transaction(caller) as tx:
        return limit_tree.tree(caller, tx, _now(), node_id=node_id)


@api.get("/limits/usage", dependencies=[needs("limits:read")])
def get_limit_usage(node_id: uuid.UUID, caller: Caller) -> LimitUsage:
    with caller_transaction(caller) as tx:
        return limit_tree.usage(node_id, caller, tx, _now())


@api.get("/limits/reservations", dependencies=[needs("limits:read")])
def list_reservations(
    caller: Caller,
    *,
    node_id: uuid.UUID | None = None,
    order_id: uuid.UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> ReservationPage:
    with caller_transaction(caller) as tx:
        return limit_tree.reservations(
            caller, tx, _now(), node_id=node_id, order_id=order_id, cursor=cursor, limit=limit
        )


@api.get("/limits/leases", dependencies=[needs("limits:read")])
def list_leases(caller: Caller, node_id: uuid.UUID | None = None, living_only: bool = True) -> LeaseList:
    with caller_transaction(caller) as tx:
        return leases.list_leases(caller, tx, _now(), node_id=node_id, living_only=living_only)


@api.post("/limits/leases", dependencies=[needs("risk:manage")])
def open_lease(request: LeaseRequest, caller: Caller) -> LeaseView:
    return leases.open_lease(request, caller, transactions_of(caller.actor), engine_client(), _now())


@api.delete("/limits/leases/{lease_id}", dependencies=[needs("risk:manage")])
def stop_lease(lease_id: uuid.UUID, caller: Caller) -> LeaseView:
    return leases.stop_lease(lease_id, caller, transactions_of(caller.actor), engine_client(), _now())


@api.get("/limits/breaches", dependencies=[needs("limits:read")])
def list_breaches(
    caller: Caller, node_id: uuid.UUID | None = None, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> BreachPage:
    with caller_transaction(caller) as tx:
        return limit_tree.breaches(caller, tx, _now(), node_id=node_id, cursor=cursor, limit=limit)


@api.post("/limits/validate", dependencies=[needs("limits:read")])
def validate_order(terms: OrderTerms, caller: Caller) -> LimitValidation:
    with caller_transaction(caller) as tx:
        return limit_tree.validate(terms, caller, tx, _now())


@api.post("/limits/what-if", dependencies=[needs("limits:manage")])
def try_limits(question: WhatIf, caller: Caller) -> WhatIfAnswer:
    with caller_transaction(caller) as tx:
        return what_if.what_if(question, caller, tx, _now())


@api.get("/limits/overrides", dependencies=[needs("limits:read")])
def list_overrides(
    caller: Caller, open_only: bool = True, cursor: Cursor = None, limit: Limit = LIMIT_MAX
) -> OverridePage:
    with caller_transaction(caller) as tx:
        return overrides.list_overrides(caller, tx, _now(), open_only=open_only, cursor=cursor, limit=limit)


@api.post("/limits/overrides", status_code=201, dependencies=[needs("limits:manage")])
def request_override(request: OverrideRequest, caller: Caller) -> OverrideView:
    with caller_transaction(caller) as tx:
        return overrides.request_override(request, caller, tx, _now())


@api.post("/limits/overrides/{override_id}/approve", status_code=200, dependencies=[needs("risk:manage")])
def approve_override(override_id: uuid.UUID, caller: Caller) -> ChangedOverrideView:
    with caller_transaction(caller) as tx:
        return overrides.approve_override(override_id, caller, tx, _now())


@api.post("/limits/overrides/{override_id}/end", dependencies=[needs("limits:manage")])
def end_override(override_id: uuid.UUID, caller: Caller) -> ChangedOverrideView:
    with caller_transaction(caller) as tx:
        return overrides.end_override(override_id, caller, tx, _now())


@api.get("/limits/risk-terms", dependencies=[needs("limits:read")])
def get_risk_terms(caller: Caller) -> RiskTermsPage:
    with caller_transaction(caller) as tx:
        return limit_settings.risk_terms(caller, tx, _now())


@api.put("/limits/risk-terms", dependencies=[needs("limits:manage")])
def set_risk_terms(setting: RiskTermsSetting, caller: Caller) -> RiskTermsView:
    with caller_transaction(caller) as tx:
        return limit_settings.set_risk_terms(setting, caller, tx, _now())


@api.get("/limits/nodes", dependencies=[needs("limits:read")])
def find_nodes(caller: Caller, find: Find = None) -> NodeList:
    with caller_transaction(caller) as tx:
        return limit_tree.find_nodes(find, caller, tx, _now())


@api.post("/limits/nodes", status_code=201, dependencies=[needs("limits:manage")])
def create_node(new: NewNode, caller: Caller) -> NodeView:
    with caller_transaction(caller) as tx:
        return nodes.create_node(new, caller, tx, _now())


@api.patch("/limits/nodes/{node_id}", dependencies=[needs("limits:manage")])
def change_node(node_id: uuid.UUID, change: NodeChange, caller: Caller) -> ChangedNodeView:
    with caller_transaction(caller) as tx:
        return nodes.change_node(node_id, change, caller, tx, _now())


@api.delete("/limits/nodes/{node_id}", status_code=204, dependencies=[needs("limits:manage")])
def delete_node(node_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        nodes.delete_node(node_id, caller, tx, _now())


@api.post("/limits/external-fills", dependencies=[needs("risk:manage")])
def post_external_fill(fill: ExternalFill, caller: Caller) -> ExternalFillBookedView:
    with caller_transaction(caller) as tx:
        return external_fills.book_external_fill(fill, caller, tx, _now())


@api.post("/limits/kill", dependencies=[needs("risk:stop")])
def kill_node(change: StateChange, caller: Caller) -> KilledNode:
    return brakes.kill(change, caller, transactions_of(caller.actor), engine_client(), _now())


@api.post("/limits/brake", dependencies=[needs("risk:stop")])
def brake_node(change: Brake, caller: Caller) -> NodeView:
    with caller_transaction(caller) as tx:
        return brakes.brake(change, caller, tx, _now())


@api.post("/limits/rearm", dependencies=[needs("risk:manage")])
def rearm_node(change: StateChange, caller: Caller) -> NodeView:
    with caller_transaction(caller) as tx:
        return brakes.rearm(change, caller, tx, _now())


@api.post("/limits/heartbeat", dependencies=[needs("orders:cancel")])
def send_heartbeat(beat: Beat, caller: Caller) -> Heartbeat:
    with caller_transaction(caller) as tx:
        return brakes.heartbeat(beat, caller, tx, _now())


handler = lambda_handler(api)
