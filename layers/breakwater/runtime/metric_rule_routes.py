"""The routes of rules about metrics, for the function that has them."""

import uuid
from datetime import UTC, datetime

from fastapi import FastAPI

from breakwater.runtime.api import Caller, needs
from breakwater.runtime.database import caller_transaction
from breakwater.services import metric_rule_views, metric_rules
from breakwater.services.metric_rule_views import MetricList, MetricRuleList, MetricRuleView
from breakwater.services.metric_rules import MetricRuleChange, MetricRuleSetting


def add_metric_rule_routes(api: FastAPI) -> None:
    """Before /alerts/{alert_id}, which would take their paths for an id.

    One by one, and not as a router: what walks the routes of an API must see each of them.
    """
    reads, manages = [needs("alerts:read")], [needs("alerts:manage")]
    api.get("/alerts/metrics", dependencies=manages)(list_metrics)
    api.get("/alerts/rules", dependencies=reads)(list_metric_rules)
    api.post("/alerts/rules", status_code=201, dependencies=manages)(create_metric_rule)
    api.patch("/alerts/rules/{rule_id}", dependencies=manages)(change_metric_rule)
    api.delete("/alerts/rules/{rule_id}", status_code=204, dependencies=manages)(delete_metric_rule)


def list_metrics(caller: Caller) -> MetricList:
    with caller_transaction(caller) as tx:
        return metric_rule_views.metric_list(tx)


def list_metric_rules(caller: Caller) -> MetricRuleList:
    with caller_transaction(caller) as tx:
        return metric_rule_views.rule_list(metric_rules.rules(tx, datetime.now(UTC)), tx)


def create_metric_rule(request: MetricRuleSetting, caller: Caller) -> MetricRuleView:
    with caller_transaction(caller) as tx:
        row = metric_rules.create_rule(request, caller, tx, datetime.now(UTC))
        return metric_rule_views.rule_view(row, tx)


def change_metric_rule(rule_id: uuid.UUID, request: MetricRuleChange, caller: Caller) -> MetricRuleView:
    with caller_transaction(caller) as tx:
        row = metric_rules.change_rule(rule_id, request, caller, tx, datetime.now(UTC))
        return metric_rule_views.rule_view(row, tx)


def delete_metric_rule(rule_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        metric_rules.delete_rule(rule_id, caller, tx, datetime.now(UTC))
