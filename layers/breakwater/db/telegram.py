"""Chats of Telegram that speak for people, the codes that link them, and what the bot remembers of the talk."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow, class_row

from breakwater.errors import Conflict

_LINK = """
INSERT INTO alerts.contacts (user_id, tenant_id, telegram_chat_id, telegram_second_factor) VALUES (%s, %s, %s, %s)
ON CONFLICT (user_id) DO UPDATE
  SET telegram_chat_id = excluded.telegram_chat_id, telegram_second_factor = excluded.telegram_second_factor
"""
_UNLINK = """
UPDATE alerts.contacts SET telegram_chat_id = NULL, telegram_second_factor = false
WHERE tenant_id = %s AND user_id = %s AND telegram_chat_id IS NOT NULL
"""
_KEEP_CODE = """
INSERT INTO alerts.telegram_codes (user_id, tenant_id, code_hash, has_second_factor, expires_at)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_id) DO UPDATE
  SET code_hash = excluded.code_hash, has_second_factor = excluded.has_second_factor, expires_at = excluded.expires_at
"""
_SHOW_ALERTS = """
INSERT INTO alerts.telegram_talks (user_id, tenant_id, shown_alert_ids) VALUES (%s, %s, %s)
ON CONFLICT (user_id) DO UPDATE SET shown_alert_ids = excluded.shown_alert_ids
"""
_ASK_WHY = """
INSERT INTO alerts.telegram_talks (user_id, tenant_id, kill_node_id, kill_expires_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (user_id) DO UPDATE SET kill_node_id = excluded.kill_node_id, kill_expires_at = excluded.kill_expires_at,
  kill_reason = NULL, kill_token_hash = NULL
"""
_ASK_WHETHER = """
UPDATE alerts.telegram_talks SET kill_reason = %s, kill_token_hash = %s, kill_expires_at = %s
WHERE tenant_id = %s AND user_id = %s AND kill_node_id IS NOT NULL AND kill_reason IS NULL AND kill_expires_at > %s
RETURNING kill_node_id
"""
# In one statement, so that of two presses of the button one finds nothing.
_TAKE_KILL = """
UPDATE alerts.telegram_talks t SET kill_node_id = NULL, kill_reason = NULL, kill_token_hash = NULL
FROM (SELECT user_id, kill_node_id, kill_reason FROM alerts.telegram_talks
      WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND kill_token_hash = %(token_hash)s
        AND kill_expires_at > %(at)s FOR UPDATE) asked
WHERE t.tenant_id = %(tenant_id)s AND t.user_id = asked.user_id RETURNING asked.kill_node_id, asked.kill_reason
"""
_FORGET_KILL = """
UPDATE alerts.telegram_talks SET kill_node_id = NULL, kill_reason = NULL, kill_token_hash = NULL
WHERE tenant_id = %s AND user_id = %s AND kill_node_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class LinkedUser:
    """For whom a chat speaks. `has_second_factor`: the session that linked it had one."""

    tenant_id: uuid.UUID
    user_id: uuid.UUID
    subject: str
    username: str
    role: str
    has_second_factor: bool


@dataclass(frozen=True, slots=True)
class RedeemedCode:
    user_id: uuid.UUID
    has_second_factor: bool


@dataclass(frozen=True, slots=True)
class CodeOwner:
    tenant_id: uuid.UUID
    username: str


def take_update(connection: psycopg.Connection[TupleRow], update_id: int) -> bool:
    """False for one that was told before."""
    row = connection.execute("SELECT alerts.take_telegram_update(%s)", (update_id,)).fetchone()
    return row is not None and bool(row[0])


def find_chat(connection: psycopg.Connection[TupleRow], chat_id: int) -> LinkedUser | None:
    """Of whichever organisation, with the role that he has now. None also for a user who is disabled."""
    with connection.cursor(row_factory=class_row(LinkedUser)) as cursor:
        return cursor.execute(
            "SELECT tenant_id, user_id, subject, username, role, has_second_factor FROM alerts.find_telegram_chat(%s)",
            (chat_id,),
        ).fetchone()


def find_code(connection: psycopg.Connection[TupleRow], code_hash: bytes) -> CodeOwner | None:
    """None for a code that is not known, or whose time is over."""
    with connection.cursor(row_factory=class_row(CodeOwner)) as cursor:
        return cursor.execute("SELECT tenant_id, username FROM alerts.find_telegram_code(%s)", (code_hash,)).fetchone()


class TelegramRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    # links ------------------------------------------------------------------------------------------------------

    def keep_code(self, user_id: uuid.UUID, code_hash: bytes, *, has_second_factor: bool, expires_at: datetime) -> None:
        """In the place of the one that the user had before."""
        self._connection.execute(_KEEP_CODE, (user_id, self._tenant_id, code_hash, has_second_factor, expires_at))

    def redeem(self, code_hash: bytes, at: datetime) -> RedeemedCode | None:
        """It is gone then. None for one that somebody was quicker with, or whose time is over."""
        with self._connection.cursor(row_factory=class_row(RedeemedCode)) as cursor:
            return cursor.execute(
                "DELETE FROM alerts.telegram_codes WHERE tenant_id = %s AND code_hash = %s AND expires_at > %s"
                " RETURNING user_id, has_second_factor",
                (self._tenant_id, code_hash, at),
            ).fetchone()

    def link(self, user_id: uuid.UUID, chat_id: int, *, has_second_factor: bool) -> None:
        """In the place of the chat that the user had before. Conflict for a chat that speaks for somebody else."""
        try:
            self._connection.execute(_LINK, (user_id, self._tenant_id, chat_id, has_second_factor))
        except UniqueViolation as error:
            raise Conflict("this chat speaks for somebody else: /unlink it first") from error

    def unlink(self, user_id: uuid.UUID) -> bool:
        """False when no chat spoke for him."""
        whose = (self._tenant_id, user_id)
        self._connection.execute("DELETE FROM alerts.telegram_codes WHERE tenant_id = %s AND user_id = %s", whose)
        self._connection.execute("DELETE FROM alerts.telegram_talks WHERE tenant_id = %s AND user_id = %s", whose)
        return self._connection.execute(_UNLINK, whose).rowcount == 1

    def is_linked(self, user_id: uuid.UUID) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM alerts.contacts WHERE tenant_id = %s AND user_id = %s AND telegram_chat_id IS NOT NULL",
            (self._tenant_id, user_id),
        ).fetchone()
        return row is not None

    # the talk ---------------------------------------------------------------------------------------------------

    def show_alerts(self, user_id: uuid.UUID, alert_ids: Sequence[uuid.UUID]) -> None:
        self._connection.execute(_SHOW_ALERTS, (user_id, self._tenant_id, list(alert_ids)))

    def shown_alerts(self, user_id: uuid.UUID) -> list[uuid.UUID]:
        row = self._connection.execute(
            "SELECT shown_alert_ids FROM alerts.telegram_talks WHERE tenant_id = %s AND user_id = %s",
            (self._tenant_id, user_id),
        ).fetchone()
        return [] if row is None else row[0]

    def ask_why(self, user_id: uuid.UUID, node_id: uuid.UUID, expires_at: datetime) -> None:
        """The next that he says is the reason for which the node is to be killed."""
        self._connection.execute(_ASK_WHY, (user_id, self._tenant_id, node_id, expires_at))

    def ask_whether(
        self, user_id: uuid.UUID, reason: str, token_hash: bytes, *, at: datetime, expires_at: datetime
    ) -> uuid.UUID | None:
        """The node that he was asked why about; None when he was not, or it is too long ago."""
        row = self._connection.execute(
            _ASK_WHETHER, (reason, token_hash, expires_at, self._tenant_id, user_id, at)
        ).fetchone()
        return None if row is None else row[0]

    def take_kill(self, user_id: uuid.UUID, token_hash: bytes, at: datetime) -> tuple[uuid.UUID, str] | None:
        """Node and reason, once; None for a button that was pressed before, or whose time is over."""
        wanted = {"tenant_id": self._tenant_id, "user_id": user_id, "token_hash": token_hash, "at": at}
        row = self._connection.execute(_TAKE_KILL, wanted).fetchone()
        return None if row is None else (row[0], row[1])

    def forget_kill(self, user_id: uuid.UUID) -> bool:
        """False when nothing was to be killed."""
        return self._connection.execute(_FORGET_KILL, (self._tenant_id, user_id)).rowcount == 1
