"""Service tokens: ES256 JWTs that KMS signed, verified with the key's public half."""

import time
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from breakwater.errors import EngineUnavailable, NotAuthenticated
from fargate_engine import aws

AUDIENCE = "breakwater-engine"
ISSUER = "breakwater"
LIFETIME_MAX_S = 3600
CLOCK_SKEW_S = 10
TOKENS_KEPT_MAX = 256  # More than all functions use within a token's life.


async def fetch_public_key(key_id: str) -> EllipticCurvePublicKey:
    """AwsUnavailable when KMS does not give it; ValueError when it is a key of another kind."""
    answer = await aws.call(aws.client("kms").get_public_key, KeyId=key_id)
    key = load_der_public_key(answer["PublicKey"])
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("SERVICE_TOKEN_KEY_ID must be an ECC_NIST_P256 key")
    return key


class ServiceTokens:
    def __init__(self) -> None:
        self.public_key: EllipticCurvePublicKey | None = None  # Until KMS has given it, nobody is let in.
        self._verified: dict[str, dict[str, Any]] = {}  # The claims of good ones, by token.

    def authenticate(self, request: web.Request) -> str:
        """The caller's name (`sub`), or NotAuthenticated without saying what was wrong with the token."""
        if self.public_key is None:
            raise EngineUnavailable("the engine is starting")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise NotAuthenticated("a service token is needed")
        claims = self._verified.get(token) or self._verify(token, self.public_key)
        if claims["exp"] <= time.time() - CLOCK_SKEW_S:
            raise NotAuthenticated("the service token is not valid")
        return str(claims["sub"])

    def _verify(self, token: str, public_key: EllipticCurvePublicKey) -> dict[str, Any]:
        """Its claims, which are kept: a function sends the same token for minutes."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                public_key,
                algorithms=["ES256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=CLOCK_SKEW_S,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.InvalidTokenError as error:
            raise NotAuthenticated("the service token is not valid") from error
        if claims["exp"] - claims["iat"] > LIFETIME_MAX_S:
            raise NotAuthenticated("the service token is not valid")
        if len(self._verified) >= TOKENS_KEPT_MAX:
            self._verified.clear()
        self._verified[token] = claims
        return claims
