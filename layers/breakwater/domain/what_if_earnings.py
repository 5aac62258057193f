"""What accounts, and the nodes that they count to, have earned on a day: kept up fill by fill and price by price."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

from breakwater.domain.exposure import BASE_CURRENCY, ZERO
from breakwater.domain.instruments import Instrument
from breakwater.domain.market import Market, MissingReference
from breakwater.domain.portfolio import Fill, Position


@dataclass(slots=True)
class Earning:
    """What a node has earned, kept up position by position: reckoned anew it would be all its positions each time.

    `elsewhere` are those whose quote asset is not the base currency: what they are worth changes with the prices of
    other symbols as well. `peak` is the most it had.
    """

    peak: Decimal = ZERO
    earned: Decimal = ZERO
    elsewhere: dict[tuple[uuid.UUID, str], Decimal] = field(default_factory=dict)

    def pnl(self, market_now: Callable[[], Market]) -> Decimal | None:
        """Since the day began; None where it is not known, and limits on losses refuse as they would have."""
        if not self.elsewhere:
            return self.earned
        market = market_now()
        try:
            return self.earned + sum(
                (worth_in_base(earned, symbol, market) for (_, symbol), earned in self.elsewhere.items()), ZERO
            )
        except MissingReference:
            return None


class Earnings:
    """`paths`: of each account, what it counts to. `positions` are kept up here, `marks` by whoever walks the day."""

    def __init__(
        self,
        positions: dict[tuple[uuid.UUID, str], Position],
        paths: Mapping[uuid.UUID, Sequence[uuid.UUID]],
        instruments: Mapping[str, Instrument],
        marks: Mapping[str, Decimal],
    ) -> None:
        self.of: dict[uuid.UUID, Earning] = defaultdict(Earning)
        self._positions = positions
        self._paths = paths
        self._instruments = instruments
        self._marks = marks
        self._earned: dict[tuple[uuid.UUID, str], Decimal] = {}  # Of each position, in its quote asset.
        self._holders: dict[str, set[uuid.UUID]] = defaultdict(set)  # Of each symbol, the accounts.

    def begin(self) -> None:
        for key in self._positions:
            self._count(*key)

    def mark(self, symbol: str) -> None:
        """After a change of its price."""
        for account_id in self._holders[symbol]:
            self._count(account_id, symbol)

    def fill(self, account_id: uuid.UUID, symbol: str, fill: Fill) -> Decimal | None:
        """What a round trip has earned, where the fill has ended one."""
        before = self._positions.get((account_id, symbol), Position())
        after = self._positions[account_id, symbol] = before.after(fill, self._instruments[symbol])
        self._count(account_id, symbol)
        return before.round_trip_pnl(after)

    def _count(self, account_id: uuid.UUID, symbol: str) -> None:
        """After a change of the position or of its price."""
        key = account_id, symbol
        earned = earned_by(self._positions[key], self._marks.get(symbol))
        change = earned - self._earned.get(key, ZERO)
        self._earned[key] = earned
        self._holders[symbol].add(account_id)
        for node_id in self._paths[account_id]:
            earning = self.of[node_id]
            if self._instruments[symbol].quote_asset == BASE_CURRENCY:
                earning.earned += change
            else:
                earning.elsewhere[key] = earned


def earned_by(position: Position, mark: Decimal | None) -> Decimal:
    """In its quote asset, at this price."""
    return position.realised_pnl - position.fees + (ZERO if mark is None else position.unrealised_pnl(mark))


def worth_in_base(earned: Decimal, symbol: str, market: Market) -> Decimal:
    """What was earned in the symbol's quote asset. MissingReference as of `profit`."""
    return market.worth(earned, market.quote_asset(symbol), BASE_CURRENCY, ROUND_FLOOR) if earned else ZERO
