"""The orders that are forgotten: of each 63 bits of its id, and whether it was rejected, in eight bytes.

Ids are hashes. With a hundred million forgotten orders a new one is taken for one of them once in 10^11 times, and is
refused.
"""

import uuid
from array import array
from bisect import bisect_left

import numpy as np

from fargate_engine.orders import ForgottenOrder

_ENTRY = "Q"  # 47 bits from the id's beginning and its last 16, which are a digest's; the lowest: it was rejected.
_SEGMENT_SHIFT = 52  # 4,096 segments: what moves for a new entry stays short.


class ForgottenOrders:
    """Sorted in segments by the entries' first bits, so that no addition ever moves more than one segment."""

    def __init__(self) -> None:
        self._segments: dict[int, array[int]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._segments.values()))

    def add(self, order_id: uuid.UUID, *, was_rejected: bool) -> None:
        entry = _entry(order_id)
        segment = self._segments.setdefault(entry >> _SEGMENT_SHIFT, array(_ENTRY))
        at = bisect_left(segment, entry)
        if at == len(segment) or segment[at] >> 1 != entry >> 1:
            segment.insert(at, entry | was_rejected)

    def find(self, order_id: uuid.UUID) -> ForgottenOrder | None:
        entry = _entry(order_id)
        segment = self._segments.get(entry >> _SEGMENT_SHIFT)
        if segment is None:
            return None
        at = bisect_left(segment, entry)
        if at == len(segment) or segment[at] >> 1 != entry >> 1:
            return None
        return ForgottenOrder(order_id, is_rejected=bool(segment[at] & 1))

    def to_bytes(self) -> bytes:
        return b"".join(self._segments[number].tobytes() for number in sorted(self._segments))

    @classmethod
    def of_bytes(cls, entries: bytes) -> "ForgottenOrders":
        """ValueError for part of an entry."""
        forgotten = cls()
        numbers = np.frombuffer(entries, np.uint64)
        ends = np.flatnonzero(np.diff(numbers >> np.uint64(_SEGMENT_SHIFT))) + 1
        for segment in np.split(numbers, ends) if len(numbers) else ():
            forgotten._segments[int(segment[0]) >> _SEGMENT_SHIFT] = array(_ENTRY, segment.tobytes())
        return forgotten


def _entry(order_id: uuid.UUID) -> int:
    """Without the bits that say of a UUID what kind it is; as of one that was not rejected."""
    number = order_id.int
    return number >> 81 << 17 | (number & 0xFFFF) << 1
