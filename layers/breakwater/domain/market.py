"""What the market and the firm say of instruments: marks, rates between currencies, and the firm's own risk terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_UP, Decimal

from breakwater.domain.instruments import Instrument
from breakwater.domain.money import EXACT
from breakwater.domain.valuation import fresh_reference

STATISTICS_AGE_MAX = timedelta(days=7)  # An average volume or a volatility that is older is missing.
_RATE_DECIMALS = Decimal("1e-12")


class MissingReference(Exception):
    """What a limit needs to judge by is not there or too old. The limit refuses then: it fails closed."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Quote:
    """An instrument and its reference price, which may never have been observed."""

    instrument: Instrument
    reference: Decimal | None
    observed_at: datetime | None

    def fresh(self, at: datetime) -> Decimal | None:
        if self.reference is None or self.observed_at is None:
            return None
        return fresh_reference(self.reference, self.observed_at, at)

    def age_s(self, at: datetime) -> Decimal | None:
        """Seconds since it was observed; None when it never was. One from ahead of our clock counts by its distance."""
        if self.observed_at is None:
            return None
        return Decimal(abs(at - self.observed_at) // timedelta(microseconds=1)).scaleb(-6)


@dataclass(frozen=True, slots=True)
class RiskTerms:
    """What the firm says of an instrument: average daily volume over 20 days in base units, as of a day; initial margin
    as a fraction of the notional; sector; volatility of a day's return."""

    symbol: str
    average_daily_qty: Decimal | None = None
    initial_margin: Decimal | None = None
    sector: str | None = None
    daily_volatility: Decimal | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Market:
    """All quotes and terms that a question needs, at the moment it is asked.

    `fee_rates`: of the notional, by venue; only read where a limit asks for cash.
    """

    at: datetime
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    terms: Mapping[str, RiskTerms] = field(default_factory=dict)
    fee_rates: Mapping[str, Decimal] = field(default_factory=dict)

    def mark(self, symbol: str) -> Decimal:
        """MissingReference without a fresh one."""
        quote = self.quotes.get(symbol)
        price = None if quote is None else quote.fresh(self.at)
        if price is None:
            raise MissingReference(f"a fresh price of {symbol}")
        return price

    def quote_asset(self, symbol: str) -> str:
        return self.quotes[symbol].instrument.quote_asset if symbol in self.quotes else symbol.partition("/")[2]

    def rate(self, of: str, into: str, rounding: str = ROUND_UP) -> Decimal:
        """What one unit of a currency is worth in another: by their pair, or by one step over a third.

        An inverse is rounded: up, as an exposure has to be, or as told. MissingReference where no fresh price leads
        from one to the other.
        """
        if of == into:
            return Decimal(1)
        direct = self._pair(of, into, rounding)
        if direct is not None:
            return direct
        for between in sorted({quote.instrument.quote_asset for quote in self.quotes.values()}):
            first, second = self._pair(of, between, rounding), self._pair(between, into, rounding)
            if first is not None and second is not None:
                return EXACT.multiply(first, second)
        raise MissingReference(f"a rate from {of} to {into}")

    def worth(self, amount: Decimal, of: str, into: str, rounding: str = ROUND_CEILING) -> Decimal:
        """A signed amount in another currency: never less than it is, or with ROUND_FLOOR never more."""
        away_from_zero = (rounding == ROUND_CEILING) == (amount > 0)
        return EXACT.multiply(amount, self.rate(of, into, ROUND_UP if away_from_zero else ROUND_DOWN))

    def notional(self, quantity: Decimal, symbol: str, currency: str, rounding: str = ROUND_CEILING) -> Decimal:
        """A signed quantity at its mark, in the currency, rounded as its worth."""
        at_mark = EXACT.multiply(quantity, self.mark(symbol))
        return self.worth(at_mark, self.quote_asset(symbol), currency, rounding)

    def average_daily_qty(self, symbol: str) -> Decimal:
        terms = self.terms.get(symbol)
        if terms is None or terms.average_daily_qty is None or self._is_old(terms):
            raise MissingReference(f"the average daily volume of {symbol}")
        return terms.average_daily_qty

    def daily_volatility(self, symbol: str) -> Decimal:
        terms = self.terms.get(symbol)
        if terms is None or terms.daily_volatility is None or self._is_old(terms):
            raise MissingReference(f"the daily volatility of {symbol}")
        return terms.daily_volatility

    def initial_margin(self, symbol: str) -> Decimal:
        terms = self.terms.get(symbol)
        if terms is None or terms.initial_margin is None:
            raise MissingReference(f"the initial margin of {symbol}")
        return terms.initial_margin

    def sector(self, symbol: str) -> str:
        terms = self.terms.get(symbol)
        if terms is None or terms.sector is None:
            raise MissingReference(f"the sector of {symbol}")
        return terms.sector

    def _pair(self, of: str, into: str, rounding: str) -> Decimal | None:
        if of == into:
            return Decimal(1)
        forward = self.quotes.get(f"{of}/{into}")
        if forward is not None and (price := forward.fresh(self.at)) is not None:
            return price
        backward = self.quotes.get(f"{into}/{of}")
        if backward is not None and (price := backward.fresh(self.at)) is not None:
            # To twelve decimals: no price is known better than that.
            return EXACT.divide(Decimal(1), price).quantize(_RATE_DECIMALS, rounding, context=EXACT)
        return None

    def _is_old(self, terms: RiskTerms) -> bool:
        return terms.as_of is None or self.at.date() - terms.as_of > STATISTICS_AGE_MAX
