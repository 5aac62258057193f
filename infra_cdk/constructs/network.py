"""The VPC, and who may open a connection to whom."""

from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.constructs.edge_options import engine_speaks_tls
from infra_cdk.constructs.web_options import web_options

DATABASE_PORT = 5432
ENGINE_PORT = 8080
# What functions and engine call of AWS, beside S3 and DynamoDB; ECR is where the engine's image comes from. Not
# `execute-api`: its endpoint serves private REST APIs alone, and would take our WebSocket API's name with it. Nor
# Cognito, whose keys and sign-in come by the same name and not all by the endpoint. Those go by the NAT gateways.
INTERFACE_ENDPOINTS = (
    "ecr.api",
    "ecr.dkr",
    "elasticloadbalancing",
    "events",
    "kms",
    "lambda",
    "logs",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sync-states",
    "xray",
)


class Network(Construct):
    """Two zones with public, private (egress) and isolated subnets, and the four security groups.

    All groups are made here, because rules between groups of different stacks would make the stacks depend on each
    other in a circle.

    Cost: a NAT gateway in each zone (about 33 USD a month each, and traffic), because the engine reaches exchanges and
    must outlive a zone. Given those, interface endpoints (about 7 USD a month for each service and zone) pay only above
    some 3 TB a month: they are an option, `interface_endpoints`, for whom calls of AWS shall not leave the network. The
    gateway endpoints for S3 and DynamoDB cost nothing.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=2,
            restrict_default_security_group=False,  # It would take a custom resource; nothing uses that group.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
            subnet_configuration=[
                ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
                ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        flow_logs = logs.LogGroup(
            self,
            "FlowLogs",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_logs))

        self.functions = self._group("Functions", "Lambda functions", egress=True)
        self.balancer = self._group("EngineBalancer", "Internal load balancer of the engine", egress=False)
        self.engine = self._group("Engine", "Tasks of the engine", egress=True)
        self.database = self._group("Database", "Aurora", egress=False)

        self.balancer_port = 443 if engine_speaks_tls(self) else 80
        self._allow(self.functions, self.balancer, self.balancer_port, "Functions call the engine")
        if (web := web_options(self)) is not None:
            cloudfront = ec2.Peer.prefix_list(web.cloudfront_prefix_list)
            self.balancer.add_ingress_rule(cloudfront, ec2.Port.tcp(self.balancer_port), "CloudFront, for the web app")
        self._allow(self.balancer, self.engine, ENGINE_PORT, "The balancer forwards to the engine")
        self._allow(self.engine, self.engine, ENGINE_PORT, "An engine asks the one that holds the shard")
        self._allow(self.functions, self.database, DATABASE_PORT, "Functions use the database")
        self._allow(self.engine, self.database, DATABASE_PORT, "The engine uses the database")

        if self.node.try_get_context("interface_endpoints"):
            self._add_interface_endpoints()

    @property
    def outgoing_addresses(self) -> list[str]:
        """Of the NAT gateways, as networks: where our own calls come from."""
        addresses = [cast(ec2.CfnEIP, subnet.node.find_child("EIP")) for subnet in self.vpc.public_subnets]
        return [f"{address.attr_public_ip}/32" for address in addresses]

    def _add_interface_endpoints(self) -> None:
        group = self._group("Endpoints", "Interface endpoints", egress=False)
        for source in (self.functions, self.engine):
            self._allow(source, group, 443, "AWS is called by endpoints")
        for service in INTERFACE_ENDPOINTS:
            self.vpc.add_interface_endpoint(
                service.title().replace("-", "").replace(".", ""),
                service=ec2.InterfaceVpcEndpointAwsService(service),
                security_groups=[group],
                open=False,  # Only those two groups, not the whole network.
                subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            )

    def _group(self, construct_id: str, description: str, *, egress: bool) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, construct_id, vpc=self.vpc, description=description, allow_all_outbound=egress)

    def _allow(self, source: ec2.SecurityGroup, target: ec2.SecurityGroup, port: int, why: str) -> None:
        target.add_ingress_rule(source, ec2.Port.tcp(port), why)
        if not source.allow_all_outbound:
            source.add_egress_rule(target, ec2.Port.tcp(port), why)
