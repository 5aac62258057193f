"""What a venue says held against what the engine knows, and what each difference means. Pure.

What is certain is repaired: an order that ended here and lives there is cancelled there, one that lives here and not
there is asked about. What is not is told to people: it may be money that somebody moved, or an order placed by hand.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.orders import OrdStatus, Side
from fargate_engine.venues.client_ids import order_id_of
from fargate_engine.venues.protocol import Balance, FillAtVenue, OrderAtVenue

FINDINGS_MAX = 200  # Of one run, that are kept with their words; all are counted.
ZERO = Decimal(0)


class Kind(StrEnum):
    EXTERNAL_ORDER = "EXTERNAL_ORDER"  # Open there under an id that is not ours.
    EXTERNAL_FILL = "EXTERNAL_FILL"  # Of such an order.
    UNKNOWN_ORDER = "UNKNOWN_ORDER"  # Under an id of ours that no shard knows.
    ENDED_ORDER = "ENDED_ORDER"  # Open there, and final here: cancelled there.
    MISSING_ORDER = "MISSING_ORDER"  # Open here, and not there: asked about.
    LATE_FILL = "LATE_FILL"  # More was filled there than is booked here, and here the order is final.
    BALANCE_DRIFT = "BALANCE_DRIFT"  # A balance moved by more than the fills explain.


CERTAIN = frozenset({Kind.ENDED_ORDER, Kind.MISSING_ORDER})


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what it is about: a client order id, a trade id, an asset. `symbol` is empty for an asset."""

    kind: Kind
    subject: str
    symbol: str
    words: str

    def document(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "subject": self.subject, "symbol": self.symbol, "words": self.words}


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as the engine has it. Of one that is forgotten only that it is over: status and quantity are None."""

    client_id: str
    symbol: str
    status: OrdStatus | None
    cum_qty: Decimal | None

    @property
    def is_final(self) -> bool:
        return self.status is None or self.status.is_final

    @property
    def words(self) -> str:
        return "over long ago" if self.status is None else str(self.status)


# None: no shard that is served here knows it.
type Find = Callable[[str], KnownOrder | None]


@dataclass(slots=True)
class Report:
    """One run. `is_complete` is false when the venue could not be asked, or moved all the while."""

    venue: str
    at_ms: int
    orders: int = 0
    fills: int = 0
    balances: int = 0
    repaired: int = 0
    is_complete: bool = True
    failure: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.counts[finding.kind] = self.counts.get(finding.kind, 0) + 1
            if len(self.findings) < FINDINGS_MAX:
                self.findings.append(finding)

    def document(self) -> dict[str, Any]:
        return {
            "at_ms": self.at_ms,
            "orders": self.orders,
            "fills": self.fills,
            "balances": self.balances,
            "repaired": self.repaired,
            "is_complete": self.is_complete,
            "failure": self.failure,
            "counts": self.counts,
            "findings": [finding.document() for finding in self.findings],
        }


def compare_orders(
    live: Sequence[KnownOrder], there: Sequence[OrderAtVenue], find: Find, *, knows_all: bool
) -> list[Finding]:
    """`live` was read before the venue was asked: what came to it since is not among them.

    `knows_all`: every shard is served here, so an id of ours that nobody knows is nobody's.
    """
    findings = []
    open_there = {order_id_of(order.client_id) for order in there}  # Under whichever of its ids.
    for order in there:
        known = find(order.client_id)
        if order_id_of(order.client_id) is None:
            words = f"{order.side} {format_amount(trim(order.quantity))} {order.symbol} was not placed by the platform"
            findings.append(Finding(Kind.EXTERNAL_ORDER, order.client_id, order.symbol, words))
        elif known is None and knows_all:
            words = "it has an id of ours and no shard knows it"
            findings.append(Finding(Kind.UNKNOWN_ORDER, order.client_id, order.symbol, words))
        elif known is not None and known.is_final:
            words = f"it is {known.words} here and open there"
            findings.append(Finding(Kind.ENDED_ORDER, order.client_id, order.symbol, words))
    for mine in live:
        known = find(mine.client_id)
        if order_id_of(mine.client_id) not in open_there and known is not None and not known.is_final:
            words = f"it is {known.words} here and not open there"
            findings.append(Finding(Kind.MISSING_ORDER, mine.client_id, mine.symbol, words))
    return findings


def compare_filled(order: OrderAtVenue, fills: Sequence[FillAtVenue], find: Find) -> list[Finding]:
    """One order that new fills are of."""
    if order_id_of(order.client_id) is None:
        return [
            Finding(
                Kind.EXTERNAL_FILL,
                fill.trade_id,
                fill.symbol,
                f"{fill.side} {format_amount(trim(fill.quantity))} at {format_amount(trim(fill.price))}"
                f" of order {order.client_id}, which the platform did not place",
            )
            for fill in fills
        ]
    known = find(order.client_id)
    if known is None or not known.is_final:
        return []  # Of one that is open its follower books what comes.
    there = format_amount(trim(order.filled))
    if known.cum_qty is None:  # No fill of it that was booked is new any more.
        words = f"it is {known.words} here, and has new fills there: {there} in all"
    elif order.filled <= known.cum_qty:
        return []
    else:
        here = format_amount(trim(known.cum_qty))
        words = f"it is {known.words} here with {here} filled, and {there} were filled there"
    return [Finding(Kind.LATE_FILL, order.client_id, order.symbol, words)]


def compare_balances(
    before: Mapping[str, Balance], now: Mapping[str, Balance], fills: Iterable[FillAtVenue]
) -> list[Finding]:
    """`fills` are all between the two, whoever's."""
    changes: dict[str, Decimal] = {}
    for fill in fills:
        base, _, quote = fill.symbol.partition("/")
        sign = 1 if fill.side is Side.BUY else -1
        for asset, change in (
            (base, sign * fill.quantity),
            (quote, -sign * EXACT.multiply(fill.quantity, fill.price)),
            (fill.fee_currency, -fill.fee),
        ):
            changes[asset] = EXACT.add(changes.get(asset, ZERO), change)
    findings = []
    nothing = Balance(ZERO, ZERO)
    for asset in sorted({*before, *now, *changes}):
        moved = EXACT.subtract(now.get(asset, nothing).total, before.get(asset, nothing).total)
        drift = EXACT.subtract(moved, changes.get(asset, ZERO))
        if drift:
            words = f"it moved by {format_amount(trim(drift))} that no fill explains"
            findings.append(Finding(Kind.BALANCE_DRIFT, asset, "", words))
    return findings
