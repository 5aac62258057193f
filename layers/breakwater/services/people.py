"""Who belongs to an organisation: invited, with a role, disabled, and with the accounts and nodes that are his.

Nobody gives what he may not do himself, changes his own role, or takes away the last administrator. The row is what
counts, from the next request on; the user pool follows it, and a call that failed there may be repeated.
"""

import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.people import PersonRow
from breakwater.domain.access_tokens import Told
from breakwater.domain.oidc import USERNAME, OidcProvider, is_of_issuer
from breakwater.domain.permissions import GIVES_RIGHTS, ROLES_WITH_ALL_ACCOUNTS, Caller, Role, may_give
from breakwater.domain.times import Timestamp, nanoseconds
from breakwater.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound, NotPermitted
from breakwater.services.api_keys import tell_revoked
from breakwater.services.cursors import decode_cursor, next_cursor
from breakwater.services.oauth_clients import revoke_clients_made_by
from events.envelope import Event
from events.users import InvitedAgain, PermissionsUpdated

USERS_MAX = 1000

type TenantTransactions = Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]
Username = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
Email = Annotated[str, StringConstraints(pattern=rf"^{EMAIL.pattern}$", max_length=254)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class LastAdministrator(Conflict):
    """Without one nobody could let anybody in again."""

    code = "LAST_ADMINISTRATOR"


class Pool(Protocol):
    """What services/user_pool.py does with a user."""

    def invite(self, username: str, email: str, temporary_password: str | None, groups: set[str]) -> str: ...

    def invite_again(self, username: str, temporary_password: str | None) -> None: ...

    def follow(self, username: str, groups: set[str], *, is_disabled: bool) -> None: ...


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # A password may be in it.


class Invitation(_Body):
    """The body of POST /users.

    The pool mails a temporary password, unless one is named here: then it mails nothing, and whoever invites tells it.
    With `issuer_subject` the user signs in at the firm's own OIDC issuer, which calls him so, and not at the pool.
    """

    username: Username
    email: Email
    role: Role
    temporary_password: Password | None = None
    issuer_subject: Annotated[str, StringConstraints(min_length=1, max_length=254)] | None = None


class InvitationAgain(_Body):
    """The body of POST /users/{user_id}/invitation, see `Invitation`."""

    temporary_password: Password | None = None


class UserChange(_Body):
    """The body of PATCH /users/{user_id}: what is left out stays."""

    role: Role | None = None
    is_disabled: bool | None = None


class Person(BaseModel):
    """`account_ids` are those reached in any way: given to the user, to a group of his, or below a node of his."""

    user_id: uuid.UUID
    username: str
    email: str
    role: str
    is_disabled: bool
    sees_all_accounts: bool
    account_ids: list[uuid.UUID]
    given_account_ids: list[uuid.UUID]
    node_ids: list[uuid.UUID]
    group_ids: list[uuid.UUID]
    created_at: Timestamp

    @classmethod
    def of(cls, row: PersonRow) -> "Person":
        told = {name: getattr(row, name) for name in cls.model_fields if name != "sees_all_accounts"}
        return cls(**told, sees_all_accounts=row.role in ROLES_WITH_ALL_ACCOUNTS)


class People(BaseModel):
    items: list[Person]
    next_cursor: str | None


def list_users(caller: Caller, tx: TenantTransaction, *, cursor: str | None, limit: int) -> People:
    """The newest first."""
    caller.require("users:read")
    rows = tx.people.page(before=decode_cursor(cursor), limit=limit + 1)
    shown, following = next_cursor(rows, limit, lambda row: (row.created_at, row.user_id))
    return People(items=[Person.of(row) for row in shown], next_cursor=following)


def user(user_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> Person:
    """NotFound also for a user of another tenant."""
    caller.require("users:read")
    return Person.of(tx.people.person(user_id))


def invite(
    invitation: Invitation,
    caller: Caller,
    transactions: TenantTransactions,
    pool: Pool,
    at: datetime,
    *,
    provider: OidcProvider | None = None,
) -> Person:
    """Make the user in the pool, then in the organisation: one that only the pool knows can do nothing.

    NotPermitted for a role that may do what the caller may not; Conflict for a username that is taken, in whatever
    organisation; InvalidRequest for a password that the pool does not take, and for a subject of an issuer that is not
    configured, or not for this organisation. May be repeated until it is answered.
    """
    caller.require("users:manage")
    caller.require_person(GIVES_RIGHTS)
    _check_gift(invitation.role, caller)
    with transactions(caller.tenant_id) as tx:
        if tx.people.is_taken(invitation.username):
            raise Conflict("this username is taken", field="username")
        if tx.people.count() >= USERS_MAX:
            raise Conflict(f"an organisation has at most {USERS_MAX} users")
    if invitation.issuer_subject is not None:
        subject = _subject_at_issuer(invitation, caller, provider)
    else:
        groups = groups_of(caller.tenant_id, invitation.role)
        subject = pool.invite(invitation.username, invitation.email, invitation.temporary_password, groups)
    with transactions(caller.tenant_id) as tx:
        user_id = uuid.uuid5(caller.tenant_id, f"user:{invitation.username}")  # As provisioning makes it.
        if not tx.people.add(user_id, invitation.username, subject, invitation.email, invitation.role):
            raise Conflict("this username is taken", field="username")
        added = tx.people.person(user_id)
        _tell(added, "INVITED", caller, tx, at)
    return Person.of(added)


def invite_again(
    user_id: uuid.UUID,
    invitation: InvitationAgain,
    caller: Caller,
    transactions: TenantTransactions,
    *,
    pool: Pool,
    at: datetime,
) -> None:
    """Another temporary password. Conflict for a user who has chosen a password of his own: it is his to reset.

    The pool is asked between two transactions, and what it did is written down before it is answered.
    """
    caller.require("users:manage")
    caller.require_person(GIVES_RIGHTS)
    with transactions(caller.tenant_id) as tx:
        person = tx.people.person(user_id)
    _check_gift(person.role, caller)
    if is_of_issuer(person.subject):
        raise Conflict(f"{person.username} signs in at the issuer of the organisation, and has no password here")
    event = InvitedAgain(
        user_id=user_id,
        username=person.username,
        by_mail=invitation.temporary_password is None,
        invited_by=caller.username,
    )
    pool.invite_again(person.username, invitation.temporary_password)
    with transactions(caller.tenant_id) as tx:
        _add(event, user_id, caller, tx, at)


def change_user(
    user_id: uuid.UUID,
    change: UserChange,
    caller: Caller,
    transactions: TenantTransactions,
    *,
    pool: Pool,
    at: datetime,
) -> Person:
    """Another role, or disabled: then no token of his is believed any more, no session goes on, his keys are revoked.

    NotFound, NotPermitted (of himself, or to more than the caller may do), LastAdministrator, InvalidRequest for a
    change of nothing. UserPoolUnavailable when it counts already and the pool does not know yet: repeat it.
    """
    caller.require("users:manage")
    if change.role is None and change.is_disabled is None:
        raise InvalidRequest("say what is to change: role or is_disabled")
    with transactions(caller.tenant_id) as tx:
        tx.people.lock()
        before = tx.people.person(user_id)
        _check_change(before, change, caller, tx)
        if change.role is not None and change.role != before.role:
            tx.people.set_role(user_id, change.role)
            tell_role(user_id, before.role, caller, tx, at)
        if change.is_disabled is not None and change.is_disabled != before.is_disabled:
            tx.people.set_disabled(user_id, is_disabled=change.is_disabled)
            _tell(tx.people.person(user_id), "DISABLED" if change.is_disabled else "ENABLED", caller, tx, at)
            if change.is_disabled:  # For good: who is let in again makes keys that somebody knows of.
                tell_revoked(tx.api_keys.revoke_all_of(user_id), user_id, caller, tx, at)
                revoke_clients_made_by(user_id, caller, tx, at)
        after = tx.people.person(user_id)
    if not is_of_issuer(after.subject):
        pool.follow(after.username, groups_of(caller.tenant_id, after.role), is_disabled=after.is_disabled)
    return Person.of(after)


def make_user_of_issuer(told: Told, tx: TenantTransaction, correlation_id: str, at: datetime) -> None:
    """The user whom a believed token names, where the issuer is configured to make users, with the role it says.

    NotAuthenticated for a name that is none, or somebody's, also his own if he is disabled; for several roles; and
    where the organisation is not there, or full. An address that is none is left out.
    """
    if USERNAME.fullmatch(told.username) is None:
        raise NotAuthenticated("the token's user name is none that a user can have here")
    if told.roles is None or len(told.roles) != 1:
        raise NotAuthenticated("a user is made with the one role that the token names, and it names several")
    (role,) = told.roles
    if not tx.people.lock():
        raise NotAuthenticated("there is no such organisation")
    if tx.people.count() >= USERS_MAX:
        raise NotAuthenticated(f"an organisation has at most {USERS_MAX} users")
    user_id = uuid.uuid5(told.tenant_id, f"user:{told.username}")  # As provisioning makes it.
    email = told.email if told.email is not None and EMAIL.fullmatch(told.email) else ""
    if not tx.people.add(user_id, told.username, told.subject, email, role):
        raise NotAuthenticated("this user is disabled, or his name is somebody else's here")
    _tell(tx.people.person(user_id), "INVITED", _Issuer(told.subject, correlation_id), tx, at)


def give_account(
    user_id: uuid.UUID, account_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime
) -> None:
    """NotFound for a user, or an account, that the caller may not see. Safe to repeat."""
    person = _to_change(user_id, caller, tx)
    caller.require_person(GIVES_RIGHTS)
    tx.identity.require_account(caller.subject, caller.role, account_id)
    if tx.people.give_account(person.user_id, account_id):
        tell_access(person.user_id, caller, tx, at, resource=("ACCOUNT", account_id), is_given=True)


def take_account(
    user_id: uuid.UUID, account_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime
) -> None:
    """NotFound for a user, or an account, that the caller may not see. Safe to repeat."""
    person = _to_change(user_id, caller, tx)
    tx.identity.require_account(caller.subject, caller.role, account_id)
    if tx.people.take_account(person.user_id, account_id):
        tell_access(person.user_id, caller, tx, at, resource=("ACCOUNT", account_id), is_given=False)


def give_node(user_id: uuid.UUID, node_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """All accounts that are, or come, below the node. NotFound for a user or node that the caller may not see."""
    person = _to_change(user_id, caller, tx)
    caller.require_person(GIVES_RIGHTS)
    _require_node(node_id, caller, tx)
    if tx.people.give_node(person.user_id, node_id):
        tell_access(person.user_id, caller, tx, at, resource=("NODE", node_id), is_given=True)


def take_node(user_id: uuid.UUID, node_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound for a user or node that the caller may not see. Safe to repeat."""
    person = _to_change(user_id, caller, tx)
    _require_node(node_id, caller, tx)
    if tx.people.take_node(person.user_id, node_id):
        tell_access(person.user_id, caller, tx, at, resource=("NODE", node_id), is_given=False)


def groups_of(tenant_id: uuid.UUID, role: str) -> set[str]:
    """Of the pool, which it writes into tokens."""
    return {f"org:{tenant_id}", f"role:{role}"}


def tell_access(
    user_id: uuid.UUID,
    caller: Caller,
    tx: TenantTransaction,
    at: datetime,
    *,
    resource: tuple[Literal["ACCOUNT", "NODE", "GROUP"], uuid.UUID],
    is_given: bool,
) -> None:
    """To be called once the change is written: the event carries the version that it has led to."""
    after = tx.people.person(user_id)
    kind, resource_id = resource
    _tell(after, "ACCESS", caller, tx, at, resource=kind, resource_id=resource_id, is_given=is_given)


def tell_role(user_id: uuid.UUID, role_before: str, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """To be called once the change is written."""
    _tell(tx.people.person(user_id), "ROLE", caller, tx, at, role_before=role_before)


@dataclass(frozen=True, slots=True)
class _Issuer:
    """Who made a user that no administrator has: the token of an issuer, by whom it names."""

    username: str
    correlation_id: str


def _subject_at_issuer(invitation: Invitation, caller: Caller, provider: OidcProvider | None) -> str:
    if invitation.temporary_password is not None:
        raise InvalidRequest("who signs in at an issuer has no password here", field="temporary_password")
    if provider is None or caller.tenant_id not in provider.organisations.values():
        raise InvalidRequest("the organisation has no OIDC issuer of its own", field="issuer_subject")
    return provider.subject_of(str(invitation.issuer_subject))


def _to_change(user_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> PersonRow:
    caller.require("users:manage")
    tx.people.lock()
    return tx.people.person(user_id)


def _require_node(node_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> None:
    if not tx.people.has_node(node_id):
        raise NotFound("no such node")
    tx.identity.require_node(caller.subject, caller.role, node_id)


def _check_gift(role: str, caller: Caller) -> None:
    if not may_give(caller.permissions, role):
        raise NotPermitted(f"nobody gives what he may not do himself, as a {role} may", role=role)


def _check_change(before: PersonRow, change: UserChange, caller: Caller, tx: TenantTransaction) -> None:
    if before.subject == caller.subject:
        raise NotPermitted("nobody changes his own role, or disables himself: ask another administrator")
    role = before.role if change.role is None else change.role
    is_disabled = before.is_disabled if change.is_disabled is None else change.is_disabled
    gets_more = role != before.role or (before.is_disabled and not is_disabled)
    if gets_more:
        caller.require_person(GIVES_RIGHTS)
        _check_gift(role, caller)
    if role != before.role or before.role == Role.SYSTEM_ADMIN:
        _check_gift(before.role, caller)  # Nor does he take what he could not give back.
    was_admin = before.role == Role.ORGANISATION_ADMIN and not before.is_disabled
    is_admin = role == Role.ORGANISATION_ADMIN and not is_disabled
    if was_admin and not is_admin and tx.people.count_other_admins(before.user_id) == 0:
        raise LastAdministrator(f"{before.username} is the last administrator of the organisation")


def _tell(
    after: PersonRow,
    change: Literal["INVITED", "ROLE", "DISABLED", "ENABLED", "ACCESS"],
    caller: Caller | _Issuer,
    tx: TenantTransaction,
    at: datetime,
    *,
    role_before: str | None = None,
    resource: Literal["ACCOUNT", "NODE", "GROUP"] | None = None,
    resource_id: uuid.UUID | None = None,
    is_given: bool | None = None,
) -> None:
    event = PermissionsUpdated(
        user_id=after.user_id,
        username=after.username,
        change=change,
        role_before=role_before,
        role=after.role,
        is_disabled=after.is_disabled,
        resource=resource,
        resource_id=resource_id,
        is_given=is_given,
        permissions_version=after.permissions_version,
        changed_by=caller.username,
    )
    _add(event, after.user_id, caller, tx, at)


def _add(event: Event, user_id: uuid.UUID, caller: Caller | _Issuer, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=user_id,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
