from collections.abc import Sequence

from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra_cdk.constructs.firewall import (
    POOL_CALLS_PER_ADDRESS,
    Firewall,
    managed_rules,
    rate_rule,
)


class PoolFirewall(Construct):
    """Before the user pool, which the whole internet may call with nothing but the client's id, past our API.

    Our functions sign people in as well, all of them from the NAT gateways' addresses: those are not counted.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, pool: cognito.UserPool, own_addresses: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        own = waf.CfnIPSet(self, "Own", scope="REGIONAL", ip_address_version="IPV4", addresses=list(own_addresses))
        others = {"notStatement": {"statement": {"ipSetReferenceStatement": {"arn": own.attr_arn}}}}
        reputation, *inspected = managed_rules()
        firewall = Firewall(
            self,
            "Firewall",
            scope_of="REGIONAL",
            rules=[reputation, rate_rule("CallsOfOneAddress", POOL_CALLS_PER_ADDRESS, others), *inspected],
        )
        waf.CfnWebACLAssociation(
            self, "Association", resource_arn=pool.user_pool_arn, web_acl_arn=firewall.acl.attr_arn
        )
