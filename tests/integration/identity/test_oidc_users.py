"""People of an OIDC issuer: through the same authorizer, to the same caller."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.db.identity import User
from breakwater.domain.caller_context import to_caller
from breakwater.domain.permissions import Caller
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm, make_firm
from tests.integration.identity.test_authorizer import authorize, bearer, environment, is_refused
from tests.integration.identity.test_people import ask
from tests.support.keycloak import SUBJECT, Realm, keycloak

__all__ = ["environment"]  # Fixtures.


@pytest.fixture
def realm() -> Iterator[Realm]:
    with keycloak() as running:
        yield running


@pytest.fixture
def configure(realm: Realm, firm: Firm, monkeypatch: pytest.MonkeyPatch) -> Any:
    def configured(**changes: Any) -> None:
        monkeypatch.setenv("OIDC_PROVIDER", json.dumps(realm.configuration(firm.tenant_id, **changes)))

    configured()
    return configured


def kim(firm: Firm, realm: Realm, database: Database, role: str = "trader") -> User:
    """Somebody who signs in at the realm."""
    user = User(uuid.uuid4(), "kim", f"{realm.issuer}|{SUBJECT}", "kim@example.com", role)
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.save_user(user)
    return user


def shown(realm: Realm, **claims: Any) -> dict[str, Any]:
    return authorize(f"Bearer {realm.token(**claims)}")


def caller_of(answer: dict[str, Any]) -> Caller:
    return to_caller(answer["context"], "c")


def topics(urls: DatabaseUrls) -> list[tuple[str, str | None]]:
    with psycopg.connect(urls.admin) as connection:
        return connection.execute("SELECT topic, actor FROM trading.events ORDER BY recorded_no").fetchall()


def test_a_token_of_the_issuer_makes_the_caller_that_one_of_the_pool_makes(
    configure: Any, firm: Firm, realm: Realm, database: Database, database_urls: DatabaseUrls
) -> None:
    user = kim(firm, realm, database)
    caller = caller_of(shown(realm))
    assert (caller.tenant_id, caller.username, caller.role) == (firm.tenant_id, "kim", "trader")
    assert (caller.subject, caller.scopes) == (user.subject, {"session"})
    of_pool = caller_of(authorize(bearer(firm)))
    assert caller.permissions == of_pool.permissions
    # It was first seen here, which is a sign-in.
    assert topics(database_urls) == [("identity.SignedIn.v1", "kim")]
    assert not is_refused(shown(realm, jti="another token of the session"))
    assert len(topics(database_urls)) == 1


def test_without_the_configuration_the_issuer_is_nobody(firm: Firm, realm: Realm, database: Database) -> None:
    kim(firm, realm, database)
    assert is_refused(shown(realm))
    assert realm.asked == []


def test_who_is_not_known_is_not_made_unless_that_is_configured(
    configure: Any, firm: Firm, realm: Realm, database: Database, database_urls: DatabaseUrls
) -> None:
    assert is_refused(shown(realm))
    configure(makes_users=True)
    caller = caller_of(shown(realm))
    assert (caller.username, caller.role, caller.subject) == ("kim", "trader", f"{realm.issuer}|{SUBJECT}")
    assert [topic for topic, _ in topics(database_urls)] == ["users.PermissionsUpdated.v1", "identity.SignedIn.v1"]
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_disabled(tx.identity.user(caller.subject).user_id, is_disabled=True)
    assert is_refused(shown(realm))


@pytest.mark.parametrize(
    ("told", "kept"),
    [("kim@example.com", "kim@example.com"), (None, ""), ("kim", ""), ("a b@example.com", ""), ("a@b@c", "")],
)
def test_an_address_that_is_none_is_left_out(
    configure: Any, firm: Firm, realm: Realm, database: Database, *, told: str | None, kept: str
) -> None:
    configure(makes_users=True)
    caller = caller_of(shown(realm, email=told))
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.identity.user(caller.subject).email == kept


@pytest.mark.parametrize(
    "claims",
    [
        {"preferred_username": "ours-admin"},  # Somebody else's.
        {"preferred_username": "theirs-trader"},
        {"preferred_username": "kim smith"},
        {"preferred_username": "x" * 64},
        {"realm_access": {"roles": ["bw-trader", "bw-risk"]}},
    ],
    ids=str,
)
def test_nobody_is_made_under_a_name_or_with_roles_that_are_not_clear(
    configure: Any, firm: Firm, realm: Realm, database: Database, claims: dict[str, Any]
) -> None:
    make_firm(database, "theirs")
    configure(makes_users=True)
    assert is_refused(shown(realm, **claims))
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.people.count() == 2


def test_nobody_is_made_in_an_organisation_that_is_not_there(
    configure: Any, realm: Realm, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(makes_users=True, organisations={"gone": str(uuid.uuid4())})
    assert is_refused(shown(realm))


def test_what_the_issuer_calls_somebody_gives_him_nobody_elses_account(
    configure: Any, firm: Firm, realm: Realm, database: Database
) -> None:
    """By user name, by mail, or under a subject of the pool's, an issuer that lets people choose them names another."""
    kim(firm, realm, database)
    told = caller_of(shown(realm, preferred_username=firm.admin.username, email=firm.admin.email))
    assert (told.username, told.role) == ("kim", "trader")
    assert is_refused(shown(realm, sub=firm.admin.subject))


def test_the_role_is_the_rows_and_must_be_one_that_the_issuer_names(
    configure: Any, firm: Firm, realm: Realm, database: Database
) -> None:
    user = kim(firm, realm, database)
    assert caller_of(shown(realm, realm_access={"roles": ["bw-risk", "bw-trader"]})).role == "trader"
    # The issuer has taken it from him.
    assert is_refused(shown(realm, realm_access={"roles": ["bw-risk"]}))
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_role(user.user_id, "risk_manager")
    assert is_refused(shown(realm))
    assert caller_of(shown(realm, realm_access={"roles": ["bw-risk"]})).role == "risk_manager"
    configure(claims={"roles": None}, roles={})
    assert caller_of(shown(realm)).role == "risk_manager"


def test_an_administrator_invites_somebody_of_the_issuer_and_the_pool_hears_nothing_of_it(
    configure: Any, firm: Firm, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.users.app._pool", lambda: None)
    told = {"username": "kim", "email": "kim@example.com", "role": "trader", "issuer_subject": SUBJECT}
    status, problem = ask(firm, "POST", "/users", told | {"temporary_password": "Temporary-horse-1"})
    assert (status, problem["code"]) == (422, "INVALID_REQUEST")
    status, invited = ask(firm, "POST", "/users", told)
    assert status == 201
    assert caller_of(shown(realm)).username == "kim"
    path = f"/users/{invited['user_id']}"
    status, problem = ask(firm, "POST", f"{path}/invitation", {})
    assert (status, problem["code"]) == (409, "CONFLICT")
    assert ask(firm, "PATCH", path, {"is_disabled": True})[0] == 200
    assert is_refused(shown(realm))


def test_an_issuer_invites_nobody_into_an_organisation_that_it_does_not_speak_for(
    configure: Any, other_firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"username": "kim", "email": "kim@example.com", "role": "trader", "issuer_subject": SUBJECT}
    monkeypatch.setattr("functions.users.app._pool", lambda: None)
    assert ask(other_firm, "POST", "/users", told)[0] == 422
    monkeypatch.delenv("OIDC_PROVIDER")
    assert ask(other_firm, "POST", "/users", told)[0] == 422


def test_a_role_that_asks_for_a_second_factor_takes_the_issuers_word_for_it(
    configure: Any, firm: Firm, realm: Realm, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_FACTOR_ROLES", "risk_manager,trader")
    configure(second_factor={"amr": ["otp"]})
    kim(firm, realm, database)
    assert caller_of(shown(realm)).scopes == {"enrol"}
    assert caller_of(shown(realm, amr=["pwd", "otp"])).scopes == {"session"}
    assert caller_of(shown(realm, sid="another")).permissions == set()
