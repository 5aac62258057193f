"""Where one local platform lives: its folder, its ports and its addresses, all on the loopback interface."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
REGION = "us-east-1"
PORT_BASE_DEFAULT = 4500
FOLDER_MARK = ".breakwater-local"


class LocalCloudError(Exception):
    """Its message is the one line the user reads."""


@dataclass(frozen=True)
class Platform:
    """One local platform. Two with different folders and ports run side by side."""

    folder: Path
    port_base: int

    @classmethod
    def from_environment(cls) -> "Platform":
        """BREAKWATER_LOCAL_DIR and BREAKWATER_PORT_BASE say which one. Raises LocalCloudError."""
        port_base = os.environ.get("BREAKWATER_PORT_BASE", str(PORT_BASE_DEFAULT))
        if not port_base.isdecimal() or not 1024 <= int(port_base) <= 65_500:
            raise LocalCloudError(f"BREAKWATER_PORT_BASE={port_base} is not a port between 1024 and 65500")
        folder = Path(os.environ.get("BREAKWATER_LOCAL_DIR", REPOSITORY / ".local")).resolve()
        return cls(folder=folder, port_base=int(port_base))

    @property
    def ports(self) -> dict[str, int]:
        """Every port the platform listens on, by who listens."""
        return {
            "emulator": self.port_base,
            "postgres": self.port_base + 1,
            "engine": self.port_base + 2,
            "outbox": self.port_base + 3,
            "web": self.port_base + 4,
        }

    @property
    def aws_url(self) -> str:
        return f"http://{HOST}:{self.ports['emulator']}"

    @property
    def engine_url(self) -> str:
        return f"http://{HOST}:{self.ports['engine']}"

    @property
    def outbox_url(self) -> str:
        return f"http://{HOST}:{self.ports['outbox']}"

    @property
    def web_url(self) -> str:
        return f"http://{HOST}:{self.ports['web']}"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def emulator_state(self) -> Path:
        return self.folder / "emulator"

    @property
    def iam_calls_file(self) -> Path:
        """What roles asked AWS for, and whether their policies allowed it."""
        return self.folder / "iam_calls.jsonl"

    @property
    def endpoints_file(self) -> Path:
        return self.folder / "endpoints.json"

    def claim_folder(self) -> None:
        """Create the folder and mark it as ours. Raises LocalCloudError for one that holds anything else.

        `make clean` deletes it whole, so it must never be somebody's home.
        """
        mark = self.folder / FOLDER_MARK
        try:
            if not mark.exists() and self.folder.exists() and any(self.folder.iterdir()):
                raise LocalCloudError(f"{self.folder} holds other files: BREAKWATER_LOCAL_DIR must be a new folder")
            self.folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
            # Passwords and keys stand in both. Not the whole folder: Postgres is another user where root starts it.
            for private in (self.logs, self.emulator_state):
                private.mkdir(exist_ok=True)
                private.chmod(0o700)
        except OSError as error:
            raise LocalCloudError(f"{self.folder} cannot be used: {error.strerror}") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps every other supervisor out of the folder; the kernel ends that with this process, however it ends.

        Raises LocalCloudError.
        """
        with (self.folder / "supervisor.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalCloudError("it is running or starting already; `make down` stops it") from None
            yield

    def aws_environment(self) -> dict[str, str]:
        """What makes an AWS client of any language talk to the emulator, and never to AWS."""
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        }


def base_environment() -> dict[str, str]:
    """The caller's environment without what could reach a real AWS account or change our Python."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_", "PYTHON"))}
    return {**inherited, "PYTHONUNBUFFERED": "1"}
