"""API keys as their owners manage them."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakwater.db.connection import Database
from breakwater.db.identity import User
from breakwater.domain.permissions import Caller
from breakwater.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from breakwater.services.api_keys import create_api_key, list_api_keys, revoke_api_key
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def caller(firm: Firm, user: User, *scopes: str) -> Caller:
    return Caller(
        firm.tenant_id, user.subject, user.username, user.role, frozenset(scopes or {"session"}), correlation_id="c"
    )


def encrypted(key_id: str, api_key: str) -> bytes:
    """Not readable, as KMS would have it."""
    return hashlib.sha256(f"{key_id} {api_key}".encode()).digest()


def create(database: Database, by: Caller, **changes: Any) -> tuple[str, str]:
    """Its id and the key itself, "" for an Ed25519 key: there is none to be shown."""
    options = {
        "name": "bot",
        "scopes": ["read"],
        "ip_allow": [],
        "expires_at": None,
        "encrypt": encrypted,
        "at": NOW,
    } | changes
    with database.tenant_transaction(by.tenant_id) as tx:
        key_id, api_key = create_api_key(by, tx, **options)
    return key_id, api_key or ""


def test_the_secret_is_stored_nowhere(database: Database, firm: Firm) -> None:
    _, api_key = create(database, caller(firm, firm.trader))
    secret = api_key.split("_", 2)[2]
    with database.tenant_transaction(firm.tenant_id) as tx:
        row = tx.connection.execute("SELECT k.*::text FROM identity.api_keys k").fetchone()
    assert row is not None
    assert secret not in str(row)
    assert secret.encode().hex() not in str(row)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["withdraw"]}, "scopes"),
        ({"scopes": ["session"]}, "scopes"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": datetime.fromisoformat("9999-12-31T23:59:59-12:00")}, "expires_at"),
        ({"ip_allow": ["203.0.113.1/24"]}, "ip_allow"),
        ({"ip_allow": ["everywhere"]}, "ip_allow"),
        ({"ip_allow": ["fe80::1%eth0/128"]}, "ip_allow"),
        ({"ip_allow": ["fe80::1%eth0"]}, "ip_allow"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    database: Database, firm: Firm, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        create(database, caller(firm, firm.trader), **changes)
    assert refusal.value.extensions["field"] == field


def test_a_key_never_makes_a_stronger_key(database: Database, firm: Firm) -> None:
    administrators_key = caller(firm, firm.admin, "admin")
    create(database, administrators_key, scopes=["admin"])
    with pytest.raises(NotPermitted):
        create(database, administrators_key, scopes=["trade"])
    with pytest.raises(NotPermitted):
        create(database, caller(firm, firm.trader, "trade"), scopes=["trade"])


def test_a_key_never_makes_one_that_lasts_longer(database: Database, firm: Firm) -> None:
    ends = NOW + timedelta(days=1)
    bot = replace(caller(firm, firm.admin, "admin"), expires_at=int(ends.timestamp()))
    create(database, bot, scopes=["admin"], expires_at=ends)
    for later in (None, ends + timedelta(seconds=1)):
        with pytest.raises(NotPermitted):
            create(database, bot, scopes=["admin"], expires_at=later)


def test_a_key_never_makes_one_that_may_be_used_from_elsewhere(database: Database, firm: Firm) -> None:
    bot = replace(caller(firm, firm.admin, "admin"), ip_allow=("203.0.113.0/24", "2001:db8::/64"))
    create(database, bot, scopes=["admin"], ip_allow=["203.0.113.7", "2001:db8::1"])
    for elsewhere in ([], ["0.0.0.0/0"], ["203.0.113.7", "198.51.100.1"], ["::/0"]):
        with pytest.raises(NotPermitted):
            create(database, bot, scopes=["admin"], ip_allow=elsewhere)


def test_a_person_makes_keys_that_outlast_his_access_token(database: Database, firm: Firm) -> None:
    signed_in = replace(caller(firm, firm.trader), expires_at=int(NOW.timestamp()) + 60)
    create(database, signed_in, expires_at=NOW + timedelta(days=1))
    create(database, signed_in)


def test_everyone_lists_and_revokes_his_own_keys_and_administrators_all(database: Database, firm: Firm) -> None:
    traders_key, _ = create(database, caller(firm, firm.trader), expires_at=NOW + timedelta(days=10_000))
    admins_key, _ = create(database, caller(firm, firm.admin))
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert [key.key_id for key in list_api_keys(caller(firm, firm.trader), tx)] == [traders_key]
        listed = {key.key_id: key.username for key in list_api_keys(caller(firm, firm.admin), tx)}
        assert listed == {traders_key: firm.trader.username, admins_key: firm.admin.username}
        with pytest.raises(NotFound):
            revoke_api_key(caller(firm, firm.trader), tx, admins_key, at=datetime.now(UTC))
        revoke_api_key(caller(firm, firm.admin), tx, traders_key, at=datetime.now(UTC))
        assert [key.revoked_at is None for key in list_api_keys(caller(firm, firm.trader), tx)] == [False]


def test_a_user_has_at_most_twenty_live_keys(database: Database, firm: Firm) -> None:
    keys = [create(database, caller(firm, firm.trader))[0] for _ in range(20)]
    with pytest.raises(Conflict):
        create(database, caller(firm, firm.trader))
    with database.tenant_transaction(firm.tenant_id) as tx:
        revoke_api_key(caller(firm, firm.trader), tx, keys[0], at=datetime.now(UTC))
    create(database, caller(firm, firm.trader))


def test_two_keys_made_at_once_do_not_both_take_the_last_place(
    database: Database, database_urls: DatabaseUrls, firm: Firm
) -> None:
    for _ in range(18):
        create(database, caller(firm, firm.trader))
    other = Database(lambda: database_urls.functions)
    with ThreadPoolExecutor(1) as thread:
        with database.tenant_transaction(firm.tenant_id) as tx:
            create_api_key(
                caller(firm, firm.trader),
                tx,
                name="bot",
                scopes=["read"],
                ip_allow=[],
                expires_at=None,
                encrypt=encrypted,
                at=NOW,
            )
            waiting = [thread.submit(create, other, caller(firm, firm.trader)) for _ in range(2)]
            with pytest.raises(TimeoutError):
                waiting[0].result(timeout=0.5)
        waiting[0].result(timeout=5)
        with pytest.raises(Conflict):
            waiting[1].result(timeout=5)
    other.close()


def test_keys_that_were_revoked_never_hide_one_that_is_live(
    database: Database, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breakwater.db.identity.API_KEYS_MAX", 2)
    live, _ = create(database, caller(firm, firm.trader))
    for _ in range(2):
        key_id, _ = create(database, caller(firm, firm.trader))
        with database.tenant_transaction(firm.tenant_id) as tx:
            revoke_api_key(caller(firm, firm.trader), tx, key_id, at=datetime.now(UTC))
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert list_api_keys(caller(firm, firm.admin), tx)[0].key_id == live
