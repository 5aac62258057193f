"""Settle what a dying saga, a lost event or a lost answer left open, from the engine's own word.

Which orders are asked about, and why none of them is hurt:

- An order that is UNKNOWN, or PENDING_NEW for longer than any saga can last, is *voided*: the engine answers with the
  order as it is, or refuses it for ever if it never heard of it. Only then is its reservation given back, so a submit
  that is still on its way finds a refusal and can fill nothing that is not reserved.
- A PENDING_NEW order whose saga may still be running is left alone. Voiding it would cost no money, but it would
  refuse an order that was about to be accepted.
- A replace that nobody has heard of is given up at the engine, so that one which comes late is refused; until its
  word is here the larger reservation stays held.
- Every other order has been heard of by the engine, so the engine is asked. That it does not know such an order
  breaks a promise; nothing is released then, and people are told.
- Of an order that ended more than an hour ago the engine may know only that it was there. Then nothing is released
  either: its last events say how it ended, and people are told that they have not come.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from breakwater.db.connection import Connection
from breakwater.db.orders import OrderRow, unsettled_orders
from breakwater.db.replaces import undecided_replaces
from breakwater.domain.orders import OrderSnapshot, OrdStatus
from breakwater.errors import BreakwaterError, EngineForgot, EngineUnavailable
from breakwater.services.engine_client import EngineClient
from breakwater.services.replaces import resolve
from breakwater.services.settlement import TenantTransactions, settle

UNSETTLED_AGE_MIN = timedelta(seconds=5)  # Younger ones are still being settled by saga and events.
SAGA_DURATION_MAX = timedelta(seconds=40)  # The state machine ends after 26 s, a task it gave up on 10 s later.
BATCH_SIZE_MAX = 200
ENGINE_FAILURES_MAX = 3  # In a row: then it is the engine that is down, and not one order that is bad.
TIME_LEFT_MIN_S = 15.0  # The engine may take 5 s and each of two transactions 5 s.


@dataclass(frozen=True, slots=True)
class Failure:
    order_id: uuid.UUID
    reason: str


@dataclass(slots=True)
class Outcome:
    """One run. `left_count`: not asked about, for want of an engine or of time, or while a saga may be running."""

    settled_count: int = 0
    left_count: int = 0
    failures: list[Failure] = field(default_factory=list)
    engine_down: bool = False


def reconcile(
    untenanted: Callable[[], AbstractContextManager[Connection]],
    transactions: TenantTransactions,
    engine: EngineClient,
    time_left_s: Callable[[], float],
) -> Outcome:
    """Settle up to BATCH_SIZE_MAX orders and as many replaces, taken at random; a bad one never stops the others.

    DatabaseUnavailable when they cannot even be listed.
    """
    with untenanted() as connection:
        orders = unsettled_orders(connection, older_than=UNSETTLED_AGE_MIN, at_most=BATCH_SIZE_MAX)
        replaces = undecided_replaces(connection, older_than=UNSETTLED_AGE_MIN, at_most=BATCH_SIZE_MAX)
    unsettled = [*((_settle_one, *ids) for ids in orders), *((_decide_one, *ids) for ids in replaces)]
    outcome = Outcome()
    engine_failures = 0
    for index, (settle_it, tenant_id, order_id) in enumerate(unsettled):
        if engine_failures == ENGINE_FAILURES_MAX or time_left_s() < TIME_LEFT_MIN_S:
            outcome.left_count += len(unsettled) - index
            break
        try:
            if settle_it(tenant_id, order_id, transactions, engine):
                outcome.settled_count += 1
            else:
                outcome.left_count += 1
            engine_failures = 0
        except EngineForgot as error:
            engine_failures = 0  # It answers.
            outcome.failures.append(Failure(order_id, error.message))
        except EngineUnavailable as error:
            engine_failures += 1
            outcome.failures.append(Failure(order_id, error.message))
        except Exception as error:  # noqa: BLE001  # Whatever is wrong with this one, the others are owed their answer.
            told = error.message if isinstance(error, BreakwaterError) else repr(error)
            outcome.failures.append(Failure(order_id, told))
    outcome.engine_down = engine_failures == ENGINE_FAILURES_MAX
    return outcome


def _settle_one(
    tenant_id: uuid.UUID, order_id: uuid.UUID, transactions: TenantTransactions, engine: EngineClient
) -> bool:
    """False when the order is left to its saga. No transaction is open while the engine is asked."""
    with transactions(tenant_id) as tx:
        row = tx.orders.get(order_id)
    if row is None:
        raise RuntimeError(f"unsettled order {order_id} is not its tenant's")
    if row.status is OrdStatus.PENDING_NEW and row.age < SAGA_DURATION_MAX:
        return False
    snapshot = _ask(row, tenant_id, engine)
    with transactions(tenant_id) as tx:
        settle(tx, snapshot)
    return True


def _decide_one(
    tenant_id: uuid.UUID, order_id: uuid.UUID, transactions: TenantTransactions, engine: EngineClient
) -> bool:
    resolve(tenant_id, order_id, transactions, engine)
    return True


def _ask(row: OrderRow, tenant_id: uuid.UUID, engine: EngineClient) -> OrderSnapshot:
    if row.status not in (OrdStatus.PENDING_NEW, OrdStatus.UNKNOWN):
        return engine.get(row.order_id, tenant_id=tenant_id, correlation_id=row.correlation_id)
    return engine.void(
        row.order_id,
        tenant_id=tenant_id,
        account_id=row.account_id,
        symbol=row.symbol,
        correlation_id=row.correlation_id,
    )
