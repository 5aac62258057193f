"""An entry with its exit: one order, then the one that takes its profit or stops its loss, whichever comes first.

    terms = BracketTerms(
        account_id=account_id, symbol="ETH/USDT", side="BUY", quantity="1", price="2600", target="2800", stop="2500"
    )
    placed = place_bracket(client, terms)

The exit is an OCO `after` the entry: it works no more than the entry has filled, and ends when that fills nothing.
Both ids follow from one, so that the whole may be repeated: it goes on where it was.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import cast

from breakwater.client.api import Client
from breakwater.client.limit_words import Misunderstood
from breakwater.client.order_terms import OrderOptions
from breakwater.client.shapes import FINAL_STATUSES, UNRESOLVED_STATUSES, Amount, Execution, Order, amount_text
from breakwater.client.transport import Problem, ServerUnreachable, no_answer_is_unreachable

ENTRY_SUFFIX, EXIT_SUFFIX = "-entry", "-exit"
ID_CHARS_MAX = 36 - len(ENTRY_SUFFIX)
ROUTER = "SOR"  # A venue for orders: the router. What it works is told the venues that it may go to.
RESOLVED_WITHIN_S = 15
POLL_S = 0.5
# Types of limits that look at the order alone: what they say before the entry is what they will say after its fill.
_OF_THE_ORDER_ALONE = frozenset(
    {"PRICE_COLLAR", "MAX_ORDER_QTY", "MAX_ORDER_NOTIONAL", "ADV_PCT", "RESTRICTED_LIST", "ORDER_PERMISSION"}
)


@dataclass(frozen=True, slots=True)
class Bracket:
    entry: Order
    exit: Order


class ExitRefused(Exception):
    """The exit got a no. `entry` is how the entry stands after its cancel; None: nothing was placed.

    Where that is not final, it may still fill: `cancel_trouble` says why it was not cancelled.
    """

    def __init__(self, problem: Problem, entry: Order | None = None, cancel_trouble: str | None = None) -> None:
        super().__init__(f"the exit was refused: {problem}")
        self.problem = problem
        self.entry = entry
        self.cancel_trouble = cancel_trouble


class NothingToExit(Exception):
    """The `entry` ended without a fill, or what became of it is not known yet: no exit was placed."""

    def __init__(self, entry: Order) -> None:
        super().__init__(f"the entry is {entry['status']}: no exit was placed")
        self.entry = entry


def new_bracket_id() -> str:
    return uuid.uuid4().hex[:ID_CHARS_MAX]


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketTerms:
    """Of the entry, with where its exit takes profit (`target`) and where it stops; a market order without a price.

    Over several `venues` the entry is routed (BEST), over one it is an order there. It exits where it entered.
    `stop_limit`: where the stop may trade at worst. Misunderstood for prices that are the wrong way round, and for an
    id that is too long to be the beginning of two.
    """

    account_id: str
    symbol: str
    side: str
    quantity: Amount
    target: Amount
    stop: Amount
    price: Amount | None = None
    stop_limit: Amount | None = None
    venues: tuple[str, ...] = ()
    time_in_force: str | None = None
    post_only: bool = False
    strategy_id: str | None = None
    located: bool = False
    bracket_id: str = field(default_factory=new_bracket_id)

    def __post_init__(self) -> None:
        if not self.bracket_id:
            raise Misunderstood("the id of a bracket is empty: leave it out, or say one")
        if len(self.bracket_id) > ID_CHARS_MAX:
            raise Misunderstood(
                f"the id of a bracket has {ID_CHARS_MAX} characters at most: two longer ones begin with it"
            )
        told = [each for each in (self.stop, self.price, self.target) if each is not None]
        try:
            prices = [Decimal(amount_text("price", each)) for each in told]
        except InvalidOperation:
            return  # The server says what is no amount.
        if not all(each.is_finite() for each in prices):
            return  # As above: nan is neither above nor below.
        rising = prices if self.side == "BUY" else prices[::-1]
        if any(lower >= higher for lower, higher in pairwise(rising)):
            stops, gains = ("below", "above") if self.side == "BUY" else ("above", "below")
            names = "stop, price and target are" if self.price is not None else "stop and target are"
            told_prices = ", ".join(map(str, prices))
            raise Misunderstood(
                f"a {self.side} stops {stops} its price and has its target {gains} it: {names} {told_prices}"
            )

    @property
    def entry_id(self) -> str:
        return self.bracket_id + ENTRY_SUFFIX

    @property
    def exit_id(self) -> str:
        return self.bracket_id + EXIT_SUFFIX

    @property
    def may_rest(self) -> bool:
        return self.price is not None and self.time_in_force not in {"IOC", "FOK"}

    def entry_options(self) -> OrderOptions:
        options: OrderOptions = {
            "time_in_force": self.time_in_force,
            "post_only": self.post_only,
            "strategy_id": self.strategy_id,
            "located": self.located,
        }
        if len(self.venues) > 1:
            options["execution"] = {"algorithm": "BEST", "venues": list(self.venues)}
        elif self.venues:
            options["venue"] = self.venues[0]
        return options

    def exit_side(self) -> str:
        return "SELL" if self.side == "BUY" else "BUY"

    def exit_quantity(self, entry: Order) -> Amount:
        """Once the entry has ended, what it has filled: an exit from more is refused."""
        return entry["cum_qty"] if entry["status"] in FINAL_STATUSES else self.quantity

    def exit_venues(self, entry: Order | None) -> list[str]:
        """Those that were told, else that of the entry. None: wherever the router goes, which is no venue itself."""
        venues = list(self.venues)
        if entry is not None and not venues:
            venues = [entry["venue"]]
        return [each for each in venues if each != ROUTER]

    def exit_options(self, entry: Order | None) -> OrderOptions:
        """None: of an entry that is not placed yet."""
        execution: Execution = {"algorithm": "OCO", "stop_px": self.stop, "stop_limit_px": self.stop_limit}
        if entry is not None:
            execution["after"] = entry["order_id"]
        venues = self.exit_venues(entry)
        if venues:
            execution["venues"] = venues
        return {"strategy_id": self.strategy_id, "execution": execution}


def place_bracket(client: Client, terms: BracketTerms, *, sleep: Callable[[float], None] = time.sleep) -> Bracket:
    """The entry, then its exit; the entry is cancelled when the exit is refused.

    The exit may be of UNRESOLVED_STATUSES: then the same with the same id asks on, and cancels the entry if need be.
    Raises ExitRefused, NothingToExit, Problem (the entry's no; also ORDER_ID_REUSED, when this id was used for another
    exit) and ServerUnreachable, after which the same with the same id goes on where it was.
    """
    known = client.orders(account_id=terms.account_id, client_order_id=terms.entry_id)["items"]
    if not known:
        _try_exit(client, terms)
    with no_answer_is_unreachable():
        entry = client.place_order(
            terms.account_id,
            terms.symbol,
            terms.side,
            terms.quantity,
            price=terms.price,
            client_order_id=terms.entry_id,
            **terms.entry_options(),
        )
    entry = _resolved(client, entry, sleep)
    if entry["status"] in UNRESOLVED_STATUSES or (entry["status"] in FINAL_STATUSES and not Decimal(entry["cum_qty"])):
        raise NothingToExit(entry)
    exit_ = _resolved(client, _place_exit(client, terms, entry), sleep)
    if exit_["status"] == "REJECTED":
        told = {"code": "ORDER_REJECTED", "detail": exit_["reject_reason"] or "it is REJECTED"}
        raise ExitRefused(Problem(422, told), *_taken_back(client, entry))
    return Bracket(entry, exit_)


def _try_exit(client: Client, terms: BracketTerms) -> None:
    """ExitRefused before anything is placed, for what can be known then.

    Most limits look at what is held, and an entry that fills at once changes that: they are asked where it may rest.
    """
    try:
        answer = client.preview(
            terms.account_id,
            terms.symbol,
            terms.exit_side(),
            terms.quantity,
            price=terms.target,
            **terms.exit_options(None),
        )
    except Problem as problem:
        raise ExitRefused(problem) from problem
    refusals = [each for each in answer["refusals"] if _is_of_exit(terms, each["limit_type"])]
    if refusals:
        detail = f"{refusals[0]['limit_type']} of {refusals[0]['node_name']} would refuse it"
        raise ExitRefused(Problem(422, {"code": "LIMIT_EXCEEDED", "detail": detail, "refusals": refusals}))


def _is_of_exit(terms: BracketTerms, limit_type: str) -> bool:
    """Behind its entry an exit is no short sale: it sells what that has bought."""
    return limit_type in _OF_THE_ORDER_ALONE or (terms.may_rest and limit_type != "SHORT_SALE")


def _place_exit(client: Client, terms: BracketTerms, entry: Order) -> Order:
    try:
        with no_answer_is_unreachable():
            return client.place_order(
                terms.account_id,
                terms.symbol,
                terms.exit_side(),
                terms.exit_quantity(entry),
                price=terms.target,
                client_order_id=terms.exit_id,
                **terms.exit_options(entry),
            )
    except Problem as problem:
        if problem.code == "ORDER_ID_REUSED":  # There is an exit, on other terms: the entry is not alone.
            placed = _exit_of_the_open_entry(client, terms, entry)
            if placed is not None:
                return placed
            told = {"detail": "the exit of this id was placed before, on other terms, and stays as it is"}
            raise Problem(problem.status, problem.document | told) from problem
        raise ExitRefused(problem, *_taken_back(client, entry)) from problem


def _exit_of_the_open_entry(client: Client, terms: BracketTerms, entry: Order) -> Order | None:
    """The exit that was placed for the whole while the entry could still fill in full. None: it differs otherwise."""
    if _is_same(terms.exit_quantity(entry), terms.quantity):
        return None
    with no_answer_is_unreachable():
        found = client.orders(account_id=terms.account_id, client_order_id=terms.exit_id)["items"]
    return next((order for order in cast("list[Order]", found) if _is_exit_of_the_whole(terms, entry, order)), None)


def _is_exit_of_the_whole(terms: BracketTerms, entry: Order, order: Order) -> bool:
    told, wanted = order["execution"], terms.exit_options(entry)["execution"]
    if told is None or wanted is None:
        return False
    words = [(order["symbol"], terms.symbol), (order["side"], terms.exit_side())]
    words += [(told["algorithm"], wanted["algorithm"]), (told.get("after") or "", entry["order_id"])]
    amounts: list[tuple[Amount | None, Amount | None]] = [
        (order["quantity"], terms.quantity),
        (order["price"], terms.target),
    ]
    amounts += [(told.get("stop_px"), terms.stop), (told.get("stop_limit_px"), terms.stop_limit)]
    return (
        all(is_so == should_be for is_so, should_be in words)
        and all(_is_same(is_so, should_be) for is_so, should_be in amounts)
        and set(told.get("venues") or ()) == set(terms.exit_venues(entry))
    )


def _is_same(first: Amount | None, second: Amount | None) -> bool:
    if first is None or second is None:
        return first is second
    return Decimal(first) == Decimal(second)


def _taken_back(client: Client, entry: Order) -> tuple[Order, str | None]:
    """The entry after its cancel, or as it stands without, and why it was not cancelled."""
    try:
        return client.cancel(entry["order_id"]), None
    except (Problem, ServerUnreachable) as error:
        trouble = str(error)
    try:
        return client.order(entry["order_id"]), trouble  # It may have ended before the cancel.
    except (Problem, ServerUnreachable):
        return entry, trouble


def _resolved(client: Client, order: Order, sleep: Callable[[float], None]) -> Order:
    """The order once it is known whether it was taken: an exit after one that the engine has not heard of would end.

    ServerUnreachable when it cannot be asked for, whatever the reason: it may have been taken all the same.
    """
    order_id = order["order_id"]
    for _ in range(int(RESOLVED_WITHIN_S / POLL_S)):
        if order["status"] not in UNRESOLVED_STATUSES:
            break
        sleep(POLL_S)
        try:
            order = client.order(order_id)
        except (Problem, ServerUnreachable) as error:
            raise ServerUnreachable(f"what became of the order {order_id} could not be asked: {error}") from error
    return order
