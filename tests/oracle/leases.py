"""kSetLease: the section "Leases" of docs/matching.md; its check is with the others, in checks.py."""

from dataclasses import astuple, replace

from tests.oracle.records import PRICE_MAX, SYMBOL_MAX, Command, EventKind, LeaseTerms, Reason, Side
from tests.oracle.state import Lease, State


def set_lease(state: State, command: Command) -> None:
    asked = command.terms if isinstance(command.terms, LeaseTerms) else LeaseTerms()
    if refused := _refuse(state, command, asked):
        symbol = command.symbol if command.symbol <= SYMBOL_MAX else 0
        state.emit(EventKind.REJECTED, symbol=symbol, reason=refused)
        return
    key = (command.account, command.symbol)
    lease = state.leases.setdefault(key, Lease())
    if asked.version > lease.terms.version:
        orders = state.leased_orders(*key)
        dearest = max((order.price for order in orders), default=0)
        lease.terms = replace(
            asked,
            buy_granted=max(asked.buy_granted, state.used(*key, Side.BUY)),
            sell_granted=max(asked.sell_granted, state.used(*key, Side.SELL)),
            price_high=max(asked.price_high, min(lease.terms.price_high, dearest)),
            orders_max=max(asked.orders_max, len(orders)),
        )
    state.emit(
        EventKind.LEASE_SET,
        symbol=command.symbol,
        maker_id=lease.terms.version,
        price=lease.terms.buy_granted,
        quantity=lease.terms.sell_granted,
        leaves=lease.filled[Side.BUY],
        maker_leaves=lease.filled[Side.SELL],
    )


def _refuse(state: State, command: Command, asked: LeaseTerms) -> Reason | None:
    if command.symbol not in state.instruments:
        return Reason.UNKNOWN_SYMBOL
    if command.account not in state.accounts:
        return Reason.UNKNOWN_ACCOUNT
    makes_sense = asked.version >= 1 and min(astuple(asked)) >= 0 and asked.price_high <= PRICE_MAX
    return None if makes_sense else Reason.INVALID_TERMS
