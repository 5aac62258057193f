"""Leases: what the engine may trade by itself, granted, renewed, given back, and taken over by its orders.

A grant is booked first and told then; what is given back is freed only by the engine's journalled answer (decision 89).
"""

import uuid
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from breakwater.db.connection import TenantTransaction
from breakwater.db.ladders import Ladder
from breakwater.domain.executions import ROUTER_VENUE
from breakwater.domain.exposure import ZERO
from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import LeaseWords, SetLease
from breakwater.domain.lease_terms import NotLeased, Renewal, judged
from breakwater.domain.leases import (
    Lease,
    LeaseAnswer,
    LeaseState,
    LeaseTerms,
    answered,
    asked,
    first_size,
    sized,
    stopped,
)
from breakwater.domain.money import EXACT, Amount, format_computed
from breakwater.domain.orders import (
    SIMULATED_VENUE,
    OrderTerms,
    OrderType,
    SelfTrade,
    Side,
    Symbol,
    Venue,
)
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Caller
from breakwater.domain.times import format_time, nanoseconds
from breakwater.domain.valuation import ReferenceUnavailable
from breakwater.errors import Conflict, EngineUnavailable, InvalidRequest, NotFound, Rejection, Unavailable
from breakwater.services.engine_client import EngineClient
from breakwater.services.lease_ledger import rebook
from breakwater.services.limit_tree import require_visible
from breakwater.services.limit_views import LeaseList, LeaseView
from breakwater.services.limits import CHANGED_BY, path_of
from breakwater.services.settlement import TenantTransactions
from events.limits import LeaseChanged

ORDERS_MAX = 10_000


class LeaseRequest(BaseModel):
    """The body of POST /limits/leases: quantities, in base units, that may be free for orders at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: uuid.UUID
    symbol: Symbol
    venue: Venue = SIMULATED_VENUE
    strategy_id: uuid.UUID | None = None
    api_key_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    buy_max: Annotated[Amount, Field(ge=0)]
    sell_max: Annotated[Amount, Field(ge=0)]
    orders_max: Annotated[int, Field(ge=1, le=ORDERS_MAX)]


def open_lease(
    request: LeaseRequest, caller: Caller, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> LeaseView:
    """Let the engine trade by itself for the account in the symbol, within every limit above it.

    One that is open changes its sizes. Raises NotFound (account, strategy, key), InvalidRequest (symbol, venue, lots),
    Conflict (in use for another strategy, key or venue; or a limit that no lease can hold is in its way),
    ReferenceUnavailable. When the engine does not answer the lease is told to it again until it does.
    """
    caller.require("risk:manage")
    with transactions(caller.tenant_id) as tx:
        lease = _opened(tx, request, caller, at)
        _tell(tx, lease, caller.correlation_id, at)
    return _view(tell_engine(lease.lease_id, caller.tenant_id, transactions, engine, at))


def stop_lease(
    lease_id: uuid.UUID, caller: Caller, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> LeaseView:
    """No order passes any more, and what none has taken is given back with the engine's answer. NotFound."""
    caller.require("risk:manage")
    with transactions(caller.tenant_id) as tx:
        by, told_by = caller.username, caller.correlation_id
        if _stop(tx, lease_id, at, reason="asked for", by=by, correlation_id=told_by) is None:
            raise NotFound("no such lease")
    return _view(tell_engine(lease_id, caller.tenant_id, transactions, engine, at))


def list_leases(
    caller: Caller, tx: TenantTransaction, at: datetime, *, node_id: uuid.UUID | None, living_only: bool
) -> LeaseList:
    """Those of the accounts that the caller may see, below one node or all. NotFound for a node he may not see."""
    caller.require("limits:read")
    accounts = None
    if caller.role not in ROLES_WITH_ALL_ACCOUNTS:
        accounts = tx.identity.accessible_account_ids(caller.subject, caller.role)
    if node_id is not None:
        require_visible(node_id, caller, tx, at)
    found = tx.leases.page(node_id=node_id, account_ids=accounts, living_only=living_only)
    return {"items": [_view(lease) for lease in found]}


def stop_below(
    tx: TenantTransaction, node_id: uuid.UUID, *, reason: str, by: str, correlation_id: str, at: datetime
) -> list[uuid.UUID]:
    """Stop every lease that is held at the node; the engine is to be told of these."""
    living = tx.leases.page(node_id=node_id)
    stops = [_stop(tx, lease.lease_id, at, reason=reason, by=by, correlation_id=correlation_id) for lease in living]
    return [lease.lease_id for lease in stops if lease is not None]


def tend(
    lease_id: uuid.UUID, tenant_id: uuid.UUID, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> None:
    """What a lease is owed: newer terms, its end, or the question that the engine has not answered.

    Raises EngineUnavailable, its kind EngineSilent where the engine let the question go by, and is then done again.
    """
    with transactions(tenant_id) as tx:
        may_grow = tx.degraded.is_ledger_open()  # Before any node is locked, as for orders.
        lease = tx.leases.lock(lease_id)
        if lease is not None and (may_grow or lease.state == LeaseState.STOPPED):
            _renew(tx, lease, at)
    if not _ask_engine(lease_id, tenant_id, transactions, engine, at).is_answered:
        raise EngineUnavailable("the engine's answer is about older terms of a lease")


def tell_all(
    lease_ids: Sequence[uuid.UUID],
    tenant_id: uuid.UUID,
    transactions: TenantTransactions,
    engine: EngineClient,
    at: datetime,
) -> list[uuid.UUID]:
    """Those that the engine has not answered for. After the first silence it is not waited for again."""
    for number, lease_id in enumerate(lease_ids):
        if not tell_engine(lease_id, tenant_id, transactions, engine, at).is_answered:
            return list(lease_ids[number:])
    return []


def tell_engine(
    lease_id: uuid.UUID, tenant_id: uuid.UUID, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> Lease:
    """Tell the newest terms and take the answer; the lease as it is then, unanswered when the engine was silent."""
    try:
        return _ask_engine(lease_id, tenant_id, transactions, engine, at)
    except EngineUnavailable:
        return _lease(lease_id, tenant_id, transactions)


def _lease(lease_id: uuid.UUID, tenant_id: uuid.UUID, transactions: TenantTransactions) -> Lease:
    with transactions(tenant_id) as tx:
        lease = tx.leases.get(lease_id)
    if lease is None:
        raise NotFound("no such lease")
    return lease


def _ask_engine(
    lease_id: uuid.UUID, tenant_id: uuid.UUID, transactions: TenantTransactions, engine: EngineClient, at: datetime
) -> Lease:
    """As `tell_engine`, but raises EngineUnavailable."""
    lease = _lease(lease_id, tenant_id, transactions)
    if lease.is_answered:
        return lease
    words = engine.set_lease(_message(lease, tenant_id))
    with transactions(tenant_id) as tx:
        now = tx.leases.lock(lease_id)
        if now is None:
            raise RuntimeError(f"lease {lease_id} is gone")
        after = answered(now, _answer(words))
        if after is not now:
            rebook(tx, now, after, at)
    return after


def _opened(tx: TenantTransaction, request: LeaseRequest, caller: Caller, at: datetime) -> Lease:
    """The lease with its new sizes and terms, written and booked."""
    if not tx.degraded.is_ledger_open():
        raise Unavailable("the limits ledger does not answer, and orders that pass beside it come first")
    if request.venue == ROUTER_VENUE:
        told = f"nothing is leased at {ROUTER_VENUE}: what the engine takes by itself goes to one venue"
        raise InvalidRequest(told, field="venue")
    tx.market.require_venue(request.venue)
    if request.api_key_id is not None and all(key.key_id != request.api_key_id for key in tx.identity.api_keys(None)):
        raise NotFound("no such API key", field="api_key_id")
    ladder = _locked_ladder(tx, request, at)
    if ladder.quote is None:
        raise InvalidRequest(f"unknown symbol {request.symbol}", field="symbol")
    instrument = ladder.quote.instrument
    for name, most in (("buy_max", request.buy_max), ("sell_max", request.sell_max)):
        if most % instrument.lot_size:
            raise InvalidRequest(f"{name} is not a multiple of the lot size", field=name)
    if request.buy_max == request.sell_max == ZERO:
        raise InvalidRequest("a lease is of some quantity on one side at least", field="buy_max")
    known = tx.leases.of(request.account_id, request.symbol)
    known = None if known is None else tx.leases.lock(known.lease_id)
    node_ids = [scope.node.node_id for scope in ladder.scopes]
    is_same = known is not None and _owner(known) == _owner(request) and tx.leases.node_ids(known.lease_id) == node_ids
    if known is not None and not is_same and (known.live_orders or not known.is_over):
        raise Conflict("the lease of this account and symbol is in use for another venue, strategy, key or place")
    wanted = _wanted(request, known, instrument, caller, at)
    if known is None:
        tx.leases.add(wanted)
    if not is_same:
        tx.leases.begin(wanted, node_ids, at)
        ladder = _locked_ladder(tx, request, at)
    terms = judged(wanted, _renewal(tx, wanted, ladder))
    if isinstance(terms, NotLeased):
        raise Conflict(f"nothing can be leased here: {terms.reason}")
    after = asked(wanted, terms, at)
    rebook(tx, known or wanted, after, at)
    return after


def _owner(of: LeaseRequest | Lease) -> tuple[str, uuid.UUID | None, str | None]:
    return of.venue, of.strategy_id, of.api_key_id


def _wanted(request: LeaseRequest, known: Lease | None, instrument: Instrument, caller: Caller, at: datetime) -> Lease:
    """The lease as it was, or one of nothing, with what is asked for."""
    lot = instrument.lot_size
    lease = known or _new(request, instrument, at)
    return replace(
        lease,
        venue=request.venue,
        strategy_id=request.strategy_id,
        api_key_id=request.api_key_id,
        state=LeaseState.OPEN,
        state_reason="asked for",
        changed_by=caller.username,
        buy_max=request.buy_max,
        sell_max=request.sell_max,
        orders_wanted=request.orders_max,
        buy_size=min(max(lease.buy_size, first_size(request.buy_max, lot)), request.buy_max),
        sell_size=min(max(lease.sell_size, first_size(request.sell_max, lot)), request.sell_max),
    )


def _new(request: LeaseRequest, instrument: Instrument, at: datetime) -> Lease:
    nothing: dict[str, Any] = {field.name: ZERO if field.type is Decimal else 0 for field in fields(Lease)}
    about: dict[str, Any] = {
        "lease_id": uuid.uuid4(),
        "account_id": request.account_id,
        "symbol": request.symbol,
        "price_held": instrument.tick_size,
        "self_trade": None,
        "expires_at": None,
        "asked_at": at,
        "created_at": at,
    }
    return Lease(**{**nothing, **about})


def _renew(tx: TenantTransaction, lease: Lease, at: datetime) -> None:
    """Ask for newer terms, if the last ones are answered; stop a lease that is forbidden now, whether or not they are.

    Without a fresh reference price the lease is left as it is, and runs out by itself.
    """
    if lease.state == LeaseState.STOPPED:
        terms: LeaseTerms | NotLeased = LeaseTerms(
            *(ZERO, ZERO, lease.price_low, lease.price_held, 0, lease.order_qty_max, lease.self_trade, None)
        )
    else:
        try:
            ladder = _locked_ladder(tx, lease, at)
            if ladder.quote is None:
                return
            lease = sized(lease, ladder.quote.instrument.lot_size)
            terms = judged(lease, _renewal(tx, lease, ladder))
            if [scope.node.node_id for scope in ladder.scopes] != tx.leases.node_ids(lease.lease_id):
                terms = NotLeased("its place in the tree has changed")  # Limits there would not see it.
        except ReferenceUnavailable:
            return
        except Rejection as gone:  # The account, strategy or key has no place in the tree any more.
            terms = NotLeased(gone.message)
    if isinstance(terms, NotLeased):
        _stop(tx, lease.lease_id, at, reason=terms.reason, by=CHANGED_BY, correlation_id=str(lease.lease_id))
        return
    if lease.is_answered:
        rebook(tx, lease, asked(lease, terms, at), at)


def _stop(
    tx: TenantTransaction, lease_id: uuid.UUID, at: datetime, *, reason: str, by: str, correlation_id: str
) -> Lease | None:
    """The stopped lease; one that was stopped before stays as it is. None when there is no such lease."""
    lease = tx.leases.lock(lease_id)
    if lease is None or lease.state == LeaseState.STOPPED:
        return lease
    after = stopped(lease, reason=reason, by=by, at=at)
    rebook(tx, lease, after, at)
    _tell(tx, after, correlation_id, at)
    return after


def _locked_ladder(tx: TenantTransaction, of: LeaseRequest | Lease, at: datetime) -> Ladder:
    terms = OrderTerms(
        client_order_id="lease",
        account_id=of.account_id,
        symbol=of.symbol,
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal(1),
        venue=of.venue,
        strategy_id=of.strategy_id,
    )
    place = tx.ladders.place(terms, of.api_key_id)
    return tx.ladders.lock(path_of(place, terms), place.quote, terms, order_id=uuid.uuid4(), at=at)


def _renewal(tx: TenantTransaction, lease: Lease, ladder: Ladder) -> Renewal:
    return Renewal(ladder.scopes, ladder.market, tx.leases.held_by_orders(lease.lease_id))


def _message(lease: Lease, tenant_id: uuid.UUID) -> SetLease:
    return SetLease(
        tenant_id=tenant_id,
        account_id=lease.account_id,
        symbol=lease.symbol,
        venue=lease.venue,
        strategy_id=lease.strategy_id,
        api_key_id=lease.api_key_id,
        version=lease.version,
        buy_granted=lease.buy_granted,
        sell_granted=lease.sell_granted,
        price_low=lease.price_low,
        price_high=lease.price_high,
        orders_max=lease.orders_max,
        order_qty_max=lease.order_qty_max,
        self_trade=None if lease.self_trade is None else SelfTrade(lease.self_trade),
        expires_at_ns=0 if lease.expires_at is None else nanoseconds(lease.expires_at),
        correlation_id=str(lease.lease_id),
    )


def _answer(words: LeaseWords) -> LeaseAnswer:
    return LeaseAnswer(
        version=words.version,
        buy_granted=words.buy_granted,
        sell_granted=words.sell_granted,
        price_high=words.price_high,
        orders_max=words.orders_max,
        buy_used=EXACT.add(words.buy_filled, words.buy_open),
        sell_used=EXACT.add(words.sell_filled, words.sell_open),
        buy_filled=words.buy_filled,
        sell_filled=words.sell_filled,
    )


def _tell(tx: TenantTransaction, lease: Lease, correlation_id: str, at: datetime) -> None:
    event = LeaseChanged(
        lease_id=lease.lease_id,
        account_id=lease.account_id,
        symbol=lease.symbol,
        venue=lease.venue,
        state=LeaseState(lease.state).value,
        reason=lease.state_reason,
        changed_by=lease.changed_by,
    )
    tx.outbox.add(
        event,
        aggregate_id=lease.lease_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _view(lease: Lease) -> LeaseView:
    return {
        "lease_id": str(lease.lease_id),
        "account_id": str(lease.account_id),
        "symbol": lease.symbol,
        "venue": lease.venue,
        "strategy_id": None if lease.strategy_id is None else str(lease.strategy_id),
        "api_key_id": lease.api_key_id,
        "state": lease.state,
        "state_reason": lease.state_reason,
        "changed_by": lease.changed_by,
        "buy_max": format_computed(lease.buy_max),
        "sell_max": format_computed(lease.sell_max),
        "orders_max": lease.orders_wanted,
        "buy_free": format_computed(lease.free(Side.BUY)),
        "sell_free": format_computed(lease.free(Side.SELL)),
        "buy_taken": format_computed(lease.buy_taken),
        "sell_taken": format_computed(lease.sell_taken),
        "live_orders": lease.live_orders,
        "price_low": format_computed(lease.price_low),
        "price_high": format_computed(lease.price_high),
        "valuation_price": format_computed(lease.price_held),
        "version": lease.version,
        "is_answered": lease.is_answered,
        "expires_at": None if lease.expires_at is None else format_time(lease.expires_at),
    }
