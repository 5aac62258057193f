"""From the breach of a limit to those who hear of it: by WebSocket, and by mail as it is handed to SNS.

Each measurement begins when the breach happened, as its event says, and ends when the message is there: at a client's
socket, or in the outbox of the local run, which stands behind SNS. Both clocks are this machine's. Each breach is of a
node of its own, written into the outbox table as the ledger does it: those of one node would be told by one mail.
"""

import json
import re
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from breakwater.client import Client
from breakwater.client.session import local_password
from breakwater.db.connection import Database
from breakwater.domain.times import nanoseconds
from events.limits import LimitBreached
from tests.benchmarks.figures import Figure, percentile

SYMBOL = "ETH/USDT"
WARM_UP = 5
BREACHES = 60
PAUSE_S = 0.5  # One breach after the other: this is about how long one takes.
HEARD_WITHIN_S = 30.0
_ALERT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def run(endpoints: dict[str, Any]) -> list[Figure]:
    risk = _sign_in(endpoints, "risk")
    tenant_id = uuid.UUID(risk.me()["tenant_id"])
    account_id = uuid.UUID(risk.accounts()[0]["account_id"])
    assert risk.session is not None
    heard_ms: dict[str, float] = {}
    happened_at: dict[str, float] = {}
    header = {"Authorization": f"Bearer {risk.session.access_token}"}
    with (
        closing(Database(lambda: endpoints["database_url"])) as database,
        connect(endpoints["ws_url"], additional_headers=header) as socket,
    ):
        socket.send(json.dumps({"action": "subscribe", "channel": "alerts"}))
        for number in range(WARM_UP + BREACHES):
            _breach(database, tenant_id, account_id)
            alert_id, at_ns, heard_at_ns = _next_refusal(socket)
            if number >= WARM_UP:
                happened_at[alert_id] = at_ns / 1e9
                heard_ms[alert_id] = (heard_at_ns - at_ns) / 1e6
            time.sleep(PAUSE_S)
    mailed_ms = _mailed(endpoints["outbox_url"], happened_at)
    risk.close()
    return [
        _figure("breach told by WebSocket", "p99 < 500 ms", list(heard_ms.values()), 500, None),
        _figure("breach handed to SNS as mail", "p50 < 1 s, p99 < 5 s", mailed_ms, 5_000, 1_000),
    ]


def _sign_in(endpoints: dict[str, Any], username: str) -> Client:
    client = Client(endpoints["api_url"])
    client.sign_in(username, local_password(endpoints, username) or "")
    return client


def _breach(database: Database, tenant_id: uuid.UUID, account_id: uuid.UUID) -> None:
    node_id, correlation_id = uuid.uuid4(), str(uuid.uuid4())
    breach = LimitBreached(
        node_id=node_id,
        node_name="bench",
        limit_id=None,
        limit_type="MAX_ORDER_QTY",
        instrument=SYMBOL,
        action="REJECT",
        threshold_pct=100,
        limit="50",
        used="0",
        reserved="0",
        attempted="51",
        order_id=uuid.uuid4(),
        symbol=SYMBOL,
    )
    with database.tenant_transaction(tenant_id) as tx:
        tx.outbox.add(
            breach,
            aggregate_id=node_id,
            account_id=account_id,
            correlation_id=correlation_id,
            occurred_at_ns=nanoseconds(datetime.now(UTC)),
        )


def _next_refusal(socket: ClientConnection) -> tuple[str, int, int]:
    """Id of the next alert of a refusal, when its breach happened, and when it was heard, in nanoseconds."""
    deadline = time.monotonic() + HEARD_WITHIN_S
    while time.monotonic() < deadline:
        try:
            told = json.loads(socket.recv(timeout=HEARD_WITHIN_S))
        except (TimeoutError, WebSocketException) as error:
            raise RuntimeError("a breach was not told by WebSocket") from error
        heard_at_ns = time.time_ns()
        if told.get("type") == "update" and "refused an order" in told["event"]["payload"]["title"]:
            return told["event"]["payload"]["alert_id"], told["event"]["occurred_at_ns"], heard_at_ns
    raise RuntimeError("a breach was not told by WebSocket")


def _mailed(outbox_url: str, happened_at: dict[str, float]) -> list[float]:
    """Of each alert how long its first mail took; one that never came is left out, and so is missed in the count."""
    deadline = time.monotonic() + HEARD_WITHIN_S
    while True:
        found: dict[str, float] = {}
        for message in httpx.get(f"{outbox_url}/messages", timeout=5).json()["items"]:
            sent_at = datetime.fromisoformat(message["sent_at"]).timestamp()
            for alert_id in _ALERT_ID.findall(message["message"]):
                if alert_id in happened_at:
                    found[alert_id] = min(sent_at, found.get(alert_id, sent_at))
        if len(found) == len(happened_at) or time.monotonic() > deadline:
            return [(sent_at - happened_at[alert_id]) * 1000 for alert_id, sent_at in found.items()]
        time.sleep(0.2)


def _figure(name: str, goal: str, took_ms: list[float], p99_max_ms: float, p50_max_ms: float | None) -> Figure:
    took_ms.sort()
    if not took_ms:
        return Figure(name, goal, None, None, f"none of {BREACHES} was told", False)
    p50, p99 = percentile(took_ms, 0.5), percentile(took_ms, 0.99)
    is_ok = len(took_ms) == BREACHES and p99 < p99_max_ms and (p50_max_ms is None or p50 < p50_max_ms)
    return Figure(name, goal, p50, p99, f"{len(took_ms)} of {BREACHES} breaches, worst {took_ms[-1]:.0f} ms", is_ok)
