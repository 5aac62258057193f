"""The limit tree: set, see, try out, stop."""

import uuid
from datetime import UTC, datetime

from breakwater.domain.orders import OrderTerms
from breakwater.runtime.api import Caller, create_api, lambda_handler
from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.engine import engine_client
from breakwater.services import limit_settings
from breakwater.services.limit_settings import LimitSetting, StateChange
from breakwater.services.limit_views import KilledNode, LimitTree, LimitUsage, LimitValidation, NodeView, SetLimit

api = create_api(service="limits")


@api.post("/limits")
def set_limit(setting: LimitSetting, caller: Caller) -> SetLimit:
    with tenant_transaction(caller.tenant_id) as tx:
        return limit_settings.set_limit(setting, caller, tx, datetime.now(UTC))


@api.delete("/limits/{limit_id}", status_code=204)
def delete_limit(limit_id: uuid.UUID, caller: Caller) -> None:
    with tenant_transaction(caller.tenant_id) as tx:
        limit_settings.delete_limit(limit_id, caller, tx, datetime.now(UTC))


@api.get("/limits/tree")
def get_limit_tree(caller: Caller) -> LimitTree:
    with tenant_transaction(caller.tenant_id) as tx:
        return limit_settings.tree(caller, tx, datetime.now(UTC))


@api.get("/limits/usage")
def get_limit_usage(node_id: uuid.UUID, caller: Caller) -> LimitUsage:
    with tenant_transaction(caller.tenant_id) as tx:
        return limit_settings.usage(node_id, caller, tx, datetime.now(UTC))


@api.post("/limits/validate")
def validate_order(terms: OrderTerms, caller: Caller) -> LimitValidation:
    with tenant_transaction(caller.tenant_id) as tx:
        return limit_settings.validate(terms, caller, tx, datetime.now(UTC))


@api.post("/limits/kill")
def kill_node(change: StateChange, caller: Caller) -> KilledNode:
    return limit_settings.kill(change, caller, tenant_transaction, engine_client(), datetime.now(UTC))


@api.post("/limits/rearm")
def rearm_node(change: StateChange, caller: Caller) -> NodeView:
    with tenant_transaction(caller.tenant_id) as tx:
        return limit_settings.rearm(change, caller, tx, datetime.now(UTC))


handler = lambda_handler(api)
