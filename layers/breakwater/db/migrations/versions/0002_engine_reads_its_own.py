"""The engine reads its journal, the events it relays and the market: whoever takes it over learns nothing else."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for schema in ("identity", "limits", "alerts"):
        op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM breakwater_engine")
        op.execute(f"REVOKE ALL ON SCHEMA {schema} FROM breakwater_engine")
    op.execute(
        "REVOKE ALL ON trading.orders, trading.saga_steps, trading.trades, trading.positions, trading.balances,"
        " trading.inbox FROM breakwater_engine"
    )
