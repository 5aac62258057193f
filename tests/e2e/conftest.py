"""A running platform: the one BREAKWATER_ENDPOINTS names, or one of our own that is started and stopped."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from breakwater.client import Client
from breakwater.client.session import local_endpoints, local_password
from tests.e2e.desk import SYMBOL, Desk

REPOSITORY = Path(__file__).parents[2]
PORT_BASE = "4700"  # Beside the default of `make up`, which may be running.
START_TIMEOUT_S = 600
STOP_TIMEOUT_S = 120
TEST_TIMEOUT_S = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The time of starting the platform is not the first test's."""
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
    environment = os.environ | {"BREAKWATER_LOCAL_DIR": str(folder), "BREAKWATER_PORT_BASE": PORT_BASE}
    _local_cloud("up", "--detach", environment=environment, timeout_s=START_TIMEOUT_S)
    yield folder / "endpoints.json"
    _local_cloud("down", environment=environment, timeout_s=STOP_TIMEOUT_S)


def _local_cloud(*arguments: str, environment: dict[str, str], timeout_s: float) -> None:
    command = [sys.executable, "-m", "local_cloud", *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, timeout=timeout_s, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.fixture(scope="session")
def endpoints(endpoints_file: Path) -> dict[str, Any]:
    return local_endpoints(endpoints_file)


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


@pytest.fixture(scope="session")
def database(endpoints: dict[str, Any]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(endpoints["database_url"], autocommit=True) as connection:
        yield connection


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
