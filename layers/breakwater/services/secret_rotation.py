"""A database role gets a new password, in the four steps that Secrets Manager asks for; each may be repeated.

Who reads the secret at each connect notices nothing: a session stays as it is, and one that is opened between the
second step and the last, which takes seconds, is told to ask again.
"""

import json
import secrets
from typing import Any

import psycopg
from botocore.exceptions import ClientError
from psycopg import sql

from breakwater.db.conninfo import conninfo_of, noticing_silence

PASSWORD_BYTES = 20  # 40 hexadecimal digits: they fit into a connection string unquoted.
CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"


class NotRotated(Exception):
    """The request makes no sense for the secret as it is; it names no part of it."""


def rotate(client: Any, admin_secret_arn: str, *, secret_arn: str, version: str, step: str) -> None:
    """NotRotated, or psycopg.Error or ClientError, after which Secrets Manager asks again."""
    described = client.describe_secret(SecretId=secret_arn)
    stages = described["VersionIdsToStages"].get(version)
    if not described.get("RotationEnabled") or stages is None:
        raise NotRotated("the secret is not rotated, or has no such version")
    if CURRENT in stages:
        return  # All four steps are done.
    if PENDING not in stages:
        raise NotRotated("the version is not the one that is to come")
    match step:
        case "createSecret":
            _make(client, secret_arn, version)
        case "setSecret":
            _set(client, admin_secret_arn, secret_arn, version)
        case "testSecret":
            _connect(_text(client, secret_arn, PENDING, version)).close()
        case "finishSecret":
            (current,) = [id_ for id_, its in described["VersionIdsToStages"].items() if CURRENT in its]
            client.update_secret_version_stage(
                SecretId=secret_arn, VersionStage=CURRENT, MoveToVersionId=version, RemoveFromVersionId=current
            )
        case _:
            raise NotRotated("there is no such step")


def _make(client: Any, secret_arn: str, version: str) -> None:
    """The secret as it is, with another password; the one that an earlier try has made stays."""
    try:
        _text(client, secret_arn, PENDING, version)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        told = json.loads(_text(client, secret_arn, CURRENT)) | {"password": secrets.token_hex(PASSWORD_BYTES)}
        client.put_secret_value(
            SecretId=secret_arn, ClientRequestToken=version, SecretString=json.dumps(told), VersionStages=[PENDING]
        )


def _set(client: Any, admin_secret_arn: str, secret_arn: str, version: str) -> None:
    """By the administrator. Its own role too: with the password of now, or, when it was set already, the next one."""
    pending = _text(client, secret_arn, PENDING, version)
    told = json.loads(pending)
    try:
        administrator = _connect(_text(client, admin_secret_arn, CURRENT))
    except psycopg.OperationalError:
        if admin_secret_arn != secret_arn:
            raise
        administrator = _connect(pending)
    with administrator:
        # The verifier and not the password: what is sent may stand in the database's log.
        verifier = administrator.pgconn.encrypt_password(
            told["password"].encode(), told["username"].encode(), b"scram-sha-256"
        ).decode()
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        administrator.execute(statement.format(sql.Identifier(told["username"]), sql.Literal(verifier)))


def _connect(secret_text: str) -> psycopg.Connection[Any]:
    return psycopg.connect(noticing_silence(conninfo_of(secret_text)))


def _text(client: Any, secret_arn: str, stage: str, version: str | None = None) -> str:
    which = {"VersionStage": stage} | ({} if version is None else {"VersionId": version})
    text: str = client.get_secret_value(SecretId=secret_arn, **which)["SecretString"]
    return text
