"""The scope tree of a new organisation and what its accounts begin with. What is there already is left as it is."""

import uuid
from decimal import Decimal

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from breakwater.domain.exposure import Limit, Node


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
        """A limit that somebody has changed since stays changed."""
        self._connection.execute(
            "INSERT INTO limits.limits"
            " (limit_id, tenant_id, node_id, limit_type, instrument, value, parameters, created_by)"
            " SELECT %s, %s, %s, %s, %s, %s, %s, %s WHERE NOT EXISTS (SELECT FROM limits.limits"
            "  WHERE node_id = %s AND limit_type = %s AND instrument = %s) ON CONFLICT DO NOTHING",
            (
                *(limit.limit_id, self._tenant_id, limit.node_id, limit.limit_type, limit.instrument),
                *(limit.value, Jsonb(limit.parameters), created_by),
                *(limit.node_id, limit.limit_type, limit.instrument),
            ),
        )

    def add_balance(self, account_id: uuid.UUID, asset: str, total: Decimal) -> None:
        self._connection.execute(
            "INSERT INTO trading.balances (account_id, asset, tenant_id, total) VALUES (%s, %s, %s, %s)",
            (account_id, asset, self._tenant_id, total),
        )
