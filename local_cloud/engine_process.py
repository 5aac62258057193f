"""The engine and the watch as child processes, restarted when they die, as ECS would."""

import gzip
import json
import os
import signal
import subprocess
import time
import zlib
from pathlib import Path

from local_cloud.platform import HOST, REPOSITORY, LocalCloudError, Platform, base_environment
from local_cloud.processes import ProcessRecord, answers, spawn, wait_until

RESTART_SECONDS_FIRST = 0.2
RESTART_SECONDS_MAX = 5.0
STEADY_AFTER_SECONDS = 30.0
READY_TIMEOUT_SECONDS = 60
ENGINE_ID = "local-1"
NOT_A_RECORDING = "it is not a recording, with lines of nanoseconds and JSON"
RECORDED_LINE_BYTES_MAX = 16 * 1024 * 1024


class _Task:
    """A process that ECS would keep. `watch` is called often: it starts a dead one again.

    Before each start there is a pause that doubles while it keeps dying.
    """

    def __init__(
        self, platform: Platform, deployed: dict[str, str], credentials: dict[str, str], *, name: str, module: str
    ) -> None:
        self._platform = platform
        self._credentials = credentials
        self._deployed = deployed
        self._name = name
        self._module = module
        self.log = platform.logs / f"{name}.log"
        self.record = ProcessRecord(platform.folder / "run" / f"{name}.json")
        self._pid_file = platform.folder / f"{name}.pid"
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_seconds = RESTART_SECONDS_FIRST
        self._restart_at: float | None = None

    def watch(self, now: float) -> str | None:
        """Restart a dead engine when its pause is over; what to tell the user, if anything. `now` is monotonic."""
        if self._child is None or self._child.poll() is None:
            return None
        if self._restart_at is None:
            if now - self._started_at > STEADY_AFTER_SECONDS:
                self._pause_seconds = RESTART_SECONDS_FIRST
            self._restart_at = now + self._pause_seconds
            self._pause_seconds = min(self._pause_seconds * 2, RESTART_SECONDS_MAX)
            return f"the {self._name} stopped with code {self._child.returncode}; starting it again ({self.log})"
        if now >= self._restart_at:
            self._spawn()
        return None

    def stop(self) -> None:
        """SIGTERM lets it give its lease back."""
        self.record.stop(first_signal=signal.SIGTERM)
        self._pid_file.unlink(missing_ok=True)
        self._child = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._restart_at = None
        self._started_at = time.monotonic()
        self._child = spawn(
            [str(REPOSITORY / ".venv" / "bin" / "python"), "-m", self._module],
            record=self.record,
            log=self.log,
            environment=self._environment(),
            cwd=REPOSITORY,
        )
        self._pid_file.write_text(f"{self._child.pid}\n")
        return self._child

    def _environment(self) -> dict[str, str]:
        return {**base_environment(), **self._platform.aws_environment(), **self._credentials}


class LocalEngine(_Task):
    def __init__(self, platform: Platform, deployed: dict[str, str], roles: dict[str, dict[str, str]]) -> None:
        super().__init__(platform, deployed, roles["engine"], name="engine", module="fargate_engine")

    def start(self) -> None:
        """Start it and wait until it has replayed its journal and holds its lease. Raises LocalCloudError."""
        child = self._spawn()
        ready = f"{self._platform.engine_url}/health/ready"
        wait_until(
            lambda: answers(ready), what="the engine", timeout_seconds=READY_TIMEOUT_SECONDS, child=child, log=self.log
        )

    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            "ALLOWED_ORIGINS": self._platform.web_url,
            "DATABASE_SECRET_ARN": self._deployed["EngineDatabaseSecretArn"],
            "ENGINE_HOST": HOST,
            "ENGINE_ID": ENGINE_ID,
            "ENGINE_PORT": str(self._platform.ports["engine"]),
            "EVENT_BUS_NAME": self._deployed["EventBusName"],
            "MARKET_RECORDINGS": ":".join(str(path) for path in _recordings()),
            "SERVICE_TOKEN_KEY_ID": self._deployed["ServiceTokenKeyId"],
            "SNAPSHOT_BUCKET": self._deployed["SnapshotBucketName"],
            "API_KEY_ENCRYPTION_KEY_ID": self._deployed["ApiKeyEncryptionKeyId"],
            "ORDERS_FUNCTION": self._deployed["OrdersFunctionName"],
            "QUERIES_FUNCTION": self._deployed["QueriesFunctionName"],
            "TRADE_EVENTS_QUEUE_URL": self._deployed["TradeEventsQueueUrl"],
            "USER_POOL_ID": self._deployed["UserPoolId"],
            "USER_POOL_CLIENT_ID": self._deployed["UserPoolClientId"],
            "OIDC_PROVIDER": os.environ.get("BREAKWATER_OIDC", ""),
            "SECOND_FACTOR_ROLES": os.environ.get("BREAKWATER_SECOND_FACTOR_ROLES", ""),
            "VENUES": os.environ.get("BREAKWATER_VENUES", ""),
        }


class LocalWatch(_Task):
    def __init__(self, platform: Platform, deployed: dict[str, str], roles: dict[str, dict[str, str]]) -> None:
        super().__init__(platform, deployed, roles["watch"], name="watch", module="breakwater.runtime.watch")

    def start(self) -> None:
        self._spawn()

    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            "AWS_LAMBDA_FUNCTION_NAME": "watch",
            "ALERTS_QUEUE_URL": self._deployed["AlertsQueueUrl"],
            "WATCHED_QUEUES": self._deployed["WatchedQueues"],
            "DATABASE_SECRET_ARN": self._deployed["FunctionsDatabaseSecretArn"],
            "ENGINE_URL_PARAMETER": self._deployed["EngineUrlParameterName"],
            "SERVICE_TOKEN_KEY_ID": self._deployed["ServiceTokenKeyId"],
        }


def require_recordings() -> None:
    """Raises LocalCloudError for a log in BREAKWATER_RECORDINGS that is none, before anything is started for it."""
    for path in _recordings():
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as log:
                local_ns, _, message = log.readline(RECORDED_LINE_BYTES_MAX).partition(b" ")
                is_recording = local_ns.isdigit() and isinstance(json.loads(message), dict)
        except (OSError, EOFError, zlib.error, ValueError) as error:
            # A bad gzip file is an OSError too, but has no errno.
            why = error.strerror if isinstance(error, OSError) and error.strerror else NOT_A_RECORDING
            raise LocalCloudError(f"BREAKWATER_RECORDINGS: {path}: {why}") from error
        if not is_recording:
            raise LocalCloudError(f"BREAKWATER_RECORDINGS: {path}: {NOT_A_RECORDING}")


def _recordings() -> list[Path]:
    paths = os.environ.get("BREAKWATER_RECORDINGS", "")
    return [Path(path).expanduser().resolve() for path in paths.split(":") if path]
