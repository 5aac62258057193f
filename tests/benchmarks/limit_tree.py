"""A tree of 10,000 nodes and 50,000 limits: one desk of it, as the API tells it."""

import time
import uuid

import psycopg
from psycopg.conninfo import make_conninfo

from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.services import limit_tree
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import own_postgres
from tests.integration.limits.firm import NOW, create_firm, database_of

DESKS = 100
NODES_A_DESK = 99  # Traders and their strategies' accounts, below each desk.
LIMITS_A_NODE = 5
ASKED = 40
P50_GOAL_MS = 100

_NODES = """
WITH desks AS (
  INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, path)
  SELECT id, %(tenant)s, %(firm)s, 'DESK', 'desk ' || number, ARRAY[%(firm)s, id]::uuid[]
  FROM (SELECT gen_random_uuid() AS id, number FROM generate_series(1, %(desks)s) AS number) made
  RETURNING node_id, path)
INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, path)
SELECT id, %(tenant)s, node_id, 'TRADER', 'trader ' || number, path || id
FROM (SELECT gen_random_uuid() AS id, number, node_id, path FROM desks, generate_series(1, %(each)s) AS number) made
"""
_LIMITS = """
INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, value, created_by)
SELECT gen_random_uuid(), tenant_id, node_id, limit_type, '*', 1000000, 'bench'
FROM limits.nodes, unnest(%(types)s::text[]) AS limit_type
"""
_TYPES = ["MAX_ORDER_QTY", "OPEN_ORDER_COUNT", "LONG_POSITION", "GROSS_NOTIONAL", "DAILY_TRADED_NOTIONAL"]


def run() -> Figure:
    with own_postgres() as postgres:
        conninfo = postgres.create_database("limit_tree").admin
        firm = create_firm(conninfo, accounts=1)
        with psycopg.connect(conninfo) as connection:
            about = {"tenant": firm.tenant_id, "firm": firm.firm, "desks": DESKS, "each": NODES_A_DESK}
            connection.execute(_NODES, about)
            connection.execute(_LIMITS, {"types": _TYPES})
            connection.execute(
                "INSERT INTO limits.exposures (node_id, symbol, venue, tenant_id, filled_qty, session_date)"
                " SELECT node_id, 'ETH/USDT', 'SIM', tenant_id, 1, current_date FROM limits.nodes"
            )
            counts = [
                connection.execute(f"SELECT count(*) FROM limits.{table}").fetchone() for table in ("nodes", "limits")
            ]
            desks = connection.execute("SELECT node_id FROM limits.nodes WHERE name LIKE 'desk %'").fetchall()
            connection.commit()
            connection.autocommit = True
            connection.execute("ANALYZE")
        database = database_of(make_conninfo(conninfo, user="breakwater_functions", password="breakwater_functions"))
        risk = Caller(
            firm.tenant_id, "risk", "risk", Role.RISK_MANAGER, frozenset({SESSION_SCOPE}), correlation_id="bench"
        )
        taken_ms = []
        for number in range(ASKED):
            desk_id: uuid.UUID = desks[number % len(desks)][0]
            begin = time.perf_counter()
            with database.tenant_transaction(firm.tenant_id) as tx:
                (desk,) = limit_tree.tree(risk, tx, NOW, node_id=desk_id)["items"]
            taken_ms.append((time.perf_counter() - begin) * 1000)
            assert len(desk["children"]) == NODES_A_DESK
        database.close()
    taken_ms.sort()
    nodes, limits = (row[0] if row else 0 for row in counts)
    return Figure(
        "one desk of a tree: GET /limits/tree?node_id=, without the gateway",
        f"p50 < {P50_GOAL_MS} ms",
        percentile(taken_ms, 0.5),
        percentile(taken_ms, 0.99),
        f"{NODES_A_DESK + 1} of {nodes:,} nodes, {limits:,} limits",
        percentile(taken_ms, 0.5) < P50_GOAL_MS,
    )


if __name__ == "__main__":
    print(run())
