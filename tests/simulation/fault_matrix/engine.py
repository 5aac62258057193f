"""The real engine in a thread of its own: real Postgres, real HTTP on loopback, a market that stands still.

It can be killed at any of its stages and started again; a restart finds its journal and nothing else.
"""

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

import fargate_engine.app
from breakwater.db import shard_leases
from breakwater.db.engine_connection import EngineConnection, engine_connection
from breakwater.domain import shards
from breakwater.domain.lease_messages import LeaseWords
from breakwater.domain.orders import OrderSnapshot
from breakwater.domain.shards import shard_of
from breakwater.errors import EngineUnavailable
from fargate_engine import aws, packing, shard
from fargate_engine.gateway import peers, routes, routing, state
from fargate_engine.gateway.routes import create_gateway
from fargate_engine.gateway.state import EngineState
from fargate_engine.inbox import FindOrder
from fargate_engine.market_data.l2_book import DepthSnapshot, TimedEvent
from fargate_engine.messages import VenueCanceled
from fargate_engine.orders import FinalOrder, ForgottenOrder, Order
from fargate_engine.settings import Settings
from fargate_engine.term import Term
from tests.integration.fargate_engine.conftest import KmsWithKey
from tests.integration.limits.firm import SYMBOL
from tests.simulation.fault_matrix.stages import Stages
from tests.simulation.fault_matrix.wire import Wire
from tests.support.mortal_engine import Killed

NOWHERE = "http://127.0.0.1:9"
START_TIMEOUT_S = 20.0
LOOK_S = 0.002
RETRY_S = 0.01  # Of a shard that lost its database, and of events that the queue refused: up to a second elsewhere.
_TICK, _LOT = 100, 10_000  # In one: ETH/USDT has ticks of 0.01 and lots of 0.0001.
# What is for sale: one at 2,001, five at 2,002. Bids far enough away that nothing of ours trades by itself.
STILL_MARKET = DepthSnapshot(
    bids=((1_999 * _TICK, 5 * _LOT),), asks=((2_001 * _TICK, 1 * _LOT), (2_002 * _TICK, 5 * _LOT))
)
_NEVER_NS = 10**18
# One symbol needs one shard. With sixteen each start takes ten times as long, and there are a hundred of them.
_KNOWING_THE_SHARDS = (shards, shard_leases, fargate_engine.app, state, routes, routing, peers)


def _still_events(recordings: Any, instruments: Any) -> dict[str, Callable[[], Iterator[TimedEvent]]]:
    def events() -> Iterator[TimedEvent]:
        yield TimedEvent(0, STILL_MARKET)
        yield TimedEvent(_NEVER_NS, STILL_MARKET)

    return {instrument.symbol: events for instrument in instruments}


class Engine:
    def __init__(self, conninfo: str, key: ec.EllipticCurvePrivateKey) -> None:
        self.wire = Wire()
        self.stages = Stages()
        self.is_dead = True
        self.token = _token(key)
        self._conninfo = conninfo
        self._state: EngineState | None = None
        self._opened = AsyncExitStack()
        self._relay_connection: EngineConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)  # The killed leave futures that nobody asks for.
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pool = PoolManager()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return NOWHERE if self.is_dead else f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it takes orders."""
        self.is_dead = False
        self.in_loop(self._start())
        self.wait_until_it_serves()

    def wait_until_it_serves(self) -> None:
        """All of its shards, so that it can say of an order that nobody has heard of it."""
        gives_up_at_s = time.monotonic() + START_TIMEOUT_S
        while not self._serves_every_shard():
            assert self._task is None or not self._task.done(), "the engine ended while it was waited for"
            assert time.monotonic() < gives_up_at_s, "the engine does not take orders"
            time.sleep(LOOK_S)

    def wait_until_it_is_quiet(self) -> None:
        """It serves, no batch is under way, and no venue owes it an answer: all it will say stands in the outbox."""
        gives_up_at_s = time.monotonic() + START_TIMEOUT_S
        while True:
            self.wait_until_it_serves()
            try:
                self.in_loop(self._rest())
                return
            except EngineUnavailable:  # It lost its journal meanwhile, and comes back.
                assert time.monotonic() < gives_up_at_s, "the engine does not come to rest"

    async def _rest(self) -> None:
        term = self._term()
        seq_before = None
        while seq_before != term.state.last_seq or term.inbox.depth or _awaits_venue(term):
            seq_before = term.state.last_seq
            # Answered after the commit of what is under way: what the state shows may not be journalled yet.
            await term.inbox.ask(FindOrder(uuid.uuid4(), uuid.uuid4()))
            await asyncio.sleep(LOOK_S if _awaits_venue(term) else 0)

    def _serves_every_shard(self) -> bool:
        seen = self._state
        return seen is not None and 0 < len(seen.shards) == len(list(seen.terms()))

    def kill(self) -> None:
        """From outside: it stands wherever it stands."""
        self.in_loop(self._kill())

    def die(self) -> None:
        """From within its loop, at one of its stages; nothing after it is done."""
        self.is_dead = True
        self.wire.end_everything()
        if self._task is not None:
            self._task.cancel()
        raise Killed

    def arrive(self) -> None:
        """Everything that was under way for long arrives now, and nobody waits for an answer."""
        late_requests, self.wire.late = self.wire.late, []
        for request in late_requests:
            try:
                self._pool.request(
                    request.method, self.url + request.path, headers=request.headers, body=request.body, retries=False
                )
            except HTTPError:
                continue
        late_writes, self.stages.late_writes = self.stages.late_writes, []
        for write in late_writes:
            self.in_loop(_awaited(write()))

    def serves(self, symbol: str) -> bool:
        return not self.is_dead and self._state is not None and self._state.term(shard_of(symbol)) is not None

    def find(self, order_ids: Sequence[uuid.UUID], tenant_id: uuid.UUID) -> dict[uuid.UUID, OrderSnapshot | None]:
        """What the engine's state says, unasked; None for an order that it never heard of."""

        async def look() -> dict[uuid.UUID, OrderSnapshot | None]:
            known = self._term().state
            orders = {order_id: known.find(order_id, tenant_id) for order_id in order_ids}
            return {order_id: None if order is None else _snapshot(order) for order_id, order in orders.items()}

        return self.in_loop(look())

    def lease_words(self, account_id: uuid.UUID) -> LeaseWords | None:
        """Likewise of a lease."""

        async def look() -> LeaseWords | None:
            words = self._term().state.lease_words(account_id, SYMBOL)
            return None if words is None else LeaseWords.model_validate_json(words)

        return self.in_loop(look())

    def refresh_market(self) -> None:
        """What was taken is for sale again."""

        async def refresh() -> None:
            venue = self._term().simulated
            venue.report(venue.markets[SYMBOL].apply(STILL_MARKET))

        self.in_loop(refresh())

    def report_what_is_known(self) -> None:
        """From within its loop: a venue's report that changes nothing waits in the inbox."""
        self._term().simulated.report([VenueCanceled(order_id=uuid.uuid4())])

    def relay(self, turn: Callable[[EngineConnection], Coroutine[Any, Any, None]]) -> None:
        """One turn on the relay's connection, which lives as long as the engine. Killed where that dies in it."""

        async def run() -> None:
            if self._relay_connection is None:
                self._relay_connection = await self._opened.enter_async_context(engine_connection(self._conninfo))
            await turn(self._relay_connection)

        self.in_loop(run())

    def in_loop[Result](self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_TIMEOUT_S)

    def open(self) -> None:
        self._thread.start()
        self.start()

    def close(self) -> None:
        if not self.is_dead:
            self.kill()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_TIMEOUT_S)
        self._loop.close()

    def gateway(self, engine_state: EngineState, *others: Any, **options: Any) -> web.Application:
        """The real one, behind a wire that may fail."""
        app = create_gateway(engine_state, *others, **options)
        app.middlewares.insert(0, self.wire.middleware())
        self._state = engine_state
        return app

    def _term(self) -> Term:
        assert self._state is not None
        term = self._state.term(shard_of(SYMBOL))
        assert term is not None, "the engine does not serve the symbol"
        return term

    async def _start(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])  # Its port, and its connections.
            await self._close_relay()
        self._state = None
        settings = Settings(
            database_url=self._conninfo,
            database_secret_arn="",
            queue_url="",
            event_bus="",
            snapshot_bucket="",
            service_token_key_id="key",
            host="127.0.0.1",
            port=self._port,
            engine_id="engine",
            address="",
            market_recordings=(),
            market_speed=1.0,
        )
        self._task = asyncio.create_task(fargate_engine.app.run_engine(settings, asyncio.Event()))

    async def _kill(self) -> None:
        self.is_dead = True
        self.wire.end_everything()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._close_relay()

    async def _close_relay(self) -> None:
        self._relay_connection = None
        await self._opened.aclose()


@contextmanager
def engine_on(conninfo: str) -> Iterator[Engine]:
    """Taking orders, for as long as the block runs."""
    key = ec.generate_private_key(ec.SECP256R1())
    engine = Engine(conninfo, key)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(aws, "client", {"kms": KmsWithKey(key)}.__getitem__)
        monkeypatch.setattr(fargate_engine.app, "create_gateway", engine.gateway)
        monkeypatch.setattr(shard, "event_sources", _still_events)
        monkeypatch.setattr(shard, "RETRY_S", RETRY_S)
        monkeypatch.setattr(packing, "REFUSED_RETRY_S", (RETRY_S,))
        for module in _KNOWING_THE_SHARDS:
            monkeypatch.setattr(module, "SHARDS", 1)
        engine.stages.watch(monkeypatch)
        engine.open()
        try:
            yield engine
        finally:
            engine.close()


def _token(key: ec.EllipticCurvePrivateKey) -> str:
    now = int(time.time())
    claims = {"aud": "breakwater-engine", "iss": "breakwater", "sub": "functions", "iat": now, "exp": now + 3600}
    return jwt.encode(claims, key, algorithm="ES256")


def _awaits_venue(term: Term) -> bool:
    return any(order.awaits_venue for order in term.state.open_orders())


def _snapshot(order: Order | ForgottenOrder) -> OrderSnapshot:
    assert isinstance(order, Order)
    said = order if isinstance(order, FinalOrder) else FinalOrder.of(order)
    return OrderSnapshot.model_validate_json(said.last_words)


async def _awaited(work: Any) -> None:
    await work
