"""What the API says at a boundary of time, to orders that meet their own firm's, and to a node stopped by hand."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakwater.domain.times import nanoseconds
from functions.limits import app as limits_app
from functions.orders import app as orders_app
from tests.integration.limits import test_every_type_by_api as every_type
from tests.integration.limits.core_engine import CoreEngine
from tests.integration.limits.scene import Scene

desk = every_type.desk
scene = every_type.scene

MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("seconds", [3, 2000])
def test_a_price_of_exactly_the_age_passes_and_a_microsecond_more_is_stale(scene: Scene, seconds: int) -> None:
    """Of 2000 s: an order that needs no fresher one is a buy without a collar."""
    scene.stopped_at = datetime.now(UTC)
    scene.limit("STALE_DATA", str(seconds))
    scene.price_age = timedelta(seconds=seconds)
    scene.passes()
    scene.price_age += MICROSECOND
    scene.refused("STALE_DATA")
    scene.desk.assert_ledger_is_exact()


def beat(scene: Scene) -> datetime:
    """When the silence after this heartbeat is as long as it may be."""
    status, answer = scene.call("POST", "/limits/heartbeat", {"account_id": str(scene.firm.account_ids[0])})
    assert status == 200, answer
    return datetime.fromisoformat(answer["expires_at"])


def test_a_silence_of_exactly_the_limit_passes_and_a_microsecond_more_refuses_and_cancels(scene: Scene) -> None:
    scene.limit("DEAD_MAN", "60", node=scene.firm.account_nodes[0])
    scene.stopped_at = expires_at = beat(scene)
    order_id = scene.passes()
    scene.watch_at("2000")
    assert status_of(scene, order_id) == "NEW"
    scene.stopped_at += MICROSECOND
    scene.refused("DEAD_MAN")
    scene.passes(account_id=str(scene.firm.account_ids[1]))
    scene.watch_at("2000")
    assert status_of(scene, order_id) == "CANCELED"
    scene.stopped_at = beat(scene)  # The next one sets it again, for as long.
    assert scene.stopped_at > expires_at
    scene.passes()
    scene.desk.assert_ledger_is_exact()


def status_of(scene: Scene, order_id: uuid.UUID) -> str:
    return str(scene.call("GET", f"/orders/{order_id}")[1]["status"])


def test_a_cool_down_lasts_to_its_very_end_and_one_more_loss_begins_the_next(scene: Scene) -> None:
    scene.limit("LOSS_STREAK", "2", parameters={"cool_down_s": 900})
    other = {"account_id": str(scene.firm.account_ids[1])}
    scene.stopped_at = datetime.now(UTC)
    scene.trade("1", **other)
    scene.lose_a_round_trip()
    scene.passes("0.5")  # One loss is no streak of two.
    scene.lose_a_round_trip()
    ends_at = scene.stopped_at + timedelta(seconds=900)
    for at in (scene.stopped_at, ends_at - MICROSECOND):
        scene.stopped_at = at
        scene.refused("LOSS_STREAK")
        (refusal,) = scene.refused("LOSS_STREAK", quantity="1.0001", side="SELL", **other)
        assert refusal["largest_passing_quantity"] == "1"
    scene.passes("1", "SELL", **other)  # What only reduces needs no patience.
    scene.stopped_at = ends_at
    scene.lose_a_round_trip()
    scene.refused("LOSS_STREAK")
    scene.stopped_at = ends_at + timedelta(seconds=900)
    scene.passes()
    scene.desk.assert_ledger_is_exact()


def test_a_round_trip_that_earns_ends_a_streak_of_losses(scene: Scene) -> None:
    scene.limit("LOSS_STREAK", "2", parameters={"cool_down_s": 900})
    scene.lose_a_round_trip()
    bought = scene.passes()
    scene.fill(bought)
    scene.fill(scene.passes(side="SELL"), scene.price + 100)
    scene.lose_a_round_trip()
    scene.passes()


# Of 4 for sale by one account and 10 to buy by another: how each of them ends, and how much of it rests.
NEWEST, OLDEST, BOTH, DECREMENT = "CANCEL_NEWEST", "CANCEL_OLDEST", "CANCEL_BOTH", "DECREMENT"
MEETING = {
    NEWEST: (("NEW", "4"), ("CANCELED", "0")),
    OLDEST: (("CANCELED", "0"), ("NEW", "10")),
    BOTH: (("CANCELED", "0"), ("CANCELED", "0")),
    DECREMENT: (("CANCELED", "0"), ("NEW", "6")),
}


@pytest.fixture
def core(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> CoreEngine:
    """The scene's orders go to the matching core itself."""
    engine = CoreEngine()
    engine.set_time_ns(nanoseconds(datetime.now(UTC)))
    scene.desk.engine = engine
    for app in (limits_app, orders_app):
        monkeypatch.setattr(app, "engine_client", lambda: engine)
    return engine


@pytest.mark.parametrize("mode", MEETING)
def test_where_two_orders_of_the_firm_would_meet_the_mode_says_which_goes(
    scene: Scene, core: CoreEngine, mode: str
) -> None:
    scene.limit("SELF_TRADE", parameters={"mode": mode}, node=scene.firm.firm)
    resting = scene.passes("4", "SELL", venue="BOOK", account_id=str(scene.firm.account_ids[1]))
    beside = scene.passes("10", venue="BOOK", price="1999.99")  # One tick away nothing meets.
    core.project(scene.desk.database)
    assert [shown(scene, each) for each in (resting, beside)] == [("NEW", "4"), ("NEW", "10")]
    coming = scene.passes("10", venue="BOOK")
    core.project(scene.desk.database)
    assert (shown(scene, resting), shown(scene, coming)) == MEETING[mode]
    assert shown(scene, beside) == ("NEW", "10")
    assert scene.desk.admin("SELECT count(*) FROM trading.trades") == [(0,)]
    scene.desk.assert_ledger_is_exact()


def shown(scene: Scene, order_id: uuid.UUID) -> tuple[str, str]:
    answer = scene.call("GET", f"/orders/{order_id}")[1]
    return answer["status"], answer["leaves_qty"]


LEVELS = {"FIRM": 0, "DESK": 1, "TRADER": 2, "ACCOUNT": 3}


def by_hand(scene: Scene, what: str, node: uuid.UUID, **more: Any) -> tuple[int, dict[str, Any]]:
    return scene.call("POST", f"/limits/{what}", {"node_id": str(node), "reason": "test", **more})


@pytest.mark.parametrize("level", LEVELS)
def test_a_kill_by_hand_refuses_all_below_its_node_and_cancels_what_is_open_until_it_is_armed(
    scene: Scene, level: str
) -> None:
    node = scene.firm.path[LEVELS[level]]
    other = {"account_id": str(scene.firm.account_ids[1])}
    scene.trade("5")
    mine, others = scene.passes(), scene.passes(**other)
    status, answer = by_hand(scene, "kill", node)
    below = {str(mine)} if level == "ACCOUNT" else {str(mine), str(others)}
    assert (status, answer["state"], set(answer["canceled"]), answer["failed"]) == (200, "KILLED", below, [])
    assert (status_of(scene, mine), status_of(scene, others)) == (
        "CANCELED",
        "NEW" if level == "ACCOUNT" else "CANCELED",
    )
    for terms in ({}, {"side": "SELL"}, {"side": "SELL", "reduce_only": True}):
        (refusal,) = scene.refused("KILL_SWITCH", quantity="0.01", **terms)
        assert (refusal["node_id"], refusal["limit_id"]) == (str(node), None)
    if level == "ACCOUNT":
        scene.passes("0.01", **other)
    else:
        scene.refused("KILL_SWITCH", quantity="0.01", **other)
    assert by_hand(scene, "rearm", node)[0] == 200
    scene.passes("0.01")
    scene.desk.assert_ledger_is_exact()


def test_a_suspension_by_hand_takes_nothing_new_and_leaves_what_is_open(scene: Scene) -> None:
    scene.trade("5")
    resting = scene.passes()
    assert by_hand(scene, "brake", scene.firm.desk, state="SUSPENDED")[0] == 200
    scene.refused("KILL_SWITCH", quantity="0.01", side="SELL")
    assert status_of(scene, resting) == "NEW"
    assert scene.call("DELETE", f"/orders/{resting}")[0] == 200  # Cancels always pass.
    assert by_hand(scene, "rearm", scene.firm.desk)[0] == 200
    scene.passes("0.01", "SELL")


@pytest.mark.parametrize(
    ("stricter", "looser"),
    [("SUSPENDED", "REDUCE_ONLY"), ("KILLED", "SUSPENDED"), ("KILLED", "REDUCE_ONLY")],
)
def test_a_brake_by_hand_never_lets_go_and_a_re_arm_needs_a_reason(scene: Scene, stricter: str, looser: str) -> None:
    node = scene.firm.desk
    stopped = by_hand(scene, "kill", node) if stricter == "KILLED" else by_hand(scene, "brake", node, state=stricter)
    assert stopped[0] == 200
    status, answer = by_hand(scene, "brake", node, state=looser)
    assert (status, answer["code"], answer["node_state"]) == (409, "NODE_STOPPED", stricter)
    assert scene.call("POST", "/limits/rearm", {"node_id": str(node), "reason": " "})[0] == 422
    scene.refused("KILL_SWITCH", quantity="0.01")
