"""What an entry's exits trade, and what the firm has said of instruments, are found by their indexes."""

from pathlib import Path

from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
