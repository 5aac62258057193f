"""What is known of the turns of a group of alerts is forgotten some time after its last alert."""

from pathlib import Path

from alembic import op

revision = "0050"
down_revision = "0048"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
