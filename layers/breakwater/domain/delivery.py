"""How often a message is tried, when it counts as late, and which consumers can be told of the past again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

# After each failure but the last. Together 21 minutes: a database that fails over is there again long before.
RETRY_AFTER_S: tuple[int, ...] = (30, 60, 300, 900)
LAG_MAX_S = 120.0  # Behind by more than this, a consumer is late: two failures in a row are not.
SAMPLE_MAX_AGE_S = 300.0  # Lags are looked at every minute; what is older says nothing of now.
FIFO_SUFFIX = ".fifo"
RELAY = "outbox"  # What waits for the engine's relay stands in the database, and is told among the queues.


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """`after_s`: so long a message waits after its first failure, its second, and so on; then it is dead."""

    after_s: Sequence[int] = RETRY_AFTER_S

    @classmethod
    def parse(cls, told: str | None) -> "RetrySchedule":
        """Of "30,60,300,900"; the usual one for None. ValueError for what is no such list."""
        return cls() if told is None else cls(tuple(int(each) for each in told.split(",")))

    def wait_s(self, receives: int) -> int | None:
        """How long a message waits that has failed after so many receives; None when that was its last."""
        return self.after_s[receives - 1] if receives <= len(self.after_s) else None


def dead_letters_of(queue: str) -> str:
    """The name of a queue's dead-letter queue, which is of its kind."""
    if queue.endswith(FIFO_SUFFIX):
        return f"{queue.removesuffix(FIFO_SUFFIX)}-dead-letters{FIFO_SUFFIX}"
    return f"{queue}-dead-letters"


def queue_url(arn: str) -> str:
    """As SQS is asked; of an ARN arn:aws:sqs:<region>:<account>:<name>."""
    _, _, _, region, account, name = arn.split(":")
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


@dataclass(frozen=True, slots=True)
class Progress:
    """What a queue's consumer has said of itself. `taken_to`: when the newest message that it is done with was sent.

    `failing_since`: when the oldest message was sent that fails and is tried again, which counts until `failing_until`.
    `empty_at`: when nothing was last seen to wait in the queue, or when it was first looked at.
    """

    taken_to: datetime | None = None
    failing_since: datetime | None = None
    failing_until: datetime | None = None
    empty_at: datetime | None = None


def lag_s(progress: Progress, *, is_any_waiting: bool, at: datetime) -> float:
    """How far a consumer is behind: no older than this is the oldest message that it is not done with.

    A queue has nobody to ask for its oldest message. So what waits is dated by the newest one that is done, which was
    sent before it, or by when nothing waited yet; what fails has a date of its own.
    """
    ages = [0.0]
    known = [told for told in (progress.taken_to, progress.empty_at) if told is not None]
    if is_any_waiting and known:
        ages.append((at - max(known)).total_seconds())
    if progress.failing_since is not None and progress.failing_until is not None and at < progress.failing_until:
        ages.append((at - progress.failing_since).total_seconds())
    return max(ages)
