"""The engine's state and core behind the client's calls, without HTTP: each can fall silent, or answer late."""

import uuid
from collections.abc import Sequence
from typing import Any

from breakwater.db.connection import Database
from breakwater.domain.lease_messages import LeaseWords, SetLease
from breakwater.domain.orders import OrderSnapshot, PlaceOrder, ReplaceOrder, SubmitOrder, VoidReplace
from breakwater.errors import EngineForgot, EngineUnavailable, NotFound, OrderForgotten
from breakwater.services.engine_client import CanceledOrders, EngineClient
from breakwater.services.projections import project
from events.envelope import Envelope
from fargate_engine.leased_orders import leased_order
from fargate_engine.messages import CancelOrder, CoreInput, VenueReport, VoidOrder
from fargate_engine.shard_state import Applied
from tests.support.engine_words import kept
from tests.unit.fargate_engine.driven import Driven, replayed


class CoreEngine(EngineClient):
    """Time passes as `set_time_ns` says. What it has told and nobody has projected waits in `events`."""

    def __init__(self) -> None:
        super().__init__(lambda: "", lambda: "")
        self.driven = Driven()
        self.events: list[Envelope] = []
        self.is_silent = False
        self.silent_accounts: set[uuid.UUID] = set()
        self.loses_answers = False
        self.answers_late = False
        self._answers: dict[uuid.UUID, list[LeaseWords]] = {}
        self._at_ns = 0

    def set_time_ns(self, at_ns: int) -> None:
        self._at_ns = at_ns

    def restart(self) -> None:
        """Another engine reads the journal."""
        self.driven.state = replayed(self.driven.rows)

    def set_lease(self, lease: SetLease) -> LeaseWords:
        self._reach()
        if lease.account_id in self.silent_accounts:
            raise EngineUnavailable("the engine did not answer")
        self._apply(lease)
        answers = self._answers.setdefault(lease.account_id, [])
        answers.append(self.words(lease.account_id, lease.symbol))
        if self.loses_answers:
            raise EngineUnavailable("the answer was lost")
        return answers[-2] if self.answers_late and len(answers) > 1 else answers[-1]

    def words(self, account_id: uuid.UUID, symbol: str) -> LeaseWords:
        words = self.driven.state.lease_words(account_id, symbol)
        if words is None:
            raise EngineUnavailable("there is no such lease")
        return LeaseWords.model_validate_json(words)

    def submit(self, order: SubmitOrder) -> OrderSnapshot:
        self._reach()
        self._apply(order)
        return self.driven.snapshot(order.order_id)

    def get(self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, correlation_id: str) -> OrderSnapshot:
        self._reach()
        if self.driven.state.find(order_id, tenant_id) is None:
            raise NotFound("the engine does not know this order")
        return self.driven.snapshot(order_id)

    def replace(self, asked: ReplaceOrder) -> OrderSnapshot:
        return self._decide(asked)

    def void_replace(self, asked: VoidReplace, *, correlation_id: str) -> OrderSnapshot:
        return self._decide(asked)

    def report(self, report: VenueReport) -> None:
        """What a venue says."""
        self._apply(report)

    def _decide(self, asked: ReplaceOrder | VoidReplace) -> OrderSnapshot:
        self._reach()
        self._apply(asked)
        if self.loses_answers or kept(self.driven.state, asked.order_id).awaits_venue:
            raise EngineUnavailable("the engine did not answer in time")
        return self.driven.snapshot(asked.order_id)

    def submit_leased(self, order: PlaceOrder) -> OrderSnapshot:
        self._reach()
        self._apply(leased_order(self.driven.state, order))
        return self.driven.snapshot(order.order_id)

    def cancel(self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, correlation_id: str) -> OrderSnapshot:
        self._reach()
        self._apply(CancelOrder(order_id=order_id, tenant_id=tenant_id))
        return self.driven.snapshot(order_id)

    def void(
        self, order_id: uuid.UUID, *, tenant_id: uuid.UUID, account_id: uuid.UUID, symbol: str, correlation_id: str
    ) -> OrderSnapshot:
        self._reach()
        self._apply(VoidOrder(order_id=order_id, tenant_id=tenant_id, account_id=account_id))
        return self.driven.snapshot(order_id)

    def cancel_all(
        self, account_ids: Sequence[uuid.UUID], *, tenant_id: uuid.UUID, correlation_id: str
    ) -> CanceledOrders:
        self._reach()
        found = [o.order_id for o in self.driven.state.open_orders() if o.terms.account_id in account_ids]
        ended = [self.cancel(each, tenant_id=tenant_id, correlation_id=correlation_id) for each in found]
        return CanceledOrders(canceled=ended, failed=[])

    def project(self, database: Database, *, at_most: int | None = None) -> None:
        """Tell the ledger, in order, as much as it shall hear now; each twice, as a queue may."""
        due, self.events = self.events[:at_most], self.events[len(self.events[:at_most]) :]
        for event in due:
            project(event, database.tenant_transaction)
            project(event, database.tenant_transaction)

    def _reach(self) -> None:
        if self.is_silent:
            raise EngineUnavailable("the engine did not answer")

    def end_orders(self) -> None:
        """What an engine does by itself with the orders whose time has come."""
        self._keep(self.driven.state.apply([], self._at_ns, ends_orders=True))

    def _apply(self, message: CoreInput) -> None:
        state = self.driven.state
        applied = state.apply([message], max(self._at_ns, state.last_at_ns))
        refused: Any = applied.refusals[0]
        if isinstance(refused, OrderForgotten):
            raise EngineForgot("the engine has forgotten how this order ended")
        if refused is not None:
            raise refused
        self._keep(applied)

    def _keep(self, applied: Applied) -> None:
        self.driven.journal(applied)
        self.events += [Envelope.model_validate(event) for event in applied.outcomes.envelopes]
