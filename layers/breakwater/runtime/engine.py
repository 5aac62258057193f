"""The way to the engine: where it is and what it is shown, all of it asked again as it grows old."""

import ssl
import time
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import EngineUnavailable
from breakwater.runtime.aws import client
from breakwater.runtime.observability import logger
from breakwater.runtime.service_token import service_token
from breakwater.runtime.settings import settings
from breakwater.services.engine_client import EngineClient
from breakwater.tls import BadIdentity, Identity, client_context

URL_KEPT_S = 60
CERTIFICATE_KEPT_S = 300.0

_cached: tuple[str, float] | None = None  # The engine's base URL, and until when it is believed (monotonic).


@cache
def engine_client() -> EngineClient:
    return new_engine_client()


def new_engine_client() -> EngineClient:
    """With connections of its own, for another thread."""
    arn = settings().engine_client_certificate_arn
    return (
        EngineClient(engine_url, service_token) if arn is None else EngineClient(engine_url, service_token, Shown(arn))
    )


def engine_url() -> str:
    """The engine's base URL; EngineUnavailable when it cannot be looked up."""
    global _cached  # noqa: PLW0603  # One URL per execution environment.
    if _cached is None or time.monotonic() >= _cached[1]:
        try:
            parameter = client("ssm").get_parameter(Name=settings().engine_url_parameter)["Parameter"]
        except (BotoCoreError, ClientError) as error:
            raise EngineUnavailable("the engine's address could not be looked up") from error
        _cached = (parameter["Value"], time.monotonic() + URL_KEPT_S)
    return _cached[0]


class Shown:
    """The certificate that functions show the engine, as its secret is now; called, it is what connections need.

    EngineUnavailable when there is none yet. What was right a while ago goes on while the secret cannot be read, or
    was written wrongly.
    """

    def __init__(self, secret_arn: str) -> None:
        self._secret_arn = secret_arn
        self._identity: Identity | None = None
        self._context: ssl.SSLContext | None = None
        self._read_at = -CERTIFICATE_KEPT_S

    def __call__(self) -> ssl.SSLContext:
        if time.monotonic() - self._read_at >= CERTIFICATE_KEPT_S:
            self._read()
        if self._context is None:
            raise EngineUnavailable("the certificate to show the engine could not be read")
        return self._context

    def _read(self) -> None:
        try:
            identity = Identity.of(client("secretsmanager").get_secret_value(SecretId=self._secret_arn)["SecretString"])
            if identity != self._identity:
                self._context, self._identity = client_context(identity), identity
        except (BotoCoreError, ClientError, BadIdentity) as error:
            logger().warning("the certificate to show the engine could not be read", error=str(error))
            if self._context is None:
                return  # The next call asks again at once.
        self._read_at = time.monotonic()
