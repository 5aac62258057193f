"""Groups of users: whoever is a member reaches the group's accounts."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.people import Group
from breakwater.domain.permissions import GIVES_RIGHTS, Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict
from breakwater.services.people import tell_access
from events.users import GroupChanged

GROUPS_MAX = 1000


class NewGroup(BaseModel):
    """The body of POST /groups."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Groups(BaseModel):
    items: list[Group]


def list_groups(caller: Caller, tx: TenantTransaction) -> Groups:
    """By name; an organisation has no more than are listed."""
    caller.require("users:read")
    return Groups(items=tx.people.groups(GROUPS_MAX))


def group(group_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> Group:
    """NotFound also for a group of another tenant."""
    caller.require("users:read")
    return tx.people.group(group_id)


def create_group(new: NewGroup, caller: Caller, tx: TenantTransaction, at: datetime) -> Group:
    """With no members and no accounts. Conflict when another has the name."""
    caller.require("users:manage")
    tx.people.lock()
    if tx.people.count_groups() >= GROUPS_MAX:
        raise Conflict(f"an organisation has at most {GROUPS_MAX} groups")
    group_id = uuid.uuid4()
    if not tx.people.add_group(group_id, new.name):
        raise Conflict("another group has this name", field="name")
    made = tx.people.group(group_id)
    _tell(made, "CREATED", caller, tx, at)
    return made


def delete_group(group_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """Its members lose what they reached by it. NotFound."""
    found = _to_change(group_id, caller, tx)
    tx.people.delete_group(group_id)
    _tell(found, "DELETED", caller, tx, at)
    for user_id in found.member_ids:
        tell_access(user_id, caller, tx, at, resource=("GROUP", group_id), is_given=False)


def add_member(group_id: uuid.UUID, user_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound for a group or user that is not the tenant's. Safe to repeat."""
    _to_change(group_id, caller, tx)
    caller.require_person(GIVES_RIGHTS)
    tx.people.person(user_id)
    if tx.people.add_member(group_id, user_id):
        tell_access(user_id, caller, tx, at, resource=("GROUP", group_id), is_given=True)


def remove_member(group_id: uuid.UUID, user_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound for a group or user that is not the tenant's. Safe to repeat."""
    _to_change(group_id, caller, tx)
    tx.people.person(user_id)
    if tx.people.remove_member(group_id, user_id):
        tell_access(user_id, caller, tx, at, resource=("GROUP", group_id), is_given=False)


def add_account(
    group_id: uuid.UUID, account_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime
) -> None:
    """NotFound for a group, or an account, that the caller may not see. Safe to repeat."""
    found = _to_change(group_id, caller, tx)
    caller.require_person(GIVES_RIGHTS)
    tx.identity.require_account(caller.subject, caller.role, account_id)
    if tx.people.add_group_account(group_id, account_id):
        _tell(found, "ACCOUNT_GIVEN", caller, tx, at, account_id=account_id)
        for user_id in found.member_ids:
            tell_access(user_id, caller, tx, at, resource=("ACCOUNT", account_id), is_given=True)


def remove_account(
    group_id: uuid.UUID, account_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime
) -> None:
    """NotFound for a group, or an account, that the caller may not see. Safe to repeat."""
    found = _to_change(group_id, caller, tx)
    tx.identity.require_account(caller.subject, caller.role, account_id)
    if tx.people.remove_group_account(group_id, account_id):
        _tell(found, "ACCOUNT_TAKEN", caller, tx, at, account_id=account_id)
        for user_id in found.member_ids:
            tell_access(user_id, caller, tx, at, resource=("ACCOUNT", account_id), is_given=False)


def _to_change(group_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> Group:
    caller.require("users:manage")
    tx.people.lock()
    return tx.people.group(group_id)


def _tell(
    group: Group,
    change: Literal["CREATED", "DELETED", "ACCOUNT_GIVEN", "ACCOUNT_TAKEN"],
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    account_id: uuid.UUID | None = None,
) -> None:
    tx.outbox.add(
        GroupChanged(
            group_id=group.group_id, name=group.name, change=change, account_id=account_id, changed_by=caller.actor
        ),
        aggregate_id=group.group_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
