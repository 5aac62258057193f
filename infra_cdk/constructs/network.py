"""The VPC, and who may open a connection to whom."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

DATABASE_PORT = 5432
ENGINE_PORT = 8080
BALANCER_PORT = 80


class Network(Construct):
    """Two zones with public, private (egress) and isolated subnets, and the four security groups.

    All groups are made here, because rules between groups of different stacks would make the stacks depend on each
    other in a circle.

    Cost: a NAT gateway in each zone (about 33 USD a month each, and traffic), because the engine reaches exchanges and
    must outlive a zone. Given those, interface endpoints (about 7 USD a month for each service and zone; we would
    need nine) pay only above some 3 TB a month; the gateway endpoints for S3 and DynamoDB cost nothing.
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

        self._allow(self.functions, self.balancer, BALANCER_PORT, "Functions call the engine")
        self._allow(self.balancer, self.engine, ENGINE_PORT, "The balancer forwards to the engine")
        self._allow(self.engine, self.engine, ENGINE_PORT, "An engine asks the one that holds the shard")
        self._allow(self.functions, self.database, DATABASE_PORT, "Functions use the database")
        self._allow(self.engine, self.database, DATABASE_PORT, "The engine uses the database")

    def _group(self, construct_id: str, description: str, *, egress: bool) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, construct_id, vpc=self.vpc, description=description, allow_all_outbound=egress)

    def _allow(self, source: ec2.SecurityGroup, target: ec2.SecurityGroup, port: int, why: str) -> None:
        target.add_ingress_rule(source, ec2.Port.tcp(port), why)
        if not source.allow_all_outbound:
            source.add_egress_rule(target, ec2.Port.tcp(port), why)
