"""What a dying saga or a lost event leaves, the reconciler settles from the engine's word."""

from decimal import Decimal

from breakwater.domain.orders import OrdStatus, Side
from breakwater.services import order_saga
from breakwater.services.engine_client import EngineClient
from breakwater.services.reconciliation import reconcile
from tests.integration.limits.firm import NOW, order_of
from tests.integration.orders.conftest import Desk
from tests.support.engine_model import serve


def test_an_unknown_order_that_never_arrived_is_voided_and_gives_back_its_reservation(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
    desk.grow_old(order, 6)
    assert desk.reconcile().settled_count == 1
    assert (desk.row(order).status, desk.row(order).reject_code) == (OrdStatus.REJECTED, "VOIDED")
    assert desk.reserved() == (0, 0, 0, 0)


def test_a_submit_that_arrives_after_the_void_is_refused(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    desk.grow_old(order, 61)
    desk.reconcile()
    band = {"price_low": Decimal(1), "price_high": Decimal(2000)}
    late = order_of(desk.firm, Side.BUY)
    desk.run_saga(late)  # Only to borrow a whole submission from.
    submission = desk.model.orders[late.order_id].order.model_copy(update={"order_id": order.order_id, **band})
    assert desk.engine.submit(submission).status is OrdStatus.REJECTED


def test_an_unknown_order_that_did_arrive_becomes_what_the_engine_has(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.reserve(order)
    order_saga.submit_order(order, desk.transactions, desk.engine, NOW)
    order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
    desk.model.fill(order.order_id, Decimal("0.5"))
    desk.grow_old(order, 6)
    assert desk.reconcile().settled_count == 1
    assert desk.row(order).status is OrdStatus.PARTIALLY_FILLED
    assert desk.reserved() == (Decimal("1.5"), 0, 1, Decimal("0.5"))


def test_an_order_whose_saga_may_be_running_is_left_alone(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    desk.grow_old(order, 30)
    outcome = desk.reconcile()
    assert (outcome.settled_count, outcome.left_count) == (0, 1)
    assert desk.row(order).status is OrdStatus.PENDING_NEW
    assert desk.model.voided == {}


def test_a_fresh_unknown_order_is_not_asked_about_yet(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
    desk.grow_old(order, 4)
    outcome = desk.reconcile()
    assert (outcome.settled_count, outcome.left_count, outcome.failures) == (0, 0, [])


def test_a_final_order_whose_reservation_stayed_behind_is_settled(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.run_saga(order)
    snapshot = desk.model.cancel(order.order_id, tenant_id=desk.firm.tenant_id)
    with desk.transactions(desk.firm.tenant_id) as tx:
        tx.orders.apply(snapshot)  # The ledger did not hear of it.
    desk.grow_old(order, 6)
    assert desk.reserved()[2] == 1
    desk.reconcile()
    assert desk.reserved() == (0, 0, 0, 0)


def test_while_the_engine_is_down_everything_stays_as_it_is(desk: Desk) -> None:
    orders = [order_of(desk.firm) for _ in range(5)]
    for order in orders:
        desk.reserve(order)
        order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
        desk.grow_old(order, 6)
    down = EngineClient(lambda: "http://127.0.0.1:9", lambda: "test-token")
    outcome = reconcile(desk.database.untenanted_transaction, desk.transactions, down, lambda: 60.0)
    assert outcome.engine_down
    assert (outcome.settled_count, len(outcome.failures), outcome.left_count) == (0, 3, 2)
    assert {desk.row(order).status for order in orders} == {OrdStatus.UNKNOWN}
    assert desk.reserved() == (5, 0, 5, 0)


def test_one_bad_order_never_stops_the_others(desk: Desk) -> None:
    bad, good = order_of(desk.firm), order_of(desk.firm)
    for order in (bad, good):
        desk.reserve(order)
        order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
    desk.grow_old(good, 6)
    desk.grow_old(bad, 60)
    desk.admin("UPDATE trading.orders SET status = 'NEW' WHERE order_id = %s", bad.order_id)  # The engine knows none.
    outcome = desk.reconcile()
    assert [failure.order_id for failure in outcome.failures] == [bad.order_id]
    assert desk.row(good).status is OrdStatus.REJECTED
    assert desk.reserved() == (1, 0, 1, 0)


def test_a_run_that_is_short_of_time_leaves_the_rest_to_the_next(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    desk.grow_old(order, 61)
    outcome = reconcile(desk.database.untenanted_transaction, desk.transactions, desk.engine, lambda: 14.0)
    assert (outcome.settled_count, outcome.left_count) == (0, 1)


def test_of_forgotten_orders_nothing_is_released_and_the_others_are_settled(desk: Desk) -> None:
    """More of them than failures would say that the engine is down."""
    orders = [order_of(desk.firm) for _ in range(6)]
    for order in orders:
        desk.reserve(order)
        order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
        desk.grow_old(order, 6)
    forgotten, known = orders[:-1], orders[-1]

    def answer(method: str, path: str) -> tuple[int, bytes] | None:
        return (410, b"{}") if any(str(each.order_id) in path for each in forgotten) else None

    with serve(desk.model, answer) as url:
        engine = EngineClient(lambda: url, lambda: "test-token")
        outcome = reconcile(desk.database.untenanted_transaction, desk.transactions, engine, lambda: 60.0)
    assert not outcome.engine_down
    assert (outcome.settled_count, outcome.left_count) == (1, 0)
    assert {each.reason for each in outcome.failures} == {"the engine has forgotten how this order ended"}
    assert {desk.row(each).status for each in forgotten} == {OrdStatus.UNKNOWN}
    assert desk.row(known).status is OrdStatus.REJECTED
    assert desk.reserved() == (5, 0, 5, 0)
