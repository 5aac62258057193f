"""What was withdrawn is believed for five seconds at most: by the endpoint's keys, its streams, and the channels."""

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from breakwater.db.connection import Database, TenantTransaction
from breakwater.db.engine_connection import engine_pool
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Role
from breakwater.services.api_keys import create_api_key
from fargate_engine.binance.errors import BinanceError
from fargate_engine.channels.connection import EXPIRED
from fargate_engine.firm_exchange.keys import Keys
from tests.conftest import DatabaseUrls
from tests.integration.fargate_engine.channel_scene import Channels, channels, person
from tests.integration.identity.conftest import Firm, database, make_firm, session_of

__all__ = ["channels", "database"]  # Fixtures.

PROMISED_S = 5.0
ADDRESS = "203.0.113.7"
OF_NO_KEY = {"session", "nothing"}  # A key stays when its user signs out.

type Change = Callable[[TenantTransaction, Firm], None]


def take_account(tx: TenantTransaction, firm: Firm) -> None:
    tx.people.take_account(firm.trader.user_id, firm.account.account_id)


def disable(tx: TenantTransaction, firm: Firm) -> None:
    tx.people.set_disabled(firm.trader.user_id, is_disabled=True)


def make_system_admin(tx: TenantTransaction, firm: Firm) -> None:
    tx.people.set_role(firm.trader.user_id, Role.SYSTEM_ADMIN)


def revoke_keys(tx: TenantTransaction, firm: Firm) -> None:
    for key in tx.identity.api_keys(firm.trader.user_id):
        tx.identity.revoke_api_key(key.key_id, None)


def end_session(tx: TenantTransaction, firm: Firm) -> None:
    tx.sessions.end(session_of(firm.trader).session_id, firm.trader.user_id, "somebody")


def change_nothing(tx: TenantTransaction, firm: Firm) -> None:
    """Of those who go on."""


CHANGES: dict[str, Change] = {
    "account": take_account,
    "disabled": disable,
    "role": make_system_admin,
    "revoked": revoke_keys,
    "session": end_session,
    "nothing": change_nothing,
}


def ed25519_key(database: Database, firm: Firm, account_id: uuid.UUID | None = None) -> str:
    public_key = Ed25519PrivateKey.generate().public_key()
    with database.tenant_transaction(firm.tenant_id) as tx:
        key_id, _ = create_api_key(
            person(firm),
            tx,
            name="bot",
            scopes=["read", "trade"],
            ip_allow=[],
            expires_at=None,
            account_id=account_id,
            public_key=public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            encrypt=lambda *_: b"",
            at=datetime.now(UTC),
        )
    return key_id


async def scopes_of(keys: Keys, key_id: str) -> set[str]:
    """What the endpoint lets the key do; nothing for one that is not believed."""
    try:
        return set((await keys.client(key_id, ADDRESS)).scopes)
    except BinanceError:
        return set()


async def test_the_endpoint_forgets_what_a_key_could_do_within_five_seconds(
    database: Database, database_urls: DatabaseUrls
) -> None:
    firms = {name: make_firm(database, name) for name in CHANGES}
    key_ids = {name: ed25519_key(database, firm) for name, firm in firms.items()}
    async with engine_pool(database_urls.engine) as pool:
        keys = Keys(pool, encryption_key_id="unused", kms=object())
        clients = {name: await keys.client(key_id, ADDRESS) for name, key_id in key_ids.items()}
        for name, change in CHANGES.items():
            assert await keys.is_believed(clients[name])
            with database.tenant_transaction(firms[name].tenant_id) as tx:
                change(tx, firms[name])
        changed_at = time.monotonic()
        # Streams ask anew each time.
        assert [await keys.is_believed(clients[name]) for name in CHANGES] == [False, False, False, False, True, True]
        while any([await scopes_of(keys, key_ids[name]) for name in CHANGES if name not in OF_NO_KEY]):
            assert time.monotonic() - changed_at < PROMISED_S
            await asyncio.sleep(0.05)
        assert await scopes_of(keys, key_ids["nothing"]) == {"trade", "cancel", "orders", "read"}
        # And the other way round: who is let in again waits no longer.
        with database.tenant_transaction(firms["disabled"].tenant_id) as tx:
            tx.people.set_disabled(firms["disabled"].trader.user_id, is_disabled=False)
        changed_at = time.monotonic()
        while not await scopes_of(keys, key_ids["disabled"]):
            assert time.monotonic() - changed_at < PROMISED_S
            await asyncio.sleep(0.05)


async def test_a_channel_ends_within_five_seconds_of_a_change_and_others_go_on(
    channels: Channels, database: Database
) -> None:
    async def closes(name: str, change: Change) -> float:
        """After how long."""
        firm = make_firm(database, name)
        async with channels.connect(firm) as client:
            assert (await client.ask("subscribe", channel="orders"))["type"] == "snapshot"
            with database.tenant_transaction(firm.tenant_id) as tx:
                change(tx, firm)
            changed_at = time.monotonic()
            assert await client.close_code() == EXPIRED
            return time.monotonic() - changed_at

    stays = make_firm(database, "stays")
    async with channels.connect(stays) as client:
        changes = {name: change for name, change in CHANGES.items() if name not in {"revoked", "nothing"}}
        took_s = await asyncio.gather(*(closes(name, change) for name, change in changes.items()))
        assert max(took_s) < PROMISED_S
        assert (await client.ask("ping"))["type"] == "pong"


@pytest.mark.parametrize("role", Role)
async def test_a_key_trades_what_its_user_sees_by_his_role(
    role: Role, database: Database, database_urls: DatabaseUrls
) -> None:
    """The roles that see all accounts are written in SQL as well."""
    firm = make_firm(database, "ours")
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.identity.grant_account(firm.trader.user_id, firm.other_account.account_id)
    key_id = ed25519_key(database, firm, firm.other_account.account_id)
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.people.set_role(firm.trader.user_id, role)
        tx.people.take_account(firm.trader.user_id, firm.other_account.account_id)
    async with engine_pool(database_urls.engine) as pool:
        keys = Keys(pool, encryption_key_id="unused", kms=object())
        if role in ROLES_WITH_ALL_ACCOUNTS:
            assert (await keys.client(key_id, ADDRESS)).owner.account_id == firm.other_account.account_id
        else:
            with pytest.raises(BinanceError):
                await keys.client(key_id, ADDRESS)
