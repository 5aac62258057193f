"""A new order of the dialect in the platform's words: at this venue, of how much by the market that is shown there."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pydantic import ValidationError

from breakwater.domain.money import EXACT
from breakwater.domain.orders import OrderTerms, Side
from fargate_engine.binance.errors import BinanceError, filter_failure
from fargate_engine.binance.exchange import NewOrder
from fargate_engine.binance.market_documents import best_levels
from fargate_engine.binance.orders import affordable_quantity
from fargate_engine.firm_exchange.owner import Owner
from fargate_engine.firm_exchange.venue import ShownVenue

LEVELS_MAX = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def terms_of(owner: Owner, order: NewOrder, venue: ShownVenue) -> OrderTerms:
    """Filter failures for what is not worth enough, and for what would buy nothing."""
    try:
        return OrderTerms(
            client_order_id=order.client_order_id,
            account_id=owner.account_id,
            symbol=order.instrument.symbol,
            side=order.side,
            type=order.type,
            quantity=_quantity(order, venue),
            price=order.price,
            time_in_force=order.time_in_force,
            post_only=order.post_only,
            **venue.destination(order),
            valid_until=_EPOCH + timedelta(milliseconds=order.valid_until_ms),
        )
    except ValidationError as error:
        raise BinanceError(-1100, "Illegal parameter: an amount has too many digits.") from error


def _quantity(order: NewOrder, venue: ShownVenue) -> Decimal:
    if order.quantity is not None:
        if order.price is None:
            _check_market_notional(order, order.quantity, venue)
        return order.quantity
    opposite = Side.SELL if order.side is Side.BUY else Side.BUY
    market, lot = venue.market(order.instrument.symbol), order.instrument.lot_size
    levels = list(best_levels(market, opposite, LEVELS_MAX))
    affordable = affordable_quantity(market.instrument, levels, order.quote_quantity or Decimal(0))
    quantity = EXACT.multiply(EXACT.divide_int(affordable, lot), lot)  # The venue's lot may be the larger one.
    if quantity == 0:
        raise filter_failure("LOT_SIZE")
    _check_market_notional(order, quantity, venue)
    return quantity


def _check_market_notional(order: NewOrder, quantity: Decimal, venue: ShownVenue) -> None:
    """Where its market is another engine's, the platform judges it alone."""
    market = venue.find_market(order.instrument.symbol)
    if market is None:
        return
    quote = market.quote()
    ticks = quote.ask_ticks if order.side is Side.BUY else quote.bid_ticks
    if ticks and market.instrument.price(ticks) * quantity < order.instrument.notional_min:
        raise filter_failure("NOTIONAL")
