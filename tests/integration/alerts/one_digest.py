"""A digest of which nothing matters but that it is there."""

import uuid
from datetime import UTC, date, datetime

from breakwater.db.connection import TenantTransaction
from breakwater.domain.digests import Document, Period, Section


def add_digest(tx: TenantTransaction, user_id: uuid.UUID) -> uuid.UUID:
    """Of the user, in the role that he has."""
    row = tx.connection.execute("SELECT username, role FROM identity.users WHERE user_id = %s", (user_id,)).fetchone()
    assert row is not None
    digest_id, (username, role) = uuid.uuid4(), row
    document = Document(
        organisation="Firm",
        username=username,
        role=role,
        period=Period.DAILY,
        starts_on=date(2026, 3, 29),
        begins_at="2026-03-29 00:00 CET",
        ends_at="2026-03-30 00:00 CEST",
        made_at="2026-03-30 07:00 CEST",
        time_zone="Europe/Berlin",
        is_over=True,
        sections=(Section(title="Nothing", note="Nothing came."),),
    )
    tx.digests.add(
        *(digest_id, user_id),
        period=Period.DAILY,
        starts_on=document.starts_on,
        role=role,
        document=document.model_dump(mode="json"),
        made_at=datetime.now(UTC),
        mail_state="SENT",
    )
    return digest_id
