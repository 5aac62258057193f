"""Dead letters: what lies in the dead-letter queues, why, and how it is sent to its consumer again.

A queue is of all organisations. Whoever runs the platform sees of each letter what it takes to find the cause; what it
says, and what the consumer said of it, he sees of his own organisation only.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.db.connection import TenantTransaction
from breakwater.domain.dead_letters import FAILURE_ATTRIBUTE, Failure
from breakwater.domain.delivery import FIFO_SUFFIX, dead_letters_of, queue_url
from breakwater.domain.permissions import Caller
from breakwater.domain.times import TimeText, format_time, nanoseconds
from breakwater.errors import NotFound, Unavailable
from events.audit import SensitiveDataRead
from events.operations import RedriveRequested

LETTERS_MAX = 100  # Looked at, and sent, at once.
RECEIVES_MAX = 30  # A queue of which more is known than is given out is not asked for ever.
HELD_S = 60  # So long nobody else sees what is looked at, should it not be put back.
WAIT_S = 1  # Of a receive: SQS then asks all of its servers.
AT_ONCE = 10
ORGANISATION = uuid.UUID(int=0)  # What an event is about that is about no one thing.


class DeadLetter(TypedDict):
    """What is null is not known: the body is no event, or its consumer was killed and could give no reason.

    `failed_at` is when it was put aside. `error` is told of letters of one's own organisation.
    """

    letter_id: str
    queue: str
    failed_at: TimeText
    receives: int | None
    error_type: str | None
    error: str | None
    is_own: bool
    tenant_id: str | None
    account_id: str | None
    event_id: str | None
    topic: str | None
    correlation_id: str | None


class DeadLetterList(TypedDict):
    """The oldest first. `total`: about how many there are."""

    items: list[DeadLetter]
    total: int


class DeadLetterShown(DeadLetter):
    """`body` is null for a letter of another organisation, and for one that says of none."""

    body: str | None


class Redriven(TypedDict):
    """So many were sent again; `left`: about so many are there still."""

    redriven: int
    left: int


@dataclass(frozen=True, slots=True)
class _Letter:
    message: Mapping[str, Any]
    failure: Failure | None
    event: Mapping[str, Any]  # The members of its envelope; none for what is no event.

    @property
    def letter_id(self) -> str:
        return str(self.message["MessageId"])

    @property
    def place(self) -> tuple[int, int]:
        """In the order in which they were put aside."""
        told = self.message["Attributes"]
        return int(told.get("SequenceNumber", 0)), int(told["SentTimestamp"])

    @property
    def failed_at(self) -> str:
        if self.failure is not None:
            return self.failure.failed_at
        return format_time(datetime.fromtimestamp(int(self.message["Attributes"]["SentTimestamp"]) / 1000, UTC))


@dataclass(slots=True)
class _Held:
    letters: list[_Letter] = field(default_factory=list)
    total: int = 0
    gone: set[str] = field(default_factory=set)  # Deleted, by id: not to be put back.


class DeadLetterQueues:
    """`sqs` is an sqs client; `arns` those of the queues that have a consumer. All raise Unavailable."""

    def __init__(self, sqs: Any, arns: Sequence[str]) -> None:
        self._sqs = sqs
        self._arns = {arn.rpartition(":")[2]: arn for arn in arns}

    def names(self) -> list[str]:
        return sorted(self._arns)

    def list_all(self, caller: Caller, queue: str | None) -> DeadLetterList:
        """Of all queues, or of one. NotFound for one that there is not."""
        names = self.names() if queue is None else [self._known(queue)]
        items: list[DeadLetter] = []
        total = 0
        for name in names:
            with self._held(name) as held:
                items += [_told(letter, name, caller) for letter in held.letters]
                total += held.total
        return {"items": sorted(items, key=lambda letter: letter["failed_at"])[:LETTERS_MAX], "total": total}

    def show(self, caller: Caller, queue: str, letter_id: uuid.UUID) -> DeadLetterShown:
        """NotFound when it is not among the first LETTERS_MAX."""
        with self._held(self._known(queue)) as held:
            letter = _find(held, letter_id)
            told = _told(letter, queue, caller)
            return {**told, "body": str(letter.message["Body"]) if told["is_own"] else None}

    def redrive(self, queue: str, letter_id: uuid.UUID | None) -> Redriven:
        """Send one, or the oldest LETTERS_MAX, to their consumer, in the order in which they failed.

        Each is deleted here once it is there: whoever dies between leaves it in both, which consumers are made for.
        """
        with self._held(self._known(queue)) as held:
            chosen = held.letters if letter_id is None else [_find(held, letter_id)]
            for letter in chosen:
                self._send(queue, letter)
                self._delete(queue, letter)
                held.gone.add(letter.letter_id)
            return {"redriven": len(chosen), "left": max(held.total - len(chosen), 0)}

    def require(self, queue: str) -> None:
        self._known(queue)

    def _known(self, queue: str) -> str:
        if queue not in self._arns:
            raise NotFound("there is no such queue")
        return queue

    def _url(self, queue: str) -> str:
        return queue_url(self._arns[queue])

    def _dead_letters_url(self, queue: str) -> str:
        return queue_url(f"{self._arns[queue].rpartition(':')[0]}:{dead_letters_of(queue)}")

    @contextmanager
    def _held(self, queue: str) -> Iterator[_Held]:
        """The oldest letters, which nobody else sees meanwhile; what is not deleted is put back."""
        held = _Held()
        try:
            with _answered():
                held.total = self._count(queue)
                self._receive(queue, held)
            yield held
        finally:
            with _answered():
                self._put_back(queue, held)

    def _count(self, queue: str) -> int:
        """Also those that somebody looks at now."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._dead_letters_url(queue), AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def _receive(self, queue: str, held: _Held) -> None:
        for _ in range(RECEIVES_MAX):
            wanted = min(AT_ONCE, min(held.total, LETTERS_MAX) - len(held.letters))
            if wanted <= 0:
                break
            answer = self._sqs.receive_message(
                QueueUrl=self._dead_letters_url(queue),
                MaxNumberOfMessages=wanted,
                VisibilityTimeout=HELD_S,
                WaitTimeSeconds=WAIT_S,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            held.letters += [_letter(message) for message in messages]
            if not messages:
                break
        held.letters.sort(key=lambda letter: letter.place)

    def _put_back(self, queue: str, held: _Held) -> None:
        left = [letter for letter in held.letters if letter.letter_id not in held.gone]
        for start in range(0, len(left), AT_ONCE):
            entries = [
                {"Id": str(n), "ReceiptHandle": letter.message["ReceiptHandle"], "VisibilityTimeout": 0}
                for n, letter in enumerate(left[start : start + AT_ONCE])
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._dead_letters_url(queue), Entries=entries)

    def _send(self, queue: str, letter: _Letter) -> None:
        """Into its own group, under an id that no message had before: SQS would drop what it saw minutes ago."""
        told = letter.message["Attributes"]
        attributes = {
            name: {"DataType": value["DataType"], "StringValue": value["StringValue"]}
            for name, value in letter.message.get("MessageAttributes", {}).items()
            if name != FAILURE_ATTRIBUTE and "StringValue" in value
        }
        fifo: dict[str, str] = {}
        if queue.endswith(FIFO_SUFFIX):
            group = letter.failure.group_id if letter.failure is not None else told["MessageGroupId"]
            fifo = {"MessageGroupId": group, "MessageDeduplicationId": f"redrive-{letter.letter_id}"}
        with _answered():
            self._sqs.send_message(
                QueueUrl=self._url(queue), MessageBody=letter.message["Body"], MessageAttributes=attributes, **fifo
            )

    def _delete(self, queue: str, letter: _Letter) -> None:
        with _answered():
            self._sqs.delete_message(
                QueueUrl=self._dead_letters_url(queue), ReceiptHandle=letter.message["ReceiptHandle"]
            )


def ask_for_redrive(
    caller: Caller, tx: TenantTransaction, *, queue: str, letter_id: uuid.UUID | None, at: datetime
) -> None:
    """Committed before anything is sent: what was done is never without the name of who asked for it."""
    caller.require("system:operate")
    tx.outbox.add(
        RedriveRequested(queue=queue, letter_id=letter_id, requested_by=caller.actor),
        aggregate_id=letter_id or ORGANISATION,
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def note_read(letter: DeadLetterShown, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """What the letter says was shown, if it was."""
    if letter["body"] is None:
        return
    tx.outbox.add(
        SensitiveDataRead(what=f"dead letter of {letter['queue']}", read_by=caller.actor),
        aggregate_id=uuid.UUID(letter["letter_id"]),
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the queue did not answer") from error


def _letter(message: Mapping[str, Any]) -> _Letter:
    attribute = message.get("MessageAttributes", {}).get(FAILURE_ATTRIBUTE)
    failure: Failure | None = None
    if attribute is not None:
        try:
            failure = Failure.parse(attribute["StringValue"])
        except ValueError:
            failure = None
    return _Letter(message, failure, _event_of(message["Body"]))


def _event_of(body: str) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    detail = told.get("detail", told)
    return detail if isinstance(detail, dict) else {}


def _find(held: _Held, letter_id: uuid.UUID) -> _Letter:
    for letter in held.letters:
        if letter.letter_id == str(letter_id):
            return letter
    raise NotFound("there is no such dead letter")


def _told(letter: _Letter, queue: str, caller: Caller) -> DeadLetter:
    is_own = letter.event.get("tenant_id") == str(caller.tenant_id)
    failure = letter.failure
    return {
        "letter_id": letter.letter_id,
        "queue": queue,
        "failed_at": letter.failed_at,
        "receives": None if failure is None else failure.receives,
        "error_type": None if failure is None else failure.error_type,
        "error": failure.error if failure is not None and is_own else None,
        "is_own": is_own,
        "tenant_id": _id(letter.event.get("tenant_id")),
        "account_id": _id(letter.event.get("account_id")),
        "event_id": _id(letter.event.get("event_id")),
        "topic": _short(letter.event.get("topic")),
        "correlation_id": _short(letter.event.get("correlation_id")) if is_own else None,
    }


def _id(told: object) -> str | None:
    """What is no id is not told: whoever can write into a queue could have anything shown."""
    try:
        return str(uuid.UUID(told)) if isinstance(told, str) else None
    except ValueError:
        return None


def _short(told: object) -> str | None:
    return told[:200] if isinstance(told, str) else None
