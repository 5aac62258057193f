"""Signed requests: the examples of Binance's own documentation, and what is no signature."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fargate_engine.binance.errors import BinanceError
from fargate_engine.binance.parameters import Parameters
from fargate_engine.binance.signing import SigningKey, check_message, check_request, valid_until_ms

# "SIGNED Endpoint Examples for POST /api/v3/order" of the spot API's documentation.
SECRET = SigningKey(secret=b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
ORDER = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
MIXED = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
    "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
)
MIXED_SIGNATURE = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
WEBSOCKET_SIGNATURE_PARAMS = {"b": "2", "a": 1}
NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"{ORDER}&signature={SIGNATURE}", ""),
        ("", f"{ORDER}&signature={SIGNATURE}"),
        (f"signature={SIGNATURE}&{ORDER}", ""),
        (f"{ORDER}&signature={SIGNATURE.upper()}", ""),
        (MIXED[0], f"{MIXED[1]}&signature={MIXED_SIGNATURE}"),
    ],
    ids=["query", "body", "first", "capitals", "mixed"],
)
def test_the_examples_of_the_documentation_are_believed(query: str, body: str) -> None:
    check_request(SECRET, query, body)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (ORDER, -1102),
        (f"{ORDER}&signature=", -1102),
        (f"{ORDER}&signature={SIGNATURE[:-1]}0", -1022),
        (f"{ORDER.replace('quantity=1', 'quantity=2')}&signature={SIGNATURE}", -1022),
        (f"{ORDER}&signature={SIGNATURE}&signature={SIGNATURE}", -1022),
        (f"{ORDER}&signature=%C3%BC", -1022),
    ],
    ids=["none", "empty", "another", "changed order", "two", "no letters of a signature"],
)
def test_anything_else_is_not(query: str, code: int) -> None:
    with pytest.raises(BinanceError) as raised:
        check_request(SECRET, query, "")
    assert raised.value.code == code


def test_an_ed25519_signature_is_believed_in_a_request_and_in_a_message() -> None:
    private = Ed25519PrivateKey.generate()
    key = SigningKey(public_key=private.public_key())
    signature = base64.b64encode(private.sign(ORDER.encode())).decode()
    check_request(key, f"{ORDER}&signature={signature.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}", "")
    signature = base64.b64encode(private.sign(b"a=1&b=2")).decode()
    check_message(key, {**WEBSOCKET_SIGNATURE_PARAMS, "signature": signature})
    with pytest.raises(BinanceError) as raised:
        check_message(key, {**WEBSOCKET_SIGNATURE_PARAMS, "b": "3", "signature": signature})
    assert raised.value.code == -1022


def test_a_key_that_cannot_sign_believes_nothing() -> None:
    with pytest.raises(BinanceError):
        check_request(SigningKey(), f"{ORDER}&signature={SIGNATURE}", "")


@pytest.mark.parametrize(
    ("timestamp", "window", "code"),
    [
        (NOW_MS - 5_001, None, -1021),
        (NOW_MS - 1_001, 1_000, -1021),
        (NOW_MS + 1_001, None, -1021),
        (NOW_MS, 60_001, -1131),
        (None, None, -1102),
    ],
    ids=["stale", "stale in a short window", "ahead", "too wide", "none"],
)
def test_a_request_outside_of_its_window_is_refused(timestamp: int | None, window: int | None, code: int) -> None:
    pairs = [("timestamp", str(timestamp))] if timestamp else []
    pairs += [("recvWindow", str(window))] if window else []
    with pytest.raises(BinanceError) as raised:
        valid_until_ms(Parameters(pairs), NOW_MS)
    assert raised.value.code == code


def test_a_window_ends_with_its_last_millisecond() -> None:
    assert valid_until_ms(Parameters([("timestamp", str(NOW_MS - 5_000))]), NOW_MS) == NOW_MS
    assert valid_until_ms(Parameters([("timestamp", str(NOW_MS + 1_000))]), NOW_MS) == NOW_MS + 6_000
