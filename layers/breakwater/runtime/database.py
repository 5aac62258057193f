"""The function's one database. Opened at first use, so a SnapStart snapshot holds no connection."""

import json
import uuid
from contextlib import AbstractContextManager
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError
from psycopg.conninfo import make_conninfo

from breakwater.db.connection import Connection, Database, TenantTransaction
from breakwater.errors import DatabaseUnavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings


def secret_conninfo(secret_arn: str) -> str:
    """The conninfo that a secret {username, password, host, port, dbname} holds now.

    DatabaseUnavailable when the secret cannot be read.
    """
    try:
        secret = json.loads(client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise DatabaseUnavailable("the database's secret could not be read") from error
    return make_conninfo(
        user=secret["username"],
        password=secret["password"],
        host=secret["host"],
        port=secret["port"],
        dbname=secret["dbname"],
    )


@cache
def database() -> Database:
    return Database(lambda: settings().database_url or secret_conninfo(settings().database_secret_arn))


def tenant_transaction(tenant_id: uuid.UUID) -> AbstractContextManager[TenantTransaction]:
    """Commits when the block ends, rolls back when it raises; DatabaseUnavailable for every failure that may pass."""
    return database().tenant_transaction(tenant_id)


def untenanted_transaction() -> AbstractContextManager[Connection]:
    """For the few questions that come before a tenant is known."""
    return database().untenanted_transaction()
