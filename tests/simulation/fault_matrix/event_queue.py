"""The relay's turn and the FIFO queue behind it, as SQS keeps it: in order within a group, and at least once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from breakwater.db.engine_connection import EngineConnection
from breakwater.db.relay import buckets_due, forget, lock_bucket, take_due
from fargate_engine.relay import BATCH_SIZE_MAX, Relay

RECEIVED_AT_ONCE_MAX = 10
RECEIVES_MAX = 5  # infra_cdk/constructs/queues.py


@dataclass
class Message:
    message_id: str
    group: str
    body: str
    receives: int = 0
    is_poison: bool = False  # It is none of ours, and no function will ever make sense of it.

    def record(self) -> dict[str, Any]:
        """As Lambda hands it to the function."""
        return {
            "messageId": self.message_id,
            "receiptHandle": "receipt",
            "body": self.body,
            "attributes": {
                "MessageGroupId": self.group,
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": "0",
            },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:trade-events.fifo",
            "awsRegion": "eu-west-1",
        }


class FifoQueue:
    """`takes` says which entries of a call are taken; `answers` may raise, after they were.

    `forget` ends its five minutes of remembering: what is sent again is then there twice.
    """

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.dead_letters: list[Message] = []
        self.takes: Callable[[list[dict[str, str]]], list[dict[str, str]]] = lambda entries: entries
        self.answers: Callable[[], None] = lambda: None
        self._seen: set[str] = set()
        self._count = 0

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        taken = self.takes(Entries)
        for entry in taken:
            if entry["MessageDeduplicationId"] not in self._seen:
                self._seen.add(entry["MessageDeduplicationId"])
                self.put(entry["MessageGroupId"], entry["MessageBody"])
        self.answers()
        ids = {entry["Id"] for entry in taken}
        return {"Failed": [{"Id": entry["Id"]} for entry in Entries if entry["Id"] not in ids]}

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Nobody waits here: what failed comes again at once."""
        return {"Successful": Entries}

    def send_message(self, *, MessageBody: str, MessageAttributes: dict[str, Any], **_: Any) -> None:
        """A dead letter, put aside by the function that was given the message."""
        told = json.loads(MessageAttributes["failure"]["StringValue"])
        is_poison = any(each.is_poison for each in self.waiting if each.message_id == told["message_id"])
        self.dead_letters.append(
            Message(f"dead-{told['message_id']}", told["group_id"], MessageBody, is_poison=is_poison)
        )

    def put(self, group: str, body: str, *, is_poison: bool = False) -> None:
        """Poison comes first, so that the others wait behind it."""
        self._count += 1
        message = Message(f"message-{self._count}", group, body, is_poison=is_poison)
        self.waiting.insert(0 if is_poison else len(self.waiting), message)

    def forget(self) -> None:
        self._seen.clear()

    def receive(self, group: str) -> list[Message]:
        """The group's oldest messages; what was received too often goes to the dead letters instead."""
        in_group = [message for message in self.waiting if message.group == group]
        received = in_group[:RECEIVED_AT_ONCE_MAX]
        for message in received:
            message.receives += 1
            if message.receives > RECEIVES_MAX:
                self.waiting.remove(message)
                self.dead_letters.append(message)
        return [message for message in received if message in self.waiting]

    def delete(self, messages: list[Message]) -> None:
        for message in messages:
            if message in self.waiting:
                self.waiting.remove(message)

    def redrive(self) -> None:
        """What an operator does with dead letters (docs/runbooks), but for those that are none of ours."""
        for message in self.dead_letters:
            if not message.is_poison:
                message.receives = 0
                self.waiting.append(message)
        self.dead_letters.clear()


class Bus:
    """EventBridge: what is put there concerns alerts and notifications, which the books do not read."""

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, int]:
        return {"FailedEntryCount": 0}


class RelayTurn:
    """The relay's own steps, one after the other, so that a test may come between them (fargate_engine/relay.py).

    `at` is told before it looks for events, when it has taken some, and when it has published them.
    """

    def __init__(self, queue: FifoQueue, at: Callable[[str], None]) -> None:
        self._at = at
        self._relay = Relay("", queue_url="queue", event_bus="bus", sqs=queue, eventbridge=Bus())

    async def run(self, connection: EngineConnection) -> None:
        """Everything that is due. Unavailable when queue or database fail: it all comes again."""
        for bucket in await buckets_due(connection):
            assert await lock_bucket(connection, bucket)
            self._at("looks for events")
            while due := await take_due(connection, bucket, BATCH_SIZE_MAX):
                self._at("has taken events")
                await self._relay.publish(due)
                self._at("has published events")
                await forget(connection, [event.outbox_id for event in due])
