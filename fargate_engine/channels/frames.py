"""A WebSocket text frame as bytes (RFC 6455, 5.2): made once for everybody who gets the same message.

A server's frames are not masked, and with no compression negotiated they are the same on every connection.
"""

from typing import Any

import orjson

_FINAL_TEXT = 0x81
_CLOSE = 0x88
_LENGTH_IN_HEADER_MAX = 125
_LENGTH_OF_16_BITS = 126
_LENGTH_OF_64_BITS = 127


def text_frame(payload: bytes) -> bytes:
    length = len(payload)
    if length <= _LENGTH_IN_HEADER_MAX:
        return bytes((_FINAL_TEXT, length)) + payload
    if length < 1 << 16:
        return bytes((_FINAL_TEXT, _LENGTH_OF_16_BITS)) + length.to_bytes(2) + payload
    return bytes((_FINAL_TEXT, _LENGTH_OF_64_BITS)) + length.to_bytes(8) + payload


def close_frame(code: int) -> bytes:
    return bytes((_CLOSE, 2)) + code.to_bytes(2)


def json_frame(document: dict[str, Any]) -> bytes:
    return text_frame(orjson.dumps(document))
