"""The web app's files, where the platform is, and what a browser is told to refuse."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local_cloud.content_security_policy import content_security_policy
from local_cloud.platform import LocalCloudError
from local_cloud.web_server import WebServer, accepts, origins_of

ENDPOINTS = {
    "api_url": "http://127.0.0.1:4500/_aws/execute-api/a",
    "ws_url": "ws://127.0.0.1:4500/_aws/execute-api/b",
    "engine_url": "http://127.0.0.1:4502",
}

LARGE = "export const nothing = 0;\n" * 1_000


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Breakwater</title>")
    (tmp_path / "assets" / "index-abc.js").write_text("void 0")
    (tmp_path / "assets" / "large-abc.js").write_text(LARGE)
    (tmp_path / "assets" / "brotli-abc.js").write_text(LARGE)
    (tmp_path / "assets" / "brotli-abc.js.br").write_bytes(b"as the build compressed it")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG" * 100)
    return tmp_path


@pytest.fixture
def web(app: Path) -> Iterator[httpx.Client]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = WebServer(port, ENDPOINTS, app)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        yield client
    server.stop()


def test_the_app_is_told_where_the_platform_is(web: httpx.Client) -> None:
    answer = web.get("/config.json")
    assert json.loads(answer.text) == ENDPOINTS
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/orders", "/orders?symbol=ETH", "/a/page/that/is/not/there"])
def test_every_page_is_the_app(web: httpx.Client, path: str) -> None:
    answer = web.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Breakwater</title>" in answer.text


def test_a_file_named_by_its_content_is_kept_and_another_is_asked_for_again(web: httpx.Client) -> None:
    assert "immutable" in web.get("/assets/index-abc.js").headers["Cache-Control"]
    assert web.get("/").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/assets/old.js", "/assets/../../pyproject.toml", "/assets/%2e%2e/index.html"])
def test_a_script_that_is_not_there_is_not_answered_with_a_page(web: httpx.Client, path: str) -> None:
    with socket.create_connection((web.base_url.host, web.base_url.port), 5) as raw:  # A client would tidy the path.
        raw.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.0 404")


def test_a_script_is_compressed_for_who_takes_it(web: httpx.Client) -> None:
    compressed = web.get("/assets/large-abc.js", headers={"Accept-Encoding": "gzip, br"})
    assert (compressed.headers["Content-Encoding"], compressed.text) == ("gzip", LARGE)
    assert int(compressed.headers["Content-Length"]) < len(LARGE) / 10
    plain = web.get("/assets/large-abc.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert (int(plain.headers["Content-Length"]), plain.text) == (len(LARGE), LARGE)
    for answer in (compressed, plain):  # Else a cache gives one the other's.
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, *", "gzip")])
def test_what_the_build_compressed_goes_to_who_takes_brotli(web: httpx.Client, accepted: str, coding: str) -> None:
    with web.stream("GET", "/assets/brotli-abc.js", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == coding
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert (raw == b"as the build compressed it") == (coding == "br")


def test_a_compressed_file_has_no_address_of_its_own(web: httpx.Client) -> None:
    assert web.get("/assets/brotli-abc.js.br").status_code == 404


@pytest.mark.parametrize("path", ["/logo.png", "/assets/index-abc.js", "/config.json"])
def test_what_compressing_does_not_make_smaller_is_sent_as_it_is(web: httpx.Client, path: str) -> None:
    answer = web.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1.0, GZIP;q=0.5", "*", "identity, *;q=0.1"])
def test_gzip_is_taken(accepted: str) -> None:
    assert accepts("gzip", accepted)


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "gzip;q=0, *", "*;q=0", "gzip;q=much", "br"])
def test_gzip_is_not_taken(accepted: str) -> None:
    assert not accepts("gzip", accepted)


def test_every_answer_says_what_the_page_may_load(web: httpx.Client) -> None:
    for path in ("/", "/config.json", "/assets/index-abc.js", "/assets/old.js"):
        headers = web.get(path).headers
        assert headers["Content-Security-Policy"] == content_security_policy(origins_of(ENDPOINTS.values()))
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_scripts_are_the_apps_own_and_connections_go_to_the_platform_alone() -> None:
    policy = dict(part.split(" ", 1) for part in content_security_policy(origins_of(ENDPOINTS.values())).split("; "))
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    assert (policy["frame-ancestors"], policy["form-action"], policy["base-uri"]) == ("'none'",) * 3
    assert policy["connect-src"].split() == [
        *("'self'", "http://127.0.0.1:4500", "http://127.0.0.1:4502"),
        *("ws://127.0.0.1:4500", "ws://127.0.0.1:4502"),
    ]


def test_an_app_that_is_not_built_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="the web app is not built"):
        WebServer(1, ENDPOINTS, tmp_path)
