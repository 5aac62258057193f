"""What is asked of an order, and of those that are open, is found by an index."""

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = "0039"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
