"""Who sees which account, and that no tenant sees another's."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from breakwater.db.connection import Database
from breakwater.db.identity import StoredSecret, find_api_key
from breakwater.errors import NotFound
from tests.integration.identity.conftest import Firm


def test_a_trader_sees_the_accounts_assigned_to_him_and_an_administrator_all(database: Database, firm: Firm) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.identity.accessible_account_ids(firm.trader.subject, "trader") == [firm.account.account_id]
        seen = tx.identity.accessible_account_ids(firm.admin.subject, "organisation_admin")
        assert seen == [firm.account.account_id, firm.other_account.account_id]
        assert tx.identity.accessible_account_ids(firm.admin.subject, "janitor") == []


def test_an_account_of_nobody_and_one_of_another_firm_are_not_found(
    database: Database, firm: Firm, other_firm: Firm
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        found = tx.identity.require_account(firm.trader.subject, "trader", firm.account.account_id)
        assert found == firm.account
        for account_id in (firm.other_account.account_id, other_firm.account.account_id, uuid.uuid4()):
            with pytest.raises(NotFound):
                tx.identity.require_account(firm.trader.subject, "trader", account_id)
        with pytest.raises(NotFound):
            tx.identity.require_account(firm.admin.subject, "organisation_admin", other_firm.account.account_id)
        with pytest.raises(NotFound):
            tx.identity.user(other_firm.trader.subject)


def test_the_database_itself_keeps_tenants_apart(database: Database, firm: Firm, other_firm: Firm) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        rows = tx.connection.execute("SELECT DISTINCT tenant_id FROM identity.users").fetchall()
        assert rows == [(firm.tenant_id,)]
        changed = tx.connection.execute(
            "UPDATE identity.users SET role = 'viewer' WHERE tenant_id = %s", (other_firm.tenant_id,)
        )
        assert changed.rowcount == 0
    with database.untenanted_transaction() as connection:
        assert connection.execute("SELECT * FROM identity.users").fetchall() == []


def test_a_key_is_found_until_it_expires_or_is_revoked(database: Database, firm: Firm, other_firm: Firm) -> None:
    now = datetime.now(UTC)
    with database.tenant_transaction(firm.tenant_id) as tx:
        for key_id, expires_at in {"live": now + timedelta(hours=1), "expired": now - timedelta(seconds=1)}.items():
            tx.identity.add_api_key(
                key_id=key_id,
                user_id=firm.trader.user_id,
                name="bot",
                secret=StoredSecret(b"salt", b"hash", b"ciphertext"),
                public_key=None,
                account_id=None,
                scopes=["read"],
                ip_allow=["10.0.0.0/8"],
                expires_at=expires_at,
            )
        assert tx.identity.count_live_api_keys(firm.trader.user_id) == 1
        assert {key.key_id for key in tx.identity.api_keys(firm.trader.user_id)} == {"live", "expired"}
        assert tx.identity.api_keys(firm.admin.user_id) == []
    with database.untenanted_transaction() as connection:
        found = find_api_key(connection, "live")
        assert find_api_key(connection, "expired") is None
    assert found is not None
    assert (found.tenant_id, found.subject, found.ip_allow) == (firm.tenant_id, firm.trader.subject, ["10.0.0.0/8"])

    with database.tenant_transaction(other_firm.tenant_id) as tx, pytest.raises(NotFound):
        tx.identity.revoke_api_key("live", None)
    with database.tenant_transaction(firm.tenant_id) as tx:
        with pytest.raises(NotFound):
            tx.identity.revoke_api_key("live", firm.admin.user_id)
        tx.identity.revoke_api_key("live", None)
    with database.untenanted_transaction() as connection:
        assert find_api_key(connection, "live") is None
