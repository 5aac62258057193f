"""The protocol of leases, broken in one rule at a time: the explorer must find out each time."""

from collections.abc import Iterator

from tests.simulation.model.leases import (
    FEW_ORDERS,
    TWO_PRICES,
    Change,
    Core,
    Lease,
    Leases,
    LeaseState,
    SetLease,
    Terms,
    published,
)


class TellBeforeHolding(Leases):
    """a larger grant is told to the engine first, and held when the engine has answered"""

    def hold_and_tell(self, lease: Lease, terms: Terms, free: int) -> Iterator[Change]:
        if lease._replace(terms=terms).leased - lease.leased <= free:
            yield self.asked(lease, terms), self.tell(lease, terms)


class HoldOnlyWhatIsAsked(Leases):
    """a smaller grant is taken as given when it is asked for: what it frees is free before the engine has answered"""

    def hold_and_tell(self, lease: Lease, terms: Terms, free: int) -> Iterator[Change]:
        held = lease._replace(terms=terms)
        if held.leased - lease.leased <= free:
            yield self.asked(lease, terms), self.tell(held, terms)


class FreeOnAClock(Leases):
    """a lease that is past its time by the ledger's clock is free, without a word of the engine"""

    def hear(self, lease: Lease) -> Iterator[Change]:
        yield from super().hear(lease)
        if lease.leased:
            yield (
                "the lease is past its time by the ledger's clock",
                lease._replace(terms=lease.terms._replace(granted=lease.filled)),
            )


class TakeAnswersAsTheyArrive(Leases):
    """any answer sets what is leased, not only that to the newest version"""

    def take(self, lease: Lease, told: LeaseState) -> Lease:
        return super().take(lease, told._replace(version=lease.version))


class TakeGrantsAsTheyArrive(Leases):
    """the engine takes the last SetLease that comes, not the one of the highest version"""

    def set_lease(self, core: Core, message: SetLease) -> Core:
        return super().set_lease(core._replace(version=0), message)


class AddFills(Leases):
    """the fills that an event tells are added, not taken as a maximum"""

    def take(self, lease: Lease, told: LeaseState) -> Lease:
        after = super().take(lease, told)
        return after._replace(filled=lease.filled + told.filled, traded=lease.traded + told.traded)


class AddGrants(Leases):
    """a grant says how much more, not how much in all: a SetLease that is told twice grants twice"""

    def set_lease(self, core: Core, message: SetLease) -> Core:
        if message.version < core.version:
            return core
        more = core.terms._replace(granted=core.terms.granted + message.terms.granted)
        return super().set_lease(core._replace(version=0), message)._replace(terms=more.covering(message.terms))


class TellBeforeTheJournal(Leases):
    """the engine answers when its core has taken a command, before the journal has"""

    def apply(self, lease: Lease, core: Core) -> Lease:
        return published(super().apply(lease, core), core)


class ForgetOnRestart(Leases):
    """the next engine of the shard begins with no lease and no fills instead of replaying the journal"""

    def crash(self, lease: Lease) -> Lease:
        return lease._replace(core=Core(), journal=Core())


class LowerBelowWhatIsOpen(Leases):
    """a smaller grant is taken as asked, also below what is filled and open"""

    def granted(self, core: Core, message: SetLease) -> Terms:
        return super().granted(core, message)._replace(granted=message.terms.granted)


class LowerThePriceUnderOpenOrders(Leases):
    """a lower price_high is taken as asked while a dearer order is open"""

    def granted(self, core: Core, message: SetLease) -> Terms:
        return super().granted(core, message)._replace(price_high=message.terms.price_high)


class LowerTheCountUnderOpenOrders(Leases):
    """a lower orders_max is taken as asked while more orders are open"""

    def granted(self, core: Core, message: SetLease) -> Terms:
        return super().granted(core, message)._replace(orders_max=message.terms.orders_max)


class AnswerWithoutFills(Leases):
    """an answer says what the grant became and not what was filled by then: fills come with their own events only"""

    def take(self, lease: Lease, told: LeaseState) -> Lease:
        after = super().take(lease, told)
        return after if after.terms == lease.terms else after._replace(filled=lease.filled, traded=lease.traded)


class StopByALowerGrant(Leases):
    """a stop is a grant of what is used, and nothing else: what is cancelled then is free for the next order"""

    def passes(self, core: Core, price: int) -> bool:
        return (core.is_stopped or not core.is_over) and self.is_free(core) and price <= core.terms.price_high


class NoAnswerToARepeat(Leases):
    """a SetLease whose version the engine has already is not answered again"""

    def owed_of_ledger(self, lease: Lease) -> Iterator[Change]:
        yield from (change for change in super().owed_of_ledger(lease) if "told again" not in change[0])


class BeginAgain(Leases):
    """a lease that was given back is forgotten, and the next one begins with version 1 again"""

    def hear(self, lease: Lease) -> Iterator[Change]:
        yield from super().hear(lease)
        was_answered = any(told.version == lease.version for told in lease.heard)
        if was_answered and lease.terms.granted == lease.filled:
            yield "the ledger forgets the lease and begins again", lease._replace(version=0)


MUTATIONS: tuple[Leases, ...] = (
    TellBeforeHolding(),
    HoldOnlyWhatIsAsked(),
    FreeOnAClock(),
    TakeAnswersAsTheyArrive(),
    TakeGrantsAsTheyArrive(),
    AddFills(),
    AddGrants(),
    TellBeforeTheJournal(),
    ForgetOnRestart(),
    LowerBelowWhatIsOpen(),
    LowerThePriceUnderOpenOrders(TWO_PRICES),
    LowerTheCountUnderOpenOrders(FEW_ORDERS),
    AnswerWithoutFills(TWO_PRICES),
    StopByALowerGrant(),
    NoAnswerToARepeat(FEW_ORDERS),
    BeginAgain(),
)
