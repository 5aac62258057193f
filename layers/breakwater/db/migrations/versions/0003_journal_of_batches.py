"""A row of the journal is a batch of the matching core's commands, chained to the row before it by digest."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        DO $$ BEGIN
          IF EXISTS (SELECT FROM trading.journal) THEN
            RAISE EXCEPTION 'trading.journal holds rows of the old format, which cannot be converted: '
              'start with an empty database (locally: make clean)';
          END IF;
        END $$
    """)
    op.execute("""
        ALTER TABLE trading.journal
          DROP COLUMN kind, DROP COLUMN payload,
          ADD COLUMN last_seq   bigint NOT NULL,
          ADD COLUMN commands   bytea NOT NULL,  -- 128 bytes each, fargate_engine/core/include/book/messages.hpp
          ADD COLUMN details    text NOT NULL,   -- JSON of what their integers do not say, empty if there is nothing
          ADD COLUMN event_seq  bigint NOT NULL, -- the number of the last event after the batch
          ADD COLUMN state_hash bigint,          -- of the matching core after it; now and then
          ADD COLUMN digest     bytea NOT NULL,  -- SHA-256 over the digest of the row before and all of this one
          ADD CHECK (last_seq >= seq)
    """)
