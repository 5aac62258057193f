"""Leases on a real ledger and a real core: what the engine may trade by itself is held, and never more than that."""

import uuid
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from breakwater.domain.orders import OrdStatus, Side, order_id_of
from breakwater.domain.times import nanoseconds
from breakwater.errors import Conflict, EngineSilent, InvalidRequest, LimitExceeded, NotFound, NotPermitted
from breakwater.services import brakes, leases
from breakwater.services.brakes import Brake, StateChange
from breakwater.services.engine_client import CanceledOrders
from breakwater.services.leases import LeaseRequest
from breakwater.services.limits import reserve_limits
from tests.integration.limits.firm import NOW, SYMBOL
from tests.integration.limits.lease_scene import LeaseScene, stop
from tests.integration.limits.people import add_api_key

SECOND = timedelta(seconds=1)


def test_a_lease_is_held_at_every_node_above_its_account_before_the_engine_hears_of_it(scene: LeaseScene) -> None:
    scene.engine.is_silent = True
    lease = scene.open("80", "40")
    assert (lease["buy_free"], lease["sell_free"], lease["is_answered"]) == ("10", "5", False)
    for node_id in scene.firm.path:
        assert scene.exposure(node_id) == (0, 10, 5, 10, 15 * 2100)
    scene.books()


def test_orders_of_a_lease_are_taken_without_the_ledger_and_taken_over_by_it(scene: LeaseScene) -> None:
    scene.open()
    resting = scene.send(Side.BUY, "4")
    assert scene.status(resting) == (OrdStatus.NEW, None)
    before = scene.exposure(scene.firm.desk)
    scene.project()
    assert scene.exposure(scene.firm.desk) == before
    assert (scene.lease()["buy_free"], scene.lease()["buy_taken"], scene.lease()["live_orders"]) == ("6", "4", 1)
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        row = tx.orders.get(resting.order_id)
        assert row is not None
        assert (row.status, row.leaves_qty, row.client_order_id) == ("NEW", 4, resting.terms.client_order_id)


def test_what_passes_the_lease_is_refused_at_its_boundary_and_one_lot_beyond(scene: LeaseScene) -> None:
    scene.open()
    assert scene.status(scene.send(Side.BUY, "10")) == (OrdStatus.NEW, None)
    refused = scene.send(Side.BUY, "0.0001")
    assert scene.status(refused) == (OrdStatus.REJECTED, "LEASE_EXHAUSTED")
    scene.project()
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        row = tx.orders.get(refused.order_id)
        assert row is not None
        assert row.status is OrdStatus.REJECTED
        assert tx.limits.lock_reservation(refused.order_id) is None


def test_a_fill_moves_from_open_to_used_at_every_node_and_a_cancel_gives_back_to_the_lease(scene: LeaseScene) -> None:
    scene.open(account=0)
    scene.open(account=1)
    maker = scene.send(Side.SELL, "6", account=1)
    scene.send(Side.BUY, "2")
    scene.engine.cancel(maker.order_id, tenant_id=scene.firm.tenant_id, correlation_id="test")
    scene.project()
    filled, buys, sells, *_ = scene.exposure(scene.firm.account_nodes[0])
    assert (filled, buys, sells) == (2, 8, 10)
    filled, buys, sells, *_ = scene.exposure(scene.firm.account_nodes[1])
    assert (filled, buys, sells) == (-2, 10, 8)
    assert scene.exposure(scene.firm.firm)[0] == 0
    assert scene.lease(1)["sell_taken"] == "2"


def test_a_lease_and_reservations_share_one_limit(scene: LeaseScene) -> None:
    scene.limit(scene.firm.desk, "LONG_POSITION", "15")
    scene.open()
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        tx.orders.add(order := scene.order(Side.BUY, "5", account=1))
        reserve_limits(tx, order, scene.at)
    with (
        scene.database.tenant_transaction(scene.firm.tenant_id) as tx,
        pytest.raises(LimitExceeded, match="LONG_POSITION of Firm desk"),
    ):
        reserve_limits(tx, scene.order(Side.BUY, "0.01", account=1), scene.at)


def test_a_lease_gets_what_the_limits_leave_and_grows_and_shrinks_with_its_use(scene: LeaseScene) -> None:
    scene.limit(scene.firm.desk, "LONG_POSITION", "25")
    assert scene.open("80", "0")["buy_free"] == "10"
    scene.send(Side.BUY, "9")
    scene.project()
    scene.go_on(2)
    assert scene.lease()["buy_free"] == "16"  # Doubled to 20, of which the desk has 16.
    scene.go_on(2)
    scene.go_on(2)
    assert scene.lease()["buy_free"] == "10"
    assert scene.exposure(scene.firm.desk)[1] == 19


def test_what_is_given_back_is_freed_by_the_answer_and_not_before(scene: LeaseScene) -> None:
    lease = scene.open()
    scene.send(Side.BUY, "3")  # The ledger has not heard of it.
    scene.engine.loses_answers = True
    assert stop(scene, lease)["is_answered"] is False
    assert scene.exposure(scene.firm.desk)[1] == 10
    assert scene.status(scene.send(Side.BUY, "1")) == (OrdStatus.REJECTED, "LEASE_EXPIRED")
    scene.engine.loses_answers = False
    scene.go_on()
    assert scene.exposure(scene.firm.desk)[1] == 3
    scene.project()
    assert scene.exposure(scene.firm.desk)[1:4] == (3, 0, 1)
    scene.told.clear()


def test_what_orders_of_a_stopped_lease_give_up_is_given_back(scene: LeaseScene) -> None:
    lease = scene.open()
    order = scene.send(Side.BUY, "3")
    scene.project()
    stop(scene, lease)
    scene.engine.cancel(order.order_id, tenant_id=scene.firm.tenant_id, correlation_id="test")
    scene.project()
    scene.go_on(3)
    assert scene.exposure(scene.firm.desk) == (0, 0, 0, 0, 0)


def test_an_engine_that_begins_anew_goes_by_its_journal(scene: LeaseScene) -> None:
    scene.open()
    scene.send(Side.BUY, "4")
    scene.engine.restart()
    assert scene.status(scene.send(Side.BUY, "6.0001")) == (OrdStatus.REJECTED, "LEASE_EXHAUSTED")
    assert scene.status(scene.send(Side.BUY, "6")) == (OrdStatus.NEW, None)
    scene.project()


def test_a_lease_runs_out_with_its_reference_price(scene: LeaseScene) -> None:
    scene.open()
    scene.engine.set_time_ns(nanoseconds(NOW + 5 * SECOND) - 1)
    assert scene.status(scene.send(Side.BUY, "1"))[0] is OrdStatus.NEW
    scene.engine.set_time_ns(nanoseconds(NOW + 5 * SECOND))
    assert scene.status(scene.send(Side.BUY, "1")) == (OrdStatus.REJECTED, "LEASE_EXPIRED")
    scene.project()


@pytest.mark.parametrize(
    ("side", "price", "told"),
    [
        (Side.BUY, "2100", (OrdStatus.NEW, None)),
        (Side.BUY, "2100.01", (OrdStatus.REJECTED, "PRICE_OUTSIDE_BAND")),
        (Side.SELL, "1900", (OrdStatus.NEW, None)),
        (Side.SELL, "1899.99", (OrdStatus.REJECTED, "PRICE_OUTSIDE_BAND")),
    ],
)
def test_each_order_of_a_lease_is_held_to_the_collar(
    scene: LeaseScene, side: Side, price: str, told: tuple[OrdStatus, str | None]
) -> None:
    scene.open()
    assert scene.status(scene.send(side, "1", price)) == told
    scene.project()


def test_each_order_of_a_lease_is_held_to_the_largest_order(scene: LeaseScene) -> None:
    scene.limit(scene.firm.trader, "MAX_ORDER_QTY", "2")
    scene.limit(scene.firm.desk, "MAX_ORDER_NOTIONAL", "3150")  # 1.5 at the collar's 2100.
    scene.open()
    assert scene.status(scene.send(Side.BUY, "1.5"))[0] is OrdStatus.NEW
    assert scene.status(scene.send(Side.BUY, "1.5001")) == (OrdStatus.REJECTED, "ORDER_TOO_LARGE")
    scene.project()


def test_a_higher_price_is_held_for_open_orders_too(scene: LeaseScene) -> None:
    scene.open()
    scene.send(Side.SELL, "4", "2050")
    scene.send(Side.BUY, "3")
    scene.project()
    scene.go_on(2, price="2040")
    held = scene.exposure(scene.firm.desk)
    assert (held[1], held[2], held[4]) == (13, 14, 27 * 2142)


def test_a_price_rise_that_the_limits_do_not_allow_keeps_the_lease_at_the_old_price(scene: LeaseScene) -> None:
    scene.limit(scene.firm.desk, "OPEN_ORDER_NOTIONAL", str(20 * 2100))
    scene.open()
    assert scene.exposure(scene.firm.desk)[4] == 42_000
    for loses_answers in (True, False, False):
        scene.engine.loses_answers = loses_answers
        scene.go_on(2, price="2040")
        assert scene.exposure(scene.firm.desk)[4] <= 42_000
    assert scene.lease()["valuation_price"] == "2142"
    scene.told.clear()


def test_a_kill_stops_the_leases_first_and_names_those_that_could_not_be(scene: LeaseScene) -> None:
    lease = scene.open()
    order = scene.send(Side.BUY, "3")
    scene.project()
    change = StateChange(node_id=scene.firm.desk, reason="enough")
    killed = brakes.kill(change, scene.risk, scene.database.tenant_transaction, scene.engine, scene.at)
    assert killed["leases_not_stopped"] == []
    assert killed["canceled"] == [str(order.order_id)]
    assert scene.status(scene.send(Side.BUY, "1")) == (OrdStatus.REJECTED, "LEASE_EXPIRED")
    scene.project()
    scene.go_on(3)
    assert scene.exposure(scene.firm.firm) == (0, 0, 0, 0, 0)
    assert scene.lease()["lease_id"] == lease["lease_id"]


def test_a_kill_names_the_leases_that_a_silent_engine_may_go_by(scene: LeaseScene) -> None:
    lease = scene.open()
    scene.engine.is_silent = True
    change = StateChange(node_id=scene.firm.firm, reason="enough")
    killed = brakes.kill(change, scene.risk, scene.database.tenant_transaction, scene.engine, scene.at)
    assert killed["leases_not_stopped"] == [lease["lease_id"]]
    assert scene.exposure(scene.firm.desk)[1] == 10


def test_a_kill_names_the_leases_within_which_orders_may_be_open_that_nobody_has_heard_of(
    scene: LeaseScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has stopped the leases, and what it was asked to cancel was lost: no order is there to be named."""
    lease, other = scene.open(), scene.open(account=1)
    order = scene.send(Side.BUY, "3", "1900")

    def lose(*_: object, **__: object) -> CanceledOrders:
        raise EngineSilent("the engine did not answer")

    change = StateChange(node_id=scene.firm.desk, reason="enough")
    with monkeypatch.context() as patch:
        patch.setattr(scene.engine, "cancel_all", lose)
        killed = brakes.kill(change, scene.risk, scene.database.tenant_transaction, scene.engine, scene.at)
    assert scene.status(order)[0] is OrdStatus.NEW
    assert (killed["canceled"], killed["failed"]) == ([], [])
    assert killed["leases_not_stopped"] == [lease["lease_id"]]  # Of the other one all is known: nothing was used.
    assert scene.lease(1)["lease_id"] == other["lease_id"]

    scene.go_on()  # The watch carries it out.
    assert scene.status(order)[0] is OrdStatus.CANCELED


@pytest.mark.parametrize("state", ["REDUCE_ONLY", "SUSPENDED"])
def test_a_node_that_is_stopped_stops_the_leases_below_it_in_the_next_round(scene: LeaseScene, state: str) -> None:
    scene.open()
    with scene.database.tenant_transaction(scene.firm.tenant_id) as tx:
        brake = Brake(node_id=scene.firm.trader, reason="news", state=state)  # type: ignore[arg-type]  # A literal.
        brakes.brake(brake, scene.risk, tx, scene.at)
    scene.go_on(0.25)
    lease = scene.lease()
    assert (lease["state"], lease["state_reason"]) == ("STOPPED", f"Firm trader is {state}")
    assert scene.exposure(scene.firm.desk)[1:3] == (0, 0)


def test_a_kill_of_a_strategy_stops_its_lease_and_ends_orders_that_nobody_has_heard_of(scene: LeaseScene) -> None:
    strategy_id = uuid.uuid4()
    with psycopg.connect(scene.urls.admin) as connection:
        connection.execute(
            "INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, path)"
            " SELECT %(id)s, tenant_id, node_id, 'STRATEGY', 'pairs', path || %(id)s::uuid FROM limits.nodes"
            " WHERE node_id = %(account)s",
            {"id": strategy_id, "account": scene.firm.account_nodes[0]},
        )
    scene.open(strategy_id=strategy_id)
    order = scene.order(Side.BUY, "3")
    terms = order.terms.model_copy(update={"strategy_id": strategy_id})
    scene.engine.submit_leased(order.model_copy(update={"terms": terms}))
    change = StateChange(node_id=strategy_id, reason="enough")
    brakes.kill(change, scene.risk, scene.database.tenant_transaction, scene.engine, scene.at)
    assert scene.lease()["state"] == "STOPPED"
    scene.project()
    for _ in range(3):
        scene.go_on(3)
        scene.project()
    assert scene.status(order)[0] is OrdStatus.CANCELED
    assert scene.exposure(strategy_id) == (0, 0, 0, 0, 0)


def test_a_kill_leaves_orders_that_the_ledger_has_not_heard_of_to_their_events(scene: LeaseScene) -> None:
    scene.open()
    order = scene.send(Side.BUY, "3")
    change = StateChange(node_id=scene.firm.desk, reason="enough")
    killed = brakes.kill(change, scene.risk, scene.database.tenant_transaction, scene.engine, scene.at)
    assert killed["canceled"] == [str(order.order_id)]
    scene.project()
    for _ in range(3):
        scene.go_on(3)
    assert scene.exposure(scene.firm.firm) == (0, 0, 0, 0, 0)


def test_a_node_that_came_between_stops_the_lease_that_does_not_count_there(scene: LeaseScene) -> None:
    with pytest.raises(NotFound, match="no such API key"):
        scene.open(api_key_id="bwk_1")
    add_api_key(scene.urls.admin, scene.firm, "bwk_1")
    scene.open(api_key_id="bwk_1")
    with psycopg.connect(scene.urls.admin) as connection:
        connection.execute(
            "INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, path, api_key_id)"
            " SELECT %(id)s, tenant_id, node_id, 'API_KEY', 'bot', path || %(id)s::uuid, 'bwk_1' FROM limits.nodes"
            " WHERE node_id = %(account)s",
            {"id": (key_node := uuid.uuid4()), "account": scene.firm.account_nodes[0]},
        )
    scene.go_on(2)
    assert scene.lease()["state_reason"] == "its place in the tree has changed"
    scene.go_on(3)
    assert scene.open(api_key_id="bwk_1")["state"] == "OPEN"
    assert scene.exposure(key_node)[1] == 10


def test_a_lease_that_the_engine_does_not_answer_for_does_not_keep_the_others(scene: LeaseScene) -> None:
    scene.open(account=0)
    scene.open(account=1)
    silent = scene.firm.account_ids[0]
    scene.engine.silent_accounts = {silent}
    scene.go_on(2)
    scene.go_on(2)
    assert [scene.lease(account)["is_answered"] for account in (0, 1)] == [False, True]
    scene.engine.silent_accounts = set()
    scene.told.clear()


def test_a_fill_that_was_dear_is_held_as_dear_until_it_is_heard_of(scene: LeaseScene) -> None:
    scene.open(account=0)
    scene.open(account=1)
    scene.send(Side.SELL, "5", "2090", account=1)
    scene.send(Side.BUY, "5", "2090")
    scene.go_on(2, price="1900")  # The band ends at 1995 now.
    assert scene.lease()["valuation_price"] == "2100"
    scene.project()
    scene.go_on(2, price="1900")
    assert scene.lease()["valuation_price"] == "1995"


def test_one_client_order_id_is_two_orders_where_it_comes_both_ways(scene: LeaseScene) -> None:
    order = scene.order()
    assert order.of_lease() == order
    assert order.order_id != order_id_of(scene.firm.tenant_id, order.terms.account_id, order.terms.client_order_id)


@pytest.mark.parametrize("limit_type", ["DAILY_ORDER_COUNT", "REJECT_STREAK"])
def test_where_a_limit_asks_what_came_before_nothing_is_leased(scene: LeaseScene, limit_type: str) -> None:
    scene.limit(scene.firm.desk, limit_type, "10")
    with pytest.raises(Conflict, match=f"{limit_type} of Firm desk cannot be held by an engine that asks nobody"):
        scene.open()


def test_wrong_requests_say_what_is_wrong(scene: LeaseScene) -> None:
    with pytest.raises(InvalidRequest, match="buy_max is not a multiple of the lot size"):
        scene.open("0.00001")
    with pytest.raises(InvalidRequest, match="some quantity"):
        scene.open("0", "0")
    with (
        pytest.raises(NotFound, match="no such node"),
        scene.database.tenant_transaction(scene.firm.tenant_id) as tx,
    ):
        leases.list_leases(scene.risk, tx, scene.at, node_id=uuid.uuid4(), living_only=True)
    with pytest.raises(NotFound, match="no such lease"):
        stop(scene, {**scene.open(), "lease_id": str(uuid.uuid4())})
    request = {"account_id": uuid.uuid4(), "symbol": SYMBOL, "buy_max": "1", "sell_max": "1", "orders_max": 1}
    elsewhere = LeaseRequest.model_validate(request | {"venue": "MARS"})
    with pytest.raises(InvalidRequest, match="venue is one of BOOK, SIM"):
        leases.open_lease(elsewhere, scene.risk, scene.database.tenant_transaction, scene.engine, scene.at)
    anywhere = LeaseRequest.model_validate(request | {"venue": "SOR"})
    with pytest.raises(InvalidRequest, match="nothing is leased at SOR"):
        leases.open_lease(anywhere, scene.risk, scene.database.tenant_transaction, scene.engine, scene.at)
    viewer = replace(scene.risk, scopes=frozenset({"limits:read"}))
    with pytest.raises(NotPermitted):
        leases.stop_lease(uuid.uuid4(), viewer, scene.database.tenant_transaction, scene.engine, scene.at)
