"""AWS WAF: which requests never reach us (decision 101)."""

from collections.abc import Sequence
from typing import Any, Literal

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

type Scope = Literal["CLOUDFRONT", "REGIONAL"]

WINDOW_S = 300
REQUESTS_PER_ADDRESS = 30_000  # In a window: a hundred a second, half of what the stage takes from everybody.
SIGN_INS_PER_ADDRESS = 100
POOL_CALLS_PER_ADDRESS = 300
BODY_BYTES_MAX = 64 * 1024  # What functions take, and the most that WAF can look at.
# Each with what it blocks in AWS's words, and of which rule only the count is wanted.
MANAGED_RULES: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    # Its bound of 8 KB on bodies is below what a list of limits takes; ours stands beside it.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
}


class Firewall(Construct):
    """A web ACL that lets through what no rule blocks, and logs what it blocks, without tokens and cookies.

    Rules are asked in their order: addresses of ill repute, then rates, so that a flood costs no inspection of bodies.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, scope_of: Scope, rules: Sequence[dict[str, Any]]
    ) -> None:
        super().__init__(scope, construct_id)
        numbered = [{**rule, "priority": number} for number, rule in enumerate(rules)]
        size = waf.CfnWebACL.RequestBodyAssociatedResourceTypeConfigProperty(default_size_inspection_limit="KB_64")
        association = waf.CfnWebACL.AssociationConfigProperty(
            request_body={"CLOUDFRONT" if scope_of == "CLOUDFRONT" else "COGNITO_USER_POOL": size}
        )
        self.acl = waf.CfnWebACL(
            self,
            "Acl",
            scope=scope_of,
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            association_config=association,
            rules=[waf.CfnWebACL.RuleProperty(**rule) for rule in numbered],
            visibility_config=visibility("all"),
        )
        # WAF writes only into groups whose names begin so.
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"aws-waf-logs-breakwater-{scope_of.lower()}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # Without the `:*` that the group's own ARN ends with: WAF refuses it.
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=log.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            log_destination_configs=[arn],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                    }
                ],
            },
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name})
                for name in ("authorization", "cookie", "x-mbx-apikey", "x-breakwater-edge")
            ],
        )


def managed_rules() -> list[dict[str, Any]]:
    """What AWS keeps up to date."""
    return [
        {
            "name": name,
            "statement": {
                "managedRuleGroupStatement": {
                    "vendorName": "AWS",
                    "name": name,
                    "ruleActionOverrides": [{"name": each, "actionToUse": {"count": {}}} for each in counted],
                }
            },
            "override_action": {"none": {}},
            "visibility_config": visibility(name),
        }
        for name, counted in MANAGED_RULES.items()
    ]


def rate_rule(name: str, limit: int, scope_down: dict[str, Any] | None = None) -> dict[str, Any]:
    """So many requests of one address in five minutes; the rest are answered with 429 until it is fewer again."""
    statement = {"limit": limit, "aggregateKeyType": "IP", "evaluationWindowSec": WINDOW_S}
    if scope_down is not None:
        statement["scopeDownStatement"] = scope_down
    return {
        "name": name,
        "statement": {"rateBasedStatement": statement},
        "action": {"block": {"customResponse": {"responseCode": 429}}},
        "visibility_config": visibility(name),
    }


def body_rule() -> dict[str, Any]:
    """Blocks a body that is larger than a function takes, and one that is too large to be looked at as a whole."""
    return {
        "name": "BodyTooLarge",
        "statement": {
            "sizeConstraintStatement": {
                "fieldToMatch": {"body": {"oversizeHandling": "MATCH"}},
                "comparisonOperator": "GT",
                "size": BODY_BYTES_MAX,
                "textTransformations": [{"priority": 0, "type": "NONE"}],
            }
        },
        "action": {"block": {"customResponse": {"responseCode": 413}}},
        "visibility_config": visibility("BodyTooLarge"),
    }


def path_is(path: str) -> dict[str, Any]:
    return {
        "byteMatchStatement": {
            "fieldToMatch": {"uriPath": {}},
            "positionalConstraint": "EXACTLY",
            "searchString": path,
            "textTransformations": [{"priority": 0, "type": "NORMALIZE_PATH"}, {"priority": 1, "type": "LOWERCASE"}],
        }
    }


def visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=f"breakwater-{name}", sampled_requests_enabled=False
    )
