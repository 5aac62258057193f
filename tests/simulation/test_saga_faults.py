"""Many orders while steps, answers and events are lost, doubled, delayed and reordered: at the end all books agree.

Everything random comes from the seed. The scheduler advances sagas, events and late requests in any order; a saga may
die between any two steps, and an answer may be lost after its work was done.
"""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.domain.orders import OrderSnapshot, OrdStatus, PlaceOrder, Side, SubmitOrder
from breakwater.errors import EngineUnavailable, Rejection, Unavailable
from breakwater.services import order_saga
from breakwater.services.projections import project
from breakwater.services.reconciliation import reconcile
from events.envelope import Envelope
from events.orders import TradeExecuted
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, create_firm, order_of, set_limit
from tests.support.engine_model import EngineModel, LiveOrder, reject

ORDERS = 60
LONG_POSITION_MAX = Decimal(80)
LOST = 0.15
DOUBLED = 0.2


@dataclass
class FaultyEngine:
    """The engine behind a network that loses requests, loses answers, and delivers requests late."""

    model: EngineModel
    rng: random.Random
    late: list[SubmitOrder] = field(default_factory=list)
    late_count: int = 0
    is_calm: bool = False

    def submit(self, order: SubmitOrder) -> OrderSnapshot:
        if self._unlucky():
            self.late_count += 1
            self.late.append(order)  # It may yet arrive, when nobody waits for it any more.
            raise EngineUnavailable("lost on the way there")
        return self._answered(self.model.submit(order))

    def get(self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, correlation_id: str) -> OrderSnapshot:
        return self._answered(self.model.get(order_id, tenant_id=tenant_id))

    def void(self, order_id: uuid.UUID, **about: Any) -> OrderSnapshot:
        return self._answered(self.model.void(order_id, **about))

    def _answered(self, snapshot: OrderSnapshot) -> OrderSnapshot:
        if self._unlucky():
            raise EngineUnavailable("lost on the way back")
        return snapshot

    def _unlucky(self) -> bool:
        return not self.is_calm and self.rng.random() < LOST


@dataclass
class World:
    firm: Firm
    database: Database
    admin: str
    rng: random.Random
    model: EngineModel
    engine: Any  # A FaultyEngine: what of EngineClient the steps use.
    delivered: int = 0

    def saga(self, order: PlaceOrder) -> Iterator[None]:
        """The state machine, resting after each step: there it may be overtaken, or never come back."""
        transactions = self.database.tenant_transaction
        try:
            yield from self._step(lambda: order_saga.reserve_limits(order, transactions, NOW))
            snapshots: list[OrderSnapshot] = []
            try:
                yield from self._step(
                    lambda: snapshots.append(order_saga.submit_order(order, transactions, self.engine, NOW))
                )
            except Rejection:
                yield from self._step(lambda: order_saga.release_limits(order, transactions, self.engine, NOW))
                return
            yield from self._step(lambda: order_saga.confirm_order(order, snapshots[-1], transactions, NOW))
        except Rejection:
            return
        except Unavailable:
            yield
            order_saga.mark_unknown(order, "Unavailable", transactions, NOW)

    def _step(self, work: Callable[[], None]) -> Iterator[None]:
        """Done once, or twice; the first try of what was unavailable is repeated, as the state machine does."""
        try:
            work()
        except Unavailable:
            yield
            work()
        if self.rng.random() < DOUBLED:
            yield
            work()
        if self.rng.random() < LOST:
            raise Unavailable("the answer of a step was lost, its work was done")
        yield

    def events_due(self) -> list[Envelope]:
        """New events: some doubled, in any order; one that is no trade may be lost if it is not its order's last."""
        fresh = self.model.events[self.delivered :]
        self.delivered = len(self.model.events)
        last_of = {event.aggregate_id: event.event_id for event in self.model.events}
        due = [
            event
            for event in fresh
            if event.topic == TradeExecuted.topic
            or last_of[event.aggregate_id] == event.event_id
            or self.rng.random() >= LOST
        ]
        due += [event for event in due if self.rng.random() < DOUBLED]
        self.rng.shuffle(due)
        return due

    def market_moves(self) -> None:
        """Some open order is filled in part or whole, or cancelled."""
        working = [live for live in self.model.orders.values() if not live.status.is_final]
        if not working:
            return
        live = self.rng.choice(working)
        leaves = live.order.quantity - live.cum_qty
        if self.rng.random() < 0.3:
            self.model.cancel(live.order.order_id, tenant_id=self.firm.tenant_id)
        else:
            self.model.fill(live.order.order_id, leaves if self.rng.random() < 0.5 or leaves == 1 else Decimal(1))

    def assert_nothing_live_is_unreserved(self) -> None:
        """Over both accounts: what is bought and what may yet be bought stays within the limit, at every instant."""
        lives = self.model.orders.values()
        filled = sum((live.order.side.sign * live.cum_qty for live in lives), Decimal(0))
        open_buys = sum(
            (self.model.snapshot(live).leaves_qty for live in lives if live.order.side is Side.BUY), Decimal(0)
        )
        assert filled + open_buys <= LONG_POSITION_MAX

    def rows(self, statement: str) -> list[Any]:
        with psycopg.connect(self.admin) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def settle_all(self) -> None:
        """Time passes, the network is calm, every message that is left arrives, and the reconciler runs."""
        self.engine.is_calm = True
        while any(not live.status.is_final for live in self.model.orders.values()):
            self.market_moves()
        for event in self.events_due():
            project(event, self.database.tenant_transaction)
        for table in ("trading.orders", "limits.reservations"):
            self.rows(f"UPDATE {table} SET updated_at = updated_at - interval '1 hour'")
        outcome = reconcile(
            self.database.untenanted_transaction, self.database.tenant_transaction, self.engine, lambda: 60.0
        )
        assert outcome.failures == []
        assert outcome.left_count == 0


def arrival(rng: random.Random) -> Callable[[EngineModel, LiveOrder], None]:
    def arrive(model: EngineModel, live: LiveOrder) -> None:
        if rng.random() < 0.2:
            reject(model, live)
        elif rng.random() < 0.3:
            model.fill(live.order.order_id, live.order.quantity)

    return arrive


@pytest.fixture
def world(database_urls: DatabaseUrls, request: pytest.FixtureRequest) -> Iterator[World]:
    rng = random.Random(request.param)  # noqa: S311  # The same faults again for the same seed.
    firm = create_firm(database_urls.admin)
    set_limit(database_urls.admin, firm, firm.firm, "LONG_POSITION", str(LONG_POSITION_MAX), instrument="ETH/USDT")
    database = Database(lambda: database_urls.functions)
    model = EngineModel(arrival=arrival(rng))
    yield World(firm, database, database_urls.admin, rng, model, FaultyEngine(model, rng))
    database.close()


def random_order(world: World) -> PlaceOrder:
    side = Side.BUY if world.rng.random() < 0.7 else Side.SELL
    price = "2000" if side is Side.BUY else "2010"
    order = order_of(world.firm, side, str(world.rng.randint(1, 12)), price, account=world.rng.randint(0, 1))
    named = order.terms.model_copy(update={"client_order_id": f"order-{world.rng.getrandbits(64):x}"})
    return PlaceOrder.of(named, tenant_id=order.tenant_id, placed_by="test", correlation_id="test", at=NOW)


def run(world: World, orders: list[PlaceOrder]) -> None:
    sagas = [world.saga(order) for order in orders]
    sagas += [world.saga(order) for order in orders if world.rng.random() < DOUBLED]
    backlog: list[Envelope] = []
    while sagas:
        choice = world.rng.random()
        if choice < 0.6:
            saga = world.rng.choice(sagas)
            # It ends, or it dies where it stands and nobody hears of it again.
            if next(saga, "ended") == "ended" or world.rng.random() < LOST / 3:
                sagas.remove(saga)
        elif choice < 0.75:
            world.market_moves()
        elif choice < 0.99:
            backlog = [*backlog, *world.events_due()]
            world.rng.shuffle(backlog)
            if backlog:
                project(backlog.pop(), world.database.tenant_transaction)
        elif world.engine.late:
            world.model.submit(world.engine.late.pop(world.rng.randrange(len(world.engine.late))))
        world.assert_nothing_live_is_unreserved()
    for event in backlog:
        project(event, world.database.tenant_transaction)


@pytest.mark.parametrize("world", range(8), indirect=True)
def test_after_every_fault_the_books_agree_to_the_last_digit(world: World) -> None:
    orders = [random_order(world) for _ in range(ORDERS)]
    run(world, orders)
    world.settle_all()
    # What was voided stays refused, however late its submission arrives.
    for late in world.engine.late:
        world.model.submit(late)
    world.settle_all()

    with world.database.tenant_transaction(world.firm.tenant_id) as tx:
        assert tx.limits.ledger_differences() == []
        assert tx.limits.order_differences() == []
    lives = world.model.orders
    rows = {row[0]: row[1:] for row in world.rows("SELECT order_id, status, cum_qty, cum_notional FROM trading.orders")}
    assert set(lives) <= set(rows)
    for order_id, (status, cum_qty, cum_notional) in rows.items():
        live = lives.get(order_id)
        expected = (live.status, live.cum_qty, live.cum_notional) if live else (OrdStatus.REJECTED, 0, 0)
        assert (status, cum_qty, cum_notional) == expected

    exposures = world.rows(
        f"SELECT open_buy_qty, open_sell_qty, open_order_count, filled_qty FROM limits.exposures"
        f" WHERE node_id = '{world.firm.firm}'"
    )
    filled = sum((live.order.side.sign * live.cum_qty for live in lives.values()), Decimal(0))
    assert exposures == [(0, 0, 0, filled)]
    held: Counter[uuid.UUID] = Counter()
    for live in lives.values():
        held[live.order.account_id] += live.order.side.sign * live.cum_qty  # type: ignore[assignment]  # A Decimal.
    positions = {row[0]: row[1] for row in world.rows("SELECT account_id, quantity FROM trading.positions")}
    assert positions == {account_id: held[account_id] for account_id in positions}
    told = [event.payload["trade_id"] for event in world.model.events if event.topic == TradeExecuted.topic]
    booked = [str(row[0]) for row in world.rows("SELECT trade_id FROM trading.trades")]
    assert sorted(booked) == sorted(told)


@pytest.mark.parametrize("world", [1], indirect=True)
def test_the_simulation_meets_the_faults_it_is_for(world: World) -> None:
    run(world, [random_order(world) for _ in range(ORDERS)])
    outcomes = {row[0] for row in world.rows("SELECT DISTINCT outcome FROM trading.saga_steps")}
    assert outcomes == {"DONE", "REJECTED", "UNAVAILABLE"}
    statuses = {row[0] for row in world.rows("SELECT DISTINCT status FROM trading.orders")}
    assert {"UNKNOWN", "PENDING_NEW"} <= statuses
    assert world.engine.late_count > 0
    world.settle_all()
    assert world.model.voided
