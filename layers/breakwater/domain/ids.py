"""Deterministic ids: what is told twice gets the same id twice."""

import uuid
import zlib
from typing import Annotated

from pydantic import WithJsonSchema

OUTBOX_BUCKETS = 4

IdText = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]  # An id that is a text already.


def outbox_bucket(account_id: uuid.UUID | None) -> int:
    """The relay worker that publishes an account's events; events without an account go to the first."""
    return 0 if account_id is None else zlib.crc32(account_id.bytes) % OUTBOX_BUCKETS
