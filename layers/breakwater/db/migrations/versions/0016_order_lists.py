"""Orders of which one cancels the other, found by the names that a client has for their halves (decision 97)."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # Few orders are of this kind: neither a list of them nor a name that nothing has may read all the others.
    op.execute(
        """CREATE INDEX orders_of_two_halves ON trading.orders (account_id, created_at DESC, order_id DESC)
           WHERE execution->>'algorithm' = 'OCO'"""
    )
