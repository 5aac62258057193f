"""One run of the simulation: traders, engines, and trouble; then calm, and the books are audited."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.support.engine_traffic import Traffic, audit
from tests.support.mortal_engine import Killed, Life, World, simulate
from tests.support.virtual_time import Clock

TRADERS, ACTIONS = 4, 8
ROUNDS_MIN, ROUNDS_MAX = 3, 60  # Of traffic, until the trouble has had its way.

type Trouble = Callable[[World], Coroutine[Any, Any, None]]


def play(trouble: Trouble, seed: int, *, engines: int = 2) -> Traffic:
    """Trade until the trouble has ended, and audit what is left. The same seed gives the same run."""
    played: list[Traffic] = []
    unheard: list[dict[str, Any]] = []  # Of tasks that nobody waits for.

    async def main(clock: Clock) -> None:
        world = World(clock, seed, engines)
        traffic = Traffic(world)
        played.append(traffic)
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        await _trade_through(trouble, world, traffic)
        leader = await settled(world)
        await leader.stop()
        world.bury()
        await world.leading()  # Whoever stood by has the shard at once, and all of its journal.
        await world.end()
        await audit(traffic)

    simulate(main)
    assert all(isinstance(context.get("exception"), Killed) for context in unheard), unheard
    return played[0]


async def _trade_through(trouble: Trouble, world: World, traffic: Traffic) -> None:
    operating = asyncio.create_task(operate(world))
    troubling = asyncio.create_task(trouble(world))
    for played in range(ROUNDS_MAX):
        await traffic.run(TRADERS, ACTIONS)
        if operating.done():
            operating.result()
        if played >= ROUNDS_MIN and troubling.done():
            break
    operating.cancel()
    await asyncio.wait([operating])
    assert troubling.done(), "the trouble never came to its end"
    troubling.result()


async def operate(world: World) -> None:
    """Keep as many engines alive as there shall be, under old names or new ones, and let one go now and then."""
    while True:
        raise_the_dead(world)
        leader = world.leader()
        if leader is not None and not leader.is_frozen and world.chance.random() < 0.1:
            await leader.stop()
        await asyncio.sleep(0.2)


def raise_the_dead(world: World) -> None:
    for dead in world.bury():
        world.start(dead.name if world.chance.random() < 0.5 else None)
    while len(world.lives) < world.engines:
        world.start()


async def settled(world: World) -> Life:
    """The leader, once no venue owes an answer and the standby knows all that its leader wrote."""
    async with asyncio.timeout(120):
        while True:
            raise_the_dead(world)
            leader = await world.leading()
            term = leader.serving()
            if term is not None and not any(order.awaits_venue for order in term.state.open_orders()):
                others = [life for life in world.lives if life is not leader]
                if all(life.shard.last_seq == term.state.last_seq for life in others):
                    return leader
            await asyncio.sleep(0.1)
