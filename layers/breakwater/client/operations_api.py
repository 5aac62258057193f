"""For those who run the platform: consumers, dead letters, replays and read models."""

import uuid
from collections.abc import Iterator

from breakwater.client.connection import Connection, given, segment
from breakwater.client.shapes import Json


class OperationsCalls(Connection):
    def consumers(self) -> Json:
        """How far each is behind, as `items`; the queue `outbox` is what the relay has still to publish."""
        return self._call("GET", "/consumers")

    def dead_letters(self, queue: str | None = None) -> Json:
        """The oldest hundred as `items`, and how many there are as `total`."""
        return self._call("GET", "/dead-letters", params=given(queue=queue))

    def dead_letter(self, queue: str, letter_id: str) -> Json:
        return self._call("GET", f"/dead-letters/{segment(queue)}/{segment(letter_id)}")

    def redrive(self, queue: str, letter_id: str | None = None) -> Json:
        """One, or the oldest hundred: `redriven` of them, and `left`."""
        return self._call("POST", f"/dead-letters/{segment(queue)}/redrive", body=given(letter_id=letter_id))

    def replay_events(self, consumer: str, since: str, until: str, *, account_id: str | None = None) -> Iterator[Json]:
        """All of a period, request by request: `sent` in each. Times in RFC 3339."""
        told: Json = {"replay_id": str(uuid.uuid4()), "consumer": consumer, "since": since, "until": until}
        told |= given(account_id=account_id)
        answer = self._call("POST", "/replays", body=told)
        yield answer
        while answer["next_cursor"] is not None:
            answer = self._call("POST", "/replays", body=told | {"cursor": answer["next_cursor"]})
            yield answer

    def rebuildable_accounts(self) -> list[str]:
        account_ids: list[str] = self._call("GET", "/read-models")["account_ids"]
        return account_ids

    def rebuild_read_models(self, account_id: str) -> Json:
        """What was other than the account's events say, and is corrected."""
        return self._call("POST", f"/read-models/{segment(account_id)}/rebuild", body={})
