"""An issuer of the tests' own: its keys, its tokens, and its JWK set on a loopback port."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from tests.support.loopback import QuietHandler, served

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool"
CLIENT_ID = "client"
TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")


@cache
def private_key(key_id: str) -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def jwk_set(*key_ids: str) -> dict[str, Any]:
    keys = [RSAAlgorithm.to_jwk(private_key(key_id).public_key(), as_dict=True) for key_id in key_ids]
    return {"keys": [{**key, "kid": kid, "alg": "RS256", "use": "sig"} for key, kid in zip(keys, key_ids, strict=True)]}


def claims(**changes: Any) -> dict[str, Any]:
    """A trader's access token as Cognito fills it; a change to None leaves the claim out."""
    now = int(time.time())
    told = {
        "sub": "subject-1",
        "iss": ISSUER,
        "client_id": CLIENT_ID,
        "token_use": "access",
        "username": "trader1",
        "cognito:groups": [f"org:{TENANT}", "role:trader"],
        "origin_jti": "session-1",
        "auth_time": now,
        "iat": now,
        "exp": now + 3600,
    } | changes
    return {name: value for name, value in told.items() if value is not None}


def token(*, key_id: str = "first", **changes: Any) -> str:
    return jwt.encode(claims(**changes), private_key(key_id), algorithm="RS256", headers={"kid": key_id})


@contextmanager
def served_jwk_set(*key_ids: str) -> Iterator[str]:
    """The URL of the set, on 127.0.0.1."""
    with served_document(jwk_set(*key_ids)) as url:
        yield url


@contextmanager
def served_document(document: object) -> Iterator[str]:
    """The URL of a JSON document, on 127.0.0.1."""
    answer = json.dumps(document).encode()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

    with served(Handler) as url:
        yield f"{url}/jwks.json"
