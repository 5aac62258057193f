"""Webhooks: endpoints, their secrets, and the queue of what is still to be delivered."""

from pathlib import Path

from alembic import op

revision = "0031"
down_revision = "0029"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
