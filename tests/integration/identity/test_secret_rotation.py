"""A database role's password is changed in the four steps of Secrets Manager, against a real Postgres.

The embedded server trusts its own socket: what password it would ask for is shown by the role's verifier.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from breakwater.runtime import aws
from breakwater.services import secret_rotation
from breakwater.services.secret_rotation import NotRotated
from functions.rotation.app import handler
from tests.conftest import DatabaseUrls
from tests.unit.runtime.http_events import LambdaContext

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class Rotation:
    """A role of its own, so that no other test's password changes, its secret, and the version that is to come."""

    def __init__(self, admin: str) -> None:
        self.admin, self.role = admin, f"rotated_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'first'").format(sql.Identifier(self.role)))
        self.client = boto3.client("secretsmanager")
        self.arn = self._secret(self.role, "first")
        self.admin_arn = self._secret(str(conninfo_to_dict(admin)["user"]), "")
        self.version = str(uuid.uuid4())  # As Secrets Manager names it before it calls the function.

    def _secret(self, username: str, password: str) -> str:
        where = conninfo_to_dict(self.admin)
        value = {"username": username, "password": password, "host": where["host"]}
        value |= {"port": where.get("port", 5432), "dbname": where["dbname"]}
        return str(self.client.create_secret(Name=uuid.uuid4().hex, SecretString=json.dumps(value))["ARN"])

    def step(self, step: str) -> None:
        handler({"SecretId": self.arn, "ClientRequestToken": self.version, "Step": step}, LambdaContext())

    def password(self, stage: str) -> str:
        return str(
            json.loads(self.client.get_secret_value(SecretId=self.arn, VersionStage=stage)["SecretString"])["password"]
        )

    def verifier(self) -> str:
        with psycopg.connect(self.admin) as connection:
            row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (self.role,)).fetchone()
        assert row is not None
        return str(row[0])


class Described:
    """moto's Secrets Manager, which marks no version as the one to come: the first step finds it marked here."""

    def __init__(self, client: Any, rotation: Rotation) -> None:
        self._client, self._rotation = client, rotation

    def describe_secret(self, SecretId: str) -> dict[str, Any]:
        told: dict[str, Any] = self._client.describe_secret(SecretId=SecretId)
        told["VersionIdsToStages"].setdefault(self._rotation.version, ["AWSPENDING"])
        return told | {"RotationEnabled": True}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.fixture
def rotation(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rotation]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    aws.client.cache_clear()
    with mock_aws():
        made = Rotation(database_urls.admin)
        monkeypatch.setenv("ADMIN_DATABASE_SECRET_ARN", made.admin_arn)
        monkeypatch.setattr("functions.rotation.app.client", lambda _: Described(made.client, made))
        yield made
        with psycopg.connect(database_urls.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(made.role)))
    aws.client.cache_clear()


def test_the_role_has_the_new_password_and_the_secret_says_so(rotation: Rotation) -> None:
    before = rotation.verifier()
    rotation.step("createSecret")
    assert (rotation.password("AWSCURRENT"), rotation.verifier()) == ("first", before)
    rotation.step("setSecret")
    assert rotation.verifier() != before
    rotation.step("testSecret")
    rotation.step("finishSecret")
    assert rotation.password("AWSCURRENT") != "first"
    assert len(rotation.password("AWSCURRENT")) == 2 * secret_rotation.PASSWORD_BYTES
    assert rotation.password("AWSPREVIOUS") == "first"


def test_every_step_may_come_twice(rotation: Rotation) -> None:
    for step in STEPS:
        rotation.step(step)
        pending = rotation.password("AWSPENDING") if step == "createSecret" else ""
        rotation.step(step)
        assert pending in {"", rotation.password("AWSPENDING")}
    after = rotation.verifier()
    for step in STEPS:  # Of a version that is the current one nothing is left to do.
        rotation.step(step)
    assert rotation.verifier() == after


def test_the_password_itself_is_never_sent_to_the_database(rotation: Rotation, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    execute = psycopg.Connection.execute

    def noted(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        sent.append(query if isinstance(query, str) else query.as_string(self))
        return execute(self, query, *arguments, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", noted)
    rotation.step("createSecret")
    rotation.step("setSecret")
    (altered,) = [text for text in sent if "ALTER ROLE" in text]
    assert "SCRAM-SHA-256$" in altered
    assert rotation.password("AWSPENDING") not in altered


@pytest.mark.parametrize("step", ["dropSecret", ""])
def test_a_step_that_there_is_not_is_refused(rotation: Rotation, step: str) -> None:
    with pytest.raises(NotRotated):
        rotation.step(step)


def test_a_secret_that_is_not_rotated_stays_as_it_is(rotation: Rotation) -> None:
    with pytest.raises(NotRotated):
        secret_rotation.rotate(
            rotation.client, rotation.admin_arn, secret_arn=rotation.arn, version=rotation.version, step="createSecret"
        )
    assert rotation.password("AWSCURRENT") == "first"
