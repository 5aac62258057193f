"""The watch of one process, whose threads have their turns one after another."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from breakwater.db.connection import Connection
from breakwater.services.engine_client import EngineClient
from breakwater.services.engine_watch import EngineWatch
from breakwater.services.loss_watch import LossWatch
from breakwater.services.settlement import TenantTransactions
from breakwater.services.watch import Watch


class Watches:
    def __init__(
        self,
        untenanted: Callable[[], AbstractContextManager[Connection]],
        transactions: TenantTransactions,
        engine: EngineClient,
        tell: Callable[[str], None],
    ) -> None:
        self._losses = LossWatch(untenanted, transactions, tell)
        self._ledger = Watch(untenanted, transactions, tell)
        self._engine = EngineWatch(untenanted, transactions, engine, tell)

    def run_round(self, at: datetime) -> None:
        for watch in (self._losses, self._ledger, self._engine):
            watch.run_round(at)
