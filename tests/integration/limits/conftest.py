"""A firm without limits, and a function's way to its database."""

from collections.abc import Iterator

import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.permissions import Caller
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import Firm, create_firm, database_of
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
