"""`python -m local_cloud up | down | clean | status`."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TextIO

from local_cloud import supervisor
from local_cloud.platform import FOLDER_MARK, REPOSITORY, LocalCloudError, Platform

START_SECONDS_MAX = 900
STOP_SECONDS_MAX = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="local_cloud", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "clean", "status"))
    parser.add_argument("--detach", action="store_true", help="up: return when all is ready")
    arguments = parser.parse_args()
    try:
        platform = Platform.from_environment()
        match arguments.command:
            case "up" if arguments.detach:
                return _up_detached(platform)
            case "up":
                supervisor.run(platform)
            case "down":
                _down(platform)
            case "clean":
                _clean(platform)
            case "status":
                _status(platform)
    except LocalCloudError as error:
        print(f"local cloud: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # Before or after the time in which the supervisor itself answers to it.
        return 128 + signal.SIGINT
    return 0


def _up_detached(platform: Platform) -> int:
    """Start a supervisor in the background and show what it prints until all is ready; its exit code if it ends."""
    platform.claim_folder()
    # The log of one that runs already stays as it is, whoever tries to start another.
    log = platform.logs / f"platform.{os.getpid()}.log"
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "local_cloud", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            start_new_session=True,
        )
    try:
        with log.open() as progress:
            code = _show_until_ready(platform, child, progress)
    except KeyboardInterrupt:
        child.terminate()
        child.wait(STOP_SECONDS_MAX)
        raise LocalCloudError("stopped before it was ready") from None
    finally:
        if child.poll() is None:
            log.replace(platform.logs / "platform.log")
        else:
            log.unlink()
    return code


def _show_until_ready(platform: Platform, child: subprocess.Popen[bytes], progress: TextIO) -> int:
    """0, or the exit code of a supervisor that ended before. Raises LocalCloudError when it takes too long."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while child.poll() is None and not supervisor.is_ready(platform, child.pid):
        print(progress.read(), end="", flush=True)
        if time.monotonic() > deadline:
            child.terminate()
            raise LocalCloudError(f"it was not ready after {START_SECONDS_MAX} s; its logs are in {platform.logs}")
        time.sleep(0.1)
    time.sleep(0.2)  # What it prints when it is ready is a little later than what says so.
    print(progress.read(), end="", flush=True)
    return child.poll() or 0


def _down(platform: Platform) -> None:
    record = supervisor.supervisor_record(platform)
    was_running = record.process() is not None
    record.stop(patience_seconds=STOP_SECONDS_MAX)
    supervisor.stop_leftovers(platform)
    platform.endpoints_file.unlink(missing_ok=True)
    print("stopped" if was_running else "nothing was running")


def _clean(platform: Platform) -> None:
    _down(platform)
    if not platform.folder.exists():
        return
    if not (platform.folder / FOLDER_MARK).exists():
        raise LocalCloudError(f"{platform.folder} was not made by `make up`, so it is not deleted")
    shutil.rmtree(platform.folder)
    print(f"forgot the data in {platform.folder}")


def _status(platform: Platform) -> None:
    process = supervisor.supervisor_record(platform).process()
    if process is None or not supervisor.is_ready(platform, process.pid):
        print("not running" if process is None else "starting")
        return
    endpoints = json.loads(platform.endpoints_file.read_text())
    for name in ("api_url", "ws_url", "engine_url", "outbox_url", "aws_endpoint_url"):
        print(f"{name:<17} {endpoints[name]}")


if __name__ == "__main__":
    sys.exit(main())
