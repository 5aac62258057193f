"""The state is a function of the journal: replays, snapshots, and everything that is not what an engine wrote."""

import uuid
from dataclasses import replace
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakwater.db.journal import GENESIS_DIGEST, DamagedJournal, JournalRow
from breakwater.domain.orders import Side
from fargate_engine.messages import CancelOrder, ListInstrument, VenueAccepted, VenueCanceled, VenueRejected, VoidOrder
from fargate_engine.shard_state import BadSnapshot, ShardState
from tests.support.engine_words import snapshot_in_state
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.orders import ACCOUNT, ETH, TENANT, submit
from tests.unit.fargate_engine.record_batches import limit_orders
from tests.unit.fargate_engine.test_shard_state import filled

SELLER = uuid.UUID(int=3)


def busy() -> Driven:
    """A shard with an order in every state it can be in, some final, some of records."""
    driven = Driven()
    driven.apply(submit(1, side=Side.SELL, account_id=SELLER), submit(2, quantity=Decimal("0.4")))
    driven.apply(*(submit(number, venue="SIM") for number in range(3, 8)))
    for number in (4, 5, 6, 7):
        driven.apply(VenueAccepted(order_id=submit(number).order_id))
    driven.apply(
        filled(submit(5).order_id, 4_000),
        CancelOrder(order_id=submit(6).order_id, tenant_id=TENANT),
        VenueRejected(order_id=submit(3).order_id, code="NO", reason="not today"),
        VenueCanceled(order_id=submit(7).order_id, code="GONE", reason=None),
    )
    driven.apply(submit(8, venue="MOON"), submit(9, symbol="DOGE/USDT"))
    driven.apply(VoidOrder(order_id=uuid.UUID(int=77), tenant_id=TENANT, account_id=ACCOUNT))
    driven.apply(ListInstrument.of(replace(ETH, notional_min=Decimal(6))))
    driven.apply(limit_orders([(1, 1, 150_000), (2, 2, 300_000)]), submit(10, price=Decimal("1999.99")))
    driven.checkpoint()
    return driven


def all_snapshots(state: ShardState) -> list[object]:
    return [snapshot_in_state(state, order_id) for order_id in sorted(state.registry.orders)]


def test_a_replay_gives_every_order_its_numbers_and_the_state_its_hash() -> None:
    live = busy()
    again = replayed(live.rows)
    assert all_snapshots(again) == all_snapshots(live.state)
    assert again.open_orders() == live.state.open_orders()
    assert again.state_hash() == live.state.state_hash()
    assert (again.last_seq, again.last_at_ns) == (live.state.last_seq, live.state.last_at_ns)


def test_a_restored_snapshot_goes_on_as_the_state_itself() -> None:
    live = busy()
    restored = ShardState.restore(live.state.snapshot(), shard=0)
    assert restored.snapshot() == live.state.snapshot()
    assert all_snapshots(restored) == all_snapshots(live.state)
    assert restored.open_orders() == live.state.open_orders()
    first = len(live.rows)
    live.apply(filled(submit(5).order_id, 6_000), submit(11, side=Side.SELL, account_id=uuid.UUID(int=9)))
    for row in live.rows[first:]:
        restored.replay(row)
    assert restored.state_hash() == live.state.state_hash()
    assert all_snapshots(restored) == all_snapshots(live.state)


def test_an_order_older_than_a_change_of_its_instrument_keeps_its_own_through_a_snapshot() -> None:
    live = Driven()
    live.apply(submit(1))
    live.apply(ListInstrument.of(replace(ETH, notional_min=Decimal(50))))
    restored = ShardState.restore(live.state.snapshot(), shard=0)
    assert restored.open_orders()[0].instrument == ETH
    assert restored.instruments["ETH/USDT"].notional_min == Decimal(50)


@given(at=st.integers(min_value=0), flip=st.integers(1, 255))
def test_a_snapshot_with_any_byte_changed_is_refused(at: int, flip: int) -> None:
    damaged = bytearray(SNAPSHOT)
    damaged[at % len(damaged)] ^= flip
    with pytest.raises(BadSnapshot):
        ShardState.restore(bytes(damaged), shard=0)


@given(length=st.integers(min_value=0))
def test_a_truncated_snapshot_is_refused(length: int) -> None:
    with pytest.raises(BadSnapshot):
        ShardState.restore(SNAPSHOT[: length % len(SNAPSHOT)], shard=0)


def test_a_snapshot_of_another_shard_is_refused() -> None:
    with pytest.raises(BadSnapshot, match="of shard 0, not of shard 1"):
        ShardState.restore(SNAPSHOT, shard=1)


def test_the_hash_stands_in_the_journal_once_in_as_many_commands_as_orders_live() -> None:
    live = Driven()
    for number in range(200):
        live.apply(submit(number))
    hashed = [row for row in live.rows if row.state_hash is not None]
    assert 5 < len(hashed) < 20
    assert hashed[-1].seq > 100


def test_a_checkpoint_writes_the_hash_once() -> None:
    live = Driven()
    live.apply(submit(1), submit(2))
    live.apply(submit(3))
    assert live.rows[-1].state_hash is None
    live.checkpoint()
    assert live.rows[-1].state_hash is not None
    rows = len(live.rows)
    live.checkpoint()
    assert len(live.rows) == rows


def damaged(row: JournalRow, **changes: object) -> JournalRow:
    """As somebody would leave it who could seal it again: only what the replay finds is wrong with it."""
    return replace(row, **changes)  # type: ignore[arg-type]  # Fields by name.


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"event_seq": 99}, "ended with event 99"),
        ({"state_hash": 5}, "ended in state 5"),
        ({"seq": 3, "last_seq": 3}, "ends at 1"),
        ({"shard": 4}, "ends at 1"),
        ({"details": "[[0,"}, "cannot be replayed"),
        ({"details": '[[0,"SubmitOrder",{}]]'}, "cannot be replayed"),
        ({"details": '[[9,"VoidOrder",{}]]'}, "cannot be replayed"),
        ({"details": '[[0,"Nonsense",{}]]'}, "cannot be replayed"),
        ({"details": ""}, "ended with event"),
    ],
)
def test_a_row_that_cannot_be_right_is_named_with_its_number(changes: dict[str, object], problem: str) -> None:
    live = Driven()
    live.apply(submit(1, venue="MOON"))
    state = replayed(live.rows[:1])
    if changes == {"details": ""}:
        changes = changes | {"event_seq": 3}
    with pytest.raises(DamagedJournal, match=problem) as found:
        state.replay(damaged(live.rows[1], **changes))
    assert (found.value.shard, found.value.seq) == (changes.get("shard", 0), changes.get("seq", 2))


def test_details_of_another_order_than_the_commands_are_found() -> None:
    live = Driven()
    live.apply(submit(1))
    state = replayed(live.rows[:1])
    (index, kind, document), *_ = orjson.loads(live.rows[1].details)
    state.registry.account_number(SELLER, TENANT)  # So that the account of the details has another number.
    details = orjson.dumps([[index, kind, document | {"account_id": str(uuid.UUID(int=50))}]]).decode()
    with pytest.raises(DamagedJournal, match="is not of the order that its details tell"):
        state.replay(damaged(live.rows[1], details=details))


def test_a_chain_is_broken_by_a_change_of_anything_in_a_row() -> None:
    live = Driven()
    live.apply(submit(1))
    first, second = live.rows
    first.check(0, GENESIS_DIGEST)
    second.check(first.last_seq, first.digest)
    changes: list[dict[str, object]] = [
        {"epoch": 2},
        {"recorded_at_ns": 9},
        {"event_seq": 9},
        {"details": second.details + " "},
        {"commands": second.commands[:-1] + b"\x01"},
        {"shard": 1},
        {"state_hash": None if second.state_hash else 0},
        {"digest": bytes(32)},
    ]
    for change in changes:
        with pytest.raises(DamagedJournal, match="digest"):
            damaged(second, **change).check(first.last_seq, first.digest)
    with pytest.raises(DamagedJournal, match="digest"):
        second.check(first.last_seq, GENESIS_DIGEST)
    with pytest.raises(DamagedJournal, match="missing"):
        second.check(0, GENESIS_DIGEST)
    with pytest.raises(DamagedJournal, match="are not the commands 2 to 3"):
        damaged(second, commands=second.commands * 2).check(first.last_seq, first.digest)


SNAPSHOT = busy().state.snapshot()
