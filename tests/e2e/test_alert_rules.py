"""A rule about a metric on the running platform: the watch looks, and people are told."""

from collections.abc import Callable
from typing import Any

from breakwater.client import Client
from tests.e2e.desk import eventually

TOLD_WITHIN_S = 30.0  # It is looked at every five seconds, and told as any alert.


def test_a_metric_that_crosses_a_rule_is_an_alert_and_shown_as_crossed(sign_in: Callable[[str], Client]) -> None:
    risk = sign_in("risk")
    name = "There are events, or none"
    rule = risk.create_metric_rule(
        {"name": name, "metric": "outbox_backlog", "threshold": {"direction": "ABOVE", "bound": "-1"}}
    )
    try:

        def told() -> dict[str, Any] | None:
            titles = {alert["title"]: alert for alert in risk.alerts()["items"]}
            return titles.get(name)

        alert = eventually(told, TOLD_WITHIN_S)
        assert (alert["kind"], alert["category"], alert["severity"]) == ("METRIC", "SYSTEM", "WARNING")
        [shown] = [each for each in risk.metric_rules() if each["rule_id"] == rule["rule_id"]]
        assert [each["labels"] for each in shown["crossed"]] == [{}]
        metrics = {each["metric"] for each in risk.metrics()["items"]}
        assert {
            "outbox_backlog",
            "queue_waiting",
            "dead_letters",
            "engine_shard_served",
            "orders_per_minute",
        } <= metrics
    finally:
        risk.delete_metric_rule(rule["rule_id"])
