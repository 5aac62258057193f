"""Losses stop a node within a second of the price that crosses, whoever else is silent.

It asks nobody but the database, and waits a part of a second at most for what somebody holds: an engine that hangs, or
a node that is locked, must not keep the others from being looked at. Whatever it does is decided again under the
node's lock, so two of these beside each other, or one that died in the middle, do nothing twice.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.watch import Holding, tenants_to_watch
from breakwater.domain.exposure import ZERO, Action, Limit, NodeState, Scope, is_stricter
from breakwater.domain.limits import watched_losses
from breakwater.domain.market import Market, MissingReference
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.errors import BreakwaterError
from breakwater.services.limits import change_node_state
from breakwater.services.settlement import TenantTransactions

BASE_CURRENCY = "USDT"
CHANGED_BY = "watch"
OBSERVED_EVERY = timedelta(seconds=1)  # An unchanged profit and loss is noted again after so long: it is not stale.
LOOK_WAIT_MAX = timedelta(milliseconds=250)  # For what a look at one organisation finds locked.
NODES_WAIT_MAX = timedelta(milliseconds=500)  # For all nodes of a round together that are to stop and are locked.
NODE_WAIT_MIN = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True)
class _Stop:
    """What a loss beyond a limit asks for: the node's state, and why."""

    tenant_id: uuid.UUID
    node_id: uuid.UUID
    state: NodeState
    reason: str


@dataclass(slots=True)
class LossWatch:
    """The state between rounds is only about whose turn it is: all that matters is in the database."""

    untenanted: Callable[[], AbstractContextManager[Connection]]
    transactions: TenantTransactions
    tell: Callable[[str], None]  # What went wrong, for the log.
    _not_seen: set[uuid.UUID] = field(default_factory=set)

    def run_round(self, at: datetime) -> None:
        """One look at all losses. What cannot be looked at, or is locked, does not keep the others from it."""
        with self.untenanted() as connection:
            tenants = tenants_to_watch(connection, at)
        locked: list[_Stop] = []
        # Each of those that could not be looked at last time may cost a wait: the others come first.
        for tenant_id in sorted(tenants, key=self._not_seen.__contains__):
            try:
                locked += [stop for stop in self._look(tenant_id, at) if not self._stop_if_free(stop, at)]
                self._not_seen.discard(tenant_id)
            except BreakwaterError as error:
                self._not_seen.add(tenant_id)
                self.tell(f"losses of {tenant_id}: {error.message}")
        for stop in locked:
            try:
                self._stop(stop, at, wait_max=max(NODES_WAIT_MAX / len(locked), NODE_WAIT_MIN))
            except BreakwaterError as error:
                self.tell(f"{stop.node_id} of {stop.tenant_id} is to stop and is locked: {error.message}")

    def _look(self, tenant_id: uuid.UUID, at: datetime) -> list[_Stop]:
        with self.transactions(tenant_id) as tx:
            tx.watch.wait_at_most(LOOK_WAIT_MAX)
            by_node: dict[uuid.UUID, list[Holding]] = defaultdict(list)
            for holding in tx.watch.holdings():
                by_node[holding.node_id].append(holding)
            if not by_node:
                return []
            market = tx.limits.market(at)
            scopes = {scope.node.node_id: scope for scope in tx.limits.scopes_at(at, list(by_node))}
            stops = []
            for node_id, holdings in by_node.items():
                scope = _observed(scopes[node_id], holdings, market, tx)
                crossed = ((limit, lost) for limit, lost in watched_losses(scope, at))
                stops += [stop for limit, lost in crossed if (stop := _stop_for(scope, limit, lost, tenant_id))]
        return stops

    def _stop_if_free(self, stop: _Stop, at: datetime) -> bool:
        """False: somebody holds the node now."""
        with self.transactions(stop.tenant_id) as tx:
            if not tx.watch.lock_node_if_free(stop.node_id):
                return False
            _carry_out(stop, tx, at)
        return True

    def _stop(self, stop: _Stop, at: datetime, *, wait_max: timedelta) -> None:
        with self.transactions(stop.tenant_id) as tx:
            tx.watch.wait_at_most(wait_max)
            _carry_out(stop, tx, at)


def _stop_for(scope: Scope, limit: Limit, lost: Decimal, tenant_id: uuid.UUID) -> _Stop | None:
    """None where the limit only warns or refuses, and where the node is as strict already."""
    state = Action(limit.action).node_state
    if state is None or not is_stricter(state, scope.node.state):
        return None
    reason = f"{limit.limit_type} of {format_amount(limit.cap)}: {format_amount(trim(lost))} lost"
    return _Stop(tenant_id, scope.node.node_id, state, reason)


def _carry_out(stop: _Stop, tx: TenantTransaction, at: datetime) -> None:
    node = tx.limits.node(stop.node_id, at, lock=True)
    if node is not None and is_stricter(stop.state, node.state):
        change_node_state(
            tx, node, stop.state, reason=stop.reason, by=CHANGED_BY, correlation_id=str(uuid.uuid4()), at=at
        )


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
