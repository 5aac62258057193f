"""A matrix that cannot fail would prove nothing: each of these breaks one promise, and a cell must say so."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from breakwater.db.connection import TenantTransaction
from breakwater.db.ladders import KeptLimits
from breakwater.db.orders import OrderRows
from breakwater.domain.leases import Lease, stopped
from breakwater.domain.orders import VOIDED, OrderSnapshot, OrdStatus, VoidReplace
from breakwater.domain.settlement import HeldReservation, settled
from breakwater.services import leases, limits, order_saga, reconciliation
from breakwater.services.engine_client import EngineClient
from events.orders import OrderPlaced
from tests.simulation.fault_matrix import trial
from tests.simulation.fault_matrix.fire import Fire
from tests.simulation.fault_matrix.matrix import ROWS, Matrix
from tests.simulation.fault_matrix.state_machine import synthesized_definition
from tests.simulation.fault_matrix.table import Column

_NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    return synthesized_definition()


@pytest.fixture
def matrix(postgres_server: str, definition: dict[str, Any]) -> Iterator[Matrix]:
    matrix = Matrix(postgres_server, definition)
    yield matrix
    matrix.close()


def row_of(part: str, name: str) -> int:
    return next(number for number, row in enumerate(ROWS) if (row.part, row.name) == (part, name))


def given_up(order_id: uuid.UUID, engine_seq: int) -> OrderSnapshot:
    """What only the engine may say."""
    return OrderSnapshot(
        order_id=order_id,
        status=OrdStatus.REJECTED,
        quantity=Decimal(0),
        cum_qty=Decimal(0),
        leaves_qty=Decimal(0),
        cum_notional=Decimal(0),
        reject_code=VOIDED,
        engine_seq=engine_seq,
        transact_time_ns=time.time_ns(),
    )


def test_a_reconciler_that_gives_back_what_it_has_not_voided(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour takes it; then the order arrives."""
    monkeypatch.setattr(reconciliation, "_ask", lambda row, *_: given_up(row.order_id, row.engine_seq + 1))
    with pytest.raises(AssertionError, match=r"the reconciler has voided it / .* are bought or may be"):
        matrix.play_cell(row_of("engine", "request received"), Column.DELAYED)


def test_an_order_whose_reservation_is_given_back_when_it_is_unknown(
    matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OrderRows.mark_unknown

    def release(rows: OrderRows, order_id: uuid.UUID) -> bool:
        limits.settle(TenantTransaction(rows._connection, rows._tenant_id, KeptLimits()), given_up(order_id, 1))
        return real(rows, order_id)

    monkeypatch.setattr(OrderRows, "mark_unknown", release)
    with pytest.raises(AssertionError, match=r"it arrives after everything / .* are bought or may be"):
        matrix.play_cell(row_of("engine", "request received"), Column.DELAYED)


def test_an_older_word_that_replaces_a_newer_one(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    def take_anything(reservation: HeldReservation, snapshot: OrderSnapshot) -> HeldReservation:
        return settled(reservation, snapshot.model_copy(update={"engine_seq": reservation.engine_seq + 1}))

    monkeypatch.setattr(limits, "settled", take_anything)
    with pytest.raises(AssertionError, match=r"everything else happens first .* was final"):
        matrix.play_cell(row_of("reconciler", "the engine has answered, not booked"), Column.DELAYED)


def test_limits_that_do_not_hold(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "LIMITS", {})
    with pytest.raises(AssertionError, match=r"of LONG_POSITION 12"):
        matrix.play_cell(row_of("ReserveLimits", "before its work"), Column.DOUBLED)


def test_a_replace_that_is_given_up_and_not_at_the_engine(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour takes what it would have had; then it arrives."""

    def give_up(client: EngineClient, asked: VoidReplace, *, correlation_id: str) -> OrderSnapshot:
        said = client.get(asked.order_id, tenant_id=asked.tenant_id, correlation_id=correlation_id)
        return said.model_copy(update={"replace_no": asked.replace_no, "terms_no": 0})

    monkeypatch.setattr(EngineClient, "void_replace", give_up)
    with pytest.raises(AssertionError, match=r"the reconciler has voided it / .* are bought or may be"):
        matrix.play_cell(row_of("replace", "reserved, before the engine is asked"), Column.DELAYED)


def test_a_lease_that_is_free_again_before_the_engine_has_said_what_was_used(
    matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free_at_once(lease: Lease, **about: Any) -> Lease:
        after = stopped(lease, **about)
        return replace(after, buy_held=after.buy_taken, orders_held=after.live_orders)

    monkeypatch.setattr(leases, "stopped", free_at_once)
    with pytest.raises(AssertionError, match=r"no engine / for a call / .* are bought or may be"):
        matrix.play_cell(row_of("lease", "given back, before the engine is asked"), Column.ENGINE)


def test_an_order_that_is_told_of_twice(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget_that_it_is_there(tx: TenantTransaction, order: Any) -> None:
        order_saga.publish(tx, order, OrderPlaced(order=order_saga._state(order, _NOW)), order.order_id, _NOW)

    monkeypatch.setattr(order_saga, "_refusal_so_far", forget_that_it_is_there)
    with pytest.raises(AssertionError, match=r"told of order"):
        matrix.play_cell(row_of("ReserveLimits", "before its work"), Column.DOUBLED)


def test_a_fault_that_never_came(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fire, "here", lambda *_: None)
    with pytest.raises(AssertionError, match=r"what never happened to the order that rests"):
        matrix.play_cell(row_of("orders function", "before it starts the saga"), Column.KILLED)
