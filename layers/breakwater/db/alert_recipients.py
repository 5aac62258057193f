"""People, and how they are reached."""

import uuid
from collections.abc import Collection
from datetime import time

import psycopg
from psycopg.rows import TupleRow

from breakwater.domain.alerting import Contact
from breakwater.domain.quiet_hours import QuietHours

RECIPIENTS_MAX = 1_000

_CONTACTS = """
SELECT u.user_id, u.username, nullif(u.email, ''), c.phone, c.telegram_chat_id,
  ARRAY(SELECT d.device_id FROM alerts.push_devices d
        WHERE d.tenant_id = u.tenant_id AND d.user_id = u.user_id ORDER BY d.created_at, d.device_id),
  c.time_zone, c.quiet_from, c.quiet_until, c.quiet_days
FROM identity.users u LEFT JOIN alerts.contacts c USING (user_id)
WHERE u.tenant_id = %(tenant_id)s AND u.disabled_at IS NULL
"""
_IN_GROUPS = """
AND u.user_id IN (SELECT m.user_id FROM identity.group_members m
                  WHERE m.tenant_id = %(tenant_id)s AND m.group_id = ANY(%(wanted)s))
"""
_OF_ACCOUNT = """
AND u.user_id IN (SELECT r.user_id FROM identity.reachable_accounts r WHERE r.account_id = ANY(%(wanted)s))
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

    def in_groups(self, group_ids: Collection[uuid.UUID]) -> list[Contact]:
        return self._contacts(_IN_GROUPS, list(group_ids))

    def of_accounts(self, account_ids: Collection[uuid.UUID]) -> list[Contact]:
        """To whom one of the accounts was given, by itself, by a group or by a node; not those who see all."""
        return self._contacts(_OF_ACCOUNT, list(account_ids))

    def _contacts(self, condition: str, wanted: list[str] | list[uuid.UUID]) -> list[Contact]:
        if not wanted:
            return []
        rows = self._connection.execute(
            f"{_CONTACTS} {condition} ORDER BY u.username LIMIT {RECIPIENTS_MAX}",
            {"tenant_id": self._tenant_id, "wanted": wanted},
        ).fetchall()
        return [
            Contact(user_id, username, email, phone, chat_id, _quiet_hours(*hours), tuple(device_ids))
            for user_id, username, email, phone, chat_id, device_ids, *hours in rows
        ]


def _quiet_hours(
    time_zone: str | None, begins: time | None, until: time | None, days: list[int] | None
) -> QuietHours | None:
    if time_zone is None or begins is None or until is None or days is None:
        return None
    return QuietHours(time_zone, begins, until, tuple(days))
