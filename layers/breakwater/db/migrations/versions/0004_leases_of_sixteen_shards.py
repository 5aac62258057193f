"""Where a shard's holder is reached, for whom one that was given up is kept, and how far its journal went at least."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE trading.shard_leases"
        " ADD COLUMN address text NOT NULL DEFAULT '',"
        " ADD COLUMN reserved_for text,"
        " ADD COLUMN reserved_until timestamptz,"
        " ADD COLUMN last_seq bigint NOT NULL DEFAULT 0,"
        " ADD CHECK ((reserved_for IS NULL) = (reserved_until IS NULL))"
    )
