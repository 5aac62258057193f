"""The Bot API of Telegram: kept-alive HTTP, short time-outs, and never a second try by itself.

https://core.telegram.org/bots/api#making-requests
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from breakwater.errors import Rejection, Unavailable

TIMEOUT = Timeout(connect=2.0, total=5.0)
RETRY_AFTER_S_MAX = 3_600
_CHAT_IS_GONE = ("chat not found", "user is deactivated", "bot was kicked", "PEER_ID_INVALID")


class TelegramUnavailable(Unavailable):
    """It did not answer, or has no time now: `retry_after_s` is what it asked for."""

    code = "TELEGRAM_UNAVAILABLE"

    def __init__(self, message: str, *, retry_after_s: int = Unavailable.retry_after_s) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s  # type: ignore[misc]  # Its own one.


class ChatRefused(Rejection):
    """The person has blocked the bot, or is there no more: nothing will reach this chat again."""

    code = "CHAT_REFUSED"


class MessageRefused(Rejection):
    """Telegram does not take this message, however often it is sent."""

    code = "MESSAGE_REFUSED"


@dataclass(frozen=True, slots=True)
class Button:
    """`told` comes back when it is pressed: at most 64 bytes."""

    text: str
    told: str


class BotApi:
    """Calls raise TelegramUnavailable, ChatRefused or MessageRefused.

    After a 429 nothing is sent until the time is over that Telegram asked for: whoever goes on asking is asked to wait
    for longer. `base_url`: with the bot's token behind it the address of all calls, which therefore stands in no error.
    """

    def __init__(self, base_url: str, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = f"{base_url}/bot{token}"
        self._clock = clock
        self._quiet_until = 0.0
        self._pool = PoolManager(num_pools=1, maxsize=2, retries=False)

    def send(self, chat_id: int, text: str, *, buttons: Sequence[Button] = (), asks: bool = False) -> int:
        """A text in Telegram's HTML; the message's id. `asks`: the chat opens for an answer."""
        markup: dict[str, Any] | None = None
        if buttons:
            markup = _keyboard(buttons)
        elif asks:
            markup = {"force_reply": True}
        sent = self._call("sendMessage", {"chat_id": chat_id, **_text(text), **_markup(markup)})
        return int(sent["message_id"]) if isinstance(sent, dict) and "message_id" in sent else 0

    def edit(self, chat_id: int, message_id: int, text: str, *, buttons: Sequence[Button] = ()) -> None:
        """In the place of what the message said; without buttons it has none any more."""
        markup = _keyboard(buttons)
        told = {"chat_id": chat_id, "message_id": message_id, **_text(text), **_markup(markup)}
        try:
            self._call("editMessageText", told)
        except MessageRefused as refused:
            if "message is not modified" not in refused.message:
                raise

    def answer_press(self, callback_id: str, text: str = "") -> None:
        """The button stops waiting, and shows a few words; one that was pressed long ago has stopped by itself."""
        with suppress(MessageRefused):
            self._call("answerCallbackQuery", {"callback_query_id": callback_id, "text": text[:200]})

    def _call(self, method: str, told: dict[str, Any]) -> Any:
        wait_s = self._quiet_until - self._clock()
        if wait_s > 0:
            raise TelegramUnavailable("Telegram has asked to wait", retry_after_s=int(wait_s) + 1)
        try:
            answer = self._pool.request(
                "POST",
                f"{self._address}/{method}",
                body=json.dumps(told).encode(),
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT,
                redirect=False,
            )
            document = json.loads(answer.data)
        except (HTTPError, ValueError):  # Not told further: the token stands in the address.
            raise TelegramUnavailable("Telegram did not answer in time, or nothing that can be read") from None
        if isinstance(document, dict) and document.get("ok") is True:
            return document.get("result")
        raise self._refusal(answer.status, document if isinstance(document, dict) else {})

    def _refusal(self, status: int, document: dict[str, Any]) -> Rejection | TelegramUnavailable:
        description = str(document.get("description", ""))[:200]
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            asked = (document.get("parameters") or {}).get("retry_after")
            retry_after_s = min(max(int(asked), 1), RETRY_AFTER_S_MAX) if isinstance(asked, int) else 1
            self._quiet_until = self._clock() + retry_after_s
            return TelegramUnavailable("Telegram has asked to wait", retry_after_s=retry_after_s)
        if status == HTTPStatus.FORBIDDEN or any(each in description for each in _CHAT_IS_GONE):
            return ChatRefused(description or "the chat is closed")
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
            return TelegramUnavailable("Telegram does not know the bot's token")  # Until somebody puts it right.
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return MessageRefused(description or f"Telegram answered {status}")
        return TelegramUnavailable(f"Telegram answered {status}")


def _text(text: str) -> dict[str, Any]:
    return {"text": text, "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}


def _keyboard(buttons: Sequence[Button]) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": each.text, "callback_data": each.told}] for each in buttons]}


def _markup(markup: dict[str, Any] | None) -> dict[str, Any]:
    return {} if markup is None else {"reply_markup": markup}
