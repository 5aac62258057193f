"""Leases, accounts and firms are a function of the journal, also of one from before there were any."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matching_core import COMMAND, Kind

from breakwater.db.journal import DamagedJournal
from breakwater.domain.orders import OrdStatus, SelfTrade, Side
from fargate_engine.encoding import Encoder
from fargate_engine.messages import CancelOrder, CoreInput, VenueAccepted
from fargate_engine.shard_state import Applied, ShardState
from tests.support.engine_words import snapshot_of
from tests.unit.fargate_engine.driven import Driven, replayed
from tests.unit.fargate_engine.leases import PERSON, lease, leased, verdict, words
from tests.unit.fargate_engine.orders import ACCOUNT, TENANT, submit
from tests.unit.fargate_engine.test_shard_state import filled

OTHER_ACCOUNT, OTHER_TENANT = uuid.UUID(int=3), uuid.UUID(int=99)


@pytest.fixture
def engine() -> Driven:
    return Driven()


def without_telling(driven: Driven, monkeypatch: pytest.MonkeyPatch, *inputs: CoreInput) -> Applied:
    """As an engine did before it told the core of accounts."""
    with monkeypatch.context() as before:
        before.setattr(Encoder, "_tell_account", lambda self, account_id: None)
        return driven.apply(*inputs)


def same(one: ShardState, other: ShardState) -> None:
    assert other.registry.leases == one.registry.leases
    assert other.registry.accounts == one.registry.accounts
    assert (other.registry.firms, other.registry.owners) == (one.registry.firms, one.registry.owners)
    for account_id, symbol in one.registry.leases:
        assert other.lease_words(account_id, symbol) == one.lease_words(account_id, symbol)
    assert {order_id: snapshot_of(each) for order_id, each in other.registry.orders.items()} == {
        order_id: snapshot_of(each) for order_id, each in one.registry.orders.items()
    }
    assert [each.document for each in other.open_orders()] == [each.document for each in one.open_orders()]
    assert other.state_hash() == one.state_hash()


TENANTS = st.sampled_from([TENANT, OTHER_TENANT, uuid.UUID(int=98)])
ACCOUNTS = st.sampled_from([ACCOUNT, OTHER_ACCOUNT, uuid.UUID(int=4)])
SET_LEASES = st.builds(
    lambda tenant_id, account_id, venue, **terms: lease(
        tenant_id=tenant_id, account_id=account_id, venue=venue, **terms
    ),
    TENANTS,
    ACCOUNTS,
    st.sampled_from(["BOOK", "SIM"]),
    version=st.integers(1, 6),
    buy_granted=st.sampled_from(["0", "0.00001", "1", "3", "10"]),
    sell_granted=st.sampled_from(["0", "1", "3", "10"]),
    price_high=st.sampled_from(["0.001", "2000", "4000"]),
    orders_max=st.integers(0, 4),
    expires_at_ns=st.sampled_from([0, 12, 10**18]),
)
ORDERS = st.builds(
    lambda number, is_leased, **terms: submit(number, leased=PERSON if is_leased else None, **terms),
    st.integers(0, 12),
    st.booleans(),
    tenant_id=TENANTS,
    account_id=ACCOUNTS,
    side=st.sampled_from(Side),
    quantity=st.sampled_from([Decimal("0.5"), Decimal(1), Decimal(2), Decimal(6)]),
    price=st.sampled_from([Decimal(1999), Decimal(2000), Decimal(2001)]),
    venue=st.sampled_from(["BOOK", "SIM"]),
    self_trade=st.sampled_from([None, *SelfTrade]),
)
CANCELS = st.builds(
    lambda number, tenant_id: CancelOrder(order_id=submit(number).order_id, tenant_id=tenant_id),
    st.integers(0, 12),
    TENANTS,
)
REPORTS = st.builds(lambda number: VenueAccepted(order_id=submit(number).order_id), st.integers(0, 12))
BATCHES = st.lists(st.lists(SET_LEASES | ORDERS | ORDERS | CANCELS | REPORTS, min_size=1, max_size=4), max_size=12)


@given(batches=BATCHES, restored_at=st.integers(0, 12))
def test_what_lived_what_is_replayed_and_what_is_restored_are_the_same(
    batches: Sequence[Sequence[CoreInput]], restored_at: int
) -> None:
    live = Driven()
    snapshot, behind = live.state.snapshot(), len(live.rows)
    for number, batch in enumerate(batches):
        live.apply(*batch)
        if number == restored_at:
            snapshot, behind = live.state.snapshot(), len(live.rows)
    same(live.state, replayed(live.rows))
    restored = ShardState.restore(snapshot, shard=0)
    for row in live.rows[behind:]:
        restored.replay(row)
    same(live.state, restored)


def test_a_replay_fills_and_grants_a_lease_as_it_was(engine: Driven) -> None:
    engine.apply(lease(venue="SIM"))
    order = leased(1, venue="SIM")
    engine.apply(order, VenueAccepted(order_id=order.order_id), filled(order.order_id, 4_000))
    again = replayed(engine.rows)
    same(engine.state, again)
    assert (words(again).buy_filled, words(again).buy_open) == (Decimal("0.4"), Decimal("0.6"))


def test_a_journal_from_before_accounts_were_told_of_replays_and_goes_on(
    engine: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_telling(engine, monkeypatch, submit(1), submit(2, venue="SIM"))
    without_telling(engine, monkeypatch, VenueAccepted(order_id=submit(2).order_id))
    assert kinds(engine) == [Kind.LIST_INSTRUMENT, Kind.SUBMIT, Kind.SUBMIT, Kind.VENUE_ACCEPTED]
    engine.state = replayed(engine.rows)
    before = len(engine.rows)
    engine.apply(filled(submit(2).order_id, 10_000), submit(3, account_id=OTHER_ACCOUNT, side=Side.SELL))
    assert kinds(engine, before) == [Kind.VENUE_FILLED, Kind.SET_ACCOUNT, Kind.SUBMIT]
    assert engine.snapshot(submit(1).order_id).status is OrdStatus.FILLED
    same(engine.state, replayed(engine.rows))


def test_an_account_from_before_gets_its_lease_once_none_of_its_orders_lives(
    engine: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_telling(engine, monkeypatch, submit(1))
    engine.apply(lease())
    assert engine.state.lease_words(ACCOUNT, "ETH/USDT") is None
    assert verdict(engine, leased(2)) == (OrdStatus.REJECTED, "LEASE_EXHAUSTED")
    engine.apply(CancelOrder(order_id=submit(1).order_id, tenant_id=TENANT))
    engine.apply(lease())
    assert words(engine.state).version == 1
    assert verdict(engine, leased(3)) == (OrdStatus.NEW, None)
    same(engine.state, replayed(engine.rows))


def kinds(driven: Driven, first_row: int = 0) -> list[int]:
    """Of the journalled commands."""
    return [kind for row in driven.rows[first_row:] for kind in np.frombuffer(row.commands, COMMAND)["kind"].tolist()]


def test_details_of_another_accounts_lease_than_the_commands_are_found(engine: Driven) -> None:
    engine.apply(submit(1, account_id=OTHER_ACCOUNT), lease())
    details = engine.rows[-1].details.replace(
        f'{ACCOUNT}","symbol":"ETH/USDT","venue":"BOOK","strat',
        f'{OTHER_ACCOUNT}","symbol":"ETH/USDT","venue":"BOOK","strat',
    )
    with pytest.raises(DamagedJournal, match="is of another account's lease"):
        replayed(engine.rows[:-1]).replay(replace(engine.rows[-1], details=details))
