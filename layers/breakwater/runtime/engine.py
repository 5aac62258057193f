"""The way to the engine: where it is and what it is shown, both asked again as they grow old."""

import time
from functools import cache

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import EngineUnavailable
from breakwater.runtime.aws import client
from breakwater.runtime.service_token import service_token
from breakwater.runtime.settings import settings
from breakwater.services.engine_client import EngineClient

URL_KEPT_S = 60

_cached: tuple[str, float] | None = None  # The engine's base URL, and until when it is believed (monotonic).


@cache
def engine_client() -> EngineClient:
    return EngineClient(engine_url, service_token)


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
