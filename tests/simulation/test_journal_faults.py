"""Journal writes that are lost, doubled or late: what was acknowledged is there, once."""

import asyncio
import os
from collections import Counter

import pytest

from tests.support.engine_database import WriteFault
from tests.support.engine_scenario import Trouble, play
from tests.support.mortal_engine import World

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "3")))
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
