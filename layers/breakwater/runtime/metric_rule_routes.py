"""The routes of rules about metrics, for the function that has them."""

import uuid
from datetime import UTC, datetime

from breakwater.runtime.api import Caller, create_router, needs
from breakwater.runtime.database import caller_transaction
from breakwater.services import metric_rule_views, metric_rules
from breakwater.services.metric_rule_views import MetricList, MetricRuleList, MetricRuleView
from breakwater.services.metric_rules import MetricRuleChange, MetricRuleSetting

routes = create_router()


@routes.get("/alerts/metrics", dependencies=[needs("alerts:manage")])
def list_metrics(caller: Caller) -> MetricList:
    with caller_transaction(caller) as tx:
        return metric_rule_views.metric_list(tx)


@routes.get("/alerts/rules", dependencies=[needs("alerts:read")])
def list_metric_rules(caller: Caller) -> MetricRuleList:
    with caller_transaction(caller) as tx:
        return metric_rule_views.rule_list(metric_rules.rules(tx, datetime.now(UTC)), tx)


@routes.post("/alerts/rules", status_code=201, dependencies=[needs("alerts:manage")])
def create_metric_rule(request: MetricRuleSetting, caller: Caller) -> MetricRuleView:
    with caller_transaction(caller) as tx:
        row = metric_rules.create_rule(request, caller, tx, datetime.now(UTC))
        return metric_rule_views.rule_view(row, tx)


@routes.patch("/alerts/rules/{rule_id}", dependencies=[needs("alerts:manage")])
def change_metric_rule(rule_id: uuid.UUID, request: MetricRuleChange, caller: Caller) -> MetricRuleView:
    with caller_transaction(caller) as tx:
        row = metric_rules.change_rule(rule_id, request, caller, tx, datetime.now(UTC))
        return metric_rule_views.rule_view(row, tx)


@routes.delete("/alerts/rules/{rule_id}", status_code=204, dependencies=[needs("alerts:manage")])
def delete_metric_rule(rule_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        metric_rules.delete_rule(rule_id, caller, tx, datetime.now(UTC))
