"""The engine's environment. Read when asked, never at import."""

import asyncio
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from breakwater.db.conninfo import conninfo_of
from breakwater.domain.access_tokens import UserPool, second_factor_roles
from breakwater.domain.oidc import OidcProvider
from breakwater.errors import Unavailable
from fargate_engine import aws
from fargate_engine.target_group import task_address
from fargate_engine.venues.configuration import VenueSettings, parse_venues


class StartFailed(Exception):
    """The engine cannot start: a setting makes no sense, or a dependency did not come in time."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`database_url` or `database_secret_arn` is set. An empty queue or bus means: publish nothing, keep the outbox.

    An empty `snapshot_bucket`: no snapshots, a restart reads whole journals. An empty `address`: see `read_address`.
    With a `certificate_arn`, a secret, the gateway speaks TLS as `name` and asks callers for a certificate.
    Without the encryption key or one of the two functions the exchange-compatible endpoint shows the market only.
    """

    database_url: str
    database_secret_arn: str
    queue_url: str
    event_bus: str
    snapshot_bucket: str
    service_token_key_id: str
    host: str
    port: int
    engine_id: str
    address: str
    market_recordings: tuple[Path, ...]
    market_speed: float
    venues: tuple[VenueSettings, ...] = ()
    api_key_encryption_key_id: str = ""
    orders_function: str = ""
    queries_function: str = ""
    is_behind_balancer: bool = False
    allowed_origins: frozenset[str] = frozenset()
    certificate_arn: str = ""
    name: str = ""
    user_pool: UserPool | None = None  # With neither this nor a provider the channels believe API keys only.
    oidc_provider: OidcProvider | None = None
    second_factor_roles: frozenset[str] = frozenset()


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """StartFailed, with the variable's name, for what is missing or makes no sense."""
    settings = Settings(
        database_url=environment.get("DATABASE_URL", ""),
        database_secret_arn=environment.get("DATABASE_SECRET_ARN", ""),
        queue_url=environment.get("TRADE_EVENTS_QUEUE_URL", ""),
        event_bus=environment.get("EVENT_BUS_NAME", ""),
        snapshot_bucket=environment.get("SNAPSHOT_BUCKET", ""),
        service_token_key_id=environment.get("SERVICE_TOKEN_KEY_ID", ""),
        host=environment.get("ENGINE_HOST", "127.0.0.1"),
        port=_number(environment, "ENGINE_PORT", "8080", int),
        engine_id=environment.get("ENGINE_ID", "") or f"engine-{uuid.uuid4()}",
        address=environment.get("ENGINE_ADDRESS", ""),
        api_key_encryption_key_id=environment.get("API_KEY_ENCRYPTION_KEY_ID", ""),
        orders_function=environment.get("ORDERS_FUNCTION", ""),
        queries_function=environment.get("QUERIES_FUNCTION", ""),
        is_behind_balancer=environment.get("IS_BEHIND_BALANCER", "") == "true",
        market_recordings=tuple(Path(part) for part in environment.get("MARKET_RECORDINGS", "").split(":") if part),
        market_speed=_number(environment, "MARKET_SPEED", "1", float),
        venues=_venues(environment.get("VENUES", "")),
        allowed_origins=_origins(environment.get("ALLOWED_ORIGINS", "")),
        user_pool=_user_pool(environment),
        certificate_arn=environment.get("ENGINE_CERTIFICATE_ARN", ""),
        name=environment.get("ENGINE_NAME", ""),
        oidc_provider=_oidc_provider(environment.get("OIDC_PROVIDER", "")),
        second_factor_roles=_second_factor_roles(environment.get("SECOND_FACTOR_ROLES", "")),
    )
    if not settings.database_url and not settings.database_secret_arn:
        raise StartFailed("DATABASE_URL or DATABASE_SECRET_ARN must be set")
    if not settings.service_token_key_id:
        raise StartFailed("SERVICE_TOKEN_KEY_ID must be set: without it nobody's token can be verified")
    if bool(settings.certificate_arn) != bool(settings.name):
        raise StartFailed("ENGINE_CERTIFICATE_ARN and ENGINE_NAME are set together: peers ask for the name")
    if not 0.01 <= settings.market_speed <= 1000:
        raise StartFailed("MARKET_SPEED must lie between 0.01 and 1000")
    return settings


async def read_conninfo(settings: Settings) -> str:
    """Where the database is. Unavailable when the secret cannot be read."""
    if settings.database_url:
        return settings.database_url
    answer = await aws.call(aws.client("secretsmanager").get_secret_value, SecretId=settings.database_secret_arn)
    return conninfo_of(answer["SecretString"])


async def read_address(settings: Settings, environment: Mapping[str, str] = os.environ) -> str:
    """Host and port where other engines reach this one: on Fargate the task's own, elsewhere where it listens.

    Unavailable when the metadata endpoint of the task does not answer.
    """
    metadata_url = environment.get("ECS_CONTAINER_METADATA_URI_V4", "")
    if settings.address or not metadata_url:
        return settings.address or f"{settings.host}:{settings.port}"
    try:
        return f"{await asyncio.to_thread(task_address, metadata_url)}:{settings.port}"
    except (OSError, ValueError, LookupError) as error:
        raise Unavailable("the task's metadata endpoint does not say its address") from error


def _venues(text: str) -> tuple[VenueSettings, ...]:
    try:
        return parse_venues(text)
    except ValueError as error:
        raise StartFailed(f"VENUES: {error}") from error


def _user_pool(environment: Mapping[str, str]) -> UserPool | None:
    pool_id, client_id = environment.get("USER_POOL_ID", ""), environment.get("USER_POOL_CLIENT_ID", "")
    if not pool_id or not client_id:
        return None
    return UserPool.of(
        pool_id,
        client_id,
        oidc_issuer=environment.get("OIDC_ISSUER"),
        oidc_jwks_url=environment.get("OIDC_JWKS_URL"),
        emulator=environment.get("AWS_ENDPOINT_URL"),
    )


def _oidc_provider(text: str) -> OidcProvider | None:
    try:
        return OidcProvider.parse(text) if text else None
    except ValueError as error:
        raise StartFailed(f"OIDC_PROVIDER: {error}") from error


def _second_factor_roles(text: str) -> frozenset[str]:
    try:
        return second_factor_roles(text)
    except ValueError as error:
        raise StartFailed(f"SECOND_FACTOR_ROLES: {error}") from error


def _number[Number: (int, float)](
    environment: Mapping[str, str], name: str, default: str, kind: type[Number]
) -> Number:
    try:
        return kind(environment.get(name) or default)
    except ValueError as error:
        raise StartFailed(f"{name} must be a number") from error


def _origins(text: str) -> frozenset[str]:
    """Separated by blanks. StartFailed for what no browser sends: a wildcard, a path, plain HTTP from elsewhere."""
    origins = frozenset(text.split())
    for origin in origins:
        parts = urlsplit(origin)
        is_local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
        if "*" in origin or origin != f"{parts.scheme}://{parts.netloc}" or not (parts.scheme == "https" or is_local):
            raise StartFailed(f"ALLOWED_ORIGINS: {origin} is no origin such as https://desk.example.com")
    return origins
