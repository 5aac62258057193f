"""The audit trail: what an event adds to a transaction, how fast they are sealed, and an export is verified."""

import json
import statistics
import tempfile
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psycopg.conninfo import make_conninfo

from breakwater.client.audit_verifier import verify
from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.domain.times import nanoseconds
from breakwater.services import audit
from breakwater.services.audit_sealing import seal_all
from events.limits import NodeStateChanged
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import own_postgres
from tests.integration.limits.firm import Firm, create_firm, database_of
from tests.support.anchorage import Anchorage

APPENDS, WARM_UP = 1_000, 50
SEALED = 50_000
WRITTEN_AT_ONCE = 1_000
RUNS = 5
APPEND_GOAL_MS, VERIFY_GOAL = 0.5, 200_000


def run() -> list[Figure]:
    with own_postgres() as postgres:
        conninfo = postgres.create_database("audit").admin
        firm, anchors = create_firm(conninfo, accounts=1), Anchorage()
        database, sealer = (
            database_of(make_conninfo(conninfo, user=role, password=role))
            for role in ("breakwater_functions", "breakwater_sealer")
        )
        appended = _appended_ms(database, firm)
        seal_all(sealer.untenanted_transaction, sealer.tenant_transaction, anchors, seconds_left=lambda: 600.0)
        sealed_s = _seal_s(database, sealer, firm, anchors)
        with tempfile.TemporaryDirectory() as folder:
            export = Path(folder) / "export.zip"
            records = _export(database, firm, anchors, export)
            verified = sorted(_verify_rate(export, records, anchors) for _ in range(RUNS))
        database.close()
        sealer.close()
    rate = statistics.median(verified)
    return [
        Figure(
            "what a record of the audit trail adds to a transaction",
            f"p50 < {APPEND_GOAL_MS} ms",
            percentile(appended, 0.5),
            percentile(appended, 0.99),
            f"{APPENDS:,} transactions with one event, each less the one without before it",
            percentile(appended, 0.5) < APPEND_GOAL_MS,
        ),
        Figure(
            "events sealed into the audit trail and anchored",
            "none",
            None,
            None,
            f"{SEALED / sealed_s:,.0f} events/s, {SEALED:,} at once, their anchors signed here",
            None,
        ),
        Figure(
            "export of the audit trail verified",
            f">= {VERIFY_GOAL:,} events/s",
            None,
            None,
            f"{rate:,.0f} events/s ({verified[0]:,.0f} to {verified[-1]:,.0f} in {RUNS} runs of {records:,})",
            rate >= VERIFY_GOAL,
        ),
    ]


def _appended_ms(database: Database, firm: Firm) -> list[float]:
    """In turns, so that both see the same machine. The transaction without writes what any would: a heartbeat."""
    differences = []
    for number in range(APPENDS + WARM_UP):
        without = _transaction_ms(database, firm, events=0)
        difference = _transaction_ms(database, firm, events=1) - without
        if number >= WARM_UP:
            differences.append(difference)
    return sorted(differences)


def _transaction_ms(database: Database, firm: Firm, *, events: int) -> float:
    began_ns = time.perf_counter_ns()
    with database.tenant_transaction(firm.tenant_id, "bench") as tx:
        tx.limits.heartbeat(firm.desk, datetime.now(UTC))
        for _ in range(events):
            _write(tx, firm)
    return (time.perf_counter_ns() - began_ns) / 1e6


def _write(tx: TenantTransaction, firm: Firm) -> None:
    event = NodeStateChanged(
        node_id=firm.desk,
        node_name="Firm desk",
        state_before="ACTIVE",
        state="SUSPENDED",
        reason="a reason of the usual length, in words",
        changed_by="bench",
    )
    tx.outbox.add(
        event,
        aggregate_id=firm.desk,
        account_id=None,
        correlation_id="bench",
        occurred_at_ns=nanoseconds(datetime.now(UTC)),
    )


def _seal_s(database: Database, sealer: Database, firm: Firm, anchors: Anchorage) -> float:
    for _ in range(SEALED // WRITTEN_AT_ONCE):
        with database.tenant_transaction(firm.tenant_id, "bench") as tx, tx.connection.pipeline():
            for _ in range(WRITTEN_AT_ONCE):
                _write(tx, firm)
    began = time.perf_counter()
    outcome = seal_all(sealer.untenanted_transaction, sealer.tenant_transaction, anchors, seconds_left=lambda: 600.0)
    took = time.perf_counter() - began
    if outcome.sealed != SEALED or outcome.troubles:
        raise RuntimeError(f"{outcome.sealed} of {SEALED} events were sealed: {outcome.troubles}")
    return took


def _export(database: Database, firm: Firm, anchors: Anchorage, path: Path) -> int:
    caller = Caller(
        firm.tenant_id, "bench", "bench", Role.ORGANISATION_ADMIN, frozenset({SESSION_SCOPE}), correlation_id="bench"
    )
    now = datetime.now(UTC)
    since, until = now - timedelta(1), now + timedelta(1)
    told = audit.export(caller, database.tenant_transaction, anchors, since=since, until=until)
    first, last = told["first_sequence"], told["anchored_sequence"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.json", json.dumps(told | {"sequence": last}))
        with archive.open("records.jsonl", "w") as file:
            at = first
            while at <= last:
                limit = min(audit.LINES_MAX, last - at + 1)
                with database.tenant_transaction(firm.tenant_id) as tx:
                    lines = audit.lines(caller, tx, first_sequence=at, limit=limit, at=now)["lines"]
                file.writelines(line.encode() + b"\n" for line in lines)
                at += len(lines)
        with archive.open("anchors.jsonl", "w") as file:
            at = first
            while at <= last:
                items = audit.anchors_of(caller, anchors, first_sequence=at, sequence=last)["items"]
                file.writelines(json.dumps(item).encode() + b"\n" for item in items)
                at = json.loads(items[-1]["document"])["sequence"] + 1
    return last - first + 1


def _verify_rate(path: Path, records: int, anchors: Anchorage) -> float:
    began = time.perf_counter()
    told = verify(path, anchors.public_key().encode())
    took = time.perf_counter() - began
    if told.records != records:
        raise RuntimeError(f"{told.records} of {records} records were verified")
    return records / took
