"""What an operator does: bring the database to the newest schema, create an organisation. All of it can be repeated."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

import psycopg
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from breakwater.db import migrate
from breakwater.db.connection import TenantTransaction
from breakwater.db.conninfo import noticing_silence
from breakwater.db.identity import Account, User
from breakwater.db.organisation import OrganisationRows
from breakwater.domain.exposure import ALL_INSTRUMENTS, Action, Limit, Node, NodeState
from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.domain.money import Amount
from breakwater.domain.permissions import Caller, Role
from breakwater.domain.times import nanoseconds
from breakwater.services import accounts, people
from breakwater.services.user_pool import UserPool
from events.users import OrganisationProvisioned

CREATED_BY = "provisioning"

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # A password may be in it.


class ToldUser(_Told):
    username: Key
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    password: str | None = None  # None: the pool keeps the one it has.
    role: Role
    user_id: uuid.UUID | None = None


class ToldAccount(_Told):
    name: Name
    kind: Literal["PAPER", "LIVE"]
    base_currency: str = "USDT"
    balances: dict[str, Amount] = {}
    users: list[Key] = []


class ToldNode(_Told):
    key: Key
    kind: Literal["FIRM", "DESK", "TRADER", "ACCOUNT", "STRATEGY", "API_KEY"]
    parent: Key | None = None
    name: Name
    account: ToldAccount | None = None


class ToldLimit(_Told):
    node: Key
    limit_type: str
    instrument: str = ALL_INSTRUMENTS
    value: Amount | None = None
    parameters: dict[str, Any] = {}
    currency: str = "USDT"
    action: Action | None = None  # None: what the type does by itself.

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.limit_type not in LIMIT_TYPES:
            raise ValueError(f"unknown limit type {self.limit_type}")
        LIMIT_TYPES[self.limit_type].check_setting(self.value, self.parameters)
        LIMIT_TYPES[self.limit_type].check_currency(self.currency)
        return self


class ToldOrganisation(_Told):
    """An organisation as its operator writes it down. Parents stand before their children."""

    tenant_id: uuid.UUID
    name: Name
    users: Annotated[list[ToldUser], Field(max_length=1000)]
    nodes: Annotated[list[ToldNode], Field(max_length=10_000)]
    limits: Annotated[list[ToldLimit], Field(max_length=100_000)] = []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        usernames = {user.username for user in self.users}
        seen: set[str] = set()
        for node in self.nodes:
            if node.key in seen:
                raise ValueError(f"two nodes have the key {node.key}")
            if node.parent is not None and node.parent not in seen:
                raise ValueError(f"the parent of {node.key} does not stand before it")
            if (node.kind == "ACCOUNT") != (node.account is not None):
                raise ValueError(f"{node.key}: an ACCOUNT node, and no other, has an account")
            if node.account is not None and not usernames.issuperset(node.account.users):
                raise ValueError(f"{node.key}: an account's users are users of the organisation")
            seen.add(node.key)
        for limit in self.limits:
            if limit.node not in seen:
                raise ValueError(f"a limit is set on the unknown node {limit.node}")
        return self

    def id_of(self, kind: str, key: str) -> uuid.UUID:
        """The same each time it is told, so that repeating creates nothing twice."""
        return uuid.uuid5(self.tenant_id, f"{kind}:{key}")

    def user_id(self, user: ToldUser) -> uuid.UUID:
        return user.user_id or self.id_of("user", user.username)


def migrate_database(admin_conninfo: str, passwords: Mapping[str, str]) -> None:
    """Give the login roles these passwords, then run the migrations that have not run. `passwords` by role."""
    with psycopg.connect(noticing_silence(admin_conninfo), autocommit=True) as connection:
        for role, password in passwords.items():
            migrate.create_login_role(connection, role, password)
    migrate.upgrade(admin_conninfo)


def create_users(told: ToldOrganisation, pool: UserPool) -> dict[str, str]:
    """Each user's subject by username. Passwords are set again when told again."""
    organisation = f"org:{told.tenant_id}"
    pool.ensure_groups({organisation} | {f"role:{role}" for role in Role})
    return {
        user.username: pool.ensure_user(user.username, user.email, user.password, {organisation, f"role:{user.role}"})
        for user in told.users
    }


def save_organisation(told: ToldOrganisation, subjects: Mapping[str, str], tx: TenantTransaction) -> dict[str, Any]:
    """Users, accounts, scope tree and limits; answers ids by key. Limits, states and balances that exist stay.

    Roles and accounts of users become what is told: this is how a system administrator is made. Who is disabled stays
    so.
    """
    rows = OrganisationRows(tx.connection, told.tenant_id)
    tx.identity.save_organisation(told.name)
    user_ids = {user.username: told.user_id(user) for user in told.users}
    _save_users(told, subjects, tx)
    account_ids = {node.key: told.id_of("account", node.key) for node in told.nodes if node.account}
    for node in told.nodes:
        if node.account is not None:
            _save_account(node.account, account_ids[node.key], user_ids, tx, rows)
    paths = _save_nodes(told, account_ids, rows)
    for limit in told.limits:
        _save_limit(told, limit, rows)
    _tell(told, len(account_ids), tx)
    accounts_of = {
        username: [str(account_ids[node.key]) for node in told.nodes if node.account and username in node.account.users]
        for username in user_ids
    }
    return {
        "tenant_id": str(told.tenant_id),
        "accounts": {key: str(account_id) for key, account_id in account_ids.items()},
        "nodes": {key: str(path[-1]) for key, path in paths.items()},
        "users": {
            username: {"user_id": str(user_id), "account_ids": accounts_of[username]}
            for username, user_id in user_ids.items()
        },
    }


def _tell(told: ToldOrganisation, account_count: int, tx: TenantTransaction) -> None:
    tx.outbox.add(
        OrganisationProvisioned(
            name=told.name,
            roles={user.username: user.role for user in told.users},
            account_count=account_count,
            node_count=len(told.nodes),
            limit_count=len(told.limits),
            changed_by=CREATED_BY,
        ),
        aggregate_id=told.tenant_id,
        account_id=None,
        correlation_id=str(uuid.uuid4()),
        occurred_at_ns=nanoseconds(datetime.now(UTC)),
    )


def _save_users(told: ToldOrganisation, subjects: Mapping[str, str], tx: TenantTransaction) -> None:
    """A role that is another than before is told as an administrator's change is."""
    operator = Caller(told.tenant_id, CREATED_BY, CREATED_BY, "", frozenset(), correlation_id=str(uuid.uuid4()))
    before = tx.people.roles()
    for user in told.users:
        user_id = told.user_id(user)
        tx.identity.save_user(User(user_id, user.username, subjects[user.username], user.email, user.role))
        if before.get(user_id, user.role) != user.role:
            people.tell_role(user_id, before[user_id], operator, tx, datetime.now(UTC))


def _save_account(
    account: ToldAccount,
    account_id: uuid.UUID,
    user_ids: Mapping[str, uuid.UUID],
    tx: TenantTransaction,
    rows: OrganisationRows,
) -> None:
    made = Account(account_id, account.name, account.kind, account.base_currency)
    is_new = tx.identity.add_account(made)
    for username in account.users:
        tx.identity.grant_account(user_ids[username], account_id)
    if is_new:  # Otherwise trades have moved the balances since.
        for asset, total in account.balances.items():
            rows.add_balance(account_id, asset, total)
        accounts.tell_opened(
            made,
            account.balances,
            tx,
            datetime.now(UTC),
            parent_id=None,
            opened_by=CREATED_BY,
            correlation_id=str(uuid.uuid4()),
        )


def _save_nodes(
    told: ToldOrganisation, account_ids: Mapping[str, uuid.UUID], rows: OrganisationRows
) -> dict[str, list[uuid.UUID]]:
    """Each node's path by its key."""
    paths: dict[str, list[uuid.UUID]] = {}
    for node in told.nodes:
        above = [] if node.parent is None else paths[node.parent]
        node_id = told.id_of("node", node.key)
        paths[node.key] = [*above, node_id]
        parent_id = above[-1] if above else None
        account_id = account_ids.get(node.key)
        rows.add_node(
            Node(
                *(node_id, parent_id, node.kind, node.name, account_id, paths[node.key], NodeState.ACTIVE, None),
                session_day=datetime.now(UTC).date(),  # Not kept: the database tells it anew each time.
            )
        )
    return paths


def _save_limit(told: ToldOrganisation, limit: ToldLimit, rows: OrganisationRows) -> None:
    limit_id = told.id_of("limit", f"{limit.node}/{limit.limit_type}/{limit.instrument}")
    node_id = told.id_of("node", limit.node)
    stored = Limit(
        limit_id=limit_id,
        node_id=node_id,
        limit_type=limit.limit_type,
        instrument=limit.instrument,
        value=limit.value,
        parameters=limit.parameters,
        currency=limit.currency,
        action=limit.action or LIMIT_TYPES[limit.limit_type].action,
    )
    rows.add_limit(stored, CREATED_BY)
