"""What browsers are told by the engine's gateway."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from breakwater.domain.security_headers import SECURITY_HEADERS
from fargate_engine.gateway.peers import Peers
from fargate_engine.gateway.routes import create_gateway
from fargate_engine.gateway.state import EngineState
from fargate_engine.settings import StartFailed, read_settings

DESK, OTHER = "https://desk.example.com", "https://evil.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
async def gateway() -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    async with aiohttp.ClientSession() as session:
        app = create_gateway(EngineState("engine", Peers(session)), allowed_origins=frozenset({DESK}))
        async with TestClient(TestServer(app)) as client:
            yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health"), ("GET", "/metrics"), ("GET", "/nowhere"), ("POST", "/internal/orders"), ("PUT", "/health")],
)
async def test_every_answer_has_the_security_headers(gateway: TestClient, method: str, path: str) -> None:  # type: ignore[type-arg]
    answer = await gateway.request(method, path)
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


async def test_an_origin_of_the_list_may_read_and_no_other(gateway: TestClient) -> None:  # type: ignore[type-arg]
    listed = await gateway.get("/health", headers={"Origin": DESK})
    assert listed.headers["Access-Control-Allow-Origin"] == DESK
    for origin in (OTHER, "null", f"{DESK}.evil.example.com"):
        answer = await gateway.get("/health", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in listed.headers


async def test_only_an_origin_of_the_list_is_told_what_it_may_send(gateway: TestClient) -> None:  # type: ignore[type-arg]
    listed = await gateway.options("/internal/orders", headers={"Origin": DESK, **PREFLIGHT})
    assert (listed.status, listed.headers["Access-Control-Allow-Origin"]) == (204, DESK)
    assert "Authorization" in listed.headers["Access-Control-Allow-Headers"]
    refused = await gateway.options("/internal/orders", headers={"Origin": OTHER, **PREFLIGHT})
    assert refused.status == 405
    assert not [name for name in refused.headers if name.startswith("Access-Control")]


async def test_a_body_over_64_kib_is_refused_from_our_own_functions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with aiohttp.ClientSession() as session:
        state = EngineState("engine", Peers(session))
        monkeypatch.setattr(state.tokens, "authenticate", lambda request: "orders")
        async with TestClient(TestServer(create_gateway(state))) as client:
            for size, status in ((64 * 1024, 422), (64 * 1024 + 1, 413)):
                answer = await client.post("/internal/orders", data=b" " * size)
                assert answer.status == status, await answer.text()


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "http://desk.example.com", f"{DESK}/", "desk"])
def test_what_is_no_origin_keeps_the_engine_from_starting(origin: str) -> None:
    with pytest.raises(StartFailed, match="ALLOWED_ORIGINS"):
        read_settings({"DATABASE_URL": "postgresql://", "SERVICE_TOKEN_KEY_ID": "key", "ALLOWED_ORIGINS": origin})


def test_origins_are_separated_by_blanks() -> None:
    environment = {"DATABASE_URL": "postgresql://", "SERVICE_TOKEN_KEY_ID": "key"}
    local = "http://127.0.0.1:4503"
    assert read_settings(environment | {"ALLOWED_ORIGINS": f"{DESK} {local}"}).allowed_origins == {DESK, local}
    assert read_settings(environment).allowed_origins == frozenset()
