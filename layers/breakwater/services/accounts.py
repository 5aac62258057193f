"""Trading accounts: made below a node of the tree, and listed to whoever reaches them."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.identity import ACCOUNTS_MAX, Account
from breakwater.db.organisation import OrganisationRows
from breakwater.domain.money import Amount, format_amount
from breakwater.domain.permissions import GIVES_RIGHTS, Caller
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, InvalidRequest
from breakwater.services import nodes
from events.accounts import AccountOpened

BALANCES_MAX = 50

_Asset = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,12}$")]


class NewAccount(BaseModel):
    """The body of POST /accounts. `balances`: what a paper account begins with; a live one has what its venue says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parent_id: uuid.UUID
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    kind: Literal["PAPER", "LIVE"] = "PAPER"
    base_currency: _Asset = "USDT"
    balances: Annotated[dict[_Asset, Amount], Field(max_length=BALANCES_MAX)] = {}


class Accounts(BaseModel):
    items: list[Account]


def list_accounts(caller: Caller, tx: TenantTransaction) -> Accounts:
    """Those that the caller reaches, by name; an organisation has no more than are listed."""
    caller.require("portfolio:read")
    return Accounts(items=tx.identity.accounts(tx.identity.accessible_account_ids(caller.subject, caller.role)))


def create_account(new: NewAccount, caller: Caller, tx: TenantTransaction, at: datetime) -> Account:
    """Below a firm, a desk or a trader; who is assigned there sees it at once, and nobody else is given it.

    NotFound for the parent, Conflict for a name that another has, InvalidRequest for balances that make no sense.
    """
    caller.require("users:manage")
    caller.require_person(GIVES_RIGHTS)
    if new.kind == "LIVE" and new.balances:
        raise InvalidRequest("a live account has the balances that its venue says", field="balances")
    if any(total < 0 for total in new.balances.values()):
        raise InvalidRequest("a balance is not below zero", field="balances")
    tx.people.lock()
    if tx.identity.is_account_named(new.name):
        raise Conflict("another account has this name", field="name")
    if len(tx.identity.accessible_account_ids(caller.subject, caller.role)) >= ACCOUNTS_MAX:
        raise Conflict(f"an organisation has at most {ACCOUNTS_MAX} accounts")
    account = Account(uuid.uuid4(), new.name, new.kind, new.base_currency)
    tx.identity.add_account(account)
    nodes.add_account(new.parent_id, caller, tx, at, account_id=account.account_id, name=new.name)
    rows = OrganisationRows(tx.connection, caller.tenant_id)
    for asset, total in new.balances.items():
        rows.add_balance(account.account_id, asset, total)
    tell_opened(
        account,
        new.balances,
        tx,
        at,
        parent_id=new.parent_id,
        opened_by=caller.actor,
        correlation_id=caller.correlation_id,
    )
    return account


def tell_opened(
    account: Account,
    balances: Mapping[str, Decimal],
    tx: TenantTransaction,
    at: datetime,
    *,
    parent_id: uuid.UUID | None,
    opened_by: str,
    correlation_id: str,
) -> None:
    """The first event of the account: whoever reads its feed knows what it began with."""
    tx.outbox.add(
        AccountOpened(
            account_id=account.account_id,
            name=account.name,
            kind="LIVE" if account.kind == "LIVE" else "PAPER",
            base_currency=account.base_currency,
            parent_node_id=parent_id,
            balances={asset: format_amount(total) for asset, total in balances.items()},
            opened_by=opened_by,
        ),
        aggregate_id=account.account_id,
        account_id=account.account_id,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
