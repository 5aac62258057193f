"""A running platform: the one BREAKWATER_ENDPOINTS names, or one of our own that is started and stopped."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest
from botocore.config import Config

from breakwater.client import Client
from breakwater.client.session import local_password
from local_cloud.platform import REGION
from tests.e2e.desk import SYMBOL, Desk, Terminal

REPOSITORY = Path(__file__).parents[2]
# Beside the default of `make up`, which may be running.
PORT_BASE = os.environ.get("BREAKWATER_TEST_PORT_BASE", "4700")
START_TIMEOUT_S = 600
STOP_TIMEOUT_S = 120
TEST_TIMEOUT_S = 180
ANSWER_TIMEOUT_S = 35  # API Gateway gives up at 30 s.


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The time of starting the platform is not the first test's; what was used of every grant is asked last."""
    items.sort(key=lambda item: item.path == Path(__file__).parent / "test_least_privilege.py")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S, func_only=True))


@pytest.fixture(scope="session")
def endpoints_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    running = os.environ.get("BREAKWATER_ENDPOINTS")
    if running:
        yield Path(running)
        return
    folder = tmp_path_factory.mktemp("platform")
    try:
        _local_cloud("up", "--detach", folder=folder, timeout_s=START_TIMEOUT_S)
        yield folder / "endpoints.json"
    finally:
        _local_cloud("down", folder=folder, timeout_s=STOP_TIMEOUT_S)


@pytest.fixture(scope="session")
def restart_platform(endpoints_file: Path) -> Callable[..., str]:
    """Stops the platform and starts it again on the data it left, with this in its environment; what it printed."""
    if "BREAKWATER_ENDPOINTS" in os.environ:
        pytest.skip("BREAKWATER_ENDPOINTS names somebody's running platform, which is not ours to restart")

    def restart(**environment: str) -> str:
        _local_cloud("down", folder=endpoints_file.parent, timeout_s=STOP_TIMEOUT_S)
        return _local_cloud("up", "--detach", folder=endpoints_file.parent, timeout_s=START_TIMEOUT_S, **environment)

    return restart


def _local_cloud(*arguments: str, folder: Path, timeout_s: float, **more: str) -> str:
    command = [sys.executable, "-m", "local_cloud", *arguments]
    environment = os.environ | {"BREAKWATER_LOCAL_DIR": str(folder), "BREAKWATER_PORT_BASE": PORT_BASE} | more
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, timeout=timeout_s, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def endpoints(endpoints_file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(endpoints_file.read_text())
    return found


@pytest.fixture(scope="session")
def sign_in(endpoints: dict[str, Any]) -> Iterator[Callable[[str], Client]]:
    """A signed-in client of a demo user, one for the whole run."""
    clients: dict[str, Client] = {}

    def signed_in(username: str) -> Client:
        if username not in clients:
            clients[username] = Client(endpoints["api_url"])
            clients[username].sign_in(username, local_password(endpoints, username) or "")
        return clients[username]

    yield signed_in
    for client in clients.values():
        client.close()


@pytest.fixture
def ask(endpoints: dict[str, Any]) -> Callable[..., httpx.Response]:
    """One call as a signed-in client and its answer as it came: no retry, no exception for a refusal."""

    def call(client: Client, method: str, path: str, body: Any = None) -> httpx.Response:
        assert client.session is not None
        headers = {"Authorization": f"Bearer {client.session.access_token}"}
        return httpx.request(
            method, f"{endpoints['api_url']}{path}", json=body, headers=headers, timeout=ANSWER_TIMEOUT_S
        )

    return call


@pytest.fixture
def database(endpoints: dict[str, Any]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(endpoints["database_url"], autocommit=True, connect_timeout=5) as connection:
        yield connection


@pytest.fixture(scope="session")
def invoke(endpoints: dict[str, Any]) -> Callable[[str, Any], Any]:
    """Invokes a function as an operator does, by its name in functions/; its answer."""
    functions = boto3.client(
        "lambda",
        endpoint_url=endpoints["aws_endpoint_url"],
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(read_timeout=60, retries={"total_max_attempts": 1}),
    )

    def call(name: str, event: Any) -> Any:
        pages = functions.get_paginator("list_functions").paginate()
        names = [each["FunctionName"] for page in pages for each in page["Functions"]]
        full_name = next(each for each in names if f"-{name.title().replace('_', '')}Function" in each)
        answer = functions.invoke(FunctionName=full_name, Payload=json.dumps(event).encode())
        told = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return told

    return call


@pytest.fixture
def reconcile(invoke: Callable[[str, Any], Any]) -> Callable[[], None]:
    """What happens every minute, now."""
    return lambda: invoke("reconciler", {})


@pytest.fixture
def market(endpoints: dict[str, Any]) -> Callable[[], tuple[Decimal, Decimal]]:
    """Asks for the best bid and ask."""

    def touch() -> tuple[Decimal, Decimal]:
        url = f"{endpoints['engine_url']}/market/book"
        book = httpx.get(url, params={"symbol": SYMBOL, "depth": 5}, timeout=5).json()
        return Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])

    return touch


@pytest.fixture
def desk(sign_in: Callable[[str], Client], market: Callable[[], tuple[Decimal, Decimal]]) -> Iterator[Desk]:
    """trader2 at work; what still rests afterwards is cancelled."""
    client = sign_in("trader2")
    account_id = client.me()["account_ids"][0]
    yield Desk(client, account_id, market)
    client.cancel_all(account_id)


@pytest.fixture
def terminal(endpoints_file: Path, tmp_path: Path) -> Terminal:
    environment = {"BREAKWATER_LOCAL_DIR": str(endpoints_file.parent), "BREAKWATER_SESSION": str(tmp_path / "s.json")}
    seated = Terminal(environment)
    seated.run("sign-in", "--user", "trader2")
    return seated
