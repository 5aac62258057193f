"""What the people of a firm do with its limits, and what its limits say to their orders."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from breakwater.db.connection import TenantTransaction
from breakwater.domain.exposure import Exposure
from breakwater.domain.orders import PlaceOrder
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.errors import LimitExceeded
from breakwater.services import limit_settings, nodes, overrides
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.limit_views import OverrideView, SetLimit
from breakwater.services.nodes import NewNode, NodeChange
from breakwater.services.overrides import OverrideRequest
from tests.integration.limits.firm import NOW, Firm, reserve_and_record
from tests.unit.domain.limit_orders import exposure_of

API_KEY = "0123456789abcdef"


def risk_manager(firm: Firm, username: str = "risk") -> Caller:
    scopes = frozenset({SESSION_SCOPE})
    return Caller(firm.tenant_id, username, username, Role.RISK_MANAGER, scopes, correlation_id="c")


def limit(
    tx: TenantTransaction,
    by: Caller,
    node_id: uuid.UUID,
    limit_type: str,
    value: str | None = None,
    *,
    at: datetime = NOW,
    **more: Any,
) -> SetLimit:
    amount = None if value is None else Decimal(value)
    return limit_settings.set_limit(
        LimitSetting(node_id=node_id, limit_type=limit_type, value=amount, **more), by, tx, at
    )


def override(
    tx: TenantTransaction,
    by: Caller,
    limit_id: str,
    value: str | None = None,
    *,
    at: datetime = NOW,
    minutes: int = 60,
    **more: Any,
) -> OverrideView:
    """Asked for, and not approved yet."""
    amount = None if value is None else Decimal(value)
    request = OverrideRequest(
        limit_id=uuid.UUID(limit_id), value=amount, ends_at=at + timedelta(minutes=minutes), reason="r", **more
    )
    return overrides.request_override(request, by, tx, at)


def node(
    tx: TenantTransaction, by: Caller, parent_id: uuid.UUID, kind: str, name: str = "new", **more: Any
) -> uuid.UUID:
    new = NewNode.model_validate({"parent_id": parent_id, "kind": kind, "name": name, **more})
    return uuid.UUID(nodes.create_node(new, by, tx, NOW)["node_id"])


def change(tx: TenantTransaction, by: Caller, node_id: uuid.UUID, *, at: datetime = NOW, **told: Any) -> Any:
    return nodes.change_node(node_id, NodeChange.model_validate(told), by, tx, at)


def refused_by(tx: TenantTransaction, order: PlaceOrder) -> list[str]:
    """The types that refuse it, as the saga would record it; an order that passes is reserved and recorded."""
    try:
        reserve_and_record(tx, order)
    except LimitExceeded as refusal:
        return [each["limit_type"] for each in refusal.extensions["refusals"]]
    return []


def exposure_at(tx: TenantTransaction, node_id: uuid.UUID, at: datetime = NOW, symbol: str = "ETH/USDT") -> Exposure:
    """Of one node, in one symbol at the simulated venue; of nothing where it has none."""
    (scope, *_) = tx.limits.scopes(at, [node_id])
    return next((e for e in scope.exposures if (e.symbol, e.venue) == (symbol, "SIM")), exposure_of(symbol))


def state_of(tx: TenantTransaction, node_id: uuid.UUID, at: datetime = NOW) -> str:
    found = tx.limits.node(node_id, at)
    assert found is not None
    return found.state


def events_of(tx: TenantTransaction, topic: str) -> list[dict[str, Any]]:
    rows = tx.connection.execute(
        "SELECT payload FROM trading.events JOIN trading.outbox USING (event_id) WHERE topic = %s ORDER BY id", (topic,)
    ).fetchall()
    return [row[0] for row in rows]


def add_api_key(admin_conninfo: str, firm: Firm, key_id: str = API_KEY) -> str:
    """A key of a user of the firm."""
    user_id = uuid.uuid4()
    with psycopg.connect(admin_conninfo) as connection:
        connection.execute(
            "INSERT INTO identity.users (user_id, tenant_id, username, subject, email, role)"
            " VALUES (%s, %s, %s, %s, 'bot@firm.example', 'trader')",
            (user_id, firm.tenant_id, f"owner of {key_id}", f"owner of {key_id}"),
        )
        connection.execute(
            "INSERT INTO identity.api_keys (key_id, tenant_id, user_id, name, salt, secret_hash, scopes)"
            " VALUES (%s, %s, %s, 'bot', '', '', '{trade}')",
            (key_id, firm.tenant_id, user_id),
        )
    return key_id
