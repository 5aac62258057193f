"""Child processes that are found again, and stopped, by exactly the process that was started."""

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import psutil

from local_cloud.platform import LocalCloudError

# A recycled pid belongs to a process that was created at another time.
CREATE_TIME_TOLERANCE_SECONDS = 0.01


@dataclass(frozen=True)
class ProcessRecord:
    """A file that names one process by its pid and when it was created."""

    path: Path

    def write(self, pid: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"pid": pid, "create_time": psutil.Process(pid).create_time()}))

    def process(self) -> psutil.Process | None:
        """The recorded process, or None if it is gone, whoever has its pid now."""
        try:
            recorded = json.loads(self.path.read_text())
            process = psutil.Process(int(recorded["pid"]))
            same = abs(process.create_time() - float(recorded["create_time"])) < CREATE_TIME_TOLERANCE_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
            return None

    def stop(self, first_signal: signal.Signals = signal.SIGTERM, patience_seconds: float = 10.0) -> None:
        """Ask with `first_signal`, then insist with SIGKILL. Children that it leaves behind are stopped with it."""
        process = self.process()
        if process is not None:
            family = process.children(recursive=True)
            process.send_signal(first_signal)
            _gone, alive = psutil.wait_procs([process], timeout=patience_seconds)
            if alive:
                process.kill()
            for child in psutil.wait_procs([process, *family], timeout=2)[1]:
                child.kill()
        self.path.unlink(missing_ok=True)


def spawn(
    argv: list[str],
    *,
    record: ProcessRecord,
    log: Path,
    environment: dict[str, str],
    cwd: Path,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, so that a Ctrl-C in the terminal reaches only us, and record it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            user=user,
            start_new_session=True,
        )
    record.write(child.pid)
    return child


def wait_until(
    ready: Callable[[], bool], *, what: str, timeout_seconds: float, child: subprocess.Popen[bytes], log: Path
) -> None:
    """Poll until `ready`. Raises LocalCloudError when `child` ends first or the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if child.poll() is not None:
            raise LocalCloudError(f"{what} stopped with code {child.returncode}; its log is {log}")
        if time.monotonic() > deadline:
            raise LocalCloudError(f"{what} was not ready after {timeout_seconds:.0f} s; its log is {log}")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a GET of `url` succeeds now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own http:// address
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False
