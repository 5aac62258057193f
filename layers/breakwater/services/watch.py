"""What has to happen although nobody asks, beside losses and the engine: a silence, an override's end, modes.

One round is run several times a second. Whatever it does is written under the node's lock and read again there, so two
watches beside each other, or one that died in the middle, do nothing twice and leave nothing undone.
"""

import logging
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from breakwater.db.connection import Connection
from breakwater.db.degraded import degraded_tenants
from breakwater.db.watch import forget_activity, tenants_to_watch
from breakwater.domain.times import nanoseconds
from breakwater.errors import BreakwaterError
from breakwater.services import leases
from breakwater.services.below_use import look_now
from breakwater.services.degraded import LEDGER_TRIED_EVERY, mind
from breakwater.services.loss_watch import CHANGED_BY
from breakwater.services.overrides import tell_override_ended
from breakwater.services.settlement import TenantTransactions
from events.limits import DeadManExpired

_LOG = logging.getLogger("breakwater.watch")

ACTIVITY_KEPT = timedelta(days=1, minutes=1)
FORGOTTEN_AT_ONCE_MAX = 5_000


@dataclass(slots=True)
class Watch:
    """The state between rounds is only about how often: all that matters is in the database."""

    untenanted: Callable[[], AbstractContextManager[Connection]]
    transactions: TenantTransactions
    tell: Callable[[str], None]  # What went wrong, for the log.
    _tried_ledger: dict[uuid.UUID, datetime] = field(default_factory=dict)
    _forgot_at: datetime | None = None

    def run_round(self, at: datetime) -> None:
        """One look at everything. A tenant that cannot be looked at does not keep the others from it."""
        with self.untenanted() as connection:
            tenants = tenants_to_watch(connection, at)
            degraded = degraded_tenants(connection)
        for tenant_id in degraded:
            self._mind_modes(tenant_id, at)
        for tenant_id in tenants:
            for work in (self._watch_silence, self._end_overrides, self._look_at_uses):
                try:
                    work(tenant_id, at)
                except BreakwaterError as error:
                    self.tell(f"{work.__name__.strip('_')} of {tenant_id}: {error.message}")
                except Exception:  # noqa: BLE001  # Whatever is wrong with it, the others have their turn.
                    _LOG.exception("%s of %s failed", work.__name__.strip("_"), tenant_id)
        self._forget(at)

    def _mind_modes(self, tenant_id: uuid.UUID, at: datetime) -> None:
        """First of all, for what follows waits for nodes that may be why the ledger is silent."""
        tried_at = self._tried_ledger.get(tenant_id)
        is_due = tried_at is None or at - tried_at >= LEDGER_TRIED_EVERY
        if is_due:
            self._tried_ledger[tenant_id] = at
        try:
            mind(tenant_id, self.transactions, at, try_ledger=is_due)
        except BreakwaterError as error:
            self.tell(f"degraded modes of {tenant_id}: {error.message}")

    def _watch_silence(self, tenant_id: uuid.UUID, at: datetime) -> None:
        with self.transactions(tenant_id) as tx:
            silent = tx.watch.silent_nodes(at)
        for node_id in silent:
            with self.transactions(tenant_id) as tx:
                tx.leases.lock_nodes_below(node_id)
                node = tx.limits.node(node_id, at, lock=True)
                if node is None or node_id not in tx.watch.silent_nodes(at):
                    continue
                leases.stop_below(
                    *(tx, node_id), reason=f"{node.name} fell silent", by=CHANGED_BY, correlation_id=str(node_id), at=at
                )
                heard_at = tx.watch.note_silence(node_id)
                tx.watch.request_cancels(node_id, at)
                event = DeadManExpired(
                    node_id=node_id,
                    node_name=node.name,
                    heartbeat_at_ns=nanoseconds(heard_at),
                    open_orders=len(tx.limits.open_orders(node_id)),
                )
                tx.outbox.add(
                    event,
                    aggregate_id=node_id,
                    account_id=None,
                    correlation_id=str(uuid.uuid4()),
                    occurred_at_ns=nanoseconds(at),
                )

    def _end_overrides(self, tenant_id: uuid.UUID, at: datetime) -> None:
        with self.transactions(tenant_id) as tx:
            ended = tx.watch.ended_overrides(at)
        for override_id in ended:
            try:
                with self.transactions(tenant_id) as tx:
                    tell_override_ended(tx, override_id, by=CHANGED_BY, at=at)
            except BreakwaterError as error:  # One that cannot be told does not keep back the others.
                self.tell(f"the end of override {override_id} of {tenant_id}: {error.message}")

    def _look_at_uses(self, tenant_id: uuid.UUID, at: datetime) -> None:
        with self.transactions(tenant_id) as tx:
            due = tx.limit_settings.uses_due(at)
        for limit_id, due_at in due:
            with self.transactions(tenant_id) as tx:
                look_now(tx, limit_id, due_at, by=CHANGED_BY, at=at)

    def _forget(self, at: datetime) -> None:
        """Once a minute, and in small steps: nobody looks back so far any more."""
        if self._forgot_at is not None and at - self._forgot_at < timedelta(minutes=1):
            return
        with self.untenanted() as connection:
            gone = forget_activity(connection, at - ACTIVITY_KEPT, at_most=FORGOTTEN_AT_ONCE_MAX)
        if gone < FORGOTTEN_AT_ONCE_MAX:
            self._forgot_at = at
