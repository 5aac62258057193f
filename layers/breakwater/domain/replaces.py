"""A replace of a resting order: what a client asks for, and how the limits judge it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from breakwater.domain.exposure import ZERO, Exposure, Scope
from breakwater.domain.ids import ClientOrderId
from breakwater.domain.limit_types import LIMIT_TYPES, ProposedOrder
from breakwater.domain.limits import Finding, evaluate
from breakwater.domain.money import EXACT, Amount
from breakwater.domain.orders import Side
from breakwater.domain.settlement import HeldReservation
from breakwater.domain.valuation import PriceBand
from breakwater.errors import InvalidRequest

TOO_LATE = "TOO_LATE"  # The code of a replace to no more than what has traded, or that the order's end overtook.
OF_THE_WHOLE = range(2, 5)  # The limits of the table on the size of an order: with what has traded of it.


class ReplaceState(StrEnum):
    PENDING = "PENDING"  # Nobody knows yet: the larger of both reservations is held.
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"


class ReplaceTerms(BaseModel):
    """The body of PATCH /orders/{order_id}. `quantity` is the whole, with what has traded; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replace_id: ClientOrderId
    quantity: Amount | None = None
    price: Amount | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.quantity is None and self.price is None:
            raise ValueError("a replace needs another quantity, another price or both")
        return self


@dataclass(frozen=True, slots=True)
class NewTerms:
    """What the order shall have: its whole quantity and its price. `is_less`: a smaller quantity and nothing else.

    That is as harmless as a cancel of a part, so no limit is asked.
    """

    quantity: Decimal
    price: Decimal
    is_less: bool

    @classmethod
    def of(cls, asked: ReplaceTerms, quantity: Decimal, price: Decimal) -> Self:
        """InvalidRequest where the order has just these terms already."""
        new_quantity = quantity if asked.quantity is None else asked.quantity
        new_price = price if asked.price is None else asked.price
        if (new_quantity, new_price) == (quantity, price):
            raise InvalidRequest("the order has this quantity and this price already", field="quantity")
        return cls(new_quantity, new_price, is_less=new_price == price and new_quantity < quantity)


def without(scopes: Sequence[Scope], held: HeldReservation) -> list[Scope]:
    """The scopes as they would be had the order never been sent: what it has filled stays."""

    def less(exposure: Exposure) -> Exposure:
        if (exposure.symbol, exposure.venue) != (held.symbol, held.venue):
            return exposure
        notional, buys = held.open_qty * held.valuation_price, held.side is Side.BUY
        return exposure._replace(
            open_buy_qty=exposure.open_buy_qty - (held.open_qty if buys else ZERO),
            open_sell_qty=exposure.open_sell_qty - (ZERO if buys else held.open_qty),
            open_order_count=exposure.open_order_count - 1,
            open_notional=exposure.open_notional - notional,
            open_buy_notional=exposure.open_buy_notional - (notional if buys else ZERO),
            session_order_count=exposure.session_order_count - 1,  # It is no new order.
        )

    with localcontext(EXACT):
        return [replace(scope, exposures=[less(exposure) for exposure in scope.exposures]) for scope in scopes]


def judge_replace(
    scopes: Sequence[Scope], proposed: ProposedOrder, held: HeldReservation, *, reduce_only: bool
) -> list[Finding]:
    """The verdict of every limit on the order with its new terms. `scopes` are without it.

    Limits on the size of an order look at the whole of it; all others at what may still fill, at the larger of both
    quantities and prices: until the replace is decided either may.
    """
    with localcontext(EXACT):
        open_qty = max(held.quantity, proposed.quantity) - held.cum_qty
        band = PriceBand(proposed.band.low, max(proposed.band.high, held.valuation_price))
    in_flight = evaluate(scopes, replace(proposed, quantity=open_qty, band=band), reduce_only=reduce_only)
    whole = evaluate(scopes, proposed, reduce_only=reduce_only)
    return [
        of_whole if _is_of_the_whole(of_whole) else _with_filled(of_open, held.cum_qty)
        for of_open, of_whole in zip(in_flight, whole, strict=True)
    ]


def _is_of_the_whole(finding: Finding) -> bool:
    return LIMIT_TYPES[finding.limit.limit_type].number in OF_THE_WHOLE


def _with_filled(finding: Finding, cum_qty: Decimal) -> Finding:
    """The largest quantity that passes is told as it is asked for: of the whole order."""
    largest = finding.verdict.largest_passing_quantity
    if not largest:
        return finding
    with localcontext(EXACT):
        verdict = finding.verdict._replace(largest_passing_quantity=largest + cum_qty)
        return finding._replace(verdict=verdict)
