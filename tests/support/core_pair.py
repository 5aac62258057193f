"""The compiled core and the oracle side by side: the same commands to both, and every difference named."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from matching_core import COMMAND, EVENT, MatchingCore

from tests.oracle.core import Oracle
from tests.oracle.records import Command, Event, command_bytes, command_from_bytes, event_bytes


def batch_of(records: Sequence[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(records), dtype=COMMAND)


class CorePair:
    def __init__(self, *, orders_max: int = 1 << 22) -> None:
        self.orders_max = orders_max
        self.core = MatchingCore(orders=min(16, orders_max), orders_max=orders_max)
        self.oracle = Oracle(orders_max=orders_max)
        self.commands = 0

    def apply(self, records: Sequence[bytes]) -> list[Event]:
        """One batch. AssertionError naming the first event that differs, field for field."""
        commands = [command_from_bytes(record) for record in records]
        expected = self.oracle.apply_batch(commands)
        actual = self.core.apply(batch_of(records))
        assert actual.dtype == EVENT
        if actual.tobytes() != b"".join(event_bytes(event) for event in expected):
            raise AssertionError(self._difference(commands, expected, actual))
        self.commands += len(records)
        return expected

    def apply_commands(self, *commands: Command) -> list[Event]:
        return self.apply([command_bytes(command) for command in commands])

    def compare_state(self) -> None:
        state = self.oracle.state
        assert self.core.state_hash() == self.oracle.state_hash(), f"states differ after {self.commands} commands"
        assert self.core.live_orders == len(state.orders)
        assert self.core.next_event_seq == state.next_seq
        assert self.core.now_ns == state.now_ns

    def restart(self) -> None:
        """The core goes on from its own snapshot."""
        self.core = MatchingCore.restore(
            self.core.snapshot(), orders=min(16, self.orders_max), orders_max=self.orders_max
        )
        self.compare_state()

    def _difference(self, commands: list[Command], expected: list[Event], actual: np.ndarray) -> str:
        for number, (ours, theirs) in enumerate(zip_longest(expected, actual)):
            wanted = None if ours is None else {name: int(getattr(ours, name)) for name in EVENT.names or ()}
            got = None if theirs is None else {name: int(theirs[name]) for name in EVENT.names or ()}
            if wanted != got:
                index = (wanted or got or {})["command"]
                return (
                    f"event {number} of the batch differs, command {self.commands + index}: {commands[index]}\n"
                    f"oracle: {wanted}\ncore:   {got}"
                )
        return "the events differ in bytes that no field names"
