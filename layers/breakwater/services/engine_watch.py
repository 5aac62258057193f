"""What is owed to the engine: leases renewed and ended, and the orders cancelled of whatever was killed.

An engine that hangs costs the whole time-out of each question. After the first such silence a round ends, and those
that it did not come to are asked first in the next one: neither waits anybody for long, nor does anybody wait for ever.
Whatever it does is decided again under lock, so two of these beside each other do nothing twice.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from breakwater.db.connection import Connection
from breakwater.db.limits import OpenOrder
from breakwater.db.watch import tenants_to_watch
from breakwater.errors import BreakwaterError, DatabaseUnavailable, EngineSilent
from breakwater.services import leases
from breakwater.services.cancels import cancel_open
from breakwater.services.engine_client import EngineClient, FailedCancel
from breakwater.services.settlement import TenantTransactions, settle_if_known
from breakwater.services.trade_failures import tell_failed

_LOG = logging.getLogger("breakwater.watch")

CANCEL_AGAIN_S = 1.0  # What could not be cancelled is tried again after so long.
SILENCE_KEPT = timedelta(minutes=10)  # Whoever met one so long ago has his turn as all others.
FAILED_CANCELS_TOLD_MAX = 200  # Of a kill: the engine that does not answer is told of by itself.
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Tried:
    """A kill that has not been carried out yet."""

    at: datetime
    times: int


@dataclass(slots=True)
class EngineWatch:
    """The state between rounds is only about whose turn it is: all that matters is in the database."""

    untenanted: Callable[[], AbstractContextManager[Connection]]
    transactions: TenantTransactions
    engine: EngineClient
    tell: Callable[[str], None]  # What went wrong, for the log.
    _tried: dict[uuid.UUID, _Tried] = field(default_factory=dict)
    _silent: dict[uuid.UUID, datetime] = field(default_factory=dict)  # Tenants, leases and nodes, and since when.

    def run_round(self, at: datetime) -> None:
        """One look at everything, as far as the first organisation that meets a silence."""
        with self.untenanted() as connection:
            tenants = tenants_to_watch(connection, at)
        self._silent = {each: since for each, since in self._silent.items() if at - since < SILENCE_KEPT}
        for tenant_id in self._in_turn(tenants):
            # Leases before kills: what those cancel must not become free for a lease that is to be stopped.
            met = [self._meets_silence(work, tenant_id, at) for work in (self._tend_leases, self._carry_out_kills)]
            if any(met):
                self._silent[tenant_id] = at
                return
            self._silent.pop(tenant_id, None)

    def _in_turn(self, ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Those that met a silence come last, the latest of them at the very end."""
        return sorted(ids, key=lambda each: self._silent.get(each, _NEVER))

    def _meets_silence(self, work: Callable[[uuid.UUID, datetime], bool], tenant_id: uuid.UUID, at: datetime) -> bool:
        try:
            return work(tenant_id, at)
        except BreakwaterError as error:
            self.tell(f"{work.__name__.strip('_')} of {tenant_id}: {error.message}")
            return isinstance(error, DatabaseUnavailable)
        except Exception:  # noqa: BLE001  # Whatever is wrong with it comes last from now on, and the others first.
            _LOG.exception("%s of %s failed", work.__name__.strip("_"), tenant_id)
            return True

    def _tend_leases(self, tenant_id: uuid.UUID, at: datetime) -> bool:
        """True: it has met a silence, and those behind it wait for the next round."""
        with self.transactions(tenant_id) as tx:
            pressing = tx.leases.pressing()
            due = [lease.lease_id for lease in tx.leases.page() if lease.lease_id in pressing or lease.is_due(at)]
        for lease_id in self._in_turn(due):
            try:
                leases.tend(lease_id, tenant_id, self.transactions, self.engine, at)
            except (EngineSilent, DatabaseUnavailable) as error:
                self.tell(f"lease {lease_id} of {tenant_id}: {error.message}")
                self._silent[lease_id] = at
                return True
            except BreakwaterError as error:  # One that the engine has no good answer for does not keep the others.
                self.tell(f"lease {lease_id} of {tenant_id}: {error.message}")
            self._silent.pop(lease_id, None)
        return False

    def _carry_out_kills(self, tenant_id: uuid.UUID, at: datetime) -> bool:
        """A request stays until all that was open below the node has ended. True: it has met a silence."""
        with self.transactions(tenant_id) as tx:
            requested = {node_id: since for node_id, since in tx.watch.nodes_to_cancel() if self._is_due(node_id, at)}
        for node_id in self._in_turn(list(requested)):
            if self._carry_out_kill(tenant_id, node_id, requested[node_id], at):
                self._silent[node_id] = at
                return True
            self._silent.pop(node_id, None)
        return False

    def _is_due(self, node_id: uuid.UUID, at: datetime) -> bool:
        tried = self._tried.get(node_id)
        return tried is None or at - tried.at >= timedelta(seconds=CANCEL_AGAIN_S)

    def _carry_out_kill(self, tenant_id: uuid.UUID, node_id: uuid.UUID, requested_at: datetime, at: datetime) -> bool:
        times = self._tried[node_id].times if node_id in self._tried else 0
        self._tried[node_id] = _Tried(at, times + 1)
        with self.transactions(tenant_id) as tx:
            if not tx.watch.is_to_cancel(node_id):
                return False  # Whoever asked for it has done it meanwhile, and what is open now may be new.
            account_ids = tx.limits.account_ids_below(node_id)
            open_orders = tx.limits.open_orders(node_id)
            # Until a lease is over the engine may have orders of it that the ledger has not heard of.
            is_leased = bool(tx.leases.page(node_id=node_id))
        # Each try begins with another order: one that the engine is silent about does not keep the others for ever.
        first = times % max(len(open_orders), 1)
        outcome = cancel_open(
            account_ids,
            [*open_orders[first:], *open_orders[:first]],
            tenant_id=tenant_id,
            correlation_id=str(uuid.uuid4()),
            engine=self.engine,
        )
        for snapshot in outcome.canceled:
            settle_if_known(snapshot, tenant_id, self.transactions)
        if outcome.failed:
            self.tell(f"{len(outcome.failed)} orders below {node_id} may still be open: {outcome.failed[0].reason}")
            self._tell_not_cancelled(tenant_id, open_orders, outcome.failed, at)
            return outcome.is_silent
        if not is_leased:
            with self.transactions(tenant_id) as tx:
                tx.watch.canceled(node_id, requested_at)
            self._tried.pop(node_id, None)
        return outcome.is_silent

    def _tell_not_cancelled(
        self, tenant_id: uuid.UUID, open_orders: Sequence[OpenOrder], failed: Sequence[FailedCancel], at: datetime
    ) -> None:
        """Once for each order, however often it is tried again."""
        known = {order.order_id: order for order in open_orders}
        with self.transactions(tenant_id) as tx:
            for each in failed[:FAILED_CANCELS_TOLD_MAX]:
                order = known.get(each.order_id)
                if order is not None:
                    tell_failed(
                        order.order_id,
                        order.account_id,
                        order.symbol,
                        tx,
                        stage="CANCEL",
                        reason=each.reason,
                        correlation_id=str(uuid.uuid4()),
                        at=at,
                    )
