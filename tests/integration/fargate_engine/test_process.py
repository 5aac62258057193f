"""The process as ECS sees it: its exit codes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]
STOPPED_WITHIN_S = 25
UP_WITHIN_S = 25


@contextmanager
def engine(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    path = f"{REPOSITORY}:{REPOSITORY / 'layers'}"
    nobody = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "fargate_engine"],
        env=os.environ | {"PYTHONPATH": path} | nobody | environment,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=STOPPED_WITHIN_S)


def settings(port: int) -> dict[str, Any]:
    return {"DATABASE_URL": "postgresql://nowhere", "SERVICE_TOKEN_KEY_ID": "key", "ENGINE_PORT": str(port)}


def until_it_listens(port: int) -> None:
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on {port}")


def test_told_to_stop_while_it_still_waits_it_ends_with_0(unused_tcp_port: int) -> None:
    with engine(**settings(unused_tcp_port)) as process:
        until_it_listens(unused_tcp_port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOPPED_WITHIN_S) == 0


def test_settings_that_make_no_sense_end_it_with_1_and_their_name(unused_tcp_port: int) -> None:
    with engine(**settings(unused_tcp_port) | {"MARKET_SPEED": "0"}) as process:
        _, log = process.communicate(timeout=STOPPED_WITHIN_S)
    assert process.returncode == 1
    assert b"MARKET_SPEED" in log


def test_a_port_that_is_taken_ends_it_with_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with engine(**settings(port)) as process:
            _, log = process.communicate(timeout=STOPPED_WITHIN_S)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}".encode() in log
