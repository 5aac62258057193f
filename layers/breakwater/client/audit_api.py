"""The audit trail: searched, one's own activity, and exported."""

import json
from collections.abc import Iterator

from breakwater.client.connection import Connection, given, segment
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
            answer = self._call("GET", "/audit/lines", params={"first_sequence": at, "limit": limit})
            yield from answer["lines"]
            if answer["next_sequence"] <= at:
                return
            at = answer["next_sequence"]

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

    def audit_gaps(self) -> Json:
        """What restores of the database lost, as somebody said; it counts once another has approved it."""
        return self._call("GET", "/audit/gaps")

    def ask_to_resume_audit(self, reason: str) -> Json:
        return self._call("POST", "/audit/gaps", body={"reason": reason})

    def approve_audit_resumption(self, gap_id: str) -> Json:
        return self._call("POST", f"/audit/gaps/{segment(gap_id)}/approval", body={})


def _sequence(anchor: Json) -> int:
    return int(json.loads(anchor["document"])["sequence"])
