"""What a forged, foreign, stale or misused token is worth: nothing."""

import base64
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from breakwater.domain.access_tokens import SigningKeys, verify_access_token
from breakwater.domain.permissions import Principal
from breakwater.errors import NotAuthenticated, Unavailable
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, TENANT, claims, jwk_set, private_key, token


def verify(told: str, keys: SigningKeys | None = None) -> Principal:
    keys = keys or SigningKeys(lambda: jwk_set("first"))
    return verify_access_token(told, keys, issuer=ISSUER, client_id=CLIENT_ID)


def base64url(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def test_a_good_token_names_user_tenant_and_role() -> None:
    expected = Principal(TENANT, "subject-1", "trader1", "trader", frozenset({"session"}), expires_at=4102444800)
    assert verify(token(exp=4102444800)) == expected


def test_a_token_without_signature_is_refused() -> None:
    header = {"alg": "none", "kid": "first"}
    for signature in ("", "x"):
        with pytest.raises(NotAuthenticated):
            verify(f"{base64url(header)}.{base64url(claims())}.{signature}")


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    public = private_key("first").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{base64url({'alg': 'HS256', 'kid': 'first'})}.{base64url(claims())}"
    key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(key.sign(signed.encode(), public)).rstrip(b"=").decode()
    with pytest.raises(NotAuthenticated):
        verify(f"{signed}.{signature}")


def test_a_changed_payload_is_refused() -> None:
    header, _, signature = token().split(".")
    forged = claims(**{"cognito:groups": [f"org:{TENANT}", "role:organisation_admin"]})
    with pytest.raises(NotAuthenticated):
        verify(f"{header}.{base64url(forged)}.{signature}")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_other"},
        {"iss": None},
        {"client_id": "another"},
        {"client_id": None},
        {"token_use": "id"},
        {"token_use": None},
        {"exp": int(time.time()) - 31},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 86_400},  # The whole suite may take longer than some minutes.
        {"sub": None},
        {"sub": 7},
        {"username": None},
        {"cognito:groups": None},
        {"cognito:groups": "org:x role:trader"},
        {"cognito:groups": ["role:trader"]},
        {"cognito:groups": [f"org:{TENANT}"]},
        {"cognito:groups": [f"org:{TENANT}", f"org:{uuid.uuid4()}", "role:trader"]},
        {"cognito:groups": [f"org:{TENANT}", "role:trader", "role:organisation_admin"]},
        {"cognito:groups": [f"org:{TENANT}", "role:root"]},
        {"cognito:groups": ["org:everyone", "role:trader"]},
        {"cognito:groups": [7, None, ["org:x"]]},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated):
        verify(jwt.encode(claims(**changes), private_key("first"), algorithm="RS256", headers={"kid": "first"}))


@pytest.mark.parametrize(
    "told",
    [
        "",
        "a",
        "a.b.c",
        "....",
        "é.é.é",
        f"{base64.urlsafe_b64encode(b'[' * 4000).decode()}.e30.x",
        token() + "A" * 8192,
        token(key_id="unheard-of"),
    ],
    ids=lambda told: told[:8] or "empty",
)
def test_what_is_no_token_of_ours_is_refused(told: str) -> None:
    with pytest.raises(NotAuthenticated):
        verify(told)


def test_an_unknown_key_is_asked_for_at_most_once_a_minute() -> None:
    now_s, sets, asked = 0.0, ["first"], 0

    def fetch() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return jwk_set(*sets)

    keys = SigningKeys(fetch, clock=lambda: now_s)
    verify(token(), keys)
    sets.append("rotated")
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            verify(token(key_id="rotated"), keys)
    assert asked == 1
    now_s = 60.0
    assert verify(token(key_id="rotated"), keys).username == "trader1"
    assert asked == 2


def test_a_withdrawn_key_is_forgotten_within_the_hour() -> None:
    now_s, sets = 0.0, ["first"]
    keys = SigningKeys(lambda: jwk_set(*sets), clock=lambda: now_s)
    verify(token(), keys)
    sets[0] = "second"
    now_s = 3600.0
    with pytest.raises(NotAuthenticated):
        verify(token(), keys)


def test_that_the_issuer_does_not_answer_is_no_refusal() -> None:
    def fetch() -> dict[str, Any]:
        raise Unavailable("the issuer's keys could not be fetched")

    with pytest.raises(Unavailable):
        verify(token(), SigningKeys(fetch))


def test_an_answer_without_keys_is_none_and_is_remembered_as_that() -> None:
    for answer in ({"keys": []}, {"error": "moved"}, []):
        asked = 0

        def fetch(answer: Any = answer) -> Any:
            nonlocal asked
            asked += 1
            return answer

        keys = SigningKeys(fetch, clock=lambda: 0.0)
        for _ in range(2):
            with pytest.raises(Unavailable):
                verify(token(), keys)
        assert asked == 1


def test_an_issuer_that_does_not_answer_is_not_asked_again_at_once() -> None:
    now_s, asked, is_down = 0.0, 0, True

    def fetch() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if is_down:
            raise Unavailable("the issuer's keys could not be fetched")
        return jwk_set("first")

    keys = SigningKeys(fetch, clock=lambda: now_s)
    for _ in range(3):
        with pytest.raises(Unavailable):
            verify(token(), keys)
    assert asked == 1
    now_s, is_down = 5.0, False
    assert verify(token(), keys).username == "trader1"
    assert asked == 2
