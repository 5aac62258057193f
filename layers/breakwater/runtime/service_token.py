"""The token functions show the engine: signed by KMS, so no function holds a key."""

import time

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import EngineUnavailable
from breakwater.runtime.settings import settings
from breakwater.runtime.signed_tokens import signed_token

ISSUER = "breakwater"
AUDIENCE = "breakwater-engine"
LIFETIME_S = 3600
RENEWED_BEFORE_END_S = 300

_cached: tuple[str, float] | None = None  # The token, and when it is renewed, in seconds since 1970.


def service_token() -> str:
    """An ES256 JWT for the engine's gateway; EngineUnavailable when KMS does not answer."""
    global _cached  # noqa: PLW0603  # One token per execution environment.
    now = time.time()
    if _cached is None or now >= _cached[1]:
        _cached = (_sign(int(now)), now + LIFETIME_S - RENEWED_BEFORE_END_S)
    return _cached[0]


def _sign(now_s: int) -> str:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": settings().aws_lambda_function_name,
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
    }
    try:
        return signed_token(claims, settings().service_token_key_id)
    except (BotoCoreError, ClientError) as error:
        raise EngineUnavailable("no service token could be signed") from error
