"""The function's one database. Opened at first use, so a SnapStart snapshot holds no connection."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.db.connection import Connection, Database, TenantTransaction
from breakwater.db.conninfo import conninfo_of
from breakwater.domain.permissions import Caller
from breakwater.errors import DatabaseUnavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings


def secret_conninfo(secret_arn: str) -> str:
    """The conninfo that a secret {username, password, host, port, dbname} holds now.

    DatabaseUnavailable when the secret cannot be read.
    """
    try:
        secret = client("secretsmanager").get_secret_value(SecretId=secret_arn)
    except (BotoCoreError, ClientError) as error:
        raise DatabaseUnavailable("the database's secret could not be read") from error
    return conninfo_of(secret["SecretString"])


@cache
def database() -> Database:
    return new_database()


def new_database() -> Database:
    """Another connection to it, for another thread."""
    return Database(lambda: settings().database_url or secret_conninfo(settings().database_secret_arn))


def tenant_transaction(tenant_id: uuid.UUID) -> AbstractContextManager[TenantTransaction]:
    """Commits when the block ends, rolls back when it raises; DatabaseUnavailable for every failure that may pass."""
    return database().tenant_transaction(tenant_id)


def caller_transaction(caller: Caller) -> AbstractContextManager[TenantTransaction]:
    """The same, in the name of the caller: the audit trail says so of every event that is written in it."""
    return database().tenant_transaction(caller.tenant_id, caller.actor)


def transactions_of(actor: str) -> Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]:
    """As `tenant_transaction`, in somebody's name."""
    return lambda tenant_id: database().tenant_transaction(tenant_id, actor)


def untenanted_transaction() -> AbstractContextManager[Connection]:
    """For the few questions that come before a tenant is known."""
    return database().untenanted_transaction()
