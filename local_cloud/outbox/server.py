"""The outbox of the local run: a page, the same as JSON, and those to whom the platform sends on this machine.

| address | who |
|---|---|
| `POST /messages` | the emulator, with mail and SMS |
| `POST /slack/<channel>` | a Slack |
| `POST /telegram/bot<token>/<method>` | a Telegram |
| `POST /webhooks/<name>` | somebody who takes webhook calls |
| `POST /push/<browser>` | a push service; `POST /push/subscribe`, `/push/unsubscribe`: a browser of it, by its name |
| `POST /telegram/say`, `/telegram/press`, `/telegram/block`, `/telegram/busy` | the people of Telegram |
| `GET /`, `GET /messages` | whoever wants to see it, by `kind`, `to`, `after`, `limit` |
"""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_cloud.outbox import slack, webhooks
from local_cloud.outbox.messages import KINDS, MESSAGES_MAX, Messages
from local_cloud.outbox.page import chat_address, page
from local_cloud.outbox.push import LocalPushService
from local_cloud.outbox.telegram import BotApiError, LocalTelegram
from local_cloud.platform import HOST

BODY_BYTES_MAX = 1024 * 1024  # SNS sends at most 256 KiB, JSON-encoded once more; a mail in HTML may be longer.
REQUEST_TIMEOUT_SECONDS = 10


class Outbox:
    """Serves on its own thread."""

    def __init__(self, port: int) -> None:
        self.messages = Messages()
        self.telegram = LocalTelegram(self.messages)
        self.push = LocalPushService(self.messages)
        outbox = self

        class Handler(_OutboxHandler):
            messages = outbox.messages
            telegram = outbox.telegram
            push = outbox.push

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="outbox", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()
        self.telegram.start()

    def stop(self) -> None:
        self.telegram.stop()
        self._server.shutdown()
        self._server.server_close()


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class _OutboxHandler(BaseHTTPRequestHandler):
    messages: Messages
    telegram: LocalTelegram
    push: LocalPushService
    timeout = REQUEST_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        kind, to = query.get("kind"), query.get("to")
        if kind is not None and kind not in KINDS:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", f"kind is one of {', '.join(KINDS)}")
            return
        after, limit = (
            _whole(query.get(name), otherwise) for name, otherwise in (("after", 0), ("limit", MESSAGES_MAX))
        )
        if address.path == "/messages":
            found = self.messages.newest(kind=kind, to=to, after=after, limit=limit)
            self._answer(HTTPStatus.OK, "application/json", json.dumps({"items": found}))
        elif address.path == "/":
            found = self.messages.newest(kind=kind, to=to)
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", page(found, kind=kind, to=to))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "only / and /messages")

    def do_POST(self) -> None:
        try:
            self._post()
        except _Refused as refused:
            self._answer(refused.status, "text/plain", str(refused))
        except BotApiError as error:
            self._answer(error.status, "text/plain", error.description)

    def _post(self) -> None:
        body = self._body()
        if self.headers.get("Origin") not in {None, f"http://{self.headers.get('Host')}"}:
            raise _Refused(HTTPStatus.FORBIDDEN, "another page must not write here")
        first, _, rest = urlsplit(self.path).path.removeprefix("/").partition("/")
        if first == "messages" and not rest:
            self._take_message(body)
        elif first == "slack" and rest:
            status, text, headers = slack.receive(rest, body, self.messages)
            self._answer(status, "text/plain", text, headers)
        elif first == "webhooks" and rest:
            status = webhooks.receive(rest, dict(self.headers.items()), body, self.messages)
            self._answer(status, "application/json", "{}")
        elif first == "push" and rest in {"subscribe", "unsubscribe"}:
            self._browser(rest, str(_object(body).get("name", "")))
        elif first == "push" and rest:
            status, text = self.push.receive(rest, dict(self.headers.items()), body)
            self._answer(status, "text/plain", text)
        elif first == "telegram" and rest.startswith("bot"):
            token, _, method = rest.removeprefix("bot").partition("/")
            status, document = self.telegram.call(token, method, _object(body))
            self._answer(status, "application/json", json.dumps(document))
        elif first == "telegram":
            self._person(rest, body)
        else:
            raise _Refused(HTTPStatus.NOT_FOUND, "nobody is here")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_BYTES_MAX} bytes")
        return self.rfile.read(int(length))

    def _take_message(self, body: bytes) -> None:
        """Of the emulator: {"kind", "to", "subject", "message"}, and "html" of a mail that has it."""
        sent = _object(body)
        try:
            kind, to, subject, message = (str(sent[name] or "") for name in ("kind", "to", "subject", "message"))
            self.messages.add(kind, to, subject, message, html=str(sent.get("html") or ""))
        except (ValueError, KeyError, TypeError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "not a message") from None
        self._answer(HTTPStatus.OK, "application/json", "{}")

    def _browser(self, doing: str, name: str) -> None:
        """What the page of an app asks of its browser; answered with what PushSubscription.toJSON tells it."""
        if not name.isidentifier():
            raise _Refused(HTTPStatus.BAD_REQUEST, "a browser has a name, of letters")
        if doing == "unsubscribe":
            self.push.unsubscribe(name)
            self._answer(HTTPStatus.OK, "application/json", "{}")
            return
        told = self.push.subscribe(name, f"http://{self.headers.get('Host')}")
        self._answer(HTTPStatus.OK, "application/json", json.dumps(told))

    def _person(self, doing: str, body: bytes) -> None:
        """What somebody does in Telegram, from the page's forms or as JSON."""
        is_form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        told = {n: v[-1] for n, v in parse_qs(body.decode(errors="replace")).items()} if is_form else _object(body)
        chat_id = _whole(told.get("chat_id"), 0)
        if doing == "say":
            self.telegram.say(chat_id, str(told.get("text", "")), kind=str(told.get("kind", "private")))
        elif doing == "press" and "caption" in told:
            self._press_by_caption(chat_id, str(told["caption"]))
        elif doing == "press":
            self.telegram.press(chat_id, _whole(told.get("message_id"), 0), str(told.get("told", "")))
        elif doing == "block":
            self.telegram.block(chat_id, is_blocked=bool(told.get("is_blocked", True)))
        elif doing == "busy":
            self.telegram.be_busy(_whole(told.get("seconds"), 0))
        else:
            raise _Refused(HTTPStatus.NOT_FOUND, "people say, press, block, or are busy")
        if is_form:
            self._answer(HTTPStatus.SEE_OTHER, "text/plain", "", {"Location": chat_address(str(chat_id))})
        else:
            self._answer(HTTPStatus.OK, "application/json", "{}")

    def _press_by_caption(self, chat_id: int, caption: str) -> None:
        sent = self.telegram.button(chat_id, caption)
        if sent is None:
            raise _Refused(HTTPStatus.NOT_FOUND, f"no message in chat {chat_id} has a button {caption!r}")
        buttons: list[dict[str, str]] = sent["details"]["buttons"]
        button = next(each for each in buttons if each["text"].lower().startswith(caption.lower()))
        self.telegram.press(chat_id, sent["details"]["message_id"], button["told"])

    def _answer(self, status: HTTPStatus, content_type: str, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal of `make up` is not an access log."""


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise _Refused(HTTPStatus.BAD_REQUEST, "not a message")
    return told


def _whole(told: Any, otherwise: int) -> int:
    try:
        return int(told)
    except (TypeError, ValueError):
        return otherwise
