"""What is kept of a message's last failure, beside the message, in its dead-letter queue."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from breakwater.domain.times import format_time

FAILURE_ATTRIBUTE = "failure"
REPLAY_ATTRIBUTE = "replay"  # Of a message that tells again what was told: its value is the replay's id.
ERROR_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """`error_type` is the exception's class; `error` what it says, which may tell of a tenant's data.

    The ids are those of the message in the queue where it failed; empty where the queue has no groups.
    """

    error_type: str
    error: str
    receives: int
    failed_at: str
    message_id: str = ""
    group_id: str = ""
    deduplication_id: str = ""

    @classmethod
    def of(cls, error: Exception, receives: int, at: datetime) -> "Failure":
        said = " ".join(str(error).split())[:ERROR_LENGTH_MAX]
        return cls(type(error).__name__, said, receives, format_time(at))

    @classmethod
    def parse(cls, told: str) -> "Failure":
        """ValueError for what `text` never wrote."""
        try:
            return cls(**json.loads(told))
        except TypeError as error:
            raise ValueError("no failure of ours") from error

    def of_message(self, message_id: str, group_id: str | None, deduplication_id: str | None) -> "Failure":
        return replace(self, message_id=message_id, group_id=group_id or "", deduplication_id=deduplication_id or "")

    def text(self) -> str:
        return json.dumps(asdict(self))
