"""Whether an order fits into a lease, so that the core alone takes it (decision 93)."""

import time
import uuid

from breakwater.domain.orders import OrderTerms, SubmitOrder
from breakwater.errors import Rejection
from fargate_engine.binance.exchange import Client
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.leased_orders import leased_submission
from fargate_engine.risk import within_collar
from fargate_engine.term import Term


def submission_under_lease(term: Term, client: Client, order_id: uuid.UUID, terms: OrderTerms) -> SubmitOrder | None:
    """The order for the core alone; None when no lease covers it."""
    owner: Owner = client.owner
    lease = term.state.registry.leases.get((terms.account_id, terms.symbol))
    if lease is None or lease.strategy_id is not None or lease.api_key_id != client.key_id:
        return None
    if lease.venue != terms.venue or terms.quantity > lease.order_qty_max:
        return None
    if terms.price is not None and not within_collar(terms.side, terms.price, lease):
        return None  # What is beyond its band is for the limits to judge, which name themselves.
    try:
        lots = term.state.instruments[terms.symbol].quantity_lots(terms.quantity)
        if not term.state.has_lease_for(terms.account_id, terms.symbol, terms.side, lots, time.time_ns()):
            return None
        return leased_submission(
            term.state,
            terms,
            order_id=order_id,
            tenant_id=owner.tenant_id,
            correlation_id=str(uuid.uuid4()),
            placed_by=owner.principal.username,
            api_key_id=client.key_id,
        )
    except Rejection:
        return None  # The ledger knows orders that no lease can cover, or says why not.
