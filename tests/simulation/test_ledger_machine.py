"""The real ledger on Postgres, driven at random beside a small reference of what it should hold after each step.

Hypothesis picks the steps: orders reserved, submitted, filled, cancelled and voided; the engine's words settled in any
order, twice, and by transactions that die; limits set, nodes stopped and let go. A failure is told as the shortest
list of steps that shows it. More seeds by BREAKWATER_SIMULATION_SEEDS, as in the other simulations.
"""

import os
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from breakwater.db.connection import Database
from breakwater.domain.exposure import NodeState
from breakwater.domain.limits import Finding
from breakwater.domain.orders import OrderSnapshot, PlaceOrder, Side
from breakwater.domain.permissions import SESSION_SCOPE, Caller, Role
from breakwater.domain.settlement import ExposureChange, HeldReservation, change_between, settled
from breakwater.errors import NotFound, Rejection
from breakwater.services import brakes, limit_settings, limits, order_saga
from breakwater.services.brakes import StateChange
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.settlement import settle
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, SYMBOL, create_firm, database_of, order_of
from tests.support.engine_model import Arrival, reject, rest
from tests.support.ledger_reference import Engine, Held, Totals, in_use, totals_in, totals_of, valuation_price

SEEDS = range(int(os.environ.get("BREAKWATER_SIMULATION_SEEDS", "2")))
LIMIT_TYPES = ("LONG_POSITION", "SHORT_POSITION", "OPEN_ORDER_COUNT", "DAILY_TRADED_NOTIONAL")
# Hypothesis would set limits, retry and cancel all the time, because it always can.
ORDERS_A_LIMIT, ORDERS_A_RETRY, ORDERS_A_CANCEL = 4, 2, 3
NODES = range(5)  # Firm, desk, trader, and the two accounts.
thorough = settings(
    max_examples=30,
    stateful_step_count=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
quick = settings(thorough, phases=[Phase.generate], report_multiple_bugs=False)  # No search for the shortest steps.


class Death(Exception):
    """The process ends before its transaction commits."""


class LedgerMachine(RuleBasedStateMachine):
    orders = Bundle("orders")  # Those that were reserved.
    unmarked = Bundle("unmarked")  # As those, until a saga has given up on them.
    words = Bundle("words")

    def __init__(self, urls: DatabaseUrls, database: Database) -> None:
        super().__init__()
        self.firm = create_firm(urls.admin, name=uuid.uuid4().hex)  # A firm for each run: all share the database.
        self.transactions = database.tenant_transaction
        self.engine: Any = Engine(now_ns=int(NOW.timestamp()) * 1_000_000_000)  # What of EngineClient is used.
        self.node_ids = (self.firm.firm, self.firm.desk, self.firm.trader, *self.firm.account_nodes)
        self.risk = Caller(
            self.firm.tenant_id, "risk", "risk", Role.RISK_MANAGER, frozenset({SESSION_SCOPE}), correlation_id="c"
        )
        self.placed: list[PlaceOrder] = []
        self.held: dict[uuid.UUID, Held] = {}
        self.limits: dict[tuple[int, str], Decimal] = {}
        # What a limit's use may be where it is more than the limit: it was lowered below it, and only falls since.
        self.ceilings: dict[tuple[int, str], Decimal] = {}
        self.limit_changes = self.retries = self.cancels = 0
        self.states = dict.fromkeys(NODES, NodeState.ACTIVE)

    # The saga --------------------------------------------------------------------------------------------------

    @rule(
        targets=(orders, unmarked),
        account=st.integers(0, 1),
        side=st.sampled_from(Side),
        quantity=st.integers(1, 3),
        price=st.sampled_from(["1990", "2000", "2050"]),
        goes_on=st.booleans(),
    )
    def reserve(self, account: int, side: Side, quantity: int, price: str, goes_on: bool) -> Any:
        order = order_of(self.firm, side, str(quantity), price, account=account)
        self.placed.append(order)
        fits = self._fits(order)
        assert self._reserve(order) == fits
        if not fits:
            return multiple()
        self._allow_what_only_reduces(order)
        self.held[order.order_id] = Held(order)
        if goes_on:
            self._submit(order, rest)
        return order

    @precondition(lambda self: len(self.placed) > ORDERS_A_RETRY * self.retries)
    @rule(data=st.data())
    def reserve_again(self, data: st.DataObject) -> None:
        """Whoever retries is told the same, whatever has happened to limits and order since."""
        self.retries += 1
        order = data.draw(st.sampled_from(self.placed))
        held = self.held.get(order.order_id)
        is_refused = held is None or (held.word is not None and held.word.status == "REJECTED")
        assert self._reserve(order) != is_refused

    def _reserve(self, order: PlaceOrder) -> bool:
        try:
            order_saga.reserve_limits(order, self.transactions, NOW)
        except Rejection:
            return False
        return True

    @rule(target=words, order=orders, arrival=st.sampled_from([rest, rest, reject]))
    def submit(self, order: PlaceOrder, arrival: Arrival) -> Any:
        self._submit(order, arrival)
        return self.engine.word(order)

    def _submit(self, order: PlaceOrder, arrival: Arrival) -> None:
        self.engine.arrival = arrival
        with suppress(Rejection):
            order_saga.submit_order(order, self.transactions, self.engine, NOW)

    @rule(order=consumes(unmarked))
    def mark_unknown(self, order: PlaceOrder) -> None:
        order_saga.mark_unknown(order, "Unavailable", self.transactions, NOW)

    @precondition(lambda self: any(live.status == "REJECTED" for live in self.engine.orders.values()))
    @rule(order=orders)
    def release(self, order: PlaceOrder) -> None:
        """Late, doubled, or though nothing was refused: what the engine says is settled, and nothing else."""
        with suppress(NotFound):
            order_saga.release_limits(order, self.transactions, self.engine, NOW)
            self._take(self.engine.word(order))

    @rule(word=words, dies=st.sampled_from([False, False, True]))
    def settle(self, word: OrderSnapshot, dies: bool) -> None:
        """Any word, whatever was heard before it: late, doubled, or in a transaction that does not commit."""
        with suppress(Death), self.transactions(self.firm.tenant_id) as tx:
            settle(tx, word)
            if dies:
                raise Death
        if not dies:
            self._take(word)

    @precondition(lambda self: bool(self._unsettled()))
    @rule(data=st.data())
    def settle_newest(self, data: st.DataObject) -> None:
        word = self.engine.word(data.draw(st.sampled_from(self._unsettled())))
        with self.transactions(self.firm.tenant_id) as tx:
            settle(tx, word)
        self._take(word)

    def _unsettled(self) -> list[PlaceOrder]:
        """Those of which the engine has said more than the ledger has heard."""
        words = [(held, self.engine.word(held.order)) for held in self.held.values()]
        return [held.order for held, word in words if word is not None and word.engine_seq > held.engine_seq]

    def _take(self, word: OrderSnapshot | None) -> None:
        if word is not None and word.engine_seq > self.held[word.order_id].engine_seq:
            self.held[word.order_id] = replace(self.held[word.order_id], word=word)

    # The engine ------------------------------------------------------------------------------------------------

    @precondition(lambda self: bool(self._live()))
    @rule(target=words, data=st.data(), quantity=st.integers(1, 3), better=st.integers(0, 50))
    def fill(self, data: st.DataObject, quantity: int, better: int) -> Any:
        """A buy fills at its price or lower, a sell at its price or higher."""
        order = data.draw(st.sampled_from(self._live()))
        live, price = self.engine.orders[order.order_id], order.terms.price
        assert price is not None
        last_qty = min(Decimal(quantity), order.terms.quantity - live.cum_qty)
        self.engine.fill(order.order_id, last_qty, price - better * order.terms.side.sign)
        return self.engine.word(order)

    def _live(self) -> list[PlaceOrder]:
        lives = self.engine.orders
        orders = (held.order for held in self.held.values() if held.order.order_id in lives)
        return [order for order in orders if not lives[order.order_id].status.is_final]

    @precondition(lambda self: len(self.held) > ORDERS_A_CANCEL * self.cancels)
    @rule(target=words, order=orders)
    def cancel(self, order: PlaceOrder) -> Any:
        """One the engine has not heard of is voided: a submit that comes later is refused."""
        self.cancels += 1
        return self.engine.end(
            order.order_id,
            tenant_id=order.tenant_id,
            account_id=order.terms.account_id,
            symbol=SYMBOL,
            correlation_id="test",
        )

    # Limits ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.placed) > ORDERS_A_LIMIT * self.limit_changes)
    @rule(node=st.sampled_from(NODES), limit_type=st.sampled_from(LIMIT_TYPES), lots=st.integers(2, 14))
    def set_limit(self, node: int, limit_type: str, lots: int) -> None:
        self.limit_changes += 1
        value = Decimal(lots * (4000 if limit_type == "DAILY_TRADED_NOTIONAL" else 1))
        setting = LimitSetting(node_id=self.node_ids[node], limit_type=limit_type, value=value)
        with self.transactions(self.firm.tenant_id) as tx:
            limit_settings.set_limit(setting, self.risk, tx, NOW)
        self.limits[node, limit_type] = value
        self.ceilings.pop((node, limit_type), None)
        use = in_use(limit_type, self._expected(node))
        if use > value:
            self.ceilings[node, limit_type] = use
            if self.states[node] is NodeState.ACTIVE:
                self.states[node] = NodeState.REDUCE_ONLY

    @precondition(lambda self: len(self._live()) > 2)
    @rule(node=st.sampled_from(NODES))
    def stop(self, node: int) -> None:
        change = StateChange(node_id=self.node_ids[node], reason="test")
        outcome = brakes.kill(change, self.risk, self.transactions, self.engine, NOW)
        assert outcome["failed"] == []
        for held in self._below(node):
            self._take(self.engine.word(held.order))
            assert not self.held[held.order.order_id].is_open
        self.states[node] = NodeState.KILLED

    @precondition(lambda self: bool(self._stopped()))
    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from(self._stopped()))
        with self.transactions(self.firm.tenant_id) as tx:
            brakes.rearm(StateChange(node_id=self.node_ids[node], reason="test"), self.risk, tx, NOW)
        self.states[node] = NodeState.ACTIVE

    def _stopped(self) -> list[int]:
        return [node for node, state in self.states.items() if state is not NodeState.ACTIVE]

    # What must hold --------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_right_and_within_its_limits(self) -> None:
        assert self._read() == {node: self._expected(node) for node in NODES}
        for (node, limit_type), value in self.limits.items():
            use = in_use(limit_type, self._expected(node))
            ceiling = self.ceilings.get((node, limit_type), value)
            assert use <= max(value, ceiling), f"{limit_type} of node {node}"
            if use <= value:
                self.ceilings.pop((node, limit_type), None)
            else:
                self.ceilings[node, limit_type] = min(use, ceiling)

    def _read(self) -> dict[int, Totals]:
        with self.transactions(self.firm.tenant_id) as tx:
            assert tx.limits.ledger_differences() == []
            assert tx.limits.order_differences() == []
            scopes = {scope.node.node_id: scope for scope in tx.limits.scopes(NOW)}
        assert [scopes[node_id].node.state for node_id in self.node_ids] == list(self.states.values())
        return {node: totals_in(scopes[self.node_ids[node]].exposures) for node in NODES}

    def _below(self, node: int) -> list[Held]:
        accounts = self.firm.account_ids if node < 3 else (self.firm.account_ids[node - 3],)
        return [held for held in self.held.values() if held.order.terms.account_id in accounts]

    def _expected(self, node: int) -> Totals:
        return totals_of(self._below(node))

    def _path(self, order: PlaceOrder) -> tuple[int, ...]:
        return (0, 1, 2, 3 + self.firm.account_ids.index(order.terms.account_id))

    def _fits(self, order: PlaceOrder) -> bool:
        states = {self.states[node] for node in self._path(order)}
        if NodeState.KILLED in states or (NodeState.REDUCE_ONLY in states and not self._only_reduces(order)):
            return False
        return not any(self._is_passed(order, *key) for key in self.limits)

    def _is_passed(self, order: PlaceOrder, node: int, limit_type: str) -> bool:
        """Would the order take this limit's use beyond it? What cannot raise the use may pass a limit that is full."""
        terms, limit = order.terms, self.limits[node, limit_type]
        if node not in self._path(order):
            return False
        use = in_use(limit_type, self._expected(node))
        match limit_type:
            case "LONG_POSITION":
                return terms.side is Side.BUY and use + terms.quantity > limit
            case "SHORT_POSITION":
                return terms.side is Side.SELL and use + terms.quantity > limit
            case "OPEN_ORDER_COUNT":
                return use + 1 > limit
            case _:
                too_much = use + terms.quantity * valuation_price(order) > limit
                return too_much and not self._only_reduces(order)

    def _only_reduces(self, order: PlaceOrder) -> bool:
        return self._expected(self._path(order)[-1]).only_reduces(order.terms.side, order.terms.quantity)

    def _allow_what_only_reduces(self, order: PlaceOrder) -> None:
        """A position can always be closed: that alone may take a daily limit's use further."""
        for node, limit_type in self.limits:
            if limit_type == "DAILY_TRADED_NOTIONAL" and node in self._path(order):
                use = in_use(limit_type, self._expected(node)) + order.terms.quantity * valuation_price(order)
                if use > self.limits[node, limit_type]:
                    assert self._only_reduces(order)
                    self.ceilings[node, limit_type] = use


def play(urls: DatabaseUrls, number: int, how: settings) -> None:
    database = database_of(urls.functions)
    try:
        run_state_machine_as_test(seed(number)(lambda: LedgerMachine(urls, database)), settings=how)  # type: ignore[arg-type]
    finally:
        database.close()


@pytest.mark.parametrize("number", SEEDS)
def test_after_every_step_the_ledger_is_what_the_reference_says(database_urls: DatabaseUrls, number: int) -> None:
    play(database_urls, number, thorough)


def take_any_word(before: HeldReservation, snapshot: OrderSnapshot) -> HeldReservation:
    return settled(replace(before, engine_seq=-1), snapshot)


def add_fills(before: HeldReservation, after: HeldReservation) -> ExposureChange:
    return replace(change_between(before, after), filled_qty=after.cum_qty * after.side.sign)


def refuse_nothing(_findings: Iterable[Finding]) -> list[Finding]:
    return []


@pytest.mark.parametrize(
    ("name", "broken"), [("settled", take_any_word), ("change_between", add_fills), ("refused", refuse_nothing)]
)
def test_a_ledger_that_is_broken_is_found(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., object]
) -> None:
    monkeypatch.setattr(limits, name, broken)
    with pytest.raises((AssertionError, ValueError), match=r"differences|assert|the engine says"):
        play(database_urls, 0, quick)
