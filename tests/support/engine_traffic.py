"""Traders who ask until they are answered and remember every answer, and what must be true of the journal then."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import matching_core
import numpy as np
import orjson
from matching_core import EventKind, Kind, MatchingCore
from matching_core import Side as CoreSide
from matching_core import TimeInForce as CoreTimeInForce
from matching_core import Type as CoreType

from breakwater.db.journal import Journal, JournalRow
from breakwater.domain.orders import OrderSnapshot, OrderType, OrdStatus, Side, SubmitOrder, TimeInForce
from breakwater.errors import EngineUnavailable, NotFound, OrderForgotten
from events.orders import TradeExecuted
from fargate_engine import recovery, registry_snapshot
from fargate_engine.inbox import FindOrder
from fargate_engine.leases import LOOK_S
from fargate_engine.messages import CancelOrder, Command, VoidOrder
from fargate_engine.orders import ForgottenOrder
from fargate_engine.records import FIRST_RECORD_ORDER_ID, Records
from fargate_engine.shard_state import ShardState
from fargate_engine.snapshots import SnapshotStore
from tests.support.engine_database import Network
from tests.support.engine_words import snapshot_in, snapshot_of
from tests.support.mortal_engine import SHARD, ObjectStore, ObjectStoreClient, World
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, submit

ANSWER_TIMEOUT_S = 6
PATIENCE_S = 120  # Longer than all the trouble of a run lasts.
SIM_TICKS = 268_400  # Where the synthetic market stands.
BOOK_TICKS = 200_000
SNAPSHOTS_AUDITED = 5  # Of one run, from the oldest to the newest.
ETH_NUMBER = 1  # The only symbol of the shard.


@dataclass
class Traffic:
    """`acknowledged` has the last word about each order, `records` every batch that was answered, with its events."""

    world: World
    acknowledged: dict[uuid.UUID, OrderSnapshot] = field(default_factory=dict)
    records: list[tuple[Records, Records]] = field(default_factory=list)
    unanswered: int = 0  # Times that nobody knew what became of a request.
    _orders: int = 0
    _record_orders: int = 0

    async def run(self, traders: int, actions: int) -> None:
        """All of them at once; returns when each has done so many things."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(traders):
                tasks.create_task(self._trade(actions))

    async def _trade(self, actions: int) -> None:
        chance = self.world.chance
        mine: list[SubmitOrder] = []
        for _ in range(actions):
            await asyncio.sleep(chance.random() * 0.2)
            match chance.randrange(10):
                case 0 | 1 if mine:
                    order = chance.choice(mine[-3:])  # The newest are the likeliest to be live.
                    await self._insist(CancelOrder(order_id=order.order_id, tenant_id=TENANT))
                case 2:
                    await self._void_and_submit()
                case 3 if mine and not self.world.leases_broke:
                    await self._insist(FindOrder(chance.choice(mine).order_id, TENANT))
                case 4 | 5:
                    await self._send_records()
                case _:
                    mine.append(self.random_order())
                    await self._insist(mine[-1])

    async def submit(self, order: SubmitOrder) -> OrderSnapshot:
        said = await self._insist(order)
        assert said is not None, f"{order} is forgotten"
        return said

    async def _void_and_submit(self) -> None:
        order = self.random_order()
        await self._insist(VoidOrder(order_id=order.order_id, tenant_id=TENANT, account_id=order.account_id))
        said = await self._insist(order)
        assert said is None or (said.status, said.reject_code) == (OrdStatus.REJECTED, "VOIDED")

    async def _insist(self, command: Command | FindOrder) -> OrderSnapshot | None:
        """Ask again and again, as the reconciler does: the same request changes nothing the second time.

        None for an order that is forgotten.
        """
        gives_up_at_s = self.world.clock.monotonic() + PATIENCE_S
        while True:
            assert self.world.clock.monotonic() < gives_up_at_s, f"{command} is never answered"
            leader = await self.world.leading()
            term = leader.serving()
            assert term is not None
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    answer = await term.inbox.ask(command)
            except (EngineUnavailable, TimeoutError):
                self.unanswered += 1
                continue
            except OrderForgotten:
                assert self.world.forgets, f"{command} is forgotten within a moment"
                return None
            except NotFound:
                # An engine that has not heard yet that it is fenced knows only what it knew.
                assert self.world.leases_broke, f"{command} is not known, and was acknowledged"
                await asyncio.sleep(LOOK_S)
                continue
            assert answer is not None, f"{command} is not known, and was acknowledged"
            said = snapshot_in(answer)
            self._remember(said)
            return said

    def _remember(self, said: OrderSnapshot) -> None:
        before = self.acknowledged.get(said.order_id)
        if before is not None:
            assert_grew(before, said)
        self.acknowledged[said.order_id] = said

    async def _send_records(self) -> None:
        """Once: their sender would have to ask what became of them, and here the journal is asked."""
        records = self._random_records()
        leader = await self.world.leading()
        term = leader.serving()
        assert term is not None
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                events = await term.inbox.submit_records(records)
        except (EngineUnavailable, TimeoutError):
            self.unanswered += 1
        else:
            self.records.append((records, events))

    def random_order(self) -> SubmitOrder:
        chance = self.world.chance
        self._orders += 1
        side, venue = chance.choice(list(Side)), chance.choice(["SIM", "BOOK"])
        middle = SIM_TICKS if venue == "SIM" else BOOK_TICKS
        changes: dict[str, Any] = {
            "venue": venue,
            "side": side,
            "account_id": uuid.UUID(int=ACCOUNT.int + chance.randrange(3)),
            "quantity": ETH.quantity(chance.randint(1, 50_000)),
            "price": ETH.price(middle + chance.randint(-60, 60)),
            "time_in_force": chance.choice([TimeInForce.GTC, *TimeInForce]),
        }
        if chance.random() < 0.2:
            changes |= {"type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.IOC}
        if chance.random() < 0.05:
            changes["price_high"] = Decimal(1500)  # Refused at the edge.
        return submit(self._orders, **changes)

    def _random_records(self) -> Records:
        chance = self.world.chance
        records = np.zeros(chance.randint(1, 12), matching_core.COMMAND)
        for record in records:
            kind = chance.choice([Kind.SUBMIT] * 6 + [Kind.CANCEL, Kind.CANCEL, Kind.REPLACE, Kind.ADVANCE_TIME])
            record["kind"] = kind
            record["price"] = BOOK_TICKS + chance.randint(-60, 60)
            record["quantity"] = chance.randint(1, 50_000)
            if kind in {Kind.CANCEL, Kind.REPLACE}:
                record["order_id"] = FIRST_RECORD_ORDER_ID + chance.randint(0, self._record_orders)
            elif kind == Kind.SUBMIT:
                self._record_orders += 1
                self._make_order(record)
        return records

    def _make_order(self, record: Any) -> None:
        chance = self.world.chance
        record["order_id"] = FIRST_RECORD_ORDER_ID + self._record_orders
        record["symbol"] = ETH_NUMBER
        record["account"] = chance.randint(0, 5)
        record["session"] = 1
        record["side"] = chance.choice(list(CoreSide))
        record["type"] = CoreType.LIMIT
        record["time_in_force"] = chance.choice(list(CoreTimeInForce))
        if record["time_in_force"] == CoreTimeInForce.GTD:
            record["flags"] = matching_core.EXTENDED
            record["expire_at_ns"] = self.world.clock.time_ns() + chance.randint(1, 20) * 10**9


def assert_grew(before: OrderSnapshot, now: OrderSnapshot) -> None:
    """What was said once stays true."""
    assert now.engine_seq >= before.engine_seq
    assert now.cum_qty >= before.cum_qty
    assert not before.status.is_final or now == before


async def audit(traffic: Traffic) -> ShardState:
    """Nothing acknowledged is missing, nothing was applied twice, and every way to the state leads to the same one.

    Returns the state that a replay of the whole journal gives.
    """
    world = traffic.world
    state = await replayed(world)
    rows = world.database.journal(SHARD)
    _assert_the_chain_is_whole(rows)
    _assert_every_answer_stands(traffic, state)
    _assert_events_tell_what_happened(world, state)
    _assert_records_were_applied_once(traffic, rows)
    keys = sorted(world.objects)
    for key in keys[:: len(keys) // SNAPSHOTS_AUDITED + 1]:
        from_snapshot = await continued(world, key)
        assert from_snapshot.state_hash() == state.state_hash(), f"{key} leads elsewhere"
        remembered, expected = (registry_snapshot.write(each.registry) for each in (from_snapshot, state))
        assert remembered == expected, f"{key} forgets others"
    assert state.state_hash() == world.hashes[rows[-1].digest]
    return state


async def replayed(world: World, objects: Mapping[str, bytes] | None = None) -> ShardState:
    """The state as one more engine would find it, with these snapshots or with none."""
    pool = Network(world.database).as_pool()
    snapshots = None if objects is None else SnapshotStore(ObjectStoreClient(ObjectStore(objects)), "snapshots")
    state, _ = await recovery.recover(SHARD, pool, snapshots)
    return state


async def continued(world: World, key: str) -> ShardState:
    """The state from this snapshot on, and from no other."""
    snapshot = await SnapshotStore(ObjectStoreClient(world.objects), "snapshots").load(key)
    state = ShardState.restore(snapshot.state, shard=SHARD)
    pool = Network(world.database).as_pool()
    journal = Journal(pool, SHARD, last_seq=state.last_seq, digest=snapshot.journal_digest)
    assert await journal.digest_at(state.last_seq) == snapshot.journal_digest
    await recovery.catch_up(state, journal)
    return state


def _assert_the_chain_is_whole(rows: list[JournalRow]) -> None:
    epochs, times = [row.epoch for row in rows], [row.recorded_at_ns for row in rows]
    assert epochs == sorted(epochs), "a writer wrote after it was fenced"
    assert times == sorted(times), "time went back"
    for row in rows:
        commands = np.frombuffer(row.commands, matching_core.COMMAND)
        assert (commands["at_ns"] == row.recorded_at_ns).all()
        assert commands["seq"].tolist() == list(range(row.seq, row.last_seq + 1))


def _assert_every_answer_stands(traffic: Traffic, state: ShardState) -> None:
    for order_id, said in traffic.acknowledged.items():
        order = state.order(order_id)
        if isinstance(order, ForgottenOrder):
            assert traffic.world.forgets, f"{order_id} is forgotten within a moment"
            assert not said.status.is_final or order.is_rejected == (said.status is OrdStatus.REJECTED)
            continue
        assert_grew(said, snapshot_of(order))
        assert not order.awaits_venue


def _assert_events_tell_what_happened(world: World, state: ShardState) -> None:
    traded: Counter[uuid.UUID] = Counter()
    last_seq: dict[uuid.UUID, int] = {}
    for event in world.database.events.values():
        told = event.payload["order"]
        last_seq[event.order_id] = max(last_seq.get(event.order_id, 0), told["engine_seq"])
        if event.topic == TradeExecuted.topic:
            traded[event.order_id] += Decimal(event.payload["last_qty"])  # type: ignore[assignment]  # A Decimal.
    for order_id, order in state.registry.orders.items():
        now = snapshot_of(order)
        assert traded[order_id] == now.cum_qty
        # A voided order has nobody to be told of it; a cancel that is under way is not told.
        if now.status not in {OrdStatus.PENDING_NEW, OrdStatus.PENDING_CANCEL} and now.reject_code != "VOIDED":
            assert last_seq[order_id] == now.engine_seq
    assert all(map(state.knows, last_seq))


def _assert_records_were_applied_once(traffic: Traffic, rows: list[JournalRow]) -> None:
    """Held against a core that knows nothing of the engine around it."""
    core, events = MatchingCore(orders=1024), {}
    submitted: Counter[int] = Counter()
    for row in rows:
        commands = np.frombuffer(row.commands, matching_core.COMMAND)
        submitted.update(commands["order_id"][commands["kind"] == Kind.SUBMIT].tolist())
        events.update({event["seq"]: event.copy() for event in core.apply(commands)})
        documents = [told for _, kind, told in orjson.loads(row.details or "[]") if kind == "SubmitOrder"]
        submitted.update(told["order_id"] for told in documents)
    assert set(submitted.values()) == {1}, "an order was submitted twice"
    for records, answer in traffic.records:
        sent = records["order_id"][records["kind"] == Kind.SUBMIT].tolist()
        assert set(sent) <= set(submitted), "acknowledged records are missing"
        for event in answer:
            journalled = events[event["seq"]]
            journalled["command"] = event["command"]  # It counts within what was sent, there within the batch.
            assert event == journalled
    assert {EventKind.TRADED, EventKind.VENUE_FILLED} <= {EventKind(int(event["kind"])) for event in events.values()}
