"""Keys of accounts at exchanges: kept sealed, rotated with an overlap, wrapped anew under another master key."""

import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.kms.models import kms_backends
from pydantic import ValidationError

from breakwater.db.connection import Database
from breakwater.db.engine_connection import engine_pool
from breakwater.db.exchange_credentials import ExchangeCredential
from breakwater.db.stored_credentials import exchange_credential_accounts
from breakwater.domain.exchange_credentials import ExchangeSecret, Place
from breakwater.domain.permissions import Caller
from breakwater.errors import Conflict, NotFound, NotPermitted, Unavailable
from breakwater.runtime import aws
from breakwater.runtime.exchange_credential_keys import make_data_key, master_key_id, rewrap_data_key
from breakwater.services import exchange_credentials
from breakwater.services.exchange_credentials import (
    DataKey,
    add_credential,
    delete_credential,
    grant_credential,
    list_credentials,
    rewrap_credentials,
    rotate_credential,
    withdraw_credential,
)
from breakwater.services.settlement import TenantTransactions
from fargate_engine import aws as engine_aws
from fargate_engine.venues.configuration import Credentials, VenueSettings
from fargate_engine.venues.stored_credentials import credentials_from
from functions.provisioning.app import handler
from local_cloud import provisioning as local_provisioning
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.integration.identity.test_api_keys import caller
from tests.integration.identity.test_provisioning import secret as secret_of
from tests.unit.runtime.http_events import LambdaContext

SECRET = ExchangeSecret("public-key-wxyz", "hush-hush-one")
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NEXT = ExchangeSecret("public-key-next", "hush-hush-two")


@pytest.fixture(autouse=True)
def master_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    aws.client.cache_clear()
    with mock_aws():
        monkeypatch.setattr(engine_aws, "client", boto3.client)
        key = new_master_key()
        monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", key)
        yield key
    aws.client.cache_clear()


def new_master_key() -> str:
    return str(boto3.client("kms").create_key()["KeyMetadata"]["Arn"])


def lose(key_arn: str) -> None:
    """As when it is deleted: moto lets a disabled one go on."""
    kms_backends[ACCOUNT_ID]["eu-west-1"].keys.pop(key_arn.rpartition("/")[2])


def admin(firm: Firm) -> Caller:
    return caller(firm, firm.admin)


def add(database: Database, firm: Firm, **changes: Any) -> ExchangeCredential:
    told: dict[str, Any] = {
        "account_id": firm.account.account_id,
        "venue": "BINANCE",
        "label": "main",
        "secret": SECRET,
    }
    return add_credential(
        admin(firm), transactions_of(database, firm), make_data_key=make_data_key, at=AT, **told | changes
    )


def rotate(database: Database, firm: Firm, credential_id: uuid.UUID, overlap: timedelta) -> ExchangeCredential:
    return rotate_credential(
        admin(firm),
        transactions_of(database, firm),
        credential_id,
        secret=NEXT,
        overlap=overlap,
        make_data_key=make_data_key,
        at=AT,
    )


def transactions_of(database: Database, firm: Firm) -> TenantTransactions:
    return partial(database.tenant_transaction, actor=admin(firm).actor)


def shown(database: Database, firm: Firm) -> list[ExchangeCredential]:
    with database.tenant_transaction(firm.tenant_id) as tx:
        return list_credentials(admin(firm), tx)


def rewrap(urls: DatabaseUrls, batch: int = 10, before: datetime | None = None) -> tuple[int, int]:
    with psycopg.connect(urls.admin) as connection:
        done = rewrap_credentials(
            connection,
            master_key_id=master_key_id(),
            rewrap=rewrap_data_key,
            wrapped_before=before,
            batch_size_max=batch,
            by="operator",
            at=AT,
        )
    return done.rewrapped, done.left


def named(credential_id: uuid.UUID, venue: str = "BINANCE") -> VenueSettings:
    return VenueSettings(name=venue, exchange="binance", credentials=f"store:{credential_id}")


async def opened(urls: DatabaseUrls, credential_id: uuid.UUID, venue: str = "BINANCE") -> Credentials:
    """As the engine gets it, under its own role."""
    async with engine_pool(urls.engine) as pool:
        return await credentials_from(pool)(named(credential_id, venue))


def everything(urls: DatabaseUrls) -> str:
    with psycopg.connect(urls.admin) as connection:
        return str(connection.execute("SELECT c::text FROM identity.exchange_credentials c").fetchall())


def recorded(urls: DatabaseUrls, firm: Firm, credential_id: uuid.UUID) -> list[tuple[str, int, str]]:
    """What was done to it, to which version, and in whose name."""
    with psycopg.connect(urls.admin) as connection:
        rows = connection.execute(
            "SELECT payload->>'change', (payload->>'version')::int, actor, payload->>'changed_by', tenant_id = %s"
            " FROM trading.events JOIN trading.outbox USING (event_id)"
            " WHERE topic = 'identity.ExchangeCredentialChanged.v1' AND aggregate_id = %s ORDER BY recorded_no",
            (firm.tenant_id, credential_id),
        ).fetchall()
    assert all(actor == changed_by and is_theirs for _, _, actor, changed_by, is_theirs in rows)
    return [(change, version, actor) for change, version, actor, _, _ in rows]


def test_whatever_is_done_to_it_is_in_the_trail_of_its_organisation(
    database: Database, firm: Firm, other_firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = add(database, firm).credential_id, add(database, other_firm).credential_id
    rotate(database, firm, ours, timedelta(hours=1))
    monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", new_master_key())
    assert rewrap(database_urls) == (3, 0)
    with database.tenant_transaction(firm.tenant_id, admin(firm).actor) as tx:
        delete_credential(admin(firm), tx, ours, at=AT)
    by = firm.admin.username
    made = [("STORED", 1, by), ("ROTATED", 2, by)]
    rewrapped = {("REWRAPPED", 1, "operator"), ("REWRAPPED", 2, "operator")}
    told = recorded(database_urls, firm, ours)
    assert (told[:2], set(told[2:4]), told[4:]) == (made, rewrapped, [("DELETED", 2, by)])
    at_others = [("STORED", 1, other_firm.admin.username), ("REWRAPPED", 1, "operator")]
    assert recorded(database_urls, other_firm, theirs) == at_others
    with psycopg.connect(database_urls.admin) as connection:
        payloads = str(connection.execute("SELECT payload FROM trading.events").fetchall())
    assert "hush" not in payloads
    assert "public-key" not in payloads


def test_what_is_kept_and_what_is_shown_hold_neither_key_nor_secret(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    assert (added.venue, added.label, added.api_key_end, added.version) == ("BINANCE", "main", "wxyz", 1)
    for text in (everything(database_urls), str(shown(database, firm))):
        for hidden in ("public-key", "hush"):
            assert hidden not in text
            assert hidden.encode().hex() not in text


async def test_the_engine_opens_it_and_that_is_noted(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    async with engine_pool(database_urls.engine) as pool:
        key = await credentials_from(pool)(named(added.credential_id))
        assert key == Credentials(SECRET.api_key, SECRET.secret)
        assert shown(database, firm)[0].last_used_at is None
        assert key.note_use is not None
        await key.note_use()
    assert shown(database, firm)[0].last_used_at is not None


async def test_of_two_versions_that_work_the_engine_gets_both_and_says_which_it_uses(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    rotate(database, firm, added.credential_id, timedelta(hours=1))
    async with engine_pool(database_urls.engine) as pool:
        newest = await credentials_from(pool)(named(added.credential_id))
        assert newest == Credentials(NEXT.api_key, NEXT.secret)
        (older,) = newest.older
        assert older == Credentials(SECRET.api_key, SECRET.secret)
        assert older.note_use is not None
        await older.note_use()
        assert [each.last_used_at is None for each in shown(database, firm)] == [True, False]
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute("UPDATE identity.exchange_credentials SET retires_at = now() WHERE version = 1")
        assert (await credentials_from(pool)(named(added.credential_id))).older == ()


async def test_an_older_version_that_does_not_open_takes_nothing_from_the_newest(
    database: Database, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, master_key: str
) -> None:
    added = add(database, firm)
    monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", new_master_key())
    rotate(database, firm, added.credential_id, timedelta(hours=1))
    lose(master_key)
    newest = await opened(database_urls, added.credential_id)
    assert (newest, newest.older) == (Credentials(NEXT.api_key, NEXT.secret), ())


async def test_a_row_that_was_moved_opens_nowhere(
    database: Database, firm: Firm, other_firm: Firm, database_urls: DatabaseUrls
) -> None:
    mine = add(database, firm)
    moves = {
        "tenant_id": other_firm.tenant_id,
        "account_id": firm.other_account.account_id,
        "venue": "BYBIT",
        "version": 7,
    }
    for column, value in moves.items():
        with psycopg.connect(database_urls.admin) as connection:
            # One of the names above.
            before = connection.execute(f"SELECT {column} FROM identity.exchange_credentials").fetchone()
            connection.execute(f"UPDATE identity.exchange_credentials SET {column} = %s", (value,))
        venue = "BYBIT" if column == "venue" else "BINANCE"
        with pytest.raises(Unavailable):
            await opened(database_urls, mine.credential_id, venue)
        assert before is not None
        with psycopg.connect(database_urls.admin) as connection:
            connection.execute(f"UPDATE identity.exchange_credentials SET {column} = %s", before)
    assert await opened(database_urls, mine.credential_id) == Credentials(SECRET.api_key, SECRET.secret)


async def test_the_engine_takes_one_for_its_own_venue_only_and_none_that_is_not_there(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    with pytest.raises(Unavailable, match="for another venue"):
        await opened(database_urls, added.credential_id, "BYBIT")
    with pytest.raises(Unavailable, match="not in the store"):
        await opened(database_urls, uuid.uuid4())


def test_the_engine_reads_no_table_of_them(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.engine) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM identity.exchange_credentials")


async def test_a_rotation_keeps_the_id_and_for_its_overlap_the_old_version(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    rotated = rotate(database, firm, added.credential_id, timedelta(hours=1))
    assert (rotated.credential_id, rotated.version, rotated.api_key_end) == (added.credential_id, 2, "next")
    newest, old = shown(database, firm)
    assert (newest.version, newest.retires_at, newest.rotated_at is not None) == (2, None, True)
    assert (old.version, old.retires_at is not None) == (1, True)
    assert newest.created_at == old.created_at
    assert await opened(database_urls, added.credential_id) == Credentials(NEXT.api_key, NEXT.secret)


def test_a_version_whose_overlap_is_over_is_shown_no_more_and_goes_with_the_next_rotation(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    rotate(database, firm, added.credential_id, timedelta(hours=1))
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE identity.exchange_credentials SET retires_at = now() WHERE version = 1")
    assert [each.version for each in shown(database, firm)] == [2]
    rotate(database, firm, added.credential_id, timedelta(hours=1))
    with psycopg.connect(database_urls.admin) as connection:
        rows = connection.execute("SELECT version FROM identity.exchange_credentials ORDER BY 1").fetchall()
    assert rows == [(2,), (3,)]


def test_what_is_deleted_is_gone_with_its_ciphertext(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    rotate(database, firm, added.credential_id, timedelta(hours=1))
    with database.tenant_transaction(firm.tenant_id) as tx:
        delete_credential(admin(firm), tx, added.credential_id, at=AT)
    assert everything(database_urls) == "[]"


def test_one_tenant_neither_sees_nor_changes_anothers(database: Database, firm: Firm, other_firm: Firm) -> None:
    theirs = add(database, other_firm)
    assert shown(database, firm) == []
    with pytest.raises(NotFound):
        rotate(database, firm, theirs.credential_id, timedelta(0))
    with pytest.raises(NotFound), database.tenant_transaction(firm.tenant_id) as tx:
        delete_credential(admin(firm), tx, theirs.credential_id, at=AT)
    with pytest.raises(NotFound):
        add(database, firm, account_id=other_firm.account.account_id)
    assert [each.version for each in shown(database, other_firm)] == [1]
    # Without our own WHERE clauses, too.
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert tx.connection.execute("SELECT count(*) FROM identity.exchange_credentials").fetchone() == (0,)


async def grants(urls: DatabaseUrls, credential_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """As the engine reads them, under its own role."""
    async with engine_pool(urls.engine) as pool:
        return (await exchange_credential_accounts(pool, [credential_id]))[credential_id]


def change_grant(
    database: Database, by: Caller, credential_id: uuid.UUID, account_id: uuid.UUID, *, is_given: bool
) -> None:
    with database.tenant_transaction(by.tenant_id, by.actor) as tx:
        change = grant_credential if is_given else withdraw_credential
        change(by, tx, credential_id, account_id, at=datetime.now(UTC))


async def test_a_credential_is_for_its_own_account_and_for_those_that_it_is_granted_to(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    credential_id = add(database, firm).credential_id
    own, other = firm.account.account_id, firm.other_account.account_id
    assert await grants(database_urls, credential_id) == {own}
    for _ in range(2):
        change_grant(database, admin(firm), credential_id, other, is_given=True)
    assert await grants(database_urls, credential_id) == {own, other}
    rotate(database, firm, credential_id, timedelta(hours=1))
    assert await grants(database_urls, credential_id) == {own, other}
    assert [each.granted_account_ids for each in shown(database, firm)] == [[other], [other]]
    for _ in range(2):
        change_grant(database, admin(firm), credential_id, other, is_given=False)
    assert await grants(database_urls, credential_id) == {own}
    with pytest.raises(Conflict):
        change_grant(database, admin(firm), credential_id, own, is_given=False)
    with database.tenant_transaction(firm.tenant_id) as tx:
        told = tx.connection.execute(
            "SELECT payload -> 'is_given', payload ->> 'changed_by' FROM trading.events"
            " WHERE topic = 'identity.ExchangeCredentialAccessChanged.v1' ORDER BY recorded_no"
        ).fetchall()
    assert told == [(True, firm.admin.username), (False, firm.admin.username)]


async def test_no_grant_crosses_tenants_not_even_one_that_is_written_into_the_table(
    database: Database, firm: Firm, other_firm: Firm, database_urls: DatabaseUrls
) -> None:
    mine, theirs = add(database, firm).credential_id, add(database, other_firm).credential_id
    for credential_id, account in ((mine, other_firm.account), (theirs, firm.account)):
        with pytest.raises(NotFound):
            change_grant(database, admin(firm), credential_id, account.account_id, is_given=True)
    statement = (
        "INSERT INTO identity.exchange_credential_grants (credential_id, account_id, tenant_id) VALUES (%s, %s, %s)"
    )
    with psycopg.connect(database_urls.admin) as connection:
        with pytest.raises(psycopg.errors.ForeignKeyViolation), connection.transaction():
            connection.execute(statement, (theirs, other_firm.account.account_id, firm.tenant_id))
        connection.execute(statement, (theirs, firm.account.account_id, firm.tenant_id))
    assert await grants(database_urls, theirs) == {other_firm.account.account_id}


async def test_what_is_deleted_is_for_nobody(database: Database, firm: Firm, database_urls: DatabaseUrls) -> None:
    added = add(database, firm)
    change_grant(database, admin(firm), added.credential_id, firm.other_account.account_id, is_given=True)
    with database.tenant_transaction(firm.tenant_id) as tx:
        delete_credential(admin(firm), tx, added.credential_id, at=datetime.now(UTC))
        assert tx.connection.execute("SELECT count(*) FROM identity.exchange_credential_grants").fetchone() == (0,)
    assert await grants(database_urls, added.credential_id) == frozenset()


def test_nobody_but_an_administrator_who_is_signed_in_grants_any(database: Database, firm: Firm) -> None:
    added = add(database, firm)
    for by in (caller(firm, firm.trader), caller(firm, firm.admin, "admin")):
        for is_given in (True, False):
            with pytest.raises(NotPermitted):
                change_grant(database, by, added.credential_id, firm.other_account.account_id, is_given=is_given)


def test_only_an_administrator_who_is_signed_in_may(database: Database, firm: Firm) -> None:
    for by in (caller(firm, firm.trader), caller(firm, firm.admin, "admin"), caller(firm, firm.admin, "read", "trade")):
        with pytest.raises(NotPermitted), database.tenant_transaction(firm.tenant_id) as tx:
            list_credentials(by, tx)


def test_a_label_stands_once_for_an_account_at_a_venue(
    database: Database, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, firm)
    with pytest.raises(Conflict, match="of that label"):
        add(database, firm)
    add(database, firm, venue="BYBIT")
    monkeypatch.setattr(exchange_credentials, "CREDENTIALS_OF_ONE_TENANT_MAX", 2)
    with pytest.raises(Conflict, match="at most 2"):
        add(database, firm, label="third")


async def test_another_master_key_takes_over_in_batches_while_everything_is_readable(
    database: Database, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, master_key: str
) -> None:
    kept = [add(database, firm, label=f"label {number}") for number in range(5)]
    new = new_master_key()
    monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", new)
    kept.append(add(database, firm, label="after"))
    assert rewrap(database_urls, batch=2) == (2, 3)
    for each in kept:  # Some under the old key, some under the new one.
        assert await opened(database_urls, each.credential_id) == Credentials(SECRET.api_key, SECRET.secret)
    assert rewrap(database_urls, batch=2) == (2, 1)
    assert rewrap(database_urls, batch=2) == (1, 0)
    assert rewrap(database_urls, batch=2) == (0, 0)
    lose(master_key)
    for each in kept:
        assert await opened(database_urls, each.credential_id) == Credentials(SECRET.api_key, SECRET.secret)


async def test_what_kms_rotated_itself_is_wrapped_anew_by_its_time(
    database: Database, firm: Firm, database_urls: DatabaseUrls
) -> None:
    added = add(database, firm)
    before = everything(database_urls)
    assert rewrap(database_urls) == (0, 0)
    assert rewrap(database_urls, before=datetime.now(UTC) + timedelta(seconds=1))[0] == 1
    assert everything(database_urls) != before
    assert await opened(database_urls, added.credential_id) == Credentials(SECRET.api_key, SECRET.secret)


async def test_what_kms_refuses_is_told_and_the_others_go_on(
    database: Database, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, master_key: str
) -> None:
    monkeypatch.setenv("ADMIN_DATABASE_SECRET_ARN", secret_of(database_urls.admin))
    lost = [add(database, firm, label=f"lost {number}").credential_id for number in range(3)]
    monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", new_master_key())
    kept = [add(database, firm, label=f"kept {number}").credential_id for number in range(3)]
    monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", new_master_key())
    lose(master_key)
    answer = handler({"action": "rewrap_exchange_credentials", "batch_size": 1}, LambdaContext())
    assert (answer["rewrapped"], answer["left"], answer["refused"]) == (3, 3, 3)
    assert {uuid.UUID(each["credential_id"]) for each in answer["refused_keys"]} == set(lost)
    assert all(each["reason"].startswith("KMS refuses it: ") for each in answer["refused_keys"])
    for credential_id in kept:
        assert await opened(database_urls, credential_id) == Credentials(SECRET.api_key, SECRET.secret)


def test_where_kms_is_away_a_batch_changes_nothing(
    database: Database, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, firm)
    monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", new_master_key())
    before, kms = everything(database_urls), aws.client("kms")

    def away(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "ReEncrypt")

    with monkeypatch.context() as silent:
        silent.setattr(kms, "re_encrypt", away)
        with pytest.raises(Unavailable):
            rewrap(database_urls)
    assert everything(database_urls) == before
    assert rewrap(database_urls) == (1, 0)


class Provisioning:
    """Lambda, as far as it is invoked here: what the function answers."""

    def __init__(self, **answer: Any) -> None:
        self._answer = answer

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        assert json.loads(Payload) == {"action": "rewrap_exchange_credentials"}
        return {"Payload": io.BytesIO(json.dumps(self._answer).encode())}


def test_the_operators_command_ends_with_an_error_where_any_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({"BreakwaterControl": {"ProvisioningFunctionName": "provisioning"}}))
    refused = {"credential_id": "c", "version": "2", "tenant_id": "t", "reason": "KMS refuses it: NotFoundException"}
    some = Provisioning(rewrapped=3, left=1, refused=1, refused_keys=[refused])
    monkeypatch.setattr(boto3, "client", lambda *_, **__: some)
    with pytest.raises(SystemExit) as ended:
        local_provisioning.main(str(outputs), "rewrap")
    assert str(ended.value) == "1 are under the old master key still\nc version 2: KMS refuses it: NotFoundException"
    none = Provisioning(rewrapped=4, left=0, refused=0, refused_keys=[])
    monkeypatch.setattr(boto3, "client", lambda *_, **__: none)
    local_provisioning.main(str(outputs), "rewrap")
    assert "'left': 0" in capsys.readouterr().out


def test_without_kms_nothing_is_kept(
    database: Database, firm: Firm, database_urls: DatabaseUrls, master_key: str
) -> None:
    lose(master_key)
    with pytest.raises(Unavailable):
        add(database, firm)
    assert everything(database_urls) == "[]"


def test_the_operators_function_wraps_all_anew_however_small_its_batches(
    database: Database, firm: Firm, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        add(database, firm, label=f"label {number}")
    monkeypatch.setenv("EXCHANGE_CREDENTIALS_KEY_ID", new_master_key())
    monkeypatch.setenv("ADMIN_DATABASE_SECRET_ARN", secret_of(database_urls.admin))
    action = {"action": "rewrap_exchange_credentials", "batch_size": 2}
    none = {"left": 0, "refused": 0, "refused_keys": []}
    assert handler(action, LambdaContext()) == {"rewrapped": 5, **none}
    assert handler(action, LambdaContext()) == {"rewrapped": 0, **none}
    with pytest.raises(ValueError, match="yet to come"):
        handler(action | {"wrapped_before": "2999-01-01T00:00:00Z"}, LambdaContext())
    for batch_size in (0, exchange_credentials.REWRAP_BATCH_MAX + 1):
        with pytest.raises(ValidationError):
            handler(action | {"batch_size": batch_size}, LambdaContext())


def test_no_transaction_waits_for_kms(database: Database, database_urls: DatabaseUrls, firm: Firm) -> None:
    asked = 0

    def looking(place: Place) -> DataKey:
        nonlocal asked
        asked += 1
        with psycopg.connect(database_urls.admin) as connection:
            begun = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
            ).fetchone()
        assert begun == (0,)
        return make_data_key(place)

    made = add_credential(
        admin(firm),
        transactions_of(database, firm),
        account_id=firm.account.account_id,
        venue="BINANCE",
        label="main",
        secret=SECRET,
        make_data_key=looking,
        at=AT,
    )
    rotate_credential(
        admin(firm),
        transactions_of(database, firm),
        made.credential_id,
        secret=NEXT,
        overlap=timedelta(0),
        make_data_key=looking,
        at=AT,
    )
    assert asked == 2


def test_who_rotates_while_another_does_is_refused_and_retires_nothing(database: Database, firm: Firm) -> None:
    made = add(database, firm)

    def another_was_faster(place: Place) -> DataKey:
        rotate(database, firm, made.credential_id, timedelta(hours=1))
        return make_data_key(place)

    with pytest.raises(Conflict, match="at the same time"):
        rotate_credential(
            admin(firm),
            transactions_of(database, firm),
            made.credential_id,
            secret=SECRET,
            overlap=timedelta(0),
            make_data_key=another_was_faster,
            at=AT,
        )
    newest, _ = shown(database, firm)
    assert (newest.version, newest.retires_at) == (2, None)
