"""An account's trades, positions and balances as its fills make them, one after the other. Pure arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.portfolio import ZERO, Fill, Position, balance_changes


@dataclass(slots=True)
class RebuiltPortfolio:
    """`moved`: what the fills have added to each asset, and taken from it."""

    positions: dict[str, Position] = field(default_factory=dict)
    moved: dict[str, Decimal] = field(default_factory=dict)

    def book(self, symbol: str, fill: Fill, instrument: Instrument) -> Decimal:
        """The profit that the fill has realised, before fees."""
        before = self.positions.get(symbol, Position())
        after = before.after(fill, instrument)
        self.positions[symbol] = after
        for asset, amount in balance_changes(fill, instrument).items():
            self.moved[asset] = EXACT.add(self.moved.get(asset, ZERO), amount)
        return EXACT.subtract(after.realised_pnl, before.realised_pnl)

    def other_positions(self, found: Mapping[str, Position]) -> dict[str, Position]:
        """What a position should be, by symbol, where it is something else. One that nothing was booked on is flat."""
        return {
            symbol: should
            for symbol in sorted(found.keys() | self.positions.keys())
            if (should := self.positions.get(symbol, Position())) != found.get(symbol, Position())
        }

    def other_balances(self, found: Mapping[str, Decimal], opening: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """The same of balances. `opening`: what the account began with."""
        should = {
            asset: EXACT.add(opening.get(asset, ZERO), self.moved.get(asset, ZERO))
            for asset in sorted(found.keys() | opening.keys() | self.moved.keys())
        }
        return {asset: total for asset, total in should.items() if total != found.get(asset, ZERO)}
