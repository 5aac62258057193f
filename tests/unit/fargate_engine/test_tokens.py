"""Service tokens: a good one is verified once, and is good no longer than it says."""

import time
from typing import Any

import jwt
import pytest
from aiohttp.test_utils import make_mocked_request
from cryptography.hazmat.primitives.asymmetric import ec

from breakwater.errors import NotAuthenticated
from fargate_engine.gateway import tokens
from fargate_engine.gateway.tokens import ServiceTokens

KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def service_tokens() -> ServiceTokens:
    service_tokens = ServiceTokens()
    service_tokens.public_key = KEY.public_key()
    return service_tokens


def token(key: ec.EllipticCurvePrivateKey = KEY, **changes: Any) -> str:
    now = int(time.time())
    claims = {"aud": tokens.AUDIENCE, "iss": tokens.ISSUER, "sub": "orders", "iat": now, "exp": now + 600}
    return jwt.encode(claims | changes, key, algorithm="ES256")


def authenticate(service_tokens: ServiceTokens, token: str) -> str:
    request = make_mocked_request("POST", "/internal/orders", headers={"Authorization": f"Bearer {token}"})
    return service_tokens.authenticate(request)


def test_a_token_is_good_as_often_as_it_comes(service_tokens: ServiceTokens) -> None:
    good = token()
    assert [authenticate(service_tokens, good) for _ in range(3)] == ["orders"] * 3


def test_a_token_that_was_good_is_refused_once_its_time_is_over(
    service_tokens: ServiceTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = token()
    authenticate(service_tokens, good)
    ended_at = time.time() + 600 + tokens.CLOCK_SKEW_S
    monkeypatch.setattr(time, "time", lambda: ended_at)
    with pytest.raises(NotAuthenticated):
        authenticate(service_tokens, good)


def test_a_good_token_does_not_vouch_for_one_with_another_signature(service_tokens: ServiceTokens) -> None:
    good = token()
    authenticate(service_tokens, good)
    forged = token(ec.generate_private_key(ec.SECP256R1()))
    for signature in (forged.rpartition(".")[2], ""):
        with pytest.raises(NotAuthenticated):
            authenticate(service_tokens, f"{good.rpartition('.')[0]}.{signature}")


def test_a_refused_token_is_refused_again(service_tokens: ServiceTokens) -> None:
    too_long = token(exp=int(time.time()) + tokens.LIFETIME_MAX_S + 60)
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            authenticate(service_tokens, too_long)


def test_the_tokens_that_are_kept_are_bounded(service_tokens: ServiceTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "TOKENS_KEPT_MAX", 2)
    for name in ("a", "b", "c", "d", "e"):
        assert authenticate(service_tokens, token(sub=name)) == name
        assert len(service_tokens._verified) <= 2
