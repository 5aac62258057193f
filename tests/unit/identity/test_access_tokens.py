"""What a forged, foreign, stale or misused token is worth: nothing."""

import base64
import json
import threading
import time
import uuid
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from breakwater.domain.access_tokens import (
    KEYS_KEPT_S,
    UNKNOWN_KEY_REFETCH_S,
    FoundUser,
    SigningKeys,
    Told,
    as_known,
    second_factor_roles,
    session_id_of,
    verify_access_token,
)
from breakwater.errors import NotAuthenticated, SecondFactorRequired, Unavailable
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, TENANT, claims, jwk_set, private_key, token


def verify(told: str, keys: SigningKeys | None = None) -> Told:
    keys = keys or SigningKeys(lambda: jwk_set("first"))
    return verify_access_token(told, keys, issuer=ISSUER, client_id=CLIENT_ID)


def base64url(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def test_a_good_token_names_user_tenant_and_session() -> None:
    told = verify(token(exp=4102444800, iat=1_700_000_010, auth_time=1_700_000_000))
    assert told == Told(
        tenant_id=TENANT,
        subject="subject-1",
        username="trader1",
        email=None,
        roles=None,
        session_id=session_id_of(ISSUER, "subject-1", "session-1"),
        signed_in_at=1_700_000_000,
        expires_at=4102444800,
        has_second_factor=False,
    )


def test_a_session_is_one_persons_at_one_issuer() -> None:
    told = verify(token())
    assert verify(token()).session_id == told.session_id
    for others in (
        verify(token(sub="subject-2")).session_id,
        verify(token(origin_jti="session-2")).session_id,
        session_id_of("https://elsewhere", "subject-1", "session-1"),
    ):
        assert others != told.session_id


FOUND = FoundUser(
    user_id=TENANT,
    username="trader1",
    role="risk_manager",
    permissions_version=3,
    is_recorded=True,
    is_ended=False,
    has_second_factor=False,
    is_seen_lately=True,
)


@pytest.mark.parametrize("found", [None, replace(FOUND, is_recorded=False), replace(FOUND, is_ended=True)])
def test_who_is_not_known_or_in_no_open_session_is_not_believed(found: FoundUser | None) -> None:
    with pytest.raises(NotAuthenticated):
        as_known(verify(token()), found)


def test_whose_role_asks_for_a_second_factor_may_only_enrol_without_one() -> None:
    told, roles = verify(token()), frozenset({"risk_manager"})
    assert as_known(told, FOUND).scopes == {"session"}
    assert as_known(told, FOUND, frozenset({"organisation_admin"})).scopes == {"session"}
    assert as_known(told, replace(FOUND, has_second_factor=True), roles).scopes == {"session"}
    assert as_known(replace(told, has_second_factor=True), FOUND, roles).scopes == {"session"}
    enrolling = as_known(told, FOUND, roles)
    assert enrolling.permissions == set()
    for refused in (enrolling.require_second_factor, lambda: enrolling.require("orders:read")):
        with pytest.raises(SecondFactorRequired):
            refused()


def test_a_role_that_is_not_known_asks_nobody_for_a_second_factor_and_is_told() -> None:
    assert second_factor_roles(None) == second_factor_roles("") == set()
    assert second_factor_roles("risk_manager,system_admin") == {"risk_manager", "system_admin"}
    with pytest.raises(ValueError, match="risk-manager"):
        second_factor_roles("risk-manager,system_admin")


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
        {"origin_jti": None},  # What names no session cannot be ended.
        {"iat": None},
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
    answer: Any
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


def test_while_an_issuer_is_slow_nobody_else_waits_for_it() -> None:
    """Else a few tokens that name keys which there are not would hold every thread."""
    now_s, answers, asked = 0.0, threading.Event(), threading.Event()
    answers.set()

    def fetch() -> dict[str, Any]:
        asked.set()
        assert answers.wait(10)
        return jwk_set("first")

    keys = SigningKeys(fetch, clock=lambda: now_s)
    assert keys.find("first") is not None
    now_s = UNKNOWN_KEY_REFETCH_S + 1.0
    answers.clear()
    asked.clear()
    slow = threading.Thread(target=lambda: keys.find("invented"))
    slow.start()
    assert asked.wait(10)
    with pytest.raises(Unavailable):
        keys.find("another")
    now_s = KEYS_KEPT_S + 1.0
    assert keys.find("first") is not None  # Old, and being fetched: as it was known.
    assert slow.is_alive()  # Its answer has yet to come.
    answers.set()
    slow.join(10)
    assert not slow.is_alive()
