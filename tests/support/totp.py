"""What an authenticator app shows."""

import base64
import hashlib
import hmac
import struct


def totp(secret: str, at_s: float) -> str:
    """RFC 6238, as authenticator apps have it: HMAC-SHA-1 over steps of 30 s, six digits."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at_s) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"
