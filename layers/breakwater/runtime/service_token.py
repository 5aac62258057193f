"""The token functions show the engine: signed by KMS, so no function holds a key."""

import base64
import json
import time

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from breakwater.errors import EngineUnavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings

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
    signed = f"{_base64url_json({'alg': 'ES256', 'typ': 'JWT'})}.{_base64url_json(claims)}"
    try:
        answer = client("kms").sign(
            KeyId=settings().service_token_key_id,
            Message=signed.encode(),
            MessageType="RAW",  # KMS hashes it; it takes up to 4 KiB.
            SigningAlgorithm="ECDSA_SHA_256",
        )
    except (BotoCoreError, ClientError) as error:
        raise EngineUnavailable("no service token could be signed") from error
    # KMS answers DER; JWS wants r and s as two 32-byte numbers, one after the other (RFC 7518, section 3.4).
    r, s = decode_dss_signature(answer["Signature"])
    return f"{signed}.{_base64url(r.to_bytes(32) + s.to_bytes(32))}"


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _base64url_json(members: dict[str, object]) -> str:
    return _base64url(json.dumps(members, separators=(",", ":")).encode())
