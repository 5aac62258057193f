"""Tokens of an issuer beside the user pool: what a good one says, and what a forged or misused one is worth."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from breakwater.domain.access_tokens import KEYS_KEPT_S, UNKNOWN_KEY_REFETCH_S, SigningKeys, UserPool, session_id_of
from breakwater.domain.oidc import OidcProvider
from breakwater.errors import NotAuthenticated, Unavailable
from breakwater.issuers import DOCUMENT_BYTES_MAX, Issuers
from tests.support.keycloak import DISCOVERY_PATH, KEYS_PATH, SUBJECT, Realm, keycloak, private_key, public_jwk
from tests.unit.identity.tokens import CLIENT_ID, ISSUER, TENANT, served_jwk_set, token

POOL = UserPool(ISSUER, "http://127.0.0.1:1/jwks.json", CLIENT_ID)
OTHER_TENANT = uuid.UUID("22222222-2222-4222-8222-222222222222")


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def realm() -> Iterator[Realm]:
    with keycloak() as running:
        yield running


def issuers_of(realm: Realm, clock: Clock | None = None, timeout_s: float = 3.0, **changes: Any) -> Issuers:
    provider = OidcProvider.parse(json.dumps(realm.configuration(TENANT, **changes)))
    issuers = Issuers(POOL, provider, timeout_s)
    if clock is not None:
        issuers._provider_keys = SigningKeys(issuers._provider_jwks, clock)
    return issuers


def base64url(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def test_a_token_of_keycloak_names_who_it_is(realm: Realm) -> None:
    now = int(time.time())
    told = issuers_of(realm).verify(realm.token(iat=now, auth_time=now - 60, exp=now + 300))
    assert (told.tenant_id, told.username, told.email) == (TENANT, "kim", "kim@example.com")
    assert told.subject == f"{realm.issuer}|{SUBJECT}"
    assert told.roles == {"trader"}
    assert told.session_id == session_id_of(realm.issuer, SUBJECT, "0b1f2c9e-session")
    assert (told.signed_in_at, told.expires_at) == (now - 60, now + 300)
    assert (told.issuer, told.has_second_factor, told.may_be_made) == ("OIDC", False, False)
    assert realm.asked == [DISCOVERY_PATH, KEYS_PATH]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_every_algorithm_that_is_configured_is_believed_and_no_other(realm: Realm, algorithm: str) -> None:
    realm.keys["mine"] = algorithm
    told = realm.token("mine", algorithm)
    assert issuers_of(realm).verify(told).username == "kim"
    others = [each for each in ("RS256", "ES256", "EdDSA") if each != algorithm]
    with pytest.raises(NotAuthenticated):
        issuers_of(realm, algorithms=others).verify(told)


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS512", "PS256"])
def test_an_algorithm_that_is_not_safe_cannot_be_configured(realm: Realm, algorithm: str) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        issuers_of(realm, algorithms=["RS256", algorithm])


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 7])
def test_a_token_without_signature_is_refused(realm: Realm, alg: object) -> None:
    issuers = issuers_of(realm)
    for signature in ("", "x"):
        with pytest.raises(NotAuthenticated):
            issuers.verify(f"{base64url({'alg': alg, 'kid': 'rsa'})}.{base64url(realm.claims())}.{signature}")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_shared_secret(realm: Realm, alg: str) -> None:
    """In none of the forms in which everybody has it; nor is a secret that stands in the set."""
    public = private_key("RS256", "rsa").public_key()
    forms = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(public_jwk("RS256", "rsa")).encode(),
        b"secret",
    ]
    secret = base64.urlsafe_b64encode(b"secret").rstrip(b"=").decode()
    realm.more_keys = [{"kty": "oct", "k": secret, "kid": "shared", "alg": alg}]
    issuers = issuers_of(realm)
    signer = jwt.algorithms.get_default_algorithms()[alg]
    for key_id in ("rsa", "shared"):
        signed = f"{base64url({'alg': alg, 'kid': key_id})}.{base64url(realm.claims())}"
        for secret_key in forms:
            signature = base64.urlsafe_b64encode(signer.sign(signed.encode(), secret_key)).rstrip(b"=").decode()
            with pytest.raises(NotAuthenticated):
                issuers.verify(f"{signed}.{signature}")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "account"},
        {"aud": None},
        {"aud": []},
        {"aud": {"breakwater": True}},
        {"iss": "https://keycloak.example.com/realms/firm"},
        {"iss": None},
        {"exp": int(time.time()) - 31},
        {"exp": None},
        {"exp": 1e400},
        {"nbf": int(time.time()) + 86_400},
        {"iat": int(time.time()) + 86_400},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "x" * 255},
        {"sid": None},
        {"sid": ["a"]},
        {"preferred_username": None},
        {"preferred_username": {"a": 1}},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"typ": "Offline"},
        {"at_hash": "x"},
        {"realm_access": None},
        {"realm_access": {"roles": ["offline_access"]}},
        {"realm_access": {"roles": "bw-trade"}},
        {"realm_access": {"roles": [["bw-trader"], None, 7]}},
        {"realm_access": ["bw-trader"]},
        {"realm_access": {"roles": ["trader", "organisation_admin"]}},  # Ours, which the issuer need not know.
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(realm: Realm, changes: dict[str, Any]) -> None:
    issuers = issuers_of(realm)
    assert issuers.verify(realm.token()).username == "kim"
    told = realm.claims(**changes)
    signed = f"{base64url({'alg': 'RS256', 'kid': 'rsa'})}.{base64url(told)}"
    key = jwt.algorithms.get_default_algorithms()["RS256"]
    signature = base64.urlsafe_b64encode(key.sign(signed.encode(), private_key("RS256", "rsa"))).rstrip(b"=").decode()
    with pytest.raises(NotAuthenticated):
        issuers.verify(f"{signed}.{signature}")


def test_only_clients_that_are_configured_bring_tokens_where_any_are(realm: Realm) -> None:
    issuers = issuers_of(realm, authorized_parties=["breakwater-web"])
    assert issuers.verify(realm.token()).username == "kim"
    for azp in ("another", None):
        with pytest.raises(NotAuthenticated):
            issuers.verify(realm.token(azp=azp))


@pytest.mark.parametrize(
    "key_id",
    [
        "unheard-of",
        "",
        "../../../../dev/null",
        "http://127.0.0.1:1/key",
        "' OR '1'='1",
        "rsa'; DROP TABLE identity.users; --",
        "rsa\0",
        "x" * 4000,
    ],
)
def test_a_key_id_is_looked_up_and_nothing_else_is_made_of_it(realm: Realm, key_id: str) -> None:
    clock = Clock()
    issuers = issuers_of(realm, clock)
    issuers.verify(realm.token())
    forged = jwt.encode(realm.claims(), private_key("RS256", "forger"), "RS256", headers={"kid": key_id})
    for _ in range(20):
        with pytest.raises(NotAuthenticated):
            issuers.verify(forged)
    assert realm.asked == [DISCOVERY_PATH, KEYS_PATH]


@pytest.mark.parametrize("key_id", [None, 7, ["rsa"], {"rsa": 1}])
def test_a_key_id_that_is_no_text_is_refused(realm: Realm, key_id: object) -> None:
    signed = f"{base64url({'alg': 'RS256', 'kid': key_id})}.{base64url(realm.claims())}"
    with pytest.raises(NotAuthenticated):
        issuers_of(realm).verify(f"{signed}.{'A' * 342}")


def test_keys_that_a_token_brings_with_it_are_not_read(realm: Realm) -> None:
    forger = private_key("RS256", "forger")
    public_key = forger.public_key()
    assert isinstance(public_key, RSAPublicKey)
    mine = RSAAlgorithm.to_jwk(public_key, as_dict=True)
    headers: dict[str, Any]
    issuers = issuers_of(realm)
    with keycloak() as elsewhere:
        elsewhere.keys = {"rsa": "RS256"}
        url = elsewhere.issuer.removesuffix("/realms/firm") + KEYS_PATH
        for headers in ({"jku": url}, {"x5u": url}, {"jwk": mine}, {"x5c": ["MIIB"]}, {"jku": url, "jwk": mine}):
            forged = jwt.encode(realm.claims(), forger, "RS256", headers={"kid": "rsa", **headers})
            with pytest.raises(NotAuthenticated):
                issuers.verify(forged)
            # Signed rightly they change nothing.
            assert issuers.verify(realm.token(headers=headers)).username == "kim"
        assert elsewhere.asked == []


def test_a_header_that_must_be_understood_is_refused(realm: Realm) -> None:
    issuers = issuers_of(realm)
    headers: dict[str, Any]
    for headers in ({"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": True}, {"crit": []}):
        told = f"{base64url({'alg': 'RS256', 'kid': 'rsa', **headers})}.{base64url(realm.claims())}"
        key = jwt.algorithms.get_default_algorithms()["RS256"]
        signature = base64.urlsafe_b64encode(key.sign(told.encode(), private_key("RS256", "rsa"))).rstrip(b"=").decode()
        with pytest.raises(NotAuthenticated):
            issuers.verify(f"{told}.{signature}")


@pytest.mark.parametrize(
    "told", ["", "a", "a.b.c", "....", "é.é.é", "A" * 8193, f"{base64.urlsafe_b64encode(b'[' * 4000).decode()}.e30.x"]
)
def test_what_is_no_token_is_refused_and_nobody_is_asked(realm: Realm, told: str) -> None:
    with pytest.raises(NotAuthenticated):
        issuers_of(realm).verify(told)
    assert realm.asked == []


def test_a_huge_token_is_refused_though_it_is_signed(realm: Realm) -> None:
    with pytest.raises(NotAuthenticated, match="too long"):
        issuers_of(realm).verify(realm.token(scope="x" * 8192))
    assert realm.asked == []


def test_no_issuer_signs_for_another(realm: Realm) -> None:
    """Not the realm for the pool, nor an issuer that is not configured, though it has all that a realm has."""
    realm.keys["first"] = "RS256"
    with keycloak() as elsewhere, served_jwk_set("first") as pool_keys:
        provider = OidcProvider.parse(json.dumps(realm.configuration(TENANT)))
        issuers = Issuers(UserPool(ISSUER, pool_keys, CLIENT_ID), provider)
        of_pool = jwt.decode(token(), options={"verify_signature": False})
        assert issuers.verify(token()).username == "trader1"
        for forged in (
            jwt.encode(of_pool, private_key("RS256", "first"), "RS256", headers={"kid": "first"}),
            token(**realm.claims()),
        ):
            with pytest.raises(NotAuthenticated, match="not valid"):
                issuers.verify(forged)
        with pytest.raises(NotAuthenticated, match="issuer"):
            issuers.verify(elsewhere.token())
        assert elsewhere.asked == []


def test_a_new_key_is_found_at_once_and_an_old_one_drops_out(realm: Realm) -> None:
    clock = Clock()
    issuers = issuers_of(realm, clock)
    old = realm.token()
    issuers.verify(old)
    realm.keys = {"rotated": "ES256"}
    new = realm.token("rotated", "ES256")
    clock.now_s += UNKNOWN_KEY_REFETCH_S - 1
    with pytest.raises(NotAuthenticated):  # The last question is less than a minute ago.
        issuers.verify(new)
    assert issuers.verify(old).username == "kim"
    clock.now_s += 1
    assert issuers.verify(new).username == "kim"
    with pytest.raises(NotAuthenticated):
        issuers.verify(old)
    assert len(realm.asked) == 4


def test_a_withdrawn_key_drops_out_although_no_new_one_is_shown(realm: Realm) -> None:
    clock = Clock()
    issuers = issuers_of(realm, clock)
    old = realm.token()
    issuers.verify(old)
    realm.keys = {"rotated": "ES256"}
    clock.now_s += KEYS_KEPT_S
    with pytest.raises(NotAuthenticated):
        issuers.verify(old)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_short_keys_and_keys_for_encryption_sign_nothing(realm: Realm) -> None:
    short = generate_private_key(65537, 1024)  # noqa: S505  # It is to be refused.
    realm.more_keys = [
        {**RSAAlgorithm.to_jwk(short.public_key(), as_dict=True), "kid": "short", "alg": "RS256", "use": "sig"},
        {**public_jwk("RS256", "other"), "kid": "enc", "use": "enc"},
    ]
    issuers = issuers_of(realm)
    assert issuers.verify(realm.token()).username == "kim"
    for key_id, key in (("short", short), ("enc", private_key("RS256", "other"))):
        with pytest.raises(NotAuthenticated):
            issuers.verify(jwt.encode(realm.claims(), key, "RS256", headers={"kid": key_id}))


@pytest.mark.parametrize("path", [DISCOVERY_PATH, KEYS_PATH])
@pytest.mark.parametrize(
    "document",
    [
        (500, b"{}"),
        (302, b"http://127.0.0.1:1/elsewhere"),
        (200, b""),
        (200, b"[]"),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
        (200, b'{"keys": [' + b" " * DOCUMENT_BYTES_MAX + b"]}"),
        (200, b'{"keys": {}}'),
        (200, b'{"issuer": "https://another", "jwks_uri": "https://another/keys", "keys": []}'),
    ],
    ids=lambda told: str(told)[:40],
)
def test_a_document_that_makes_no_sense_is_no_refusal_and_not_asked_for_again_at_once(
    realm: Realm, path: str, document: tuple[int, bytes]
) -> None:
    realm.documents[path] = document
    issuers = issuers_of(realm)
    for _ in range(3):
        with pytest.raises(Unavailable):
            issuers.verify(realm.token())
    assert realm.asked.count(path) == 1


@pytest.mark.parametrize(
    ("status", "changes", "padding"),
    [
        (500, {}, b""),
        (206, {}, b""),
        (200, {}, b" " * DOCUMENT_BYTES_MAX),
        (200, {"issuer": "https://another"}, b""),
        (200, {"issuer": None}, b""),
    ],
    ids=["failed", "partial", "large", "of another issuer", "of nobody"],
)
def test_what_would_do_but_for_one_thing_is_not_taken(
    realm: Realm, status: int, changes: dict[str, Any], padding: bytes
) -> None:
    """Each holds all that is looked for, and keys that would be believed."""
    documents = {path: json.loads(realm.answer(path)[1]) for path in (DISCOVERY_PATH, KEYS_PATH)}
    documents[DISCOVERY_PATH] |= changes
    for path, document in documents.items():
        realm.documents[path] = (status, json.dumps(document).encode() + padding)
    with pytest.raises(Unavailable):
        issuers_of(realm).verify(realm.token())
    realm.documents.clear()
    assert issuers_of(realm).verify(realm.token()).username == "kim"


@pytest.mark.parametrize("keys_url", ["http://127.0.0.1:1/keys", "file:///etc/passwd", "ftp://a/b", 7, None])
def test_keys_come_by_https_or_from_the_issuer_itself(realm: Realm, keys_url: object) -> None:
    realm.documents[DISCOVERY_PATH] = (200, json.dumps({"issuer": realm.issuer, "jwks_uri": keys_url}).encode())
    with pytest.raises(Unavailable, match="names"):
        issuers_of(realm).verify(realm.token())


def test_an_issuer_that_answers_a_byte_at_a_time_is_given_up(realm: Realm) -> None:
    realm.pause_s = 0.05
    began = time.monotonic()
    with pytest.raises(Unavailable):
        issuers_of(realm, timeout_s=0.5).verify(realm.token())
    assert time.monotonic() - began < 2


def test_a_token_lives_an_hour_whatever_its_issuer_says(realm: Realm) -> None:
    now = int(time.time())
    assert issuers_of(realm).verify(realm.token(iat=now, exp=now + 864_000)).expires_at == now + 3600


@pytest.mark.parametrize("value", ["firm", ["firm"], {"firm": {"id": "42"}}])
def test_the_organisation_is_what_the_claim_names(realm: Realm, value: object) -> None:
    issuers = issuers_of(
        realm,
        claims={"organisation": "organization"},
        organisations={"firm": str(TENANT), "other": str(OTHER_TENANT)},
    )
    assert issuers.verify(realm.token(organization=value)).tenant_id == TENANT
    assert issuers.verify(realm.token(organization="other")).tenant_id == OTHER_TENANT
    wrong: Any
    for wrong in ("unheard-of", str(TENANT), ["firm", "other"], [], {}, None, 7, [["firm"]]):
        with pytest.raises(NotAuthenticated):
            issuers.verify(realm.token(organization=wrong))


def test_claims_are_where_the_configuration_says(realm: Realm) -> None:
    issuers = issuers_of(
        realm,
        claims={
            "subject": "employee_number",
            "username": ["https://firm.example/login"],
            "email": None,
            "session": "auth_time",
            "roles": ["resource_access", "break.water", "roles"],
        },
    )
    named: dict[str, Any] = {"https://firm.example/login": "kim.k"}
    told = issuers.verify(
        realm.token(
            employee_number=4711,
            auth_time=1_700_000_000,
            resource_access={"break.water": {"roles": ["bw-risk", "bw-trader"]}},
            **named,
        )
    )
    assert (told.subject, told.username, told.email) == (f"{realm.issuer}|4711", "kim.k", None)
    assert told.roles == {"risk_manager", "trader"}
    assert told.session_id == session_id_of(realm.issuer, "4711", "1700000000")


def test_a_second_factor_is_what_the_issuer_says_of_it(realm: Realm) -> None:
    issuers = issuers_of(realm, second_factor={"amr": ["otp", "hwk"], "acr": ["gold"]})
    changes: dict[str, Any]
    for changes in ({"amr": ["pwd", "otp"]}, {"acr": "gold"}):
        assert issuers.verify(realm.token(**changes)).has_second_factor
    for changes in ({}, {"amr": ["pwd"]}, {"amr": "otp"}, {"amr": [["otp"], 7]}, {"acr": ["gold"]}, {"acr": "1"}):
        assert not issuers.verify(realm.token(**changes)).has_second_factor


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": "http://keycloak.example.com/realms/firm"}, "https"),
        ({"issuer": "https://keycloak.example.com/realms/firm/"}, "issuer"),
        ({"issuer": "keycloak"}, "issuer"),
        ({"audience": ""}, "audience"),
        ({"organisations": {}}, "organisations"),
        ({"organisations": {"firm": "firm"}}, "organisations"),
        ({"organisations": {"a": str(TENANT), "b": str(OTHER_TENANT)}}, "exactly one"),
        ({"roles": {"admins": "root"}}, "roles"),
        ({"roles": {"admins": "system_admin"}}, "system_admin"),
        ({"roles": {}}, "come together"),
        ({"claims": {"roles": None}}, "come together"),
        ({"claims": {"roles": None}, "roles": {}, "makes_users": True}, "makes_users"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_told(realm: Realm, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        issuers_of(realm, **changes)


def test_a_realm_cannot_stand_in_for_the_pool(realm: Realm) -> None:
    provider = OidcProvider.parse(json.dumps(realm.configuration(TENANT)))
    with pytest.raises(ValueError, match="both"):
        Issuers(UserPool(realm.issuer, "https://pool/keys", CLIENT_ID), provider)
