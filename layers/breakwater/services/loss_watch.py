"""Losses stop a node within a second of the price that crosses, whoever else is silent.

It asks nobody but the database, and waits a part of a second at most for what somebody holds: an engine that hangs, or
a node that is locked, must not keep the others from being looked at. Whatever it does is decided again under the
node's lock, so two of these beside each other, or one that died in the middle, do nothing twice.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, localcontext

from breakwater.db.connection import Connection, TenantTransaction
from breakwater.db.watch import Holding, ToldLoss, tenants_to_watch
from breakwater.domain.exposure import BASE_CURRENCY, ZERO, Action, Limit, NodeState, Scope, is_stricter
from breakwater.domain.limits import loss_told, watched_losses
from breakwater.domain.market import Market, MissingReference
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.times import nanoseconds
from breakwater.errors import BreakwaterError
from breakwater.services.limits import change_node_state, loss_breach
from breakwater.services.settlement import TenantTransactions

_LOG = logging.getLogger("breakwater.watch")

CHANGED_BY = "watch"
DAILY_LOSS = "DAILY_LOSS"  # It begins anew with each session.
OBSERVED_EVERY = timedelta(seconds=1)  # An unchanged profit and loss is noted again after so long: it is not stale.
LOOK_WAIT_MAX = timedelta(milliseconds=250)  # For what a look at one organisation finds locked.
NODES_WAIT_MAX = timedelta(milliseconds=500)  # For all nodes of a round together that are to stop and are locked.
NODE_WAIT_MIN = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True)
class _Stop:
    """What a loss beyond a limit asks for: the node's state."""

    tenant_id: uuid.UUID
    node_id: uuid.UUID
    limit_id: uuid.UUID | None
    state: NodeState


@dataclass(frozen=True, slots=True)
class _Tell:
    """Thresholds of a limit that a loss has reached (none: it has fallen), and how far it is told with them."""

    scope: Scope
    limit: Limit
    lost: Decimal
    before: ToldLoss
    day: date
    pcts: Sequence[int]
    told_pct: int


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
                stops, tells = self._look(tenant_id, at)
                locked += [stop for stop in stops if not self._stop_if_free(stop, at)]
                self._tell(tells, tenant_id, at)  # After the stops, which nothing holds up.
                self._not_seen.discard(tenant_id)
            except BreakwaterError as error:
                self._not_seen.add(tenant_id)
                self.tell(f"losses of {tenant_id}: {error.message}")
            except Exception:  # noqa: BLE001  # Whatever is wrong with it, the losses of the others are watched.
                self._not_seen.add(tenant_id)
                _LOG.exception("the losses of %s could not be looked at", tenant_id)
        for stop in locked:
            try:
                self._stop(stop, at, wait_max=max(NODES_WAIT_MAX / len(locked), NODE_WAIT_MIN))
            except BreakwaterError as error:
                self.tell(f"{stop.node_id} of {stop.tenant_id} is to stop and is locked: {error.message}")
            except Exception:  # noqa: BLE001  # As above.
                _LOG.exception("%s of %s could not be stopped", stop.node_id, stop.tenant_id)

    def _look(self, tenant_id: uuid.UUID, at: datetime) -> tuple[list[_Stop], list[_Tell]]:
        with self.transactions(tenant_id) as tx:
            tx.wait_at_most(LOOK_WAIT_MAX)
            told = tx.watch.told_losses()  # Before the prices: those are never older than what was told of them.
            by_node: dict[uuid.UUID, list[Holding]] = defaultdict(list)
            for holding in tx.watch.holdings():
                by_node[holding.node_id].append(holding)
            if not by_node:
                return [], []
            market = tx.limits.market(at)
            scopes = {scope.node.node_id: scope for scope in tx.limits.scopes_at(at, list(by_node))}
            noted = _observe(scopes, by_node, market, tx)
        stops, tells = [], []
        for node_id, scope in scopes.items():
            for limit, lost in watched_losses(scope, at):
                stop = _stop_for(scope, limit, lost, tenant_id)
                if stop is not None:
                    stops.append(stop)
                tell = _tell_for(scope, limit, lost, told, is_noted=node_id in noted)
                if tell is not None:
                    tells.append(tell)
        return stops, tells

    def _tell(self, tells: Sequence[_Tell], tenant_id: uuid.UUID, at: datetime) -> None:
        if not tells:
            return
        with self.transactions(tenant_id) as tx:
            tx.wait_at_most(LOOK_WAIT_MAX)
            for each in sorted(tells, key=lambda tell: tell.before.limit_id):  # Two watches wait in one order.
                if not tx.watch.note_told(each.before, each.told_pct, each.day):
                    continue  # The other watch has told it.
                node = each.scope.node
                for pct in each.pcts:
                    tx.outbox.add(
                        loss_breach(each.scope, each.limit, each.lost, pct),
                        aggregate_id=node.node_id,
                        account_id=node.account_id,
                        correlation_id=str(uuid.uuid4()),
                        occurred_at_ns=nanoseconds(at),
                    )

    def _stop_if_free(self, stop: _Stop, at: datetime) -> bool:
        """False: somebody holds the node now."""
        with self.transactions(stop.tenant_id) as tx:
            if not tx.watch.lock_node_if_free(stop.node_id):
                return False
            _carry_out(stop, tx, at)
        return True

    def _stop(self, stop: _Stop, at: datetime, *, wait_max: timedelta) -> None:
        with self.transactions(stop.tenant_id) as tx:
            tx.wait_at_most(wait_max)
            _carry_out(stop, tx, at)


def _stop_for(scope: Scope, limit: Limit, lost: Decimal, tenant_id: uuid.UUID) -> _Stop | None:
    """None within the limit, where it only warns or refuses, and where the node is as strict already."""
    state = Action(limit.action).node_state
    if lost <= limit.cap or state is None or not is_stricter(state, scope.node.state):
        return None
    return _Stop(tenant_id, scope.node.node_id, limit.limit_id, state)


def _tell_for(
    scope: Scope, limit: Limit, lost: Decimal, told: Mapping[uuid.UUID, ToldLoss], *, is_noted: bool
) -> _Tell | None:
    """None where nothing has changed since it was told."""
    if limit.limit_id is None:
        raise ValueError(f"{limit.limit_type} is built in, and has no loss")
    before = told.get(limit.limit_id, ToldLoss(limit.limit_id))
    # Until a session's first observation the loss is that of the session before, and so is what was told of it.
    days = [before.observed_on, scope.node.session_day if is_noted else None]
    day = max((day for day in days if day is not None), default=None)
    if day is None:
        return None
    begins_anew = limit.limit_type == DAILY_LOSS and before.session_date != day
    told_pct = 0 if begins_anew else before.pct
    pcts, now_told_pct = loss_told(limit, lost, told_pct)
    if now_told_pct == told_pct:
        return None
    return _Tell(scope, limit, lost, before, day, pcts, now_told_pct)


def _carry_out(stop: _Stop, tx: TenantTransaction, at: datetime) -> None:
    """If it is still to be: whoever held the node may have set the limit higher, or have stopped it."""
    if tx.limits.node(stop.node_id, at, lock=True) is None:
        return
    [scope] = tx.limits.scopes_at(at, [stop.node_id])
    for limit, lost in watched_losses(scope, at):
        if limit.limit_id == stop.limit_id and _stop_for(scope, limit, lost, stop.tenant_id) == stop:
            reason = f"{limit.limit_type} of {format_amount(limit.cap)}: {format_amount(trim(lost))} lost"
            change_node_state(
                tx, scope.node, stop.state, reason=reason, by=CHANGED_BY, correlation_id=str(uuid.uuid4()), at=at
            )


def _observe(
    scopes: dict[uuid.UUID, Scope],
    by_node: Mapping[uuid.UUID, Sequence[Holding]],
    market: Market,
    tx: TenantTransaction,
) -> set[uuid.UUID]:
    """Note profit and loss where it has changed, and put the scopes as they are then into the place of those before.

    The nodes where it was noted. It stays as last observed where a mark is missing, and where somebody holds the row:
    the next round is soon enough.
    """
    changed = {}
    for node_id, holdings in by_node.items():
        standing = scopes[node_id].standing
        try:
            pnl = profit_and_loss(holdings, market)
        except MissingReference:
            continue
        is_old = standing.observed_at is None or market.at - standing.observed_at >= OBSERVED_EVERY
        if pnl != standing.pnl or is_old:
            changed[node_id] = pnl
    if not changed:
        return set()
    noted = changed.keys() - tx.watch.held_standings(list(changed))
    for node_id in sorted(noted):
        scope = scopes[node_id]
        is_first = scope.standing.pnl is None
        opened = _opened_at(scope, by_node[node_id], market, tx) if is_first else ZERO
        tx.watch.observe(node_id, changed[node_id], opened, day=scope.node.session_day, at=market.at)
    scopes.update({scope.node.node_id: scope for scope in tx.limits.scopes_at(market.at, list(noted))})
    return noted


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
                total += market.worth(earned, market.quote_asset(holding.symbol), BASE_CURRENCY, ROUND_FLOOR)
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
                opened += market.worth(earned, market.quote_asset(holding.symbol), BASE_CURRENCY)
    return opened
