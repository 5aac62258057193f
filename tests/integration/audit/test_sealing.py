"""The audit trail against a real Postgres: sealed, anchored, exported and verified by the client's own verifier."""

import hashlib
import json
import threading
import uuid
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from breakwater.client.audit_verifier import Tampered, Verified, verify
from breakwater.db.connection import Database
from breakwater.domain.audit_chain import GENESIS
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.domain.times import nanoseconds
from breakwater.errors import InvalidRequest, NotFound, NotPermitted
from breakwater.services import audit, audit_sealing
from breakwater.services.audit_sealing import Outcome, seal_all
from events.identity import SignedIn
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm, database, firm, other_firm
from tests.support.anchorage import Anchorage

__all__ = ["database", "firm", "other_firm"]  # Fixtures.

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def anchorage() -> Anchorage:
    return Anchorage()


def write(tx: Any, firm: Firm, *, about: uuid.UUID | None = None, at: datetime = NOW) -> None:
    user = firm.trader
    event = SignedIn(user_id=user.user_id, username=user.username, source_ip="192.0.2.1", second_factor=False)
    tx.outbox.add(
        event,
        aggregate_id=about or user.user_id,
        account_id=None,
        correlation_id="c",
        occurred_at_ns=nanoseconds(at),
    )


def write_many(database: Database, firm: Firm, count: int, *, actor: str = "", at: datetime = NOW) -> None:
    for _ in range(count):
        with database.tenant_transaction(firm.tenant_id, actor) as tx:
            write(tx, firm, at=at)


def seal(database: Database, anchorage: Anchorage, *, at: datetime = NOW) -> Outcome:
    """As the function does it, under the role that it has."""
    sealer = sealer_of(database)
    try:
        return seal_all(
            sealer.untenanted_transaction,
            sealer.tenant_transaction,
            anchorage,
            seconds_left=lambda: 50.0,
            now=lambda: at,
        )
    finally:
        sealer.close()


def sealer_of(database: Database) -> Database:
    conninfo = make_conninfo(database._conninfo(), user="breakwater_sealer", password="breakwater_sealer")
    return Database(lambda: conninfo)


def person(firm: Firm, role: Role = Role.ORGANISATION_ADMIN) -> Caller:
    scopes = frozenset({SESSION_SCOPE})
    return Caller(firm.tenant_id, firm.admin.subject, firm.admin.username, role, scopes, correlation_id="c")


def chain(urls: DatabaseUrls, firm: Firm) -> list[tuple[int, int]]:
    """(sequence, version) of each record."""
    with psycopg.connect(urls.admin) as connection:
        return connection.execute(
            "SELECT sequence, version FROM audit.records WHERE tenant_id = %s ORDER BY sequence", (firm.tenant_id,)
        ).fetchall()


def exported(database: Database, firm: Firm, anchorage: Anchorage, path: Path) -> Path:
    """As `breakwater audit export` does it, without the HTTP between."""
    since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
    told = audit.export(person(firm), database.tenant_transaction, anchorage, since=since, until=until)
    first, last = told["first_sequence"], told["sequence"]
    lines: list[str] = []
    at = first
    while at <= last:
        with database.tenant_transaction(firm.tenant_id) as tx:
            answer = audit.lines(person(firm), tx, first_sequence=at, limit=last - at + 1, at=NOW)
        lines += answer["lines"]
        if answer["next_sequence"] <= at:
            break
        at = answer["next_sequence"]
    anchors = audit.anchors_of(person(firm), anchorage, first_sequence=first, sequence=told["anchored_sequence"])[
        "items"
    ]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export.json", json.dumps(told))
        archive.writestr("records.jsonl", "".join(f"{line}\n" for line in lines))
        archive.writestr("anchors.jsonl", "".join(json.dumps(anchor) + "\n" for anchor in anchors))
    return path


def verified(database: Database, firm: Firm, anchorage: Anchorage, folder: Path) -> Verified:
    return verify(exported(database, firm, anchorage, folder / f"{uuid.uuid4()}.zip"), anchorage.public_key().encode())


def test_events_become_records_in_their_order_and_each_aggregate_counts_its_own(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sealing, "SEALED_AT_ONCE_MAX", 2)
    another = uuid.uuid4()
    for about in (None, another, None, None, another):
        with database.tenant_transaction(firm.tenant_id) as tx:
            write(tx, firm, about=about)
    assert seal(database, anchorage) == Outcome(5, [])
    assert chain(database_urls, firm) == [(1, 1), (2, 1), (3, 2), (4, 3), (5, 2)]
    write_many(database, firm, 1)
    assert seal(database, anchorage) == Outcome(1, [])
    assert chain(database_urls, firm)[5:] == [(6, 4)]
    assert seal(database, anchorage) == Outcome(0, [])


def test_an_export_is_verified_from_the_first_record_to_the_last_anchor(
    database: Database, firm: Firm, anchorage: Anchorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sealing, "ANCHORED_AT_ONCE_MAX", 3)
    write_many(database, firm, 7)
    seal(database, anchorage)
    assert [sequence for _, sequence in anchorage.stored] == [3, 6, 7]
    told = verified(database, firm, anchorage, tmp_path)
    assert (told.records, told.anchors, told.unanchored) == (7, 3, 0)
    anchorage.is_down = True
    write_many(database, firm, 2)
    trouble = f"audit trail of {firm.tenant_id}: Unavailable: the anchor could not be stored"
    assert seal(database, anchorage) == Outcome(3, [trouble])  # Sealed, and not anchored.
    told = verified(database, firm, anchorage, tmp_path)  # What is signed and not stored is not counted on.
    assert (told.records, told.unanchored) == (7, 3)
    anchorage.is_down = False
    seal(database, anchorage)  # Stored as it was signed then, and what was exported meanwhile is in the trail, too.
    seal(database, anchorage)
    told = verified(database, firm, anchorage, tmp_path)
    assert (told.first_sequence, told.records) == (1, 11)  # Two exports with their records.


def test_an_export_of_a_time_begins_and_ends_with_whole_anchors(
    database: Database, firm: Firm, anchorage: Anchorage, tmp_path: Path
) -> None:
    for day in (-3, 0, 3):
        write_many(database, firm, 2)
        seal(database, anchorage, at=NOW + timedelta(days=day))
    told = verified(database, firm, anchorage, tmp_path)
    assert (told.first_sequence, told.records, told.anchors) == (3, 2, 1)


# By somebody who owns the database, after the anchors were stored. What else he could make fit, he makes fit.
TAMPERING = {
    "changed": "UPDATE trading.events SET actor = 'somebody else' WHERE event_id = %(of)s",
    "removed": "DELETE FROM audit.records WHERE sequence = 3;"
    " UPDATE audit.records SET sequence = sequence - 1 WHERE sequence > 3;"
    " ALTER TABLE audit.heads DISABLE TRIGGER ALL; UPDATE audit.heads SET sequence = sequence - 1",
    "reordered": "UPDATE audit.records SET sequence = -sequence WHERE sequence IN (3, 4);"
    " UPDATE audit.records SET sequence = 7 + sequence WHERE sequence < 0",
    "cut": "DELETE FROM audit.records WHERE sequence > 2",
    "cut from the end": "DELETE FROM audit.records WHERE sequence > 2; DELETE FROM audit.anchors WHERE sequence > 2;"
    " ALTER TABLE audit.heads DISABLE TRIGGER ALL;"
    " UPDATE audit.heads SET sequence = 2, anchored_sequence = 2",
}


@pytest.mark.parametrize("what", TAMPERING)
def test_who_has_the_database_cannot_change_the_past_unseen(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, tmp_path: Path, *, what: str
) -> None:
    for count in (2, 3):
        write_many(database, firm, count)
        seal(database, anchorage)
    assert verified(database, firm, anchorage, tmp_path).records == 5
    tamper(database_urls, TAMPERING[what])
    with pytest.raises(Tampered, match=what) as found:
        verified(database, firm, anchorage, tmp_path)
    assert found.value.sequence == 3


REWINDING = {
    "from the beginning": "DELETE FROM audit.records; DELETE FROM audit.anchors; DELETE FROM audit.heads",
    "from an anchor": "DELETE FROM audit.records WHERE sequence > 2; DELETE FROM audit.anchors WHERE sequence > 2;"
    " ALTER TABLE audit.heads DISABLE TRIGGER ALL;"
    " UPDATE audit.heads SET sequence = 2, anchored_sequence = 2, sealed_no = 2, hash = anchored_hash",
    "beside an anchor": "ALTER TABLE audit.heads DISABLE TRIGGER ALL;"
    " UPDATE audit.heads SET anchor_digest = decode(repeat('ab', 32), 'hex')",
}


@pytest.mark.parametrize("how", REWINDING)
def test_a_past_that_was_made_anew_is_not_signed(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, *, how: str
) -> None:
    """The sealer would chain whatever stands there: what lies in the bucket keeps it from vouching for it."""
    for count in (2, 3):
        write_many(database, firm, count)
        seal(database, anchorage)
    before = dict(anchorage.stored)
    tamper(database_urls, f"UPDATE trading.events SET actor = 'somebody else'; {REWINDING[how]}")
    write_many(database, firm, 1)
    for _ in range(2):
        (trouble,) = seal(database, anchorage).troubles
        assert "TrailRewound" in trouble
    assert anchorage.stored == before


def test_records_that_change_between_signing_and_storing_are_not_stored(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage
) -> None:
    write_many(database, firm, 2)
    anchorage.is_down = True
    seal(database, anchorage)
    anchorage.is_down = False
    tamper(database_urls, "UPDATE audit.records SET record_hash = decode(repeat('ab', 32), 'hex') WHERE sequence = 2")
    assert "have changed since they were signed" in seal(database, anchorage).troubles[0]
    assert anchorage.stored == {}


def test_one_organisation_whose_trail_is_broken_does_not_keep_the_others(
    database: Database, database_urls: DatabaseUrls, firm: Firm, other_firm: Firm, anchorage: Anchorage
) -> None:
    for each in (firm, other_firm):
        write_many(database, each, 1)
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute(
            "INSERT INTO audit.records VALUES (%s, 1, gen_random_uuid(), gen_random_uuid(), 1, '', 't', NULL, now())",
            (firm.tenant_id,),
        )
    outcome = seal(database, anchorage)
    assert outcome.sealed == 1
    assert "UniqueViolation" in outcome.troubles[0]
    assert list(anchorage.stored) == [(other_firm.tenant_id, 1)]


def tamper(urls: DatabaseUrls, statements: str) -> None:
    with psycopg.connect(urls.admin) as connection:
        row = connection.execute("SELECT event_id FROM audit.records WHERE sequence = 3").fetchone()
        for statement in statements.split(";"):
            of = {"of": row[0]} if row is not None and "%(of)s" in statement else None
            connection.execute(statement.encode(), of)


def test_what_commits_late_is_waited_for_and_nothing_is_passed_over(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage
) -> None:
    """The second event has a higher number and is there first. A seal that took it alone would never see the other."""
    late = Database(lambda: database_urls.functions)
    written, may_commit = threading.Event(), threading.Event()

    def write_late() -> None:
        with late.tenant_transaction(firm.tenant_id) as tx:
            write(tx, firm)
            written.set()
            assert may_commit.wait(5)

    writer = threading.Thread(target=write_late)
    writer.start()
    assert written.wait(5)
    write_many(database, firm, 1)
    sealing: list[Outcome] = []
    sealer = threading.Thread(target=lambda: sealing.append(seal(Database(lambda: database_urls.functions), anchorage)))
    sealer.start()
    sealer.join(0.3)
    assert sealer.is_alive()
    may_commit.set()
    for thread in (writer, sealer):
        thread.join(10)
    late.close()
    assert sealing == [Outcome(2, [])]
    assert chain(database_urls, firm) == [(1, 1), (2, 2)]


def test_a_transaction_that_does_not_end_leaves_all_for_the_next_run(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sealing, "WRITERS_WAIT_S", 0.2)
    other = Database(lambda: database_urls.functions)
    with other.tenant_transaction(firm.tenant_id) as tx:
        write(tx, firm)
        write_many(database, firm, 1)
        (trouble,) = seal(database, anchorage).troubles
        assert "does not end" in trouble
    other.close()
    assert seal(database, anchorage) == Outcome(2, [])


def test_two_sealers_beside_each_other_make_one_chain(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sealing, "SEALED_AT_ONCE_MAX", 3)
    write_many(database, firm, 30)
    others = [Database(lambda: database_urls.functions) for _ in range(3)]
    threads = [threading.Thread(target=seal, args=(each, anchorage)) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for other in others:
        other.close()
    assert chain(database_urls, firm) == [(number, number) for number in range(1, 31)]


def test_the_trail_says_who_did_it_and_each_sees_his_own(database: Database, firm: Firm, anchorage: Anchorage) -> None:
    write_many(database, firm, 1, actor=firm.admin.username)
    write_many(database, firm, 1, actor=f"{firm.admin.username}/0123456789abcdef")
    write_many(database, firm, 1, actor="o'hara; DROP TABLE trading.events --\\ü")
    write_many(database, firm, 1, actor=f"{firm.admin.username}-2")
    seal(database, anchorage)
    admin = person(firm)
    with database.tenant_transaction(firm.tenant_id) as tx:
        page = audit.own_activity(admin, tx, before=None, limit=10)
        assert [record["sequence"] for record in page["items"]] == [2, 1]
        names: dict[str, Any] = dict.fromkeys(("topic", "aggregate_id", "since", "until")) | {"limit": 10, "at": NOW}
        wanted = audit.search(admin, tx, actor="o'hara; DROP TABLE trading.events --\\ü", before=None, **names)
        assert [record["sequence"] for record in wanted["items"]] == [3]
        for topic, found in (("identity", [4, 3, 2, 1]), ("identity.SignedIn.v1", [4, 3, 2, 1]), ("ident", [])):
            page = audit.search(admin, tx, actor=None, before=None, **(names | {"topic": topic}))
            assert [record["sequence"] for record in page["items"]] == found
        page = audit.search(admin, tx, actor=None, before=4, **(names | {"limit": 2}))
        assert ([record["sequence"] for record in page["items"]], page["next_before"]) == ([3, 2], 2)
    seal(database, anchorage)
    with database.tenant_transaction(firm.tenant_id) as tx:
        page = audit.own_activity(admin, tx, before=None, limit=10)
        assert len(page["items"]) == 2  # Searches were in nobody's name here; the functions say it.
        page = audit.search(admin, tx, actor=None, before=None, **(names | {"topic": "audit"}))
        assert len(page["items"]) == 4  # Each search is a record, but for its further pages.


def test_a_traders_role_neither_reads_nor_exports_it(database: Database, firm: Firm, anchorage: Anchorage) -> None:
    trader = person(firm, Role.TRADER)
    with database.tenant_transaction(firm.tenant_id) as tx:
        with pytest.raises(NotPermitted):
            audit.search(
                *(trader, tx),
                actor=None,
                topic=None,
                aggregate_id=None,
                since=None,
                until=None,
                before=None,
                limit=1,
                at=NOW,
            )
        for call in (
            lambda: audit.export(trader, database.tenant_transaction, anchorage, since=NOW, until=NOW + timedelta(1)),
            lambda: audit.lines(trader, tx, first_sequence=1, limit=1, at=NOW),
            lambda: audit.anchors_of(trader, anchorage, first_sequence=1, sequence=1),
            lambda: audit.own_activity(replace(trader, api_key_id="key"), tx, before=None, limit=1),
        ):
            with pytest.raises(NotPermitted):
                call()


def test_no_organisation_sees_or_touches_the_trail_of_another(
    database: Database, firm: Firm, other_firm: Firm, anchorage: Anchorage
) -> None:
    write_many(database, firm, 3)
    seal(database, anchorage)
    foreign = person(other_firm)
    with database.tenant_transaction(other_firm.tenant_id) as tx:
        assert audit.own_activity(foreign, tx, before=None, limit=10)["sequence"] == 0
        assert audit.lines(foreign, tx, first_sequence=1, limit=10, at=NOW)["lines"] == []
        assert audit.anchors_of(foreign, anchorage, first_sequence=1, sequence=10)["items"] == []
        for table in ("trading.events", "audit.records", "audit.anchors", "audit.heads"):
            assert tx.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    with pytest.raises(NotFound):
        audit.export(
            foreign, database.tenant_transaction, anchorage, since=NOW - timedelta(1), until=NOW + timedelta(1)
        )
    write_many(database, other_firm, 1)
    seal(database, anchorage)
    with database.tenant_transaction(other_firm.tenant_id) as tx:
        assert len(audit.lines(foreign, tx, first_sequence=1, limit=10, at=NOW)["lines"]) == 1


@pytest.mark.parametrize("role", ["functions", "sealer"])
@pytest.mark.parametrize("table", ["trading.events", "audit.records", "audit.anchors"])
def test_no_role_of_a_function_can_change_or_delete_what_was_written(
    table: str, role: str, database: Database, firm: Firm, anchorage: Anchorage
) -> None:
    write_many(database, firm, 1)
    seal(database, anchorage)
    tried = database if role == "functions" else sealer_of(database)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET tenant_id = tenant_id"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), tried.tenant_transaction(firm.tenant_id) as tx:
            tx.connection.execute(statement)
    tried.close()


def test_no_function_but_the_sealer_goes_on_with_a_chain(database: Database, firm: Firm, anchorage: Anchorage) -> None:
    """Not even by the way that the sealer takes, and not where there is no chain yet."""
    write_many(database, firm, 2)
    for _ in range(2):
        for statement in (
            "INSERT INTO audit.heads SELECT * FROM audit.heads",
            "UPDATE audit.heads SET sealed_no = sealed_no + 1",
            "INSERT INTO audit.records SELECT * FROM audit.records",
            "INSERT INTO audit.anchors SELECT * FROM audit.anchors",
            "UPDATE audit.anchors SET stored_at = now()",
            "SELECT audit.tenants_to_seal(1, 1)",
            "SELECT audit.go_on_behind(1, '', '', '')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), database.tenant_transaction(firm.tenant_id) as tx:
                tx.connection.execute(statement)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            audit_sealing.seal(firm.tenant_id, database.tenant_transaction, 10, NOW)
        seal(database, anchorage)


def test_the_sealer_reads_events_and_what_was_lost_and_nothing_else(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage
) -> None:
    write_many(database, firm, 1)
    with psycopg.connect(database_urls.sealer) as connection:
        assert connection.execute("SELECT count(*) FROM trading.events").fetchone() == (0,)  # Without a tenant.
        may = """SELECT format('%s.%s', n.nspname, c.relname), p.privilege
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) p (privilege)
                 WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                   AND has_table_privilege(c.oid, p.privilege)"""
        assert set(connection.execute(may).fetchall()) == {
            ("trading.events", "SELECT"),
            ("audit.gaps", "SELECT"),  # It names them in its anchors.
            *(("audit.heads", each) for each in ("SELECT", "INSERT", "UPDATE")),
            *((table, each) for table in ("audit.records", "audit.anchors") for each in ("SELECT", "INSERT")),
        }


def test_the_first_anchor_stands_on_nothing(database: Database, firm: Firm, anchorage: Anchorage) -> None:
    write_many(database, firm, 2)
    seal(database, anchorage)
    anchor = anchorage.stored[firm.tenant_id, 2]
    document = json.loads(anchor.document)
    assert document["head_before"] == document["anchor_before"] == GENESIS.hex()
    head = GENESIS
    for at in range(0, len(anchor.hashes), 32):
        head = hashlib.sha256(head + anchor.hashes[at : at + 32]).digest()
    assert head.hex() == document["head"]


@pytest.mark.parametrize("column", ["sequence", "sealed_no", "anchored_sequence"])
def test_the_sealers_role_moves_a_head_only_forward(
    database: Database, firm: Firm, anchorage: Anchorage, column: str
) -> None:
    write_many(database, firm, 2)
    seal(database, anchorage)
    sealer = sealer_of(database)
    with pytest.raises(psycopg.errors.RaiseException), sealer.tenant_transaction(firm.tenant_id) as tx:
        tx.connection.execute(f"UPDATE audit.heads SET {column} = {column} - 1")
    sealer.close()


def test_whoever_reads_or_takes_lines_is_in_the_trail_however_he_asks(
    database: Database, firm: Firm, anchorage: Anchorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(database, firm, 3)
    seal(database, anchorage)
    admin = person(firm)
    monkeypatch.setattr(audit, "LINES_BYTES_MAX", 700)  # One of them, and not two.
    with database.tenant_transaction(firm.tenant_id, admin.actor) as tx:
        asked: dict[str, Any] = dict.fromkeys(("actor", "topic", "aggregate_id", "since", "until")) | {"limit": 1}
        audit.search(admin, tx, **asked, before=2**53, at=NOW)
        assert len(audit.lines(admin, tx, first_sequence=2, limit=10, at=NOW)["lines"]) == 1
        with pytest.raises(InvalidRequest):
            audit.search(admin, tx, **(asked | {"since": NOW, "until": NOW}), before=None, at=NOW)
    seal(database, anchorage)
    with database.tenant_transaction(firm.tenant_id) as tx:
        told = audit.own_activity(admin, tx, before=None, limit=10)["items"]
    assert [record["payload"] for record in told] == [
        {"first_sequence": 2, "sequence": 2, "exported_by": admin.actor},
        {"what": "audit trail", "read_by": admin.actor},
    ]
