"""What an engine tells of an order that its router works."""

import uuid
from decimal import Decimal
from typing import Any

from breakwater.domain.money import format_amount
from breakwater.domain.orders import PlaceOrder
from events.envelope import Envelope, Event
from events.orders import ChildOrderChanged, ChildOrderFilled, ExecutionMeasured, OrderState

AT_NS = 1_800_000_000_000_000_000
S_NS = 1_000_000_000


def child_state(parent: PlaceOrder, child_id: uuid.UUID, seq: int, cum_qty: str = "0", **words: Any) -> OrderState:
    """Of a child of one unit at 2000 at SIM that was accepted; its price is what it fills at."""
    told: dict[str, Any] = {
        "order_id": child_id,
        "client_order_id": child_id.hex,
        "account_id": parent.terms.account_id,
        "symbol": parent.terms.symbol,
        "side": parent.terms.side,
        "type": "LIMIT",
        "time_in_force": "GTC",
        "venue": "SIM",
        "status": "FILLED" if cum_qty == "1" else "PARTIALLY_FILLED" if cum_qty != "0" else "NEW",
        "quantity": "1",
        "price": "2000",
        "reject_code": None,
        "reject_reason": None,
    } | words
    filled = Decimal(cum_qty)
    return OrderState(
        **told,
        cum_qty=cum_qty,
        leaves_qty=format_amount(Decimal(told["quantity"]) - filled),
        cum_notional=format_amount(filled * Decimal(told["price"])),
        engine_seq=seq,
        transact_time_ns=AT_NS + seq * S_NS,
    )


def changed(parent: PlaceOrder, child_id: uuid.UUID, seq: int, **words: Any) -> Envelope:
    state = child_state(parent, child_id, seq, **words)
    return envelope_of(parent, ChildOrderChanged(parent_order_id=parent.order_id, order=state))


def filled(
    parent: PlaceOrder, child_id: uuid.UUID, seq: int, *, last_qty: str = "1", fee: str = "2", **words: Any
) -> Envelope:
    state = child_state(parent, child_id, seq, **{"cum_qty": last_qty, **words})
    event = ChildOrderFilled(
        parent_order_id=parent.order_id,
        trade_id=uuid.uuid5(child_id, str(seq)),
        last_qty=last_qty,
        last_px=state.price or "0",
        liquidity="MAKER" if words.get("time_in_force", "GTC") == "GTC" else "TAKER",
        fee=fee,
        fee_currency="USDT",
        order=state,
    )
    return envelope_of(parent, event)


def measured(parent: PlaceOrder, **words: Any) -> Envelope:
    execution = parent.terms.execution
    assert execution is not None
    told: dict[str, Any] = {
        "order_id": parent.order_id,
        "algorithm": execution.algorithm,
        "venues": ("BOOK", "SIM"),
        "began_at_ns": AT_NS,
        "arrival_px": "2000",
        "arrival_cost_px": "2005",
        "ended_at_ns": None,
        "vwap_px": None,
        "vwap_since_ns": AT_NS,
    }
    return envelope_of(parent, ExecutionMeasured(**(told | words)))


def envelope_of(parent: PlaceOrder, event: Event) -> Envelope:
    return Envelope(
        event_id=uuid.uuid4(),
        topic=event.topic,
        tenant_id=parent.tenant_id,
        account_id=parent.terms.account_id,
        aggregate_id=parent.order_id,
        correlation_id=parent.correlation_id,
        occurred_at_ns=AT_NS,
        payload=event.model_dump(mode="json"),
    )
