"""People, and how they are reached."""

import uuid
from collections.abc import Collection

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.alerting import Contact

RECIPIENTS_MAX = 1_000

_CONTACTS = """
SELECT u.user_id, u.username, nullif(u.email, '') AS email, c.phone, c.telegram_chat_id
FROM identity.users u LEFT JOIN alerts.contacts c USING (user_id)
WHERE u.tenant_id = %(tenant_id)s AND u.disabled_at IS NULL
"""


class AlertRecipientRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def with_roles(self, roles: Collection[str]) -> list[Contact]:
        """Who has one of the roles, and is not disabled."""
        return self._contacts("AND u.role = ANY(%(wanted)s)", list(roles))

    def users(self, user_ids: Collection[uuid.UUID]) -> list[Contact]:
        """Those of them who are of this organisation, and not disabled."""
        return self._contacts("AND u.user_id = ANY(%(wanted)s)", list(user_ids))

    def _contacts(self, condition: str, wanted: list[str] | list[uuid.UUID]) -> list[Contact]:
        with self._connection.cursor(row_factory=class_row(Contact)) as cursor:
            return cursor.execute(
                f"{_CONTACTS} {condition} ORDER BY u.username LIMIT {RECIPIENTS_MAX}",
                {"tenant_id": self._tenant_id, "wanted": wanted},
            ).fetchall()
