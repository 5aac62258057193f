"""An issuer in the shape of Keycloak: a realm with its discovery document, its keys and its tokens, on 127.0.0.1."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.support.loopback import QuietHandler, served

REALM_PATH = "/realms/firm"
DISCOVERY_PATH = f"{REALM_PATH}/.well-known/openid-configuration"
KEYS_PATH = f"{REALM_PATH}/protocol/openid-connect/certs"
AUDIENCE = "breakwater"
SUBJECT = "f3c1b6de-0d2b-4b53-9d0e-2c4a5c0f9a11"

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def private_key(algorithm: str, key_id: str) -> PrivateKey:
    """Another one for each id."""
    match algorithm:
        case "RS256" | "RSA-OAEP":
            return rsa.generate_private_key(65537, 2048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def public_jwk(algorithm: str, key_id: str) -> dict[str, Any]:
    public = private_key(algorithm, key_id).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        told = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        told = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        told = OKPAlgorithm.to_jwk(public, as_dict=True)
    return {**told, "kid": key_id, "alg": algorithm, "use": "enc" if algorithm == "RSA-OAEP" else "sig"}


class Realm:
    """`keys` are those of the set now, each an algorithm by its id; `asked` are the paths that were asked for.

    `documents` stand in the place of what a path would answer: a status and a body.
    """

    def __init__(self, base_url: str) -> None:
        self.issuer = f"{base_url}{REALM_PATH}"
        self.keys: dict[str, str] = {"rsa": "RS256", "encrypting": "RSA-OAEP"}
        self.more_keys: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.documents: dict[str, tuple[int, bytes]] = {}
        self.pause_s = 0.0  # Between the bytes of an answer.

    def answer(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if path in self.documents:
            return self.documents[path]
        if path == DISCOVERY_PATH:
            keys_url = self.issuer.removesuffix(REALM_PATH) + KEYS_PATH
            return 200, json.dumps({"issuer": self.issuer, "jwks_uri": keys_url}).encode()
        if path == KEYS_PATH:
            keys = [public_jwk(algorithm, key_id) for key_id, algorithm in self.keys.items()]
            return 200, json.dumps({"keys": keys + self.more_keys}).encode()
        return 404, b"{}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Of an access token as Keycloak fills it; a change to None leaves the claim out."""
        now = int(time.time())
        told = {
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "jti": str(uuid.uuid4()),
            "iss": self.issuer,
            "aud": [AUDIENCE, "account"],
            "sub": SUBJECT,
            "typ": "Bearer",
            "azp": "breakwater-web",
            "sid": "0b1f2c9e-session",
            "acr": "1",
            "realm_access": {"roles": ["offline_access", "bw-trader"]},
            "scope": "openid profile email",
            "preferred_username": "Kim",
            "email": "kim@example.com",
        } | changes
        return {name: value for name, value in told.items() if value is not None}

    def token(
        self, key_id: str = "rsa", algorithm: str = "RS256", headers: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        told = {"kid": key_id} | (headers or {})
        return jwt.encode(self.claims(**changes), private_key(algorithm, key_id), algorithm, headers=told)

    def configuration(self, tenant_id: uuid.UUID, **changes: Any) -> dict[str, Any]:
        """As `oidc` of cdk.json has it."""
        return {
            "issuer": self.issuer,
            "audience": AUDIENCE,
            "algorithms": ["RS256", "ES256", "EdDSA"],
            "organisations": {"firm": str(tenant_id)},
            "roles": {"bw-trader": "trader", "bw-risk": "risk_manager"},
        } | changes


@contextmanager
def keycloak() -> Iterator[Realm]:
    realm: Realm

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            status, body = realm.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", body.decode())
            self.end_headers()
            if realm.pause_s:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(realm.pause_s)
            else:
                self.wfile.write(body)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # Who waits too long for us goes.
                self.close_connection = True

    with served(Handler) as url:
        realm = Realm(url)
        yield realm
