"""Seeded streams of commands for the matching core, each with its own mixture of what happens."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tests.oracle.records import (
    EXTENDED,
    FIRM_SELF_TRADE,
    LEASED,
    POST_ONLY,
    REDUCE_ONLY,
    Command,
    Kind,
    OrderTerms,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
    Type,
    command_bytes,
)
from tests.support.core_commands import list_instrument, replace_order, set_account, set_holding, set_lease
from tests.support.spoilt_records import spoilt


@dataclass(frozen=True)
class Profile:
    """How often what happens. Weights are relative to each other, `..._share` is a part of all submits (0 to 1)."""

    kinds: dict[Kind, int] = field(default_factory=lambda: {Kind.SUBMIT: 70, Kind.CANCEL: 30})
    types: dict[Type, int] = field(default_factory=lambda: {Type.LIMIT: 1})
    immediate_share: float = 0.1
    good_till_date_share: float = 0.0
    post_only_share: float = 0.0
    reduce_only_share: float = 0.0
    firm_share: float = 0.0
    iceberg_share: float = 0.0
    min_quantity_share: float = 0.0
    bound_share: float = 0.0
    venue_share: float = 0.0
    leased_share: float = 0.0
    self_trade: tuple[SelfTrade, ...] = (SelfTrade.ALLOW,)
    accounts: int = 4  # Numbered from 1; orders are also of account 0.
    known_accounts: int = 0  # So many of them are set before anything else.
    limits: bool = False  # Their limits are tight.
    symbols: int = 2
    tick: int = 1
    lot: int = 1
    collar_bps: int = 0
    banded: bool = False
    far_share: float = 0.0  # Prices all over the integers.
    depth: int = 5  # Prices up to so many ticks from the middle.
    hostile_share: float = 0.0  # Commands with fields out of all bounds, or nothing but noise.
    rebounds: bool = True  # A replace may bring a bound of its own.


_EVERY_TYPE = {
    Type.LIMIT: 12,
    Type.MARKET: 2,
    Type.STOP: 1,
    Type.STOP_LIMIT: 1,
    Type.TAKE_PROFIT: 1,
    Type.TAKE_PROFIT_LIMIT: 1,
    Type.TRAILING_STOP: 2,
}
_ORDER_KINDS = {Kind.SUBMIT: 60, Kind.CANCEL: 15, Kind.REPLACE: 15, Kind.ADVANCE_TIME: 2, Kind.SET_MARK: 4}
_MARKET_KINDS = {Kind.HALT: 1, Kind.RESUME: 6, Kind.START_AUCTION: 1, Kind.UNCROSS: 6}
_VENUE_KINDS = {
    Kind.VENUE_ACCEPTED: 4,
    Kind.VENUE_FILLED: 8,
    Kind.VENUE_REJECTED: 1,
    Kind.VENUE_CANCELED: 1,
    Kind.VENUE_EXPIRED: 1,
    Kind.VENUE_REPLACED: 4,
    Kind.REFUSE_REPLACE: 1,
}
_ALL_KINDS = {
    **{kind: weight * 4 for kind, weight in (_ORDER_KINDS | _VENUE_KINDS | _MARKET_KINDS).items()},
    Kind.MASS_CANCEL: 1,
    Kind.REFUSE: 1,
    Kind.LIST_INSTRUMENT: 1,
    Kind.SET_ACCOUNT: 2,
    Kind.SET_HOLDING: 3,
}

PROFILES: dict[str, Profile] = {
    "plain": Profile(),
    "deep": Profile(
        kinds={Kind.SUBMIT: 85, Kind.CANCEL: 10, Kind.REPLACE: 5}, immediate_share=0.02, depth=200, symbols=1
    ),
    "replaces": Profile(kinds=_ORDER_KINDS, post_only_share=0.2, immediate_share=0.2, tick=5, lot=10),
    "checks": Profile(
        kinds=_ORDER_KINDS | {Kind.SET_ACCOUNT: 2, Kind.SET_HOLDING: 2},
        types={Type.LIMIT: 8, Type.MARKET: 1, Type.STOP: 1},
        known_accounts=3,
        limits=True,
        collar_bps=120,
        banded=True,
    ),
    "stops": Profile(kinds=_ORDER_KINDS | _MARKET_KINDS, types=_EVERY_TYPE, bound_share=0.1, immediate_share=0.3),
    "icebergs": Profile(
        kinds=_ORDER_KINDS,
        iceberg_share=0.5,
        min_quantity_share=0.1,
        immediate_share=0.3,
        self_trade=tuple(SelfTrade),
        accounts=8,
        symbols=1,
    ),
    "auctions": Profile(
        kinds=_ORDER_KINDS | _MARKET_KINDS | {Kind.SET_HOLDING: 5, Kind.START_AUCTION: 3, Kind.UNCROSS: 3},
        types=_EVERY_TYPE,
        iceberg_share=0.2,
        bound_share=0.3,
        self_trade=tuple(SelfTrade),
        reduce_only_share=0.3,
        known_accounts=3,
        symbols=2,
    ),
    "self-trade": Profile(
        kinds=_ORDER_KINDS,
        self_trade=tuple(SelfTrade),
        firm_share=0.5,
        known_accounts=5,
        accounts=6,
        iceberg_share=0.1,
        min_quantity_share=0.1,
        immediate_share=0.3,
    ),
    "reduce-only": Profile(
        kinds=_ORDER_KINDS | {Kind.SET_HOLDING: 6},
        types=_EVERY_TYPE,
        reduce_only_share=0.4,
        known_accounts=4,
        self_trade=tuple(SelfTrade),
        iceberg_share=0.2,
        min_quantity_share=0.1,
        immediate_share=0.3,
    ),
    "dates": Profile(kinds=_ORDER_KINDS | {Kind.ADVANCE_TIME: 10}, types=_EVERY_TYPE, good_till_date_share=0.6),
    "venues": Profile(
        kinds=_ORDER_KINDS | {kind: weight * 3 for kind, weight in _VENUE_KINDS.items()} | {Kind.MASS_CANCEL: 1},
        types=_EVERY_TYPE,
        venue_share=0.5,
        known_accounts=3,
        reduce_only_share=0.1,
        good_till_date_share=0.1,
    ),
}
PROFILES["leases"] = Profile(
    kinds={kind: weight * 4 for kind, weight in (_ORDER_KINDS | _VENUE_KINDS).items()}
    | _MARKET_KINDS
    | {Kind.SET_LEASE: 30, Kind.MASS_CANCEL: 1},
    types=_EVERY_TYPE,
    leased_share=0.8,
    known_accounts=3,
    accounts=3,
    symbols=1,
    immediate_share=0.2,
    reduce_only_share=0.1,
    iceberg_share=0.1,
    venue_share=0.1,
    bound_share=0.1,
    good_till_date_share=0.1,
    self_trade=tuple(SelfTrade),
)
_EVERYTHING = Profile(
    kinds=_ALL_KINDS,
    types=_EVERY_TYPE,
    immediate_share=0.2,
    good_till_date_share=0.1,
    post_only_share=0.1,
    reduce_only_share=0.15,
    firm_share=0.3,
    iceberg_share=0.2,
    min_quantity_share=0.1,
    bound_share=0.1,
    venue_share=0.1,
    self_trade=tuple(SelfTrade),
    accounts=6,
    known_accounts=4,
    symbols=3,
    tick=2,
    lot=3,
)
PROFILES["everything"] = _EVERYTHING
PROFILES["everything checked"] = replace(_EVERYTHING, limits=True, collar_bps=150, banded=True)
PROFILES["crowded"] = replace(_EVERYTHING, symbols=60, accounts=200, known_accounts=150, depth=40)
PROFILES["far prices"] = replace(_EVERYTHING, far_share=0.5, tick=1, collar_bps=20_000)
_EVERYTHING_LEASED = replace(_EVERYTHING, kinds=_ALL_KINDS | {Kind.SET_LEASE: 20}, leased_share=0.6)
PROFILES["everything leased"] = _EVERYTHING_LEASED
PROFILES["hostile"] = replace(_EVERYTHING_LEASED, hostile_share=0.3, tick=1, lot=1)


def records(profile: Profile, seed: int, count: int) -> Iterator[bytes]:
    """`count` commands of 128 bytes; the same for the same seed, always."""
    stream = _Stream(profile, random.Random(seed))  # noqa: S311 - chance that can be repeated
    for _ in range(count):
        yield stream.next_record()


class _Stream:
    """It remembers the orders that it sent lately, so that many cancels and replaces meet a live one."""

    def __init__(self, profile: Profile, chance: random.Random) -> None:
        self.profile, self.chance = profile, chance
        self.now_ns = 1_000
        self.last_order_id = 0
        self.recent = [Command(Kind.SUBMIT)]
        self.middle = 1_000
        self.lease_version = 0
        self.granted: dict[tuple[int, int], int] = {}  # By account and symbol: so much to either side, ever.
        self.waiting = [self._instrument(symbol) for symbol in range(1, profile.symbols + 1)]
        self.waiting += [self._account(account) for account in range(1, profile.known_accounts + 1)]

    def next_record(self) -> bytes:
        if self.waiting:
            return command_bytes(self.waiting.pop(0))
        self.now_ns += self.chance.choice((0, 1, 1, 5, 20))
        low, high = (990, 1_040) if self.profile.banded else (200, 1_000_000)
        self.middle = min(high, max(low, self.middle + self.chance.choice((-2, -1, 0, 0, 1, 2))))
        is_late = self.chance.random() < 0.02  # A clock that steps back must change nothing.
        record = command_bytes(replace(self._command(), at_ns=self.now_ns - (100 if is_late else 0)))
        return spoilt(record, self.chance) if self.chance.random() < self.profile.hostile_share else record

    def _command(self) -> Command:
        kind = self._pick(self.profile.kinds)
        symbol = self.chance.randint(1, self.profile.symbols)
        account = self.chance.randint(0, self.profile.accounts)
        recent = self.chance.choice(self.recent)
        side = self.chance.choice(tuple(Side))
        makers: dict[Kind, Callable[[], Command]] = {
            Kind.SUBMIT: lambda: self._submit(symbol, account, side),
            Kind.REPLACE: lambda: self._replace(recent, side),
            Kind.MASS_CANCEL: lambda: self._mass_cancel(symbol, account),
            Kind.LIST_INSTRUMENT: lambda: self._instrument(symbol),
            Kind.SET_ACCOUNT: lambda: self._account(account),
            Kind.SET_HOLDING: lambda: self._holding(symbol, account),
            Kind.SET_LEASE: lambda: self._lease(symbol, account),
        }
        if kind in makers:
            return makers[kind]()
        if kind is Kind.VENUE_REPLACED and self.chance.random() < 0.3:  # As no check here would pass it.
            far = self.chance.choice((1, 2)), self.chance.choice((1_000, 5_000))
            return Command(kind, order_id=recent.order_id, price=far[0] * self._price(side), quantity=far[1])
        return Command(
            kind,
            order_id=recent.order_id,
            symbol=symbol,
            price=self._price(side) if self.chance.random() < 0.95 else 0,
            quantity=self.chance.choice((1, 5, 20, 100)),
            reason=self.chance.randint(128, 131),
        )

    def _replace(self, recent: Command, side: Side) -> Command:
        order_id = recent.order_id
        if self.chance.random() < 0.4:  # Most of these keep their place.
            return replace_order(
                order_id, recent.price, recent.quantity - self.chance.choice((0, 1, 2)) * self.profile.lot
            )
        has_price = self.chance.random() < 0.9
        stop_price = self._price(side) if self.chance.random() < 0.3 else None
        bounds = self.profile.rebounds and self.chance.random() < self.profile.bound_share
        bound = self._price(side) if bounds else 0
        return replace_order(
            order_id, self._price(side) if has_price else 0, self._quantity(), stop_price, price_bound=bound
        )

    def _holding(self, symbol: int, account: int) -> Command:
        position = self.chance.choice((0, self.chance.randint(-60, 60)))
        return set_holding(account, position, self.chance.choice((0, 100, 200)), symbol)

    def _lease(self, symbol: int, account: int) -> Command:
        """Mostly more than before, since it is used up; some versions come late, some take back what is free."""
        chance, key = self.chance, (account, symbol)
        self.lease_version += 1
        self.granted[key] = self.granted.get(key, 0) + chance.randint(0, 1_000) * self.profile.lot
        return set_lease(
            account,
            self.lease_version - chance.choice((0, 0, 0, 5)),
            symbol,
            buy_granted=self.granted[key] if chance.random() < 0.9 else 0,
            sell_granted=self.granted[key] if chance.random() < 0.9 else 0,
            price_high=(self.middle // 4 + chance.choice((1, 4, 100, 100))) * self.profile.tick,
            orders_max=chance.choice((3, 100, 100, 100)),
            expires_at_ns=self.now_ns + (50_000 if chance.random() < 0.9 else chance.randint(-5, 200)),
        )

    def _mass_cancel(self, symbol: int, account: int) -> Command:
        by_symbol, by_account, by_session = (self.chance.random() < 0.7 for _ in range(3))
        return Command(
            Kind.MASS_CANCEL,
            symbol=symbol if by_symbol else 0,
            account=account if by_account else 0,
            session=self.chance.randint(1, 3) if by_session else 0,
        )

    def _submit(self, symbol: int, account: int, side: Side) -> Command:
        profile, chance = self.profile, self.chance
        self.last_order_id += 1
        order_type, quantity = self._pick(profile.types), self._quantity()
        time_in_force, expire_at_ns = self._time_in_force(order_type), 0
        if time_in_force is TimeInForce.GTD:
            expire_at_ns = self.now_ns + chance.choice((-5, 0, 1, 50, 500, 5_000))
        flags = EXTENDED
        for flag, share in (
            (POST_ONLY, profile.post_only_share if order_type is Type.LIMIT else 0),
            (REDUCE_ONLY, profile.reduce_only_share),
            (FIRM_SELF_TRADE, profile.firm_share),
        ):
            flags |= flag if chance.random() < share else 0
        if profile.leased_share:
            may_have_one = 1 <= account <= profile.known_accounts
            flags |= LEASED if chance.random() < (profile.leased_share if may_have_one else 0.05) else 0
        has_price = order_type.needs_price or chance.random() < 0.3
        has_bound = chance.random() < profile.bound_share
        terms = OrderTerms(
            stop_price=self._stop_price(order_type, side),
            display_quantity=self._part(quantity, profile.iceberg_share if order_type.needs_price else 0),
            min_quantity=self._part(quantity, 0 if order_type.is_dormant else profile.min_quantity_share),
            expire_at_ns=expire_at_ns,
            price_bound=has_bound * (self._price(side) - side.sign * chance.randint(0, 3) * profile.tick),
        )
        order = Command(
            Kind.SUBMIT,
            order_id=self.last_order_id,
            symbol=symbol,
            account=account,
            session=chance.randint(0, 3),
            side=side,
            type=order_type,
            time_in_force=time_in_force,
            price=self._price(side) if has_price else 0,
            quantity=quantity,
            flags=flags,
            self_trade=chance.choice(profile.self_trade),
            trigger=chance.choice(tuple(Trigger)),
            venue=1 if chance.random() < profile.venue_share else 0,
            terms=terms,
        )
        self.recent = [*self.recent[-60:], order]
        return order

    def _time_in_force(self, order_type: Type) -> TimeInForce:
        immediate = self.chance.choice((TimeInForce.IOC, TimeInForce.FOK))
        if order_type is Type.MARKET:
            return immediate
        if order_type is Type.LIMIT and self.chance.random() < self.profile.immediate_share:
            return immediate
        is_dated = self.chance.random() < self.profile.good_till_date_share
        return TimeInForce.GTD if is_dated else TimeInForce.GTC

    def _stop_price(self, order_type: Type, side: Side) -> int:
        if not order_type.is_dormant:
            return 0
        if order_type is Type.TRAILING_STOP:
            return self.chance.choice((1, 2, 5, 10, 300)) * self.profile.tick
        return self._price(side.opposite)

    def _price(self, side: Side) -> int:
        """Mostly on its own side of the middle, so that a book stands."""
        if self.chance.random() < self.profile.far_share:
            return self.chance.randrange(1, 2 ** self.chance.randint(1, 61))
        away = self.chance.choice((-3, -2, -1, 0, 0, 1, 1, 2, 3, 4, self.profile.depth))
        if away > 4:
            away = self.chance.randint(5, self.profile.depth)
        return (self.middle // 4 - side.sign * away) * self.profile.tick

    def _quantity(self) -> int:
        return self.chance.choice((1, 2, 5, 10, 20, 50)) * self.profile.lot

    def _part(self, quantity: int, share: float) -> int:
        if self.chance.random() >= share:
            return 0
        return self.chance.randint(1, quantity // self.profile.lot) * self.profile.lot

    def _instrument(self, symbol: int) -> Command:
        profile = self.profile
        low, high = (246 * profile.tick, 262 * profile.tick) if profile.banded else (0, 0)
        is_odd = self.chance.random() < 0.1
        return list_instrument(
            symbol,
            tick=profile.tick * (3 if is_odd else 1),
            lot=profile.lot,
            price_low=low,
            price_high=high,
            collar_bps=profile.collar_bps,
        )

    def _account(self, account: int) -> Command:
        if not self.profile.limits:
            return set_account(account, firm=account % 3)
        return set_account(
            account,
            firm=account % 3,
            order_quantity_max=40 * self.profile.lot,
            order_notional_max=self.chance.choice((0, 4_000)) * self.profile.lot * self.profile.tick,
            open_orders_max=self.chance.choice((0, 4, 12)),
            rate_max=self.chance.choice((0, 5, 20)),
            rate_window_ns=400,
        )

    def _pick[T](self, weights: dict[T, int]) -> T:
        return self.chance.choices(tuple(weights), tuple(weights.values()))[0]
