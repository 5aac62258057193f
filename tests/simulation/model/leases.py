"""Leases to the engine: grants, fills, give-backs and expiry between the ledger and a core that may die.

As in the model of reservations a message that was sent stays on its way for ever, so it may come late, twice, in
another order or never. The engine's core runs one command ahead of its journal, as the real one does: what is not
journalled yet is lost when it dies, and nobody was told of it.

All counts are cumulative: `granted` is what may ever be filled, not what may be filled next. Only buys are here, each
order is of one lot and trades at its own price; sells are the same again, with a count of their own.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from tests.simulation.model.explorer import Step


class Terms(NamedTuple):
    """How much may ever be bought, at what price at most, in how many open orders at once."""

    granted: int
    price_high: int
    orders_max: int

    def covering(self, other: "Terms") -> "Terms":
        return Terms(*map(max, self, other))


class SetLease(NamedTuple):
    """The ledger's message. A stop ends the lease at once: no order passes any more, whatever is free of it."""

    version: int
    terms: Terms
    is_stop: bool


class LeaseState(NamedTuple):
    """What each event of the engine says of its lease, and the answer to SetLease; `traded` is quantity times price."""

    version: int
    terms: Terms
    filled: int
    traded: int


class Core(NamedTuple):
    """A lease in the engine's memory: the last grant taken, what came of it, and the prices of its open orders."""

    version: int = 0
    terms: Terms = Terms(0, 0, 0)
    is_over: bool = True  # Stopped or expired: no order passes.
    is_stopped: bool = False
    filled: int = 0
    traded: int = 0
    open_prices: tuple[int, ...] = ()

    @property
    def in_use(self) -> Terms:
        """What a lower grant cannot take away: it was filled, or may be while its orders are open."""
        return Terms(self.filled + len(self.open_prices), max(self.open_prices, default=0), len(self.open_prices))

    @property
    def told(self) -> LeaseState:
        return LeaseState(self.version, self.terms, self.filled, self.traded)


class Lease(NamedTuple):
    """The ledger's row first, then the messages that were sent to and fro, then the engine.

    `terms` are what the ledger holds for it: not less than any grant that the engine has or may still take.
    """

    version: int = 0
    terms: Terms = Terms(0, 0, 0)
    filled: int = 0
    traded: int = 0
    asked: tuple[SetLease, ...] = ()
    heard: tuple[LeaseState, ...] = ()  # All that the engine has told since, each kept once.
    core: Core = Core()
    journal: Core = Core()  # What a replay would make.

    @property
    def leased(self) -> int:
        return (self.terms.granted - self.filled) * self.terms.price_high


class State(NamedTuple):
    leases: tuple[Lease, ...]
    reserved: int  # By an order that goes through the saga.


class Bounds(NamedTuple):
    """`versions`: how often the ledger may ask, give-backs at the end not counted."""

    limit: int
    leases: int
    versions: int
    granted_max: int
    prices: tuple[int, ...] = (1,)
    orders_max: tuple[int, ...] = (9,)
    reservation: int = 0

    def __str__(self) -> str:
        leases = "one lease" if self.leases == 1 else f"{self.leases} leases"
        told = f"limit {self.limit}; {leases} of up to {self.granted_max} lots"
        if len(self.prices) > 1:
            told += f" at {' or '.join(map(str, self.prices))}"
        if len(self.orders_max) > 1:
            told += f" in {' or '.join(map(str, self.orders_max))} orders"
        told += f", asked for {('once', 'twice', 'three times')[self.versions - 1]}"
        return told + (f"; beside an order of {self.reservation}" if self.reservation else "")


BESIDE_AN_ORDER = Bounds(limit=2, leases=1, versions=3, granted_max=2, reservation=1)
TWO_LEASES = Bounds(limit=2, leases=2, versions=1, granted_max=2)
TWO_PRICES = Bounds(limit=4, leases=1, versions=2, granted_max=2, prices=(1, 2))
FEW_ORDERS = Bounds(limit=2, leases=1, versions=2, granted_max=2, orders_max=(1, 2))

type Change = tuple[str, Lease]


class Leases:
    """The protocol. Its rules are the methods."""

    name = "leases"

    def __init__(self, bounds: Bounds = BESIDE_AN_ORDER) -> None:
        self.scope = bounds
        self.bounds = str(bounds)

    def start(self) -> State:
        return State((Lease(),) * self.scope.leases, 0)

    def steps(self, state: State) -> Iterator[Step[State]]:
        for index, lease in enumerate(state.leases):
            name = "" if self.scope.leases == 1 else f"lease {index + 1}: "
            free = self.scope.limit - _in_use(state)
            for words, after in (*self.ask(lease, free), *self.hear(lease), *self.engine(lease)):
                yield Step(name + words, _with(state, index, after))
            for words, after in (*self.owed_of_ledger(lease), *self.owed_of_engine(lease)):
                yield Step(name + words, _with(state, index, after), is_owed=True)
        if state.reserved:
            yield Step("the order beside is cancelled", state._replace(reserved=0), is_owed=True)
        elif _in_use(state) + self.scope.reservation <= self.scope.limit:
            yield Step("an order beside reserves", state._replace(reserved=self.scope.reservation))

    # The ledger ------------------------------------------------------------------------------------------------

    def ask(self, lease: Lease, free: int) -> Iterator[Change]:
        """A larger grant, a smaller one, a stop. The ledger holds the larger of old and new before it tells."""
        if lease.version >= self.scope.versions:
            return
        grants = range(lease.filled, self.scope.granted_max + 1)
        for terms in map(Terms._make, product(grants, self.scope.prices, self.scope.orders_max)):
            yield from self.hold_and_tell(lease, terms, free)
        yield self.stop(lease)

    def hold_and_tell(self, lease: Lease, terms: Terms, free: int) -> Iterator[Change]:
        held = lease._replace(terms=lease.terms.covering(terms))
        if held.leased - lease.leased <= free:
            yield self.asked(lease, terms), self.tell(held, terms)

    def asked(self, lease: Lease, terms: Terms) -> str:
        return f"the ledger asks for {self.words(terms)}, version {lease.version + 1}"

    def stop(self, lease: Lease) -> Change:
        """Kill, expiry, give-back of all: nothing beyond what is filled."""
        terms = Terms(lease.filled, self.scope.prices[0], 0)
        return f"the ledger stops the lease, version {lease.version + 1}", self.tell(lease, terms, is_stop=True)

    def tell(self, lease: Lease, terms: Terms, is_stop: bool = False) -> Lease:
        message = SetLease(lease.version + 1, terms, is_stop)
        return lease._replace(version=message.version, asked=(*lease.asked, message))

    def hear(self, lease: Lease) -> Iterator[Change]:
        """Any event or answer that was ever told, in any order, again and again."""
        for told in lease.heard:
            after = self.take(lease, told)
            if after != lease:
                yield f"the ledger hears {self.words_of(told)}", after

    def take(self, lease: Lease, told: LeaseState) -> Lease:
        """Fills are taken as maxima; what is leased falls only by an answer to the newest version asked."""
        filled, traded = max(lease.filled, told.filled), max(lease.traded, told.traded)
        terms = told.terms if told.version == lease.version else lease.terms
        return lease._replace(terms=terms, filled=filled, traded=traded)

    def owed_of_ledger(self, lease: Lease) -> Iterator[Change]:
        """A SetLease is told again until it is answered, and an old lease is given back."""
        if lease.journal.version == lease.version:
            after = self.take(lease, lease.journal.told)
            yield f"told again, the engine answers {self.words_of(lease.journal.told)}", after
        # The very last give-backs are beyond the bound on versions; that nothing is open keeps them few.
        is_answered = lease.terms == lease.journal.terms and lease.journal.version == lease.version
        if is_answered and lease.leased and not lease.journal.open_prices:
            yield self.stop(lease)

    # The engine ------------------------------------------------------------------------------------------------

    def engine(self, lease: Lease) -> Iterator[Change]:
        if lease.core != lease.journal:
            yield "the engine dies before the journal has it, and replays", self.crash(lease)
            return
        for message in lease.asked:
            yield f"the engine takes version {message.version}", self.apply(lease, self.set_lease(lease.core, message))
        for price in self.scope.prices:
            if self.passes(lease.core, price):
                prices = tuple(sorted((*lease.core.open_prices, price)))
                yield f"an order passes at {price}", self.apply(lease, lease.core._replace(open_prices=prices))
        if not lease.core.is_over:
            yield "the lease expires at the engine", self.apply(lease, lease.core._replace(is_over=True))

    def owed_of_engine(self, lease: Lease) -> Iterator[Change]:
        core = lease.core
        if core != lease.journal:
            yield "the journal has it", self.commit(lease)
            return
        if core.version < lease.version:
            yield f"the engine takes version {lease.version}", self.apply(lease, self.set_lease(core, lease.asked[-1]))
        for price in sorted(set(core.open_prices)):
            left = list(core.open_prices)
            left.remove(price)
            closed = core._replace(open_prices=tuple(left))
            filled = closed._replace(filled=core.filled + 1, traded=core.traded + price)
            yield f"an order at {price} is filled", self.apply(lease, filled)
            yield f"an order at {price} is cancelled", self.apply(lease, closed)

    def apply(self, lease: Lease, core: Core) -> Lease:
        return lease._replace(core=core)

    def commit(self, lease: Lease) -> Lease:
        """Only now is anybody told."""
        return published(lease, lease.core)._replace(journal=lease.core)

    def crash(self, lease: Lease) -> Lease:
        return lease._replace(core=lease.journal)

    def set_lease(self, core: Core, message: SetLease) -> Core:
        if message.version <= core.version:
            return core
        terms = self.granted(core, message)
        return core._replace(version=message.version, terms=terms, is_over=message.is_stop, is_stopped=message.is_stop)

    def granted(self, core: Core, message: SetLease) -> Terms:
        """What is filled and open stays granted, at the price and in the number of the open orders."""
        return message.terms.covering(core.in_use)

    def passes(self, core: Core, price: int) -> bool:
        return not core.is_over and self.is_free(core) and price <= core.terms.price_high

    def is_free(self, core: Core) -> bool:
        open_count = len(core.open_prices)
        return core.filled + open_count < core.terms.granted and open_count < core.terms.orders_max

    # For people ------------------------------------------------------------------------------------------------

    def words(self, terms: Terms) -> str:
        price = f" at {terms.price_high}" if len(self.scope.prices) > 1 else ""
        count = f" in {terms.orders_max} orders" if len(self.scope.orders_max) > 1 else ""
        return f"{terms.granted} lots{price}{count}"

    def words_of(self, told: LeaseState) -> str:
        return f"version {told.version}: {self.words(told.terms)}, filled {told.filled} for {told.traded}"

    # What must hold --------------------------------------------------------------------------------------------

    def rules(self) -> Mapping[str, Callable[[State], bool]]:
        return {
            "used + reserved + leased <= limit": lambda state: _in_use(state) <= self.scope.limit,
            "all that was filled and what is reserved beside it is within the limit": self._fills_are_within,
            "nothing is used that the engine has not journalled": _nothing_booked_twice,
            "what the engine can still do under any grant it has or may get is held for it": _all_is_covered,
        }

    def _fills_are_within(self, state: State) -> bool:
        return sum(lease.journal.traded for lease in state.leases) + state.reserved <= self.scope.limit

    def step_rules(self) -> Mapping[str, Callable[[State, Step[State]], bool]]:
        return {
            "what is leased is lowered only to what the engine answered to the newest version": _lowered_by_an_answer,
            "no order passes a lease that was stopped": _stopped_is_stopped,
        }

    def goals(self) -> Mapping[str, Callable[[State], bool]]:
        return {"told again until it is answered, all that was not used becomes free": _all_is_free}


def _with(state: State, index: int, lease: Lease) -> State:
    return state._replace(leases=(*state.leases[:index], lease, *state.leases[index + 1 :]))


def published(lease: Lease, core: Core) -> Lease:
    return lease._replace(heard=tuple(sorted({*lease.heard, core.told})))


def _in_use(state: State) -> int:
    return sum(lease.traded + lease.leased for lease in state.leases) + state.reserved


def _nothing_booked_twice(state: State) -> bool:
    return all(lease.filled <= lease.journal.filled and lease.traded <= lease.journal.traded for lease in state.leases)


def _all_is_covered(state: State) -> bool:
    return all(_is_covered(lease, engine) for lease in state.leases for engine in (lease.core, lease.journal))


def _is_covered(lease: Lease, engine: Core) -> bool:
    """In lots, in open orders and in money: under the engine's own grant and each that is newer and on its way."""
    newer = [message.terms for message in lease.asked if message.version > engine.version]
    in_use = engine.in_use
    for terms in (engine.terms, *newer):
        may = terms.covering(in_use)
        headroom = may.granted - in_use.granted
        open_most = min(may.orders_max, in_use.orders_max + headroom)
        if may.granted > lease.terms.granted or open_most > lease.terms.orders_max:
            return False
        if engine.traded + sum(engine.open_prices) + headroom * may.price_high > lease.traded + lease.leased:
            return False
    return True


def _lowered_by_an_answer(before: State, step: Step[State]) -> bool:
    for lease, after in zip(before.leases, step.after.leases, strict=True):
        if after.terms != after.terms.covering(lease.terms):
            answers = [told.terms for told in lease.heard if told.version == lease.version]
            if after.terms not in answers:
                return False
    return True


def _stopped_is_stopped(before: State, step: Step[State]) -> bool:
    return not any(
        lease.core.is_stopped and len(after.core.open_prices) > len(lease.core.open_prices)
        for lease, after in zip(before.leases, step.after.leases, strict=True)
        if lease.core == lease.journal
    )


def _all_is_free(state: State) -> bool:
    return state.reserved == 0 and all(
        lease.leased == 0 and lease.traded == lease.journal.traded for lease in state.leases
    )
