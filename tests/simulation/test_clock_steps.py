"""Clocks that are set, back and forth, by seconds and by hours: time in the journal never falls."""

import asyncio
import os

import matching_core
import numpy as np
import pytest
from matching_core import EventKind, Kind, TimeInForce

from fargate_engine.records import Records
from fargate_engine.registry import REMEMBERED_NS
from tests.support.engine_scenario import play
from tests.support.mortal_engine import SHARD, World, simulate
from tests.support.virtual_time import Clock
from tests.unit.fargate_engine.record_batches import BUY, limit_orders

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "2")))
HOUR_S, SECOND_NS = 3600.0, 10**9


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step_s", [-7200.0, -3.0, 3.0, 7200.0])
def test_a_clock_that_is_set_moves_nothing_backwards(step_s: float, seed: int) -> None:
    async def set_clock(world: World) -> None:
        world.forgets = step_s * SECOND_NS >= REMEMBERED_NS  # Then what just ended did so hours ago.
        for _ in range(5):
            await asyncio.sleep(1)
            world.clock.set_wall(step_s)
            leader = world.leader()
            if leader is not None:
                leader.kill()  # The next one begins with this clock.

    play(set_clock, seed)  # The audit asserts that time never fell.


async def told(world: World, records: Records) -> list[int]:
    """The kinds of the events that these records make."""
    leader = await world.leading()
    term = leader.serving()
    assert term is not None
    events = await term.inbox.submit_records(records)
    return [int(kind) for kind in events["kind"]]


def order_until(expire_at_ns: int) -> Records:
    order = limit_orders([(1, BUY, 100)])
    order["time_in_force"] = TimeInForce.GTD
    order["flags"] = matching_core.EXTENDED
    order["expire_at_ns"] = expire_at_ns
    return order


def nothing_but_the_time() -> Records:
    records = np.zeros(1, matching_core.COMMAND)
    records["kind"] = Kind.ADVANCE_TIME
    return records


def test_an_order_expires_once_whatever_the_clock_does() -> None:
    async def live(clock: Clock) -> None:
        world = World(clock, 0)
        life = world.start("engine")
        assert await told(world, order_until(clock.time_ns() + 10 * SECOND_NS)) == [EventKind.ACCEPTED]
        clock.set_wall(-HOUR_S)
        await asyncio.sleep(20)
        assert await told(world, nothing_but_the_time()) == []
        stood_at_ns = world.database.journal(SHARD)[-1].recorded_at_ns
        life.kill()
        await asyncio.wait([life.task])
        world.bury()
        world.start("engine")  # It hears of the time only from its journal.
        assert await told(world, nothing_but_the_time()) == []
        assert world.database.journal(SHARD)[-1].recorded_at_ns == stood_at_ns
        clock.set_wall(HOUR_S)
        assert await told(world, nothing_but_the_time()) == [EventKind.EXPIRED]
        clock.set_wall(-HOUR_S)
        assert await told(world, nothing_but_the_time()) == []
        times = [row.recorded_at_ns for row in world.database.journal(SHARD)]
        assert times == sorted(times)
        await world.end()

    simulate(live)


def test_a_clock_that_is_set_forward_lets_what_is_due_expire() -> None:
    async def live(clock: Clock) -> None:
        world = World(clock, 0)
        world.start()
        assert await told(world, order_until(clock.time_ns() + 600 * SECOND_NS)) == [EventKind.ACCEPTED]
        assert await told(world, nothing_but_the_time()) == []
        clock.set_wall(HOUR_S)
        assert await told(world, nothing_but_the_time()) == [EventKind.EXPIRED]
        await world.end()

    simulate(live)
