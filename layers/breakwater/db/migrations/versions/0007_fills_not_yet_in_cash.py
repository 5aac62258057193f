"""How much of each order's fills the balances hold: what the ledger has heard of and they have not is spent as well."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE limits.reservations ADD COLUMN booked_notional numeric NOT NULL DEFAULT 0")
    op.execute(
        "UPDATE limits.reservations r SET booked_notional = t.notional"
        " FROM (SELECT order_id, sum(last_qty * last_px) AS notional FROM trading.trades GROUP BY order_id) t"
        " WHERE t.order_id = r.order_id"
    )
    op.execute("CREATE INDEX ON limits.reservations (account_id) WHERE cum_notional <> booked_notional")
