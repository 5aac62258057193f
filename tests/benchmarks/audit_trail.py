"""The audit trail: what an event adds to a transaction, how fast they are sealed, and how fast an export is verified."""

import base64
import json
import statistics
import tempfile
import time
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from psycopg.conninfo import make_conninfo

from breakwater.client.audit_verifier import verify
from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.domain.times import nanoseconds
from breakwater.services import audit
from breakwater.services.audit import AuditAnchor
from breakwater.services.audit_sealing import seal_all
from events.limits import NodeStateChanged
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.own_postgres import own_postgres
from tests.integration.limits.firm import Firm, create_firm, database_of

APPENDS, WARM_UP = 1_000, 50
SEALED = 50_000
WRITTEN_AT_ONCE = 1_000
RUNS = 5
APPEND_GOAL_MS, VERIFY_GOAL = 0.5, 200_000


class Anchors:
    """In memory, signed by a key of its own."""

    key_id = "bench"

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._kept: dict[int, AuditAnchor] = {}

    def sign(self, document: bytes) -> bytes:
        return self._key.sign(document, ec.ECDSA(SHA256()))

    def store(self, tenant_id: uuid.UUID, sequence: int, document: bytes, signature: bytes, hashes: bytes) -> None:
        self._kept[sequence] = {
            "document": document.decode(),
            "signature": base64.b64encode(signature).decode(),
            "hashes": base64.b64encode(hashes).decode(),
        }

    def fetch(self, tenant_id: uuid.UUID, sequence: int) -> AuditAnchor:
        return self._kept[sequence]

    def public_key(self) -> str:
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def run() -> list[Figure]:
    with own_postgres() as postgres:
        conninfo = postgres.create_database("audit").admin
        firm, anchors = create_firm(conninfo, accounts=1), Anchors()
        database = database_of(make_conninfo(conninfo, user="breakwater_functions", password="breakwater_functions"))
        appended = _appended_ms(database, firm)
        seal_all(database.untenanted_transaction, database.tenant_transaction, anchors, seconds_left=lambda: 600.0)
        sealed_s = _seal_s(database, firm, anchors)
        with tempfile.TemporaryDirectory() as folder:
            export = Path(folder) / "export.zip"
            records = _export(database, firm, anchors, export)
            verified = sorted(_verify_rate(export, records, anchors) for _ in range(RUNS))
        database.close()
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


def _seal_s(database: Database, firm: Firm, anchors: Anchors) -> float:
    for _ in range(SEALED // WRITTEN_AT_ONCE):
        with database.tenant_transaction(firm.tenant_id, "bench") as tx, tx.connection.pipeline():
            for _ in range(WRITTEN_AT_ONCE):
                _write(tx, firm)
    began = time.perf_counter()
    sealed, troubles = seal_all(
        database.untenanted_transaction, database.tenant_transaction, anchors, seconds_left=lambda: 600.0
    )
    took = time.perf_counter() - began
    if sealed != SEALED or troubles:
        raise RuntimeError(f"{sealed} of {SEALED} events were sealed: {troubles}")
    return took


def _export(database: Database, firm: Firm, anchors: Anchors, path: Path) -> int:
    caller = Caller(
        firm.tenant_id, "bench", "bench", Role.ORGANISATION_ADMIN, frozenset({SESSION_SCOPE}), correlation_id="bench"
    )
    now = datetime.now(UTC)
    with database.tenant_transaction(firm.tenant_id) as tx:
        told = audit.export(caller, tx, anchors, since=now - timedelta(1), until=now + timedelta(1), at=now)
    first, last = told["first_sequence"], told["anchored_sequence"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.json", json.dumps(told))
        with archive.open("records.jsonl", "w") as file:
            for at in range(first, last + 1, audit.LINES_MAX):
                with database.tenant_transaction(firm.tenant_id) as tx:
                    lines = audit.lines(caller, tx, first_sequence=at, limit=min(audit.LINES_MAX, last - at + 1))
                file.writelines(line.encode() + b"\n" for line in lines["lines"])
        with archive.open("anchors.jsonl", "w") as file:
            at = first
            while at <= last:
                with database.tenant_transaction(firm.tenant_id) as tx:
                    items = audit.anchors_of(caller, tx, anchors, first_sequence=at, sequence=last)["items"]
                file.writelines(json.dumps(item).encode() + b"\n" for item in items)
                at = json.loads(items[-1]["document"])["sequence"] + 1
    return last - first + 1


def _verify_rate(path: Path, records: int, anchors: Anchors) -> float:
    began = time.perf_counter()
    told = verify(path, anchors.public_key().encode())
    took = time.perf_counter() - began
    if told.records != records:
        raise RuntimeError(f"{told.records} of {records} records were verified")
    return records / took
