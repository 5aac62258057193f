"""Where the holder of a shard is reached, and for whom a shard that was given up is kept for a moment."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE trading.shard_leases"
        " ADD COLUMN address text NOT NULL DEFAULT '',"
        " ADD COLUMN reserved_for text,"
        " ADD COLUMN reserved_until timestamptz,"
        " ADD CHECK ((reserved_for IS NULL) = (reserved_until IS NULL))"
    )
