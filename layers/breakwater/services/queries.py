"""What an account has done and what it is worth: trades, positions, portfolio, events."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal

from breakwater.db.connection import TenantTransaction
from breakwater.db.market import ReferencePrice
from breakwater.db.portfolio import PositionRow, TradeRow
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.orders import Side
from breakwater.domain.permissions import Caller
from breakwater.domain.portfolio import total
from breakwater.domain.times import format_time, from_nanoseconds
from breakwater.errors import InvalidRequest, NotFound
from breakwater.services.cursors import decode_cursor, next_cursor
from breakwater.services.orders import accessible, visible_accounts
from breakwater.services.portfolio_views import (
    AccountPortfolio,
    EventPage,
    FeedEvent,
    InstrumentPage,
    InstrumentView,
    Mark,
    Portfolio,
    PortfolioTotal,
    Position,
    PositionPage,
    Trade,
    TradePage,
    Worth,
)
from breakwater.services.worth import Amounts, is_stale, worth_of


def trades(
    caller: Caller,
    tx: TenantTransaction,
    *,
    account_id: uuid.UUID | None,
    symbol: str | None,
    order_id: uuid.UUID | None,
    venue: str | None,
    cursor: str | None,
    limit: int,
) -> TradePage:
    """The newest first."""
    caller.require("portfolio:read")
    accounts = visible_accounts(caller, tx, account_id)
    rows = tx.portfolio.trades(
        accounts, symbol=symbol, order_id=order_id, venue=venue, before=decode_cursor(cursor), limit=limit + 1
    )
    shown, cursor_behind = next_cursor(rows, limit, lambda row: (row.transact_time, row.trade_id))
    return {"items": [_trade(row) for row in shown], "next_cursor": cursor_behind}


def positions(caller: Caller, tx: TenantTransaction, *, account_id: uuid.UUID | None, at: datetime) -> PositionPage:
    """Every position ever held, flat ones too: their realised profit is part of the account's."""
    caller.require("portfolio:read")
    rows = tx.portfolio.positions(visible_accounts(caller, tx, account_id))
    prices = tx.market.reference_prices()
    return {"items": [_position(row, prices.get(row.symbol), at) for row in rows], "next_cursor": None}


def portfolio(caller: Caller, tx: TenantTransaction, *, account_id: uuid.UUID | None, at: datetime) -> Portfolio:
    """Each account with its balances and positions in its base currency, and the sum of all by currency."""
    caller.require("portfolio:read")
    accounts = visible_accounts(caller, tx, account_id)
    prices = tx.market.reference_prices()
    worths = worth_of(tx, accounts, prices)
    items: list[AccountPortfolio] = [
        {
            "account_id": str(each.account.account_id),
            "name": each.account.name,
            "base_currency": each.account.base_currency,
            **_shown(each.amounts),
            "stale": any(is_stale(prices.get(row.symbol), at) for row in each.held if row.position.quantity),
            "balances": [{"asset": asset, "total": _text(amount)} for asset, amount in each.balances.items()],
            "positions": [_position(row, prices.get(row.symbol), at) for row in each.held],
        }
        for each in worths
    ]
    worth = [(each.account.base_currency, each.amounts) for each in worths]
    totals: list[PortfolioTotal] = [
        {"currency": currency, **_shown(_sum([amounts for theirs, amounts in worth if theirs == currency]))}
        for currency in sorted({currency for currency, _ in worth})
    ]
    return {"items": items, "totals": totals, "next_cursor": None}


def events(
    caller: Caller,
    tx: TenantTransaction,
    *,
    account_id: uuid.UUID | None,
    order_id: uuid.UUID | None,
    since: int,
    limit: int,
) -> EventPage:
    """One account's events after `since`, oldest first; with `order_id` those of that order, whose account it is.

    NotFound for an order that the caller may not see, or of another account than the one that is named.
    """
    caller.require("orders:read")
    if order_id is not None:
        of_account = accessible(order_id, caller, tx).account_id
        if account_id not in (None, of_account):
            raise NotFound("no such order")
        rows = tx.portfolio.feed_of_order(of_account, order_id, since=since, limit=limit)
    else:
        accounts = visible_accounts(caller, tx, account_id)
        if len(accounts) != 1:
            raise InvalidRequest("account_id is needed: each account has a sequence of its own", field="account_id")
        rows = tx.portfolio.feed(accounts[0], since=since, limit=limit)
    next_since = rows[-1]["sequence"] if rows else since
    return {
        "items": [FeedEvent(**row, occurred_at=from_nanoseconds(row["occurred_at_ns"])) for row in rows],
        "next_since": next_since,
        "next_cursor": str(next_since) if len(rows) == limit else None,
    }


def instruments(caller: Caller, tx: TenantTransaction, *, at: datetime) -> InstrumentPage:
    """What can be traded, in which steps, and at which price now."""
    caller.require("orders:read")
    prices = tx.market.reference_prices()
    items: list[InstrumentView] = [
        {
            "symbol": each.symbol,
            "base_asset": each.base_asset,
            "quote_asset": each.quote_asset,
            "tick_size": _text(each.tick_size),
            "lot_size": _text(each.lot_size),
            "notional_min": _text(each.notional_min),
            **_mark(prices.get(each.symbol), at),
        }
        for each in tx.market.instruments()
    ]
    return {"items": items, "next_cursor": None}


def _trade(row: TradeRow) -> Trade:
    return {
        "trade_id": str(row.trade_id),
        "order_id": str(row.order_id),
        "account_id": str(row.account_id),
        "symbol": row.symbol,
        "side": Side(row.side),
        "last_qty": _text(row.last_qty),
        "last_px": _text(row.last_px),
        "liquidity": row.liquidity,
        "fee": _text(row.fee),
        "fee_currency": row.fee_currency,
        "realised_pnl": _text(row.realised_pnl),
        "venue": row.venue,
        "transact_time": format_time(row.transact_time),
    }


def _position(row: PositionRow, price: ReferencePrice | None, at: datetime) -> Position:
    position = row.position
    return {
        "account_id": str(row.account_id),
        "symbol": row.symbol,
        "quantity": _text(position.quantity),
        "average_price": _text(position.average_price),
        "realised_pnl": _text(position.realised_pnl),
        "unrealised_pnl": None if price is None else _text(position.unrealised_pnl(price.price)),
        "fees": _text(position.fees),
        **_mark(price, at),
        "updated_at": format_time(row.updated_at),
    }


def _mark(price: ReferencePrice | None, at: datetime) -> Mark:
    if price is None:
        return {"mark_price": None, "mark_age_ms": None, "stale": True}
    age_ms = max(0, (at - price.observed_at) // timedelta(milliseconds=1))
    return {"mark_price": _text(price.price), "mark_age_ms": age_ms, "stale": is_stale(price, at)}


def _sum(worth: list[Amounts]) -> Amounts:
    return {name: total(amounts[name] for amounts in worth) for name in worth[0]}


def _shown(amounts: Amounts) -> Worth:
    """With `net_realised_pnl`, what was earned once fees are paid."""
    realised, fees = amounts["realised_pnl"], amounts["fees"]
    return {
        "equity": _text_if_known(amounts["equity"]),
        "realised_pnl": _text_if_known(realised),
        "unrealised_pnl": _text_if_known(amounts["unrealised_pnl"]),
        "fees": _text_if_known(fees),
        "net_realised_pnl": None if realised is None or fees is None else _text(EXACT.subtract(realised, fees)),
    }


def _text_if_known(amount: Decimal | None) -> str | None:
    return None if amount is None else _text(amount)


def _text(amount: Decimal) -> str:
    return format_amount(trim(amount))
