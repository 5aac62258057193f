"""Whether what an order needs is there: each dependency's state and how long it took to say so."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from breakwater.errors import Unavailable

type HealthState = Literal["UP", "DEGRADED", "DOWN"]
UP: HealthState = "UP"
DEGRADED: HealthState = "DEGRADED"
DOWN: HealthState = "DOWN"


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """DEGRADED: well but for `unserved_shards`, in whose symbols no order is taken, or `late`, consumers of events."""

    state: HealthState
    latency_ms: int
    unserved_shards: Sequence[int] = ()
    late: Sequence[str] = ()


type Probe = Callable[[], Sequence[int]]


def check(probes: Mapping[str, Probe]) -> dict[str, DependencyHealth]:
    """Ask each in turn. A probe returns the shards that nobody serves, mostly none; Unavailable when all is down."""
    return {name: _ask(probe) for name, probe in probes.items()}


def check_delivery(late_queues: Callable[[], Sequence[str]]) -> DependencyHealth:
    """Who is late is told by `late_queues`; Unavailable when nobody can say."""
    started = time.monotonic()
    late: Sequence[str] = ()
    try:
        late = late_queues()
        state = DEGRADED if late else UP
    except Unavailable:
        state = DOWN
    return DependencyHealth(state, int((time.monotonic() - started) * 1000), late=late)


def worst(dependencies: Mapping[str, DependencyHealth]) -> HealthState:
    """Of all of them together."""
    states = {each.state for each in dependencies.values()}
    return DOWN if DOWN in states else DEGRADED if DEGRADED in states else UP


def _ask(probe: Probe) -> DependencyHealth:
    started = time.monotonic()
    unserved: Sequence[int] = ()
    try:
        unserved = probe()
        state = DEGRADED if unserved else UP
    except Unavailable:
        state = DOWN
    return DependencyHealth(state, int((time.monotonic() - started) * 1000), unserved)
