"""Judge an order against every limit of every scope above its account, and word what came of it."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict

from breakwater.domain.exposure import (
    ALL_INSTRUMENTS,
    ZERO,
    Action,
    InstrumentFilter,
    Limit,
    NodeState,
    Scope,
    is_stricter,
)
from breakwater.domain.ids import IdText
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import (
    KILL_SWITCH,
    LIMIT_TYPES,
    PRICE_COLLAR,
    REDUCE_ONLY,
    SELF_TRADE,
    Above,
    Need,
    ProposedOrder,
    Verdict,
)
from breakwater.domain.market import Market, MissingReference
from breakwater.domain.money import EXACT, AmountText, format_amount, trim
from breakwater.domain.orders import SIMULATED_VENUE, OrderTerms, Side
from breakwater.domain.valuation import PriceBand, price_band

WATCHED_LOSSES = ("DAILY_LOSS", "DRAWDOWN")  # What marks and fills move, and not an order of the node.
CROSSED_PCT = 100  # Beyond the limit; of what is exactly at it nothing is told but the soft thresholds.
FALLEN_BY_PCT = 1
_ROWS = {name: row for row, name in enumerate(LIMIT_TYPES)}
_NARROWEST = ("symbol", "venue", "class", "all")  # Kinds of filters.
BUILT_IN_KEPT_MAX = 4_096  # Of nodes that orders came by; they are the same each time.
REDUCING_SKIPS = range(19, 30)  # The exposure and loss limits of the table that an order which only reduces skips.


class Refusal(TypedDict):
    """One limit of one node, ready for JSON. `limit_id` null: the node itself is stopped or only reduces.

    `largest_passing_quantity` null: this limit does not look at the quantity. `missing`: what it could not be judged
    without, where that is why it refused.
    """

    node_id: IdText
    node_name: str
    limit_id: IdText | None
    limit_type: str
    instrument: str
    limit: AmountText
    used: AmountText
    reserved: AmountText
    attempted: AmountText
    largest_passing_quantity: AmountText | None
    action: str
    missing: str | None


class Finding(NamedTuple):
    """What one limit of one scope says to the order."""

    scope: Scope
    limit: Limit
    verdict: Verdict

    def to_json(self) -> Refusal:
        """The shape of a refusal in the API; amounts as decimal strings."""
        verdict = self.verdict
        largest = verdict.largest_passing_quantity
        return {
            "node_id": str(self.scope.node.node_id),
            "node_name": self.scope.node.name,
            "limit_id": None if self.limit.limit_id is None else str(self.limit.limit_id),
            "limit_type": self.limit.limit_type,
            "instrument": self.limit.instrument,
            "limit": format_amount(verdict.limit),
            "used": format_amount(trim(verdict.used)),
            "reserved": format_amount(trim(verdict.reserved)),
            "attempted": format_amount(trim(verdict.attempted)),
            "largest_passing_quantity": None if largest is None else format_amount(trim(largest)),
            "action": self.limit.action,
            "missing": verdict.missing,
        }

    @property
    def refuses(self) -> bool:
        return not self.verdict.passes and self.limit.action != Action.WARN

    def thresholds_crossed(self) -> list[int]:
        """Thresholds, in percent, that this order takes the use across; 100 where it is over and may go on."""
        verdict = self.verdict
        if not verdict.passes:
            return [] if self.refuses else [100]
        if not (LIMIT_TYPES[self.limit.limit_type].accumulates and verdict.attempted > 0):
            return []
        # In the exact context by hand: to open it for each finding takes longer than all of this.
        before = EXACT.multiply(verdict.in_use, 100)
        after = EXACT.add(before, EXACT.multiply(verdict.attempted, 100))
        return [pct for pct in self.limit.thresholds_pct if before < EXACT.multiply(verdict.limit, pct) <= after]


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node that a refusal has brought to a stricter state, and the limit that did."""

    scope: Scope
    state: NodeState
    finding: Finding


def propose(terms: OrderTerms, market: Market, scopes: Sequence[Scope], **known: Any) -> ProposedOrder:
    """The order with its price band and what it could reduce. `scopes`: root first, the account's among them.

    `known` are the fields of ProposedOrder that only a database knows. Raises what `price_band` raises.
    """
    quote = market.quotes[terms.symbol]
    instrument, reference = quote.instrument, quote.fresh(market.at)
    limits = (limit for scope in scopes for limit in scope.limits)
    collars = [limit.cap for limit in limits if _is_collar(limit, instrument, terms.venue)]
    account = next(scope for scope in scopes if scope.node.account_id == terms.account_id)
    with localcontext(EXACT):
        return ProposedOrder(
            instrument=instrument,
            side=terms.side,
            quantity=terms.quantity,
            limit_price=terms.price,
            reference=reference,
            band=price_band(terms, instrument, reference, min(collars, default=None)),
            reducible_qty=account.position(terms.symbol).reducible_qty(terms.side),
            venue=terms.venue,
            at=market.at,
            market=market,
            type=terms.type,
            time_in_force=terms.effective_time_in_force,
            reference_age_s=quote.age_s(market.at),
            located=terms.located,
            execution=terms.execution,
            **known,
        )


def _is_collar(limit: Limit, instrument: Instrument, venue: str) -> bool:
    # One that only warns must not narrow the band that the engine holds the order to.
    return limit.limit_type == PRICE_COLLAR and limit.action != Action.WARN and limit.matches(instrument, venue)


def needs(scopes: Iterable[Scope], quote_asset: str) -> Need:
    """What the limits of these scopes judge an order in this quote currency by, beyond nodes, limits and exposures."""
    needed = Need.NOTHING
    for scope in scopes:
        currencies = {quote_asset, *(exposure.quote_asset for exposure in scope.exposures)}
        for limit in scope.limits:
            of_type = LIMIT_TYPES[limit.limit_type].needs
            # Most need nothing. Sets of flags are slow to put together, and nodes are locked meanwhile.
            if of_type is Need.NOTHING or (of_type is Need.RATES and currencies == {limit.currency}):
                continue
            needed |= of_type & ~Need.RATES if currencies == {limit.currency} else of_type
    return needed


def window_begins(scope: Scope, at: datetime) -> set[datetime]:
    """The moments that the scope's limits tell apart: to each of them it matters what happened after one of these."""
    looking_back = [limit for limit in scope.limits if Need.ACTIVITY in LIMIT_TYPES[limit.limit_type].needs]
    begins = {limit.window_begin(at) for limit in looking_back}
    rearmed_at = scope.standing.rearmed_at
    if begins and rearmed_at is not None and rearmed_at > min(begins):
        begins.add(rearmed_at)
    return begins


def evaluate(scopes: Sequence[Scope], order: ProposedOrder, *, reduce_only: bool) -> list[Finding]:
    """The verdict of every limit that applies; the order may go only if none of them refuses.

    From the root down; within a node first its own state, then its limits in the order of the table.
    """
    with localcontext(EXACT):
        findings = [
            Finding(scope, limit, _judge(scope, limit, order))
            for scope in scopes
            for limit in _applicable(scope, order)
        ]
        if reduce_only:
            limit = _built_in(scopes[-1].node.node_id, REDUCE_ONLY)
            findings.append(Finding(scopes[-1], limit, _judge(scopes[-1], limit, order)))
        return findings


def refused(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.refuses]


def node_changes(findings: Iterable[Finding]) -> list[NodeChange]:
    """What the refusals do to the nodes whose limits refused: to each the strictest of them, none to a looser state."""
    changes: dict[object, NodeChange] = {}
    for finding in refused(findings):
        node, state = finding.scope.node, Action(finding.limit.action).node_state
        known = changes.get(node.node_id)
        if state is not None and is_stricter(state, known.state if known else node.state):
            changes[node.node_id] = NodeChange(finding.scope, state, finding)
    return list(changes.values())


def self_trade_mode(scopes: Sequence[Scope], order: ProposedOrder) -> str | None:
    """What the matching core does where the order would meet one of the firm's own.

    It is that of the limit nearest the order, and at one node that of the narrowest filter.
    """
    for scope in reversed(scopes):
        told = [limit for limit in scope.limits if limit.limit_type == SELF_TRADE]
        modes = [limit for limit in told if limit.matches(order.instrument, order.venue)]
        if modes:
            nearest = min(modes, key=lambda limit: _NARROWEST.index(InstrumentFilter.of(limit.instrument).kind))
            return str(nearest.parameters["mode"])
    return None


def use_of(scope: Scope, limit: Limit, market: Market) -> Verdict | None:
    """What stands against the limit now; None for types that judge each order by itself.

    Position limits hold in each symbol by itself: the fullest symbol speaks.
    """
    limit_type = LIMIT_TYPES[limit.limit_type]
    if not limit_type.accumulates:
        return None
    instruments = [quote.instrument for quote in market.quotes.values()]
    held = {exposure.symbol for exposure in scope.exposures}
    # The other types sum over all that they match, so any instrument asks them for the whole.
    matching = [i for i in instruments if i.symbol in held and _may_match(limit, i)] or [
        i for i in instruments if _may_match(limit, i)
    ][:1]
    if not matching:
        return None
    with localcontext(EXACT):
        verdicts = [_judge(scope, limit, _nothing_in(instrument, limit, market)) for instrument in matching]
        return max(verdicts, key=lambda verdict: verdict.in_use)


def stricter_above(limit: Limit, above: Iterable[Scope]) -> tuple[Scope, Limit] | None:
    """The strictest limit above that allows less than this one, with its scope; None where there is none.

    It is of the same type, refuses, is in the same currency, and looks at no less: at every instrument that this one
    looks at, and no shorter back.
    """
    cap, limit_type = limit.value, LIMIT_TYPES[limit.limit_type]
    if cap is None or limit_type.above is Above.UNRELATED:
        return None
    stricter = [
        (scope, other)
        for scope in above
        for other in scope.limits
        if other.limit_type == limit.limit_type and other.action != Action.WARN and other.cap < cap
        if other.instrument in (ALL_INSTRUMENTS, limit.instrument) and _is_comparable(other, limit)
    ]
    return min(stricter, key=lambda found: found[1].cap, default=None)


def _is_comparable(higher: Limit, lower: Limit) -> bool:
    def others(limit: Limit) -> dict[str, Any]:
        return {name: told for name, told in limit.parameters.items() if name != "window_s"}

    looks_back = int(higher.parameters.get("window_s", 0)) >= int(lower.parameters.get("window_s", 0))
    return higher.currency == lower.currency and looks_back and others(higher) == others(lower)


def watched_losses(scope: Scope, at: datetime) -> list[tuple[Limit, Decimal]]:
    """The scope's limits on losses, each with what was lost. None of those where that is not known."""
    known = []
    with localcontext(EXACT):
        for limit in scope.limits:
            if limit.limit_type in WATCHED_LOSSES:
                verdict = _judge(scope, limit, _unknown_order(scope, limit, at))
                if verdict.missing is None:
                    known.append((limit, verdict.used))
    return known


def loss_told(limit: Limit, lost: Decimal, told_pct: int) -> tuple[list[int], int]:
    """What is to be told now, in percent of the limit, and how far it is told from then on.

    `told_pct` is how far it was told: 0 for nothing, CROSSED_PCT where it is crossed. Each of them is told again only
    after the loss has fallen a whole percent below it: a price that flickers around one tells nothing each second.
    """
    cap = limit.cap
    pcts = [*limit.thresholds_pct, CROSSED_PCT]
    with localcontext(EXACT):
        is_reached = {pct: lost * 100 >= cap * pct and lost > ZERO for pct in limit.thresholds_pct}
        is_reached[CROSSED_PCT] = lost > cap
        new = [pct for pct in pcts if is_reached[pct] and pct > told_pct]
        still = [pct for pct in pcts if pct <= told_pct and lost * 100 > cap * (pct - FALLEN_BY_PCT)]
    return new, max(new or still, default=0)


def _unknown_order(scope: Scope, limit: Limit, at: datetime) -> ProposedOrder:
    """An order that reduces nothing, of an instrument that no limit on losses looks at."""
    step = Decimal(1)
    instrument = Instrument("/", "", limit.currency, step, step, ZERO)
    return ProposedOrder(
        instrument, Side.BUY, step, None, None, PriceBand(step, step), ZERO, SIMULATED_VENUE, at, Market(at)
    )


def _may_match(limit: Limit, instrument: Instrument) -> bool:
    return limit.matches(instrument, _a_venue_of(limit))


def _applicable(scope: Scope, order: ProposedOrder) -> list[Limit]:
    set_here = [limit for limit in scope.limits if limit.matches(order.instrument, order.venue)]
    set_here.sort(key=lambda limit: (_ROWS[limit.limit_type], limit.instrument))
    return [_built_in(scope.node.node_id, KILL_SWITCH), *set_here]


def _judge(scope: Scope, limit: Limit, order: ProposedOrder) -> Verdict:
    """What cannot be judged is refused; but a position can be closed where only exposure or losses are not known."""
    limit_type = LIMIT_TYPES[limit.limit_type]
    try:
        return limit_type.judge(scope, order, limit)
    except MissingReference as error:
        passes = order.only_reduces and limit_type.number in REDUCING_SKIPS
        cap = limit.value or ZERO
        return Verdict(passes, cap, ZERO, ZERO, order.quantity, None if passes else ZERO, missing=error.what)


@lru_cache(maxsize=BUILT_IN_KEPT_MAX)
def _built_in(node_id: uuid.UUID, limit_type: str) -> Limit:
    return Limit(None, node_id, limit_type, ALL_INSTRUMENTS, None, {})


def _nothing_in(instrument: Instrument, limit: Limit, market: Market) -> ProposedOrder:
    """An order of nothing: what is said to it is what stands without it."""
    band = PriceBand(instrument.tick_size, instrument.tick_size)
    return ProposedOrder(instrument, Side.BUY, ZERO, None, None, band, ZERO, _a_venue_of(limit), market.at, market)


def _a_venue_of(limit: Limit) -> str:
    """One at which the limit holds: it is of that venue, or of every venue."""
    kind, _, name = limit.instrument.partition(":")
    return name if kind == "venue" else SIMULATED_VENUE
