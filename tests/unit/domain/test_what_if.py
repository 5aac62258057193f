"""The days that what-if runs again: what a node has earned, kept up fill by fill, is what all its positions come to."""

import contextlib
import random
import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.exposure import ZERO
from breakwater.domain.instruments import Instrument
from breakwater.domain.market import MissingReference
from breakwater.domain.orders import OrderTerms, OrderType, Side
from breakwater.domain.portfolio import Fill, Position
from breakwater.domain.what_if import Day, RecordedFill, RecordedOrder, market_of, profit
from tests.unit.domain.limit_orders import ETH, EUR, NOW, scope_of

ETH_EUR = Instrument("ETH/EUR", "ETH", "EUR", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
INSTRUMENTS = {each.symbol: each for each in (ETH, EUR, ETH_EUR)}
AROUND = {"ETH/USDT": 2000, "EUR/USDT": 1, "ETH/EUR": 1600}
FIRM, *NODES = (uuid.UUID(int=number) for number in (10, 11, 12))
ACCOUNTS = [uuid.UUID(int=number) for number in (21, 22)]


def scope(node_id: uuid.UUID, path: list[uuid.UUID], limit_type: str | None) -> Any:
    made = scope_of(limit_type, "1000000000" if limit_type else None, mode="TRAILING")
    return replace(made, node=made.node._replace(node_id=node_id, path=path))


def a_day(seed: int) -> tuple[list[RecordedOrder], list[RecordedFill]]:
    chosen = random.Random(seed)  # noqa: S311 - a test's choice, not a secret
    orders, fills = [], []
    for number in range(60):
        order_id, at = uuid.UUID(int=100 + number), NOW + timedelta(minutes=number)
        symbol, side, which = chosen.choice([*INSTRUMENTS]), chosen.choice([*Side]), chosen.randrange(2)
        quantity = Decimal(chosen.randint(1, 50)) / 10
        terms = OrderTerms(
            client_order_id=str(number),
            account_id=ACCOUNTS[which],
            symbol=symbol,
            side=side,
            type=OrderType.MARKET,
            quantity=quantity,
        )
        orders.append(RecordedOrder(order_id, [FIRM, NODES[which]], terms, at, None, False, False, before_day=True))
        price = Decimal(AROUND[symbol] * 100 + chosen.randint(-40, 40)) / 100
        fee = Fill(side, quantity, price, Decimal("0.01"), INSTRUMENTS[symbol].quote_asset)
        fills.append(RecordedFill(order_id, symbol, at + timedelta(seconds=1), fee))
    return orders, fills


@pytest.mark.parametrize("seed", range(20))
def test_the_most_that_a_node_had_earned_is_the_most_that_its_positions_came_to(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = {FIRM: scope(FIRM, [FIRM], "DRAWDOWN"), NODES[1]: scope(NODES[1], [FIRM, NODES[1]], None)}
    scopes[NODES[0]] = scope(NODES[0], [FIRM, NODES[0]], "DRAWDOWN")
    opening = {(ACCOUNTS[0], "ETH/EUR"): Position(Decimal(3), Decimal(1500)), (ACCOUNTS[1], "ETH/USDT"): Position()}
    day = Day(scopes, INSTRUMENTS, opening, dict(zip(NODES, ACCOUNTS, strict=True)))
    most = dict.fromkeys((FIRM, NODES[0]), ZERO)
    note = Day._note_peaks

    def noting(self: Day, at: Any) -> None:
        note(self, at)
        for node_id, before in most.items():
            below = [
                (symbol, position)
                for (account_id, symbol), position in self.outcome.positions.items()
                if node_id == FIRM or account_id == ACCOUNTS[0]
            ]
            with contextlib.suppress(MissingReference):
                most[node_id] = max(before, profit(below, market_of(INSTRUMENTS, self.outcome.marks, at)))
            assert self._earnings[node_id].peak == most[node_id]

    monkeypatch.setattr(Day, "_note_peaks", noting)
    orders, fills = a_day(seed)
    day.run(orders, fills, fills)
    assert any(most.values())
