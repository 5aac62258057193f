"""The audit trail in bytes: what a record is, how records are chained, what an anchor vouches for.

docs/audit.md is the specification. The verifier in `breakwater.client` is written from it and shares no code with this.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from breakwater.domain.times import format_time

DIGEST_BYTES = 32
GENESIS = bytes(DIGEST_BYTES)  # What stands before the first record, and before the first anchor.


@dataclass(frozen=True, slots=True)
class Record:
    """One event as the trail keeps it. `version` counts the events of its aggregate; `actor`: who, if anybody."""

    event_id: uuid.UUID
    topic: str
    tenant_id: uuid.UUID
    account_id: uuid.UUID | None
    aggregate_id: uuid.UUID
    version: int
    correlation_id: str
    occurred_at_ns: int
    actor: str | None
    payload: dict[str, Any]


def record_line(record: Record) -> bytes:
    """JSON in ASCII, members by name, no white space: equal records have equal bytes. No newline."""
    members = {
        "account_id": None if record.account_id is None else str(record.account_id),
        "actor": record.actor,
        "aggregate_id": str(record.aggregate_id),
        "correlation_id": record.correlation_id,
        "event_id": str(record.event_id),
        "occurred_at_ns": record.occurred_at_ns,
        "payload": record.payload,
        "tenant_id": str(record.tenant_id),
        "topic": record.topic,
        "version": record.version,
    }
    return canonical(members)


def record_hash(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


def chained(head: bytes, record_hashes: Iterable[bytes]) -> bytes:
    """The head after these records: SHA-256 of the head before and the record's hash, one by one."""
    for each in record_hashes:
        head = hashlib.sha256(head + each).digest()
    return head


@dataclass(frozen=True, slots=True)
class StoredAnchor:
    """An anchor as it lies outside: its document, the signature over it, and the hashes of its records in a row."""

    document: str
    signature: bytes
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that were anchored and that a restore of the database lost; two persons said so."""

    first_sequence: int
    sequence: int
    reason: str
    asked_by: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """Vouches for the records `first_sequence` to `sequence`: their hashes, and the head after them.

    `gap`: what was lost right before them, if anything was.
    """

    tenant_id: uuid.UUID
    first_sequence: int
    sequence: int
    head_before: bytes
    head: bytes
    hashes_digest: bytes  # SHA-256 of the records' hashes, one after the other.
    anchor_before: bytes  # SHA-256 of the document of the anchor before.
    key_id: str
    anchored_at: datetime
    gap: Gap | None = None

    def document(self) -> bytes:
        """What is signed."""
        gap = {} if self.gap is None else {"gap": asdict(self.gap)}
        return canonical(
            {
                **gap,
                "anchor_before": self.anchor_before.hex(),
                "anchored_at": format_time(self.anchored_at),
                "first_sequence": self.first_sequence,
                "hashes_digest": self.hashes_digest.hex(),
                "head": self.head.hex(),
                "head_before": self.head_before.hex(),
                "key_id": self.key_id,
                "sequence": self.sequence,
                "tenant_id": str(self.tenant_id),
            }
        )


def canonical(members: dict[str, Any]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
