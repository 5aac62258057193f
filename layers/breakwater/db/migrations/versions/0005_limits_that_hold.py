"""All 32 controls: calendars, dates, overrides, windows, streaks, losses, and exposures by venue."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # The driver's own cursor: the file is many statements and holds percent signs and colons.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())
