"""What the local platform starts, it finds and stops again, and nothing else."""

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from local_cloud import engine_process, supervisor
from local_cloud.deployment import digest_of_files, reason_in
from local_cloud.engine_process import RESTART_SECONDS_FIRST, RESTART_SECONDS_MAX, LocalEngine
from local_cloud.platform import FOLDER_MARK, HOST, REPOSITORY, LocalCloudError, Platform
from local_cloud.postgres import LocalPostgres
from local_cloud.processes import ProcessRecord, spawn

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"]


def _spawn(argv: list[str], folder: Path) -> tuple[subprocess.Popen[bytes], ProcessRecord]:
    record = ProcessRecord(folder / "record.json")
    child = spawn(argv, record=record, log=folder / "log", environment=dict(os.environ), cwd=folder)
    return child, record


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child, record = _spawn(STUBBORN, tmp_path)
    while not (tmp_path / "log").read_text():
        time.sleep(0.01)
    record.stop(patience_seconds=0.2)
    assert not psutil.pid_exists(child.pid)
    assert not record.path.exists()


def test_a_recycled_pid_is_never_stopped(tmp_path: Path) -> None:
    child, record = _spawn(SLEEPER, tmp_path)
    recorded = json.loads(record.path.read_text())
    record.path.write_text(json.dumps({**recorded, "create_time": recorded["create_time"] - 60}))
    record.stop()
    assert child.poll() is None
    child.kill()
    child.wait(timeout=5)


def test_what_holds_passwords_is_for_its_owner_only(platform: Platform) -> None:
    platform.logs.mkdir(parents=True, mode=0o755)  # As an earlier version left it.
    (platform.folder / FOLDER_MARK).touch()
    platform.claim_folder()
    for private in (platform.logs, platform.emulator_state):
        assert private.stat().st_mode & 0o777 == 0o700


def test_once_it_is_ready_it_says_where_everything_is(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.folder.mkdir(parents=True, exist_ok=True)
    addresses = {f"{name}_url": f"http://{name}.example" for name in ("web", "api", "ws", "engine", "outbox")}
    user = {"username": "trader1", "password": "for the terminal alone", "role": "trader"}
    supervisor._announce(platform, {**addresses, "users": [user]}, 1.5)
    told = capsys.readouterr().out
    assert all(address in told for address in [*addresses.values(), user["password"]])
    assert json.loads(platform.endpoints_file.read_text())["web_url"] == addresses["web_url"]


def test_a_taken_port_is_named_with_what_to_set(platform: Platform) -> None:
    with socket.create_server((HOST, platform.ports["postgres"])), pytest.raises(LocalCloudError) as refused:
        supervisor.require_free_port("postgres", platform.ports["postgres"])
    assert str(refused.value) == (
        f"port {platform.ports['postgres']} (postgres) is taken by another program: "
        "stop it, or set BREAKWATER_PORT_BASE"
    )


def test_a_failure_is_one_line_for_the_user(platform: Platform) -> None:
    environment = os.environ | {
        "BREAKWATER_LOCAL_DIR": str(platform.folder),
        "BREAKWATER_PORT_BASE": str(platform.port_base),
    }
    with socket.create_server((HOST, platform.ports["emulator"])):
        outcome = subprocess.run(
            [sys.executable, "-m", "local_cloud", "up"],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert outcome.returncode == 1
    assert outcome.stderr.count("\n") == 1
    assert f"port {platform.ports['emulator']} (emulator)" in outcome.stderr


def test_clean_deletes_no_folder_that_up_did_not_make(platform: Platform) -> None:
    platform.folder.mkdir()
    (platform.folder / "thesis.txt").write_text("years of work")
    environment = os.environ | {
        "BREAKWATER_LOCAL_DIR": str(platform.folder),
        "BREAKWATER_PORT_BASE": str(platform.port_base),
    }
    command = [sys.executable, "-m", "local_cloud", "clean"]
    outcome = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert outcome.returncode == 1
    assert (platform.folder / "thesis.txt").read_text() == "years of work"


def test_an_engine_that_keeps_dying_is_started_ever_later(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[float] = []

    def dies_at_once(
        _argv: list[str], *, record: ProcessRecord, log: Path, **_options: object
    ) -> subprocess.Popen[bytes]:
        started.append(now)
        child = subprocess.Popen([sys.executable, "-c", ""])
        child.wait(timeout=10)
        return child

    outputs = (
        "ApiKeyEncryptionKeyId",
        "EngineDatabaseSecretArn",
        "EventBusName",
        "OrdersFunctionName",
        "QueriesFunctionName",
        "ServiceTokenKeyId",
        "SnapshotBucketName",
        "TradeEventsQueueUrl",
        "UserPoolClientId",
        "UserPoolId",
    )
    engine = LocalEngine(platform, dict.fromkeys(outputs, "test"), {"engine": {}, "watch": {}})
    platform.folder.mkdir()
    monkeypatch.setattr(engine_process, "spawn", dies_at_once)
    now = time.monotonic()
    with pytest.raises(LocalCloudError, match="the engine stopped with code 0"):
        engine.start()
    while len(started) < 9:
        now += 0.05
        engine.watch(now)
    pauses = [later - earlier for earlier, later in itertools.pairwise(started)]
    assert pauses[0] == pytest.approx(RESTART_SECONDS_FIRST, abs=0.11)
    assert pauses[1] == pytest.approx(2 * RESTART_SECONDS_FIRST, abs=0.11)
    assert pauses[-1] == pytest.approx(RESTART_SECONDS_MAX, abs=0.11)


def test_postgres_asks_for_passwords_and_keeps_its_data(platform: Platform) -> None:
    postgres = LocalPostgres(platform)
    postgres.start()
    try:
        postgres.ensure_database("firm", "owner", "first")
        with psycopg.connect(postgres.url("firm", "owner", "first"), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (value integer)")
        postgres.stop()
        assert postgres.record.process() is None
        postgres.start()
        postgres.ensure_database("firm", "owner", "second")
        with psycopg.connect(postgres.url("firm", "owner", "second")) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
            superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'owner'").fetchone()
            assert superuser == (False,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres.url("firm", "owner", "first"))
    finally:
        postgres.stop()


def test_a_synthesis_is_due_when_any_of_its_files_changes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("1")
    before = digest_of_files([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "app.pyc").write_text("cache")
    assert digest_of_files([tmp_path]) == before
    (tmp_path / "app.py").write_text("2")
    assert digest_of_files([tmp_path]) != before


def test_a_second_supervisor_is_kept_out_until_the_first_has_gone(platform: Platform) -> None:
    platform.claim_folder()
    with platform.alone(), pytest.raises(LocalCloudError, match="running or starting already"):
        supervisor.run(platform)
    with platform.alone():
        """The folder is free again."""


def test_a_folder_with_other_files_is_never_taken_since_clean_would_delete_them(platform: Platform) -> None:
    platform.folder.mkdir()
    (platform.folder / "somebody's").touch()
    with pytest.raises(LocalCloudError, match="holds other files"):
        platform.claim_folder()
    assert [file.name for file in platform.folder.iterdir()] == ["somebody's"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.gz", None, "No such file"),
        ("plain.gz", b"1 {}\n", "not a recording"),
        ("notes.txt", b"hello\n", "not a recording"),
        ("list.txt", b"1 []\n", "not a recording"),
        ("empty.txt", b"", "not a recording"),
    ],
)
def test_what_is_no_recording_is_said_before_anything_starts(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, told: str
) -> None:
    recording = platform.folder.parent / name
    if content is not None:
        recording.write_bytes(content)
    monkeypatch.setenv("BREAKWATER_RECORDINGS", str(recording))
    with pytest.raises(LocalCloudError, match=told):
        supervisor.run(platform)
    assert not platform.folder.exists()


def test_a_synthesis_that_failed_for_a_setting_says_which(tmp_path: Path) -> None:
    log = tmp_path / "cdk.log"
    log.write_text(
        "ValueError: of an earlier line\n  raise\n\x1b[1;35mValueError\x1b[0m: \x1b[35moidc: an object\x1b[0m\nexited\n"
    )
    assert reason_in(log) == ": oidc: an object"
    log.write_text("it was something else\n")
    assert reason_in(log) == ""


def test_a_started_platform_is_announced_with_all_its_addresses(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.claim_folder()
    names = ("web", "api", "ws", "engine", "outbox")
    urls = {f"{name}_url": f"http://127.0.0.1/{name}" for name in names}
    endpoints: dict[str, Any] = {**urls, "users": []}
    supervisor._announce(platform, endpoints, 1.0)
    said = capsys.readouterr().out
    assert [url for url in urls.values() if url not in said] == []
    assert json.loads(platform.endpoints_file.read_text()) == endpoints
