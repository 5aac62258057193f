"""A firm without limits, its risk manager and a trader, and a function's way to its database."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.permissions import Caller, Role
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import Firm, create_firm, database_of
from tests.integration.limits.lease_scene import LeaseScene
from tests.integration.limits.people import risk_manager


@pytest.fixture
def firm(database_urls: DatabaseUrls) -> Firm:
    return create_firm(database_urls.admin)


@pytest.fixture
def database(database_urls: DatabaseUrls) -> Iterator[Database]:
    database = database_of(database_urls.functions)
    yield database
    database.close()


@pytest.fixture
def tx(database: Database, firm: Firm) -> Iterator[TenantTransaction]:
    with database.tenant_transaction(firm.tenant_id) as tx:
        yield tx


@pytest.fixture
def risk(firm: Firm) -> Caller:
    return risk_manager(firm)


@pytest.fixture
def trader(firm: Firm, risk: Caller, database_urls: DatabaseUrls) -> Caller:
    """May use the first account and not the second."""
    user_id = uuid.uuid4()
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO identity.users (user_id, tenant_id, username, subject, email, role)"
            " VALUES (%s, %s, 'trader', 'trader', 't@firm.example', 'trader')",
            (user_id, firm.tenant_id),
        )
        connection.execute(
            "INSERT INTO identity.account_access (user_id, account_id, tenant_id) VALUES (%s, %s, %s)",
            (user_id, firm.account_ids[0], firm.tenant_id),
        )
    return replace(risk, subject="trader", username="trader", role=Role.TRADER)


@pytest.fixture
def scene(database_urls: DatabaseUrls, database: Database, firm: Firm, risk: Caller) -> Iterator[LeaseScene]:
    scene = LeaseScene(database_urls, database, firm, risk)
    yield scene
    assert scene.told == []
    scene.books()
