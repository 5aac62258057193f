"""API Gateway's HTTP API on loopback: real HTTP in, events to the handlers, their answers out."""

import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.support.loopback import QuietHandler, served
from tests.unit.runtime.http_events import LambdaContext, http_event

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


@contextmanager
def serve(handlers: Mapping[str, LambdaHandler], caller: dict[str, str]) -> Iterator[str]:
    """The base URL. `handlers`: by the first part of the path; `caller`: what the authorizer says of everybody."""
    one_at_a_time = threading.Lock()  # As in Lambda, where an execution environment serves one request at a time.

    class Gateway(QuietHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            event = http_event(self.command, address.path, caller=caller) | {
                "rawQueryString": address.query,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": b64encode(body).decode() if body else None,
                "isBase64Encoded": bool(body),
            }
            with one_at_a_time:
                answer = handlers[address.path.split("/")[1]](event, LambdaContext())
            text = answer["body"] or ""
            told = b64decode(text) if answer["isBase64Encoded"] else text.encode()
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        # The names http.server looks for.
        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_OPTIONS = do_TRACE = do_QUERY = _serve

    with served(Gateway) as url:
        yield url
