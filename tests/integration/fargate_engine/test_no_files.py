"""Its root file system is read-only on Fargate and nothing else is mounted: what it opens to write would fail."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DatabaseUrls
from tests.support.key_service import kms

REPOSITORY = Path(__file__).parents[3]
WITHIN_S = 40
# Run before the engine: Python tells of every file that it opens. What it writes to stderr is not a file it opens.
WATCHED = """
import os, runpy, sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "tempfile.mkstemp", "tempfile.mkdtemp"}

def tell(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = flags & WRITING if isinstance(flags, int) else set(mode or "") & set("wax+")
        if writes and not isinstance(path, int) and not str(path).startswith("/dev/"):
            print("WROTE", path, file=sys.stderr, flush=True)
    elif event in CHANGES:
        print("WROTE", event, arguments, file=sys.stderr, flush=True)

sys.addaudithook(tell)
"""
ENGINE = "runpy.run_module('fargate_engine', run_name='__main__', alter_sys=True)"


def start(program: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    path = f"{REPOSITORY}:{REPOSITORY / 'layers'}"
    # As the image sets it: otherwise Python itself writes what it has compiled.
    kept = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | environment
    with log.open("wb") as stderr:
        return subprocess.Popen([sys.executable, "-c", program], env=kept, stderr=stderr)


def health(port: int) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)["dependencies"]
    except urllib.error.HTTPError as error:
        found = json.load(error)["dependencies"]
    except OSError:  # Not yet listening.
        return {}
    return found


def test_the_engine_opens_no_file_to_write_while_it_starts_serves_and_ends(
    database_urls: DatabaseUrls, unused_tcp_port: int, tmp_path: Path
) -> None:
    log = tmp_path / "stderr.log"
    with kms() as url:
        process = start(
            WATCHED + ENGINE,
            log,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ENDPOINT_URL=url,
            DATABASE_URL=database_urls.engine,
            SERVICE_TOKEN_KEY_ID="key",
            ENGINE_PORT=str(unused_tcp_port),
        )
        try:
            deadline = time.monotonic() + WITHIN_S
            while health(unused_tcp_port).get("journal", {}).get("status") != "UP":
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                assert process.poll() is None, log.read_text()[-3000:]
                time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN_S) == 0
        finally:
            process.kill()
            process.wait(WITHIN_S)
    assert [line for line in log.read_text().splitlines() if line.startswith("WROTE")] == []


@pytest.mark.parametrize(
    "way", ["open({path!r}, 'w')", "os.open({path!r}, os.O_CREAT | os.O_WRONLY)", "os.mkdir({path!r})"]
)
def test_what_would_be_written_is_noticed(tmp_path: Path, way: str) -> None:
    log = tmp_path / "stderr.log"
    process = start(WATCHED + way.format(path=str(tmp_path / "written")), log)
    assert process.wait(WITHIN_S) == 0
    assert "WROTE" in log.read_text()
