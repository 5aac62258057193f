"""Alerts as messages in a chat, with a button that acknowledges them."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.db.telegram import LinkedUser
from breakwater.domain.telegram import escaped, fitted
from breakwater.services.telegram_api import BotApi, Button, ChatRefused
from breakwater.services.telegram_links import VIA, end_link_of

ACKNOWLEDGE = "ack:"
_SIGNS = {"INFO": "ℹ️", "WARNING": "⚠️", "ERROR": "🟥", "CRITICAL": "🚨"}  # noqa: RUF001  # The sign that it is.

type FindChat = Callable[[int], LinkedUser | None]
type ActorsTransactions = Callable[[str], Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]]


def send_alert(
    alert: Alert,
    chat_id: int,
    *,
    bot: BotApi,
    find_chat: FindChat,
    transactions_of: ActorsTransactions,
    at: datetime,
    more: int = 0,
) -> int:
    """Send it with its button; the id of the message. `more`: how many alike came since the last message.

    ChatRefused when it will never arrive: the chat then speaks for nobody any more. TelegramUnavailable with
    `retry_after_s` when it may arrive later, MessageRefused when Telegram does not take the text.
    """
    try:
        return bot.send(chat_id, alert_text(alert, more=more), buttons=buttons_of(alert))
    except ChatRefused:
        unlink_blocked(chat_id, find_chat, transactions_of, correlation_id=alert.correlation_id, at=at)
        raise


def unlink_blocked(
    chat_id: int, find_chat: FindChat, transactions_of: ActorsTransactions, *, correlation_id: str, at: datetime
) -> None:
    """The person has blocked the bot, which is how most people end it."""
    linked = find_chat(chat_id)
    if linked is None:
        return
    actor = f"{linked.username}/{VIA}"
    with transactions_of(actor)(linked.tenant_id) as tx:
        end_link_of(linked.user_id, linked.username, tx, at, by=actor, correlation_id=correlation_id, reason="BLOCKED")


def alert_text(alert: Alert, *, more: int = 0) -> str:
    """Title, what is known, and who has taken it up."""
    head = f"{_SIGNS[alert.severity]} <b>{alert.severity}: {escaped(alert.title)}</b>"
    body = [escaped(line) for line in alert.body.splitlines()[1:]]  # The first says the title again.
    count = [f"<i>and {more} more alike</i>"] if more else []
    return fitted([head, *_acknowledged(alert), *count, *body])


def buttons_of(alert: Alert) -> list[Button]:
    if alert.acknowledged_at is not None:
        return []
    return [Button("Acknowledge", f"{ACKNOWLEDGE}{alert.alert_id}")]


def _acknowledged(alert: Alert) -> list[str]:
    if alert.acknowledged_at is None:
        return []
    return [f"✅ acknowledged by <b>{escaped(alert.acknowledged_by)}</b> at {alert.acknowledged_at:%H:%M} UTC"]
