"""Two engines, and three, that write one shard at once: the journal takes from one of them only."""

import asyncio
import os

import pytest

from breakwater.db.shard_leases import LEASE_S
from fargate_engine.leases import LOOK_S
from tests.support.engine_scenario import play
from tests.support.engine_traffic import Traffic
from tests.support.mortal_engine import SHARD, Life, World, simulate
from tests.support.virtual_time import Clock

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "2")))


async def successor_of(world: World, stalled: list[Life]) -> Life:
    """Who serves while these stand still."""
    async with asyncio.timeout(10 * LEASE_S):
        while (leader := world.leader()) is None or leader in stalled:
            await asyncio.sleep(0.1)
    return leader


def rejected_rows(traffic: Traffic) -> int:
    """Batches that an engine wanted to write and that are not in the journal."""
    journal = {row.digest for row in traffic.world.database.journal(SHARD)}
    return len(traffic.world.hashes.keys() - journal)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_engine_that_wakes_after_its_shard_was_taken_writes_nothing(seed: int) -> None:
    async def stall(world: World) -> None:
        for _ in range(3):
            stalled = await world.leading()
            stalled.freeze()
            await successor_of(world, [stalled])
            await asyncio.sleep(world.chance.random())
            stalled.thaw()
            await asyncio.sleep(1)

    assert rejected_rows(play(stall, seed)) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_two_that_wake_while_a_third_serves_write_nothing(seed: int) -> None:
    async def stall_twice(world: World) -> None:
        first = await world.leading()
        first.freeze()
        second = await successor_of(world, [first])
        await asyncio.sleep(world.chance.random())
        second.freeze()
        await successor_of(world, [first, second])
        for stalled in world.chance.sample([first, second], 2):
            stalled.thaw()
            await asyncio.sleep(world.chance.random() * 0.01)
        await asyncio.sleep(2)

    assert rejected_rows(play(stall_twice, seed, engines=3)) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_clock_that_ends_leases_early_makes_two_writers_and_one_journal(seed: int) -> None:
    async def jump(world: World) -> None:
        world.leases_broke = True
        for _ in range(6):
            await world.leading()
            await asyncio.sleep(0.5 + world.chance.random())
            world.database.clock_ahead_s += 2 * LEASE_S
            await asyncio.sleep(1)

    traffic = play(jump, seed)
    epochs = {row.epoch for row in traffic.world.database.journal(SHARD)}
    assert len(epochs) > 3
    assert rejected_rows(traffic) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_two_engines_of_one_name_write_one_journal(seed: int) -> None:
    async def double(world: World) -> None:
        world.leases_broke = True  # A namesake need not wait: it takes itself for the same engine, started again.
        for _ in range(3):
            leader = await world.leading()
            world.start(leader.name)
            await asyncio.sleep(4)

    assert rejected_rows(play(double, seed)) > 0


def test_an_engine_answers_nothing_more_from_the_first_look_at_anothers_epoch_on() -> None:
    async def live(clock: Clock) -> None:
        world = World(clock, 0)
        world.start()
        leader = await world.leading()
        lease = world.database.leases[SHARD]
        lease.epoch, lease.holder = lease.epoch + 1, "another"
        await asyncio.sleep(LOOK_S + 0.05)  # Its next heartbeat is seconds away.
        assert leader.serving() is None
        await world.end()

    simulate(live)
