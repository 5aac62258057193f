"""The events of one order are found by its id."""

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = "0039"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
