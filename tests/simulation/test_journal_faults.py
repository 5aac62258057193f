"""Journal writes that are lost, doubled or late: what was acknowledged is there, once."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable

import pytest

from breakwater.db.shard_leases import LEASE_S
from tests.support.engine_database import WriteFault
from tests.support.engine_scenario import Trouble, play
from tests.support.mortal_engine import SHARD, Life, World

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "2")))
LATE_MAX_S = 3.0  # From before the engine that gave up reads its journal again until after it has a new epoch.
FAULTY_FOR_S = 12


def failing(fault: WriteFault, share: float) -> Trouble:
    """Trouble: this share of all journal writes ends so."""

    async def fail(world: World) -> None:
        def next_fault() -> tuple[WriteFault, float] | None:
            if world.chance.random() >= share:
                return None
            world.database.outcomes[fault] += 1
            return fault, world.chance.random() * LATE_MAX_S

        world.database.next_fault = next_fault
        await asyncio.sleep(FAULTY_FOR_S)
        world.database.next_fault = lambda: None
        await asyncio.sleep(LATE_MAX_S)

    return fail


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", WriteFault)
def test_nothing_is_lost_or_doubled_however_a_journal_write_fails(fault: WriteFault, seed: int) -> None:
    traffic = play(failing(fault, 0.1), seed)
    assert traffic.world.database.outcomes[fault] >= 3
    assert traffic.unanswered > 0


def test_late_writes_are_met_before_and_after_the_next_epoch() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(4):
        outcomes += play(failing(WriteFault.LATE, 0.2), seed).world.database.outcomes
    assert outcomes["late and written"] > 0
    assert outcomes["late and fenced"] > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_last_write_of_the_dead_may_land_around_the_end_of_their_lease(seed: int) -> None:
    async def die_writing(world: World) -> None:
        for _ in range(4):
            leader = await world.leading()
            landing_in_s = LEASE_S - 3 + world.chance.random() * 5
            world.database.next_fault = late_once(world, leader, landing_in_s)
            await asyncio.wait([leader.task])
            await asyncio.sleep(landing_in_s)

    assert play(die_writing, seed).world.database.outcomes.total() == 4


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("away_s", [1.0, LEASE_S + 2.0])
def test_a_database_that_goes_away_and_comes_back_takes_nothing_with_it(away_s: float, seed: int) -> None:
    async def go_away(world: World) -> None:
        for _ in range(3):
            await world.leading()
            await asyncio.sleep(world.chance.random())
            world.database.is_down = True
            await asyncio.sleep(away_s)
            world.database.is_down = False

    assert play(go_away, seed).unanswered > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_without_its_object_store_an_engine_lives_from_its_journal_alone(seed: int) -> None:
    async def no_snapshots(world: World) -> None:
        world.objects.is_down = True
        for _ in range(2):
            await asyncio.sleep(1)
            (await world.leading()).kill()
            await asyncio.sleep(1)

    world = play(no_snapshots, seed).world
    assert not world.objects
    assert world.database.leases[SHARD].epoch > 2


def late_once(world: World, dying: Life, landing_in_s: float) -> Callable[[], tuple[WriteFault, float]]:
    """The next write is on its way for so long, and its engine is dead."""

    def next_fault() -> tuple[WriteFault, float]:
        dying.kill()
        world.database.next_fault = lambda: None
        return WriteFault.LATE, landing_in_s

    return next_fault


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fault_at_once_and_deaths_besides_do_no_harm(seed: int) -> None:
    async def everything(world: World) -> None:
        chance = world.chance
        world.database.next_fault = lambda: (
            (chance.choice(list(WriteFault)), chance.random() * LATE_MAX_S) if chance.random() < 0.04 else None
        )
        for _ in range(8):
            await asyncio.sleep(1.5)
            world.clock.set_wall(chance.choice([-3600, -2, 1]))
            leader = world.leader()
            if leader is not None and chance.random() < 0.5:
                leader.kill()
        world.database.next_fault = lambda: None
        await asyncio.sleep(LATE_MAX_S)

    play(everything, seed)
