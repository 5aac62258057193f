"""Each row of the table through the API: an order at the boundary passes, one step beyond it is 422."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from breakwater.domain.limit_types import LIMIT_TYPES
from breakwater.runtime import database as runtime_database
from functions.limits import app as limits_app
from functions.orders import app as orders_app
from tests.integration.limits.people import API_KEY
from tests.integration.limits.scene import Scene
from tests.integration.orders import conftest as orders
from tests.integration.orders.conftest import Desk

desk = orders.desk
A_MINUTE = {"window_s": 60}

type Play = Callable[[Scene], None]


@pytest.fixture
def scene(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("DATABASE_URL", desk.urls.functions)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "test")
    runtime_database.database.cache_clear()
    for app in (limits_app, orders_app):
        monkeypatch.setattr(app, "engine_client", lambda: desk.engine)
    desk.admin("DELETE FROM limits.limits")
    scene = Scene(desk)
    monkeypatch.setattr(orders_app, "start_order_saga", scene.run_saga)
    yield scene
    runtime_database.database().close()
    runtime_database.database.cache_clear()


def _sized(limit_type: str, value: str | None = None, side: str = "BUY", largest: str = "1", **more: Any) -> Play:
    """One lot more than the largest quantity is refused and names it; that much passes."""

    def play(scene: Scene) -> None:
        scene.limit(limit_type, value, **more)
        (refusal,) = scene.refused(limit_type, quantity=f"{largest}.0001", side=side)
        assert refusal["largest_passing_quantity"] == largest
        scene.passes(largest, side)

    return play


def _with(prepare: Play, play: Play) -> Play:
    def prepared(scene: Scene) -> None:
        prepare(scene)
        play(scene)

    return prepared


def _price_collar(scene: Scene) -> None:
    scene.limit("PRICE_COLLAR", "0.05")
    scene.refused("PRICE_COLLAR", price="2100.01")
    scene.refused("PRICE_COLLAR", side="SELL", price="1899.99")
    scene.passes(price="2100")
    scene.passes(side="SELL", price="1900")


def _restricted_list(scene: Scene) -> None:
    scene.limit("RESTRICTED_LIST", parameters={"mode": "ALLOW", "symbols": ["ETH/USDT"]})
    scene.refused("RESTRICTED_LIST", symbol="BTC/USDT")
    scene.passes()


def _order_permission(scene: Scene) -> None:
    scene.limit("ORDER_PERMISSION", parameters={"sides": ["BUY"], "times_in_force": ["GTC"]})
    scene.refused("ORDER_PERMISSION", side="SELL")
    scene.refused("ORDER_PERMISSION", time_in_force="IOC")
    scene.passes()


def _short_sale(scene: Scene) -> None:
    scene.trade("1")
    scene.limit("SHORT_SALE")
    scene.refused("SHORT_SALE", quantity="1.0001", side="SELL")
    scene.passes("1", "SELL")
    scene.passes("1", "SELL", located=True)


def _stale_data(scene: Scene) -> None:
    scene.limit("STALE_DATA", "2000")  # Seconds: an order that needs no fresher one is a buy without a collar.
    scene.price_age = timedelta(seconds=2001)
    scene.refused("STALE_DATA")
    scene.price_age = timedelta(seconds=1990)
    scene.passes()


def _message_rate(scene: Scene) -> None:
    scene.limit("MESSAGE_RATE", "3", parameters=A_MINUTE)
    order_id = scene.passes()
    assert scene.call("DELETE", f"/orders/{order_id}")[0] == 200  # Counted, and never blocked.
    order_id = scene.passes()
    scene.refused("MESSAGE_RATE")
    assert scene.call("DELETE", f"/orders/{order_id}")[0] == 200


def _duplicate_order(scene: Scene) -> None:
    scene.limit("DUPLICATE_ORDER", parameters=A_MINUTE)
    scene.passes()
    scene.refused("DUPLICATE_ORDER")
    scene.passes("1.0001")


def _repeat_execution(scene: Scene) -> None:
    scene.limit("REPEAT_EXECUTION", "2", parameters=A_MINUTE)
    scene.trade(api_key_id=API_KEY)
    scene.trade()  # By hand: it does not count.
    scene.trade(api_key_id=API_KEY)
    scene.refused("KILL_SWITCH", "REPEAT_EXECUTION")
    assert scene.call("POST", "/limits/rearm", {"node_id": str(scene.firm.desk), "reason": "seen"})[0] == 200
    scene.passes()


def _reject_streak(scene: Scene) -> None:
    scene.limit("REJECT_STREAK", "2")
    scene.limit("MAX_ORDER_QTY", "1")
    scene.refused("MAX_ORDER_QTY", quantity="2")
    scene.passes()  # And so it begins anew.
    for _ in range(2):
        scene.refused("MAX_ORDER_QTY", quantity="2")
    scene.refused("REJECT_STREAK")
    scene.refused("REJECT_STREAK", "KILL_SWITCH")


def _order_to_trade(scene: Scene) -> None:
    scene.limit("ORDER_TO_TRADE", "2", parameters={**A_MINUTE, "messages_min": "1"})
    scene.trade()
    scene.passes()
    scene.refused("ORDER_TO_TRADE")


def _counted(limit_type: str) -> Play:
    def play(scene: Scene) -> None:
        scene.limit(limit_type, "2")
        scene.passes()
        scene.passes()
        scene.refused(limit_type)

    return play


def _daily_loss(scene: Scene) -> None:
    scene.trade()
    scene.limit("DAILY_LOSS", "102")  # 100 and the fee of 2.
    scene.watch_at("1900")
    scene.passes()
    scene.watch_at("1899.99")
    scene.refused("DAILY_LOSS", "KILL_SWITCH")
    scene.passes("1", "SELL")


def _drawdown(scene: Scene) -> None:
    scene.trade()
    scene.limit("DRAWDOWN", "100", parameters={"mode": "TRAILING"})
    scene.watch_at("2050")
    scene.watch_at("1950")
    scene.passes()
    scene.watch_at("1949.99")
    scene.refused("DRAWDOWN", "KILL_SWITCH")
    scene.passes("1", "SELL")


def _loss_streak(scene: Scene) -> None:
    scene.limit("LOSS_STREAK", "2", parameters={"cool_down_s": 900})
    scene.lose_a_round_trip()
    scene.lose_a_round_trip()
    scene.refused("LOSS_STREAK")


def _self_trade(scene: Scene) -> None:
    """It refuses nothing: its mode goes to the matching core with the order."""
    scene.limit("SELF_TRADE", parameters={"mode": "CANCEL_OLDEST"})
    scene.limit("SELF_TRADE", parameters={"mode": "DECREMENT"}, node=scene.firm.account_nodes[0])
    sent = scene.desk.model.orders
    assert sent[scene.passes()].order.self_trade == "DECREMENT"
    assert sent[scene.passes(account_id=str(scene.firm.account_ids[1]))].order.self_trade == "CANCEL_OLDEST"


def _kill_switch(scene: Scene) -> None:
    scene.trade("5")
    node = {"node_id": str(scene.firm.desk), "reason": "test"}
    assert scene.call("POST", "/limits/brake", {**node, "state": "REDUCE_ONLY"})[0] == 200
    scene.refused("KILL_SWITCH", quantity="0.01")
    scene.refused("KILL_SWITCH", quantity="5.0001", side="SELL")
    scene.passes("5", "SELL")
    assert scene.call("POST", "/limits/kill", node)[0] == 200
    scene.refused("KILL_SWITCH", quantity="0.01", side="SELL")
    assert scene.call("POST", "/limits/rearm", node)[0] == 200
    scene.passes()


def _dead_man(scene: Scene) -> None:
    account = scene.firm.account_nodes[0]
    scene.limit("DEAD_MAN", "60", node=account)
    scene.passes()  # Before the first heartbeat it is not set.
    assert scene.call("POST", "/limits/heartbeat", {"account_id": str(scene.firm.account_ids[0])})[0] == 200
    scene.passes()
    scene.desk.admin("UPDATE limits.standings SET heartbeat_at = heartbeat_at - interval '61 seconds'")
    scene.refused("DEAD_MAN")
    scene.passes(account_id=str(scene.firm.account_ids[1]))


def _reduce_only(scene: Scene) -> None:
    scene.trade("5")
    scene.refused("REDUCE_ONLY", quantity="5.0001", side="SELL", reduce_only=True)
    scene.refused("REDUCE_ONLY", quantity="0.01", reduce_only=True)
    scene.passes("5", "SELL", reduce_only=True)


PLAYS: dict[str, Play] = {
    "PRICE_COLLAR": _price_collar,
    "MAX_ORDER_QTY": _sized("MAX_ORDER_QTY", "1"),
    "MAX_ORDER_NOTIONAL": _sized("MAX_ORDER_NOTIONAL", "2000"),
    "ADV_PCT": _with(lambda scene: scene.know(average_daily_qty="100"), _sized("ADV_PCT", "0.01")),
    "RESTRICTED_LIST": _restricted_list,
    "ORDER_PERMISSION": _order_permission,
    "SHORT_SALE": _short_sale,
    "STALE_DATA": _stale_data,
    "MESSAGE_RATE": _message_rate,
    "DUPLICATE_ORDER": _duplicate_order,
    "REPEAT_EXECUTION": _repeat_execution,
    "REJECT_STREAK": _reject_streak,
    "ORDER_TO_TRADE": _order_to_trade,
    "WINDOW_VOLUME": _sized("WINDOW_VOLUME", "2000", parameters=A_MINUTE),
    "OPEN_ORDER_COUNT": _counted("OPEN_ORDER_COUNT"),
    "DAILY_ORDER_COUNT": _counted("DAILY_ORDER_COUNT"),
    "LONG_POSITION": _sized("LONG_POSITION", "1"),
    "SHORT_POSITION": _sized("SHORT_POSITION", "1", "SELL"),
    "NET_NOTIONAL": _sized("NET_NOTIONAL", "2000"),
    "GROSS_NOTIONAL": _sized("GROSS_NOTIONAL", "2000", "SELL"),
    "OPEN_ORDER_NOTIONAL": _sized("OPEN_ORDER_NOTIONAL", "2000"),
    "CREDIT": _with(lambda scene: scene.pay_in("2002"), _sized("CREDIT", "0")),
    "DAILY_TRADED_NOTIONAL": _with(
        lambda scene: scene.trade("1"), _sized("DAILY_TRADED_NOTIONAL", "6000", largest="2")
    ),
    "MARGIN": _with(
        lambda scene: scene.pay_in("4000"),
        _with(lambda scene: scene.know(initial_margin="0.25"), _sized("MARGIN", "0.125")),
    ),
    "LEVERAGE": _with(lambda scene: scene.pay_in("1000"), _sized("LEVERAGE", "2")),
    "CONCENTRATION": _with(lambda scene: scene.pay_in("8000"), _sized("CONCENTRATION", "0.25", "SELL")),
    # One ETH at 2000 and 1 % a day, at the quantile of 99 %.
    "INCREMENTAL_VAR": _with(
        lambda scene: scene.know(daily_volatility="0.01"), _sized("INCREMENTAL_VAR", "46.52695748")
    ),
    "DAILY_LOSS": _daily_loss,
    "DRAWDOWN": _drawdown,
    "LOSS_STREAK": _loss_streak,
    "SELF_TRADE": _self_trade,
    "KILL_SWITCH": _kill_switch,
    "DEAD_MAN": _dead_man,
    "REDUCE_ONLY": _reduce_only,
}


def test_every_row_of_the_table_is_played() -> None:
    assert list(PLAYS) == list(LIMIT_TYPES)


@pytest.mark.parametrize("limit_type", PLAYS)
def test_at_the_boundary_it_passes_and_one_step_beyond_it_is_refused_by_name(scene: Scene, limit_type: str) -> None:
    PLAYS[limit_type](scene)
    scene.desk.assert_ledger_is_exact()


@dataclass(frozen=True)
class Beside:
    """A limit that lets come to 4 ETH, or to 8000, with so much cash; `past_open` beside an open sell of 3."""

    value: str
    cash: str = "0"
    past_open: str = "4"
    past_position: str = "7"
    known: Mapping[str, str] = field(default_factory=dict)


BESIDE = {
    "NET_NOTIONAL": Beside("8000"),
    "GROSS_NOTIONAL": Beside("8000"),
    "CREDIT": Beside("0", "2008", past_open="1.0029", past_position="4"),  # Each for 2002; a sale pays once it fills.
    "MARGIN": Beside("0.25", "8000", known={"initial_margin": "0.25"}),
    "LEVERAGE": Beside("2", "4000"),
    "CONCENTRATION": Beside("0.25", "32000"),
    "INCREMENTAL_VAR": Beside("186.10782992", known={"daily_volatility": "0.01"}),
}


def _holds_to_the_lot(scene: Scene, limit_type: str, largest: str) -> None:
    over = str(Decimal(largest) + Decimal("0.0001"))
    (refusal,) = scene.refused(limit_type, quantity=over)
    assert refusal["largest_passing_quantity"] == largest
    scene.passes(largest)
    scene.refused(limit_type, quantity="0.0025")


@pytest.mark.parametrize("limit_type", BESIDE)
def test_beside_a_position_on_the_other_side_it_holds_to_the_lot(scene: Scene, limit_type: str) -> None:
    beside = BESIDE[limit_type]
    scene.pay_in(str(Decimal(beside.cash) + 6))  # The fee of what is sold now.
    scene.trade("3", "SELL")
    scene.know(**beside.known)
    scene.limit(limit_type, beside.value)
    _holds_to_the_lot(scene, limit_type, beside.past_position)
    scene.desk.assert_ledger_is_exact()


@pytest.mark.parametrize("limit_type", BESIDE)
def test_what_is_open_on_the_other_side_and_may_never_fill_makes_no_room(scene: Scene, limit_type: str) -> None:
    beside = BESIDE[limit_type]
    scene.pay_in(beside.cash)
    scene.passes("3", "SELL")
    scene.know(**beside.known)
    scene.limit(limit_type, beside.value)
    _holds_to_the_lot(scene, limit_type, beside.past_open)
    scene.passes("1", "SELL")  # Then either side may come to as much.
    if limit_type != "CREDIT":
        scene.refused(limit_type, quantity="0.0025", side="SELL")
    scene.desk.assert_ledger_is_exact()


def _send_one(scene: Scene) -> None:
    scene.passes()


@pytest.mark.parametrize(
    ("limit_type", "value", "happen"),
    [
        ("MESSAGE_RATE", "1", _send_one),
        ("WINDOW_VOLUME", "2000", lambda scene: scene.trade()),
        ("REPEAT_EXECUTION", "1", lambda scene: scene.trade(api_key_id=API_KEY)),
    ],
)
def test_what_happened_counts_until_its_window_is_over_and_not_after(
    scene: Scene, limit_type: str, value: str, happen: Play
) -> None:
    scene.limit(limit_type, value, parameters={"window_s": 600}, action="REJECT")
    happen(scene)
    scene.let_pass(598)  # Two seconds for the test itself.
    scene.refused(limit_type)
    scene.let_pass(3)  # A window is at most a second longer than it says.
    scene.passes()


@pytest.mark.parametrize(
    ("action", "state"),
    [("REJECT", "ACTIVE"), ("REDUCE_ONLY", "REDUCE_ONLY"), ("SUSPEND", "SUSPENDED"), ("KILL", "KILLED")],
)
def test_a_refusal_brings_the_node_to_what_the_action_of_its_limit_says(
    scene: Scene, *, action: str, state: str
) -> None:
    scene.limit("MAX_ORDER_QTY", "1", action=action)
    (refusal,) = scene.refused("MAX_ORDER_QTY", quantity="1.0001")
    assert refusal["action"] == action
    (firm,) = scene.call("GET", "/limits/tree")[1]["items"]
    (desk,) = firm["children"]
    assert (firm["state"], desk["state"]) == ("ACTIVE", state)
    told = [event["topic"] for event in scene.call("GET", "/limits/breaches")[1]["items"]]
    assert sorted(told) == ["limits.LimitBreached.v1"] + ["limits.NodeStateChanged.v1"] * (state != "ACTIVE")
    if state == "ACTIVE":
        scene.passes()
    else:
        scene.refused("KILL_SWITCH")


def test_a_limit_that_warns_lets_the_order_go_and_tells_of_it(scene: Scene) -> None:
    scene.limit("MAX_ORDER_QTY", "1", action="WARN")
    scene.passes("1")
    scene.passes("1.0001")
    (breach,) = scene.call("GET", "/limits/breaches")[1]["items"]
    assert (breach["action"], breach["threshold_pct"], breach["attempted"]) == ("WARN", 100, "1.0001")


def test_every_node_that_refuses_is_named_from_the_root_down(scene: Scene) -> None:
    for node, value in zip(scene.firm.path, ("0.4", "0.3", "0.2", "0.1"), strict=True):
        scene.limit("MAX_ORDER_QTY", value, node=node)
    refusals = scene.refused("MAX_ORDER_QTY")
    assert [refusal["node_id"] for refusal in refusals] == [str(node) for node in scene.firm.path]
    assert [refusal["largest_passing_quantity"] for refusal in refusals] == ["0.4", "0.3", "0.2", "0.1"]
    scene.passes("0.1")


def test_what_could_not_be_judged_is_named_in_the_refusal(scene: Scene) -> None:
    scene.limit("ADV_PCT", "0.5")
    (refusal,) = scene.refused("ADV_PCT")
    assert (refusal["missing"], refusal["largest_passing_quantity"]) == ("the average daily volume of ETH/USDT", "0")
