"""Web push: a message that the push service of a browser carries and cannot read (RFC 8291, RFC 8188), and who sends it
(VAPID, RFC 8292).
"""

from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PUBLIC_KEY_BYTES = 65  # A point of P-256: 4, x, y.
AUTH_SECRET_BYTES = 16
SALT_BYTES = 16
PAYLOAD_BYTES_MAX = 3_000  # A push service takes 4,096 with what is around it.
TOKEN_LIFE_S = 12 * 3600  # At most a day, or the push service refuses it.

_RECORD_BYTES = 4096
_LAST_RECORD = b"\x02"


def is_public_key(told: bytes) -> bool:
    """Whether it is a point of the curve P-256."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), told)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return len(told) == PUBLIC_KEY_BYTES


def encrypted(
    payload: bytes, public_key: bytes, auth_secret: bytes, *, sender: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    """The body of the request, of the content coding aes128gcm. `sender` and `salt` are used for this message alone.

    RFC 8291, section 3.4. ValueError for a key that is none, or a payload that is too long for one record.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a push has at most {PAYLOAD_BYTES_MAX} bytes")
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    sender_public = sender.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = sender.exchange(ec.ECDH(), receiver)
    secret = _derived(auth_secret, shared, b"WebPush: info\0" + public_key + sender_public, 32)
    key = _derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, secret, b"Content-Encoding: nonce\0", 12)
    record = AESGCM(key).encrypt(nonce, payload + _LAST_RECORD, None)
    return salt + _RECORD_BYTES.to_bytes(4) + len(sender_public).to_bytes(1) + sender_public + record


def audience(endpoint: str) -> str:
    """Whom a token of VAPID is for: the origin of the push service."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
