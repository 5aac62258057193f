"""The client's calls about webhooks. What a receiver does with them is in `breakwater.client.webhooks`."""

from breakwater.client.connection import Connection, given, segment
from breakwater.client.shapes import Json


class WebhookCalls(Connection):
    def webhooks(self) -> list[Json]:
        """Endpoints, by name."""
        items: list[Json] = self._call("GET", "/webhooks")["items"]
        return items

    def webhook(self, endpoint_id: str) -> Json:
        return self._call("GET", f"/webhooks/{segment(endpoint_id)}")

    def add_webhook(self, name: str, url: str, topics: list[str], *, account_ids: list[str] | None = None) -> Json:
        """An `endpoint`, and its `secret`, which no other answer shows."""
        body = {"name": name, "url": url, "topics": topics} | given(account_ids=account_ids)
        return self._call("POST", "/webhooks", body=body)

    def change_webhook(self, endpoint_id: str, **changes: object) -> Json:
        """`name`, `url`, `topics` or `account_ids`, of which None means all accounts; what is not said stays."""
        return self._call("PATCH", f"/webhooks/{segment(endpoint_id)}", body=changes)

    def rotate_webhook(self, endpoint_id: str, *, overlap_s: int | None = None) -> Json:
        """Another `secret`, shown in this answer alone; the one before signs too for the overlap, a day."""
        return self._call("POST", f"/webhooks/{segment(endpoint_id)}/rotate", body=given(overlap_s=overlap_s))

    def pause_webhook(self, endpoint_id: str) -> Json:
        return self._call("POST", f"/webhooks/{segment(endpoint_id)}/pause", repeatable=True)

    def resume_webhook(self, endpoint_id: str) -> Json:
        return self._call("POST", f"/webhooks/{segment(endpoint_id)}/resume", repeatable=True)

    def ping_webhook(self, endpoint_id: str) -> Json:
        """The delivery, which is under way; `webhook_delivery` says what came of it."""
        return self._call("POST", f"/webhooks/{segment(endpoint_id)}/ping")

    def remove_webhook(self, endpoint_id: str) -> None:
        self._call("DELETE", f"/webhooks/{segment(endpoint_id)}")

    def webhook_deliveries(
        self, endpoint_id: str, *, state: str | None = None, cursor: int | None = None, limit: int | None = None
    ) -> Json:
        """The newest first. `state`: WAITING, DELIVERED or DEAD."""
        params = given(state=state, cursor=cursor, limit=limit)
        return self._call("GET", f"/webhooks/{segment(endpoint_id)}/deliveries", params=params)

    def webhook_delivery(self, endpoint_id: str, delivery_id: str) -> Json:
        """The `delivery`, and each of its `attempts` with the start of what was answered."""
        return self._call("GET", f"/webhooks/{segment(endpoint_id)}/deliveries/{segment(delivery_id)}")

    def redeliver_webhook(self, endpoint_id: str, delivery_id: str) -> Json:
        path = f"/webhooks/{segment(endpoint_id)}/deliveries/{segment(delivery_id)}/redeliver"
        return self._call("POST", path)

    def redeliver_webhook_period(self, endpoint_id: str, since: str, until: str) -> Json:
        """How many were `queued`, a thousand at most, and where to go on: `goes_on_since`, null when that is all."""
        body = {"since": since, "until": until}
        return self._call("POST", f"/webhooks/{segment(endpoint_id)}/redeliver", body=body)
