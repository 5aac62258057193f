"""The audit trail against a real Postgres: sealed, anchored, exported and verified by the client's own verifier."""

import base64
import hashlib
import json
import threading
import uuid
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from breakwater.client.audit_verifier import Tampered, Verified, verify
from breakwater.db.connection import Database
from breakwater.domain.audit_chain import GENESIS
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.domain.times import nanoseconds
from breakwater.errors import NotFound, NotPermitted, Unavailable
from breakwater.services import audit, audit_sealing
from breakwater.services.audit import AuditAnchor
from breakwater.services.audit_sealing import seal_all
from events.identity import SignedIn
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm, database, firm, other_firm

__all__ = ["database", "firm", "other_firm"]  # Fixtures.

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Anchorage:
    """Signs as KMS does and keeps what it is given, once; `is_down`: it does not answer."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    stored: dict[tuple[uuid.UUID, int], AuditAnchor] = field(default_factory=dict)
    is_down: bool = False
    key_id: str = "key"

    def sign(self, document: bytes) -> bytes:
        return self.key.sign(document, ec.ECDSA(SHA256()))

    def store(self, tenant_id: uuid.UUID, sequence: int, document: bytes, signature: bytes, hashes: bytes) -> None:
        if self.is_down:
            raise Unavailable("the anchor could not be stored")
        anchor: AuditAnchor = {
            "document": document.decode(),
            "signature": base64.b64encode(signature).decode(),
            "hashes": base64.b64encode(hashes).decode(),
        }
        # What is locked can only be written again as it was.
        assert self.stored.setdefault((tenant_id, sequence), anchor) == anchor

    def fetch(self, tenant_id: uuid.UUID, sequence: int) -> AuditAnchor:
        return self.stored[tenant_id, sequence]

    def public_key(self) -> str:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


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


def seal(database: Database, anchorage: Anchorage) -> tuple[int, list[str]]:
    return seal_all(
        database.untenanted_transaction,
        database.tenant_transaction,
        anchorage,
        seconds_left=lambda: 50.0,
        now=lambda: NOW,
    )


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
    with database.tenant_transaction(firm.tenant_id) as tx:
        since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
        told = audit.export(person(firm), tx, anchorage, since=since, until=until, at=NOW + timedelta(days=9))
        first, last = told["first_sequence"], told["sequence"]
        lines = audit.lines(person(firm), tx, first_sequence=first, limit=last - first + 1)["lines"]
        anchors = audit.anchors_of(
            person(firm), tx, anchorage, first_sequence=first, sequence=told["anchored_sequence"]
        )["items"]
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
    assert seal(database, anchorage) == (5, [])
    assert chain(database_urls, firm) == [(1, 1), (2, 1), (3, 2), (4, 3), (5, 2)]
    write_many(database, firm, 1)
    assert seal(database, anchorage) == (1, [])
    assert chain(database_urls, firm)[5:] == [(6, 4)]
    assert seal(database, anchorage) == (0, [])


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
    assert seal(database, anchorage)[1] == [f"audit trail of {firm.tenant_id}: the anchor could not be stored"]
    anchorage.is_down = False
    seal(database, anchorage)  # Stored as it was signed then, and what was exported meanwhile is in the trail, too.
    seal(database, anchorage)
    told = verified(database, firm, anchorage, tmp_path)
    assert (told.first_sequence, told.records) == (1, 10)


def test_an_export_of_a_time_begins_and_ends_with_whole_anchors(
    database: Database, firm: Firm, anchorage: Anchorage, tmp_path: Path
) -> None:
    for day in (-3, 0, 3):
        write_many(database, firm, 2, at=NOW + timedelta(days=day))
        seal(database, anchorage)
    told = verified(database, firm, anchorage, tmp_path)
    assert (told.first_sequence, told.records, told.anchors) == (3, 2, 1)


# By somebody who owns the database, after the anchors were stored. The chain's own hashes are made to fit.
TAMPERING = {
    "changed": "UPDATE trading.events SET actor = 'somebody else' WHERE event_id = %(of)s",
    "removed": "DELETE FROM audit.records WHERE sequence = 3;"
    " UPDATE audit.records SET sequence = sequence - 1 WHERE sequence > 3",
    "reordered": "UPDATE audit.records SET sequence = -sequence WHERE sequence IN (3, 4);"
    " UPDATE audit.records SET sequence = 7 + sequence WHERE sequence < 0",
    "cut": "DELETE FROM audit.records WHERE sequence > 2",
}


@pytest.mark.parametrize("what", TAMPERING)
def test_who_has_the_database_cannot_change_the_past_unseen(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, tmp_path: Path, *, what: str
) -> None:
    write_many(database, firm, 5)
    seal(database, anchorage)
    assert verified(database, firm, anchorage, tmp_path).records == 5
    with psycopg.connect(database_urls.admin) as connection:
        row = connection.execute("SELECT event_id FROM audit.records WHERE sequence = 3").fetchone()
        assert row is not None
        for statement in TAMPERING[what].split(";"):
            connection.execute(statement.encode(), {"of": row[0]} if "%(of)s" in statement else None)
    with pytest.raises(Tampered, match=what) as found:
        verified(database, firm, anchorage, tmp_path)
    assert found.value.sequence == 3


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
    sealing: list[tuple[int, list[str]]] = []
    sealer = threading.Thread(target=lambda: sealing.append(seal(Database(lambda: database_urls.functions), anchorage)))
    sealer.start()
    sealer.join(0.3)
    assert sealer.is_alive()
    may_commit.set()
    for thread in (writer, sealer):
        thread.join(10)
    late.close()
    assert sealing == [(2, [])]
    assert chain(database_urls, firm) == [(1, 1), (2, 2)]


def test_a_transaction_that_does_not_end_leaves_all_for_the_next_run(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sealing, "WRITERS_WAIT_S", 0.2)
    other = Database(lambda: database_urls.functions)
    with other.tenant_transaction(firm.tenant_id) as tx:
        write(tx, firm)
        write_many(database, firm, 1)
        assert seal(database, anchorage) == (0, [])
    other.close()
    assert seal(database, anchorage) == (2, [])


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
        names = {"topic": None, "aggregate_id": None, "since": None, "until": None, "limit": 10, "at": NOW}
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
            lambda: audit.export(trader, tx, anchorage, since=NOW, until=NOW + timedelta(1), at=NOW),
            lambda: audit.lines(trader, tx, first_sequence=1, limit=1),
            lambda: audit.anchors_of(trader, tx, anchorage, first_sequence=1, sequence=1),
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
        assert audit.lines(foreign, tx, first_sequence=1, limit=10)["lines"] == []
        assert audit.anchors_of(foreign, tx, anchorage, first_sequence=1, sequence=10)["items"] == []
        with pytest.raises(NotFound):
            audit.export(foreign, tx, anchorage, since=NOW - timedelta(1), until=NOW + timedelta(1), at=NOW)
    write_many(database, other_firm, 1)
    seal(database, anchorage)
    with database.tenant_transaction(other_firm.tenant_id) as tx:
        assert len(audit.lines(foreign, tx, first_sequence=1, limit=10)["lines"]) == 1


@pytest.mark.parametrize("table", ["trading.events", "audit.records", "audit.anchors"])
def test_the_functions_role_cannot_change_or_delete_what_was_written(
    table: str, database: Database, firm: Firm, anchorage: Anchorage
) -> None:
    write_many(database, firm, 1)
    seal(database, anchorage)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET tenant_id = tenant_id"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.tenant_transaction(firm.tenant_id) as tx:
            tx.connection.execute(statement)


def test_the_first_anchor_stands_on_nothing(database: Database, firm: Firm, anchorage: Anchorage) -> None:
    write_many(database, firm, 2)
    seal(database, anchorage)
    document = json.loads(anchorage.stored[firm.tenant_id, 2]["document"])
    assert document["head_before"] == document["anchor_before"] == GENESIS.hex()
    line_hashes = base64.b64decode(anchorage.stored[firm.tenant_id, 2]["hashes"])
    head = GENESIS
    for at in range(0, len(line_hashes), 32):
        head = hashlib.sha256(head + line_hashes[at : at + 32]).digest()
    assert head.hex() == document["head"]
