"""Users as those who manage them see them: invited, disabled, in groups, with accounts and nodes."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow, class_row

from breakwater.domain.permissions import Role
from breakwater.domain.times import Timestamp
from breakwater.errors import NotFound

_PERSON: LiteralString = """
SELECT u.user_id, u.username, u.subject, u.email, u.role, u.disabled_at IS NOT NULL AS is_disabled, u.created_at,
       u.permissions_version,
       ARRAY(SELECT a.account_id FROM identity.account_access a WHERE a.user_id = u.user_id ORDER BY 1)
         AS given_account_ids,
       ARRAY(SELECT n.node_id FROM identity.node_access n WHERE n.user_id = u.user_id ORDER BY 1) AS node_ids,
       ARRAY(SELECT m.group_id FROM identity.group_members m WHERE m.user_id = u.user_id ORDER BY 1) AS group_ids,
       ARRAY(SELECT r.account_id FROM identity.reachable_accounts r WHERE r.user_id = u.user_id ORDER BY 1)
         AS account_ids
FROM identity.users u WHERE u.tenant_id = %(tenant)s
"""
_GROUP: LiteralString = """
SELECT g.group_id, g.name, g.created_at,
       ARRAY(SELECT m.user_id FROM identity.group_members m WHERE m.group_id = g.group_id ORDER BY 1) AS member_ids,
       ARRAY(SELECT a.account_id FROM identity.group_accounts a WHERE a.group_id = g.group_id ORDER BY 1) AS account_ids
FROM identity.groups g WHERE g.tenant_id = %(tenant)s
"""


@dataclass(frozen=True, slots=True)
class PersonRow:
    user_id: uuid.UUID
    username: str
    subject: str
    email: str
    role: str
    is_disabled: bool
    created_at: datetime
    permissions_version: int
    given_account_ids: list[uuid.UUID]
    node_ids: list[uuid.UUID]
    group_ids: list[uuid.UUID]
    account_ids: list[uuid.UUID]  # By all three ways.


@dataclass(frozen=True, slots=True)
class Group:
    """Its members reach its accounts."""

    group_id: uuid.UUID
    name: str
    created_at: Timestamp
    member_ids: list[uuid.UUID]
    account_ids: list[uuid.UUID]


class PeopleRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def lock(self) -> bool:
        """Until the transaction ends nobody else changes who may do what in the organisation. False: there is none."""
        found = self._connection.execute(
            "SELECT 1 FROM identity.organisations WHERE tenant_id = %s FOR NO KEY UPDATE", (self._tenant_id,)
        ).fetchone()
        return found is not None

    # users ------------------------------------------------------------------------------------------------------

    def person(self, user_id: uuid.UUID) -> PersonRow:
        """NotFound also for a user of another tenant."""
        with self._connection.cursor(row_factory=class_row(PersonRow)) as cursor:
            row = cursor.execute(
                _PERSON + " AND u.user_id = %(user)s", {"tenant": self._tenant_id, "user": user_id}
            ).fetchone()
        if row is None:
            raise NotFound("no such user")
        return row

    def roles(self) -> dict[uuid.UUID, str]:
        """Of all users of the tenant, who are few enough to be read at once."""
        rows = self._connection.execute(
            "SELECT user_id, role FROM identity.users WHERE tenant_id = %s", (self._tenant_id,)
        ).fetchall()
        return dict(rows)

    def page(self, *, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[PersonRow]:
        """The newest first."""
        at, user_id = before or (None, None)
        with self._connection.cursor(row_factory=class_row(PersonRow)) as cursor:
            return cursor.execute(
                _PERSON + " AND (%(at)s::timestamptz IS NULL OR (u.created_at, u.user_id) < (%(at)s, %(user)s))"
                " ORDER BY u.created_at DESC, u.user_id DESC LIMIT %(limit)s",
                {"tenant": self._tenant_id, "at": at, "user": user_id, "limit": limit},
            ).fetchall()

    def count(self) -> int:
        return self._count("SELECT count(*) FROM identity.users WHERE tenant_id = %s", self._tenant_id)

    def addresses(self, roles: Collection[str]) -> dict[str, bool]:
        """Every address, and whether anybody who has it has one of the roles and is not disabled."""
        rows = self._connection.execute(
            "SELECT email, bool_or(role = ANY(%s) AND disabled_at IS NULL) FROM identity.users WHERE tenant_id = %s"
            " GROUP BY email",
            (list(roles), self._tenant_id),
        ).fetchall()
        return dict(rows)

    def is_taken(self, username: str) -> bool:
        """By a user of the tenant; one of another is noticed by `add`."""
        told = (self._tenant_id, username)
        return self._count("SELECT count(*) FROM identity.users WHERE tenant_id = %s AND username = %s", *told) > 0

    def add(self, user_id: uuid.UUID, username: str, subject: str, email: str, role: str) -> bool:
        """False when somebody, of whatever tenant, has the username or the subject."""
        cursor = self._connection.execute(
            "INSERT INTO identity.users (user_id, tenant_id, username, subject, email, role)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (user_id, self._tenant_id, username, subject, email, role),
        )
        return cursor.rowcount == 1

    def count_other_admins(self, user_id: uuid.UUID) -> int:
        """Organisation administrators who are not disabled, without this one."""
        return self._count(
            "SELECT count(*) FROM identity.users WHERE tenant_id = %s AND role = %s AND disabled_at IS NULL"
            " AND user_id <> %s",
            *(self._tenant_id, Role.ORGANISATION_ADMIN, user_id),
        )

    def set_role(self, user_id: uuid.UUID, role: str) -> None:
        self._connection.execute(
            "UPDATE identity.users SET role = %s WHERE tenant_id = %s AND user_id = %s",
            (role, self._tenant_id, user_id),
        )

    def set_disabled(self, user_id: uuid.UUID, *, is_disabled: bool) -> None:
        self._connection.execute(
            "UPDATE identity.users SET disabled_at = CASE WHEN %s THEN now() END WHERE tenant_id = %s AND user_id = %s",
            (is_disabled, self._tenant_id, user_id),
        )

    # access -----------------------------------------------------------------------------------------------------

    def give_account(self, user_id: uuid.UUID, account_id: uuid.UUID) -> bool:
        """False when the user has it already. Both are the tenant's: the caller has looked."""
        return self._changes(
            "INSERT INTO identity.account_access (user_id, account_id, tenant_id) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            *(user_id, account_id, self._tenant_id),
        )

    def take_account(self, user_id: uuid.UUID, account_id: uuid.UUID) -> bool:
        return self._changes(
            "DELETE FROM identity.account_access WHERE user_id = %s AND account_id = %s AND tenant_id = %s",
            *(user_id, account_id, self._tenant_id),
        )

    def has_node(self, node_id: uuid.UUID) -> bool:
        """Whether the tenant's tree has it."""
        told = (self._tenant_id, node_id)
        return self._count("SELECT count(*) FROM limits.nodes WHERE tenant_id = %s AND node_id = %s", *told) > 0

    def is_anybody_assigned(self, node_ids: Collection[uuid.UUID]) -> bool:
        """To one of these nodes itself."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT FROM identity.node_access WHERE tenant_id = %s AND node_id = ANY (%s))",
            (self._tenant_id, list(node_ids)),
        ).fetchone()
        return row is not None and bool(row[0])

    def give_node(self, user_id: uuid.UUID, node_id: uuid.UUID) -> bool:
        """False when the user has it already. Both are the tenant's: the caller has looked."""
        return self._changes(
            "INSERT INTO identity.node_access (user_id, node_id, tenant_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            *(user_id, node_id, self._tenant_id),
        )

    def take_node(self, user_id: uuid.UUID, node_id: uuid.UUID) -> bool:
        return self._changes(
            "DELETE FROM identity.node_access WHERE user_id = %s AND node_id = %s AND tenant_id = %s",
            *(user_id, node_id, self._tenant_id),
        )

    # groups -----------------------------------------------------------------------------------------------------

    def groups(self, limit: int) -> list[Group]:
        with self._connection.cursor(row_factory=class_row(Group)) as cursor:
            return cursor.execute(
                _GROUP + " ORDER BY g.name LIMIT %(limit)s", {"tenant": self._tenant_id, "limit": limit}
            ).fetchall()

    def group(self, group_id: uuid.UUID) -> Group:
        """NotFound also for a group of another tenant."""
        with self._connection.cursor(row_factory=class_row(Group)) as cursor:
            row = cursor.execute(
                _GROUP + " AND g.group_id = %(group)s", {"tenant": self._tenant_id, "group": group_id}
            ).fetchone()
        if row is None:
            raise NotFound("no such group")
        return row

    def count_groups(self) -> int:
        return self._count("SELECT count(*) FROM identity.groups WHERE tenant_id = %s", self._tenant_id)

    def add_group(self, group_id: uuid.UUID, name: str) -> bool:
        """False when another of the tenant has the name."""
        return self._changes(
            "INSERT INTO identity.groups (group_id, tenant_id, name) VALUES (%s, %s, %s)"
            " ON CONFLICT (tenant_id, name) DO NOTHING",
            *(group_id, self._tenant_id, name),
        )

    def delete_group(self, group_id: uuid.UUID) -> None:
        self._changes(
            "DELETE FROM identity.groups WHERE tenant_id = %s AND group_id = %s", *(self._tenant_id, group_id)
        )

    def add_member(self, group_id: uuid.UUID, user_id: uuid.UUID) -> bool:
        """False when he is one already. Both are the tenant's: the caller has looked."""
        return self._changes(
            "INSERT INTO identity.group_members (group_id, user_id, tenant_id) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            *(group_id, user_id, self._tenant_id),
        )

    def remove_member(self, group_id: uuid.UUID, user_id: uuid.UUID) -> bool:
        return self._changes(
            "DELETE FROM identity.group_members WHERE group_id = %s AND user_id = %s AND tenant_id = %s",
            *(group_id, user_id, self._tenant_id),
        )

    def add_group_account(self, group_id: uuid.UUID, account_id: uuid.UUID) -> bool:
        return self._changes(
            "INSERT INTO identity.group_accounts (group_id, account_id, tenant_id) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            *(group_id, account_id, self._tenant_id),
        )

    def remove_group_account(self, group_id: uuid.UUID, account_id: uuid.UUID) -> bool:
        return self._changes(
            "DELETE FROM identity.group_accounts WHERE group_id = %s AND account_id = %s AND tenant_id = %s",
            *(group_id, account_id, self._tenant_id),
        )

    def _changes(self, statement: LiteralString, *values: object) -> bool:
        return self._connection.execute(statement, values).rowcount > 0

    def _count(self, statement: LiteralString, *values: object) -> int:
        row = self._connection.execute(statement, values).fetchone()
        return 0 if row is None else int(row[0])
