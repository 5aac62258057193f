"""Two organisations with a trader each, in a fresh database."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from breakwater.db.connection import Database
from breakwater.db.identity import Account, User
from breakwater.db.sessions import SessionRow
from breakwater.domain.access_tokens import session_id_of
from tests.conftest import DatabaseUrls
from tests.unit.identity.tokens import ISSUER


@dataclass(frozen=True)
class Firm:
    tenant_id: uuid.UUID
    trader: User
    admin: User
    account: Account  # The trader's.
    other_account: Account  # Nobody's.


@pytest.fixture
def database(database_urls: DatabaseUrls) -> Iterator[Database]:
    opened = Database(lambda: database_urls.functions)
    yield opened
    opened.close()


@pytest.fixture
def firm(database: Database) -> Firm:
    return make_firm(database, "ours")


@pytest.fixture
def other_firm(database: Database) -> Firm:
    return make_firm(database, "theirs")


def make_firm(database: Database, name: str) -> Firm:
    firm = Firm(
        tenant_id=uuid.uuid4(),
        trader=User(uuid.uuid4(), f"{name}-trader", f"{name}-trader-sub", "trader@example.com", "trader"),
        admin=User(uuid.uuid4(), f"{name}-admin", f"{name}-admin-sub", "admin@example.com", "organisation_admin"),
        account=Account(uuid.uuid4(), "first", "PAPER", "USDT"),
        other_account=Account(uuid.uuid4(), "second", "PAPER", "USDT"),
    )
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.save_organisation(name)
        tx.identity.save_user(firm.trader)
        tx.identity.save_user(firm.admin)
        tx.identity.add_account(firm.account)
        tx.identity.add_account(firm.other_account)
        tx.identity.grant_account(firm.trader.user_id, firm.account.account_id)
        for user in (firm.trader, firm.admin):
            tx.sessions.add(session_of(user), user.user_id)
    return firm


def session_of(user: User) -> SessionRow:
    """The one that the tests' tokens name unless they say another: begun by our sign-in."""
    now = datetime.now(UTC)
    session_id = session_id_of(ISSUER, user.subject, "session-1")
    return SessionRow(session_id, "POOL", now, now, "203.0.113.7", has_second_factor=False)
