"""What was sent, the newest first."""

import itertools
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MESSAGES_MAX = 2_000
TEXT_CHARACTERS_MAX = 512 * 1024
KINDS = ("email", "sms", "slack", "telegram", "webhook", "push")

type Message = dict[str, Any]


class Messages:
    """The oldest of more than MESSAGES_MAX are forgotten. Used by several threads at once."""

    def __init__(self) -> None:
        self._kept: deque[Message] = deque(maxlen=MESSAGES_MAX)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        to: str,
        subject: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        html: str = "",
    ) -> Message:
        """`details`: what there is beside it, such as buttons, or the headers of a webhook call.

        `html`: of a mail that has its text in HTML as well.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind} is none of {', '.join(KINDS)}")
        with self._lock:
            sent: Message = {
                "id": next(self._numbers),
                "kind": kind,
                "to": to,
                "subject": subject,
                "message": message[:TEXT_CHARACTERS_MAX],
                "html": html[:TEXT_CHARACTERS_MAX],
                "sent_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "details": dict(details or {}),
            }
            self._kept.append(sent)
        return sent

    def newest(
        self, *, kind: str | None = None, to: str | None = None, after: int = 0, limit: int = MESSAGES_MAX
    ) -> list[Message]:
        """Those of the kind, to whom the name is part of, with a higher number than `after`."""
        with self._lock:
            kept = list(self._kept)
        found = [
            sent
            for sent in reversed(kept)
            if sent["id"] > after and kind in {None, sent["kind"]} and (to or "").lower() in sent["to"].lower()
        ]
        return found[:limit]
