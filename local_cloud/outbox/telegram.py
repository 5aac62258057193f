"""A Telegram of this machine: it speaks the Bot API to the bot, and lets people here write to it.

https://core.telegram.org/bots/api, of which it has what our bot calls, with the refusals that Telegram has for it.
"""

import html
import itertools
import json
import queue
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from local_cloud.outbox.messages import MESSAGES_MAX, Message, Messages

BOT_USERNAME = "breakwater_local_bot"
BOT_TOKEN = "424242:local-bot-of-breakwater"  # noqa: S105  # Of no bot but this one.
UPDATES_WAITING_MAX = 1_000
DELIVERY_TIMEOUT_S = 35
DELIVERY_TRIES_MAX = 5
RETRIED_AFTER_S = 0.5
TEXT_UNITS_MAX = 4_096
BUTTON_BYTES_MAX = 64
_TAG = re.compile(r"<(/?)(b|strong|i|em|u|s|code|pre)>")
_ENTITY = re.compile(r"&(lt|gt|amp|quot|#[0-9]+|#x[0-9a-fA-F]+);")

type Params = dict[str, Any]
type Answer = tuple[HTTPStatus, dict[str, Any]]


class BotApiError(Exception):
    def __init__(self, status: HTTPStatus, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


class LocalTelegram:
    """`call` is the bot's side, `say` and `press` are the people's; what they do reaches the webhook in order.

    A chat that nobody has written in is known all the same: links outlive this process.
    """

    def __init__(self, messages: Messages, *, token: str = BOT_TOKEN, retried_after_s: float = RETRIED_AFTER_S) -> None:
        self._messages = messages
        self._token = token
        self._retried_after_s = retried_after_s
        self._lock = threading.Lock()
        # Beyond those of an earlier run: the bot remembers which updates it has had.
        self._update_ids = itertools.count(int(time.time() * 1000))
        self._message_ids = itertools.count(int(time.time()))
        self._updates: queue.Queue[dict[str, Any] | None] = queue.Queue(UPDATES_WAITING_MAX)
        self._webhook: dict[str, str] | None = None
        self._has_webhook = threading.Event()
        self._last_error = ""
        self._blocked: set[int] = set()
        self._shown: dict[tuple[int, int], str] = {}
        self._busy_until = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._deliver_all, name="telegram", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._has_webhook.set()

    # the bot's side ---------------------------------------------------------------------------------------------

    def call(self, token: str, method: str, params: Params) -> Answer:
        """As POST /bot<token>/<method> answers."""
        try:
            return HTTPStatus.OK, {"ok": True, "result": self._called(token, method, params)}
        except BotApiError as error:
            refused = {"ok": False, "error_code": error.status.value, "description": error.description}
            return error.status, refused | ({"parameters": error.parameters} if error.parameters else {})

    def _called(self, token: str, method: str, params: Params) -> Any:
        if token != self._token:
            raise BotApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        known: dict[str, Callable[[Params], Any]] = {
            "getMe": self._get_me,
            "setWebhook": self._set_webhook,
            "getWebhookInfo": self._webhook_info,
            "sendMessage": self._send,
            "editMessageText": self._edit,
            "answerCallbackQuery": self._answer_press,
        }
        if method not in known:
            raise BotApiError(HTTPStatus.NOT_FOUND, "Not Found")
        wait_s = self._busy_until - time.monotonic()
        if wait_s > 0 and not method.startswith("get"):
            seconds = int(wait_s) + 1
            description = f"Too Many Requests: retry after {seconds}"
            raise BotApiError(HTTPStatus.TOO_MANY_REQUESTS, description, retry_after=seconds)
        return known[method](params)

    def _get_me(self, _: Params) -> Any:
        return {"id": 424242, "is_bot": True, "first_name": "Breakwater here", "username": BOT_USERNAME}

    def _set_webhook(self, params: Params) -> bool:
        secret = str(params.get("secret_token", ""))
        if re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret) is None:
            raise _bad("Bad Request: secret token contains unallowed characters")
        url = str(params.get("url", ""))
        with self._lock:
            self._webhook = {"url": url, "secret": secret} if url else None
        if url:
            self._has_webhook.set()
        else:
            self._has_webhook.clear()
        return True

    def _webhook_info(self, _: Params) -> Any:
        with self._lock:
            url = "" if self._webhook is None else self._webhook["url"]
        told = {"url": url, "has_custom_certificate": False, "pending_update_count": self._updates.qsize()}
        return told | ({"last_error_message": self._last_error} if self._last_error else {})

    def _send(self, params: Params) -> Any:
        chat_id, text = self._open_chat(params), _checked_text(params)
        message_id = next(self._message_ids)
        self._show(chat_id, message_id, text, params, "sent")
        return _message(chat_id, message_id, text)

    def _edit(self, params: Params) -> Any:
        chat_id, text = self._open_chat(params), _checked_text(params)
        message_id = params.get("message_id")
        if not isinstance(message_id, int):
            raise _bad("Bad Request: message to edit not found")
        told = json.dumps([text, params.get("reply_markup")])
        if self._shown.get((chat_id, message_id)) == told:
            raise _bad("Bad Request: message is not modified")
        self._show(chat_id, message_id, text, params, "edited")
        return _message(chat_id, message_id, text)

    def _answer_press(self, params: Params) -> bool:
        if not str(params.get("callback_query_id", "")).isdecimal():
            raise _bad("Bad Request: query is too old and response timeout expired or query ID is invalid")
        return True

    def _open_chat(self, params: Params) -> int:
        chat_id = params.get("chat_id")
        if not isinstance(chat_id, int):
            raise _bad("Bad Request: chat not found")
        if chat_id in self._blocked:
            raise BotApiError(HTTPStatus.FORBIDDEN, "Forbidden: bot was blocked by the user")
        return chat_id

    def _show(self, chat_id: int, message_id: int, text: str, params: Params, done: str) -> None:
        markup = params.get("reply_markup") or {}
        buttons = [
            {"text": str(button["text"]), "told": str(button["callback_data"])}
            for row in markup.get("inline_keyboard", [])
            for button in row
        ]
        if any(len(button["told"].encode()) > BUTTON_BYTES_MAX for button in buttons):
            raise _bad("Bad Request: BUTTON_DATA_INVALID")
        plain = html.unescape(_TAG.sub("", text))
        while len(self._shown) >= MESSAGES_MAX:
            del self._shown[next(iter(self._shown))]
        self._shown[chat_id, message_id] = json.dumps([text, params.get("reply_markup")])
        details = {"chat_id": chat_id, "message_id": message_id, "buttons": buttons, "html": text, "was": done}
        self._messages.add("telegram", str(chat_id), plain.splitlines()[0], plain, details)

    # the people's side ------------------------------------------------------------------------------------------

    def say(self, chat_id: int, text: str, *, kind: str = "private") -> int:
        """Somebody writes to the bot; the update's id."""
        chat = {"id": chat_id, "type": kind, "first_name": f"Person {chat_id}"}
        message = {"message_id": next(self._message_ids), "date": int(time.time()), "chat": chat, "text": text}
        return self.tell({"message": message | {"from": _person(chat_id)}})

    def press(self, chat_id: int, message_id: int, told: str) -> int:
        """Somebody presses a button under a message."""
        chat = {"id": chat_id, "type": "private"}
        message = {"message_id": message_id, "date": int(time.time()), "chat": chat}
        query = {"id": str(next(self._message_ids)), "from": _person(chat_id), "message": message, "data": told}
        return self.tell({"callback_query": query})

    def button(self, chat_id: int, caption: str) -> Message | None:
        """The newest message in the chat, as it was last edited, that has a button which begins so."""
        seen: set[int] = set()
        for sent in self._messages.newest(kind="telegram"):
            details = sent["details"]
            if details["chat_id"] != chat_id or details["message_id"] in seen:
                continue
            seen.add(details["message_id"])
            if any(button["text"].lower().startswith(caption.lower()) for button in details["buttons"]):
                return sent
        return None

    def tell(self, update: dict[str, Any]) -> int:
        """An update on its way to the webhook, under the next id or its own. BotApiError when too many wait."""
        told = {"update_id": next(self._update_ids)} | update
        try:
            self._updates.put_nowait(told)
        except queue.Full:
            raise BotApiError(HTTPStatus.TOO_MANY_REQUESTS, "too many updates wait for the webhook") from None
        return int(told["update_id"])

    def block(self, chat_id: int, *, is_blocked: bool) -> None:
        (self._blocked.add if is_blocked else self._blocked.discard)(chat_id)

    def be_busy(self, seconds: float) -> None:
        """Every message is refused with 429 until then."""
        self._busy_until = time.monotonic() + seconds

    # delivery ---------------------------------------------------------------------------------------------------

    def _deliver_all(self) -> None:
        while not self._stopped.is_set():
            self._has_webhook.wait()
            try:
                update = self._updates.get(timeout=0.2)
            except queue.Empty:
                continue
            if update is not None:
                self._deliver(update)

    def _deliver(self, update: dict[str, Any]) -> None:
        """Until it is answered 2xx; Telegram gives up after a day, and this one after a few tries."""
        for tried in range(DELIVERY_TRIES_MAX):
            with self._lock:
                webhook = self._webhook
            if webhook is None or self._stopped.is_set():
                return
            headers = {"Content-Type": "application/json"}
            if webhook["secret"]:
                headers["X-Telegram-Bot-Api-Secret-Token"] = webhook["secret"]
            request = urllib.request.Request(  # noqa: S310 - our own API, by http on this machine
                webhook["url"], json.dumps(update).encode(), headers, method="POST"
            )
            try:
                with urllib.request.urlopen(request, timeout=DELIVERY_TIMEOUT_S):  # noqa: S310
                    return
            except urllib.error.HTTPError as error:
                self._last_error = f"Wrong response from the webhook: {error.code} {error.reason}"
            except OSError as error:
                self._last_error = f"Connection failed: {error}"
            self._stopped.wait(self._retried_after_s * 2**tried)


def _checked_text(params: Params) -> str:
    text = params.get("text")
    if not isinstance(text, str) or not text.strip():
        raise _bad("Bad Request: message text is empty")
    if params.get("parse_mode") == "HTML":
        _check_html(text)
    shown = html.unescape(_TAG.sub("", text)) if params.get("parse_mode") == "HTML" else text
    if len(shown.encode("utf-16-le")) // 2 > TEXT_UNITS_MAX:
        raise _bad("Bad Request: message is too long")
    return text


def _check_html(text: str) -> None:
    open_tags: list[str] = []
    for match in _TAG.finditer(text):
        closes, name = match.groups()
        if not closes:
            open_tags.append(name)
        elif not open_tags or open_tags.pop() != name:
            raise _bad(f"Bad Request: can't parse entities: Unexpected end tag at byte offset {match.start()}")
    if open_tags:
        raise _bad(
            f"Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1]}\""
        )
    bare = _TAG.sub("", text)
    if "<" in bare:
        raise _bad(f"Bad Request: can't parse entities: Unsupported start tag at byte offset {bare.index('<')}")
    if "&" in _ENTITY.sub("", bare):
        raise _bad("Bad Request: can't parse entities: an entity that is none")


def _bad(description: str) -> BotApiError:
    return BotApiError(HTTPStatus.BAD_REQUEST, description)


def _person(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "is_bot": False, "first_name": f"Person {chat_id}"}


def _message(chat_id: int, message_id: int, text: str) -> dict[str, Any]:
    chat = {"id": chat_id, "type": "private"}
    return {"message_id": message_id, "date": int(time.time()), "chat": chat, "text": text}
