"""Bring a database to the newest schema. Alembic keeps the count, the migrations are SQL files beside it."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from breakwater.db.conninfo import noticing_silence

ROLES = ("breakwater_functions", "breakwater_engine", "breakwater_sealer")


def create_login_role(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> None:
    """Make the role, or give it this password: the secret is the truth, so a rotation is run the same way."""
    if role not in ROLES:
        raise ValueError(f"{role} is not a role of ours")
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    # Only its verifier is sent, as `\\password` does it: statements may be logged.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(verifier)))


def upgrade(conninfo: str) -> None:
    """Run every migration that has not run. The roles must exist. Safe to repeat."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(noticing_silence(conninfo)), poolclass=NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        # Two deploys at once: the second waits and then finds nothing to do.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(72710)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
