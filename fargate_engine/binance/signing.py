"""Signatures and time windows of signed requests (Binance, "SIGNED endpoint security")."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fargate_engine.binance.errors import BinanceError, ahead_of_time, bad_signature, missing, outside_of_window
from fargate_engine.binance.parameters import Parameters, json_text

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MS_MAX = 60_000
AHEAD_MS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One of the two: the secret of HMAC-SHA256, or the public half of an Ed25519 pair."""

    secret: bytes | None = None
    public_key: Ed25519PublicKey | None = None

    def check(self, payload: bytes, signature: str) -> None:
        """BinanceError -1022 unless the signature is this key's."""
        if self.secret is not None:
            signed = hmac.digest(self.secret, payload, hashlib.sha256).hex()
            if not hmac.compare_digest(signed.encode(), signature.lower().encode()):
                raise bad_signature()
        elif self.public_key is not None:
            try:
                self.public_key.verify(base64.b64decode(signature, validate=True), payload)
            except (InvalidSignature, binascii.Error, ValueError) as error:
                raise bad_signature() from error
        else:
            raise bad_signature()


def check_request(key: SigningKey, query: str, body: str) -> None:
    """A REST request: what is signed is query and body as they were sent, joined, without the signature."""
    signatures: list[str] = []
    payload = _without_signature(query, signatures) + _without_signature(body, signatures)
    if not signatures or not signatures[0]:
        raise missing("signature")
    if len(signatures) > 1:
        raise bad_signature()
    key.check(payload.encode(), unquote_plus(signatures[0]) if "%" in signatures[0] else signatures[0])


def check_message(key: SigningKey, params: Mapping[str, Any]) -> None:
    """A request of the WebSocket API: what is signed is its parameters by name, `name=value` joined by `&`."""
    signature = params.get("signature")
    if not isinstance(signature, str) or not signature:
        raise missing("signature")
    pairs = sorted((str(name), json_text(value)) for name, value in params.items() if name != "signature")
    key.check("&".join(f"{name}={value}" for name, value in pairs).encode(), signature)


def valid_until_ms(parameters: Parameters, now_ms: int) -> int:
    """The end of the request's window. BinanceError when it is over, or has not begun."""
    timestamp = parameters.integer("timestamp")
    if timestamp is None:
        raise missing("timestamp")
    window = parameters.milliseconds("recvWindow")
    if window is not None and window > RECV_WINDOW_MS_MAX:
        raise BinanceError(-1131, f"recvWindow must be less than {RECV_WINDOW_MS_MAX}")
    if timestamp > now_ms + AHEAD_MS_MAX:
        raise ahead_of_time()
    until_ms = timestamp + (RECV_WINDOW_MS if window is None else window)
    if now_ms > until_ms:
        raise outside_of_window()
    return until_ms


def _without_signature(text: str, signatures: list[str]) -> str:
    """The rest, letter for letter; adds what was taken out to `signatures`."""
    if "signature=" not in text:
        return text
    rest = []
    for part in text.split("&"):
        if part.startswith("signature="):
            signatures.append(part.removeprefix("signature="))
        else:
            rest.append(part)
    return "&".join(rest)
