"""The engine killed at every stage of its pipeline, and others that take over from what its journal holds.

All of the product is real; see tests/support/mortal_engine.py for what is not. Each run follows from its seed. For a
long run of this folder: BREAKWATER_SIMULATION_SEEDS=100, which is the number of seeds for each test.
"""

import asyncio
import os

import pytest

from fargate_engine import registry
from fargate_engine.shard_state import ShardState
from tests.support.engine_scenario import Trouble, play
from tests.support.mortal_engine import SHARD, STAGES, World

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "2")))
DEATHS = 3  # In one run.


def killing_at(stage: str) -> Trouble:
    async def kill(world: World) -> None:
        for _ in range(DEATHS):
            world.reaper.wait_at(stage, spared=world.chance.randrange(3))
            while world.reaper.is_waiting:
                await asyncio.sleep(0.05)

    return kill


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stage", STAGES)
def test_nothing_acknowledged_is_lost_or_doubled_wherever_the_engine_dies(stage: str, seed: int) -> None:
    traffic = play(killing_at(stage), seed)
    assert traffic.world.reaper.deaths == {stage: DEATHS}
    assert len(traffic.acknowledged) > 20


@pytest.mark.parametrize("seed", SEEDS[::2])
@pytest.mark.parametrize("stage", STAGES)
def test_also_where_orders_are_forgotten_while_they_are_still_asked_about(
    stage: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is placed again, and every way to the state has forgotten the same."""
    monkeypatch.setattr(registry, "REMEMBERED_NS", 100_000_000)
    kill = killing_at(stage)

    async def kill_the_forgetful(world: World) -> None:
        world.forgets = True
        await kill(world)

    traffic = play(kill_the_forgetful, seed)
    assert len(traffic.acknowledged) > 20
    state = ShardState(SHARD)
    for row in traffic.world.database.journal(SHARD):
        state.replay(row)
    assert len(state.registry.forgotten) > 20


def test_a_standby_has_its_leaders_state_after_every_row() -> None:
    async def peace(_: World) -> None:
        await asyncio.sleep(3)

    # Three, so that one still follows where the leader is let go and another takes over: whoever starts only then reads
    # a snapshot, and never the rows before it.
    world = play(peace, 1, engines=3).world
    rows = world.database.journal(SHARD)
    assert len(rows) > 50
    assert world.compared == {row.digest for row in rows}


def test_a_run_follows_from_its_seed() -> None:
    first, second = (play(killing_at("after stamping"), 3).world for _ in range(2))
    assert first.database.journal(SHARD) == second.database.journal(SHARD)
    assert first.clock.monotonic() == second.clock.monotonic()
