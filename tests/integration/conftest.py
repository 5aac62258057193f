"""Whatever a test asks of the database as a function, a foreign organisation asks too, and gets nothing of it."""

from collections.abc import Iterator

import pytest

from tests.conftest import DatabaseUrls
from tests.support.foreign_tenant import ForeignTenant, noted


@pytest.fixture(scope="session")
def foreign_tenant() -> ForeignTenant:
    return ForeignTenant()


@pytest.fixture(autouse=True)
def asked_by_a_foreign_tenant_too(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, foreign_tenant: ForeignTenant
) -> Iterator[None]:
    if "database_urls" not in request.fixturenames:
        yield
        return
    urls: DatabaseUrls = request.getfixturevalue("database_urls")
    with noted(monkeypatch) as statements:
        yield
    assert foreign_tenant.breaches(urls.admin, statements) == []
