"""The audit trail: searched, one's own activity, and exported."""

import json
from collections.abc import Iterator

from breakwater.client.connection import Connection, given
from breakwater.client.shapes import Json

LINES_AT_ONCE = 2_000


class AuditCalls(Connection):
    def audit_records(
        self,
        *,
        actor: str | None = None,
        topic: str | None = None,
        aggregate_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> Json:
        """The newest first; the next page is `before` its `next_before`. Times in RFC 3339."""
        wanted = {"actor": actor, "topic": topic, "aggregate_id": aggregate_id, "since": since, "until": until}
        return self._call("GET", "/audit/records", params=given(**wanted, before=before, limit=limit))

    def activity(self, *, before: int | None = None, limit: int | None = None) -> Json:
        """What you have done yourself, by whatever key."""
        return self._call("GET", "/audit/activity", params=given(before=before, limit=limit))

    def audit_export(self, since: str, until: str) -> Json:
        """What an export of that time consists of; `audit_lines` and `audit_anchors` fetch it."""
        return self._call("POST", "/audit/exports", body={"since": since, "until": until})

    def audit_lines(self, first_sequence: int, sequence: int) -> Iterator[str]:
        """The records of an export, as they were hashed."""
        at = first_sequence
        while at <= sequence:
            limit = min(LINES_AT_ONCE, sequence - at + 1)
            lines = self._call("GET", "/audit/lines", params={"first_sequence": at, "limit": limit})["lines"]
            if not lines:
                return
            yield from lines
            at += len(lines)

    def audit_anchors(self, first_sequence: int, sequence: int) -> Iterator[Json]:
        """The anchors of an export, from where they are kept."""
        at = first_sequence
        while at <= sequence:
            wanted = {"first_sequence": at, "sequence": sequence}
            anchors = self._call("GET", "/audit/anchors", params=wanted)["items"]
            if not anchors:
                return
            for anchor in anchors:
                yield anchor
                at = _sequence(anchor) + 1


def _sequence(anchor: Json) -> int:
    return int(json.loads(anchor["document"])["sequence"])
