"""What happens at a firm in one simulation: orders of two accounts, as the engine tells of them, and breaches."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from breakwater.db.connection import Database
from breakwater.domain.money import format_amount
from breakwater.domain.orders import PlaceOrder, Side
from breakwater.domain.times import nanoseconds
from events.envelope import Event
from events.limits import LimitBreached, NodeStateChanged
from events.orders import OrderAccepted, OrderCanceled, OrderState, TradeExecuted
from tests.integration.limits.firm import NOW, Firm, order_of, reserve_and_record

PRICE = "2000"


@dataclass
class Told:
    event: Event
    account_id: uuid.UUID | None
    aggregate_id: uuid.UUID


@dataclass
class History:
    """Chains of events: each in its order, and any of them next."""

    firm: Firm
    chains: list[list[Told]]
    positions: dict[uuid.UUID, Decimal] = field(default_factory=dict)
    trades: int = 0

    def write_next(self, database: Database, random: Random) -> bool:
        """The next of some chains, in one transaction. False when there are no more."""
        chains = [chain for chain in self.chains if chain]
        if not chains:
            return False
        with database.tenant_transaction(self.firm.tenant_id) as tx:
            for chain in random.sample(chains, random.randint(1, len(chains))):
                told = chain.pop(0)
                tx.outbox.add(
                    told.event,
                    aggregate_id=told.aggregate_id,
                    account_id=told.account_id,
                    correlation_id="simulation",
                    occurred_at_ns=nanoseconds(NOW),
                )
        return True


def history_of(firm: Firm, database: Database, random: Random) -> History:
    """An order of each account; its limits are reserved, so that what is told of it settles them."""
    history = History(firm, [])
    with database.tenant_transaction(firm.tenant_id) as tx:
        for account, account_id in enumerate(firm.account_ids):
            order = order_of(firm, random.choice((Side.BUY, Side.SELL)), "4", PRICE, account=account)
            reserve_and_record(tx, order)
            told, filled = _life_of(order, random)
            history.chains.append(told)
            history.trades += sum(isinstance(each.event, TradeExecuted) for each in told)
            history.positions[account_id] = filled if order.terms.side is Side.BUY else -filled
    history.chains.append(_breaches(firm, random))
    return history


def _life_of(order: PlaceOrder, random: Random) -> tuple[list[Told], Decimal]:
    """Accepted, filled lot by lot, and cancelled unless all of it is filled."""
    filled, sequence = 0, 1
    events: list[Event] = [OrderAccepted(order=_state(order, "NEW", filled, sequence))]
    while filled < order.terms.quantity and random.random() < 0.7:
        filled, sequence = filled + 1, sequence + 1
        status = "FILLED" if filled == order.terms.quantity else "PARTIALLY_FILLED"
        events.append(
            TradeExecuted(
                trade_id=uuid.uuid5(order.order_id, str(sequence)),
                last_qty="1",
                last_px=PRICE,
                liquidity="TAKER",
                fee="0",
                fee_currency="USDT",
                order=_state(order, status, filled, sequence),
            )
        )
    if filled < order.terms.quantity:
        events.append(OrderCanceled(order=_state(order, "CANCELED", filled, sequence + 1)))
    return [Told(event, order.terms.account_id, order.order_id) for event in events], Decimal(filled)


def _state(order: PlaceOrder, status: str, filled: int, sequence: int) -> OrderState:
    terms = order.terms
    left = Decimal(0) if status == "CANCELED" else terms.quantity - filled
    return OrderState(
        order_id=order.order_id,
        client_order_id=terms.client_order_id,
        account_id=terms.account_id,
        symbol=terms.symbol,
        side=terms.side,
        type=terms.type,
        time_in_force="GTC",
        venue=terms.venue,
        status=status,
        quantity=format_amount(terms.quantity),
        price=PRICE,
        cum_qty=str(filled),
        leaves_qty=format_amount(left),
        cum_notional=format_amount(filled * Decimal(PRICE)),
        reject_code=None,
        reject_reason=None,
        engine_seq=sequence,
        transact_time_ns=nanoseconds(NOW),
    )


def _breaches(firm: Firm, random: Random) -> list[Told]:
    """Of an account, and of the organisation: both become alerts."""
    return list(_alarming(firm, random.randint(1, 3)))


def _alarming(firm: Firm, count: int) -> Iterator[Told]:
    for number in range(count):
        breach = LimitBreached(
            node_id=firm.desk,
            node_name="desk",
            limit_id=uuid.uuid4(),
            limit_type="LONG_POSITION",
            instrument="*",
            action="WARN",
            threshold_pct=90,
            limit="10",
            used="9",
            reserved="0",
            attempted=None,
            order_id=uuid.uuid4(),
            symbol="ETH/USDT",
        )
        yield Told(breach, firm.account_ids[number % len(firm.account_ids)], firm.desk)
    changed = NodeStateChanged(
        node_id=firm.desk, node_name="desk", state_before="ACTIVE", state="SUSPENDED", reason="test", changed_by="risk"
    )
    yield Told(changed, None, firm.desk)
