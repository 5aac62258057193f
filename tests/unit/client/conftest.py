"""A stub of the API, and a session file of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.loopback import served
from tests.unit.client.command_line import ACCOUNT, SIGNED_IN, Api


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    api.answers = {
        "POST /auth/sign-in": (200, SIGNED_IN),
        "GET /me": (200, {"username": "trader1", "role": "trader", "account_ids": [ACCOUNT]}),
    }
    with served(api.handler()) as api.url:
        yield api


@pytest.fixture(autouse=True)
def session_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "session.json"
    monkeypatch.setenv("BREAKWATER_SESSION", str(path))
    monkeypatch.chdir(tmp_path)
    return path
