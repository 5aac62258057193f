"""One call to a receiver that somebody else has named: to an address that was checked, for so long and no longer.

The name is resolved here, every address of it is checked, and one of these is connected to: a name that points
elsewhere a moment later changes nothing. Host and SNI keep the name. Redirects are an answer like any other.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from breakwater.domain.webhook_addresses import AddressPolicy, Receiver
from breakwater.domain.webhooks import Answer, Outcome
from breakwater.errors import InvalidRequest

CONNECT_TIMEOUT_S = 2.0
ADDRESSES_TRIED_MAX = 2
READ_BYTES_MAX = 64 * 1024  # Of an answer, its header among it; beyond that it is none.
SHOWN_BYTES_MAX = 1024
DETAIL_LENGTH_MAX = 200

type Resolve = Callable[[str, int], list[str]]


class _TooMuch(OSError):
    """More of an answer than is read."""


@dataclass(frozen=True, slots=True)
class WebhookCaller:
    policy: AddressPolicy
    resolve: Resolve

    def check(self, url: str) -> Receiver:
        """What an endpoint may be set to. InvalidRequest for a URL that is not called, or whose name is nobody's."""
        receiver = self.policy.receiver_of(url)
        try:
            addresses = self.resolve(receiver.host, receiver.port)
        except OSError as error:
            raise InvalidRequest("this URL is not called: its host has no address", field="url") from error
        self.policy.check(receiver, addresses)
        return receiver

    def call(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        """POST, and what came of it. Never raises: whatever a receiver does is its answer."""
        started = time.monotonic()
        deadline = started + timeout_s
        try:
            receiver = self.policy.receiver_of(url)
            addresses = self.policy.check(receiver, self.resolve(receiver.host, receiver.port))
            with _connected(receiver, addresses, deadline) as connection:
                _send(connection, _request(receiver, headers, body), deadline)
                status, start = _answer(connection, deadline)
        except InvalidRequest as error:
            return _failed("ADDRESS_REFUSED", started, error)
        except TimeoutError as error:
            return _failed("TIMED_OUT", started, error)
        except (http.client.HTTPException, _TooMuch) as error:
            return _failed("BAD_ANSWER", started, error)
        except OSError as error:  # A certificate that is not its name's among them.
            return _failed("UNREACHABLE", started, error)
        except ValueError as error:
            return _failed("BAD_ANSWER", started, error)
        return Answer(_outcome_of(status), status, _ms_since(started), start)


def resolve_name(host: str, port: int) -> list[str]:
    """Every address of it, as connect would try them. OSError where there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _outcome_of(status: int) -> Outcome:
    if 200 <= status < 300:
        return "DELIVERED"
    return "REDIRECTED" if 300 <= status < 400 else "REFUSED"


def _failed(outcome: Outcome, started: float, error: Exception) -> Answer:
    # What it says may be of the receiver's making.
    words = " ".join(str(error).split()) or type(error).__name__
    return Answer(outcome, None, _ms_since(started), detail=words[:DETAIL_LENGTH_MAX])


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _connected(receiver: Receiver, addresses: list[str], deadline: float) -> socket.socket:
    """To the first address that answers, with TLS for the receiver's name where it has it."""
    failure: OSError = OSError("it has no address")
    for address in addresses[:ADDRESSES_TRIED_MAX]:
        try:
            plain = socket.create_connection((address, receiver.port), min(CONNECT_TIMEOUT_S, _left(deadline)))
        except OSError as error:
            failure = error
            continue
        if not receiver.is_tls:
            return plain
        try:
            plain.settimeout(_left(deadline))  # Of the handshake as a whole.
            return _tls().wrap_socket(plain, server_hostname=receiver.host)
        except BaseException:
            plain.close()
            raise
    raise failure


@cache
def _tls() -> ssl.SSLContext:
    """With the machine's authorities; loading them takes tens of milliseconds."""
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left


def _request(receiver: Receiver, headers: Mapping[str, str], body: bytes) -> bytes:
    told = {
        "Host": receiver.host_header,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    lines = [f"POST {receiver.target} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + body


def _send(connection: socket.socket, request: bytes, deadline: float) -> None:
    """A receiver that answers before it has read all of it, and closes, has answered all the same."""
    left = memoryview(request)
    with suppress(BrokenPipeError, ConnectionResetError):
        while left:
            connection.settimeout(_left(deadline))
            left = left[connection.send(left) :]


def _answer(connection: socket.socket, deadline: float) -> tuple[int, bytes]:
    """Its status and the start of its body, once that much is there or no more comes."""
    response = http.client.HTTPResponse(_Bounded(connection, deadline), method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        start = b""
        # The status has been told: a body that never ends, breaks off or is too long changes nothing of it.
        with suppress(OSError, http.client.HTTPException):
            while len(start) < SHOWN_BYTES_MAX and (part := response.read1(SHOWN_BYTES_MAX - len(start))):
                start += part
        return response.status, start
    finally:
        response.close()


class _Bounded:
    """What http.client reads from: no byte after the deadline, and none beyond so many."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._raw = _BoundedReader(connection, deadline)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._raw)


class _BoundedReader(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._bytes_left = READ_BYTES_MAX

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._bytes_left <= 0:
            raise _TooMuch(f"the answer is longer than {READ_BYTES_MAX // 1024} KiB")
        self._connection.settimeout(_left(self._deadline))
        count = self._connection.recv_into(memoryview(buffer)[: self._bytes_left])
        self._bytes_left -= count
        return count
