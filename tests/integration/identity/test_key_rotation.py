"""API keys: rotated with an overlap, and ended with what they were made with."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from breakwater.db.connection import Database
from breakwater.db.identity import ApiKey, find_api_key
from breakwater.domain.api_keys import KeyRates
from breakwater.domain.permissions import Caller
from breakwater.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound, NotPermitted
from breakwater.runtime import database as runtime_database
from breakwater.services import api_keys
from breakwater.services.api_keys import RotatedKey, list_api_keys, revoke_api_key, rotate_api_key
from breakwater.services.people import UserChange, change_user
from functions.authorizer.app import handler
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm, session_of
from tests.integration.identity.test_api_keys import caller, create, encrypted
from tests.integration.identity.test_authorizer import is_refused
from tests.unit.runtime.http_events import LambdaContext

DAY = timedelta(days=1)
NETWORK = "203.0.113.0/24"


@pytest.fixture(autouse=True)
def environment(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", database_urls.functions)
    yield
    runtime_database.database().close()


class Pool:
    """The user pool, which has nothing to say here."""

    def follow(self, username: str, groups: set[str], *, is_disabled: bool) -> None: ...

    def invite(self, username: str, email: str, temporary_password: str | None, groups: set[str]) -> str:
        raise AssertionError("nobody is invited here")

    def invite_again(self, username: str, temporary_password: str | None) -> None:
        raise AssertionError("nobody is invited here")


def now() -> datetime:
    return datetime.now(UTC)


def rotate(database: Database, by: Caller, key_id: str, **changes: Any) -> RotatedKey:
    with database.tenant_transaction(by.tenant_id) as tx:
        told: dict[str, Any] = {"overlap": DAY, "encrypt": encrypted, "at": now()}
        return rotate_api_key(by, tx, key_id, **told | changes)


def revoke(database: Database, by: Caller, key_id: str) -> None:
    with database.tenant_transaction(by.tenant_id) as tx:
        revoke_api_key(by, tx, key_id, at=now())


def with_key(by: Caller, key_id: str, *scopes: str) -> Caller:
    """The same user by one of his keys."""
    return replace(by, scopes=frozenset(scopes or {"admin"}), api_key_id=key_id)


def kept(database: Database, firm: Firm) -> dict[str, ApiKey]:
    with database.tenant_transaction(firm.tenant_id) as tx:
        return {key.key_id: key for key in list_api_keys(caller(firm, firm.admin), tx)}


def live(database: Database, key_id: str) -> bool:
    """Whether the authorizer finds it."""
    with database.untenanted_transaction() as connection:
        return find_api_key(connection, key_id) is not None


def events(database: Database, firm: Firm, topic: str) -> list[dict[str, Any]]:
    with database.tenant_transaction(firm.tenant_id) as tx:
        rows = tx.connection.execute(
            "SELECT payload FROM trading.events WHERE topic = %s AND tenant_id = %s ORDER BY recorded_no",
            (topic, firm.tenant_id),
        ).fetchall()
    return [row[0] for row in rows]


def is_believed(api_key: str | None) -> bool:
    event = {
        "version": "2.0",
        "headers": {"authorization": f"ApiKey {api_key}"},
        "requestContext": {"http": {"sourceIp": "203.0.113.7"}},
    }
    return not is_refused(handler(event, LambdaContext()))


def pem() -> str:
    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_the_old_key_works_until_its_overlap_ends_by_itself_and_the_new_one_at_once(
    database: Database, firm: Firm
) -> None:
    trader = caller(firm, firm.trader)
    old_id, old_key = create(
        database, trader, ip_allow=[NETWORK], account_id=firm.account.account_id, requests_per_minute_max=7, at=now()
    )
    rotated = rotate(database, trader, old_id, overlap=timedelta(seconds=2))
    assert is_believed(old_key)
    assert is_believed(rotated.api_key)
    keys = kept(database, firm)
    old, new = keys[old_id], keys[rotated.key_id]
    assert (new.scopes, new.ip_allow, new.name, new.requests_per_minute_max) == (["read"], [NETWORK], "bot", 7)
    assert (old.replaced_by, old.expires_at, new.expires_at) == (new.key_id, rotated.works_until, None)
    with database.tenant_transaction(firm.tenant_id) as tx:
        accounts = tx.connection.execute("SELECT DISTINCT account_id FROM identity.api_keys").fetchall()
        tx.connection.execute("SELECT pg_sleep_until(%s::timestamptz)", (rotated.works_until,))
    assert accounts == [(firm.account.account_id,)]
    assert not is_believed(old_key)
    assert is_believed(rotated.api_key)
    (event,) = events(database, firm, "identity.ApiKeyRotated.v1")
    assert (event["key_id"], event["replaces"], event["changed_by"]) == (new.key_id, old_id, trader.actor)
    assert rotated.api_key is not None
    assert rotated.api_key.split("_", 2)[2] not in str(event)


def test_an_overlap_never_makes_a_key_last_longer(database: Database, firm: Firm) -> None:
    trader, ends = caller(firm, firm.trader), now() + timedelta(hours=1)
    key_id, _ = create(database, trader, expires_at=ends, at=now())
    assert rotate(database, trader, key_id).works_until == ends


def test_the_next_key_lasts_as_long_as_the_old_one_was_made_to(database: Database, firm: Firm) -> None:
    trader = caller(firm, firm.trader)
    key_id, _ = create(database, trader, expires_at=now() + 90 * DAY, at=now())
    created_at = kept(database, firm)[key_id].created_at
    later = created_at + 80 * DAY
    next_key = rotate(database, trader, key_id, at=later)
    assert next_key.expires_at is not None
    assert timedelta(0) <= later + 90 * DAY - next_key.expires_at < timedelta(minutes=1)


def test_a_key_is_rotated_once_while_it_is_live_and_by_nobody_but_its_user(
    database: Database, firm: Firm, other_firm: Firm
) -> None:
    trader = caller(firm, firm.trader)
    key_id, _ = create(database, trader)
    # Not even by those who may revoke it: who rotates it is told what signs in his name.
    for by in (caller(firm, firm.admin), caller(other_firm, other_firm.trader)):
        with pytest.raises(NotFound):
            rotate(database, by, key_id)
    with pytest.raises(NotPermitted):
        rotate(database, caller(firm, firm.trader, "trade"), key_id)
    next_id = rotate(database, trader, key_id).key_id
    with pytest.raises(Conflict, match=next_id):
        rotate(database, trader, key_id)
    # Whoever has lost the answer rotates the key that he was not told.
    last_id = rotate(database, trader, next_id, overlap=timedelta(0)).key_id
    assert [live(database, each) for each in (key_id, next_id, last_id)] == [True, False, True]
    revoke(database, trader, last_id)
    with pytest.raises(Conflict, match="revoked"):
        rotate(database, trader, last_id)


def test_rotations_do_not_take_the_places_of_other_keys_and_have_an_end(database: Database, firm: Firm) -> None:
    trader = caller(firm, firm.trader)
    keys = [create(database, trader)[0] for _ in range(20)]
    newest = [rotate(database, trader, key_id).key_id for key_id in keys]
    with pytest.raises(Conflict, match="too many"):
        rotate(database, trader, newest[0])
    with pytest.raises(Conflict, match="at most 20"):
        create(database, trader)
    revoke(database, trader, newest[0])
    create(database, trader)


def test_a_key_that_may_ask_more_often_than_any_may_now_is_rotated_to_what_one_may(
    database: Database, firm: Firm
) -> None:
    trader = caller(firm, firm.trader)
    key_id, _ = create(database, trader, requests_per_minute_max=5_000)
    next_id = rotate(database, trader, key_id, rates=KeyRates(default=100, max=1_000)).key_id
    assert kept(database, firm)[next_id].requests_per_minute_max == 1_000


def test_an_ed25519_key_is_rotated_to_the_next_pair_and_no_other_takes_one(database: Database, firm: Firm) -> None:
    trader = caller(firm, firm.trader)
    key_id, _ = create(database, trader, public_key=pem())
    with pytest.raises(InvalidRequest, match="new pair"):
        rotate(database, trader, key_id)
    rotated = rotate(database, trader, key_id, public_key=pem())
    assert (rotated.api_key, rotated.key_id != key_id) == (None, True)
    with pytest.raises(InvalidRequest):
        rotate(database, trader, create(database, trader)[0], public_key=pem())


def test_a_key_rotates_none_that_is_stronger_than_itself(database: Database, firm: Firm) -> None:
    admin = caller(firm, firm.admin)
    own, _ = create(database, admin, scopes=["admin"], at=now())
    bot = with_key(admin, own)
    stronger = {
        "scope": (bot, create(database, admin, scopes=["trade"])[0]),
        "time": (replace(bot, expires_at=int((now() + DAY).timestamp())), create(database, admin, scopes=["admin"])[0]),
        "network": (replace(bot, ip_allow=(NETWORK,)), create(database, admin, scopes=["admin"])[0]),
    }
    for by, key_id in stronger.values():
        with pytest.raises(NotPermitted):
            rotate(database, by, key_id)
    slow, _ = create(database, admin, scopes=["admin"], requests_per_minute_max=5)
    fast, _ = create(database, admin, scopes=["admin"], requests_per_minute_max=50)
    with pytest.raises(NotPermitted, match="more often"):
        rotate(database, with_key(admin, slow), fast)
    assert rotate(database, bot, own).api_key is not None


def test_a_key_makes_none_that_may_ask_more_often_and_hands_its_own_rate_on(database: Database, firm: Firm) -> None:
    admin = caller(firm, firm.admin)
    slow, _ = create(database, admin, scopes=["admin"], requests_per_minute_max=5)
    usual, _ = create(database, admin, scopes=["admin"])
    for parent, told in ((slow, 6), (usual, 601)):
        with pytest.raises(NotPermitted, match="more often"):
            create(database, with_key(admin, parent), scopes=["admin"], requests_per_minute_max=told)
    child, _ = create(database, with_key(admin, slow), scopes=["admin"])
    assert kept(database, firm)[child].requests_per_minute_max == 5
    for told in (0, -1, 6_001):
        with pytest.raises(InvalidRequest):
            create(database, admin, requests_per_minute_max=told)


def test_what_was_made_with_a_key_ends_with_it_however_far_down_and_nothing_else(
    database: Database, firm: Firm
) -> None:
    admin = caller(firm, firm.admin)
    parent, _ = create(database, admin, scopes=["admin"])
    child, _ = create(database, with_key(admin, parent), scopes=["admin"])
    grandchild, _ = create(database, with_key(admin, child), scopes=["admin"])
    gone, _ = create(database, with_key(admin, child), scopes=["admin"])
    revoke(database, admin, gone)
    sibling, _ = create(database, admin, scopes=["admin"])
    before = len(events(database, firm, "identity.ApiKeyChanged.v1"))
    revoke(database, admin, parent)
    assert [live(database, each) for each in (parent, child, grandchild, sibling)] == [False, False, False, True]
    told = events(database, firm, "identity.ApiKeyChanged.v1")[before:]
    assert {each["key_id"] for each in told} == {parent, child, grandchild}
    assert {(each["change"], each["changed_by"]) for each in told} == {("REVOKED", admin.actor)}


def test_a_revocation_that_fails_ends_none_of_them(
    database: Database, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = caller(firm, firm.admin)
    parent, _ = create(database, admin, scopes=["admin"])
    child, _ = create(database, with_key(admin, parent), scopes=["admin"])
    with monkeypatch.context() as broken:
        broken.setattr(api_keys, "tell_revoked", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            revoke(database, admin, parent)
    assert (live(database, parent), live(database, child)) == (True, True)


def test_what_a_thief_made_ends_with_the_stolen_key_and_with_what_took_its_place(
    database: Database, firm: Firm
) -> None:
    admin = caller(firm, firm.admin)
    stolen, _ = create(database, admin, scopes=["admin"])
    his, _ = create(database, with_key(admin, stolen), scopes=["admin"])
    # Rotated by its owner: the new key stays when the old one is revoked, and what the old one made goes.
    mine = rotate(database, admin, stolen).key_id
    revoke(database, admin, stolen)
    assert (live(database, his), live(database, mine)) == (False, True)
    # Rotated by the thief with itself: then the new one goes as well, and so does what that one made.
    stolen, _ = create(database, admin, scopes=["admin"])
    next_of_his = rotate(database, with_key(admin, stolen), stolen).key_id
    made, _ = create(database, with_key(admin, next_of_his), scopes=["admin"])
    revoke(database, admin, stolen)
    assert (live(database, next_of_his), live(database, made)) == (False, False)
    # The newest is revoked: what its predecessor made goes with it.
    first, _ = create(database, admin, scopes=["admin"])
    made, _ = create(database, with_key(admin, first), scopes=["admin"])
    revoke(database, admin, rotate(database, admin, first).key_id)
    assert (live(database, first), live(database, made)) == (True, False)


def test_what_was_made_with_a_key_is_rotated_within_its_time_and_still_ends_with_it(
    database: Database, firm: Firm
) -> None:
    admin, ends = caller(firm, firm.admin), now() + DAY
    parent, _ = create(database, admin, scopes=["admin"], expires_at=ends, at=now())
    by_key = replace(with_key(admin, parent), expires_at=int(ends.timestamp()) + 1)
    child, _ = create(database, by_key, scopes=["admin"], expires_at=ends, at=now())
    rotated = rotate(database, admin, child, at=now() + timedelta(hours=1))
    assert rotated.expires_at == ends
    revoke(database, admin, parent)
    assert not live(database, rotated.key_id)


def test_a_key_that_is_revoked_makes_no_other_while_the_gateway_still_believes_it(
    database: Database, firm: Firm
) -> None:
    admin = caller(firm, firm.admin)
    parent, _ = create(database, admin, scopes=["admin"])
    revoke(database, admin, parent)
    with pytest.raises(NotAuthenticated):
        create(database, with_key(admin, parent), scopes=["admin"])
    with pytest.raises(NotAuthenticated):
        rotate(database, with_key(admin, parent), create(database, admin, scopes=["admin"])[0])


def test_the_keys_of_who_is_disabled_are_revoked_with_him_and_stay_so(database: Database, firm: Firm) -> None:
    admin, trader = caller(firm, firm.admin), caller(firm, firm.trader)
    keys = [create(database, trader)[0] for _ in range(2)]
    admins, _ = create(database, admin)
    for is_disabled in (True, False):
        change_user(
            firm.trader.user_id,
            UserChange(is_disabled=is_disabled),
            admin,
            database.tenant_transaction,
            pool=Pool(),
            at=now(),
        )
    assert [live(database, each) for each in (*keys, admins)] == [False, False, True]
    revoked = [each for each in events(database, firm, "identity.ApiKeyChanged.v1") if each["change"] == "REVOKED"]
    assert {(each["key_id"], each["changed_by"]) for each in revoked} == {(key_id, admin.actor) for key_id in keys}


def test_who_was_disabled_or_signed_out_a_moment_ago_makes_no_key_that_outlives_it(
    database: Database, firm: Firm
) -> None:
    """The gateway goes on for four seconds; a key that is made in them would work when he is let in again."""
    admin = caller(firm, firm.admin)
    trader = replace(caller(firm, firm.trader), session_id=session_of(firm.trader).session_id)
    key_id, _ = create(database, trader)

    def let(*, is_disabled: bool) -> None:
        change = UserChange(is_disabled=is_disabled)
        change_user(firm.trader.user_id, change, admin, database.tenant_transaction, pool=Pool(), at=now())

    let(is_disabled=True)
    for him in (trader, replace(trader, session_id=None)):
        with pytest.raises(NotAuthenticated):
            create(database, him)
        with pytest.raises(NotAuthenticated):
            rotate(database, him, key_id)
    let(is_disabled=False)
    with pytest.raises(NotAuthenticated):
        create(database, trader)  # That session stays ended.
    assert [each for each in kept(database, firm).values() if each.revoked_at is None] == []
    again = replace(session_of(firm.trader), session_id=uuid.uuid4())
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.sessions.add(again, firm.trader.user_id)
    assert live(database, create(database, replace(trader, session_id=again.session_id))[0])


def test_a_key_of_another_tenant_is_no_parent(database: Database, firm: Firm, other_firm: Firm) -> None:
    """Not even where a caller's context would say so."""
    theirs, _ = create(database, caller(other_firm, other_firm.admin), scopes=["admin"])
    with pytest.raises(NotAuthenticated):
        create(database, with_key(caller(firm, firm.admin), theirs), scopes=["admin"])
    with pytest.raises(NotFound):
        revoke(database, caller(firm, firm.admin), theirs)
    assert live(database, theirs)
