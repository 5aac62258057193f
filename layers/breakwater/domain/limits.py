"""Judge an order against every limit of every scope above its account, and word what came of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TypedDict

from breakwater.domain.exposure import ALL_INSTRUMENTS, ZERO, Limit, Scope
from breakwater.domain.ids import IdText
from breakwater.domain.instruments import Instrument
from breakwater.domain.limit_types import (
    KILL_SWITCH,
    LIMIT_TYPES,
    PRICE_COLLAR,
    REDUCE_ONLY,
    ProposedOrder,
    Verdict,
)
from breakwater.domain.money import EXACT, AmountText, format_amount, trim
from breakwater.domain.orders import OrderTerms, Side
from breakwater.domain.valuation import PriceBand, price_band

WARNING_PCTS = (70, 90)


class Refusal(TypedDict):
    """One limit of one node, ready for JSON. `limit_id` null: the node itself is stopped or only reduces.

    `largest_passing_quantity` null: this limit does not look at the quantity.
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


@dataclass(frozen=True, slots=True)
class Finding:
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
        }

    def thresholds_crossed(self) -> list[int]:
        """The soft thresholds, in percent, that this order takes the use across."""
        verdict = self.verdict
        if not (LIMIT_TYPES[self.limit.limit_type].accumulates and verdict.passes and verdict.attempted > 0):
            return []
        with localcontext(EXACT):
            before = verdict.in_use * 100
            after = before + verdict.attempted * 100
            return [pct for pct in WARNING_PCTS if before < verdict.limit * pct <= after]


def propose(
    terms: OrderTerms, instrument: Instrument, reference: Decimal | None, scopes: Sequence[Scope]
) -> ProposedOrder:
    """The order with its price band and what it could reduce. `scopes`: root first, the account's own last.

    Raises what `price_band` raises.
    """
    limits = (limit for scope in scopes for limit in scope.limits)
    collars = [limit.cap for limit in limits if limit.limit_type == PRICE_COLLAR and limit.matches(terms.symbol)]
    with localcontext(EXACT):
        return ProposedOrder(
            instrument=instrument,
            side=terms.side,
            quantity=terms.quantity,
            limit_price=terms.price,
            reference=reference,
            band=price_band(terms, instrument, reference, min(collars, default=None)),
            reducible_qty=scopes[-1].exposure(terms.symbol).reducible_qty(terms.side),
        )


def evaluate(scopes: Sequence[Scope], order: ProposedOrder, *, reduce_only: bool) -> list[Finding]:
    """The verdict of every limit that applies; the order may go only if all of them pass."""
    with localcontext(EXACT):
        findings = [_find(scope, limit, order) for scope in scopes for limit in _applicable(scope, order)]
        if reduce_only:
            findings.append(_find(scopes[-1], _built_in(scopes[-1], REDUCE_ONLY), order))
        return findings


def refused(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.verdict.passes]


def use_of(scope: Scope, limit: Limit, instruments: Iterable[Instrument]) -> Verdict | None:
    """What stands against the limit now; None for types that judge each order by itself.

    Position limits hold in each symbol by itself: the fullest symbol speaks.
    """
    limit_type = LIMIT_TYPES[limit.limit_type]
    matching = [instrument for instrument in instruments if limit.matches(instrument.symbol)]
    if not limit_type.accumulates or not matching:
        return None
    with localcontext(EXACT):
        verdicts = [limit_type.judge(scope, _nothing_in(instrument), limit) for instrument in matching]
        return max(verdicts, key=lambda verdict: verdict.in_use)


def _applicable(scope: Scope, order: ProposedOrder) -> list[Limit]:
    set_here = [limit for limit in scope.limits if limit.matches(order.instrument.symbol)]
    return [_built_in(scope, KILL_SWITCH), *set_here]


def _find(scope: Scope, limit: Limit, order: ProposedOrder) -> Finding:
    return Finding(scope, limit, LIMIT_TYPES[limit.limit_type].judge(scope, order, limit))


def _built_in(scope: Scope, limit_type: str) -> Limit:
    return Limit(None, scope.node.node_id, limit_type, ALL_INSTRUMENTS, None, {})


def _nothing_in(instrument: Instrument) -> ProposedOrder:
    band = PriceBand(instrument.tick_size, instrument.tick_size)
    return ProposedOrder(instrument, Side.BUY, ZERO, None, None, band, ZERO)
