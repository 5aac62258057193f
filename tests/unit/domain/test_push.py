"""What a browser can read, and nobody between: by the example of RFC 8291."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from breakwater.domain.push import PAYLOAD_BYTES_MAX, audience, encrypted, is_public_key


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# https://www.rfc-editor.org/rfc/rfc8291#appendix-A
PAYLOAD = b"When I grow up, I want to be a watermelon"
SENDER = int.from_bytes(octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
RECEIVER = octets("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
AUTH_SECRET = octets("BTBZMqHH6r4Tts7J_aSIgg")
SALT = octets("DGv6ra1nlYgDCS1FRnbzlw")
BODY = octets(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def sender() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(SENDER, ec.SECP256R1())


def test_the_example_of_the_rfc_is_encrypted_as_it_stands_there() -> None:
    assert encrypted(PAYLOAD, RECEIVER, AUTH_SECRET, sender=sender(), salt=SALT) == BODY


def test_what_is_too_long_for_a_push_service_is_not_sent() -> None:
    longest = encrypted(b"x" * PAYLOAD_BYTES_MAX, RECEIVER, AUTH_SECRET, sender=sender(), salt=SALT)
    assert len(longest) <= 4096
    with pytest.raises(ValueError, match="at most"):
        encrypted(b"x" * (PAYLOAD_BYTES_MAX + 1), RECEIVER, AUTH_SECRET, sender=sender(), salt=SALT)


@pytest.mark.parametrize("told", [b"", b"\4" * 65, RECEIVER[:-1], b"\2" + RECEIVER[1:33]])
def test_what_is_no_point_of_the_curve_is_no_key(told: bytes) -> None:
    assert is_public_key(RECEIVER)
    assert not is_public_key(told)


def test_a_token_is_for_the_origin_of_the_push_service() -> None:
    assert audience("https://push.example.com/a/b?c") == "https://push.example.com"
    assert audience("http://127.0.0.1:6010/push/x") == "http://127.0.0.1:6010"
