"""An hour after its end an order is forgotten: what stays is that its id was taken, and it is never placed again."""

import hashlib
import random
import struct
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.executions import ROUTER_VENUE, Route, Stop
from breakwater.domain.orders import OrdStatus, Side, SubmitOrder, VoidReplace, leased_order_id_of, order_id_of
from breakwater.errors import OrderForgotten
from fargate_engine.forgotten import ForgottenOrders
from fargate_engine.messages import (
    CancelOrder,
    CoreInput,
    VenueAccepted,
    VenueCanceled,
    VenueExpired,
    VenueRejected,
    VoidOrder,
)
from fargate_engine.orders import FinalOrder, ForgottenOrder
from fargate_engine.registry import FORGOTTEN_AT_ONCE, REMEMBERED_NS
from fargate_engine.shard_state import Applied, ShardState
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.leases import lease, leased, verdict
from tests.unit.fargate_engine.orders import ACCOUNT, TENANT, replace_of, submit
from tests.unit.fargate_engine.test_replay import busy
from tests.unit.fargate_engine.test_shard_state import filled

MINUTE_NS = 60_000_000_000
ORDER_ID = submit(1).order_id
OTHER_TENANT = uuid.UUID(int=99)


def apply_after(driven: Driven, ns: int, *inputs: CoreInput) -> Applied:
    """One batch, so long after the row before."""
    return driven.journal(driven.state.apply(inputs, driven.state.last_at_ns + ns))


def cancel(order: SubmitOrder) -> CancelOrder:
    return CancelOrder(order_id=order.order_id, tenant_id=TENANT)


def void(order_id: uuid.UUID, tenant_id: uuid.UUID = TENANT) -> VoidOrder:
    return VoidOrder(order_id=order_id, tenant_id=tenant_id, account_id=ACCOUNT)


@pytest.fixture
def engine() -> Driven:
    """Order 1 has just been cancelled."""
    driven = Driven()
    driven.apply(submit(1))
    driven.apply(cancel(submit(1)))
    return driven


@pytest.fixture
def forgetful(engine: Driven) -> Driven:
    """Order 1 is forgotten."""
    apply_after(engine, REMEMBERED_NS, submit(2))
    return engine


def test_an_order_is_forgotten_by_the_first_row_an_hour_after_its_end(engine: Driven) -> None:
    apply_after(engine, REMEMBERED_NS - 1, submit(2))
    assert engine.snapshot(ORDER_ID).status is OrdStatus.CANCELED
    apply_after(engine, 1, submit(3))
    assert engine.state.order(ORDER_ID) == ForgottenOrder(ORDER_ID, is_rejected=False)
    assert ORDER_ID not in engine.state.registry.orders
    assert not engine.state.registry.finals
    assert engine.snapshot(submit(2).order_id).status is OrdStatus.NEW


def test_a_batch_without_a_row_forgets_nothing(engine: Driven) -> None:
    """No replay would know of it."""
    applied = apply_after(engine, 2 * REMEMBERED_NS, cancel(submit(1)))
    assert applied.count == 0
    assert applied.refusals == [None]
    assert engine.snapshot(ORDER_ID).status is OrdStatus.CANCELED


@pytest.mark.parametrize("tenant_id", [TENANT, OTHER_TENANT])
def test_whatever_comes_late_for_a_forgotten_order_is_refused_and_changes_nothing(
    forgetful: Driven, tenant_id: uuid.UUID
) -> None:
    before = forgetful.state.state_hash()
    for message in (
        submit(1, tenant_id=tenant_id),
        CancelOrder(order_id=ORDER_ID, tenant_id=tenant_id),
        replace_of(ORDER_ID, "2", "1999", number=1).model_copy(update={"tenant_id": tenant_id}),
        VoidReplace(order_id=ORDER_ID, tenant_id=tenant_id, replace_no=1, replace_id="late"),
        void(ORDER_ID, tenant_id),
    ):
        applied = apply_after(forgetful, MINUTE_NS, message)
        assert isinstance(applied.refusals[0], OrderForgotten), message
        assert (applied.count, applied.outcomes.envelopes) == (0, [])
    assert forgetful.state.state_hash() == before
    assert len(forgetful.state.open_orders()) == 1


def test_what_its_venue_tells_of_a_forgotten_order_changes_nothing() -> None:
    engine = Driven()
    order = submit(1, venue="SIM")
    engine.apply(order)
    engine.apply(VenueRejected(order_id=order.order_id, code="NO", reason="no"))
    apply_after(engine, REMEMBERED_NS, submit(2))
    for report in (
        VenueAccepted(order_id=order.order_id),
        VenueExpired(order_id=order.order_id),
        filled(order.order_id, 1),
    ):
        assert apply_after(engine, 1, report).count == 0


def test_an_order_that_was_refused_or_voided_is_refused_for_ever(engine: Driven) -> None:
    engine.apply(submit(3, venue="MOON"), void(submit(4).order_id))
    apply_after(engine, REMEMBERED_NS, submit(2))
    for order in (submit(3), submit(4)):
        assert engine.state.knows(order.order_id)
        assert not engine.state.has_taken(order.order_id)
        applied = apply_after(engine, 1, order)
        assert isinstance(applied.refusals[0], OrderForgotten)
        assert applied.count == 0
    assert engine.state.has_taken(ORDER_ID)


def test_a_client_order_id_stays_taken_by_an_order_that_traded_and_free_after_a_rejected_one() -> None:
    engine = Driven()
    engine.apply(lease())
    taken = leased(1, order_id=leased_order_id_of(TENANT, ACCOUNT, "ETH/USDT", "client-1"))
    refused = leased(2, order_id=leased_order_id_of(TENANT, ACCOUNT, "ETH/USDT", "client-2"), quantity="11")
    assert verdict(engine, taken)[0] is OrdStatus.NEW
    assert verdict(engine, refused)[0] is OrdStatus.REJECTED
    engine.apply(cancel(taken))
    apply_after(engine, REMEMBERED_NS, submit(9))
    assert {type(engine.state.order(each.order_id)) for each in (taken, refused)} == {ForgottenOrder}
    first, second = (submit(n, order_id=order_id_of(TENANT, ACCOUNT, f"client-{n}")) for n in (1, 2))
    assert verdict(engine, first) == (OrdStatus.REJECTED, "DUPLICATE_ORDER_ID")
    assert verdict(engine, second) == (OrdStatus.NEW, None)


def test_what_an_open_order_exits_from_is_kept_until_an_hour_after_it_was_needed_last(engine: Driven) -> None:
    exit_order = submit(
        5,
        venue=ROUTER_VENUE,
        side=Side.SELL,
        execution=Stop(algorithm="STOP", stop_px=Decimal(1980), after=ORDER_ID),
    )
    engine.apply(exit_order, submit(6), cancel(submit(6)))
    engine.apply(VenueAccepted(order_id=exit_order.order_id))
    apply_after(engine, 5 * REMEMBERED_NS, submit(7))
    assert engine.snapshot(ORDER_ID).status is OrdStatus.CANCELED
    assert isinstance(engine.state.order(submit(6).order_id), ForgottenOrder)
    restored = ShardState.restore(engine.state.snapshot(), shard=0)
    engine.apply(VenueCanceled(order_id=exit_order.order_id))
    for state, at_ns in ((engine.state, engine.state.last_at_ns), (restored, restored.last_at_ns + 1)):
        if state is restored:
            state.apply([VenueCanceled(order_id=exit_order.order_id)], at_ns)
        state.apply([submit(8)], at_ns + REMEMBERED_NS - 2)
        assert isinstance(state.order(ORDER_ID), FinalOrder)
        state.apply([submit(9)], at_ns + REMEMBERED_NS)
        assert isinstance(state.order(ORDER_ID), ForgottenOrder)


def test_a_parent_is_kept_while_a_child_of_it_lives() -> None:
    engine = Driven()
    parent = submit(1, venue=ROUTER_VENUE, execution=Route())
    engine.apply(parent)
    engine.apply(VenueAccepted(order_id=parent.order_id))
    engine.apply(submit(2, venue="SIM", parent_id=parent.order_id))
    engine.apply(VenueCanceled(order_id=parent.order_id))
    apply_after(engine, 2 * REMEMBERED_NS, submit(3))
    assert isinstance(engine.state.order(parent.order_id), FinalOrder)
    engine.apply(VenueRejected(order_id=submit(2).order_id, code="NO", reason="no"))
    apply_after(engine, REMEMBERED_NS, submit(4))
    assert isinstance(engine.state.order(parent.order_id), ForgottenOrder)


def test_a_row_forgets_a_bounded_number_and_the_next_ones_the_rest(engine: Driven) -> None:
    engine.apply(*(void(uuid.UUID(int=10_000 + number)) for number in range(2 * FORGOTTEN_AT_ONCE)))
    registry = engine.state.registry
    ended = len(registry.finals)
    apply_after(engine, 2 * REMEMBERED_NS, submit(2))
    assert len(registry.finals) == ended - FORGOTTEN_AT_ONCE - 1
    assert len(registry.forgotten) == FORGOTTEN_AT_ONCE + 1
    apply_after(engine, 1, submit(3))
    assert not registry.finals
    assert len(registry.forgotten) == ended


def test_replays_followers_and_restarts_forget_the_same_at_the_same_row() -> None:
    """A snapshot has every bit of it: it is the same after each row, whichever way a state came there."""
    chance = random.Random(135)  # noqa: S311 - the same traffic at every run
    live = Driven()
    follower, restored = replayed(live.rows), ShardState.restore(live.state.snapshot(), shard=0)
    sent: list[SubmitOrder] = []
    for _ in range(400):
        inputs: list[CoreInput] = []
        for _ in range(chance.randrange(4)):
            match chance.randrange(6):
                case 0 | 1:
                    side = chance.choice((Side.BUY, Side.SELL))
                    account = uuid.UUID(int=chance.randrange(2, 5))
                    sent.append(submit(len(sent), side=side, account_id=account))
                    inputs.append(sent[-1])
                case 2:
                    sent.append(submit(len(sent), venue="SIM"))
                    inputs += [sent[-1], VenueRejected(order_id=sent[-1].order_id, code="NO", reason="no")]
                case 3:
                    inputs.append(void(submit(2_000 + chance.randrange(300)).order_id))
                case 4 if sent:
                    inputs.append(chance.choice(sent))
                case 5 if sent:
                    inputs.append(cancel(chance.choice(sent)))
        rows = len(live.rows)
        apply_after(live, chance.randrange(20) * MINUTE_NS, *inputs)
        for row in live.rows[rows:]:
            follower.replay(row)
            restored.replay(row)
            assert follower.snapshot() == live.state.snapshot() == restored.snapshot()
        if chance.randrange(40) == 0:
            restored = ShardState.restore(live.state.snapshot(), shard=0)
    registry = live.state.registry
    assert len(registry.forgotten) > 10 * len(registry.finals) > 0
    assert all(live.state.knows(order.order_id) for order in sent)
    assert replayed(live.rows).snapshot() == live.state.snapshot()


def untimed(state: ShardState) -> bytes:
    """The snapshot that an engine wrote of it before orders were forgotten: no times of finals, and in any order."""
    head_of = struct.Struct("<8sHQqQQ32s")
    snapshot = state.snapshot()
    _, shard, last_seq, last_at_ns, core_bytes, _, trail = head_of.unpack_from(snapshot)
    core, registry = snapshot[head_of.size :][:core_bytes], snapshot[head_of.size + core_bytes : -32]
    document = registry[: 8 + struct.unpack_from("<Q", registry)[0]]
    finals = [each for each in state.registry.orders.values() if isinstance(each, FinalOrder)]
    told = b"".join(
        struct.pack("<16s16sI", each.order_id.bytes, each.tenant_id.bytes, len(each.last_words)) + each.last_words
        for each in reversed(finals)
    )
    sizes = core_bytes, len(document) + len(told)
    body = head_of.pack(b"BWSHARD3", shard, last_seq, last_at_ns, *sizes, trail) + core + document + told
    return body + hashlib.sha256(body).digest()


def test_a_snapshot_from_before_orders_were_forgotten_is_read_and_goes_on_as_the_state_itself() -> None:
    live = busy()
    restored = ShardState.restore(untimed(live.state), shard=0)
    assert restored.snapshot() == live.state.snapshot()
    first = len(live.rows)
    apply_after(live, REMEMBERED_NS, submit(50))
    apply_after(live, 1, submit(51))
    for row in live.rows[first:]:
        restored.replay(row)
    assert len(live.state.registry.forgotten) > 5
    assert restored.snapshot() == live.state.snapshot()


def test_of_such_a_snapshot_only_the_last_hour_is_taken_into_memory(engine: Driven) -> None:
    """Where they had been kept for ever."""
    numbers = range(10_000, 10_600)
    engine.apply(*(void(uuid.UUID(int=number)) for number in numbers))
    snapshot = untimed(engine.state)
    late = bytearray(snapshot[:-32])
    struct.pack_into("<q", late, 8 + 2 + 8, engine.state.last_at_ns + REMEMBERED_NS)  # Of an hour later.
    restored = ShardState.restore(bytes(late) + hashlib.sha256(late).digest(), shard=0)
    assert not restored.registry.finals
    assert len(restored.registry.forgotten) == len(numbers) + 1
    assert not restored.has_taken(uuid.UUID(int=numbers[0]))
    assert restored.has_taken(ORDER_ID)


def test_of_such_a_snapshot_also_what_an_open_exit_exits_from_is_taken(engine: Driven) -> None:
    stop = Stop(algorithm="STOP", stop_px=Decimal(1990), after=ORDER_ID)
    engine.state.venues = (*engine.state.venues, ROUTER_VENUE)
    engine.apply(submit(3, venue=ROUTER_VENUE, side=Side.SELL, execution=stop))
    engine.apply(submit(4))
    engine.apply(cancel(submit(4)))
    late = bytearray(untimed(engine.state)[:-32])
    struct.pack_into("<q", late, 8 + 2 + 8, engine.state.last_at_ns + REMEMBERED_NS)
    restored = ShardState.restore(bytes(late) + hashlib.sha256(late).digest(), shard=0)
    assert isinstance(restored.order(ORDER_ID), FinalOrder)
    assert isinstance(restored.order(submit(4).order_id), ForgottenOrder)


@given(st.dictionaries(st.uuids(), st.booleans(), max_size=200), st.sets(st.uuids(), max_size=50))
def test_the_forgotten_are_those_that_were_added_also_after_a_snapshot(
    added: dict[uuid.UUID, bool], others: set[uuid.UUID]
) -> None:
    forgotten = ForgottenOrders()
    for order_id, was_rejected in added.items():
        forgotten.add(order_id, was_rejected=was_rejected)
    read = ForgottenOrders.of_bytes(forgotten.to_bytes())
    assert len(read) == len(forgotten) == len(added)
    assert read.to_bytes() == forgotten.to_bytes()
    assert len(read.to_bytes()) == 8 * len(added)
    for each in (forgotten, read):
        for order_id, was_rejected in added.items():
            assert each.find(order_id) == ForgottenOrder(order_id, is_rejected=was_rejected)
        for order_id in others - added.keys():
            assert each.find(order_id) is None


def test_ids_that_differ_only_in_what_every_uuid_has_are_one() -> None:
    """Such bits say nothing: an id's hash is looked at, 63 bits of it."""
    forgotten = ForgottenOrders()
    order_id = order_id_of(TENANT, ACCOUNT, "client-1")
    forgotten.add(order_id, was_rejected=False)
    found = [bit for bit in range(128) if forgotten.find(uuid.UUID(int=order_id.int ^ 1 << bit)) is not None]
    assert found == list(range(16, 81))
