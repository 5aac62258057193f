"""The web app at one address of this machine, with the headers that CloudFront gives it on AWS."""

import contextlib
import gzip
import json
import mimetypes
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from local_cloud.content_security_policy import SECURITY_HEADERS, content_security_policy
from local_cloud.platform import HOST, REPOSITORY, LocalCloudError

BUILT = REPOSITORY / "web" / "dist"
REQUEST_TIMEOUT_SECONDS = 10
# A file under this folder has a name of its content: another content is another name.
NAMED_BY_CONTENT = "assets"
COMPRESSED = {".css", ".html", ".js", ".json", ".map", ".svg", ".txt", ".webmanifest"}
BROTLI = ".br"  # Beside a file, the same compressed; the build makes it.
CONTENT_TYPES = {".webmanifest": "application/manifest+json"}  # Not every machine's table has it.
SOCKET_OF = {"http": "ws", "https": "wss"}


class WebServer:
    """Serves the built app on its own thread, and `/config.json`, which says where the platform is."""

    def __init__(self, port: int, endpoints: dict[str, str], folder: Path = BUILT) -> None:
        """`endpoints`: `api_url`, `ws_url` and `engine_url`. Raises LocalCloudError where the app is not built."""
        files = {f"/{path.relative_to(folder)}": _read(path) for path in built_files(folder)}
        if "/index.html" not in files:
            raise LocalCloudError("the web app is not built: run `make up`, which builds it")

        class Handler(_WebHandler):
            app = files
            config = _File("application/json", json.dumps(endpoints).encode(), {})
            policy = content_security_policy(origins_of(endpoints.values()))

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="web", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    body: bytes
    compressed: dict[str, bytes]
    """By coding, the smallest first; none where it would not be smaller."""


def built_files(folder: Path) -> Iterator[Path]:
    """Every file of the app, without those that are another one compressed."""
    return (path for path in folder.rglob("*") if path.is_file() and path.suffix != BROTLI)


def _read(path: Path) -> _File:
    """Read and compressed once: what is served is what was built when the server started."""
    body = path.read_bytes()
    by_coding = {}
    with contextlib.suppress(FileNotFoundError):
        by_coding["br"] = path.with_name(path.name + BROTLI).read_bytes()
    if path.suffix in COMPRESSED:
        by_coding["gzip"] = gzip.compress(body, mtime=0)
    return _File(content_type_of(path), body, {name: each for name, each in by_coding.items() if len(each) < len(body)})


def content_type_of(path: Path) -> str:
    found = CONTENT_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


class _WebHandler(BaseHTTPRequestHandler):
    app: dict[str, _File]
    config: _File
    policy: str
    timeout = REQUEST_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """A file of the app, or for every other address the app itself: it knows its pages."""
        path = unquote(urlsplit(self.path).path)
        if path == "/config.json":
            self._answer(HTTPStatus.OK, self.config, keep=False)
        elif path in self.app:
            self._answer(HTTPStatus.OK, self.app[path], keep=f"/{NAMED_BY_CONTENT}/" in path)
        elif path.startswith(f"/{NAMED_BY_CONTENT}/"):
            self._answer(HTTPStatus.NOT_FOUND, _File("text/plain", b"no such file", {}), keep=False)
        else:
            self._answer(HTTPStatus.OK, self.app["/index.html"], keep=False)

    def _answer(self, status: HTTPStatus, file: _File, *, keep: bool) -> None:
        body = file.body
        self.send_response(status)
        if file.compressed:
            self.send_header("Vary", "Accept-Encoding")
            accepted = self.headers.get("Accept-Encoding", "")
            coding = next((coding for coding in file.compressed if accepts(coding, accepted)), None)
            if coding is not None:
                self.send_header("Content-Encoding", coding)
                body = file.compressed[coding]
        self.send_header("Content-Type", file.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if keep else "no-cache")
        self.send_header("Content-Security-Policy", self.policy)
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The terminal of `make up` is not an access log."""


def accepts(coding: str, accept_encoding: str) -> bool:
    """RFC 9110, 12.5.3: what is named stands before `*`, and `q=0` is a no."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        named, _, parameter = part.strip().partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            weights[named.strip()] = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            weights[named.strip()] = 0.0
    return weights.get(coding, weights.get("*", 0.0)) > 0


def origins_of(addresses: Iterable[str]) -> list[str]:
    """Of these addresses, for the policy."""
    origins: set[str] = set()
    for address in addresses:
        parts = urlsplit(address)
        origins.add(f"{parts.scheme}://{parts.netloc}")
        if parts.scheme in SOCKET_OF:  # The engine's channels are at its own address.
            origins.add(f"{SOCKET_OF[parts.scheme]}://{parts.netloc}")
    return sorted(origins)
