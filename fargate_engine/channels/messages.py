"""What client and server say to each other in the channels; docs/market-data.md tells it in words."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from breakwater.db.account_feed import FeedEvent
from breakwater.db.channels import ShownOrder, ShownPosition
from breakwater.domain.instruments import Instrument
from breakwater.domain.money import format_amount, format_computed
from breakwater.domain.orders import SIMULATED_VENUE, Symbol, Venue, average_price
from breakwater.domain.times import format_time, from_nanoseconds
from fargate_engine.market_data.l2_book import Levels
from fargate_engine.market_data.market import Market
from fargate_engine.market_data.updates import BookChange, BookState, Trade, Trades, Update

type Json = dict[str, Any]
type AccountChannel = Literal["orders", "positions"]

SNAPSHOT_LEVELS_MAX = 1_000  # Of each side.
SNAPSHOT_TRADES_MAX = 500  # So that a client that was away for some seconds misses none.
PERMISSION_OF_CHANNEL = {"orders": "orders:read", "positions": "portfolio:read"}
TRADE_EXECUTED = "trades.TradeExecuted.v1"
EXTERNAL_FILL_BOOKED = "limits.ExternalFillBooked.v1"


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _AboutChannel(_Request):
    channel: Literal["markets", "orders", "positions"]
    symbol: Symbol | None = None  # Of `markets`.
    venue: Venue | None = None
    account_id: uuid.UUID | None = None  # Of `orders` and `positions`. None: every account the caller may see.

    @model_validator(mode="after")
    def _fields_belong_to_the_channel(self) -> "_AboutChannel":
        is_market = self.channel == "markets"
        if is_market and (self.symbol is None or self.account_id is not None):
            raise ValueError("the channel markets takes a symbol, and a venue if it is not SIM")
        if not is_market and (self.symbol is not None or self.venue is not None):
            raise ValueError(f"the channel {self.channel} takes an account_id")
        return self

    @property
    def market(self) -> tuple[str, str]:
        """(venue, symbol)"""
        return self.venue or SIMULATED_VENUE, self.symbol or ""


class Subscribe(_AboutChannel):
    """`since`: the last sequence of the account that the client has; then no snapshot is sent, but what it missed."""

    action: Literal["subscribe"]
    since: Annotated[int, Field(ge=0, le=2**62)] | None = None

    @model_validator(mode="after")
    def _only_accounts_are_resumed(self) -> "Subscribe":
        if self.since is not None and (self.channel == "markets" or self.account_id is None):
            raise ValueError("since goes with one account_id; a market begins with its book each time")
        return self


class Unsubscribe(_AboutChannel):
    action: Literal["unsubscribe"]


class Ping(_Request):
    action: Literal["ping"]


REQUESTS: TypeAdapter[Subscribe | Unsubscribe | Ping] = TypeAdapter(
    Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="action")]
)


def error(code: str, detail: str, **members: Any) -> Json:
    return {"type": "error", "code": code, "detail": detail, **members}


def market_snapshot(market: Market, state: BookState) -> Json:
    """To be made together with the state: its trades are those until then."""
    return {
        "type": "snapshot",
        **_market(market),
        "sequence": state.update_id,
        "at": _time(state.at_ns),
        "tick_size": format_computed(market.instrument.tick_size),
        "lot_size": format_computed(market.instrument.lot_size),
        **_book(market.instrument, state.bids, state.asks),
        "trades": [_trade(market.instrument, trade) for trade in list(market.trades)[-SNAPSHOT_TRADES_MAX:]],
    }


def market_update(market: Market, update: Update) -> Json:
    """`previous_sequence` is that of the message before: a client that has another one has missed something."""
    match update:
        case BookChange():
            numbers = {"previous_sequence": update.first_id - 1, "sequence": update.last_id}
            book = _book(market.instrument, update.bids, update.asks)
            return {"type": "update", **_market(market), **numbers, "at": _time(update.at_ns), **book}
        case BookState():
            # Too much has changed since the client last read: the whole book in place of what it missed.
            book = _book(market.instrument, update.bids[:SNAPSHOT_LEVELS_MAX], update.asks[:SNAPSHOT_LEVELS_MAX])
            numbers = {"sequence": update.update_id}
            return {"type": "snapshot", **_market(market), **numbers, "at": _time(update.at_ns), **book, "trades": []}
        case Trades():
            trades = [_trade(market.instrument, trade) for trade in update.trades]
            return {"type": "trades", **_market(market), "lost": update.lost, "trades": trades}
        case _:
            raise TypeError(f"the channel markets has no {type(update).__name__}")


def market_closed(market: Market) -> Json:
    return {"type": "closed", **_market(market), "reason": "this engine does not serve the market any more"}


def account_message(kind: str, channel: AccountChannel, account_id: uuid.UUID, sequence: int, **members: Any) -> Json:
    return {"type": kind, "channel": channel, "account_id": str(account_id), "sequence": sequence, **members}


def belongs(channel: AccountChannel, topic: str) -> bool:
    if channel == "positions":
        return topic in {TRADE_EXECUTED, EXTERNAL_FILL_BOOKED}
    return topic == TRADE_EXECUTED or topic.startswith("orders.")


def account_update(channel: AccountChannel, event: FeedEvent, previous_sequence: int) -> Json:
    """The account's numbers count events of all kinds; `previous_sequence` is that of the message before in this
    channel.
    """
    envelope = {
        "event_id": str(event.event_id),
        "topic": event.topic,
        "tenant_id": str(event.tenant_id),
        "account_id": str(event.account_id),
        "aggregate_id": str(event.aggregate_id),
        "correlation_id": event.correlation_id,
        "occurred_at_ns": event.occurred_at_ns,
        "payload": event.payload,
    }
    numbers = {"previous_sequence": previous_sequence}
    return account_message("update", channel, event.account_id, event.sequence, **numbers, event=envelope)


def shown_orders(account_id: uuid.UUID, orders: Sequence[ShownOrder]) -> list[Json]:
    """As GET /orders shows them."""
    return [_shown_order(account_id, order) for order in orders]


def shown_positions(positions: Sequence[ShownPosition]) -> list[Json]:
    return [
        {
            "symbol": position.symbol,
            "quantity": format_computed(position.quantity),
            "average_price": format_computed(position.average_price),
            "realised_pnl": format_computed(position.realised_pnl),
            "updated_at": format_time(position.updated_at),
        }
        for position in positions
    ]


def _shown_order(account_id: uuid.UUID, order: ShownOrder) -> Json:
    average = average_price(order.cum_notional, order.cum_qty)
    return {
        "order_id": str(order.order_id),
        "client_order_id": order.client_order_id,
        "account_id": str(account_id),
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "status": order.status,
        "quantity": format_amount(order.quantity),
        "price": None if order.price is None else format_amount(order.price),
        "cum_qty": format_computed(order.cum_qty),
        "leaves_qty": format_computed(order.leaves_qty),
        "avg_px": None if average is None else format_computed(average),
        "time_in_force": order.time_in_force,
        "venue": order.venue,
        "is_leased": order.is_leased,
        "created_at": format_time(order.created_at),
        "updated_at": format_time(order.updated_at),
        "correlation_id": order.correlation_id,
    }


def _market(market: Market) -> Json:
    return {"channel": "markets", "venue": market.venue, "symbol": market.instrument.symbol}


def _book(instrument: Instrument, bids: Levels, asks: Levels) -> Json:
    return {"bids": _levels(instrument, bids), "asks": _levels(instrument, asks)}


def _levels(instrument: Instrument, levels: Levels) -> list[list[str]]:
    return [
        [format_amount(instrument.price(ticks)), format_amount(instrument.quantity(lots))] for ticks, lots in levels
    ]


def _trade(instrument: Instrument, trade: Trade) -> Json:
    return {
        "trade_id": trade.trade_id,
        "at": _time(trade.at_ns),
        "taker": trade.taker,
        "price": format_amount(instrument.price(trade.price_ticks)),
        "quantity": format_amount(instrument.quantity(trade.quantity_lots)),
    }


def _time(at_ns: int) -> str:
    return format_time(from_nanoseconds(at_ns))
