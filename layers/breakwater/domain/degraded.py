"""What passes while the ledger is silent or positions are old. Decision 91 says what these words mean."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from breakwater.domain.exposure import ALL_INSTRUMENTS, ZERO, Activity, Exposure, Limit, Scope
from breakwater.domain.limit_types.verdict import ProposedOrder, Verdict, capped
from breakwater.domain.limits import Finding, Refusal
from breakwater.domain.money import EXACT
from breakwater.domain.orders import Side
from breakwater.errors import LimitExceeded

SILENCE_MIN = timedelta(seconds=3)  # Between two failures: a single one is a hot node, or a deadlock.
FAILURES_APART_MAX = timedelta(minutes=1)  # What failed longer ago says nothing about now.
CACHED_MAX = timedelta(minutes=5)
EMERGENCY_MAX = timedelta(hours=1)
POSITIONS_AGE_MAX = timedelta(minutes=10)
EMERGENCY_ORDER = "EMERGENCY_ORDER"
EMERGENCY_DAY = "EMERGENCY_DAY"
RETRY_IN_MINUTES = "retry_in_minutes"


class Mode(StrEnum):
    """Of the ledger NORMAL to CLOSED, of positions NORMAL and STALE."""

    NORMAL = "NORMAL"
    CACHED = "CACHED"  # Every limit holds as it was last committed.
    EMERGENCY = "EMERGENCY"  # And emergency limits on top.
    CLOSED = "CLOSED"
    STALE = "STALE"


_WAY = (Mode.NORMAL, Mode.CACHED, Mode.EMERGENCY, Mode.CLOSED)


class LimitsUnavailable(LimitExceeded):
    """The ledger has been silent for too long."""

    code = "LIMITS_UNAVAILABLE"

    def __init__(self) -> None:
        told = "limits could not be reserved for over an hour; try again in some minutes, as a new order"
        super().__init__(told, refusals=[], suggested_action=RETRY_IN_MINUTES)


class PositionsStale(LimitExceeded):
    """A fill of the account has not been booked for too long."""

    code = "POSITIONS_STALE"

    def __init__(self) -> None:
        told = "the account's positions are more than 10 minutes old; try again in some minutes, as a new order"
        super().__init__(told, refusals=[], suggested_action=RETRY_IN_MINUTES)


RETRIED_LATER = frozenset({LimitsUnavailable.code, PositionsStale.code})


def mode_after(silent: timedelta) -> Mode:
    """Of the ledger, that long after the first failure."""
    if silent < CACHED_MAX:
        return Mode.CACHED
    return Mode.EMERGENCY if silent < CACHED_MAX + EMERGENCY_MAX else Mode.CLOSED


def later_mode(mode: Mode, other: Mode) -> Mode:
    """A clock that is behind takes nobody back."""
    return max(mode, other, key=_WAY.index)


def are_stale(unbooked_since: datetime | None, at: datetime) -> bool:
    """`unbooked_since`: when the oldest fill happened that is not booked; None when all are."""
    return unbooked_since is not None and at - unbooked_since > POSITIONS_AGE_MAX


@dataclass(frozen=True, slots=True)
class ProvisionalOrder:
    """An order that passed without the ledger's locks. It is worth `valuation_price` a unit."""

    order_id: uuid.UUID
    account_id: uuid.UUID
    node_ids: Sequence[uuid.UUID]
    symbol: str
    venue: str
    asset_class: str
    quote_asset: str
    is_automated: bool
    side: Side
    quantity: Decimal
    valuation_price: Decimal
    mode: str
    created_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", Side(self.side))

    @property
    def notional(self) -> Decimal:
        return EXACT.multiply(self.quantity, self.valuation_price)


def with_provisional(scopes: Sequence[Scope], orders: Iterable[ProvisionalOrder]) -> list[Scope]:
    """The scopes with these orders in them, each as wholly open and of today, whatever has become of it.

    That is the most they can use: a fill turns open into filled, and a cancel only gives back.
    """
    held = list(orders)
    return [_with_held(scope, [order for order in held if scope.node.node_id in order.node_ids]) for scope in scopes]


def _with_held(scope: Scope, orders: Sequence[ProvisionalOrder]) -> Scope:
    if not orders:
        return scope
    return replace(
        scope,
        exposures=[*scope.exposures, *(_exposure(scope, order) for order in orders)],
        activity=[*scope.activity, *(_activity(order) for order in orders)],
    )


def _exposure(scope: Scope, order: ProvisionalOrder) -> Exposure:
    buys = order.side is Side.BUY
    return Exposure(
        node_id=scope.node.node_id,
        symbol=order.symbol,
        venue=order.venue,
        asset_class=order.asset_class,
        quote_asset=order.quote_asset,
        filled_qty=ZERO,
        open_buy_qty=order.quantity if buys else ZERO,
        open_sell_qty=ZERO if buys else order.quantity,
        open_order_count=1,
        open_notional=order.notional,
        open_buy_notional=order.notional if buys else ZERO,
        session_date=scope.node.session_day,
        traded_notional=ZERO,
        session_order_count=1,
    )


def _activity(order: ProvisionalOrder) -> Activity:
    return Activity(
        at=order.created_at.replace(microsecond=0),
        symbol=order.symbol,
        venue=order.venue,
        asset_class=order.asset_class,
        quote_asset=order.quote_asset,
        new_count=1,
        replace_count=0,
        cancel_count=0,
        fill_count=0,
        automated_fill_count=int(order.is_automated),
        traded_notional=ZERO,
    )


@dataclass(frozen=True, slots=True)
class EmergencyLimits:
    """Of one order, and of all orders of the organisation that pass in emergencies on a UTC day."""

    order_max: Decimal = Decimal(2_000)
    day_max: Decimal = Decimal(10_000)
    currency: str = "USDT"

    def refusals(self, root: Scope, order: ProposedOrder, spent_today: Decimal) -> list[Refusal]:
        """Of those that refuse; `root` is the scope they are told of. Exactly the limit passes."""
        verdicts = {
            EMERGENCY_ORDER: (self.order_max, self._judge(order, self.order_max, ZERO)),
            EMERGENCY_DAY: (self.day_max, self._judge(order, self.day_max, spent_today)),
        }
        node_id = root.node.node_id
        return [
            Finding(root, Limit(None, node_id, name, ALL_INSTRUMENTS, most, {}, self.currency), verdict).to_json()
            for name, (most, verdict) in verdicts.items()
            if not verdict.passes
        ]

    def _judge(self, order: ProposedOrder, most: Decimal, spent: Decimal) -> Verdict:
        if order.instrument.quote_asset != self.currency:
            missing = f"an emergency limit in {order.instrument.quote_asset}"
            return Verdict(False, most, spent, ZERO, order.quantity, ZERO, missing=missing)
        with localcontext(EXACT):
            return capped(order, most, order.band.high, used=spent)
