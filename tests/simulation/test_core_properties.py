"""What must hold for the compiled core whatever comes in; hypothesis looks for the shortest commands that break it."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_core import BadSnapshot, MatchingCore

from tests.oracle.records import (
    FIRM_SELF_TRADE,
    LEASED,
    POST_ONLY,
    REDUCE_ONLY,
    Command,
    Kind,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
    Type,
    command_bytes,
)
from tests.support.core_commands import (
    at,
    cancel,
    list_instrument,
    of_symbol,
    replace_order,
    set_account,
    set_holding,
    set_lease,
    submit,
)
from tests.support.core_pair import CorePair, batch_of
from tests.support.core_watch import Watch

# Few ids, prices and accounts, so that most commands meet something that is there.
order_ids = st.integers(1, 20)
prices = st.integers(97, 103)
quantities = st.sampled_from([3, 6, 9, 1, 2, 12])
sides = st.sampled_from(Side)
symbols = st.sampled_from([1, 1, 1, 1, 1, 2])
accounts = st.integers(0, 3)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "order_id": order_ids,
    "side": sides,
    "quantity": quantities,
    "symbol": symbols,
    "account": accounts,
    "session": st.integers(0, 2),
    "self_trade": st.sampled_from(SelfTrade),
    "flags": st.sampled_from(
        [0] * 6 + [LEASED] * 4 + [FIRM_SELF_TRADE, REDUCE_ONLY, REDUCE_ONLY | FIRM_SELF_TRADE, REDUCE_ONLY | LEASED]
    ),
}
LIMIT = COMMON | {"price": prices, "time_in_force": st.sampled_from([TimeInForce.GTC] * 3 + [TimeInForce.IOC])}

plain_limits = st.builds(submit, **LIMIT)
immediate = st.builds(
    submit,
    **LIMIT | {"time_in_force": st.sampled_from([TimeInForce.IOC, TimeInForce.FOK]), "min_quantity": st.integers(0, 3)},
)
post_only = st.builds(submit, **LIMIT | {"flags": st.just(POST_ONLY)})
markets = st.builds(
    submit,
    **COMMON,
    type=st.just(Type.MARKET),
    time_in_force=st.sampled_from([TimeInForce.IOC, TimeInForce.FOK]),
    price=st.just(0) | prices,
)
simple_orders = st.one_of(*[plain_limits] * 6, immediate, post_only, markets)
icebergs = st.builds(submit, **LIMIT, display_quantity=st.integers(0, 4), min_quantity=st.integers(0, 2))
dated = st.builds(
    submit,
    **LIMIT | {"time_in_force": st.just(TimeInForce.GTD)},
    expire_at_ns=st.integers(0, 20),
    price_bound=st.just(0) | prices,
)
dormant = st.builds(
    submit,
    **COMMON,
    type=st.sampled_from([kind for kind in Type if kind.is_dormant]),
    price=st.just(0) | prices,
    stop_price=st.integers(1, 3) | prices,
    trigger=st.sampled_from(Trigger),
)
routed = st.builds(submit, **LIMIT, venue=st.just(1))
changes = st.one_of(
    st.builds(cancel, order_ids),
    st.builds(replace_order, order_ids, prices, quantities),
    st.builds(replace_order, order_ids, st.just(0) | prices, quantities, prices),
)
market_states = st.builds(
    of_symbol, st.sampled_from([Kind.HALT, Kind.RESUME, Kind.START_AUCTION, Kind.UNCROSS, Kind.UNCROSS]), symbols
)
marks = st.builds(of_symbol, st.just(Kind.SET_MARK), symbols, st.just(0) | prices)
venue_reports = st.builds(
    Command,
    st.sampled_from([kind for kind in Kind if "VENUE" in kind.name]),
    order_id=order_ids,
    price=prices,
    quantity=quantities,
    reason=st.just(130),
)
limits = st.builds(
    set_account,
    st.integers(1, 2),
    firm=st.integers(0, 1),
    order_quantity_max=st.sampled_from([0, 8]),
    order_notional_max=st.sampled_from([0, 700]),
    open_orders_max=st.integers(0, 3),
    rate_max=st.integers(0, 3),
    rate_window_ns=st.just(10),
)
holdings = st.builds(set_holding, st.integers(1, 2), st.integers(-8, 8), st.integers(0, 12), symbols)
leases = st.builds(
    set_lease,
    st.integers(1, 2),
    st.integers(1, 6),
    symbols,
    buy_granted=st.integers(0, 40),
    sell_granted=st.integers(0, 40),
    price_high=st.integers(98, 104),
    orders_max=st.integers(0, 8),
    expires_at_ns=st.integers(0, 60),
)
mass_cancels = st.builds(Command, st.just(Kind.MASS_CANCEL), symbol=st.integers(0, 2), account=accounts)
others = (
    market_states
    | marks
    | holdings
    | limits
    | st.builds(at, st.integers(0, 40))
    | venue_reports
    | mass_cancels
    | leases
)
everything = simple_orders | icebergs | dated | dormant | routed | changes | others
START = (
    list_instrument(1),
    list_instrument(2, tick=2, lot=3, collar_bps=300, price_low=90, price_high=110),
    set_account(1, firm=1),
    set_account(2, firm=1),
    set_lease(1, buy_granted=30, sell_granted=30),
)
thorough = settings(max_examples=300, deadline=None, derandomize=True)


def lists_of[T](commands: st.SearchStrategy[T], longest: int = 60) -> st.SearchStrategy[list[T]]:
    """As often long as short: `st.lists` alone makes short ones, in which hardly anything trades."""
    return st.integers(0, longest).flatmap(lambda count: st.lists(commands, min_size=count, max_size=count))


def core_after(commands: Sequence[Command]) -> MatchingCore:
    core = MatchingCore(orders=16)
    core.apply(batch_of([command_bytes(command) for command in (*START, *commands)]))
    return core


@thorough
@given(lists_of(everything, longest=50))
def test_core_and_oracle_agree_on_whatever_commands(commands: list[Command]) -> None:
    pair = CorePair()
    pair.apply_commands(*START)
    pair.apply_commands(*commands[: len(commands) // 2])
    pair.restart()
    pair.apply_commands(*commands[len(commands) // 2 :])
    pair.compare_state()


@thorough
@given(lists_of(plain_limits | icebergs | immediate | changes | holdings, longest=40))
def test_core_and_oracle_agree_on_who_meets_whom(commands: list[Command]) -> None:
    pair = CorePair()
    pair.apply_commands(*START, *commands)
    pair.compare_state()


@thorough
@given(lists_of(plain_limits | icebergs | dated | market_states | marks | dormant, longest=40))
def test_core_and_oracle_agree_on_auctions(commands: list[Command]) -> None:
    pair = CorePair()
    pair.apply_commands(*START, of_symbol(Kind.START_AUCTION), *commands, of_symbol(Kind.UNCROSS))
    pair.compare_state()


@thorough
@given(lists_of(everything))
def test_no_lot_is_made_or_lost_and_positions_are_the_sum_of_fills(commands: list[Command]) -> None:
    watch = Watch()
    for command in (*START, *commands):
        watch.apply(command)
        watch.check_quantities()
        watch.check_positions()


@thorough
@given(lists_of(everything | leases))
def test_leased_orders_use_no_more_than_was_granted_at_no_more_than_its_price(commands: list[Command]) -> None:
    watch = Watch()
    for command in (*START, *commands):
        watch.apply(command)
        watch.check_leases()


@thorough
@given(lists_of(everything))
def test_no_book_is_crossed_while_it_trades(commands: list[Command]) -> None:
    watch = Watch()
    for command in (*START, *commands):
        watch.apply(command)
        watch.check_not_crossed()


@thorough
@given(lists_of(simple_orders | changes))
def test_the_best_price_trades_first_and_in_it_the_oldest_order(commands: list[Command]) -> None:
    watch = Watch(checks_priority=True)
    for command in (*START, *commands):
        watch.apply(command)


@thorough
@given(lists_of(everything, longest=40))
def test_a_restored_core_has_the_hash_and_the_snapshot_of_the_first(commands: list[Command]) -> None:
    core = core_after(commands)
    restored = MatchingCore.restore(core.snapshot())
    assert restored.state_hash() == core.state_hash()
    assert restored.snapshot() == core.snapshot()


@thorough
@given(lists_of(everything, longest=20), st.data())
def test_a_truncated_or_damaged_snapshot_is_refused(commands: list[Command], data: st.DataObject) -> None:
    snapshot = core_after(commands).snapshot()
    position = data.draw(st.integers(0, len(snapshot) - 1))
    damaged = bytearray(snapshot)
    damaged[position] ^= data.draw(st.integers(1, 255))
    for wrong in (snapshot[:position], bytes(damaged), snapshot + b"\0"):
        with pytest.raises(BadSnapshot):
            MatchingCore.restore(wrong)


@thorough
@given(st.binary(max_size=300))
def test_noise_is_no_snapshot(noise: bytes) -> None:
    with pytest.raises(BadSnapshot):
        MatchingCore.restore(noise)


@thorough
@given(lists_of(st.binary(min_size=128, max_size=128), longest=20))
def test_noise_as_commands_is_answered_as_the_oracle_does(noise: list[bytes]) -> None:
    pair = CorePair()
    pair.apply_commands(*START, submit(1, Side.BUY, 5, 100), submit(2, Side.SELL, 5, 101))
    pair.apply(noise)
    pair.compare_state()
