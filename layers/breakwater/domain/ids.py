"""Deterministic ids: what is told twice gets the same id twice."""

import uuid
import zlib

OUTBOX_BUCKETS = 4


def outbox_bucket(account_id: uuid.UUID | None) -> int:
    """The relay worker that publishes an account's events; events without an account go to the first."""
    return 0 if account_id is None else zlib.crc32(account_id.bytes) % OUTBOX_BUCKETS
