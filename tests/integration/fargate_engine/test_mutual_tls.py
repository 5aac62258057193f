"""Functions and engine over TLS on real sockets, each with a certificate of its own: who is heard, and who is not."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from breakwater.errors import EngineUnavailable
from breakwater.runtime import engine as way_to_engine
from breakwater.runtime.engine import Shown
from breakwater.services.engine_client import EngineClient
from breakwater.tls import BadIdentity, Identity, client_context
from fargate_engine.app import run_engine
from fargate_engine.gateway.peers import Peers
from fargate_engine.gateway.routes import create_gateway
from fargate_engine.gateway.state import EngineState
from fargate_engine.gateway.tls import GatewayTls
from fargate_engine.settings import StartFailed, read_settings
from tests.support.certificates import NAME, Authority, Certificate, secret_of

HOST = "127.0.0.1"
TIMEOUT_S = 10


class Secrets:
    """Secrets Manager with one secret, which a test writes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        assert SecretId == "the-secret"
        return {"SecretString": self.text}


class Gateway:
    """The engine's gateway in a thread of its own, with TLS."""

    def __init__(self, secret: str) -> None:
        self.secrets = Secrets(secret)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._tls = GatewayTls("the-secret", self.secrets)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._await(self._listen())

    def read_secret(self) -> None:
        self._await(self._tls.read())

    def stop(self) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()

    def _await(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT_S)

    async def _listen(self) -> None:
        self._session = aiohttp.ClientSession()
        state = EngineState("engine", Peers(self._session, self._tls, NAME))
        self._runner = web.AppRunner(create_gateway(state, asks_for_certificates=True), shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0, ssl_context=await self._tls.read())
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._session.close()


@contextmanager
def gateway_of(secret: str) -> Iterator[Gateway]:
    gateway = Gateway(secret)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def gateway(authority: Authority) -> Iterator[Gateway]:
    with gateway_of(secret_of(authority.issue(), authority)) as running:
        yield running


def shown_by(certificate: Certificate, authority: Authority) -> ssl.SSLContext:
    return client_context(Identity.of(secret_of(certificate, authority)))


def ask(gateway: Gateway, context: ssl.SSLContext, path: str, name: str = NAME) -> int:
    """The status that a new connection is answered with."""
    with PoolManager(ssl_context=context, server_hostname=name, assert_hostname=name) as pool:
        answer = pool.request("GET", f"https://{HOST}:{gateway.port}{path}", retries=False, timeout=TIMEOUT_S)
        return answer.status


def test_who_shows_the_right_certificate_is_heard(gateway: Gateway, authority: Authority) -> None:
    context = shown_by(authority.issue("functions"), authority)
    assert ask(gateway, context, "/health") == 200
    assert ask(gateway, context, "/internal/shards") == 503  # Heard: it is still starting.
    assert ask(gateway, context, "/metrics") == 200


@pytest.mark.parametrize("path", ["/metrics", "/internal/shards", "/market/book", "/channels", "/nowhere"])
def test_who_shows_none_is_told_how_the_engine_is_and_nothing_else(
    gateway: Gateway, authority: Authority, path: str
) -> None:
    context = ssl.create_default_context(cadata=authority.certificate)
    assert ask(gateway, context, "/health") == 200
    assert ask(gateway, context, path) == 401
    with PoolManager(ssl_context=context, server_hostname=NAME, assert_hostname=NAME) as pool:
        refused = pool.request("GET", f"https://{HOST}:{gateway.port}{path}", retries=False, timeout=TIMEOUT_S)
    assert "client certificate" in refused.json()["detail"]


def test_a_certificate_of_another_authority_is_refused(gateway: Gateway, authority: Authority) -> None:
    stranger = Authority("An authority")  # Of the same name.
    with pytest.raises(HTTPError):
        ask(gateway, shown_by(stranger.issue("functions"), authority), "/health")


def test_a_certificate_that_is_over_is_refused(gateway: Gateway, authority: Authority) -> None:
    over = authority.issue("functions", valid_until=datetime.now(UTC) - timedelta(minutes=1))
    with pytest.raises(HTTPError):
        ask(gateway, shown_by(over, authority), "/health")


def test_an_engine_of_another_authority_name_or_time_is_not_spoken_to(authority: Authority) -> None:
    own = shown_by(authority.issue("functions"), authority)
    over = authority.issue(valid_until=datetime.now(UTC) - timedelta(minutes=1))
    for certificate in (Authority().issue(), authority.issue("elsewhere.example.internal"), over):
        with gateway_of(secret_of(certificate, authority)) as gateway, pytest.raises(HTTPError):
            ask(gateway, own, "/health")


def test_nobody_speaks_tls_below_1_2_or_no_tls(gateway: Gateway, authority: Authority) -> None:
    context = shown_by(authority.issue("functions"), authority)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    with pytest.raises(HTTPError), PoolManager() as pool:
        pool.request("GET", f"http://{HOST}:{gateway.port}/health", retries=False, timeout=TIMEOUT_S)


def test_authorities_and_certificates_change_while_the_engine_serves(gateway: Gateway, authority: Authority) -> None:
    """In the order of the documentation: believe both, show the new ones, believe the new one alone."""
    following = Authority("The next authority")
    old = shown_by(authority.issue("functions"), authority)
    both = client_context(Identity.of(secret_of(authority.issue("functions"), authority, following)))
    new = client_context(Identity.of(secret_of(following.issue("functions"), authority, following)))
    with PoolManager(ssl_context=old, server_hostname=NAME, assert_hostname=NAME, maxsize=1) as kept:
        url = f"https://{HOST}:{gateway.port}/health"
        assert kept.request("GET", url, retries=False, timeout=TIMEOUT_S).status == 200

        gateway.secrets.text = secret_of(authority.issue(), authority, following)
        gateway.read_secret()
        assert [ask(gateway, context, "/metrics") for context in (old, both, new)] == [200, 200, 200]

        gateway.secrets.text = secret_of(following.issue(), authority, following)
        gateway.read_secret()
        assert [ask(gateway, context, "/metrics") for context in (both, new)] == [200, 200]
        with pytest.raises(HTTPError):  # It does not believe the engine's new certificate yet.
            ask(gateway, old, "/metrics")

        gateway.secrets.text = secret_of(following.issue(), following)
        gateway.read_secret()
        assert ask(gateway, new, "/metrics") == 200
        with pytest.raises(HTTPError):
            ask(gateway, both, "/metrics")
        # A connection keeps what it was opened with: nobody is cut off by a change.
        assert kept.request("GET", url, retries=False, timeout=TIMEOUT_S).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_outlives_what_it_was_begun_with(
    gateway: Gateway, authority: Authority, version: ssl.TLSVersion
) -> None:
    """Whoever goes on with a session shows no certificate again: it may be over, or its authority believed no more."""
    context = shown_by(authority.issue("functions"), authority)
    context.maximum_version = version
    context.options &= ~ssl.OP_NO_TICKET  # A client that wants to.
    status, session = _status_in(gateway, context, None)
    assert status == 200
    following = Authority("The next authority")
    gateway.secrets.text = secret_of(following.issue(), following)
    gateway.read_secret()
    with pytest.raises(ssl.SSLError):
        _status_in(gateway, context, None)
    try:
        status, _ = _status_in(gateway, context, session)
    except OSError:
        return  # The handshake is refused as well.
    assert status == 401


def _status_in(
    gateway: Gateway, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[int, ssl.SSLSession | None]:
    """How `/metrics` is answered over a connection that goes on with that session, and the session it has then."""
    with (
        socket.create_connection((HOST, gateway.port), TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=NAME, session=session) as tls,
    ):
        tls.sendall(f"GET /metrics HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: tls.recv(65_536), b""))
        return int(answer.split(b" ", 2)[1]), tls.session


def test_a_secret_that_was_written_wrongly_changes_nothing(gateway: Gateway, authority: Authority) -> None:
    context = shown_by(authority.issue("functions"), authority)
    other = authority.issue()
    mixed = secret_of(Certificate(authority.issue().certificate, other.private_key), authority)
    for text in (
        "",
        "{}",
        "[]",
        mixed,
        mixed.replace("-----BEGIN CERTIFICATE-----\\n", "-----BEGIN CERTIFICATE-----\\n!"),
    ):
        gateway.secrets.text = text
        with pytest.raises(BadIdentity) as refused:
            gateway.read_secret()
        assert "PRIVATE" not in str(refused.value)
        assert ask(gateway, context, "/metrics") == 200


def test_functions_reach_the_engine_and_follow_their_secret(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Secrets("")
    monkeypatch.setattr(way_to_engine, "client", lambda _service: secrets)
    monkeypatch.setattr(way_to_engine, "CERTIFICATE_KEPT_S", 0.0)
    heard = "no engine serves any shard"  # Its answer: it waits for its database.
    with gateway_of(secret_of(authority.issue("localhost"), authority)) as gateway:
        engine = EngineClient(lambda: f"https://localhost:{gateway.port}", lambda: "token", Shown("the-secret"))
        for text, outcome in (
            ("", "the certificate to show the engine could not be read"),
            (secret_of(authority.issue("functions"), authority), heard),
            ("written wrongly", heard),  # What was right goes on.
            (secret_of(authority.issue("functions"), authority), heard),
            (secret_of(Authority().issue("functions"), authority), "did not answer"),  # The new one is shown.
        ):
            secrets.text = text
            with pytest.raises(EngineUnavailable, match=outcome):
                engine.unserved_shards()


def test_functions_send_nothing_in_clear_where_a_certificate_is_asked_for(authority: Authority) -> None:
    context = shown_by(authority.issue("functions"), authority)
    engine = EngineClient(lambda: "http://127.0.0.1:9", lambda: "token", lambda: context)
    with pytest.raises(EngineUnavailable, match="nothing is sent in clear"):
        engine.unserved_shards()


async def test_engines_pass_requests_on_with_a_certificate_and_by_name(gateway: Gateway, authority: Authority) -> None:
    request = make_mocked_request("GET", "/internal/shards", headers={"Authorization": "Bearer none"})
    address = f"{HOST}:{gateway.port}"
    async with aiohttp.ClientSession() as session:
        own = GatewayTls("the-secret", Secrets(secret_of(authority.issue(), authority)))
        await own.read()
        heard = await Peers(session, own, NAME).ask(request, address, [0])
        assert (heard.status, b"the engine is starting" in heard.body) == (503, True)
        with pytest.raises(EngineUnavailable):
            await Peers(session, own, "elsewhere.example.internal").ask(request, address, [0])
        strange = GatewayTls("the-secret", Secrets(secret_of(Authority().issue(), authority)))
        await strange.read()
        with pytest.raises(EngineUnavailable):
            await Peers(session, strange, NAME).ask(request, address, [0])


@pytest.mark.parametrize(
    ("environment", "what"),
    [({"ENGINE_CERTIFICATE_ARN": "arn"}, "ENGINE_NAME"), ({"ENGINE_NAME": NAME}, "ENGINE_CERTIFICATE_ARN")],
)
def test_a_certificate_goes_with_a_name(environment: dict[str, str], what: str) -> None:
    with pytest.raises(StartFailed, match=what):
        read_settings({"DATABASE_URL": "postgresql://", "SERVICE_TOKEN_KEY_ID": "key"} | environment)


async def test_an_engine_does_not_start_with_a_certificate_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fargate_engine.aws.client", lambda _service: Secrets("{}"))
    told = {"DATABASE_URL": "postgresql://", "SERVICE_TOKEN_KEY_ID": "key", "ENGINE_NAME": NAME}
    settings = read_settings(told | {"ENGINE_CERTIFICATE_ARN": "the-secret", "ENGINE_PORT": "0"})
    with pytest.raises(StartFailed, match="ENGINE_CERTIFICATE_ARN: the secret's `certificate` is not PEM"):
        await run_engine(settings, asyncio.Event())
