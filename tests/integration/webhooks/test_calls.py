"""One call over real sockets: bounded in time and in size, to checked addresses, whatever the receiver does."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from breakwater.domain.webhook_addresses import AddressPolicy
from breakwater.errors import InvalidRequest
from breakwater.services import webhook_calls
from breakwater.services.webhook_calls import READ_BYTES_MAX, SHOWN_BYTES_MAX, WebhookCaller, resolve_name
from tests.support.certificates import Authority
from tests.support.webhook_receiver import (
    Receiver,
    answering,
    closing,
    dripping,
    flooding,
    flooding_header,
    hanging,
    slow,
    talking_nonsense,
)

LOCAL = WebhookCaller(AddressPolicy(allows_local=True), resolve_name)
HEADERS = {"Breakwater-Topic": "orders.OrderPlaced.v1"}


def call(receiver: Receiver, timeout_s: float = 1.0):  # type: ignore[no-untyped-def]
    return LOCAL.call(receiver.url("/hook?a=b"), HEADERS, b'{"a":1}', timeout_s)


def test_it_is_a_post_with_its_headers_and_the_answers_start_is_kept(receiver: Receiver) -> None:
    receiver.default = answering(200, b"x" * 5_000)
    answer = call(receiver)
    assert (answer.outcome, answer.status, answer.body_start) == ("DELIVERED", 200, b"x" * SHOWN_BYTES_MAX)
    (got,) = receiver.calls
    assert (got.path, got.body) == ("/hook?a=b", b'{"a":1}')
    assert got.headers["breakwater-topic"] == "orders.OrderPlaced.v1"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [201, 204, 299])
def test_any_answer_of_200_is_a_delivery(receiver: Receiver, status: int) -> None:
    receiver.default = answering(status, b"")
    assert call(receiver).is_delivered


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.default = answering(status, header=f"Location: {receiver.url('/elsewhere')}\r\n")
    answer = call(receiver)
    assert (answer.outcome, answer.status) == ("REDIRECTED", status)
    assert [got.path for got in receiver.calls] == ["/hook?a=b"]


def test_a_receiver_that_hangs_or_drips_is_left_in_time(receiver: Receiver) -> None:
    for behave in (hanging, dripping):
        receiver.default = behave
        started = time.monotonic()
        assert call(receiver, 0.5).outcome == "TIMED_OUT"
        assert time.monotonic() - started < 1.5
    receiver.default = slow(0.2)
    assert call(receiver, 5).is_delivered


def test_an_answer_without_an_end_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.default = flooding
    started = time.monotonic()
    answer = call(receiver, 5)
    assert (answer.outcome, len(answer.body_start)) == ("DELIVERED", SHOWN_BYTES_MAX)
    assert time.monotonic() - started < 2
    receiver.default = flooding_header
    answer = call(receiver, 5)
    assert (answer.outcome, answer.status) == ("BAD_ANSWER", None)
    assert str(READ_BYTES_MAX // 1024) in answer.detail


@pytest.mark.parametrize("behave", [talking_nonsense, closing])
def test_what_is_no_answer_is_a_failure(receiver: Receiver, behave) -> None:  # type: ignore[no-untyped-def]
    receiver.default = behave
    answer = call(receiver)
    assert (answer.outcome, answer.status) == ("BAD_ANSWER", None)


def test_nobody_there_is_a_failure_and_not_an_exception(receiver: Receiver) -> None:
    receiver.stop()
    assert call(receiver).outcome in {"UNREACHABLE", "BAD_ANSWER"}
    nameless = WebhookCaller(AddressPolicy(), _raising)
    assert nameless.call("https://hooks.example.com/", {}, b"", 1).outcome == "UNREACHABLE"


def _raising(host: str, port: int) -> list[str]:
    raise socket.gaierror("nobody knows it")


def test_a_name_that_points_inside_by_now_is_not_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: it was a public address when the endpoint was set."""
    pointed = [["93.184.215.14"], ["127.0.0.1"], ["93.184.215.14", "10.0.0.1"]]
    caller = WebhookCaller(AddressPolicy(), lambda host, port: pointed[0])
    connected: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError("not in a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    caller.check("https://hooks.example.com/")
    assert caller.call("https://hooks.example.com/", {}, b"", 1).outcome == "UNREACHABLE"
    assert connected == [("93.184.215.14", 443)]  # The checked address, and not the name.
    for _ in range(2):
        pointed.pop(0)
        assert caller.call("https://hooks.example.com/", {}, b"", 1).outcome == "ADDRESS_REFUSED"
        with pytest.raises(InvalidRequest):
            caller.check("https://hooks.example.com/")
    assert len(connected) == 1


def test_a_name_is_resolved_once_for_a_call() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    WebhookCaller(AddressPolicy(allows_local=True), resolve).call("http://localhost:9/", {}, b"", 1)
    assert asked == ["localhost"]


def test_what_stands_in_a_url_that_was_set_when_more_was_allowed_is_refused_by_a_call(receiver: Receiver) -> None:
    answer = WebhookCaller(AddressPolicy(), resolve_name).call(receiver.url(), {}, b"", 1)
    assert answer.outcome == "ADDRESS_REFUSED"
    assert receiver.calls == []


def test_tls_is_for_the_name_although_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    issued = authority.issue("hooks.example.com")
    for name, text in (("certificate", issued.certificate), ("key", issued.private_key)):
        (tmp_path / name).write_text(text)
    server_names: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    server.sni_callback = lambda _socket, name, _context: server_names.append(name)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            plain, _ = listening.accept()
            try:
                with server.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:
                plain.close()

    threading.Thread(target=serve, daemon=True).start()
    client = ssl.create_default_context(cadata=authority.certificate)
    monkeypatch.setattr(webhook_calls, "_tls", lambda: client)
    real = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda _address, timeout: real(listening.getsockname(), timeout))
    caller = WebhookCaller(AddressPolicy(), lambda host, port: ["93.184.215.14"])
    assert caller.call("https://hooks.example.com/", {}, b"{}", 5).body_start == b"ok"
    other = caller.call("https://other.example.com/", {}, b"{}", 5)
    assert (other.outcome, "certificate" in other.detail.lower()) == ("UNREACHABLE", True)
    assert server_names == ["hooks.example.com", "other.example.com"]
    listening.close()
