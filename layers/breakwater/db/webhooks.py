"""Endpoints of webhooks and their sealed secrets."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.times import Timestamp
from breakwater.domain.webhooks import SealedSecret
from breakwater.errors import NotFound

LISTED_MAX = 500
_ENDPOINT = """
SELECT endpoint_id, name, url, topics, account_ids, state, paused_at, paused_by, paused_reason, failures, failing_since,
  retry_at, last_delivered_at, missed, missed_since, created_at, created_by,
  (SELECT coalesce(sum(l.waiting), 0)::integer FROM webhooks.lanes l
   WHERE l.endpoint_id = e.endpoint_id AND l.tenant_id = e.tenant_id) AS waiting,
  (SELECT max(s.ends_at) FROM webhooks.secrets s
   WHERE s.endpoint_id = e.endpoint_id AND s.tenant_id = e.tenant_id AND s.ends_at > now()) AS older_secret_ends_at
FROM webhooks.endpoints e WHERE tenant_id = %(tenant)s
"""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """What may be shown of it. `account_ids` None: every account, and what is the organisation's own."""

    endpoint_id: uuid.UUID
    name: str
    url: str
    topics: list[str]
    account_ids: list[uuid.UUID] | None
    state: Literal["ACTIVE", "PAUSED"]
    paused_at: Timestamp | None
    paused_by: str | None  # None: by the platform, for `paused_reason`.
    paused_reason: str | None
    failures: int  # Calls in a row that it failed, of whatever event.
    failing_since: Timestamp | None
    retry_at: Timestamp | None  # Nothing is sent before.
    last_delivered_at: Timestamp | None  # To ten seconds.
    missed: int  # Events that came while its queue was full.
    missed_since: Timestamp | None
    created_at: Timestamp
    created_by: str
    waiting: int
    older_secret_ends_at: Timestamp | None


class WebhookRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock(self) -> None:
        """Until the transaction ends: two endpoints that are made at once do not both start the feed."""
        self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"webhooks {self._tenant_id}",)
        )

    def count(self) -> int:
        row = self._connection.execute(
            "SELECT count(*) FROM webhooks.endpoints WHERE tenant_id = %s", (self._tenant_id,)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def start_feed(self) -> None:
        """From here on events become deliveries; those before the organisation's first endpoint never do."""
        self._connection.execute(
            "INSERT INTO webhooks.feed_positions (account_id, tenant_id, sequence)"
            " SELECT account.account_id, account.tenant_id, coalesce((SELECT max(feed.sequence)"
            "   FROM trading.account_feed feed WHERE feed.account_id = account.account_id), 0)"
            " FROM identity.accounts account WHERE account.tenant_id = %s"
            " ON CONFLICT (account_id) DO UPDATE SET sequence = excluded.sequence",
            (self._tenant_id,),
        )

    def add(
        self,
        endpoint_id: uuid.UUID,
        *,
        name: str,
        url: str,
        topics: Sequence[str],
        account_ids: Sequence[uuid.UUID] | None,
        created_by: str,
    ) -> None:
        self._connection.execute(
            "INSERT INTO webhooks.endpoints (endpoint_id, tenant_id, name, url, topics, account_ids, created_by)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                *(endpoint_id, self._tenant_id, name, url, list(topics)),
                *(None if account_ids is None else list(account_ids), created_by),
            ),
        )

    def endpoint(self, endpoint_id: uuid.UUID) -> WebhookEndpoint:
        """NotFound also for one of another tenant."""
        with self._connection.cursor(row_factory=class_row(WebhookEndpoint)) as cursor:
            row = cursor.execute(
                _ENDPOINT + " AND endpoint_id = %(endpoint)s", {"tenant": self._tenant_id, "endpoint": endpoint_id}
            ).fetchone()
        if row is None:
            raise NotFound("no such webhook endpoint")
        return row

    def endpoints(self) -> list[WebhookEndpoint]:
        """By name."""
        with self._connection.cursor(row_factory=class_row(WebhookEndpoint)) as cursor:
            return cursor.execute(
                _ENDPOINT + " ORDER BY name, endpoint_id LIMIT %(at_most)s",
                {"tenant": self._tenant_id, "at_most": LISTED_MAX},
            ).fetchall()

    def change(
        self,
        endpoint_id: uuid.UUID,
        *,
        name: str,
        url: str,
        topics: Sequence[str],
        account_ids: Sequence[uuid.UUID] | None,
        is_elsewhere: bool,
    ) -> None:
        """`is_elsewhere`: another URL, of which nothing is known yet."""
        self._connection.execute(
            "UPDATE webhooks.endpoints SET name = %(name)s, url = %(url)s, topics = %(topics)s,"
            " account_ids = %(accounts)s, is_careful = is_careful OR %(elsewhere)s,"
            " failures = CASE WHEN %(elsewhere)s THEN 0 ELSE failures END,"
            " failing_since = CASE WHEN NOT %(elsewhere)s THEN failing_since END,"
            " retry_at = CASE WHEN NOT %(elsewhere)s THEN retry_at END"
            " WHERE tenant_id = %(tenant)s AND endpoint_id = %(endpoint)s",
            {
                "name": name,
                "url": url,
                "topics": list(topics),
                "accounts": None if account_ids is None else list(account_ids),
                "elsewhere": is_elsewhere,
                "tenant": self._tenant_id,
                "endpoint": endpoint_id,
            },
        )

    def pause(self, endpoint_id: uuid.UUID, *, by: str | None, reason: str | None) -> bool:
        """False when it is paused already."""
        cursor = self._connection.execute(
            "UPDATE webhooks.endpoints SET state = 'PAUSED', paused_at = now(), paused_by = %s, paused_reason = %s"
            " WHERE tenant_id = %s AND endpoint_id = %s AND state = 'ACTIVE'",
            (by, reason, self._tenant_id, endpoint_id),
        )
        return cursor.rowcount == 1

    def resume(self, endpoint_id: uuid.UUID) -> None:
        """With a clean slate: what waits is due at once, and has a day again from its next attempt."""
        self._connection.execute(
            "UPDATE webhooks.endpoints SET state = 'ACTIVE', paused_at = NULL, paused_by = NULL, paused_reason = NULL,"
            " failures = 0, failing_since = NULL, retry_at = NULL, probe_until = NULL, is_careful = true"
            " WHERE tenant_id = %s AND endpoint_id = %s",
            (self._tenant_id, endpoint_id),
        )
        self._connection.execute(
            "UPDATE webhooks.lanes SET due_at = now() WHERE tenant_id = %s AND endpoint_id = %s AND waiting > 0",
            (self._tenant_id, endpoint_id),
        )
        self._connection.execute(
            "UPDATE webhooks.deliveries SET first_attempt_at = NULL"
            " WHERE tenant_id = %s AND endpoint_id = %s AND state = 'WAITING' AND first_attempt_at IS NOT NULL",
            (self._tenant_id, endpoint_id),
        )

    def forget_missed(self, endpoint_id: uuid.UUID) -> None:
        self._connection.execute(
            "UPDATE webhooks.endpoints SET missed = 0, missed_since = NULL WHERE tenant_id = %s AND endpoint_id = %s",
            (self._tenant_id, endpoint_id),
        )

    def remove(self, endpoint_id: uuid.UUID) -> None:
        """With its secrets, its queue and its log."""
        self._connection.execute(
            "DELETE FROM webhooks.endpoints WHERE tenant_id = %s AND endpoint_id = %s", (self._tenant_id, endpoint_id)
        )

    # secrets ------------------------------------------------------------------------------------------------------

    def add_secret(self, sealed: SealedSecret, master_key_id: str) -> None:
        self._connection.execute(
            "INSERT INTO webhooks.secrets (secret_id, tenant_id, endpoint_id, ciphertext, nonce, wrapped_key,"
            " master_key_id) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                *(sealed.secret_id, self._tenant_id, sealed.endpoint_id, sealed.ciphertext, sealed.nonce),
                *(sealed.wrapped_key, master_key_id),
            ),
        )

    def end_secrets(self, endpoint_id: uuid.UUID, overlap: timedelta) -> datetime:
        """All that there are, after so long or as before where that is sooner; when the last of them ends."""
        row = self._connection.execute(
            "WITH ended AS (UPDATE webhooks.secrets SET ends_at = least(ends_at, now() + %s)"
            " WHERE tenant_id = %s AND endpoint_id = %s RETURNING ends_at) SELECT max(ends_at) FROM ended",
            (overlap, self._tenant_id, endpoint_id),
        ).fetchone()
        if row is None or row[0] is None:
            raise AssertionError(f"the endpoint {endpoint_id} never had a secret")
        ends: datetime = row[0]
        return ends

    def live_secrets(self, endpoint_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[SealedSecret]]:
        """Of each endpoint, the newest first."""
        with self._connection.cursor(row_factory=class_row(SealedSecret)) as cursor:
            found = cursor.execute(
                "SELECT secret_id, endpoint_id, ciphertext, nonce, wrapped_key FROM webhooks.secrets"
                " WHERE tenant_id = %s AND endpoint_id = ANY(%s) AND (ends_at IS NULL OR ends_at > now())"
                " ORDER BY endpoint_id, created_at DESC",
                (self._tenant_id, list(endpoint_ids)),
            ).fetchall()
        secrets: dict[uuid.UUID, list[SealedSecret]] = {}
        for each in found:
            secrets.setdefault(each.endpoint_id, []).append(each)
        return secrets
