"""An order as a client sends it, made into one of its account's lease."""

import uuid

from breakwater.domain.orders import LeasedTo, OrderTerms, OrderType, PlaceOrder, Side, SubmitOrder, leased_order_id_of
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, InvalidRequest
from fargate_engine.risk import NO_LEASE
from fargate_engine.shard_state import ShardState


def leased_order(state: ShardState, order: PlaceOrder) -> SubmitOrder:
    """As `leased_submission`. InvalidRequest also for an order id that is not one of a leased order."""
    terms = order.terms
    if order.order_id != leased_order_id_of(order.tenant_id, terms.account_id, terms.symbol, terms.client_order_id):
        message = "the order id does not follow from account, symbol and client order id, as of an order of a lease"
        raise InvalidRequest(message, field="order_id")
    return leased_submission(
        state,
        terms,
        order_id=order.order_id,
        tenant_id=order.tenant_id,
        correlation_id=order.correlation_id,
        placed_by=order.placed_by,
        api_key_id=order.api_key_id,
    )


def leased_submission(
    state: ShardState,
    terms: OrderTerms,
    *,
    order_id: uuid.UUID,
    tenant_id: uuid.UUID,
    correlation_id: str,
    placed_by: str,
    api_key_id: str | None,
) -> SubmitOrder:
    """Its band is the lease's. Conflict without one, InvalidRequest for terms that no lease covers."""
    if terms.reduce_only or terms.located:
        name = "reduce_only" if terms.reduce_only else "located"
        raise InvalidRequest(f"{name} is judged by the ledger: send it as an order of its own", field=name)
    if terms.effective_time_in_force.has_end:
        told = "an order that ends at a time is not one of a lease: send it as an order of its own"
        raise InvalidRequest(told, field="time_in_force")
    lease = state.registry.leases.get((terms.account_id, terms.symbol))
    if lease is None or lease.tenant_id != tenant_id:
        raise Conflict(NO_LEASE.text)
    low, high = lease.price_low, lease.price_high
    if terms.price is not None and terms.type is OrderType.LIMIT:
        is_buy = terms.side is Side.BUY
        low = state.instruments[terms.symbol].tick_size if is_buy else terms.price
        high = terms.price if is_buy else max(terms.price, lease.price_high)
    return SubmitOrder(
        order_id=order_id,
        tenant_id=tenant_id,
        account_id=terms.account_id,
        client_order_id=terms.client_order_id,
        symbol=terms.symbol,
        side=terms.side,
        type=terms.type,
        time_in_force=terms.effective_time_in_force,
        post_only=terms.post_only,
        reduce_only=False,
        quantity=terms.quantity,
        price=terms.price,
        price_low=low,
        price_high=high,
        venue=terms.venue,
        correlation_id=correlation_id,
        self_trade=lease.self_trade,
        valid_until_ns=None if terms.valid_until is None else nanoseconds(terms.valid_until),
        leased=LeasedTo(placed_by=placed_by, strategy_id=terms.strategy_id, api_key_id=api_key_id),
    )
