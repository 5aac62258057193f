"""The audit trail of a platform that runs: who did what, taken away and verified without it."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from breakwater.client import Client, Problem
from breakwater.client.audit_cli import save_export
from breakwater.client.audit_verifier import Tampered, verify
from breakwater.client.session import local_password
from tests.e2e.desk import Desk


def test_what_a_trader_did_is_in_the_trail_and_in_its_export(
    desk: Desk,
    sign_in: Callable[[str], Client],
    invoke: Callable[[str, Any], Any],
    endpoints: dict[str, Any],
    tmp_path: Path,
) -> None:
    order_id = desk.rest()["order_id"]
    desk.client.cancel(order_id)
    assert invoke("audit_sealer", {})["failed"] == 0
    admin = sign_in("admin")
    records = admin.audit_records(aggregate_id=order_id)["items"]
    assert [record["version"] for record in records] == list(range(len(records), 0, -1))
    placed = records[-1]
    assert (placed["topic"], placed["actor"]) == ("orders.OrderPlaced.v1", "trader2")
    assert order_id in {record["aggregate_id"] for record in desk.client.activity()["items"]}
    with pytest.raises(Problem) as refused:
        desk.client.audit_records()
    assert refused.value.status == 403

    export, now = tmp_path / "trail.zip", datetime.now(UTC)
    told = save_export(admin, export, now - timedelta(days=1), now + timedelta(days=1))
    assert told["anchored_sequence"] >= placed["sequence"]
    verified = verify(export, told["public_key"].encode())
    assert verified.first_sequence <= placed["sequence"] < verified.first_sequence + verified.records
    with zipfile.ZipFile(export) as archive:
        lines = archive.read("records.jsonl").splitlines()
    line = json.loads(lines[placed["sequence"] - told["first_sequence"]])
    assert (line["event_id"], line["actor"]) == (placed["event_id"], "trader2")
    for username in ("admin", "trader2"):
        password = local_password(endpoints, username)
        assert password
        assert password.encode() not in b"".join(lines)


def test_an_event_that_is_changed_in_the_database_is_named(
    desk: Desk,
    sign_in: Callable[[str], Client],
    invoke: Callable[[str, Any], Any],
    endpoints: dict[str, Any],
    tmp_path: Path,
) -> None:
    order_id = desk.rest()["order_id"]
    desk.client.cancel(order_id)
    invoke("audit_sealer", {})
    admin, now = sign_in("admin"), datetime.now(UTC)
    placed = admin.audit_records(aggregate_id=order_id)["items"][-1]
    change = "UPDATE trading.events SET actor = %s WHERE event_id = %s"
    with psycopg.connect(endpoints["database_url"], autocommit=True) as connection:
        connection.execute(change, ("risk", placed["event_id"]))
        try:
            save_export(admin, tmp_path / "changed.zip", now - timedelta(days=1), now + timedelta(days=1))
        finally:
            connection.execute(change, (placed["actor"], placed["event_id"]))
    with pytest.raises(Tampered) as found:
        verify(tmp_path / "changed.zip")
    assert (found.value.sequence, found.value.what) == (placed["sequence"], "it was changed")
