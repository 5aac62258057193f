"""The web app at one address of this machine, with the headers that CloudFront gives it on AWS."""

import json
import mimetypes
import threading
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from local_cloud.platform import HOST, REPOSITORY, LocalCloudError

BUILT = REPOSITORY / "web" / "dist"
REQUEST_TIMEOUT_SECONDS = 10
# A file under this folder has a name of its content: another content is another name.
NAMED_BY_CONTENT = "assets"
SOCKET_OF = {"http": "ws", "https": "wss"}
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class WebServer:
    """Serves the built app on its own thread, and `/config.json`, which says where the platform is."""

    def __init__(self, port: int, endpoints: dict[str, str], folder: Path = BUILT) -> None:
        """`endpoints`: `api_url`, `ws_url` and `engine_url`. Raises LocalCloudError where the app is not built."""
        files = {f"/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
        if "/index.html" not in files:
            raise LocalCloudError("the web app is not built: run `make up`, which builds it")

        class Handler(_WebHandler):
            app = files
            config = json.dumps(endpoints).encode()
            policy = content_security_policy(endpoints.values())

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="web", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _WebHandler(BaseHTTPRequestHandler):
    app: dict[str, Path]
    config: bytes
    policy: str
    timeout = REQUEST_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """A file of the app, or for every other address the app itself: it knows its pages."""
        path = unquote(urlsplit(self.path).path)
        if path == "/config.json":
            self._answer(HTTPStatus.OK, "application/json", self.config, keep=False)
        elif path in self.app:
            content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
            self._answer(HTTPStatus.OK, content_type, self.app[path].read_bytes(), keep=f"/{NAMED_BY_CONTENT}/" in path)
        elif path.startswith(f"/{NAMED_BY_CONTENT}/"):
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"no such file", keep=False)
        else:
            self._answer(HTTPStatus.OK, "text/html", self.app["/index.html"].read_bytes(), keep=False)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes, *, keep: bool) -> None:
        self.send_response(status)
        is_text = content_type.startswith("text/")
        self.send_header("Content-Type", f"{content_type}; charset=utf-8" if is_text else content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if keep else "no-cache")
        self.send_header("Content-Security-Policy", self.policy)
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The terminal of `make up` is not an access log."""


def content_security_policy(addresses: Iterable[str]) -> str:
    """Scripts of our own files alone, and connections to these addresses alone.

    Styles may stand in the page: the component library sizes its frame with them. They can load nothing.
    """
    origins: set[str] = set()
    for address in addresses:
        parts = urlsplit(address)
        origins.add(f"{parts.scheme}://{parts.netloc}")
        if parts.scheme in SOCKET_OF:  # The engine's channels are at its own address.
            origins.add(f"{SOCKET_OF[parts.scheme]}://{parts.netloc}")
    return "; ".join(
        (
            *("default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'"),
            *("img-src 'self' data:", "font-src 'self'", "manifest-src 'self'", "worker-src 'self'"),
            f"connect-src 'self' {' '.join(sorted(origins))}",
            *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
        )
    )
