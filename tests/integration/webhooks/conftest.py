"""A scene of webhooks in a fresh database, and receivers that are gone when the test is."""

from collections.abc import Iterator

import pytest

from breakwater.db.connection import Database
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import create_firm
from tests.integration.webhooks.scene import Scene
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def scene(database_urls: DatabaseUrls) -> Iterator[Scene]:
    database = Database(lambda: database_urls.functions)
    scene = Scene(database_urls.admin, database, create_firm(database_urls.admin, accounts=3))
    yield scene
    scene.pool.shutdown(wait=False)
    database.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver
