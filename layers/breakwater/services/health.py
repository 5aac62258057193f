"""Whether what an order needs is there: each dependency's state and how long it took to say so."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from breakwater.errors import Unavailable

type HealthState = Literal["UP", "DOWN"]
UP: HealthState = "UP"
DOWN: HealthState = "DOWN"


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    state: HealthState
    latency_ms: int


def check(probes: Mapping[str, Callable[[], None]]) -> dict[str, DependencyHealth]:
    """Ask each in turn. A probe returns when its dependency is well and raises Unavailable when it is not."""
    return {name: _ask(probe) for name, probe in probes.items()}


def _ask(probe: Callable[[], None]) -> DependencyHealth:
    started = time.monotonic()
    try:
        probe()
        state: HealthState = UP
    except Unavailable:
        state = DOWN
    return DependencyHealth(state, int((time.monotonic() - started) * 1000))
