"""The saga's steps: once, twice, late, beside each other."""

from decimal import Decimal

import pytest

from breakwater.domain.executions import Twap
from breakwater.domain.orders import OrdStatus, PlaceOrder
from breakwater.errors import EngineUnavailable, OrderIdReused, OrderRefused
from breakwater.services import order_saga
from breakwater.services.engine_client import EngineClient
from tests.integration.limits.firm import NOW, order_of
from tests.integration.orders.conftest import Desk
from tests.support.engine_model import reject


def engine_that_is_down() -> EngineClient:
    return EngineClient(lambda: "http://127.0.0.1:9", lambda: "test-token")


def topics(desk: Desk) -> list[str]:
    return [row[0] for row in desk.admin("SELECT topic FROM trading.events ORDER BY occurred_at_ns, topic")]


def test_an_accepted_order_rests_and_keeps_its_reservation(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.run_saga(order)
    row = desk.row(order)
    assert (row.status, row.leaves_qty, row.engine_seq) == (OrdStatus.NEW, Decimal(2), 1)
    assert desk.reserved() == (2, 0, 1, 0)
    assert desk.steps(order) == [("reserve_limits", "DONE"), ("submit_order", "DONE"), ("confirm_order", "DONE")]
    assert topics(desk) == ["orders.OrderPlaced.v1"]


def test_the_engine_is_sent_the_band_that_was_reserved(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.run_saga(order)
    sent, row = desk.model.orders[order.order_id].order, desk.row(order)
    assert (sent.price_low, sent.price_high) == (row.price_low, row.price_high)
    assert sent.price_high == Decimal(2000)


def test_the_engine_is_sent_how_the_router_is_to_work_an_order(desk: Desk) -> None:
    execution = Twap(algorithm="TWAP", duration_s=600, venues=("SIM", "BOOK"))
    order = order_of(desk.firm, execution=execution)
    desk.run_saga(order)
    sent = desk.model.orders[order.order_id].order
    assert (sent.venue, sent.execution, sent.parent_id) == ("SOR", execution, None)
    assert desk.row(order).execution == execution


def test_a_refused_order_is_recorded_with_its_refusals_and_an_event_before_the_saga_hears_of_it(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="101")
    with pytest.raises(OrderRefused) as refused:
        desk.reserve(order)
    row = desk.row(order)
    assert (row.status, row.leaves_qty, row.reject_code) == (OrdStatus.REJECTED, Decimal(0), "LIMIT_EXCEEDED")
    assert row.refusals == refused.value.extensions["refusals"]
    assert [refusal["limit_type"] for refusal in row.refusals or []] == ["LONG_POSITION"]
    assert sorted(topics(desk)) == ["limits.LimitBreached.v1", "orders.OrderRefused.v1"]
    assert desk.steps(order) == [("reserve_limits", "REJECTED")]
    assert desk.reserved() == (0, 0, 0, 0)


def test_a_refused_order_is_refused_the_same_way_again_though_there_would_be_room_now(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="101")
    with pytest.raises(OrderRefused) as first:
        desk.reserve(order)
    desk.admin("UPDATE limits.limits SET value = 1000")
    with pytest.raises(OrderRefused) as second:
        desk.reserve(order)
    assert second.value.extensions["refusals"] == first.value.extensions["refusals"]
    assert len(topics(desk)) == 2


def test_the_same_id_with_another_body_is_refused_and_changes_nothing(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.run_saga(order)
    other_terms = order.terms.model_copy(update={"quantity": Decimal(3)})
    with pytest.raises(OrderIdReused):
        desk.reserve(order.model_copy(update={"terms": other_terms}))
    assert desk.row(order).quantity == 2
    assert desk.reserved() == (2, 0, 1, 0)


def test_a_second_saga_of_the_same_order_doubles_nothing(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.run_saga(order)
    desk.model.fill(order.order_id, Decimal("0.5"))
    desk.project_all()
    desk.run_saga(order)
    assert desk.row(order).status is OrdStatus.PARTIALLY_FILLED
    assert desk.reserved() == (Decimal("1.5"), 0, 1, Decimal("0.5"))
    assert topics(desk) == ["orders.OrderPlaced.v1"]
    desk.assert_ledger_is_exact()


def test_an_order_the_engine_refuses_gives_back_what_it_held(desk: Desk) -> None:
    desk.model.arrival = reject
    order = order_of(desk.firm)
    desk.reserve(order)
    with pytest.raises(OrderRefused) as refused:
        order_saga.submit_order(order, desk.transactions, desk.engine, NOW)
    assert refused.value.code == "POST_ONLY_WOULD_TAKE"
    assert desk.reserved()[2] == 1  # Held until the compensation.
    order_saga.release_limits(order, desk.transactions, desk.engine, NOW)
    assert (desk.row(order).status, desk.row(order).reject_code) == (OrdStatus.REJECTED, "POST_ONLY_WOULD_TAKE")
    assert desk.reserved() == (0, 0, 0, 0)


def test_an_engine_that_does_not_answer_leaves_the_order_unknown_and_reserved(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.reserve(order)
    with pytest.raises(EngineUnavailable):
        order_saga.submit_order(order, desk.transactions, engine_that_is_down(), NOW)
    order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
    assert desk.row(order).status is OrdStatus.UNKNOWN
    assert desk.reserved() == (1, 0, 1, 0)
    assert desk.steps(order) == [("reserve_limits", "DONE"), ("submit_order", "UNAVAILABLE"), ("mark_unknown", "DONE")]


def test_a_late_mark_unknown_never_takes_a_known_state_back(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.run_saga(order)
    order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
    assert desk.row(order).status is OrdStatus.NEW


def test_an_old_answer_of_the_engine_never_replaces_a_newer_one(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="2")
    desk.reserve(order)
    snapshot = order_saga.submit_order(order, desk.transactions, desk.engine, NOW)
    desk.model.fill(order.order_id, Decimal(2))
    desk.project_all()
    order_saga.confirm_order(order, snapshot, desk.transactions, NOW)
    assert desk.row(order).status is OrdStatus.FILLED
    assert desk.reserved() == (0, 0, 0, 2)


def test_submitting_what_was_never_placed_is_a_broken_invariant(desk: Desk) -> None:
    with pytest.raises(RuntimeError, match="never placed"):
        order_saga.submit_order(order_of(desk.firm), desk.transactions, desk.engine, NOW)


def test_a_command_survives_its_way_through_the_state_machine(desk: Desk) -> None:
    order = order_of(desk.firm, quantity="0.50")
    assert PlaceOrder.model_validate_json(order.model_dump_json()) == order
