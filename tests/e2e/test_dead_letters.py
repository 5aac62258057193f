"""A message that nobody can read, on the running platform: it is put aside, seen, sent again, and stops nobody."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local_cloud.platform import REGION
from tests.e2e.desk import Desk, Terminal, eventually

QUEUE = "trade-events.fifo"
TOLD_AGAIN = {QUEUE: "projections", "notifications": "notifications", "alerts": "alerts"}  # Consumers by their queues.


@pytest.fixture
def operator(endpoints_file: Path, tmp_path: Path) -> Terminal:
    environment = {"BREAKWATER_LOCAL_DIR": str(endpoints_file.parent), "BREAKWATER_SESSION": str(tmp_path / "o.json")}
    seated = Terminal(environment)
    seated.run("sign-in", "--user", "operator")
    return seated


@pytest.fixture
def poison(endpoints: dict[str, Any]) -> Iterator[Callable[[str], str]]:
    """Puts what is no event before an account's next ones; its text. Nothing of it is left afterwards."""
    sqs = boto3.client(
        "sqs",
        endpoint_url=endpoints["aws_endpoint_url"],
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )

    def put(account_id: str) -> str:
        text = f"poison {uuid.uuid4()}"
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        sqs.send_message(
            QueueUrl=url, MessageBody=text, MessageGroupId=account_id, MessageDeduplicationId=f"{uuid.uuid4()}"
        )
        return text

    yield put
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName="trade-events-dead-letters.fifo")["QueueUrl"])


def sold(desk: Desk) -> str:
    """An order that is filled: while the machine is busy, a price may be too old for one."""

    def try_to() -> str | None:
        order = desk.place("SELL", "0.01")
        return order["order_id"] if order["status"] == "FILLED" else None

    return eventually(try_to, within_s=60)


def test_poison_is_put_aside_seen_and_sent_again_and_the_account_trades_on(
    desk: Desk, operator: Terminal, poison: Callable[[str], str]
) -> None:
    def letters() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = operator.asked("dlq", "list", "--queue", QUEUE)["items"]
        return found

    assert letters() == []
    poison(desk.account_id)
    assert desk.filled_of(sold(desk))  # Booked by the consumer, behind the poison.
    (letter,) = eventually(lambda: letters() or None)
    assert (letter["error_type"], letter["receives"], letter["tenant_id"]) == ("NotAnEvent", 1, None)
    assert "NotAnEvent" in operator.told("dlq", "list")
    assert operator.asked("dlq", "show", letter["letter_id"][:8])["body"] is None  # Nobody's, so not the operator's.

    assert operator.asked("dlq", "redrive", QUEUE, letter["letter_id"][:8])["redriven"] == 1
    again = eventually(lambda: [each for each in letters() if each["letter_id"] != letter["letter_id"]] or None)
    assert len(again) == 1
    (dead,) = [each for each in operator.asked("consumers")["items"] if each["queue"] == QUEUE]
    assert dead["dead_letters"] == 1


def test_a_period_told_again_and_read_models_made_again_change_nothing(desk: Desk, operator: Terminal) -> None:
    trades = desk.filled_of(sold(desk))
    before = desk.client.positions()["items"]
    replay = ("events", "replay", "--from", "2020-01-01", "--to", "+1d", "--account", desk.account_id)
    for consumer in TOLD_AGAIN.values():
        sent = operator.asked(*replay, "--consumer", consumer)["sent"]
        assert sent >= (len(trades) if consumer != "alerts" else 0)

    def all_is_heard() -> bool | None:
        """By those who were told; others may be at work on what came before, or wait to try it again."""
        items = [each for each in operator.asked("consumers")["items"] if each["queue"] in TOLD_AGAIN]
        assert len(items) == len(TOLD_AGAIN)
        return all(each["visible"] + each["in_flight"] == 0 for each in items) or None

    eventually(all_is_heard, within_s=60)
    rebuilt = operator.asked("events", "rebuild", "--account", desk.account_id)["items"][0]
    assert [rebuilt[name] for name in ("trades", "positions", "balances", "orders", "unknown_trades")] == [[]] * 5
    assert rebuilt["events"] >= len(trades)
    assert [quantity["quantity"] for quantity in desk.client.positions()["items"]] == [
        quantity["quantity"] for quantity in before
    ]
    assert operator.asked("dlq", "list")["items"] == []


def test_whoever_trades_runs_no_platform(terminal: Terminal) -> None:
    assert "system:monitor" in terminal.run("dlq", "list", exit_code=1)
    assert "system:operate" in terminal.run("dlq", "redrive", QUEUE, "--all", exit_code=1)
