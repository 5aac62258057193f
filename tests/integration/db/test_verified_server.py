"""A database on a network is told nothing before it has shown a certificate of its name, from an authority of ours.

The embedded server was built without TLS: this one speaks Postgres's handshake as far as the first message under TLS,
to the libpq that functions and engine use.
"""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from breakwater.db.conninfo import conninfo_of, noticing_silence
from breakwater.tls import Identity, server_context
from tests.support.certificates import Authority, Certificate, secret_of

NAME = "db.example.internal"
HEARD = "heard the client's name"
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
TIMEOUT_S = 10


class Server:
    """Takes one connection, and refuses whoever tells it who he is, so that it is seen that he was heard."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self.was_told = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(TIMEOUT_S)
        self.port = self._socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with self._socket, connection:
            connection.settimeout(TIMEOUT_S)
            assert connection.recv(8) == SSL_REQUEST
            if self._context is None:
                connection.sendall(b"N")
                self.was_told = connection.recv(1024)
                return
            connection.sendall(b"S")
            try:
                with self._context.wrap_socket(connection, server_side=True) as secure:
                    self.was_told = secure.recv(1024)
                    told = b"SFATAL\0C28000\0M" + HEARD.encode() + b"\0\0"
                    secure.sendall(b"E" + struct.pack("!i", len(told) + 4) + told)
            except (ssl.SSLError, ConnectionError):
                return  # The client went away: it has not told anything.


@contextmanager
def serving(shown: Certificate | None, authority: Authority) -> Iterator[Server]:
    context = None if shown is None else server_context(Identity.of(secret_of(shown, authority)))
    server = Server(context)
    server.thread.start()
    try:
        yield server
    finally:
        server.thread.join(TIMEOUT_S)
        assert not server.thread.is_alive()


def connect(server: Server, believed: Authority, folder: Path) -> str:
    """What came of it, with the authorities of the test instead of Amazon's."""
    (folder / "authorities.pem").write_text(believed.certificate)
    secret = {"username": "u", "password": "a-password", "host": NAME, "port": server.port, "dbname": "d"}
    conninfo = noticing_silence(conninfo_of(json.dumps(secret)))
    here = make_conninfo(conninfo, hostaddr="127.0.0.1", sslrootcert=str(folder / "authorities.pem"))
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(here)
    return str(refused.value)


def test_a_server_of_its_name_and_our_authority_is_told_who_calls(tmp_path: Path) -> None:
    authority = Authority()
    with serving(authority.issue(NAME), authority) as server:
        assert HEARD in connect(server, authority, tmp_path)
    assert b"user\0u\0" in server.was_told


@pytest.mark.parametrize("wrong", ["another name", "another authority", "its time is over", "no certificate"])
def test_any_other_is_told_nothing(wrong: str, tmp_path: Path) -> None:
    authority = Authority()
    shown = {
        "another name": authority.issue("db.elsewhere.internal"),
        "another authority": Authority().issue(NAME),
        "its time is over": authority.issue(NAME, valid_until=datetime.now(UTC) - timedelta(minutes=1)),
        "no certificate": None,
    }[wrong]
    with serving(shown, authority) as server:
        assert HEARD not in connect(server, authority, tmp_path)
    assert server.was_told == b""
