"""Orders that end by themselves."""

from pathlib import Path

from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    # The driver's own cursor, as everywhere here.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
