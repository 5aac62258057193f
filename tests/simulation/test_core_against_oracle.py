"""The compiled core against the oracle: every event equal in every field, and the state hash every 100 commands.

`make test` runs two seeds of each profile. `make test-long` sets BREAKWATER_CORE_SEEDS=20: so many, five times as long.
"""

import os
import random
from dataclasses import asdict
from itertools import islice

import pytest
from matching_core import MatchingCore, Side

from tests.oracle.core import Oracle
from tests.oracle.records import LeaseTerms, command_from_bytes
from tests.oracle.records import Side as OracleSide
from tests.support.core_pair import CorePair, batch_of
from tests.support.core_streams import PROFILES, records

SEEDS = 2
COMMANDS = 4_000
HASH_EVERY = 100


def _seeds_and_commands() -> tuple[int, int]:
    wished = os.environ.get("BREAKWATER_CORE_SEEDS")
    return (int(wished), 5 * COMMANDS) if wished else (SEEDS, COMMANDS)


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", PROFILES)
def test_core_and_oracle_give_the_same_events_and_state(name: str) -> None:
    seeds, count = _seeds_and_commands()
    for seed in range(seeds):
        pair = CorePair()
        stream = records(PROFILES[name], seed, count)
        while batch := list(islice(stream, HASH_EVERY)):
            pair.apply(batch)
            pair.compare_state()


@pytest.mark.parametrize("name", PROFILES)
def test_a_core_restored_from_its_snapshot_goes_on_as_if_nothing_had_happened(name: str) -> None:
    pair, chance = CorePair(), random.Random(7)  # noqa: S311 - chance that can be repeated
    stream = records(PROFILES[name], 101, 1_500)
    while batch := list(islice(stream, chance.randint(1, 150))):
        pair.apply(batch)
        pair.restart()


def test_a_full_core_refuses_until_an_order_leaves() -> None:
    pair = CorePair(orders_max=20)
    stream = records(PROFILES["everything"], 5, 4_000)
    while batch := list(islice(stream, HASH_EVERY)):
        pair.apply(batch)
        pair.compare_state()
    pair.restart()


@pytest.mark.parametrize("name", ["everything", "everything checked", "everything leased", "hostile"])
def test_commands_give_the_same_events_however_they_are_cut_into_batches(name: str) -> None:
    commands = list(records(PROFILES[name], 11, 3_000))
    whole = MatchingCore()
    expected = whole.apply(batch_of(commands))
    for longest in (1, 7, 500):
        core, chance = MatchingCore(), random.Random(longest)  # noqa: S311
        first, number = 0, 0
        while first < len(commands):
            batch = commands[first : first + chance.randint(1, longest)]
            events = core.apply(batch_of(batch)).copy()
            events["command"] += first  # The index in its batch is all that may differ.
            assert events.tobytes() == expected[number : number + len(events)].tobytes()
            first, number = first + len(batch), number + len(events)
        assert number == len(expected)
        assert core.state_hash() == whole.state_hash()
        assert core.snapshot() == whole.snapshot()


def test_the_core_answers_questions_as_the_oracle_does() -> None:
    pair = CorePair()
    stream = records(PROFILES["everything leased"], 3, 3_000)
    while batch := list(islice(stream, 300)):
        pair.apply(batch)
        _compare_answers(pair.core, pair.oracle)
    assert pair.oracle.state.orders
    assert pair.oracle.state.leases


def _compare_answers(core: MatchingCore, oracle: Oracle) -> None:
    state = oracle.state
    for symbol, instrument in state.instruments.items():
        for side, levels in instrument.levels.items():
            expected = [
                (price, sum(order.shown for order in levels[price]), len(levels[price]))
                for price in instrument.prices(side)
            ]
            assert core.depth(symbol, Side(side), 1_000) == expected
            assert core.depth(symbol, Side(side), 2) == expected[:2]
        for account in state.accounts:
            assert core.position(account, symbol) == state.position(account, symbol)
            _compare_leases(core, oracle, account, symbol)
    for order in state.orders.values():
        found = core.order(order.order_id)
        assert found is not None
        assert (found.order_id, found.price, found.quantity) == (order.order_id, order.price, order.quantity)
        assert (found.leaves, found.stop_price, found.symbol) == (order.leaves, order.stop_price, order.symbol)
        assert (found.account, found.session, found.venue) == (order.account, order.session, order.venue)
        enums = (int(found.side), int(found.type), int(found.time_in_force))
        assert enums == (order.side, order.type, order.time_in_force)
        assert found.resting == (order.place.value == "resting")
    assert core.order(2**63) is None


def _compare_leases(core: MatchingCore, oracle: Oracle, account: int, symbol: int) -> None:
    found, lease = core.lease(account, symbol), oracle.state.leases.get((account, symbol))
    if found is None or lease is None:
        assert (found, lease) == (None, None)
        return
    assert {name: getattr(found, name) for name in LeaseTerms.__slots__} == asdict(lease.terms)
    assert (found.buy_filled, found.sell_filled) == (lease.filled[OracleSide.BUY], lease.filled[OracleSide.SELL])
    assert (found.buy_notional, found.sell_notional) == (
        lease.notional[OracleSide.BUY],
        lease.notional[OracleSide.SELL],
    )
    used = [oracle.state.used(account, symbol, side) for side in (OracleSide.BUY, OracleSide.SELL)]
    assert [found.buy_filled + found.buy_open, found.sell_filled + found.sell_open] == used
    assert found.live_orders == len(oracle.state.leased_orders(account, symbol))


def test_the_oracle_reads_the_records_that_the_module_describes() -> None:
    (record,) = records(PROFILES["plain"], 1, 1)
    command, described = command_from_bytes(record), batch_of([record])[0]
    names = [name for name in described.dtype.names if name in type(command).__slots__]
    assert len(names) == 17
    assert {name: getattr(command, name) for name in names} == {name: int(described[name]) for name in names}
