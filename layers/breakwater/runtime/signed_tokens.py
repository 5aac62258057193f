"""JSON Web Tokens that KMS signs (ES256), so that no function holds a key."""

import base64
import json

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from breakwater.runtime.aws import client


def signed_token(claims: dict[str, object], key_id: str) -> str:
    """What KMS refuses leaves as its own error."""
    signed = f"{_base64url_json({'alg': 'ES256', 'typ': 'JWT'})}.{_base64url_json(claims)}"
    answer = client("kms").sign(
        KeyId=key_id,
        Message=signed.encode(),
        MessageType="RAW",  # KMS hashes it; it takes up to 4 KiB.
        SigningAlgorithm="ECDSA_SHA_256",
    )
    # KMS answers DER; JWS wants r and s as two 32-byte numbers, one after the other (RFC 7518, section 3.4).
    r, s = decode_dss_signature(answer["Signature"])
    return f"{signed}.{base64url(r.to_bytes(32) + s.to_bytes(32))}"


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _base64url_json(members: dict[str, object]) -> str:
    return base64url(json.dumps(members, separators=(",", ":")).encode())
