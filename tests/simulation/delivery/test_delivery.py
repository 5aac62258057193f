"""Events through every hop with loss, doubling, reordering, outages and deaths: all arrive, in order, and count once.

`make test` plays 200 seeds; BREAKWATER_DELIVERY_SEEDS=1000 plays so many.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.conftest import fresh_database
from tests.simulation.delivery.world import World, seeds

SEEDS = seeds(200)
SEEDS_EACH = 20


@pytest.fixture(scope="module")
def world(postgres_server: str) -> Iterator[World]:
    with fresh_database(postgres_server) as urls:
        world = World(urls)
        yield world
        world.close()


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    """What went wrong in all of them."""
    return Counter()


@pytest.mark.timeout(300)  # Seconds, where nobody else needs the machine.
@pytest.mark.parametrize("first", SEEDS[::SEEDS_EACH])
def test_every_event_arrives_everywhere_in_order_and_takes_effect_once(
    world: World, seen: Counter[str], first: int
) -> None:
    for seed in SEEDS[first : first + SEEDS_EACH]:
        found, weather = world.play(seed)
        assert found == [], f"seed {seed}, after {dict(weather.seen)}"
        seen.update(weather.seen)


def test_everything_that_can_go_wrong_did(seen: Counter[str]) -> None:
    assert len(seen) == 25, sorted(seen)
