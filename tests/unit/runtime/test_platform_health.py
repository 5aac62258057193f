"""What `GET /health` answers when what orders need is well and something else is not."""

import pytest
from fastapi import Response

from functions.queries import app


class Engine:
    def __init__(self, unserved: tuple[int, ...]) -> None:
        self._unserved = unserved

    def unserved_shards(self) -> tuple[int, ...]:
        return self._unserved


@pytest.mark.parametrize(
    ("unserved", "late", "told"),
    [
        ((), [], ("UP", 200)),
        ((), ["webhook-events"], ("DEGRADED", 200)),
        ((3,), [], ("DEGRADED", 503)),
        ((3,), ["webhook-events"], ("DEGRADED", 503)),
    ],
)
def test_a_late_consumer_is_told_and_refuses_no_order(
    unserved: tuple[int, ...], late: list[str], told: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_ask_database", tuple)
    monkeypatch.setattr(app, "engine_client", lambda: Engine(unserved))
    monkeypatch.setattr(app, "_late", lambda: late)
    response = Response()
    found = app.get_health(response)
    assert (found.status, response.status_code) == told
    assert list(found.dependencies["delivery"].late) == late
