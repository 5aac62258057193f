"""A shard's state with a clock that ticks by one, and the journal rows that it made."""

import uuid
from collections.abc import Sequence

from breakwater.db.journal import GENESIS_DIGEST, JournalRow
from breakwater.domain.orders import OrderSnapshot
from fargate_engine.messages import CoreInput, ListInstrument
from fargate_engine.records import Records
from fargate_engine.shard_state import Applied, ShardState
from tests.support.engine_words import snapshot_in_state
from tests.unit.fargate_engine.orders import ETH


class Driven:
    def __init__(self) -> None:
        self.state = ShardState(0)
        self.rows: list[JournalRow] = []
        self.apply(ListInstrument.of(ETH))

    def apply(self, *inputs: CoreInput | Records) -> Applied:
        """All of them in one batch."""
        return self.journal(self.state.apply(inputs, self.state.last_at_ns + 1))

    def end_orders(self, at_ns: int, *inputs: CoreInput | Records) -> Applied:
        """A batch at this time, in which whatever has its end by then begins to end."""
        return self.journal(self.state.apply(inputs, at_ns, ends_orders=True))

    def checkpoint(self) -> None:
        applied = self.state.checkpoint(self.state.last_at_ns + 1)
        if applied is not None:
            self.journal(applied)

    def snapshot(self, order_id: uuid.UUID) -> OrderSnapshot:
        return snapshot_in_state(self.state, order_id)

    def journal(self, applied: Applied) -> Applied:
        if applied.count:
            digest = self.rows[-1].digest if self.rows else GENESIS_DIGEST
            self.rows.append(applied.row(self.state.shard, 1, digest))
        return applied


def replayed(rows: Sequence[JournalRow]) -> ShardState:
    """A state that has read them."""
    state = ShardState(0)
    for row in rows:
        state.replay(row)
    return state
