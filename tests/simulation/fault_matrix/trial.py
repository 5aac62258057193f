"""One trial: the orders of some scenarios walk through the platform, each meets the same fault, and then it is calm.

each order: fault, client, (its cancel) ► events ► calm ► late messages ► reconciler ► late messages ► books
"""

import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

import psycopg

from breakwater.db.connection import Database
from breakwater.domain.money import format_amount
from breakwater.domain.orders import OrderSnapshot
from breakwater.errors import Unavailable
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import SYMBOL, Firm, create_firm, set_limit
from tests.simulation.fault_matrix.checks import LIMITS, LONG_POSITION_MAX, Books
from tests.simulation.fault_matrix.engine import Engine
from tests.simulation.fault_matrix.event_queue import FifoQueue, RelayTurn
from tests.simulation.fault_matrix.fire import Fault, When
from tests.simulation.fault_matrix.functions import Answer, Functions
from tests.simulation.fault_matrix.leased import Leases
from tests.simulation.fault_matrix.scenarios import Scenario, Sent, sent_of
from tests.simulation.fault_matrix.stages import JournalFault, StageFault
from tests.simulation.fault_matrix.wire import WireFault
from tests.support.mortal_engine import Killed

RUNS_MAX = 2  # Of the reconciler, a minute apart, after the fault has passed and every message has arrived.
TRIES_MAX = 3  # Of a client, while it is told that nothing is known.
RECEIVES_UNDER_FIRE = 2
PLACED, DONE, ACCEPTED = 201, 200, 202

type AnyFault = Fault | WireFault | StageFault | JournalFault


class Phase(Enum):
    """What is under way when the fault comes."""

    PLACING = "an order is placed"
    EVENTS = "its events are relayed and projected"
    RECONCILING = "the reconciler runs"
    CANCELING = "an order is cancelled"
    REPLACING = "an order is replaced"
    KILLING = "a desk is killed"
    LEASING = "a lease is granted"
    RENEWING = "a lease is renewed"
    RETURNING = "a lease is given back"
    SENDING = "an order is sent within its lease"


@dataclass
class Bench:
    """What the trials of one row share: a database, an engine on it, and the functions."""

    urls: DatabaseUrls
    admin: psycopg.Connection[Any]
    engine: Engine
    functions: Functions
    reader: Database
    on_commit: list[Callable[[], None]] = field(default_factory=list)  # Told of each commit of a function.


@dataclass(frozen=True)
class Variant:
    """One way to bring the fault about. `given` is what befell the order before; `late` is when delayed requests to
    the engine arrive; `gives_up`: the client does not ask again; `cancels`: every order's client cancels it then."""

    words: str
    arm: "Callable[[Trial], None]"
    given: "Callable[[Trial], None] | None" = None
    late: When = When.BEFORE_THE_RECONCILER
    gives_up: bool = False
    cancels: bool = False
    holds_events: bool = False  # Until the reconciler has run.
    leaves_room: bool = False  # For what arrives late and finds nothing reserved: else a neighbour takes it all.
    needs_another_order: bool = False
    only: Sequence[Scenario] = ()  # Of the row's scenarios, where it says something of these alone.


class Trial:
    """With a `chance` the reconciler may also run while the orders are placed."""

    def __init__(
        self,
        bench: Bench,
        phase: Phase,
        variant: Variant,
        scenarios: Sequence[Scenario],
        chance: random.Random | None = None,
    ) -> None:
        self.bench = bench
        self.functions = bench.functions
        self.engine = bench.engine
        self.queue = FifoQueue()
        self.functions.sqs = self.queue
        self._relay_faults: list[Fault] = []
        self.runs = 0  # Of the reconciler, that it took.
        self._phase = phase
        self._variant = variant
        self._scenarios = scenarios
        self._chance = chance
        self._is_leased = any(scenario.is_leased for scenario in scenarios)
        self._armed: list[AnyFault] = []
        self._restore: list[Callable[[], None]] = []
        self._unanswered: list[Callable[[], Answer | None]] = []
        self._events_flow = False
        self._wrong: list[str] = []  # After some commit of a function.
        self._relay = RelayTurn(self.queue, self._relay_is_at)

    def play(self) -> None:
        self._prepare()
        for sent in self.orders:
            self._walk(sent)
        if self._phase is Phase.EVENTS:
            self._under_fire(self._pump_under_fire, self._phase.value)
        elif self._phase is Phase.RECONCILING:
            self._under_fire(self._reconcile_after_a_minute, self._phase.value)
        elif self._phase is Phase.KILLING:
            self._under_fire(lambda: self._insist(self._kill), self._phase.value)
        self._calm()
        self._neighbour_takes_what_is_left(1)
        self._arrive(When.BEFORE_THE_RECONCILER)
        self._settle()
        self._neighbour_takes_what_is_left(2)
        self._arrive(When.AFTER_THE_RECONCILER)
        self._settle()
        self._close()

    # What variants ask for ------------------------------------------------------------------------------------------

    def arm(self, fault: AnyFault) -> None:
        self._armed.append(fault)
        match fault:
            case Fault():
                self.functions.fire.faults.append(fault)
            case WireFault():
                self.engine.wire.faults.append(fault)
            case StageFault():
                self.engine.stages.faults.append(fault)
            case JournalFault():
                self.engine.stages.journal_faults.append(fault)

    def expect(self, fault: Fault) -> Fault:
        """It is brought about by whoever asks for this, and must have come when the phase is over."""
        self._armed.append(fault)
        return fault

    def arm_relay(self, fault: Fault) -> None:
        self._relay_faults.append(self.expect(fault))

    def when_it_is_over(self, restore: Callable[[], None]) -> None:
        """Once the client has given up, or the phase has ended: how an outage ends that lasts."""
        self._restore.append(restore)

    def relay_once(self) -> None:
        try:
            self.engine.relay(self._relay.run)
        except Killed:
            self.engine.kill()

    def pump(self, receives_max: int | None = None) -> None:
        """Relay what is due, and hand it to the projections, one account after the other."""
        with suppress(Unavailable):
            self.relay_once()
        for account_id in self.firm.account_ids:
            received = 0
            while (receives_max is None or received < receives_max) and (
                messages := self.queue.receive(str(account_id))
            ):
                received += 1
                failed = self.functions.project([message.record() for message in messages])
                self.queue.delete([message for message in messages if message.message_id not in failed])
                self._look()

    # The phases -----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        admin = self.bench.urls.admin
        self.firm: Firm = create_firm(admin, f"Firm {uuid.uuid4()}", accounts=len(self._scenarios) + 3)
        for limit_type, value in LIMITS.items():
            set_limit(admin, self.firm, self.firm.firm, limit_type, str(value))
        self.books = Books(self.bench.admin, self.bench.reader, self.firm)
        self.leases = Leases(self.functions, self.engine, self.bench.admin, self.firm)
        # Kept and not raised: a function would take it for a failure of its own.
        self.bench.on_commit[:] = [lambda: self._wrong.extend(self.books.look())]
        self.orders = [sent_of(scenario, self.firm, number) for number, scenario in enumerate(self._scenarios)]
        self.known = [sent.order_id for sent in self.orders]
        self.engine.refresh_market()
        if self._variant.needs_another_order:
            other = sent_of(Scenario("another order", "1", "1800"), self.firm, len(self._scenarios))
            self.known.append(other.order_id)
            self._place(other)
            said = self._truth()[other.order_id]
            assert said is not None
            self.engine.wire.other_order = said.model_dump_json().encode()

    def _walk(self, sent: Sent) -> None:
        if sent.scenario.is_leased:
            self._walk_in_a_lease(sent)
        else:
            self._walk_through_the_ledger(sent)
        if self._variant.late is When.AFTER_THE_NEXT:
            self._arrive(When.AFTER_THE_NEXT)

    def _walk_in_a_lease(self, sent: Sent) -> None:
        """Grant a lease, send one order within it, and cancel that where its client does."""
        name, self.sent, phase = sent.scenario.name, sent, self._phase
        grant, send = lambda: self._grant(sent), lambda: self._send(sent)
        if phase is Phase.LEASING:
            self._under_fire(lambda: self._insist(grant), name)
        else:
            self._insist(grant)
        self._tend()
        if not self.leases.is_at_the_engine(sent.account_id):
            return  # Who asked for it has given up, and nothing of it is known.
        if phase is Phase.SENDING:
            self._under_fire(lambda: self._insist(send), name)
        else:
            self._insist(send)
        if self._variant.cancels or sent.scenario.is_canceled:
            self._insist(lambda: self.leases.cancel(sent))
        if phase is Phase.RENEWING:
            self._under_fire(self._renew, name)
        elif phase is Phase.RETURNING:
            self._under_fire(lambda: self._insist(lambda: self.leases.stop(sent.account_id)), name)

    def _walk_through_the_ledger(self, sent: Sent) -> None:
        """Place one order, and cancel or replace it where its client does."""
        variant, name, self.sent = self._variant, sent.scenario.name, sent
        befalls_replace = sent.scenario.is_replaced and self._phase is Phase.RECONCILING
        if variant.given is not None and not befalls_replace:
            variant.given(self)
        if self._phase is Phase.PLACING:
            variant.arm(self)
        self._insist(lambda: self._place(sent))
        self._end_of_fault(name)
        self._a_minute_may_pass()
        if self._phase is Phase.CANCELING:
            self._under_fire(lambda: self._insist(lambda: self._cancel(sent)), name)
        elif self._phase is Phase.REPLACING:
            self._under_fire(lambda: self._insist(lambda: self._replace(sent)), name)
        elif sent.scenario.is_replaced:
            if variant.given is not None and befalls_replace:
                variant.given(self)
            self._insist(lambda: self._replace(sent))
            self._end_of_fault(name)
        if variant.cancels or (sent.scenario.is_canceled and self._phase in {Phase.PLACING, Phase.EVENTS}):
            self._insist(lambda: self._cancel(sent))

    def _a_minute_may_pass(self) -> None:
        if self._chance is not None and self._phase in {Phase.PLACING, Phase.EVENTS} and self._chance.random() < 0.5:
            self._reconcile_after_a_minute()

    def _under_fire(self, work: Callable[[], object], name: str) -> None:
        self._variant.arm(self)
        work()
        self._end_of_fault(name)

    def _pump_under_fire(self) -> None:
        if not self._variant.holds_events:
            self.pump(RECEIVES_UNDER_FIRE)

    def _reconcile_after_a_minute(self) -> None:
        self.books.pass_a_minute()
        self.functions.reconcile()
        self._look()

    def _end_of_fault(self, name: str) -> None:
        """It came, it met whom it was to meet, and it comes no more."""
        restore, self._restore = self._restore, []
        for each in restore:
            each()
        self._heal()
        missed = [fault for fault in self._armed if fault.fired == 0]
        assert not missed, f"what never happened to the order that {name}: {missed}"
        self._armed.clear()
        self.functions.fire.faults.clear()
        self.engine.wire.faults.clear()
        self.engine.stages.faults.clear()
        self.engine.stages.journal_faults.clear()
        self._relay_faults.clear()

    def _calm(self) -> None:
        """Everything can be reached, and whoever had no answer asks again."""
        self._heal()
        for ask in self._unanswered:
            answer = ask()
            assert answer is not None
            assert answer.is_known, f"in the calm a client is answered {answer}"
        self._events_flow = not self._variant.holds_events
        self._look()

    def _neighbour_takes_what_is_left(self, number: int) -> None:
        """If something that may still trade is not reserved any more, this passes the limit."""
        left = LONG_POSITION_MAX - _live_qty(self._truth())
        if left > 0 and not self._variant.leaves_room:
            account = len(self._scenarios) + number
            neighbour = sent_of(Scenario("neighbour", format_amount(left), "1700"), self.firm, account)
            self.known.append(neighbour.order_id)
            self._place(neighbour)
        self._look()

    def _arrive(self, when: When) -> None:
        """What was late until now, and at last the events that were held back."""
        self._refresh_reference()
        self.functions.way.heal()
        self.functions.fire.arrive(When.AFTER_THE_NEXT)
        self.functions.fire.arrive(when)
        if self._variant.late is when:
            self.engine.arrive()
            self._heal()
        if when is When.AFTER_THE_RECONCILER:
            self._events_flow = True
            self.queue.redrive()
        self._look()

    def _settle(self) -> None:
        """The reconciler runs until nothing is open that should not be."""
        if self._is_leased and not self._events_flow:
            return  # Of orders within leases nobody hears but by their events.
        runs = 0
        self._pump_in_the_calm()
        while problems := self._what_is_unsettled():
            assert runs < RUNS_MAX, f"after {runs} runs of the reconciler: {problems}"
            runs += 1
            self._reconcile_after_a_minute()
            self._pump_in_the_calm()
        self.runs = max(self.runs, runs)

    def _close(self) -> None:
        """What rests is cancelled: then nothing is open and nothing is held."""
        if self._is_leased:
            self._refresh_reference()
            self.leases.end_all()
        accounts = self.firm.account_ids
        self.functions.way.client.cancel_all(accounts, tenant_id=self.firm.tenant_id, correlation_id="matrix")
        self._pump_in_the_calm()
        if self._is_leased:
            self.leases.assert_all_are_over()
        truth = self._truth()
        assert self._what_is_unsettled() == []
        assert all(said is None or said.status.is_final for said in truth.values())
        assert self.queue.waiting == []
        self.books.assert_trades_are_what_the_engine_told(truth)
        self.books.assert_each_end_is_told_once()
        self.books.assert_nothing_is_held()
        self.bench.on_commit.clear()

    # Small steps ----------------------------------------------------------------------------------------------------

    def _insist(self, ask: Callable[[], Answer | None]) -> None:
        """Ask until it is known what came of it; a client that does not give up asks again when it is calm."""
        for _ in range(1 if self._variant.gives_up else TRIES_MAX):
            answer = ask()
            self._look()
            if answer is not None and answer.is_known:
                return
        if not self._variant.gives_up:
            self._unanswered.append(ask)

    def _place(self, sent: Sent) -> Answer | None:
        """A client that is told that its order is placed can rely on it."""
        self._refresh_reference()
        answer = self.functions.place(sent.tenant_id, sent.terms)
        if answer is not None and answer.status == PLACED:
            assert self._truth()[sent.order_id] is not None, "placed, and the engine does not know it"
        return answer

    def _cancel(self, sent: Sent) -> Answer | None:
        """A client that is told that its order is cancelled can rely on it."""
        answer = self.functions.cancel(sent.tenant_id, sent.order_id)
        if answer is not None and answer.status == DONE:
            said = self._truth()[sent.order_id]
            assert said is not None
            assert said.status.is_final, f"the cancel was answered {answer}, and the order is {said.status}"
            assert answer.document["status"] == said.status, f"{answer} of a cancel, and the order is {said.status}"
        return answer

    def _replace(self, sent: Sent) -> Answer | None:
        """A client that is told that its order has other terms can rely on it, and asks until it knows which."""
        self._refresh_reference()
        answer = self.functions.replace(sent.tenant_id, sent.order_id, sent.replace_terms)
        assert answer is None or answer.document.get("code") != "INVALID_REQUEST", answer
        if answer is not None and answer.status == ACCEPTED:
            return None
        if answer is not None and answer.status == DONE:
            said = self._truth()[sent.order_id]
            assert said is not None
            assert said.terms_no == said.replace_no == 1, f"the replace was answered {answer}, and the order is {said}"
        return answer

    def _orders_within(self, lease_ids: Sequence[str]) -> set[str]:
        accounts = self.leases.account_ids(lease_ids)
        return {str(sent.order_id) for sent in self.orders if sent.scenario.is_leased and sent.account_id in accounts}

    def _grant(self, sent: Sent) -> Answer | None:
        self._refresh_reference()
        return self.leases.open(sent.account_id)

    def _send(self, sent: Sent) -> Answer | None:
        """A bot that is told what became of its order can rely on it."""
        answer = self.leases.send(sent)
        assert answer is None or self._truth()[sent.order_id] is not None, f"{answer}, and the engine does not know it"
        return answer

    def _renew(self) -> None:
        self._refresh_reference()
        self.leases.renew()
        self._look()

    def _tend(self) -> None:
        """In the calm the watch has its round, too."""
        self._heal()
        self._refresh_reference()
        self.functions.watch()
        self._look()

    def _kill(self) -> Answer | None:
        """Of a desk that is killed nothing is open but what the answer names."""
        answer = self.functions.kill(self.firm.tenant_id, self.firm.desk)
        if answer is not None and answer.status == DONE:
            named = {failed["order_id"] for failed in answer.document["failed"]}
            named |= self._orders_within(answer.document["leases_not_stopped"])
            is_open = [str(said.order_id) for said in self._truth().values() if said and not said.status.is_final]
            assert named.issuperset(is_open), f"the kill was answered {answer}, and these are open: {is_open}"
        return answer

    def _refresh_reference(self) -> None:
        self.bench.admin.execute("UPDATE market.reference_prices SET price = 2000, observed_at = now()")

    def _pump_in_the_calm(self) -> None:
        if self._events_flow:
            self.pump()
        if self._is_leased:
            self._tend()

    def _relay_is_at(self, point: str) -> None:
        for fault in self._relay_faults:
            if fault.takes(point):
                fault.does(lambda: None)

    def _heal(self) -> None:
        """The engine is there again, and has said what it has to say."""
        self.functions.way.heal()
        self.engine.wait_until_it_is_quiet()

    def _what_is_unsettled(self) -> list[str]:
        return self.books.what_is_unsettled(self._truth()) + self.leases.what_is_unsettled()

    def _truth(self) -> dict[uuid.UUID, OrderSnapshot | None]:
        self._heal()
        return self.engine.find(self.known, self.firm.tenant_id)

    def _look(self) -> None:
        """No limit is passed: not in the ledger, and not at the engine, whatever the ledger says."""
        assert not self._wrong, f"after a commit: {self._wrong}"
        if self.engine.serves(SYMBOL):
            live_qty = _live_qty(self.engine.find(self.known, self.firm.tenant_id))
            if self._is_leased:
                live_qty += self.leases.free_qty()
            assert live_qty <= LONG_POSITION_MAX, f"{live_qty} are bought or may be"


def _live_qty(said: dict[uuid.UUID, OrderSnapshot | None]) -> Decimal:
    """What is bought and what may yet be bought."""
    return sum((each.cum_qty + each.leaves_qty for each in said.values() if each), Decimal(0))
