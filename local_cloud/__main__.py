"""`python -m local_cloud up | down | clean | status`."""

import argparse
import json
import shutil
import subprocess
import sys
import time

from local_cloud import supervisor
from local_cloud.platform import REPOSITORY, LocalCloudError, Platform

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
                _up_detached(platform)
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
    return 0


def _up_detached(platform: Platform) -> None:
    """Start a supervisor in the background and show what it prints until all is ready."""
    log = platform.logs / "platform.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "local_cloud", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS_MAX
    with log.open() as progress:
        # The endpoints of an earlier run are there until the supervisor has said that it starts.
        while not (supervisor.is_ready(platform) and progress.tell() > 0):
            print(progress.read(), end="", flush=True)
            if child.poll() is not None:
                print(progress.read(), end="", flush=True)
                raise LocalCloudError(f"it did not start; its logs are in {platform.logs}")
            if time.monotonic() > deadline:
                child.terminate()
                raise LocalCloudError(f"it was not ready after {START_SECONDS_MAX} s; its logs are in {platform.logs}")
            time.sleep(0.1)
        time.sleep(0.2)
        print(progress.read(), end="", flush=True)


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
    if not (platform.folder / supervisor.FOLDER_MARK).exists():
        raise LocalCloudError(f"{platform.folder} was not made by `make up`, so it is not deleted")
    shutil.rmtree(platform.folder)
    print(f"forgot the data in {platform.folder}")


def _status(platform: Platform) -> None:
    if not supervisor.is_ready(platform):
        print("not running" if supervisor.supervisor_record(platform).process() is None else "starting")
        return
    endpoints = json.loads(platform.endpoints_file.read_text())
    for name in ("api_url", "ws_url", "engine_url", "inbox_url", "aws_endpoint_url"):
        print(f"{name:<17} {endpoints[name]}")


if __name__ == "__main__":
    sys.exit(main())
