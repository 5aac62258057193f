"""The engine killed at every stage of its pipeline, and others that take over from what its journal holds.

All of the product is real; see tests/support/mortal_engine.py for what is not. Each run follows from its seed. More seeds
than the few here: BREAKWATER_SIMULATION_SEEDS=100 (a number of runs for each test) makes it long.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from breakwater.domain.orders import SIMULATED_VENUE
from tests.support.engine_traffic import Traffic, audit
from tests.support.mortal_engine import STAGES, Life, World, make_mortal
from tests.support.virtual_time import Clock, run_in_virtual_time

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "2")))
TRADERS, ACTIONS = 4, 12
DEATHS = 4  # In one run.


async def operate(world: World) -> None:
    """Two engines at any time; whoever died comes back under its name or another, and now and then one is replaced."""
    while True:
        for dead in world.bury():
            world.start(dead.name if world.chance.random() < 0.5 else None)
        while len(world.lives) < 2:
            world.start()
        leader = world.leader()
        if leader is not None and world.chance.random() < 0.1:
            await leader.stop()
        await asyncio.sleep(0.2)


async def kill_at(world: World, stage: str) -> None:
    for _ in range(DEATHS):
        world.reaper.wait_at(stage, spared=world.chance.randrange(4))
        while world.reaper.is_waiting:
            await asyncio.sleep(0.05)
    

async def settled(world: World) -> Life:
    """The world left alone until no venue owes an answer and the standby knows all that its leader wrote."""
    async with asyncio.timeout(60):
        while True:
            leader = await world.leading()
            term = leader.serving()
            if term is not None and not any(order.awaits_venue for order in term.state.open_orders()):
                others = [life for life in world.lives if life is not leader and not life.is_over]
                if all(life.followed_to == term.state.last_seq for life in others):
                    return leader
            await asyncio.sleep(0.1)
