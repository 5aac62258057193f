"""The emulator as a child process, with the state of the last run."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from local_cloud.platform import HOST, REPOSITORY, LocalCloudError, Platform, base_environment
from local_cloud.processes import ProcessRecord, answers, spawn, wait_until

PYTHON = REPOSITORY / ".venv-emulator" / "bin" / "python"
# Each worker is a process of about 80 MB; on two cores more of them only wait for each other.
LAMBDA_WORKERS_MAX_DEFAULT = 4
ENFORCING_TIMEOUT_SECONDS = 10


class LocalEmulator:
    """One emulator, whose state is in the platform's folder."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.log = platform.logs / "emulator.log"
        self.record = ProcessRecord(platform.folder / "run" / "emulator.json")
        self._health_url = f"{platform.aws_url}/_ministack/health"

    def start(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it answers. Raises LocalCloudError."""
        if not PYTHON.exists():
            raise LocalCloudError("the emulator is not installed: run `make up`, which installs it")
        self._forget_state_of_another_address()
        temporary = self._platform.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        emulator = spawn(
            [str(PYTHON), "-m", "local_cloud.emulator"],
            record=self.record,
            log=self.log,
            environment=self._environment(temporary),
            cwd=REPOSITORY,
        )
        wait_until(
            lambda: answers(self._health_url), what="the emulator", timeout_seconds=60, child=emulator, log=self.log
        )
        return emulator

    def save_state(self) -> None:
        """Have the emulator write its state now, so that a crash finds it."""
        process = self.record.process()
        if process is not None:
            process.send_signal(signal.SIGUSR1)

    def enforce_iam(self) -> None:
        """From now on every call is judged by the caller's policies; ours, as the account's owner, pass.

        Raises LocalCloudError.
        """
        process = self.record.process()
        if process is None:
            raise LocalCloudError(f"the emulator is gone; its log is {self.log}")
        process.send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + ENFORCING_TIMEOUT_SECONDS
        while self._health()["auth"] != "enabled":
            if time.monotonic() > deadline:
                raise LocalCloudError(f"the emulator does not enforce IAM; its log is {self.log}")
            time.sleep(0.05)

    def _health(self) -> dict[str, Any]:
        with urllib.request.urlopen(self._health_url, timeout=5) as answer:  # noqa: S310 - our own http:// address
            health: dict[str, Any] = json.load(answer)
        return health

    def stop(self) -> None:
        """SIGTERM writes the state; SIGKILL follows, because a custom resource in flight can hang it."""
        self.record.stop(patience_seconds=15)

    def _forget_state_of_another_address(self) -> None:
        """Its state holds URLs with its own port in them; on another port it is deployed anew. No order is in there."""
        state, address = self._platform.emulator_state, self._platform.folder / "emulator.address"
        if address.exists() and address.read_text() != self._platform.aws_url:
            shutil.rmtree(state, ignore_errors=True)
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        address.write_text(self._platform.aws_url)

    def _environment(self, temporary: Path) -> dict[str, str]:
        """Without any AWS setting: the functions' workers inherit this environment."""
        folder = self._platform.folder
        return {
            **base_environment(),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self._platform.ports["emulator"]),
            "IAM_CALLS_FILE": str(self._platform.iam_calls_file),
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_WARM_TTL_SECONDS": "60",  # Workers that only a burst needed.
            "LAMBDA_UNPACK_DIR": str(folder / "lambda"),
            "LAMBDA_WORKERS_MAX": os.environ.get("BREAKWATER_LAMBDA_WORKERS", str(LAMBDA_WORKERS_MAX_DEFAULT)),
            "LOG_LEVEL": "WARNING",
            "MINISTACK_HOST": HOST,  # In queue URLs; localhost may mean ::1, where nobody listens.
            "OUTBOX_URL": f"{self._platform.outbox_url}/messages",
            "PERSIST_STATE": "1",
            "S3_DATA_DIR": str(self._platform.emulator_state / "s3"),
            "S3_PERSIST": "1",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(self._platform.emulator_state / "state"),
            "TMPDIR": str(temporary),
        }
