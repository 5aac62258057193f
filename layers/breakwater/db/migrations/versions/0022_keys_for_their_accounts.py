"""Which accounts may trade with a key at an exchange, and its older versions while they still work."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
