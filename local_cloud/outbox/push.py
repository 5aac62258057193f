"""A push service with browsers of its own: it takes what a real one takes, and shows what the browser would read.

RFC 8030 (what is sent), RFC 8292 (who sends it), RFC 8291 (how it is encrypted).
"""

import base64
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from os import urandom
from typing import Any

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local_cloud.outbox.messages import Messages

MESSAGE_BYTES_MAX = 4096
TOKEN_LIFE_S_MAX = 24 * 3600
BROWSERS_MAX = 100

type Answer = tuple[HTTPStatus, str]


@dataclass(frozen=True, slots=True)
class Browser:
    origin: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth_secret: bytes = field(default_factory=lambda: urandom(16))

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def opened(self, body: bytes) -> bytes:
        """What was encrypted for it. ValueError for what was not."""
        salt, key_length = body[:16], body[20] if len(body) > 20 else 0
        sender, record = body[21 : 21 + key_length], body[21 + key_length :]
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = _derived(self.auth_secret, shared, b"WebPush: info\0" + self.public_key + sender, 32)
        key = _derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derived(salt, secret, b"Content-Encoding: nonce\0", 12)
        try:
            padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        except InvalidTag:
            raise ValueError("it was not encrypted for this browser") from None
        if not padded.endswith(b"\x02"):
            raise ValueError("it is no last record")
        return padded[:-1]


class LocalPushService:
    """Used by several threads at once."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._browsers: dict[str, Browser] = {}
        self._lock = threading.Lock()

    def subscribe(self, name: str, origin: str) -> dict[str, Any]:
        """As PushSubscription.toJSON tells it; the same as long as the browser is subscribed."""
        with self._lock:
            if len(self._browsers) >= BROWSERS_MAX and name not in self._browsers:
                del self._browsers[next(iter(self._browsers))]
            browser = self._browsers.setdefault(name, Browser(origin))
        keys = {"p256dh": _base64url(browser.public_key), "auth": _base64url(browser.auth_secret)}
        return {"endpoint": f"{browser.origin}/push/{name}", "expirationTime": None, "keys": keys}

    def unsubscribe(self, name: str) -> None:
        with self._lock:
            self._browsers.pop(name, None)

    def receive(self, name: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What a push service answers; what it took is in the outbox, as the browser reads it."""
        told = {key.lower(): value for key, value in headers.items()}
        with self._lock:
            browser = self._browsers.get(name)
        if browser is None:
            return HTTPStatus.GONE, "push subscription has unsubscribed or expired"
        if len(body) > MESSAGE_BYTES_MAX:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MESSAGE_BYTES_MAX} bytes"
        if not told.get("ttl", "").isdecimal() or told.get("content-encoding") != "aes128gcm":
            return HTTPStatus.BAD_REQUEST, "a TTL, and the content coding aes128gcm"
        try:
            sender = _vapid(told.get("authorization", ""), browser.origin)
        except (ValueError, jwt.InvalidTokenError) as error:
            return HTTPStatus.FORBIDDEN, f"no token of VAPID: {error}"
        try:
            read = browser.opened(body).decode()
        except ValueError as error:  # A browser would throw it away, and the push service never hear of it.
            read = f"not to be read: {error}"
        kept = {"headers": {key: told[key] for key in ("ttl", "urgency") if key in told}, "vapid": sender}
        self._messages.add("push", name, _title(read), read, kept)
        return HTTPStatus.CREATED, ""


def _vapid(authorization: str, origin: str) -> dict[str, Any]:
    """What the token says, once its signature is right and it is for this push service, for a day at most."""
    scheme, _, rest = authorization.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if scheme != "vapid" or not {"t", "k"} <= parts.keys():
        raise ValueError("there is none")
    point = base64.urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims: dict[str, Any] = jwt.decode(
        parts["t"], key, algorithms=["ES256"], audience=origin, options={"require": ["exp", "aud"]}
    )
    if claims["exp"] > time.time() + TOKEN_LIFE_S_MAX:
        raise ValueError("it is good for more than a day")
    return claims


def _title(read: str) -> str:
    try:
        told = json.loads(read)
    except ValueError:
        return read
    return f"{told.get('severity')}: {told.get('title')}" if isinstance(told, dict) else read


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
