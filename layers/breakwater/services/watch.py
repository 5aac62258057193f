"""What has to happen although nobody asks: losses stop a node, a silence cancels its orders, an override ends.

One round is run several times a second. Whatever it does is written under the node's lock and read again there, so two
watches beside each other, or one that died in the middle, do nothing twice and leave nothing undone.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.degraded import degraded_tenants
from breakwater.db.limits import OpenOrder
from breakwater.db.watch import Holding, forget_activity, tenants_to_watch
from breakwater.domain.exposure import BASE_CURRENCY, ZERO, Action, Limit, Scope, is_stricter
from breakwater.domain.limits import watched_losses
from breakwater.domain.market import Market, MissingReference
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.times import nanoseconds
from breakwater.errors import BreakwaterError
from breakwater.services import leases
from breakwater.services.below_use import look_now
from breakwater.services.cancels import cancel_open
from breakwater.services.degraded import LEDGER_TRIED_EVERY, mind
from breakwater.services.engine_client import EngineClient, FailedCancel
from breakwater.services.limits import change_node_state
from breakwater.services.overrides import tell_override_ended
from breakwater.services.settlement import TenantTransactions, settle_if_known
from breakwater.services.trade_failures import tell_failed
from events.limits import DeadManExpired

CHANGED_BY = "watch"
OBSERVED_EVERY = timedelta(seconds=1)  # An unchanged profit and loss is noted again after so long: it is not stale.
CANCEL_AGAIN_S = 1.0  # What could not be cancelled is tried again after so long.
ACTIVITY_KEPT = timedelta(days=1, minutes=1)
FORGOTTEN_AT_ONCE_MAX = 5_000
FAILED_CANCELS_TOLD_MAX = 200  # Of a kill: the engine that does not answer is told of by itself.


@dataclass(slots=True)
class Watch:
    """The state between rounds is only about how often: all that matters is in the database."""

    untenanted: Callable[[], AbstractContextManager[Connection]]
    transactions: TenantTransactions
    engine: EngineClient
    tell: Callable[[str], None]  # What went wrong, for the log.
    _works: tuple[Callable[[uuid.UUID, datetime], None], ...] = field(init=False, repr=False)
    _tried: dict[uuid.UUID, datetime] = field(default_factory=dict)
    _tried_ledger: dict[uuid.UUID, datetime] = field(default_factory=dict)
    _forgot_at: datetime | None = None

    def __post_init__(self) -> None:
        # Leases before kills: what those cancel must not become free for a lease that is to be stopped.
        self._works = (
            *(self._watch_losses, self._watch_silence, self._tend_leases),
            *(self._carry_out_kills, self._end_overrides, self._look_at_uses),
        )

    def run_round(self, at: datetime) -> None:
        """One look at everything. A tenant that cannot be looked at does not keep the others from it."""
        with self.untenanted() as connection:
            tenants = tenants_to_watch(connection, at)
            degraded = degraded_tenants(connection)
        for tenant_id in degraded:
            self._mind_modes(tenant_id, at)
        for tenant_id in tenants:
            for work in self._works:
                try:
                    work(tenant_id, at)
                except BreakwaterError as error:
                    self.tell(f"{work.__name__.strip('_')} of {tenant_id}: {error.message}")
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

    def _watch_losses(self, tenant_id: uuid.UUID, at: datetime) -> None:
        with self.transactions(tenant_id) as tx:
            by_node: dict[uuid.UUID, list[Holding]] = defaultdict(list)
            for holding in tx.watch.holdings():
                by_node[holding.node_id].append(holding)
            if not by_node:
                return
            market = tx.limits.market(at)
            scopes = {scope.node.node_id: scope for scope in tx.limits.scopes_at(at, list(by_node))}
            crossed = []
            for node_id, holdings in by_node.items():
                scope = _observed(scopes[node_id], holdings, market, tx)
                crossed += [(scope, limit, lost) for limit, lost in watched_losses(scope, at)]
        for scope, limit, lost in crossed:
            self._stop(tenant_id, scope, limit, lost, at)

    def _stop(self, tenant_id: uuid.UUID, scope: Scope, limit: Limit, lost: Decimal, at: datetime) -> None:
        state = Action(limit.action).node_state
        if state is None:
            return
        with self.transactions(tenant_id) as tx:
            node = tx.limits.node(scope.node.node_id, at, lock=True)
            if node is None or not is_stricter(state, node.state):
                return
            reason = f"{limit.limit_type} of {format_amount(limit.cap)}: {format_amount(trim(lost))} lost"
            change_node_state(tx, node, state, reason=reason, by=CHANGED_BY, correlation_id=str(uuid.uuid4()), at=at)

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

    def _tend_leases(self, tenant_id: uuid.UUID, at: datetime) -> None:
        with self.transactions(tenant_id) as tx:
            pressing = tx.leases.pressing()
            due = [lease for lease in tx.leases.page() if lease.lease_id in pressing or lease.is_due(at)]
        for lease in due:
            try:
                leases.tend(lease.lease_id, tenant_id, self.transactions, self.engine, at)
            except BreakwaterError as error:  # One that the engine does not answer for does not keep the others.
                self.tell(f"lease {lease.lease_id} of {tenant_id}: {error.message}")

    def _carry_out_kills(self, tenant_id: uuid.UUID, at: datetime) -> None:
        """A request stays until all that was open below the node has ended."""
        with self.transactions(tenant_id) as tx:
            requested = tx.watch.nodes_to_cancel()
        for node_id, requested_at in requested:
            tried_at = self._tried.get(node_id)
            if tried_at is not None and at - tried_at < timedelta(seconds=CANCEL_AGAIN_S):
                continue
            self._tried[node_id] = at
            with self.transactions(tenant_id) as tx:
                if not tx.watch.is_to_cancel(node_id):
                    continue  # Whoever asked for it has done it meanwhile, and what is open now may be new.
                account_ids = tx.limits.account_ids_below(node_id)
                open_orders = tx.limits.open_orders(node_id)
                # Until a lease is over the engine may have orders of it that the ledger has not heard of.
                is_leased = bool(tx.leases.page(node_id=node_id))
            outcome = cancel_open(
                account_ids, open_orders, tenant_id=tenant_id, correlation_id=str(uuid.uuid4()), engine=self.engine
            )
            for snapshot in outcome.canceled:
                settle_if_known(snapshot, tenant_id, self.transactions)
            if outcome.failed:
                self.tell(f"{len(outcome.failed)} orders below {node_id} may still be open: {outcome.failed[0].reason}")
                self._tell_not_cancelled(tenant_id, open_orders, outcome.failed, at)
                continue
            if is_leased:
                continue
            with self.transactions(tenant_id) as tx:
                tx.watch.canceled(node_id, requested_at)
            self._tried.pop(node_id, None)

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

    def _end_overrides(self, tenant_id: uuid.UUID, at: datetime) -> None:
        with self.transactions(tenant_id) as tx:
            ended = tx.watch.ended_overrides(at)
        for override_id in ended:
            with self.transactions(tenant_id) as tx:
                tell_override_ended(tx, override_id, by=CHANGED_BY, at=at)

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


def _observed(scope: Scope, holdings: Sequence[Holding], market: Market, tx: TenantTransaction) -> Scope:
    """With its profit and loss as of now, noted where it changed; as last observed where a mark is missing."""
    standing, at = scope.standing, market.at
    try:
        pnl = profit_and_loss(holdings, market)
    except MissingReference:
        return scope
    day = scope.node.session_day
    is_first = standing.pnl is None
    is_old = standing.observed_at is None or at - standing.observed_at >= OBSERVED_EVERY
    if pnl != standing.pnl or is_old:
        opened = _opened_at(scope, holdings, market, tx) if is_first else ZERO
        tx.watch.observe(scope.node.node_id, pnl, opened, day=day, at=at)
        return tx.limits.scopes_at(at, [scope.node.node_id])[0]
    return scope


def profit_and_loss(holdings: Sequence[Holding], market: Market) -> Decimal:
    """Realised less fees plus unrealised at the marks, in the base currency.

    MissingReference where something is held and its mark, or its currency's rate, is not fresh.
    """
    total = ZERO
    with localcontext(EXACT):
        for holding in holdings:
            earned = holding.realised_pnl
            if holding.quantity or holding.cost:
                earned += holding.quantity * market.mark(holding.symbol) - holding.cost
            if earned:
                total += earned * market.rate(market.quote_asset(holding.symbol), BASE_CURRENCY)
    return total


def _opened_at(scope: Scope, holdings: Sequence[Holding], market: Market, tx: TenantTransaction) -> Decimal:
    """What profit and loss was when the session began, for a node that is watched for the first time.

    What was realised since is known, and what was opened since had no profit then. Of what was held before, the mark at
    the session's beginning is not known: it counts from now on.
    """
    changes = tx.watch.changes_on(scope.node.node_id, scope.node.session_day, market.at)
    opened = ZERO
    with localcontext(EXACT):
        for holding in holdings:
            realised, quantity = changes.get(holding.symbol, (ZERO, ZERO))
            earned = holding.realised_pnl - realised
            if holding.quantity != quantity:
                earned += holding.quantity * market.mark(holding.symbol) - holding.cost
            if earned:
                opened += earned * market.rate(market.quote_asset(holding.symbol), BASE_CURRENCY)
    return opened
