"""The `breakwater` command, run against a stub of the API on loopback."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from typer.testing import CliRunner, Result

from breakwater.client.cli import app
from tests.support.loopback import QuietHandler

ACCOUNT = "0b7b0d43-6f4c-4a4f-9d2d-111111111111"
SIGNED_IN = {"access_token": "access", "refresh_token": "refresh", "expires_in": 3600}


@dataclass
class Api:
    """A stub of the API on loopback: `answers` by method and path, `asked` in order.

    An answer is a status and a body, or is made of what was sent.
    """

    url: str = ""
    answers: dict[str, tuple[int, Any] | Callable[[Any], tuple[int, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(QuietHandler):
            def _answer(self) -> None:
                call = f"{self.command} {self.path.partition('?')[0]}"
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.asked.append((call, json.loads(sent) if sent else None))
                answer = api.answers.get(call, (404, {"code": "NOT_FOUND", "detail": "nothing here"}))
                status, body = answer(api.asked[-1][1]) if callable(answer) else answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _answer

        return Handler


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run_with(typed: str, *arguments: str) -> Result:
    """The same, with what is typed when it asks."""
    result = CliRunner().invoke(app, arguments, input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def sign_in(api: Api) -> None:
    assert run("sign-in", "--user", "trader1", "--password", "secret", "--api-url", api.url).exit_code == 0
