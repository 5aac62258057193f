"""The consumers' handler behind the emulator's queues, as a function there: retries, dead letters, parked groups."""

import json
import sysconfig
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from breakwater.domain.permissions import Caller
from breakwater.services.dead_letters import DeadLetterQueues
from events.envelope import Envelope
from local_cloud.deployment import aws_client

from .aws_objects import create_function
from .conftest import RunningEmulator

REPOSITORY = Path(__file__).parents[3]
PACKAGES = [REPOSITORY / "layers", REPOSITORY, Path(sysconfig.get_paths()["platlib"])]
TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")
# Of a file it reads what fails, and to another it writes what it was told, and when.
CONSUMER = """
import json, os, sys, time
sys.path[:0] = os.environ["PACKAGES"].split(":")
from breakwater.runtime import queue
queue.note = lambda *_: None  # There is no database here.
def process(envelope):
    name = envelope.correlation_id
    failing = open(os.environ["FAILING"]).read().split()
    with open(os.environ["TOLD"], "a") as told:
        told.write(json.dumps([name, name in failing, time.time()]) + "\\n")
    if name in failing:
        raise ValueError(f"{name} is poison")
handler = queue.queue_handler(process)
"""
OPERATOR = Caller(TENANT, "operator", "operator", "system_admin", frozenset({"session"}), correlation_id="c")


@dataclass
class Consumer:
    """A function behind a queue, and its dead letters."""

    sqs: Any
    url: str
    arn: str
    folder: Path

    def send(self, name: str, group: str, body: str | None = None) -> None:
        envelope = Envelope(
            event_id=uuid.uuid4(),
            topic="orders.OrderPlaced.v1",
            tenant_id=TENANT,
            account_id=None,
            aggregate_id=uuid.uuid4(),
            correlation_id=name,
            occurred_at_ns=1,
            payload={"secret": name},
        )
        self.sqs.send_message(
            QueueUrl=self.url,
            MessageBody=body or envelope.model_dump_json(),
            MessageGroupId=group,
            MessageDeduplicationId=str(uuid.uuid4()),
        )

    def fails(self, *names: str) -> None:
        (self.folder / "failing").write_text(" ".join(names))

    def told(self) -> list[tuple[str, bool, float]]:
        """Name, whether it failed, and when."""
        file = self.folder / "told"
        return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    def done(self) -> list[str]:
        return [name for name, has_failed, _ in self.told() if not has_failed]

    @property
    def dead_letters(self) -> DeadLetterQueues:
        return DeadLetterQueues(self.sqs, [self.arn])


@pytest.fixture
def consumer(emulator: RunningEmulator, tmp_path: Path) -> Consumer:
    sqs, name = aws_client(emulator.platform, "sqs"), f"events-{uuid.uuid4().hex[:8]}"
    fifo = {"FifoQueue": "true"}
    dead = sqs.create_queue(QueueName=f"{name}-dead-letters.fifo", Attributes=fifo)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    redrive = json.dumps({"deadLetterTargetArn": told["QueueArn"], "maxReceiveCount": 5})
    attributes = fifo | {"RedrivePolicy": redrive, "VisibilityTimeout": "120", "DeduplicationScope": "messageGroup"}
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (tmp_path / "failing").write_text("")
    function = create_function(
        emulator.platform,
        CONSUMER,
        PACKAGES=":".join(map(str, PACKAGES)),
        FAILING=str(tmp_path / "failing"),
        TOLD=str(tmp_path / "told"),
        RETRY_AFTER_S="1,1,2,2",
        POWERTOOLS_SERVICE_NAME="test",
    )
    aws_client(emulator.platform, "lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=function, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    return Consumer(sqs, url, arn, tmp_path)


def until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_poison_message_parks_its_group_and_no_other_until_it_is_a_dead_letter(consumer: Consumer) -> None:
    consumer.fails("a2")
    for name in ("a1", "a2", "a3"):
        consumer.send(name, "a")
    consumer.send("b1", "b")
    until(lambda: "b1" in consumer.done())
    consumer.send("b2", "b")
    consumer.send("a4", "a")
    until(lambda: "b2" in consumer.done())
    assert "a3" not in consumer.done()  # It waits behind the one that fails.
    until(lambda: "a4" in consumer.done())
    assert [name for name in consumer.done() if name.startswith("a")] == ["a1", "a3", "a4"]
    tries = [at for name, has_failed, at in consumer.told() if has_failed]
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) == 5
    # The emulator looks once a second for what has become visible.
    assert all(wait_s <= pause < wait_s + 5 for wait_s, pause in zip((1, 1, 2, 2), pauses, strict=True)), pauses
    (letter,) = consumer.dead_letters.list_all(OPERATOR, None)["items"]
    assert (letter["receives"], letter["error_type"], letter["error"]) == (5, "ValueError", "a2 is poison")


def test_a_dead_letter_is_sent_again_into_its_group_and_done(consumer: Consumer) -> None:
    consumer.send("good", "a")
    consumer.send("", "a", body="{no event")  # Never to be read: it is put aside at once, and parks nothing.
    consumer.send("after", "a")
    until(lambda: "after" in consumer.done())
    consumer.fails("mended")
    consumer.send("mended", "a")
    letters = consumer.dead_letters
    until(lambda: letters.list_all(OPERATOR, None)["total"] == 2)
    unread, mended = letters.list_all(OPERATOR, None)["items"]
    assert (unread["error_type"], unread["receives"], unread["topic"]) == ("NotAnEvent", 1, None)
    queue = consumer.arn.rpartition(":")[2]
    consumer.fails()
    assert letters.redrive(queue, uuid.UUID(mended["letter_id"])) == {"redriven": 1, "left": 1}
    until(lambda: "mended" in consumer.done())
    # The other is put aside again, as another letter; sent twice within minutes, it is not dropped.
    seen = [{unread["letter_id"]}]
    for _ in range(2):
        assert letters.redrive(queue, None)["redriven"] == 1
        until(lambda: bool(ids_of(letters)) and ids_of(letters) not in seen)
        seen.append(ids_of(letters))


def ids_of(letters: DeadLetterQueues) -> set[str]:
    return {each["letter_id"] for each in letters.list_all(OPERATOR, None)["items"]}


def test_of_other_organisations_letters_only_the_envelope_is_seen(consumer: Consumer) -> None:
    consumer.fails("poison")
    consumer.send("poison", "a")
    letters = consumer.dead_letters
    until(lambda: letters.list_all(OPERATOR, None)["total"] == 1)
    queue = consumer.arn.rpartition(":")[2]
    (letter,) = letters.list_all(OPERATOR, queue)["items"]
    shown = letters.show(OPERATOR, queue, uuid.UUID(letter["letter_id"]))
    assert shown["body"] is not None
    assert json.loads(shown["body"])["payload"] == {"secret": "poison"}
    stranger = Caller(uuid.uuid4(), "x", "x", "system_admin", frozenset({"session"}), correlation_id="c")
    seen = letters.show(stranger, queue, uuid.UUID(letter["letter_id"]))
    assert (seen["body"], seen["error"], seen["correlation_id"]) == (None, None, None)
    assert (seen["topic"], seen["tenant_id"], seen["error_type"]) == (
        "orders.OrderPlaced.v1",
        str(TENANT),
        "ValueError",
    )
    assert "secret" not in json.dumps(seen)
