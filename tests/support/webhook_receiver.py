"""A receiver of webhooks on loopback that does to its callers what receivers do: answer, hang, drip, flood."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from breakwater.client.webhooks import WebhookEvent, verify

HANG_S_MAX = 30.0


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    def verified(self, *secrets: str) -> WebhookEvent:
        return verify(self.body, self.headers.get("breakwater-signature"), secrets)

    @property
    def event_id(self) -> str:
        return self.headers["breakwater-event-id"]


type Behave = Callable[[socket.socket, "Receiver"], None]


def answering(status: int = 200, body: bytes = b"thanks", header: str = "") -> Behave:
    def behave(connection: socket.socket, _: "Receiver") -> None:
        connection.sendall(f"HTTP/1.1 {status} Whatever\r\n{header}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return behave


def slow(seconds: float) -> Behave:
    def behave(connection: socket.socket, receiver: "Receiver") -> None:
        receiver.stopped.wait(seconds)
        answering()(connection, receiver)

    return behave


def hanging(connection: socket.socket, receiver: "Receiver") -> None:
    receiver.stopped.wait(HANG_S_MAX)


def dripping(connection: socket.socket, receiver: "Receiver") -> None:
    """A byte now and then: each comes in time, and the answer never."""
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
        if receiver.stopped.wait(0.1):
            return
        connection.sendall(bytes([byte]))


def flooding(connection: socket.socket, receiver: "Receiver") -> None:
    """A body without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not receiver.stopped.is_set():
        connection.sendall(b"flood " * 1000)


def flooding_header(connection: socket.socket, receiver: "Receiver") -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(90):
        connection.sendall(b"X-Flood: " + b"x" * 10_000 + b"\r\n")
    receiver.stopped.wait(HANG_S_MAX)


def talking_nonsense(connection: socket.socket, _: "Receiver") -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")


def closing(connection: socket.socket, _: "Receiver") -> None:
    """Without a word."""


class Receiver:
    """`calls`: those that were read whole. `behave`: by path, where one is told; else `default`."""

    def __init__(self, default: Behave | None = None) -> None:
        self.default = default or answering()
        self.behave: dict[str, Behave] = {}
        self.calls: list[Call] = []
        self.stopped = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.stopped.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # Else whoever accepts takes one more.
        self._socket.close()

    def choose(self, call: Call) -> Behave:
        self.calls.append(call)
        return self.behave.get(call.path, self.default)

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(HANG_S_MAX)
            call = _read(connection)
            self.choose(call)(connection, self)


def _read(connection: socket.socket) -> Call:
    text = b""
    while b"\r\n\r\n" not in text:
        text += _received(connection)
    head, _, body = text.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += _received(connection)
    return Call(first.split(" ")[1], headers, body, time.monotonic())


def _received(connection: socket.socket) -> bytes:
    part = connection.recv(65_536)
    if not part:
        raise ConnectionError("it went away in the middle of its request")
    return part
