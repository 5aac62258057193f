"""What happens to what people may do."""

import uuid
from typing import ClassVar, Literal

from events.envelope import Event


class InvitedAgain(Event):
    """A user who has not signed in yet got another temporary password: by mail, or told by whoever invites."""

    topic: ClassVar[str] = "users.InvitedAgain.v1"
    is_of_account: ClassVar[bool | None] = False
    user_id: uuid.UUID
    username: str
    by_mail: bool
    invited_by: str


class PermissionsUpdated(Event):
    """user.permissions.updated: what was known of a user's permissions is old.

    `change` says what was done. With ACCESS an account, a node or a group (`resource`) was given to the user, or taken
    away; an account also by way of a group.
    """

    topic: ClassVar[str] = "users.PermissionsUpdated.v1"
    is_of_account: ClassVar[bool | None] = False
    user_id: uuid.UUID
    username: str
    change: Literal["INVITED", "ROLE", "DISABLED", "ENABLED", "ACCESS"]
    role_before: str | None  # None: not a change of the role.
    role: str
    is_disabled: bool
    resource: Literal["ACCOUNT", "NODE", "GROUP"] | None
    resource_id: uuid.UUID | None
    is_given: bool | None
    permissions_version: int  # Whatever was found out at a lower one is old.
    changed_by: str


class GroupChanged(Event):
    """A group was made or deleted, or an account (`account_id`) was given to it or taken: also while it has no members.

    What its members gain or lose by it is told of each of them by PermissionsUpdated.
    """

    topic: ClassVar[str] = "users.GroupChanged.v1"
    is_of_account: ClassVar[bool | None] = False
    group_id: uuid.UUID
    name: str
    change: Literal["CREATED", "DELETED", "ACCOUNT_GIVEN", "ACCOUNT_TAKEN"]
    account_id: uuid.UUID | None
    changed_by: str


class OrganisationProvisioned(Event):
    """An operator told what the organisation is. Users, by name, have these roles from then on."""

    topic: ClassVar[str] = "users.OrganisationProvisioned.v1"
    is_of_account: ClassVar[bool | None] = False
    name: str
    roles: dict[str, str]
    account_count: int
    node_count: int
    limit_count: int
    changed_by: str
