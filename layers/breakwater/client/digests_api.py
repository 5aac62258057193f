"""The client's calls about one's own digests."""

from breakwater.client.connection import Connection, given, segment
from breakwater.client.shapes import Json


class DigestCalls(Connection):
    def digests(self, *, cursor: str | None = None, limit: int | None = None) -> Json:
        """One's own, the newest first."""
        return self._call("GET", "/digests", params=given(cursor=cursor, limit=limit))

    def digest(self, digest_id: str) -> Json:
        """With its `document`, and what is made of that: `text` and `html`."""
        return self._call("GET", f"/digests/{segment(digest_id)}")

    def preview_digest(self, period: str, *, starts_on: str | None = None) -> Json:
        """Of the day or week that begins there, by default the one that runs, as it would be now."""
        return self._call("POST", "/digests/preview", body={"period": period} | given(starts_on=starts_on))

    def digest_preferences(self) -> Json:
        return self._call("GET", "/digests/preferences")

    def set_digest_preferences(
        self, *, daily: bool | None, weekly: bool | None, hour: int, time_zone: str | None
    ) -> Json:
        """Replaces all of them. None: as it is for one's role, or organisation."""
        body = {"daily": daily, "weekly": weekly, "hour": hour, "time_zone": time_zone}
        return self._call("PUT", "/digests/preferences", body=body, repeatable=True)
