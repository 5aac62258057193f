"""SQS and EventBridge as they may behave: they lose answers, double, reorder, refuse parts of a call, and are away.

What they promise they keep. A FIFO queue hands a group's messages over in the order in which it took them, and drops
what it has seen within five minutes; it may hand a message over again. A standard queue has no order.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

RECEIVED_AT_ONCE_MAX = 10
HOPS = ("queue", "bus", "database", "projections", "alerts", "hooks", "relay")
AWAY_STEPS_MAX = 8


@dataclass
class Weather:
    """What goes wrong, by a seed. Once it `is_calm` nothing does, and all has to arrive in the end."""

    random: Random
    is_calm: bool = False
    seen: Counter[str] = field(default_factory=Counter)  # What went wrong, and how often.
    _away: dict[str, int] = field(default_factory=dict)

    def strikes(self, what: str, chance: float) -> bool:
        if self.is_calm or self.random.random() >= chance:
            return False
        self.seen[what] += 1
        return True

    def is_away(self, hop: str) -> bool:
        return self._away.get(hop, 0) > 0

    def passes(self) -> None:
        """A step of time: outages come and end."""
        for hop in HOPS:
            self._away[hop] = 0 if self.is_calm else max(0, self._away.get(hop, 0) - 1)
            if not self._away[hop] and self.strikes(f"{hop} is away", 0.02):
                self._away[hop] = self.random.randint(1, AWAY_STEPS_MAX)


@dataclass
class Message:
    message_id: str
    body: str
    group: str = ""

    def record(self, arn: str) -> dict[str, Any]:
        """As Lambda hands it over. It is always young: how long is waited between tries is not asked here."""
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0", "ApproximateFirstReceiveTimestamp": "0"}
        return {
            "messageId": self.message_id,
            "receiptHandle": self.message_id,
            "body": self.body,
            "attributes": attributes | ({"MessageGroupId": self.group} if self.group else {}),
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": "eu-west-1",
        }


class Queue:
    """A standard queue."""

    def __init__(self, name: str, weather: Weather) -> None:
        self.arn = f"arn:aws:sqs:eu-west-1:000000000000:{name}"
        self._weather = weather
        self._waiting: list[Message] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, body: str, group: str = "") -> None:
        self._count += 1
        self._waiting.append(Message(f"{self.arn}/{self._count}", body, group))

    def receive(self) -> list[Message]:
        wanted = self._weather.random.randint(1, RECEIVED_AT_ONCE_MAX)
        return self._weather.random.sample(self._waiting, min(wanted, len(self._waiting)))

    def delete(self, messages: list[Message]) -> None:
        """A deletion may be lost on its way: the message is handed over again."""
        for message in messages:
            if not self._weather.strikes("a deletion is lost", 0.05):
                self._waiting.remove(message)


class FifoQueue(Queue):
    def __init__(self, name: str, weather: Weather) -> None:
        super().__init__(f"{name}.fifo", weather)
        self.taken: dict[str, list[str]] = {}  # Of each group, in the order in which it took them, doubles too.
        self._seen: set[str] = set()

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        if self._weather.is_away("queue") or self._weather.strikes("a call to the queue is lost", 0.03):
            raise EndpointConnectionError(endpoint_url=QueueUrl)
        if self._weather.strikes("the queue forgets ids", 0.04):
            self._seen.clear()
        refused = [entry["Id"] for entry in Entries if self._weather.strikes("the queue refuses an entry", 0.08)]
        for entry in Entries:
            if entry["Id"] not in refused and entry["MessageDeduplicationId"] not in self._seen:
                self._seen.add(entry["MessageDeduplicationId"])
                self.taken.setdefault(entry["MessageGroupId"], []).append(entry["MessageDeduplicationId"])
                self.put(entry["MessageBody"], entry["MessageGroupId"])
        if self._weather.strikes("an answer of the queue is lost", 0.06):
            raise ReadTimeoutError(endpoint_url=QueueUrl)
        return {"Failed": [{"Id": each, "Code": "InternalError", "SenderFault": False} for each in refused]}

    def receive(self) -> list[Message]:
        """The oldest of some groups, in their order."""
        groups = [
            group for group in {each.group: None for each in self._waiting} if self._weather.random.random() < 0.6
        ]
        wanted = self._weather.random.randint(1, RECEIVED_AT_ONCE_MAX)
        return [each for each in self._waiting if each.group in groups][:wanted]

    def delete(self, messages: list[Message]) -> None:
        """Of a group none is deleted whose elder stays: it would be handed over after it."""
        kept = set()
        for message in messages:
            if message.group in kept or self._weather.strikes("a deletion is lost", 0.05):
                kept.add(message.group)
            else:
                self._waiting.remove(message)


class Bus:
    """EventBridge with its rules: each (topics, queue); None for all topics."""

    def __init__(self, weather: Weather, rules: list[tuple[frozenset[str] | None, Queue]]) -> None:
        self._weather = weather
        self._rules = rules

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:
        if self._weather.is_away("bus") or self._weather.strikes("a call to the bus is lost", 0.03):
            raise EndpointConnectionError(endpoint_url="events")
        answers = [self._put(entry) for entry in Entries]
        if self._weather.strikes("an answer of the bus is lost", 0.06):
            raise ReadTimeoutError(endpoint_url="events")
        return {"FailedEntryCount": sum("ErrorCode" in each for each in answers), "Entries": answers}

    def _put(self, entry: dict[str, str]) -> dict[str, str]:
        if self._weather.strikes("the bus refuses an entry", 0.06):
            return {"ErrorCode": "InternalFailure"}
        body = json.dumps({"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])})
        for topics, queue in self._rules:
            if topics is None or entry["DetailType"] in topics:
                for _ in range(1 + self._weather.strikes("the bus tells twice", 0.05)):
                    queue.put(body)
        return {"EventId": "told"}


type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
