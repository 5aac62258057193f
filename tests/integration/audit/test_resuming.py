"""The audit trail after a restore of the database: it goes on where two persons say what was lost, and hides nothing.

The restored database is a true copy of an earlier time; the anchors are where they were, as in the bucket.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from breakwater.client.audit_verifier import Gap, Tampered, verify
from breakwater.db.audit import GapRow
from breakwater.db.connection import Database
from breakwater.domain.permissions import Caller, Role
from breakwater.errors import Conflict, NotFound, NotPermitted
from breakwater.services import audit_gaps
from breakwater.services.audit_gaps import AuditGap
from breakwater.services.audit_sealing import TrailRewound
from tests.conftest import DatabaseUrls
from tests.integration.audit.test_sealing import (
    NOW,
    anchorage,
    chain,
    database,
    exported,
    firm,
    other_firm,
    person,
    seal,
    sealer_of,
    verified,
    write_many,
)
from tests.integration.identity.conftest import Firm
from tests.support.anchorage import Anchorage

__all__ = ["anchorage", "database", "firm", "other_firm"]  # Fixtures.

WHY = "restored to noon by the operator: a table was dropped"


class Restored:
    """Copies of the database as it was at a moment; each may be gone back to."""

    def __init__(self, urls: DatabaseUrls) -> None:
        self._urls = urls
        self._made: list[str] = []
        self._server = make_conninfo(urls.admin, dbname="postgres")

    def copy(self, of: DatabaseUrls, *opened: Database) -> DatabaseUrls:
        """Connections to it must be closed: Postgres copies a database that nobody uses."""
        for each in opened:
            each.close()
        name = f"restored_{uuid.uuid4().hex[:12]}"
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(str(conninfo_to_dict(of.admin)["dbname"]))
        )
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(made)
        self._made.append(name)
        return replace(
            of,
            admin=make_conninfo(of.admin, dbname=name),
            functions=make_conninfo(of.functions, dbname=name),
        )

    def drop(self) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            for name in self._made:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def restored(database_urls: DatabaseUrls) -> Iterator[Restored]:
    copies = Restored(database_urls)
    yield copies
    copies.drop()


@pytest.fixture
def lost(
    database: Database, database_urls: DatabaseUrls, firm: Firm, anchorage: Anchorage, restored: Restored
) -> Iterator[tuple[Database, DatabaseUrls]]:
    """The database as it was with three records anchored, while the bucket has the anchors of five."""
    write_many(database, firm, 3, actor="before")
    seal(database, anchorage)
    earlier = restored.copy(database_urls, database)
    write_many(database, firm, 2, actor="lost")
    seal(database, anchorage)
    assert [sequence for _, sequence in anchorage.stored] == [3, 5]
    opened = Database(lambda: earlier.functions)
    yield opened, earlier
    opened.close()


def second(firm: Firm) -> Caller:
    return replace(person(firm, Role.AUDITOR), username=firm.trader.username, subject=firm.trader.subject)


def ask(opened: Database, firm: Firm, anchorage: Anchorage) -> AuditGap:
    return audit_gaps.ask_to_resume(person(firm), opened.tenant_transaction, anchorage, reason=WHY, at=NOW)


def approve(opened: Database, caller: Caller, anchorage: Anchorage, gap: AuditGap) -> AuditGap:
    return audit_gaps.approve_resumption(
        uuid.UUID(gap["gap_id"]), caller, opened.tenant_transaction, anchorage, at=NOW + timedelta(minutes=1)
    )


def resumed(opened: Database, firm: Firm, anchorage: Anchorage) -> AuditGap:
    return approve(opened, second(firm), anchorage, ask(opened, firm, anchorage))


def test_the_trail_goes_on_behind_what_was_lost_and_every_verification_says_so(
    lost: tuple[Database, DatabaseUrls], firm: Firm, anchorage: Anchorage, tmp_path: Path
) -> None:
    opened, urls = lost
    write_many(opened, firm, 4, actor="after")
    assert "TrailRewound" in seal(opened, anchorage).troubles[0]  # Sealed behind 3, and nobody signs it.
    assert [sequence for sequence, _ in chain(urls, firm)] == [1, 2, 3, 4, 5, 6, 7]
    gap = resumed(opened, firm, anchorage)
    assert (gap["first_sequence"], gap["sequence"]) == (4, 5)
    assert seal(opened, anchorage).troubles == []
    # Two that tell of the gap itself are behind.
    assert [sequence for sequence, _ in chain(urls, firm)] == [1, 2, 3, 6, 7, 8, 9, 10, 11]
    assert [sequence for _, sequence in anchorage.stored] == [3, 5, 11]
    told = verified(opened, firm, anchorage, tmp_path)
    admin, trader = firm.admin.username, firm.trader.username
    said_at = json.loads(anchorage.stored[firm.tenant_id, 11].document)["anchored_at"]
    assert told.gaps == (Gap(4, 5, WHY, asked_by=admin, approved_by=trader, said_at=said_at),)
    assert (told.records, told.anchors, told.unanchored) == (9, 3, 0)
    write_many(opened, firm, 2)
    assert seal(opened, anchorage).troubles == []  # And on.
    assert verified(opened, firm, anchorage, tmp_path).records == 13  # With two that tell of the export.


def test_what_was_lost_is_verified_by_the_exports_from_before(
    database: Database,
    database_urls: DatabaseUrls,
    firm: Firm,
    anchorage: Anchorage,
    *,
    restored: Restored,
    tmp_path: Path,
) -> None:
    write_many(database, firm, 3)
    seal(database, anchorage)
    earlier = restored.copy(database_urls, database)
    write_many(database, firm, 2, actor="lost")
    seal(database, anchorage)
    kept = exported(database, firm, anchorage, tmp_path / "before.zip")
    opened = Database(lambda: earlier.functions)
    resumed(opened, firm, anchorage)
    seal(opened, anchorage)
    key = anchorage.public_key().encode()
    assert verify(kept, key).gaps == ()
    assert verify(kept, key).records == 5
    after = verified(opened, firm, anchorage, tmp_path)
    assert [(gap.first_sequence, gap.sequence) for gap in after.gaps] == [(4, 5)]
    opened.close()


def test_a_change_of_what_is_still_there_is_named_as_before(
    lost: tuple[Database, DatabaseUrls], firm: Firm, anchorage: Anchorage, tmp_path: Path
) -> None:
    opened, urls = lost
    with psycopg.connect(urls.admin) as connection:
        changed = "UPDATE trading.events SET actor = 'nobody' WHERE event_id ="
        connection.execute(f"{changed} (SELECT event_id FROM audit.records WHERE sequence = 2)".encode())
    resumed(opened, firm, anchorage)
    seal(opened, anchorage)
    with pytest.raises(Tampered, match="it was changed") as found:
        verified(opened, firm, anchorage, tmp_path)
    assert found.value.sequence == 2


@pytest.mark.parametrize("which", [3, 6])
def test_records_cut_out_beside_the_gap_are_named(
    lost: tuple[Database, DatabaseUrls], firm: Firm, anchorage: Anchorage, tmp_path: Path, which: int
) -> None:
    opened, urls = lost
    resumed(opened, firm, anchorage)
    seal(opened, anchorage)
    with psycopg.connect(urls.admin) as connection:
        connection.execute("DELETE FROM audit.records WHERE sequence = %s", (which,))
    with pytest.raises(Tampered) as found:
        verified(opened, firm, anchorage, tmp_path)
    assert found.value.sequence == which


def test_nothing_is_said_lost_that_is_there(database: Database, firm: Firm, anchorage: Anchorage) -> None:
    write_many(database, firm, 3)
    seal(database, anchorage)
    with pytest.raises(Conflict, match="nothing was lost"):
        ask(database, firm, anchorage)


def test_a_past_that_was_made_anew_is_no_restore(
    lost: tuple[Database, DatabaseUrls], firm: Firm, anchorage: Anchorage
) -> None:
    opened, urls = lost
    gap = ask(opened, firm, anchorage)
    with psycopg.connect(urls.admin) as connection:
        connection.execute("UPDATE audit.heads SET anchor_digest = decode(repeat('ab', 32), 'hex')")
    with pytest.raises(TrailRewound):
        ask(opened, firm, anchorage)
    with pytest.raises(TrailRewound):
        approve(opened, second(firm), anchorage, gap)


def test_it_takes_two_persons_who_may_export_the_trail(
    lost: tuple[Database, DatabaseUrls], firm: Firm, anchorage: Anchorage
) -> None:
    opened, _ = lost
    key = replace(person(firm), api_key_id="k")
    for caller in (person(firm, Role.TRADER), person(firm, Role.RISK_MANAGER), key):
        with pytest.raises(NotPermitted):
            audit_gaps.ask_to_resume(caller, opened.tenant_transaction, anchorage, reason=WHY, at=NOW)
    gap = ask(opened, firm, anchorage)
    for caller in (
        person(firm),
        person(firm, Role.AUDITOR),  # The same person with another role.
        replace(second(firm), role=Role.RISK_MANAGER),
        replace(second(firm), api_key_id="k"),
    ):
        with pytest.raises(NotPermitted):
            approve(opened, caller, anchorage, gap)
    approve(opened, second(firm), anchorage, gap)
    with pytest.raises(Conflict):
        approve(opened, second(firm), anchorage, gap)


def test_what_was_asked_is_approved_within_a_day_and_while_it_is_true(
    lost: tuple[Database, DatabaseUrls], firm: Firm, other_firm: Firm, anchorage: Anchorage
) -> None:
    opened, _ = lost
    gap = ask(opened, firm, anchorage)
    transactions = opened.tenant_transaction
    late = NOW + timedelta(hours=24, seconds=1)
    with pytest.raises(Conflict, match="more than a day ago"):
        audit_gaps.approve_resumption(uuid.UUID(gap["gap_id"]), second(firm), transactions, anchorage, at=late)
    with pytest.raises(NotFound):
        approve(opened, second(firm), anchorage, gap | {"gap_id": str(uuid.uuid4())})
    # The bucket has more than was said: somebody seals on in the database that was given up.
    before = anchorage.stored[firm.tenant_id, 5]
    document = json.loads(before.document) | {"first_sequence": 6, "sequence": 7}
    anchorage.stored[firm.tenant_id, 7] = replace(before, document=json.dumps(document))
    with pytest.raises(Conflict, match="moved on"):
        approve(opened, second(firm), anchorage, gap)


def test_a_second_restore_names_all_that_is_lost_by_then(
    lost: tuple[Database, DatabaseUrls], firm: Firm, anchorage: Anchorage, restored: Restored, tmp_path: Path
) -> None:
    opened, urls = lost
    earlier = restored.copy(urls, opened)
    resumed(opened, firm, anchorage)
    seal(opened, anchorage)
    again = Database(lambda: earlier.functions)
    resumed(again, firm, anchorage)
    write_many(again, firm, 1)
    assert seal(again, anchorage).troubles == []
    told = verified(again, firm, anchorage, tmp_path)
    assert [(gap.first_sequence, gap.sequence) for gap in told.gaps] == [(4, 7)]
    again.close()


def test_functions_move_nothing_of_a_chain_and_the_sealer_nothing_that_is_anchored(
    lost: tuple[Database, DatabaseUrls], database: Database, firm: Firm, anchorage: Anchorage
) -> None:
    opened, _ = lost
    behind_what_nobody_lost = (900, bytes(32), bytes(32), bytes(32))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), opened.tenant_transaction(firm.tenant_id) as tx:
        tx.audit.go_on_behind(*behind_what_nobody_lost)
    sealer = sealer_of(opened)
    with sealer.tenant_transaction(firm.tenant_id) as tx:
        tx.audit.go_on_behind(*behind_what_nobody_lost)
    sealer.close()
    write_many(opened, firm, 1)
    assert seal(opened, anchorage).troubles
    assert [sequence for _, sequence in anchorage.stored] == [3, 5]
    write_many(database, firm, 1)
    sealer = sealer_of(database)
    with pytest.raises(psycopg.errors.RaiseException), sealer.tenant_transaction(firm.tenant_id) as tx:
        tx.audit.go_on_behind(4, bytes(32), bytes(32), bytes(32))
    sealer.close()


def test_the_sealer_goes_behind_nothing_but_what_two_said_and_the_bucket_has(
    lost: tuple[Database, DatabaseUrls], firm: Firm, anchorage: Anchorage
) -> None:
    """Whoever took over a function can write that two persons approved something; what was lost the bucket says."""
    opened, urls = lost
    ask(opened, firm, anchorage)
    write_many(opened, firm, 1)
    assert "TrailRewound" in seal(opened, anchorage).troubles[0]  # One person has said so.
    with psycopg.connect(urls.admin) as connection:
        connection.execute(
            "UPDATE audit.gaps SET sequence = 4, approved_by = 'somebody', approved_at = now()",
        )
    assert "TrailRewound" in seal(opened, anchorage).troubles[0]  # The bucket goes up to 5.
    assert [sequence for sequence, _ in chain(urls, firm)] == [1, 2, 3, 4, 5]
    assert [sequence for _, sequence in anchorage.stored] == [3, 5]


def test_what_is_said_to_be_lost_and_is_there_is_not_signed_whoever_has_written_it(
    database: Database, firm: Firm, anchorage: Anchorage
) -> None:
    """Else an export without those records would be verified."""
    write_many(database, firm, 3)
    seal(database, anchorage)
    forged = GapRow(uuid.uuid4(), 2, 3, WHY, "ada", NOW, None, None)
    with database.tenant_transaction(firm.tenant_id) as tx:
        tx.audit.add_gap(forged)
        tx.audit.approve_gap(forged.gap_id, "bob", NOW)
    write_many(database, firm, 1)
    assert "records 2 to 3 are said to be lost, and are there" in seal(database, anchorage).troubles[0]
    assert [sequence for _, sequence in anchorage.stored] == [3]


def test_a_database_from_before_its_first_record_goes_on_as_well(
    database: Database,
    database_urls: DatabaseUrls,
    firm: Firm,
    anchorage: Anchorage,
    *,
    restored: Restored,
    tmp_path: Path,
) -> None:
    earlier = restored.copy(database_urls, database)
    write_many(database, firm, 3)
    seal(database, anchorage)
    opened = Database(lambda: earlier.functions)
    gap = resumed(opened, firm, anchorage)
    assert (gap["first_sequence"], gap["sequence"]) == (1, 3)
    assert seal(opened, anchorage).troubles == []
    told = verified(opened, firm, anchorage, tmp_path)
    assert ([(each.first_sequence, each.sequence) for each in told.gaps], told.records) == ([(1, 3)], 2)
    opened.close()
