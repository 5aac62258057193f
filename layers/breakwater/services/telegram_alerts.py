"""Alerts as messages in a chat, with a button that acknowledges them."""

import uuid
from collections.abc import Callable, Sequence
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


def send_alerts(
    alerts: Sequence[Alert],
    chat_id: int,
    *,
    bot: BotApi,
    find_chat: FindChat,
    transactions_of: ActorsTransactions,
    at: datetime,
    count: int = 1,
    note: str | None = None,
) -> int:
    """One message; its id. Of one alert it has the button; of several, the worst first, it is a list.

    `count`: of how many of its kind the first speaks. `note`: what stands beside it, such as why it comes so late.
    ChatRefused when it will never arrive: the chat then speaks for nobody any more. TelegramUnavailable with
    `retry_after_s` when it may arrive later, MessageRefused when Telegram does not take the text.
    """
    try:
        if len(alerts) > 1:
            return bot.send(chat_id, list_text(alerts, note=note))
        return bot.send(chat_id, alert_text(alerts[0], count=count, note=note), buttons=buttons_of(alerts[0]))
    except ChatRefused:
        unlink_blocked(chat_id, find_chat, transactions_of, correlation_id=alerts[0].correlation_id, at=at)
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


def alert_text(alert: Alert, *, count: int = 1, note: str | None = None) -> str:
    """Title, who has taken it up, and what is known."""
    head = f"{_SIGNS[alert.severity]} <b>{alert.severity}: {escaped(alert.title)}</b>"
    told = [] if note is None else [f"<i>{escaped(note)}</i>"]
    counted = [f"<i>the first of {count} alike</i>"] if count > 1 else []
    lines = [line for line in alert.body.splitlines() if line.strip()]
    if lines and lines[0].rstrip(".") == " ".join(alert.title.split()):  # Most bodies say the title again.
        del lines[0]
    return fitted([head, *_acknowledged(alert), *told, *counted, *map(escaped, lines)])


def list_text(alerts: Sequence[Alert], *, note: str | None = None) -> str:
    told = [] if note is None else [f"<i>{escaped(note)}</i>"]
    lines = [
        f"{_SIGNS[each.severity]} {each.created_at:%d %b %H:%M} <b>{each.severity}</b> {escaped(each.title)}"
        for each in alerts
    ]
    return fitted([f"<b>{len(alerts)} alerts</b>, /alerts numbers the newest", *told, *lines])


def buttons_of(alert: Alert) -> list[Button]:
    if alert.acknowledged_at is not None:
        return []
    return [Button("Acknowledge", f"{ACKNOWLEDGE}{alert.alert_id}")]


def _acknowledged(alert: Alert) -> list[str]:
    if alert.acknowledged_at is None:
        return []
    return [f"✅ acknowledged by <b>{escaped(alert.acknowledged_by)}</b> at {alert.acknowledged_at:%H:%M} UTC"]
