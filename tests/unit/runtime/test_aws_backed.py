"""Settings, secrets, service tokens and the engine's address."""

import hashlib
import json
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from breakwater.db.conninfo import conninfo_of
from breakwater.domain.degraded import EmergencyLimits
from breakwater.errors import DatabaseUnavailable, EngineUnavailable
from breakwater.runtime import engine, service_token
from breakwater.runtime.database import secret_conninfo
from breakwater.runtime.settings import settings


@pytest.fixture(autouse=True)
def nothing_cached(monkeypatch: pytest.MonkeyPatch, mocked_aws: None) -> None:
    monkeypatch.setattr(service_token, "_cached", None)
    monkeypatch.setattr(engine, "_cached", None)


@pytest.fixture
def signing_key(monkeypatch: pytest.MonkeyPatch) -> Any:
    key = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    monkeypatch.setenv("SERVICE_TOKEN_KEY_ID", key)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "order-saga")
    return load_der_public_key(boto3.client("kms").get_public_key(KeyId=key)["PublicKey"])


def test_a_missing_variable_is_named_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDER_SAGA_ARN", raising=False)
    monkeypatch.delenv("OIDC_ISSUER", raising=False)
    assert settings().oidc_issuer is None
    with pytest.raises(RuntimeError, match="ORDER_SAGA_ARN"):
        _ = settings().order_saga_arn
    monkeypatch.setenv("ORDER_SAGA_ARN", "arn")
    assert settings().order_saga_arn == "arn"


def test_emergency_limits_are_those_of_the_specification_unless_told_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().emergency_limits == EmergencyLimits(Decimal(2_000), Decimal(10_000), "USDT")
    monkeypatch.setenv("EMERGENCY_ORDER_MAX", "500.5")
    monkeypatch.setenv("EMERGENCY_CURRENCY", "EUR")
    assert settings().emergency_limits == EmergencyLimits(Decimal("500.5"), Decimal(10_000), "EUR")
    monkeypatch.setenv("EMERGENCY_DAY_MAX", "much")
    with pytest.raises(ValueError, match="decimal string"):
        _ = settings().emergency_limits


@pytest.mark.parametrize(
    ("host", "mode"),
    [("db.internal", "verify-full"), ("10.0.0.9", "verify-full"), ("127.0.0.1", "prefer"), ("/var/run/db", "prefer")],
)
def test_only_on_this_machine_a_password_may_go_in_clear(host: str, mode: str) -> None:
    secret = {"username": "u", "password": "p", "host": host, "port": 5432, "dbname": "d"}
    assert f"sslmode={mode}" in conninfo_of(json.dumps(secret))


@pytest.mark.parametrize(
    ("host", "authorities"),
    [
        ("state.cluster-abc.eu-central-1.rds.amazonaws.com", "/database_authorities/eu-central-1.pem"),
        ("state.cluster-abc.cn-north-1.rds.amazonaws.com.cn", "/database_authorities/cn-north-1.pem"),
        ("state.eu-central-1.rds.amazonaws.com.example.com", "system"),
        ("10.0.0.9", "system"),
    ],
)
def test_amazons_databases_are_verified_by_the_authorities_of_their_region(host: str, authorities: str) -> None:
    secret = {"username": "u", "password": "p", "host": host, "port": 5432, "dbname": "d"}
    assert conninfo_of(json.dumps(secret)).endswith(authorities)


def test_the_secret_is_read_anew_so_that_a_rotated_password_is_used() -> None:
    secret = {"username": "u", "password": "p w'", "host": "h", "port": 5432, "dbname": "d"}
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name="s", SecretString=json.dumps(secret))["ARN"]
    tls = "sslmode=verify-full sslrootcert=system"
    assert secret_conninfo(arn) == f"user=u password='p w\\'' host=h port=5432 dbname=d {tls}"
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(secret | {"password": "rotated"}))
    assert "password=rotated" in secret_conninfo(arn)
    with pytest.raises(DatabaseUnavailable):
        secret_conninfo("missing")


def test_a_service_token_is_one_the_engine_can_verify(signing_key: Any) -> None:
    claims = jwt.decode(
        service_token.service_token(),
        signing_key,
        algorithms=["ES256"],
        audience="breakwater-engine",
        issuer="breakwater",
    )
    assert claims["sub"] == "order-saga"
    assert claims["exp"] - claims["iat"] == 3600


def test_every_signature_has_64_octets(signing_key: Any) -> None:
    # DER drops leading zeros of r and s, which happens in one of 128 signatures; JWS keeps them.
    for now_s in range(40):
        signature = service_token._sign(now_s).split(".")[2]
        assert len(signature) == 86, hashlib.sha256(signature.encode()).hexdigest()


def test_a_service_token_is_kept_until_five_minutes_before_its_end(
    signing_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = service_token.service_token()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3290)
    assert service_token.service_token() == first
    monkeypatch.setattr(time, "time", lambda: now + 3301)
    assert service_token.service_token() != first


def test_without_the_key_management_service_the_engine_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN_KEY_ID", "missing")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "order-saga")
    with pytest.raises(EngineUnavailable):
        service_token.service_token()


def test_the_engines_address_is_looked_up_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_URL_PARAMETER", "/breakwater/engine/url")
    with pytest.raises(EngineUnavailable):
        engine.engine_url()
    parameters = boto3.client("ssm")
    parameters.put_parameter(Name="/breakwater/engine/url", Value="http://first", Type="String")
    assert engine.engine_url() == "http://first"
    parameters.put_parameter(Name="/breakwater/engine/url", Value="http://second", Type="String", Overwrite=True)
    assert engine.engine_url() == "http://first"
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    assert engine.engine_url() == "http://second"


@pytest.mark.parametrize(
    "module",
    ["functions.authorizer.app", "breakwater.runtime.saga", "breakwater.runtime.queue", "breakwater.runtime.engine"],
)
def test_what_starts_cold_most_often_imports_no_web_framework_and_reads_nothing(module: str) -> None:
    program = f"import sys, {module}; sys.exit(str([m for m in ('fastapi', 'mangum') if m in sys.modules]))"
    # Without an environment: a module that reads a variable, or opens a client in no region, fails here.
    done = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, text=True, check=False)
    assert done.stderr == "[]\n"
