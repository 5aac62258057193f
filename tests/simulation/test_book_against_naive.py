"""The book against one that is too simple to be wrong: a list that is sorted before every match."""

import uuid
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from breakwater.domain.orders import Side, TimeInForce
from fargate_engine.book import Book
from fargate_engine.terms import WorkingTerms
from tests.unit.fargate_engine.orders import terms


@dataclass
class NaiveOrder:
    terms: WorkingTerms
    leaves_lots: int
    arrival: int


class NaiveBook:
    def __init__(self) -> None:
        self.orders: list[NaiveOrder] = []
        self.arrivals = 0

    def submit(self, new: WorkingTerms) -> list[tuple[uuid.UUID, int, int]]:
        sign = new.side.sign
        makers = [order for order in self.orders if order.terms.side is not new.side]
        makers.sort(key=lambda order: (sign * order.terms.limit_ticks, order.arrival))
        trades: list[tuple[uuid.UUID, int, int]] = []
        leaves, may_rest, ours = new.quantity_lots, new.time_in_force is TimeInForce.GTC, False
        for maker in makers:
            price = maker.terms.limit_ticks
            if leaves == 0 or sign * price > sign * new.limit_ticks:
                break
            if not new.low_ticks <= price <= new.high_ticks or maker.terms.account_id == new.account_id:
                may_rest, ours = False, True
                break
            lots = min(leaves, maker.leaves_lots)
            trades.append((maker.terms.order_id, lots, price))
            leaves -= lots
        if new.post_only and (trades or ours):
            return []
        if new.time_in_force is TimeInForce.FOK and leaves > 0:
            return []
        for order_id, lots, _ in trades:
            maker = next(order for order in self.orders if order.terms.order_id == order_id)
            maker.leaves_lots -= lots
        self.orders = [order for order in self.orders if order.leaves_lots > 0]
        if leaves > 0 and may_rest:
            self.arrivals += 1
            self.orders.append(NaiveOrder(new, leaves, self.arrivals))
        return trades

    def resting(self) -> list[tuple[Side, int, uuid.UUID, int]]:
        found = []
        for side in Side:
            orders = [order for order in self.orders if order.terms.side is side]
            orders.sort(key=lambda order: (-side.sign * order.terms.limit_ticks, order.arrival))
            found += [(side, order.terms.limit_ticks, order.terms.order_id, order.leaves_lots) for order in orders]
        return found


prices = st.integers(95, 105)
new_orders = st.fixed_dictionaries(
    {
        "account_id": st.integers(1, 4).map(lambda number: uuid.UUID(int=number)),
        "side": st.sampled_from(Side),
        "quantity_lots": st.integers(1, 30),
        "limit_ticks": prices,
        "low_ticks": st.integers(90, 95),
        "high_ticks": st.integers(105, 110),
        "time_in_force": st.sampled_from(TimeInForce),
        "post_only": st.booleans(),
    }
)
narrow_bands = st.tuples(st.integers(0, 3), st.integers(0, 3))
actions = st.lists(st.one_of(st.tuples(new_orders, narrow_bands | st.none()), st.integers(0, 30)), max_size=60)


type Step = int | tuple[dict[str, Any], tuple[int, int] | None]  # A cancel, or an order and its own band.


@settings(max_examples=300, deadline=None, derandomize=True)
@given(actions)
def test_the_book_trades_and_rests_exactly_as_the_naive_one(steps: list[Step]) -> None:
    book, naive = Book(), NaiveBook()
    for number, step in enumerate(steps):
        if isinstance(step, int):
            if naive.orders:
                chosen = naive.orders.pop(step % len(naive.orders))
                book.cancel(chosen.terms.order_id)
        else:
            fields, band = step
            if band is not None:
                fields = fields | {
                    "low_ticks": fields["limit_ticks"] - band[0],
                    "high_ticks": fields["limit_ticks"] + band[1],
                }
            order = terms(number, **fields)
            matched = book.submit(order)
            trades = [(trade.maker_order_id, trade.quantity_lots, trade.price_ticks) for trade in matched.trades]
            assert trades == naive.submit(order)
        assert list(book.resting()) == naive.resting()
