"""Short makers of commands for the matching core, for tests by example."""

from tests.oracle.records import (
    EXTENDED,
    AccountTerms,
    Command,
    HoldingTerms,
    InstrumentTerms,
    Kind,
    LeaseTerms,
    OrderTerms,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
    Type,
)


def list_instrument(symbol: int = 1, **terms: int) -> Command:
    return Command(Kind.LIST_INSTRUMENT, symbol=symbol, terms=InstrumentTerms(**terms))


def set_account(account: int, **terms: int) -> Command:
    return Command(Kind.SET_ACCOUNT, account=account, terms=AccountTerms(**terms))


def set_holding(account: int, position: int = 0, position_max: int = 0, symbol: int = 1) -> Command:
    return Command(Kind.SET_HOLDING, account=account, symbol=symbol, terms=HoldingTerms(position, position_max))


def set_lease(account: int, version: int = 1, symbol: int = 1, **terms: int) -> Command:
    """What is not said is more than any test uses."""
    usual = dict.fromkeys(("buy_granted", "sell_granted", "price_high", "orders_max", "expires_at_ns"), 10**6)
    return Command(Kind.SET_LEASE, account=account, symbol=symbol, terms=LeaseTerms(version, **(usual | terms)))


def submit(
    order_id: int,
    side: Side,
    quantity: int,
    price: int = 0,
    *,
    type: Type = Type.LIMIT,
    time_in_force: TimeInForce | None = None,
    symbol: int = 1,
    account: int = 0,
    session: int = 0,
    flags: int = 0,
    self_trade: SelfTrade = SelfTrade.ALLOW,
    trigger: Trigger = Trigger.LAST,
    venue: int = 0,
    at_ns: int = 0,
    **terms: int,
) -> Command:
    """A kSubmit; without a time in force a market order is IOC and any other GTC. `terms` are those of OrderTerms."""
    if time_in_force is None:
        time_in_force = TimeInForce.IOC if type is Type.MARKET else TimeInForce.GTC
    return Command(
        Kind.SUBMIT,
        order_id=order_id,
        symbol=symbol,
        account=account,
        session=session,
        side=side,
        type=type,
        time_in_force=time_in_force,
        price=price,
        quantity=quantity,
        flags=flags | (EXTENDED if terms else 0),
        self_trade=self_trade,
        trigger=trigger,
        venue=venue,
        at_ns=at_ns,
        terms=OrderTerms(**terms) if terms else None,
    )


def cancel(order_id: int) -> Command:
    return Command(Kind.CANCEL, order_id=order_id)


def replace_order(
    order_id: int, price: int, quantity: int, stop_price: int | None = None, *, price_bound: int = 0
) -> Command:
    if stop_price is None and not price_bound:
        return Command(Kind.REPLACE, order_id=order_id, price=price, quantity=quantity)
    terms = OrderTerms(stop_price=stop_price or 0, price_bound=price_bound)
    return Command(Kind.REPLACE, order_id=order_id, price=price, quantity=quantity, flags=EXTENDED, terms=terms)


def of_symbol(kind: Kind, symbol: int = 1, price: int = 0) -> Command:
    """kSetMark, kHalt, kResume, kStartAuction, kUncross."""
    return Command(kind, symbol=symbol, price=price)


def at(now_ns: int) -> Command:
    return Command(Kind.ADVANCE_TIME, at_ns=now_ns)
