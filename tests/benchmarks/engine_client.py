"""Starts an engine in a process of its own, and asks it over one kept-alive connection."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fargate_engine.gateway.tokens import AUDIENCE, ISSUER
from tests.benchmarks.own_postgres import Database

HOST = "127.0.0.1"
READY_TIMEOUT_S = 60
ANSWER_TIMEOUT_S = 10
STOP_TIMEOUT_S = 30
POLL_S = 0.01
SNAPSHOTS = "snapshots"  # Where they are in an engine's folder.
LOG_BYTES_TOLD = 2_000
NO_MORE: Mapping[str, str] = MappingProxyType({})
_TOKEN_LIFETIME_S = 600
_OK = 200


class EngineConnection:
    """HTTP as thin as it can be, so that what is measured is the engine's."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=ANSWER_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n"

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the answer, which must say how long it is."""
        head = f"{method} {path} {self._head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        answer_head, _, answer = received.partition(b"\r\n\r\n")
        length = int(answer_head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(answer) < length:
            answer += self._receive()
        return int(answer_head.split(b" ", 2)[1]), answer

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> bytes:
        received = self._socket.recv(65_536)
        if not received:
            raise ConnectionError("the engine closed the connection")
        return received


@dataclass(frozen=True)
class RunningEngine:
    """`started_in_s` is from the start of its process until it took orders for every shard."""

    started_in_s: float
    port: int
    token: str

    @contextmanager
    def connection(self) -> Iterator[EngineConnection]:
        connection = EngineConnection(self.port, self.token)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def running_engine(
    database: Database,
    folder: Path,
    *,
    with_journal: bool = True,
    environment: Mapping[str, str] = MappingProxyType({}),
    signing_key: ec.EllipticCurvePrivateKey | None = None,
    is_standby: bool = False,
) -> Iterator[RunningEngine]:
    """Ready when the block begins, stopped as by ECS when it ends. `folder` keeps its snapshots and its log.

    `signing_key`: of the tokens that it believes; engines that pass requests on to each other have the same. One that
    stands by is ready when it has followed the journals to their end.
    """
    signing_key = signing_key or ec.generate_private_key(ec.SECP256R1())
    key_file, snapshots, log = folder / "key", folder / SNAPSHOTS, folder / "engine.log"
    snapshots.mkdir(parents=True, exist_ok=True)
    key_file.write_bytes(signing_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    port = _free_port()
    own_environment = {
        "DATABASE_URL": database.engine,
        "SERVICE_TOKEN_KEY_ID": "benchmark",
        "SNAPSHOT_BUCKET": "benchmark" if with_journal else "",
        "ENGINE_HOST": HOST,
        "ENGINE_PORT": str(port),
        "ENGINE_ID": "benchmark",
    }
    options = [] if with_journal else ["without-journal"]
    command = [sys.executable, "-m", "tests.benchmarks.engine_process", str(key_file), str(snapshots), *options]
    started_at = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | own_environment | dict(environment), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        token = _token(signing_key)
        _wait_until_ready(process, _follows if is_standby else _is_ready, port, token, log)
        yield RunningEngine(time.perf_counter() - started_at, port, token)
    finally:
        _stop(process)


def _token(signing_key: ec.EllipticCurvePrivateKey) -> str:
    now = int(time.time())
    claims = {"aud": AUDIENCE, "iss": ISSUER, "sub": "benchmark", "iat": now, "exp": now + _TOKEN_LIFETIME_S}
    return jwt.encode(claims, signing_key, algorithm="ES256")


def _wait_until_ready(
    process: subprocess.Popen[bytes], is_ready: Callable[[int, str], bool], port: int, token: str, log: Path
) -> None:
    deadline = time.perf_counter() + READY_TIMEOUT_S
    while time.perf_counter() < deadline and process.poll() is None:
        if is_ready(port, token):
            return
        time.sleep(POLL_S)
    raise subprocess.SubprocessError(f"the engine did not get ready: {log.read_text()[-LOG_BYTES_TOLD:]}")


def _is_ready(port: int, token: str) -> bool:
    answered = _asked(port, token, "/health/ready")
    return answered is not None and answered[0] == _OK


def _follows(port: int, token: str) -> bool:
    answered = _asked(port, token, "/health")
    return answered is not None and {shard["status"] for shard in json.loads(answered[1])["shards"]} == {"FOLLOWING"}


def _asked(port: int, token: str, path: str) -> tuple[int, bytes] | None:
    """None while nobody listens there."""
    try:
        connection = EngineConnection(port, token)
    except ConnectionRefusedError:
        return None
    try:
        return connection.request("GET", path)
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_TIMEOUT_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
