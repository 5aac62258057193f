"""Commands that are about no order: instruments, accounts, holdings, marks and the market's state."""

from dataclasses import astuple

from tests.oracle.auction import uncross
from tests.oracle.records import (
    PRICE_MAX,
    SYMBOL_MAX,
    AccountTerms,
    Command,
    EventKind,
    HoldingTerms,
    InstrumentTerms,
    Kind,
    Reason,
    TradingState,
)
from tests.oracle.state import Account, Holding, Instrument, State


def list_instrument(state: State, command: Command) -> None:
    terms = command.terms if isinstance(command.terms, InstrumentTerms) else InstrumentTerms(tick=0, lot=0)
    listed = state.instruments.get(command.symbol)
    if not 1 <= command.symbol <= SYMBOL_MAX or not _makes_sense(terms):
        _reject(state, command, Reason.INVALID_TERMS)
        return
    if listed is None:
        state.instruments[command.symbol] = Instrument(command.symbol, terms)
    else:
        is_used = any(order.symbol == command.symbol for order in state.orders.values())
        if is_used and (terms.tick, terms.lot) != (listed.terms.tick, listed.terms.lot):
            _reject(state, command, Reason.INVALID_TERMS)
            return
        listed.terms = terms
    state.emit(EventKind.UPDATED, symbol=command.symbol)


def set_account(state: State, command: Command) -> None:
    terms = command.terms if isinstance(command.terms, AccountTerms) else AccountTerms()
    known = state.accounts.get(command.account)
    makes_sense = min(astuple(terms)) >= 0 and (terms.rate_max == 0 or terms.rate_window_ns > 0)
    has_unchecked_orders = known is None and any(o.account == command.account for o in state.orders.values())
    if command.account == 0 or not makes_sense or has_unchecked_orders:
        state.emit(EventKind.REJECTED, reason=Reason.INVALID_TERMS)
        return
    if known is None:
        state.accounts[command.account] = Account(terms)
    else:
        known.terms = terms
    state.emit(EventKind.UPDATED)


def set_holding(state: State, command: Command) -> None:
    terms = command.terms if isinstance(command.terms, HoldingTerms) else HoldingTerms()
    if command.symbol not in state.instruments:
        _reject(state, command, Reason.UNKNOWN_SYMBOL)
    elif command.account not in state.accounts:
        _reject(state, command, Reason.UNKNOWN_ACCOUNT)
    elif terms.position_max < 0:
        _reject(state, command, Reason.INVALID_TERMS)
    elif not state.fits(command.account, command.symbol, terms.position):
        _reject(state, command, Reason.OVERFLOW)
    else:
        state.holdings[command.account, command.symbol] = Holding(terms.position, terms.position_max)
        state.emit(EventKind.UPDATED, symbol=command.symbol)


def set_mark(state: State, command: Command) -> None:
    instrument = state.instruments.get(command.symbol)
    if instrument is None:
        _reject(state, command, Reason.UNKNOWN_SYMBOL)
    elif not 0 <= command.price <= PRICE_MAX:
        _reject(state, command, Reason.INVALID_PRICE)
    else:
        instrument.mark_price = command.price
        state.emit(EventKind.UPDATED, symbol=command.symbol)


def change_trading(state: State, command: Command) -> None:
    """kHalt, kResume, kStartAuction, kUncross."""
    instrument = state.instruments.get(command.symbol)
    if instrument is None:
        _reject(state, command, Reason.UNKNOWN_SYMBOL)
    elif command.kind == Kind.HALT:
        instrument.trading = TradingState.HALTED
        state.emit(EventKind.HALTED, symbol=command.symbol)
    elif command.kind == Kind.START_AUCTION:
        instrument.trading = TradingState.AUCTION
        state.emit(EventKind.AUCTION_STARTED, symbol=command.symbol)
    elif command.kind == Kind.UNCROSS and instrument.trading is TradingState.AUCTION:
        uncross(state, instrument)
    elif command.kind == Kind.RESUME and instrument.trading is TradingState.HALTED and not instrument.is_crossed:
        instrument.trading = TradingState.CONTINUOUS
        state.emit(EventKind.RESUMED, symbol=command.symbol)
    else:
        _reject(state, command, Reason.INVALID_TERMS)


def _makes_sense(terms: InstrumentTerms) -> bool:
    return (
        min(astuple(terms)) >= 0
        and terms.tick >= 1
        and terms.lot >= 1
        and (terms.price_high == 0 or terms.price_low <= terms.price_high)
        and (terms.quantity_max == 0 or terms.quantity_min <= terms.quantity_max)
    )


def _reject(state: State, command: Command, reason: Reason) -> None:
    symbol = command.symbol if command.symbol <= SYMBOL_MAX else 0
    state.emit(EventKind.REJECTED, symbol=symbol, reason=reason)
