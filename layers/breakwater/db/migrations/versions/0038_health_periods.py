"""How each dependency was, for as long as operators look back."""

from pathlib import Path

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
