"""What crosses a limit although no order was asked is told as a breach, once for each crossing."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from breakwater.services.alerts import alert_of
from breakwater.services.limit_tree import BREACH_TOPICS
from events.envelope import Envelope
from events.limits import LimitBreachedByLoss
from tests.integration.limits import test_every_type_by_api as every_type
from tests.integration.limits.firm import SYMBOL
from tests.integration.limits.people import API_KEY
from tests.integration.limits.scene import Scene

desk = every_type.desk
scene = every_type.scene


def crossings(scene: Scene) -> list[dict[str, Any]]:
    """The oldest first, as GET /limits/breaches has them."""
    items: list[dict[str, Any]] = scene.call("GET", "/limits/breaches")[1]["items"]
    return [each for each in reversed(items) if each["topic"] == LimitBreachedByLoss.topic]


def told(scene: Scene) -> list[tuple[str, ...]]:
    return [(each["node_name"], each["limit_type"], each["limit"], each["used"]) for each in crossings(scene)]


@pytest.mark.parametrize(("action", "said"), [("SUSPEND", "REJECT"), ("REJECT", "REJECT"), ("WARN", "WARN")])
def test_the_fill_that_reaches_repeated_executions_is_told_with_its_order_and_those_after_it_are_not(
    scene: Scene, *, action: str, said: str
) -> None:
    scene.limit("REPEAT_EXECUTION", "2", parameters={"window_s": 600}, action=action)
    scene.limit("REPEAT_EXECUTION", "2", parameters={"window_s": 600}, instrument="BTC/USDT")
    orders = [scene.passes("1", api_key_id=API_KEY) for _ in range(3)]
    scene.fill(orders[0])
    assert crossings(scene) == []
    scene.fill(orders[1])
    scene.fill(orders[2])
    (breach,) = crossings(scene)
    assert {name: breach[name] for name in ("limit_type", "instrument", "action", "threshold_pct", "used")} == {
        **{"limit_type": "REPEAT_EXECUTION", "instrument": "*", "action": said, "threshold_pct": 100},
        "used": "2",
    }
    assert (breach["order_id"], breach["symbol"]) == (str(orders[1]), SYMBOL)


def test_a_window_that_was_over_tells_its_next_crossing(scene: Scene) -> None:
    scene.limit("REPEAT_EXECUTION", "1", parameters={"window_s": 600}, action="REJECT")
    first, second = scene.passes(api_key_id=API_KEY), scene.passes(api_key_id=API_KEY)
    scene.fill(first)
    scene.let_pass(700)
    scene.fill(second)
    assert [each["order_id"] for each in crossings(scene)] == [str(first), str(second)]


def test_the_loss_that_begins_a_cool_down_is_told_and_one_within_it_is_not(scene: Scene) -> None:
    scene.stopped_at = scene.now()
    scene.limit("LOSS_STREAK", "2", parameters={"cool_down_s": 900})
    other = {"account_id": str(scene.firm.account_ids[1])}
    scene.trade(**other)
    scene.lose_a_round_trip()
    assert crossings(scene) == []
    scene.lose_a_round_trip()
    scene.trade(side="SELL", **other)  # A third loss, while it cools down.
    assert told(scene) == [("Firm desk", "LOSS_STREAK", "2", "2")]
    scene.stopped_at += timedelta(seconds=900)
    scene.lose_a_round_trip()
    assert told(scene) == [("Firm desk", "LOSS_STREAK", "2", "2"), ("Firm desk", "LOSS_STREAK", "2", "4")]


def book(scene: Scene, external_id: str, quantity: str, side: str = "BUY") -> None:
    body = {
        "account_id": str(scene.firm.account_ids[0]),
        "external_id": external_id,
        "symbol": SYMBOL,
        "side": side,
        "quantity": quantity,
        "price": "2000",
        "transact_time": scene.now().isoformat(),
    }
    status, answer = scene.call("POST", "/limits/external-fills", body)
    assert status == 200, answer


def test_a_fill_from_elsewhere_tells_each_limit_that_it_takes_across_and_none_that_was_passed_before(
    scene: Scene,
) -> None:
    scene.limit("LONG_POSITION", "2")
    scene.limit("LONG_POSITION", "5", node=scene.firm.firm, action="WARN")
    book(scene, "1", "2")
    assert crossings(scene) == []  # What is exactly at it passes.
    book(scene, "2", "0.0001")
    book(scene, "2", "0.0001")  # The same again.
    book(scene, "3", "1")
    assert told(scene) == [("Firm desk", "LONG_POSITION", "2", "2.0001")]
    book(scene, "4", "2")
    assert told(scene)[1:] == [("Firm firm", "LONG_POSITION", "5", "5.0001")]
    assert [each["action"] for each in crossings(scene)] == ["REJECT", "WARN"]
    book(scene, "5", "4", "SELL")
    book(scene, "6", "1")
    assert told(scene)[2:] == [("Firm desk", "LONG_POSITION", "2", "2.0001")]  # It was within, and is across again.
    scene.desk.assert_ledger_is_exact()


def test_its_alert_says_by_what_it_was_crossed(scene: Scene) -> None:
    scene.limit("LONG_POSITION", "2", node=scene.firm.account_nodes[0])
    book(scene, "1", "3")
    names = list(Envelope.model_fields)
    rows = scene.desk.admin(
        f"SELECT {', '.join(names)} FROM trading.events WHERE topic = %s",  # Names of fields.
        LimitBreachedByLoss.topic,
    )
    (event,) = [Envelope(**dict(zip(names, row, strict=True))) for row in rows]
    assert event.account_id == scene.firm.account_ids[0]
    alert = alert_of(event)
    assert (alert.severity, alert.title) == ("ERROR", "LONG_POSITION of account 0 is crossed")
    assert "Used: 3" in alert.body
    assert f"a fill of {event.payload['order_id']} in {SYMBOL}" in alert.body
    assert "Lost" not in alert.body


def test_whoever_may_not_see_the_account_hears_of_no_crossing_that_names_its_order(scene: Scene) -> None:
    scene.limit("LONG_POSITION", "2")
    book(scene, "1", "3")
    (told,) = crossings(scene)
    assert told["order_id"] is not None

    def seen_by(account_id: uuid.UUID) -> list[str]:
        with scene.desk.transactions(scene.firm.tenant_id) as tx:
            of_account = tx.limits.node_ids_of_accounts([account_id])
            nodes = [each.node.node_id for each in tx.limits.scopes(scene.now(), of_account, above=True)]
            rows = tx.limits.breaches(BREACH_TOPICS, nodes, [account_id], before=None, limit=10)
            return [row["payload"]["order_id"] for row in rows if row["topic"] == LimitBreachedByLoss.topic]

    assert [seen_by(account_id) for account_id in scene.firm.account_ids[:2]] == [[told["order_id"]], []]
