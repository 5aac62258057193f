"""Sagas by how they ended, as the database has it."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from breakwater.domain.permissions import Caller
from breakwater.errors import EngineUnavailable, InvalidRequest, OrderRefused
from breakwater.services import order_saga, sagas
from breakwater.services.engine_client import EngineClient
from breakwater.services.sagas import SagaPage, SagaState
from tests.integration.limits.firm import NOW, create_firm, order_of
from tests.integration.orders.conftest import Desk
from tests.support.engine_model import reject

LATER = NOW + timedelta(seconds=30)


def page(desk: Desk, *, tenant_id: uuid.UUID | None = None, role: str = "risk_manager", **asked: Any) -> SagaPage:
    tenant = tenant_id or desk.firm.tenant_id
    caller = Caller(tenant, "subject", "ada", role, frozenset({"session"}), correlation_id="test")
    wanted = {"state": None, "from_at": None, "cursor": None, "limit": 50, "at": LATER} | asked
    with desk.database.tenant_transaction(tenant) as tx:
        return sagas.page(caller, tx, **wanted)


def leave_unknown(desk: Desk) -> uuid.UUID:
    order = order_of(desk.firm)
    desk.reserve(order)
    silent = EngineClient(lambda: "http://127.0.0.1:9", lambda: "test-token")
    with pytest.raises(EngineUnavailable):
        order_saga.submit_order(order, desk.transactions, silent, NOW)
    order_saga.mark_unknown(order, "Unavailable", desk.transactions, NOW)
    desk.grow_old(order, 3600)
    return order.order_id


def one_of_each(desk: Desk) -> dict[SagaState, uuid.UUID]:
    found = {SagaState.RECOVERED: leave_unknown(desk)}
    desk.reconcile()
    found[SagaState.UNRESOLVED] = leave_unknown(desk)
    confirmed, refused, begun = order_of(desk.firm), order_of(desk.firm, quantity="101"), order_of(desk.firm)
    desk.run_saga(confirmed)
    with pytest.raises(OrderRefused):
        desk.reserve(refused)
    desk.reserve(begun)
    return found | {
        SagaState.CONFIRMED: confirmed.order_id,
        SagaState.REJECTED: refused.order_id,
        SagaState.UNDER_WAY: begun.order_id,
    }


def test_each_way_to_end_is_counted_and_shown(desk: Desk) -> None:
    ids = one_of_each(desk)
    found = page(desk)
    assert found["counts"] == dict.fromkeys(SagaState, 1)
    assert {each["state"]: each["order_id"] for each in found["items"]} == {
        state: str(order_id) for state, order_id in ids.items() if state is not SagaState.CONFIRMED
    }
    by_state = {each["state"]: each for each in found["items"]}
    under_way = by_state[SagaState.UNDER_WAY]
    assert (under_way["step"], under_way["ended_at"], under_way["took_ms"]) == ("reserve_limits", None, 30_000)
    assert (by_state[SagaState.UNRESOLVED]["step"], by_state[SagaState.UNRESOLVED]["took_ms"]) == (
        "mark_unknown",
        30_000,
    )
    refused = by_state[SagaState.REJECTED]
    assert (refused["outcome"], refused["detail"]) == ("REJECTED", "LIMIT_EXCEEDED")
    assert [each["order_id"] for each in page(desk, state=SagaState.CONFIRMED)["items"]] == [
        str(ids[SagaState.CONFIRMED])
    ]


def test_what_the_engine_refused_is_refused(desk: Desk) -> None:
    desk.model.arrival = reject
    desk.follow_saga(order_of(desk.firm))
    (found,) = page(desk)["items"]
    assert (found["state"], found["step"], found["detail"]) == ("REJECTED", "release_limits", "POST_ONLY_WOULD_TAKE")


def test_a_page_ends_where_the_next_begins(desk: Desk) -> None:
    orders = [order_of(desk.firm, at=NOW + timedelta(seconds=second)) for second in range(3)]
    for order in orders:
        desk.reserve(order)
    first = page(desk, limit=2)
    second = page(desk, limit=2, cursor=first["next_cursor"])
    told = [each["order_id"] for each in (*first["items"], *second["items"])]
    assert told == [str(order.order_id) for order in reversed(orders)]
    assert second["next_cursor"] is None


def test_another_organisation_and_who_sees_no_account_are_told_of_none(desk: Desk) -> None:
    one_of_each(desk)
    others = create_firm(desk.urls.admin, "Others")
    for found in (page(desk, tenant_id=others.tenant_id), page(desk, role="trader")):
        assert (sum(found["counts"].values()), found["items"]) == (0, [])


def test_a_busy_firm_sees_its_newest_and_from_when_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sagas, "SEEN_MAX", 2)
    for second in range(3):
        desk.reserve(order_of(desk.firm, at=NOW + timedelta(seconds=second)))
    found = page(desk)
    assert (found["counts"][SagaState.UNDER_WAY], len(found["items"])) == (2, 2)
    assert datetime.fromisoformat(found["from_at"]) == NOW + timedelta(seconds=1)


@pytest.mark.parametrize("days", [-8, 1])
def test_a_time_that_is_not_looked_back_to_is_refused(desk: Desk, days: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        page(desk, from_at=NOW + timedelta(days=days))
    assert refused.value.extensions["field"] == "from"


def test_orders_of_a_lease_had_no_saga(desk: Desk) -> None:
    order = order_of(desk.firm)
    desk.run_saga(order)
    desk.admin("UPDATE trading.orders SET is_leased = true WHERE order_id = %s", order.order_id)
    assert sum(page(desk)["counts"].values()) == 0
