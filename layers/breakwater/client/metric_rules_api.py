"""The client's calls about rules on metrics."""

from breakwater.client.connection import Connection, segment
from breakwater.client.shapes import Json


class MetricRuleCalls(Connection):
    def metrics(self) -> Json:
        """All that can be watched as `items`, with the value of each when the watch looked last, at `read_at`."""
        return self._call("GET", "/alerts/metrics")

    def metric_rules(self) -> list[Json]:
        items: list[Json] = self._call("GET", "/alerts/rules")["items"]
        return items

    def create_metric_rule(self, setting: Json) -> Json:
        """`setting`: name, metric, and a threshold or a band, as docs/alert-rules.md has them."""
        return self._call("POST", "/alerts/rules", body=setting)

    def change_metric_rule(self, rule_id: str, changes: Json) -> Json:
        """What is not named stays as it is. What was known of its series begins anew."""
        return self._call("PATCH", f"/alerts/rules/{segment(rule_id)}", body=changes)

    def delete_metric_rule(self, rule_id: str) -> None:
        self._call("DELETE", f"/alerts/rules/{segment(rule_id)}", repeatable=True)
