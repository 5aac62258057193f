"""A thousand alerts of one kind in a minute: one message with a count to each person, all of them in the history."""

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import httpx
import psycopg

from breakwater.domain.times import nanoseconds
from local_cloud.deployment import aws_client
from local_cloud.platform import Platform
from tests.benchmarks.figures import Figure

ALERTS = 1_000
WITHIN_S = 240.0
ENTRIES_MAX = 10  # Of one call of EventBridge.
_ALERTS = "SELECT count(*) FROM alerts.alerts WHERE group_key = %s"
_DELIVERIES = """
SELECT count(*) FILTER (WHERE d.state = 'SENT'), count(*) FILTER (WHERE d.state = 'SUPPRESSED'),
  count(*) FILTER (WHERE d.state NOT IN ('SENT', 'SUPPRESSED'))
FROM alerts.deliveries d JOIN alerts.alerts a USING (alert_id) WHERE a.group_key = %s AND d.channel = 'EMAIL'
"""


def run(endpoints: dict[str, Any]) -> list[Figure]:
    """Overrides that are approved: they are no risk, so that their message waits for others of the group."""
    override_id = str(uuid.uuid4())
    with psycopg.connect(endpoints["database_url"], autocommit=True) as connection:
        row = connection.execute("SELECT tenant_id FROM identity.users WHERE username = 'risk'").fetchone()
        if row is None:
            raise RuntimeError("the demo firm is not there")
        began = time.monotonic()
        _publish(str(row[0]), override_id)
        published_s = time.monotonic() - began
        stored_s = _wait(connection, f"OVERRIDE/{override_id}", began)
        mails = _mails(endpoints["outbox_url"], override_id, began)
        told_s = time.monotonic() - began
        counts = connection.execute(_DELIVERIES, (f"OVERRIDE/{override_id}",)).fetchone()
    readers = sorted({mail["to"] for mail in mails})
    is_one_each = len(mails) == len(readers) > 0 and all(f"({ALERTS} times)" in mail["subject"] for mail in mails)
    sent, suppressed, others = counts or (0, 0, 0)
    kept = f"deliveries: {sent} sent, {suppressed} suppressed, {others} others"
    return [
        Figure(
            f"{ALERTS:,} alerts of one kind",
            "one mail with the count to each",
            None,
            None,
            f"{len(mails)} mails to {len(readers)} people {told_s:.0f} s after the first event; published in"
            f" {published_s:.0f} s, all in the history after {stored_s:.0f} s; {kept}",
            is_one_each,
        )
    ]


def _publish(tenant_id: str, override_id: str) -> None:
    bus = aws_client(Platform.from_environment(), "events")
    for batch in batched(range(ALERTS), ENTRIES_MAX, strict=False):
        answer = bus.put_events(Entries=[_entry(tenant_id, override_id) for _ in batch])
        if answer["FailedEntryCount"]:
            raise RuntimeError("EventBridge did not take all events")


def _entry(tenant_id: str, override_id: str) -> dict[str, Any]:
    topic, now = "limits.OverrideChanged.v1", datetime.now(UTC)
    payload = {
        "override_id": override_id,
        "limit_id": str(uuid.uuid4()),
        "node_id": str(uuid.uuid4()),
        "limit_type": "MAX_ORDER_QTY",
        "state": "APPROVED",
        "value": "10",
        "starts_at_ns": nanoseconds(now),
        "ends_at_ns": nanoseconds(now + timedelta(hours=1)),
        "reason": "a benchmark",
        "requested_by": "bench",
        "changed_by": "bench",
    }
    envelope = {
        "event_id": str(uuid.uuid4()),
        "topic": topic,
        "tenant_id": tenant_id,
        "account_id": None,
        "aggregate_id": override_id,
        "correlation_id": override_id,
        "occurred_at_ns": nanoseconds(now),
        "payload": payload,
    }
    return {"Source": "breakwater", "DetailType": topic, "Detail": json.dumps(envelope), "EventBusName": "breakwater"}


def _wait(connection: psycopg.Connection[Any], group_key: str, began: float) -> float:
    """Seconds until all alerts are stored."""
    while time.monotonic() - began < WITHIN_S:
        row = connection.execute(_ALERTS, (group_key,)).fetchone()
        if row is not None and row[0] == ALERTS:
            return time.monotonic() - began
        time.sleep(0.5)
    raise RuntimeError(f"not all alerts were stored within {WITHIN_S:.0f} s")


def _mails(outbox_url: str, correlation_id: str, began: float) -> list[dict[str, str]]:
    """Those that tell of them: when some are there, and none has come for some seconds."""
    found: list[dict[str, str]] = []
    while time.monotonic() - began < WITHIN_S:
        items = httpx.get(f"{outbox_url}/messages", timeout=10).json()["items"]
        now = [each for each in items if each["kind"] == "email" and correlation_id in each["message"]]
        if found and len(now) == len(found):
            return now
        found = now
        time.sleep(5)
    return found
