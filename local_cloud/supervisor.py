"""`make up`: every part in its order, watched until told to stop, and stopped in the opposite order."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from local_cloud import configuration, provisioning
from local_cloud.deployment import MAIL_SENDER, Deployment, aws_client
from local_cloud.emulator_process import LocalEmulator
from local_cloud.engine_process import LocalEngine, LocalWatch, require_recordings
from local_cloud.iam import task_credentials
from local_cloud.outbox.server import Outbox
from local_cloud.platform import HOST, LocalCloudError, Platform
from local_cloud.postgres import LocalPostgres
from local_cloud.processes import ProcessRecord
from local_cloud.web_server import WebServer

WATCH_SECONDS = 0.1


def supervisor_record(platform: Platform) -> ProcessRecord:
    return ProcessRecord(platform.folder / "run" / "supervisor.json")


def is_ready(platform: Platform, pid: int) -> bool:
    """Whether the supervisor with this pid has started everything. What an earlier one left does not count."""
    process = supervisor_record(platform).process()
    return process is not None and process.pid == pid and platform.endpoints_file.exists()


def stop_leftovers(platform: Platform) -> None:
    """Stop what a supervisor that was killed has left running, those first that depend on others."""
    for name in ("watch", "engine", "cdk", "emulator", "postgres"):
        first_signal = signal.SIGINT if name == "postgres" else signal.SIGTERM
        ProcessRecord(platform.folder / "run" / f"{name}.json").stop(first_signal=first_signal)


def run(platform: Platform) -> None:
    """Start the platform, print where it is, and keep it running until SIGINT or SIGTERM. Raises LocalCloudError."""
    require_recordings()
    platform.claim_folder()
    with platform.alone():
        _prepare(platform)
        _run_until_told(platform)


def _run_until_told(platform: Platform) -> None:
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        # During the start it must interrupt whatever is being waited for; a second one changes nothing.
        if not stop.is_set():
            stop.set()
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    with ExitStack() as parts:
        parts.callback(supervisor_record(platform).path.unlink, missing_ok=True)
        parts.callback(platform.endpoints_file.unlink, missing_ok=True)
        try:
            tasks, children = _start(platform, parts)
            _watch(tasks, children)
        except KeyboardInterrupt:
            print("\nstopping", flush=True)
        finally:
            stop.set()
    print("stopped; `make up` finds the data again, `make clean` forgets it", flush=True)


def _prepare(platform: Platform) -> None:
    stop_leftovers(platform)
    for name, port in platform.ports.items():
        require_free_port(name, port)
    platform.endpoints_file.unlink(missing_ok=True)
    supervisor_record(platform).write(os.getpid())


def require_free_port(name: str, port: int) -> None:
    """Raises LocalCloudError with the port's number and what to do."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise LocalCloudError(
                f"port {port} ({name}) is taken by another program: stop it, or set BREAKWATER_PORT_BASE"
            ) from None


@contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"  {what:<52}", end="", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f"{time.monotonic() - started:6.1f} s", flush=True)


def _start(
    platform: Platform, parts: ExitStack
) -> tuple[list[LocalEngine | LocalWatch], dict[str, subprocess.Popen[bytes]]]:
    started = time.monotonic()
    print(f"Breakwater on this machine, in {platform.folder}", flush=True)
    passwords = configuration.Passwords(platform.folder)
    postgres, emulator, deployment = LocalPostgres(platform), LocalEmulator(platform), Deployment(platform)
    children: dict[str, subprocess.Popen[bytes]] = {}
    with _step("Postgres"):
        parts.callback(postgres.stop)
        children["Postgres"] = postgres.start()
    with _step("outbox: mail, SMS, Slack, Telegram, webhooks, web push"):
        outbox = Outbox(platform.ports["outbox"])
        outbox.start()
        parts.callback(outbox.stop)
    with _step("AWS emulator"):
        parts.callback(emulator.stop)
        children["the emulator"] = emulator.start()
    parts.callback(deployment.record.stop)
    with _step("template (cdk synth)"):
        deployment.synthesize()
    with _step("deployment (cdk deploy)"):
        deployment.deploy()
        deployed = deployment.outputs()
    with _step("addresses and passwords of this machine"):
        database_url = _configure(platform, deployed, postgres, passwords)
    with _step("every role under its own policies (IAM)"):
        roles = task_credentials(platform)
        emulator.enforce_iam()
    lambda_client = aws_client(platform, "lambda", config=provisioning.CLIENT_CONFIG)
    with _step("database migrations"):
        provisioning.migrate(lambda_client, deployed["ProvisioningFunctionName"])
    with _step("demo firm"):
        users = _seed(lambda_client, deployed, passwords)
        emulator.save_state()
    engine = LocalEngine(platform, deployed, roles)
    with _step("engine and market"):
        parts.callback(engine.stop)
        engine.start()
    watch = LocalWatch(platform, deployed, roles)
    parts.callback(watch.stop)
    watch.start()
    endpoints = {
        "web_url": platform.web_url,
        "api_url": configuration.local_api_url(platform, deployed["ApiUrl"]),
        "ws_url": configuration.local_api_url(platform, deployed["WebSocketUrl"]),
        "engine_url": platform.engine_url,
        "database_url": database_url,
        "outbox_url": platform.outbox_url,
        "aws_endpoint_url": platform.aws_url,
        "users": users,
    }
    with _step("web app"):
        addresses = {name: str(endpoints[name]) for name in ("api_url", "ws_url", "engine_url")}
        web = WebServer(platform.ports["web"], addresses)
        web.start()
        parts.callback(web.stop)
    _announce(platform, endpoints, time.monotonic() - started)
    return [engine, watch], children


def _configure(
    platform: Platform, deployed: dict[str, str], postgres: LocalPostgres, passwords: configuration.Passwords
) -> str:
    """What the template cannot know; the URL of the database's owner."""
    database_url = configuration.point_to_database(platform, deployed, postgres, passwords)
    configuration.point_to_engine(platform, deployed)
    configuration.point_to_api(platform, deployed)
    configuration.expire_connections(platform, deployed)
    configuration.verify_sender(platform, MAIL_SENDER)
    configuration.point_to_telegram(platform, deployed, passwords)
    return database_url


def _seed(lambda_client: Any, deployed: dict[str, str], passwords: configuration.Passwords) -> list[dict[str, Any]]:
    """The demo firm's sign-ins, each with the accounts it may use."""
    users = provisioning.demo_firm()["users"]
    invented = {user["username"]: passwords.of(user["username"]) for user in users}
    created = provisioning.create_demo_firm(lambda_client, deployed["ProvisioningFunctionName"], invented)
    return [
        {
            "username": user["username"],
            "password": invented[user["username"]],
            "role": user["role"],
            "account_ids": created["users"][user["username"]]["account_ids"],
        }
        for user in users
    ]


def _announce(platform: Platform, endpoints: dict[str, Any], took_seconds: float) -> None:
    # Whole before it has its name: whoever waits for this file may read it at once.
    unfinished = platform.endpoints_file.with_suffix(".tmp")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(endpoints, indent=2) + "\n")
    unfinished.replace(platform.endpoints_file)
    print(f"\nready after {took_seconds:.1f} s\n")
    named = {
        "web app": "web_url",
        "API": "api_url",
        "WebSocket": "ws_url",
        "engine": "engine_url",
        "outbox": "outbox_url",
    }
    for label, key in named.items():
        print(f"  {label:<10} {endpoints[key]}")
    print(f"  {'all of it':<10} {platform.endpoints_file}\n")
    for user in endpoints["users"]:
        print(f"  {user['username']:<10} {user['password']:<26} {user['role']}")
    print(
        "\nCtrl-C or `make down` stops it; `make demo` gives the tour, `breakwater outbox` lists what was sent",
        flush=True,
    )


def _watch(tasks: list[LocalEngine | LocalWatch], children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Until KeyboardInterrupt. Raises LocalCloudError when anything but a task dies: AWS has no such failure."""
    while True:
        time.sleep(WATCH_SECONDS)
        for name, child in children.items():
            if child.poll() is not None:
                raise LocalCloudError(f"{name} stopped with code {child.returncode}; so everything stops")
        for task in tasks:
            news = task.watch(time.monotonic())
            if news is not None:
                print(news, flush=True)
