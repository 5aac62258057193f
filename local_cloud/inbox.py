"""The inbox of the local run: every email and SMS that AWS would have sent, on a page and as JSON."""

import html
import json
import threading
from collections import deque
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local_cloud.platform import HOST

MESSAGES_MAX = 1_000
BODY_BYTES_MAX = 512 * 1024  # SNS sends at most 256 KiB, JSON-encoded once more.
REQUEST_TIMEOUT_SECONDS = 10

_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Breakwater: inbox</title>
<style>body{{font:16px system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}}
article{{border:1px solid #ccc;border-radius:8px;margin:1rem 0;padding:0 1rem}}pre{{white-space:pre-wrap}}</style>
<h1>Sent by this platform</h1><p>Nothing left this machine. The same as JSON: <a href="/messages">/messages</a></p>
{articles}"""
_ARTICLE = "<article><h2>{subject}</h2><p>{protocol} to <b>{to}</b>, {received_at}</p><pre>{message}</pre></article>"


# Without scripts and of no origin, as a mail program shows it.
_AS_SHOWN = '<iframe sandbox srcdoc="{html}" style="width:100%;height:40rem;border:1px solid #ccc"></iframe>'
_ARTICLE_WITH_HTML = _ARTICLE.replace("<pre>", "<details><summary>as text</summary><pre>").replace(
    "</pre>", f"</pre></details>{_AS_SHOWN}"
)


def _article(message: dict[str, str]) -> str:
    article = _ARTICLE_WITH_HTML if message["html"] else _ARTICLE
    return article.format_map({name: html.escape(value) for name, value in message.items()})


class Inbox:
    """Serves the page on its own thread; the oldest of more than MESSAGES_MAX messages are forgotten."""

    def __init__(self, port: int) -> None:
        self.messages: deque[dict[str, str]] = deque(maxlen=MESSAGES_MAX)
        messages = self.messages

        class Handler(_InboxHandler):
            inbox = messages

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="inbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _InboxHandler(BaseHTTPRequestHandler):
    inbox: deque[dict[str, str]]
    timeout = REQUEST_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        newest_first = list(reversed(self.inbox))
        if self.path == "/messages":
            self._answer(HTTPStatus.OK, "application/json", json.dumps({"items": newest_first}))
        elif self.path == "/":
            articles = [_article(message) for message in newest_first]
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", _PAGE.format(articles="".join(articles)))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "only / and /messages")

    def do_POST(self) -> None:
        """Take one message from the emulator: {"protocol", "to", "subject", "message"}, and `html` where it has one."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", f"at most {BODY_BYTES_MAX} bytes")
            return
        try:
            sent: dict[str, Any] = json.loads(self.rfile.read(int(length)))
            message = {name: str(sent[name] or "") for name in ("protocol", "to", "subject", "message")}
            message["html"] = str(sent.get("html") or "")
        except (ValueError, KeyError, TypeError):
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", "not a message")
            return
        self.inbox.append({**message, "received_at": datetime.now(UTC).isoformat(timespec="milliseconds")})
        self._answer(HTTPStatus.OK, "application/json", "{}")

    def _answer(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal of `make up` is not an access log."""
