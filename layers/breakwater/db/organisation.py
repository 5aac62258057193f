"""The scope tree of a new organisation and what its accounts begin with. What is there already is left as it is."""

import uuid
from decimal import Decimal

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from breakwater.domain.exposure import Limit, Node

_ADD_LIMIT = """
WITH added AS (
  INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, value, parameters, currency, action,
                             created_by)
  SELECT %(limit_id)s, %(tenant_id)s, %(node_id)s, %(limit_type)s, %(instrument)s, %(value)s, %(parameters)s,
         %(currency)s, %(action)s, %(created_by)s
  WHERE NOT EXISTS (SELECT FROM limits.limits
                    WHERE node_id = %(node_id)s AND limit_type = %(limit_type)s AND instrument = %(instrument)s)
    AND NOT EXISTS (SELECT FROM limits.limit_history WHERE limit_id = %(limit_id)s)
  ON CONFLICT DO NOTHING
  RETURNING *)
INSERT INTO limits.limit_history (limit_id, version, tenant_id, node_id, limit_type, instrument, value, parameters,
  currency, action, thresholds_pct, valid_from, valid_until, is_deleted, changed_by, changed_at)
SELECT limit_id, version, tenant_id, node_id, limit_type, instrument, value, parameters, currency, action,
  thresholds_pct, valid_from, valid_until, false, created_by, created_at FROM added
"""
_LIMIT_FIELDS = ("limit_id", "node_id", "limit_type", "instrument", "value", "currency", "action")


class OrganisationRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def add_node(self, node: Node) -> None:
        self._connection.execute(
            "INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, account_id, path, state)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (node_id) DO NOTHING",
            (
                *(node.node_id, self._tenant_id, node.parent_id, node.kind, node.name),
                *(node.account_id, list(node.path), node.state),
            ),
        )

    def add_limit(self, limit: Limit, created_by: str) -> None:
        """With its first version in the history. A limit that somebody has changed since stays changed, or deleted."""
        self._connection.execute(
            _ADD_LIMIT,
            {
                **{name: getattr(limit, name) for name in _LIMIT_FIELDS},
                "parameters": Jsonb(limit.parameters),
                "tenant_id": self._tenant_id,
                "created_by": created_by,
            },
        )

    def add_balance(self, account_id: uuid.UUID, asset: str, total: Decimal) -> None:
        """What the account begins with: kept, because no event tells it (services/rebuild.py)."""
        self._connection.execute(
            """WITH opening AS (
                 INSERT INTO trading.opening_balances (account_id, asset, tenant_id, total) VALUES (%s, %s, %s, %s)
                 RETURNING account_id, asset, tenant_id, total)
               INSERT INTO trading.balances (account_id, asset, tenant_id, total) SELECT * FROM opening""",
            (account_id, asset, self._tenant_id, total),
        )
