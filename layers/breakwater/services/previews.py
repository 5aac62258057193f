"""What an order would meet if it were sent now: every limit's verdict, its expected price and its fee."""

from datetime import datetime
from decimal import Decimal

from breakwater.db.connection import TenantTransaction
from breakwater.db.market import ReferencePrice
from breakwater.domain.limits import refused
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.orders import OrderTerms, Side
from breakwater.domain.permissions import Caller
from breakwater.services.limit_views import OrderPreview
from breakwater.services.limits import judge, read_ladder
from breakwater.services.orders import require_reachable


def preview(terms: OrderTerms, caller: Caller, tx: TenantTransaction, at: datetime) -> OrderPreview:
    """Changes nothing.

    NotFound (the account), InvalidRequest (symbol, venue, ticks, lots, when it ends), ReferenceUnavailable (no fresh
    price to judge by).
    """
    caller.require("orders:create")
    tx.identity.require_account(caller.subject, caller.role, terms.account_id)
    terms.check_expiry(at)
    require_reachable(terms, tx)
    ladder = read_ladder(tx, terms, caller.api_key_id, at)
    proposed, findings = judge(ladder, terms)
    refusals = [finding.to_json() for finding in refused(findings)]
    expected = _expected_price(terms, tx.market.reference_prices().get(terms.symbol))
    notional = None if expected is None else EXACT.multiply(terms.quantity, expected)
    rate = tx.limits.fee_rates()[terms.venue]
    return {
        "passes": not refusals,
        "refusals": refusals,
        "verdicts": [{**finding.to_json(), "passes": finding.verdict.passes} for finding in findings],
        "price_low": format_amount(proposed.band.low),
        "price_high": format_amount(proposed.band.high),
        "expected_price": _text(expected),
        "expected_notional": _text(notional),
        "expected_fee": _text(None if notional is None else EXACT.multiply(notional, rate)),
        "fee_currency": proposed.instrument.quote_asset,
    }


def _expected_price(terms: OrderTerms, market: ReferencePrice | None) -> Decimal | None:
    """The best price on the other side where the order would take it, its own price where it would rest."""
    if market is None:
        return terms.price
    best = market.best_ask if terms.side is Side.BUY else market.best_bid
    if terms.price is None:
        return best
    return min(terms.price, best) if terms.side is Side.BUY else max(terms.price, best)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(trim(amount))
