"""What the core's integers do not say: the names behind its numbers, and every order by its id.

Numbers are given at first sight, in the order of the journal, so a replay gives the same ones.
"""

import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from matching_core import SYMBOL_MAX

from breakwater.domain.instruments import Instrument
from breakwater.domain.lease_messages import SetLease
from fargate_engine.forgotten import ForgottenOrders
from fargate_engine.orders import EngineOrder, FinalOrder, ForgottenOrder, Order, RefusedOrder

REMEMBERED_NS = 3_600_000_000_000  # An hour: no saga lasts as long, and the reconciler asks every minute.
FORGOTTEN_AT_ONCE = 256  # By a row, beyond one for each of its commands: none pauses for an hour of orders.
ENDS_OVER_MAX = 1_024  # Of orders that are over, beside one for each that lives.


class Registry:
    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.symbols: dict[str, int] = {}  # From 1, in the order of the numbers.
        self.accounts: dict[uuid.UUID, int] = {}  # Likewise.
        self.owners: dict[uuid.UUID, uuid.UUID] = {}  # Of accounts: the organisation each was first seen with.
        self.firms: dict[uuid.UUID, int] = {}  # Numbers of organisations, in the order of their first accounts.
        self.leases: dict[tuple[uuid.UUID, str], SetLease] = {}  # By account and symbol, the newest terms.
        self.orders: dict[uuid.UUID, Order] = {}
        self.live: dict[int, EngineOrder] = {}  # By their number in the core, oldest first.
        self.children: dict[uuid.UUID, dict[int, EngineOrder]] = {}  # Those that live, by their parent and number.
        self.exits: dict[uuid.UUID, dict[int, EngineOrder]] = {}  # Those that live, by their entry and number.
        self.exited: dict[uuid.UUID, int] = {}  # Lots that exits have traded which live no more, by their entry.
        self.finals: deque[FinalOrder] = deque()  # All of `orders` that are, those that are forgotten first in front.
        self.forgotten = ForgottenOrders()
        self._refused: dict[int, RefusedOrder] = {}  # Until the core has counted their refusal.
        self._ends: list[tuple[int, int]] = []  # A heap: when orders end, and their numbers.

    def list(self, instrument: Instrument) -> int:
        """Its symbol's number; from now on orders in it are taken on these terms."""
        number = self.symbols.setdefault(instrument.symbol, len(self.symbols) + 1)
        if number > SYMBOL_MAX:
            raise OverflowError(f"a shard has at most {SYMBOL_MAX} symbols")
        self.instruments[instrument.symbol] = instrument
        return number

    def account_number(self, account_id: uuid.UUID, tenant_id: uuid.UUID) -> int:
        """From first sight on the account is of this organisation, whoever names it later."""
        if account_id not in self.accounts:
            self.accounts[account_id] = len(self.accounts) + 1
            self.owners[account_id] = tenant_id
            self.firms.setdefault(tenant_id, len(self.firms) + 1)
        return self.accounts[account_id]

    def firm_of(self, account_id: uuid.UUID) -> int:
        return self.firms[self.owners[account_id]]

    def take_lease(self, lease: SetLease) -> None:
        """As the core does: only terms newer than those known count."""
        known = self.leases.get((lease.account_id, lease.symbol))
        if known is None or lease.version > known.version:
            self.leases[lease.account_id, lease.symbol] = lease

    def add(self, order: EngineOrder | RefusedOrder) -> None:
        self.orders[order.order_id] = order
        if isinstance(order, EngineOrder):
            self.live[order.number] = order
            if order.submitted.expire_at_ns is not None:
                self._add_end(order.submitted.expire_at_ns, order.number)
            if order.parent_id is not None:
                self.children.setdefault(order.parent_id, {})[order.number] = order
            if order.entry_id is not None:
                self.exits.setdefault(order.entry_id, {})[order.number] = order
        else:
            self._refused[order.number] = order

    def _add_end(self, at_ns: int, number: int) -> None:
        if len(self._ends) > 2 * len(self.live) + ENDS_OVER_MAX:  # Most ended before their time, which may be far away.
            self._ends = [each for each in self._ends if each[1] in self.live]
            heapify(self._ends)
        heappush(self._ends, (at_ns, number))

    @property
    def next_end_ns(self) -> int | None:
        """When the next order ends by itself that is still open."""
        while self._ends and self._ends[0][1] not in self.live:
            heappop(self._ends)
        return self._ends[0][0] if self._ends else None

    def take_due(self, at_ns: int) -> Iterator[EngineOrder]:
        """Each open order whose time has come, once, in the order of their ends."""
        while (end_ns := self.next_end_ns) is not None and end_ns <= at_ns:
            yield self.live[heappop(self._ends)[1]]

    def take_refused(self, number: int) -> RefusedOrder | None:
        """The order that was refused under this number, the first time it is asked for."""
        return self._refused.pop(number, None)

    def finish(self, order: EngineOrder | RefusedOrder) -> None:
        """It changes no more: keep its last word alone."""
        self.live.pop(order.number, None)
        if isinstance(order, EngineOrder):
            self._let_go(order)
        self.remember(FinalOrder.of(order))

    def _let_go(self, order: EngineOrder) -> None:
        """Of what it was needed by, or needed."""
        if order.parent_id is not None:
            siblings = self.children[order.parent_id]
            del siblings[order.number]
            if not siblings:
                del self.children[order.parent_id]
        if order.entry_id is not None:
            others = self.exits[order.entry_id]
            del others[order.number]
            if not others:
                del self.exits[order.entry_id]
            if order.cum_lots and order.entry_id in self.orders:
                self.exited[order.entry_id] = self.exited.get(order.entry_id, 0) + order.cum_lots

    def remember(self, final: FinalOrder) -> None:
        """None that came before is to be kept for longer."""
        self.orders[final.order_id] = final
        self.finals.append(final)

    def forget(self, at_ns: int, at_most: int) -> None:
        """The words of those that ended an hour before: only that their ids were taken stays.

        A parent whose children live and what an order exits from are needed, and stay for an hour more.
        """
        finals = self.finals
        for _ in range(at_most):
            if not finals or not self.is_due(finals[0], at_ns):
                return
            final = finals.popleft()
            if self.is_needed(final):
                self.remember(final._replace(kept_from_ns=at_ns))
            else:
                del self.orders[final.order_id]
                self.exited.pop(final.order_id, None)
                self.forgotten.add(final.order_id, was_rejected=final.is_rejected)

    def is_due(self, final: FinalOrder, at_ns: int) -> bool:
        return final.kept_from_ns + REMEMBERED_NS <= at_ns

    def is_needed(self, final: FinalOrder) -> bool:
        return final.order_id in self.children or final.order_id in self.exits

    def children_of(self, order_id: uuid.UUID) -> Sequence[EngineOrder]:
        """Its children that live, oldest first."""
        return tuple(self.children.get(order_id, {}).values())

    def other_exits(self, order: EngineOrder) -> Sequence[EngineOrder]:
        """Those that live and exit from the same entry as this exit does."""
        if order.entry_id is None:
            return ()
        return tuple(each for each in self.exits.get(order.entry_id, {}).values() if each is not order)

    def known(self, order_id: uuid.UUID) -> Order | ForgottenOrder | None:
        """None only when nobody ever spoke of it."""
        order = self.orders.get(order_id)
        return order if order is not None else self.forgotten.find(order_id)

    def find(self, order_id: uuid.UUID, tenant_id: uuid.UUID) -> Order | ForgottenOrder | None:
        """None also for an order of another tenant; of one that is forgotten nobody knows whose it was."""
        order = self.known(order_id)
        if order is None or isinstance(order, ForgottenOrder) or order.tenant_id == tenant_id:
            return order
        return None
